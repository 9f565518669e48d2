import pino, { type Logger } from 'pino';
import { Asks, type PendingAsk } from './asks.js';
import { Cell } from './cell.js';
import { CellRegistry } from './cell-registry.js';
import { hashOf } from './cell-table.js';
import { type Clock, SystemClock } from './clock.js';
import { Counters } from './counters.js';
import { NameError } from './errors.js';
import type { Answer, ExitReason } from './event.js';
import { type Envelope, Kind } from './frame.js';
import type { NodeHealth, ProcessHealth } from './health.js';
import type { AnyMessageType, AskableMessageType, BodyOf, ReplyOf } from './message.js';
import { nodeDefaults } from './node-defaults.js';
import { Peers } from './peers.js';
import { processTree } from './process-tree.js';
import { Random } from './random.js';
import { RemoteAnswer } from './remote-answer.js';
import { RunQueue } from './run-queue.js';
import { RuntimeEvents } from './runtime-events.js';
import type { Spawnable, SpawnOptions } from './spawn-options.js';
import type { Transport } from './transport.js';
import { nodeNamePattern, parseUpid, type Upid, type UpidParts, upid } from './upid.js';
import { wireCopy } from './wire-copy.js';

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
  /**
   * Takes what the processes of this Node say to each other through the codec and the check, as if they were on two
   * Nodes, so that tests find what would break then. Costs microseconds a message. Default false.
   */
  readonly serializeLocal?: boolean;
  /** For how long a Node may answer nothing before links to it break as `node-silent`, in ms, or Infinity. Default 5,000. */
  readonly silentMs?: number;
  /** A process that holds the event loop for longer is reported as SLOW_TURN, in ms. Default 20. */
  readonly slowTurnMs?: number;
  /** The largest message that is sent to other Nodes or taken from them, in whole bytes as encoded. Default 64 MiB. */
  readonly messageBytesMax?: number;
}

export interface AskOptions {
  /** By when the ask rejects at the latest, in ms from now: a finite number of 0 or more. */
  readonly deadlineMs: number;
  /** Gives the ask up when it is aborted: it then rejects with an {@link AbortedError}. The message may still be handled. */
  readonly signal?: AbortSignal;
}

/** Where a UPID leads. */
interface Route extends UpidParts {
  /** The process, if it is one of this Node's and was there when somebody last looked. */
  cell: Cell | undefined;
}

/** Making one takes longer than all else that a Node does at its start. */
const silent = pino({ level: 'silent' });
/** How many UPIDs are kept in parsed form. */
const routesMax = 10_000;

/**
 * One OS process' place in the cluster: hosts processes, runs them one event at a time, and carries what they send
 * (Mesos facts 1.1, where it is an address). It has a name, and an incarnation that is new at every start.
 */
export class Node {
  readonly name: string;
  readonly incarnation: string;
  /** The sender of what code outside of processes sends. */
  readonly pid: Upid;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** What this Node sent, received, dropped and refused. */
  readonly counters = new Counters();
  /** Where to subscribe to what happens to it. */
  readonly events: RuntimeEvents;
  readonly #cells = new CellRegistry();
  #spawned = 0;
  /** Those of them with links from other Nodes. */
  readonly #linkedFromAfar = new Set<Cell>();
  readonly #routes = new Map<string, Route>();
  readonly #asks: Asks;
  readonly #peers: Peers;
  readonly #runQueue: RunQueue;
  readonly #pidSuffix: string;
  #stopped = false;
  readonly #serializeLocal: boolean;

  /**
   * Starts a Node and connects it. Rejects with a {@link TransportError} when it cannot connect, a {@link NameError} when
   * its name is taken or cannot be one, a RangeError that names the option whose number cannot be.
   */
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
    this.#serializeLocal = options.serializeLocal ?? nodeDefaults.serializeLocal;
    if (!nodeNamePattern.test(this.name))
      throw new NameError(`${JSON.stringify(this.name)} cannot be a Node's name: use 1 to 64 letters, digits, - and _`);
    this.incarnation = this.random.token(10);
    this.#pidSuffix = upid('', this.name, this.incarnation);
    this.pid = this.pidOf(ownId);
    this.log = (options.log ?? silent).child({ node: this.name });
    this.events = new RuntimeEvents(this.clock, this.counters, this.log);
    this.#runQueue = new RunQueue(this.clock, this.events, options.slowTurnMs ?? 20);
    this.#asks = new Asks(this.clock, this.events);
    this.#peers = new Peers(
      {
        name: this.name,
        incarnation: this.incarnation,
        clock: this.clock,
        counters: this.counters,
        events: this.events,
        asks: this.#asks,
        deliver: (from, peer, incarnation, envelope) => this.#deliver(from, peer, incarnation, envelope),
        linked: (toId, toIncarnation, peer) => this.#linked(toId, toIncarnation, peer),
        unlinked: (peer) => this.#unlinked(peer),
      },
      {
        probeMs: checked('probeMs', options.probeMs ?? 125, Number.isFinite),
        silentMs: checked('silentMs', options.silentMs ?? 5_000),
        messageBytesMax: checked('messageBytesMax', options.messageBytesMax ?? 64 * 1024 * 1024, Number.isSafeInteger),
      },
      options.transports ?? [],
    );
  }

  /**
   * Brings a process to life. Its `initialize` runs as its first event.
   * @param what the process, or what makes it: supervision that restarts needs the latter.
   * @param parent for {@link Process.spawn} alone.
   * @throws {NameError} if its id is taken here. @throws {TypeError | RangeError} for options that cannot be.
   */
  spawn(what: Spawnable, options?: SpawnOptions, parent?: Cell): Upid {
    if (this.#stopped) throw new NameError(`the Node ${this.name} has stopped: it takes no new process`);
    const [process, make] = typeof what === 'function' ? [what(), what] : [what, undefined];
    const hash = hashOf(process.id);
    if (this.#cells.get(process.id, hash) !== undefined)
      throw new NameError(`there is already a process ${process.id} on the Node ${this.name}`);
    const cell = new Cell(this, process, make, options, parent, this.#spawned++);
    this.#cells.add(cell, hash);
    if (parent !== undefined) {
      parent.children ??= new Set();
      parent.children.add(cell);
    }
    cell.start();
    // Not kept: most need it only once.
    return this.pidOf(process.id);
  }

  /**
   * Ends a process of this Node; one that is not here is left alone.
   * @param inject drop what still waits in its mailbox (default), or end after it. Either way the event in hand comes to
   * its end first, also when its handler awaits.
   * @throws {TypeError} if `pid` is no UPID.
   */
  terminate(pid: Upid, inject = true): void {
    this.#local(pid)?.terminate(inject);
  }

  /**
   * Resolves once the process of this Node has ended; at once if there is none. Its restarts are no end.
   * @throws {TypeError} if `pid` is no UPID.
   */
  wait(pid: Upid): Promise<void> {
    const cell = this.#local(pid);
    return cell === undefined ? Promise.resolve() : new Promise((resolve) => cell.whenEnded(resolve));
  }

  /**
   * As {@link Process.send}; `from` is for {@link Process} alone: what code outside of processes sends is from {@link pid}.
   * @throws {TypeError} if `to` is no UPID.
   */
  send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>, from?: Cell): void {
    const route = this.#route(to);
    if (route.node !== this.name) {
      this.#peers.send(route.node, [Kind.send, route.id, route.incarnation, from?.id ?? ownId, type.name, body, 0]);
      return;
    }
    const sender = from === undefined ? this.pid : from.pid;
    if (route.cell === undefined)
      this.events.emit('DEAD_LETTER', { from: sender, to: route.id, message: type.name, why: 'absent' });
    else if (this.#serializeLocal) this.#pushSerialized(route.cell, sender, type.name, body, undefined);
    else
      route.cell.push({
        kind: 'message',
        from: sender,
        name: type.name,
        body,
        remote: false,
        answer: undefined,
        next: undefined,
      });
  }

  /**
   * Asks a process and resolves with its reply. Always settles, at the latest by the deadline. Rejects with
   * {@link NoSuchProcessError}, {@link NoSuchNodeError}, {@link IncompatibleNodeError}, {@link OverloadedError},
   * {@link RefusedError}, {@link TimedOutError}, {@link AbortedError}, {@link DisconnectedError},
   * {@link MessageTooLargeError} or {@link BadReplyError}; those that may go better another time are `retryable`.
   *
   * Nobody need look at the promise: a rejection that nobody handles is no failure of the OS process, but an event,
   * ASK_FAILED. (libprocess abandons such futures.)
   * @throws {TypeError} if `type` declares no reply, or the deadline is no finite number of 0 or more.
   */
  ask<M extends AskableMessageType>(
    to: Upid,
    type: M,
    body: BodyOf<M>,
    options: AskOptions,
    from?: Cell,
  ): Promise<ReplyOf<M>> {
    if (type.replyType === undefined) throw new TypeError(`${type.name} declares no reply, so nobody can ask it`);
    const { id, node, incarnation, cell } = this.#route(to);
    if (node !== this.name)
      return this.#asks.beginRemote(to, node, type, options, (askId) =>
        this.#peers.send(node, [Kind.ask, id, incarnation, from?.id ?? ownId, type.name, body, askId]),
      );
    const answer = this.#asks.beginLocal(to, type, options);
    const sender = from === undefined ? this.pid : from.pid;
    if (answer.settled) return answer.promise;
    if (cell === undefined) answer.noProcess();
    else if (this.#serializeLocal) this.#pushSerialized(cell, sender, type.name, body, answer);
    else
      cell.push({
        kind: 'message',
        from: sender,
        name: type.name,
        body,
        remote: false,
        answer,
        next: undefined,
      });
    return answer.promise;
  }

  /** How it is doing. */
  health(): NodeHealth {
    const { name, incarnation } = this;
    let mailboxDepth = 0;
    for (const cell of this.#cells.values()) mailboxDepth += cell.mailboxDepth;
    const counters = this.counters.snapshot();
    return { name, incarnation, processes: this.#cells.size, mailboxDepth, asksPending: this.#asks.pending, counters };
  }

  /** How a process of this Node is doing; undefined if there is none. @throws {TypeError} if `pid` is no UPID. */
  processHealth(pid: Upid): ProcessHealth | undefined {
    return this.#local(pid)?.health();
  }

  /** Who spawned whom, and how they are doing, for people: a line a process. */
  tree(): string {
    const roots = this.#cells.inOrder().filter(({ parent }) => parent === undefined);
    return processTree(this.#pidSuffix.slice(1), roots);
  }

  /** The ids of the living processes, with how many events wait for each. */
  processes(): readonly { readonly id: string; readonly mailboxDepth: number }[] {
    return this.#cells.inOrder().map((cell) => ({ id: cell.id, mailboxDepth: cell.mailboxDepth }));
  }

  /**
   * Ends every process, the last spawned first, lets what was sent leave (large messages for up to 5,000 ms), disconnects,
   * and rejects the asks that still wait. It waits for the event in hand of each process and for its `finalize`: one whose
   * promise never settles, it never outlives. From the call on, nothing can be spawned; a second call does no harm.
   */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cell of this.#cells.inOrder().reverse()) {
      if (this.#cells.get(cell.id) !== cell) continue;
      const ended = new Promise<void>((resolve) => cell.whenEnded(resolve));
      cell.terminate(true);
      await ended;
    }
    this.#asks.close();
    await this.#peers.close();
  }

  // For Process and Cell

  /** @internal */
  pidOf(id: string): Upid {
    return (id + this.#pidSuffix) as Upid;
  }

  /** @internal */
  link(cell: Cell, pid: Upid): void {
    const route = this.#route(pid);
    const target = route.cell;
    if (cell.linksIfAny?.exitsWaiting.has(pid) === true) return;
    if (route.node !== this.name) {
      cell.links.linkedAfar = true;
      this.#peers.link(cell, pid, route);
    } else if (target === undefined) cell.exited(pid, 'absent');
    else {
      const { linkers } = target.links;
      linkers.set(cell, (linkers.get(cell) ?? new Set()).add(pid));
      cell.links.linked.add(target);
    }
  }

  /** @internal The process need not be told of the end of any other any more. */
  unlink(cell: Cell): void {
    const links = cell.linksIfAny;
    if (links === undefined) return;
    for (const other of links.linked) other.links.linkers.delete(cell);
    links.linked.clear();
    // Goes through the links to all other Nodes.
    if (links.linkedAfar) this.#peers.forget(cell);
  }

  /** @internal Puts a process with work to do in the run queue. */
  ready(cell: Cell): void {
    this.#runQueue.add(cell);
  }

  /** @internal A process has ended and let go of everything. */
  ended(cell: Cell, reason: ExitReason): void {
    this.#cells.delete(cell.id);
    this.#routes.delete(cell.pid);
    this.#routes.delete(upid(cell.id, this.name));
    this.unlink(cell);
    const links = cell.linksIfAny;
    if (links === undefined) return;
    for (const [linker, pids] of links.linkers) {
      linker.links.linked.delete(cell);
      for (const pid of pids) linker.exited(pid, reason);
    }
    for (const [peer, incarnations] of links.remoteLinkers)
      for (const named of incarnations) this.#sendExited(peer, cell.id, named, reason);
    this.#linkedFromAfar.delete(cell);
  }

  /** As if the receiver lived on another Node. */
  #pushSerialized(cell: Cell, from: Upid, name: string, body: unknown, ask: PendingAsk | undefined): void {
    const copy = this.#wireCopy(name, body);
    if (copy === undefined) {
      ask?.reject(new TypeError(`the message to ${cell.pid} holds what cannot be encoded: nothing was sent`));
      return;
    }
    const answer = ask === undefined ? undefined : this.#serializedAnswer(ask);
    cell.push({ kind: 'message', from, name, body: copy.body, remote: true, answer, next: undefined });
  }

  #serializedAnswer(ask: PendingAsk): Answer {
    return {
      reply: (name, body) => {
        const copy = this.#wireCopy(name, body);
        if (copy !== undefined) ask.reply(name, copy.body, false);
      },
      noProcess: () => ask.noProcess(),
      refused: (reason, why) => ask.refused(reason, why),
    };
  }

  #wireCopy(name: string, body: unknown): { readonly body: unknown } | undefined {
    try {
      return { body: wireCopy(name, body) };
    } catch (error) {
      this.events.emit('MESSAGE_UNENCODABLE', { to: this.name, message: name, why: (error as Error).message });
      return undefined;
    }
  }

  #deliver(from: Upid, peer: string, incarnation: string, envelope: Envelope): void {
    // Part by part: to take it apart as a list takes longer.
    const toId = envelope[1];
    const toIncarnation = envelope[2];
    const name = envelope[4];
    const cell = this.#find(toId, toIncarnation);
    const answer = envelope[0] === Kind.ask ? new RemoteAnswer(this.#peers, peer, incarnation, envelope) : undefined;
    if (cell === undefined) {
      const dead = toIncarnation !== '' && toIncarnation !== this.incarnation;
      if (dead) this.events.emit('DEAD_INCARNATION', { from, to: toId, message: name });
      else this.events.emit('DEAD_LETTER', { from, to: toId, message: name, why: 'absent' });
      answer?.noProcess();
    } else cell.push({ kind: 'message', from, name, body: envelope[5], remote: true, answer, next: undefined });
  }

  #linked(toId: string, toIncarnation: string, peer: string): void {
    const cell = this.#find(toId, toIncarnation);
    if (cell === undefined) {
      this.#sendExited(peer, toId, toIncarnation, 'absent');
      return;
    }
    const { remoteLinkers } = cell.links;
    remoteLinkers.set(peer, (remoteLinkers.get(peer) ?? new Set()).add(toIncarnation));
    this.#linkedFromAfar.add(cell);
  }

  #unlinked(peer: string): boolean {
    let any = false;
    for (const cell of this.#linkedFromAfar) any = cell.links.remoteLinkers.delete(peer) || any;
    return any;
  }

  /** @param named the incarnation by which the other side knows the process, so that it finds its link again. */
  #sendExited(peer: string, id: string, named: string, reason: ExitReason): void {
    this.#peers.send(peer, [Kind.exited, '', '', id, reason, named, 0]);
  }

  #local(pid: Upid): Cell | undefined {
    return this.#route(pid).cell;
  }

  #find(id: string, incarnation: string): Cell | undefined {
    return incarnation === '' || incarnation === this.incarnation ? this.#cells.get(id) : undefined;
  }

  #route(pid: Upid): Route {
    const known = this.#routes.get(pid);
    if (known === undefined) return this.#addRoute(pid);
    // Who was not there may have been spawned since.
    if (known.cell === undefined && known.node === this.name) known.cell = this.#find(known.id, known.incarnation);
    return known;
  }

  #addRoute(pid: Upid): Route {
    const { id, node, incarnation } = parseUpid(pid);
    const cell = node === this.name ? this.#find(id, incarnation) : undefined;
    const route: Route = { id, node, incarnation, cell };
    if (this.#routes.size >= routesMax) this.#routes.clear();
    this.#routes.set(pid, route);
    return route;
  }
}

/** An option that is a number of more than 0. @param fits what else it must be. */
function checked(option: string, value: number, fits: (value: number) => boolean = () => true): number {
  if (value > 0 && fits(value)) return value;
  throw new RangeError(`the option ${option} of a Node cannot be ${value}`);
}

/** The sender's id of what code outside of processes sends. */
const ownId = '(node)';
