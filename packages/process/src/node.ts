import pino, { type Logger } from 'pino';
import { Asks } from './asks.js';
import { Cell } from './cell.js';
import { type Clock, SystemClock } from './clock.js';
import { Counters } from './counters.js';
import { NameError, NoSuchProcessError } from './errors.js';
import type { Answer, ExitReason } from './event.js';
import { type Envelope, Kind } from './frame.js';
import type { AnyMessageType, AskableMessageType, BodyOf, ReplyOf } from './message.js';
import { Peers } from './peers.js';
import type { Process } from './process.js';
import { Random } from './random.js';
import { RuntimeEvents } from './runtime-event.js';
import type { Transport } from './transport.js';
import { nodeNamePattern, parseUpid, type Upid, type UpidParts, upid } from './upid.js';

export interface NodeOptions {
  /** Unique in the cluster: letters, digits, `-` and `_`, at most 64. Default: a random one. */
  readonly name?: string;
  /** How frames travel to other Nodes; the first that reaches a Node is taken. Default: none, this Node is alone. */
  readonly transports?: readonly Transport[];
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: one that nobody can guess. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Logger;
  /** How often a Node that someone linked to or asked is probed, in ms. Default 125: kill -9 is seen in about twice that. */
  readonly probeMs?: number;
  /** For how long a Node may answer nothing before links to it break as `node-silent`, in ms. Default 5,000. */
  readonly silentMs?: number;
  /** The largest message that is sent to other Nodes or taken from them, in bytes as encoded. Default 64 MiB. */
  readonly messageBytesMax?: number;
}

export interface AskOptions {
  /** By when the ask rejects at the latest, in ms from now. */
  readonly deadlineMs: number;
}

/** How many UPIDs are kept in parsed form. */
const parsedMax = 10_000;
/** How many times a process may get its turn before input and output get their share. */
const turnsPerDrain = 256;

/**
 * One OS process' place in the cluster: hosts processes, runs them one event at a time, and carries what they send
 * (Mesos facts 1.1, where it is an address). It has a name, and an incarnation that is new at every start.
 */
export class Node {
  readonly name: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What this Node sent, received, dropped and refused. */
  readonly counters = new Counters();
  /** Where to subscribe to what happens to it. */
  readonly events: RuntimeEvents;
  readonly #cells = new Map<string, Cell>();
  readonly #parsed = new Map<string, UpidParts>();
  readonly #asks: Asks;
  readonly #peers: Peers;
  #runQueue: Cell[] = [];
  #draining = false;
  /** Turns since input and output had their share, over several drains: async handlers begin one each. */
  #turns = 0;
  #stopped = false;

  /** Starts a Node and connects it. @throws {TransportError} when it cannot connect, {NameError} when its name is taken. */
  static async start(options: NodeOptions = {}): Promise<Node> {
    const node = new Node(options);
    try {
      await node.#peers.start();
    } catch (error) {
      await node.#peers.close().catch(() => undefined);
      throw error;
    }
    return node;
  }

  private constructor(options: NodeOptions) {
    this.clock = options.clock ?? new SystemClock();
    this.random = options.random ?? Random.system();
    this.name = options.name ?? `node-${this.random.token(8)}`;
    if (!nodeNamePattern.test(this.name))
      throw new NameError(`${JSON.stringify(this.name)} cannot be a Node's name: use 1 to 64 letters, digits, - and _`);
    this.incarnation = this.random.token(10);
    this.log = (options.log ?? pino({ level: 'silent' })).child({ node: this.name });
    this.events = new RuntimeEvents(this.clock, this.counters, this.log);
    this.#asks = new Asks(this.clock, this.events);
    this.#peers = new Peers(
      {
        name: this.name,
        incarnation: this.incarnation,
        clock: this.clock,
        counters: this.counters,
        events: this.events,
        asks: this.#asks,
        deliver: (from, peer, envelope) => this.#deliver(from, peer, envelope),
        linked: (toId, toIncarnation, peer) => this.#linked(toId, toIncarnation, peer),
        unlinked: (peer) => this.#unlinked(peer),
      },
      {
        probeMs: options.probeMs ?? 125,
        silentMs: options.silentMs ?? 5_000,
        messageBytesMax: options.messageBytesMax ?? 64 * 1024 * 1024,
      },
      options.transports ?? [],
    );
  }

  /** Brings a process to life. Its `initialize` runs as its first event. @throws {NameError} if its id is taken here. */
  spawn(process: Process): Upid {
    if (this.#stopped) throw new NameError(`the Node ${this.name} has stopped: it takes no new process`);
    if (this.#cells.has(process.id))
      throw new NameError(`there is already a process ${process.id} on the Node ${this.name}`);
    const cell = new Cell(this, process);
    this.#cells.set(process.id, cell);
    cell.push({ kind: 'initialize' });
    return cell.pid;
  }

  /**
   * Ends a process of this Node; one that is not here is left alone.
   * @param inject drop what still waits in its mailbox (default), or end after it.
   */
  terminate(pid: Upid, inject = true): void {
    this.#local(pid)?.terminate(inject);
  }

  /** Resolves once the process of this Node has ended; at once if there is none. */
  wait(pid: Upid): Promise<void> {
    const cell = this.#local(pid);
    return cell === undefined ? Promise.resolve() : new Promise((resolve) => cell.waiters.push(resolve));
  }

  /** As {@link Process.send}; `from` is the sending process, none for code outside of processes. */
  send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>, from?: Cell): void {
    const { id, node, incarnation } = this.#parse(to);
    if (node === this.name) {
      const cell = this.#find(id, incarnation);
      if (cell === undefined)
        this.events.emit('DEAD_LETTER', { from: from?.pid ?? this.#ownPid, to: id, message: type.name });
      else
        cell.push({
          kind: 'message',
          from: from?.pid ?? this.#ownPid,
          name: type.name,
          body,
          remote: false,
          answer: undefined,
        });
      return;
    }
    this.#peers.send(node, [Kind.send, id, incarnation, from?.process.id ?? ownId, type.name, body, 0]);
  }

  /**
   * Asks a process and resolves with its reply. Always settles, at the latest by the deadline.
   * Rejects with {@link NoSuchProcessError}, {@link NoSuchNodeError}, {@link TimedOutError}, {@link DisconnectedError} or
   * {@link BadReplyError}.
   */
  ask<M extends AskableMessageType>(
    to: Upid,
    type: M,
    body: BodyOf<M>,
    options: AskOptions,
    from?: Cell,
  ): Promise<ReplyOf<M>> {
    if (type.replyType === undefined) throw new TypeError(`${type.name} declares no reply, so nobody can ask it`);
    const { id, node, incarnation } = this.#parse(to);
    if (node !== this.name)
      return this.#asks.begin(to, node, type, options.deadlineMs, (askId) =>
        this.#peers.send(node, [Kind.ask, id, incarnation, from?.process.id ?? ownId, type.name, body, askId]),
      );
    const cell = this.#find(id, incarnation);
    if (cell === undefined) return Promise.reject(new NoSuchProcessError(to));
    return this.#asks.begin(to, '', type, options.deadlineMs, (askId) => {
      const answer: Answer = {
        reply: (name, reply) => this.#asks.answered(askId, '', name, reply),
        noProcess: () => this.#asks.noProcess(askId, ''),
      };
      cell.push({ kind: 'message', from: from?.pid ?? this.#ownPid, name: type.name, body, remote: false, answer });
    });
  }

  /** The ids of the living processes, with how many events wait for each. */
  processes(): readonly { readonly id: string; readonly mailboxDepth: number }[] {
    return [...this.#cells.values()].map((cell) => ({ id: cell.process.id, mailboxDepth: cell.mailboxDepth }));
  }

  /** Ends every process, the last spawned first, lets what was sent leave, and disconnects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cell of [...this.#cells.values()].reverse()) {
      cell.terminate(true);
      await this.wait(cell.pid);
    }
    this.#asks.close();
    await this.#peers.close();
  }

  // For Process and Cell

  /** @internal */
  link(cell: Cell, pid: Upid): void {
    if (cell.ending) return;
    const parts = this.#parse(pid);
    if (parts.node !== this.name) {
      this.#peers.link(cell, pid, parts);
      return;
    }
    const target = this.#find(parts.id, parts.incarnation);
    if (target === undefined) cell.push({ kind: 'exited', pid, reason: 'absent' });
    else {
      target.linkers.set(cell, (target.linkers.get(cell) ?? new Set()).add(pid));
      cell.linked.add(target);
    }
  }

  /** @internal Puts a process with work to do in the run queue. */
  ready(cell: Cell): void {
    this.#runQueue.push(cell);
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(() => this.#drain());
  }

  /** @internal A process has ended and let go of everything. */
  ended(cell: Cell, reason: ExitReason): void {
    this.#cells.delete(cell.process.id);
    for (const other of cell.linked) other.linkers.delete(cell);
    this.#peers.forget(cell);
    for (const [linker, pids] of cell.linkers) {
      linker.linked.delete(cell);
      for (const pid of pids) linker.push({ kind: 'exited', pid, reason });
    }
    for (const [peer, incarnations] of cell.remoteLinkers)
      for (const named of incarnations) this.#sendExited(peer, cell.process.id, named, reason);
    for (const waiter of cell.waiters) waiter();
  }

  #drain(): void {
    while (this.#turns < turnsPerDrain) {
      const queue = this.#runQueue;
      if (queue.length === 0) {
        this.#draining = false;
        return;
      }
      this.#runQueue = [];
      this.#turns += queue.length;
      for (const cell of queue) cell.run();
    }
    this.#turns = 0;
    this.clock.nextTurn(() => this.#drain());
  }

  #deliver(from: Upid, peer: string, envelope: Envelope): void {
    const [kind, toId, toIncarnation, , name, body, askId] = envelope;
    const cell = this.#find(toId, toIncarnation);
    const answer: Answer | undefined = kind === Kind.ask ? this.#remoteAnswer(peer, from, toId, askId) : undefined;
    if (cell === undefined) {
      const dead = toIncarnation !== '' && toIncarnation !== this.incarnation;
      this.events.emit(dead ? 'DEAD_INCARNATION' : 'DEAD_LETTER', { from, to: toId, message: name });
      answer?.noProcess();
    } else cell.push({ kind: 'message', from, name, body, remote: true, answer });
  }

  #remoteAnswer(peer: string, from: Upid, asked: string, askId: number): Answer {
    const { id, incarnation } = this.#parse(from);
    // Both processes are named, so that the answer stays behind what was said before it.
    const answer = (kind: Kind, name: string, body: unknown): void =>
      this.#peers.send(peer, [kind, id, incarnation, asked, name, body, askId]);
    return {
      reply: (name, body) => answer(Kind.reply, name, body),
      noProcess: () => answer(Kind.noProcess, '', undefined),
    };
  }

  #linked(toId: string, toIncarnation: string, peer: string): void {
    const cell = this.#find(toId, toIncarnation);
    if (cell === undefined) {
      this.#sendExited(peer, toId, toIncarnation, 'absent');
      return;
    }
    const named = cell.remoteLinkers.get(peer) ?? new Set();
    cell.remoteLinkers.set(peer, named.add(toIncarnation));
  }

  #unlinked(peer: string): boolean {
    let any = false;
    for (const cell of this.#cells.values()) any = cell.remoteLinkers.delete(peer) || any;
    return any;
  }

  /** @param named the incarnation by which the other side knows the process, so that it finds its link again. */
  #sendExited(peer: string, id: string, named: string, reason: ExitReason): void {
    this.#peers.send(peer, [Kind.exited, '', '', id, reason, named, 0]);
  }

  #local(pid: Upid): Cell | undefined {
    const { id, node, incarnation } = this.#parse(pid);
    return node === this.name ? this.#find(id, incarnation) : undefined;
  }

  #find(id: string, incarnation: string): Cell | undefined {
    return incarnation === '' || incarnation === this.incarnation ? this.#cells.get(id) : undefined;
  }

  get #ownPid(): Upid {
    return upid(ownId, this.name, this.incarnation);
  }

  #parse(pid: Upid): UpidParts {
    const known = this.#parsed.get(pid);
    if (known !== undefined) return known;
    const parts = parseUpid(pid);
    if (this.#parsed.size >= parsedMax) this.#parsed.clear();
    this.#parsed.set(pid, parts);
    return parts;
  }
}

/** The sender's id of what code outside of processes sends. */
const ownId = '(node)';
