import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';
import { type Deadlined, DeadlineQueue } from './deadline-queue.js';
import {
  AbortedError,
  BadReplyError,
  DisconnectedError,
  IncompatibleNodeError,
  MessageTooLargeError,
  NoSuchNodeError,
  NoSuchProcessError,
  OverloadedError,
  type ProcessError,
  RefusedError,
  TimedOutError,
} from './errors.js';
import { type Answer, isRefusalReason, type RefusalReason } from './event.js';
import type { AnyMessageType } from './message.js';
import type { RuntimeEvents } from './runtime-events.js';
import type { Upid } from './upid.js';

/** How an ask is to be given up; see {@link AskOptions} of the Node. */
interface AskLimits {
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Why an ask did not leave. */
type UnsentReason = 'disconnected' | 'too-large' | 'unencodable' | 'incompatible';
type GivenUpReason = 'no-node' | 'incompatible' | 'connection-lost';

/** The asks of one Node that wait for their answer. A late answer is dropped and counted. */
export class Asks {
  #lastId = 0;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #deadlines: DeadlineQueue;
  /**
   * Those to other Nodes, by the Node and by the number that it answers with: so the end of one Node, and a look whether
   * anything is awaited of it, cost what concerns that Node and no more. A Node of which nothing is awaited is not in it.
   */
  readonly #remote = new Map<string, Map<number, PendingAsk>>();

  constructor(clock: Clock, events: RuntimeEvents) {
    this.#clock = clock;
    this.#events = events;
    this.#deadlines = new DeadlineQueue(clock);
  }

  /** How many wait. */
  get pending(): number {
    return this.#deadlines.waiting;
  }

  /** Begins one of a process of our own: what is returned is its {@link Answer}, and has the promise. */
  beginLocal(to: Upid, type: AnyMessageType, limits: AskLimits): PendingAsk {
    return this.#begin(to, '', type, limits);
  }

  /** Begins one of a process of another Node: `send` gets its id, to send it on its way. */
  beginRemote(
    to: Upid,
    node: string,
    type: AnyMessageType,
    limits: AskLimits,
    send: (askId: number) => void,
  ): Promise<never> {
    const ask = this.#begin(to, node, type, limits);
    if (!ask.settled) {
      this.#await(ask);
      send(ask.order);
    }
    return ask.promise;
  }

  /** @param from the Node that answers: nobody answers for another. */
  answered(askId: number, from: string, name: string, body: unknown): void {
    this.#find(askId, from)?.reply(name, body);
  }

  noProcess(askId: number, from: string): void {
    this.#find(askId, from)?.noProcess();
  }

  /** @param reason a {@link RefusalReason}; one that only newer builds know is told in words. */
  refused(askId: number, from: string, reason: string, why: unknown): void {
    const known = isRefusalReason(reason);
    const words = typeof why === 'string' ? why : '';
    this.#find(askId, from)?.refused(known ? reason : 'failed', known ? words : `${reason} ${words}`);
  }

  /** Gives up an ask that could not leave. */
  unsent(askId: number, node: string, why: UnsentReason): void {
    const ask = this.#remote.get(node)?.get(askId);
    ask?.reject(unsentError(ask.to, why));
  }

  /**
   * Gives up all that wait for a Node that nobody answers for, that cannot read us, or that the connection to was lost of.
   * @param incarnation only those that were meant for this one; empty: all.
   */
  giveUp(node: string, why: GivenUpReason, incarnation = ''): void {
    for (const ask of this.#remote.get(node)?.values() ?? [])
      if (incarnation === '' || ask.to.endsWith(`#${incarnation}`)) ask.reject(givenUpError(ask.to, why));
  }

  /** Gives up all: the Node stopped. */
  close(): void {
    for (const ask of this.#deadlines.pending() as PendingAsk[])
      ask.reject(new DisconnectedError(`the Node that asked ${ask.to} stopped before the answer came`));
    this.#deadlines.close();
  }

  /** Whether anything is awaited of a Node. */
  waitsFor(node: string): boolean {
    return this.#remote.has(node);
  }

  /** For {@link PendingAsk} alone. */
  settled(ask: PendingAsk): void {
    const awaited = ask.node === '' ? undefined : this.#remote.get(ask.node);
    if (awaited?.delete(ask.order) && awaited.size === 0) this.#remote.delete(ask.node);
    this.#deadlines.settled();
  }

  /** For {@link PendingAsk} alone. */
  late(from: string): void {
    this.#events.emit('REPLY_LATE', { from });
  }

  /** For {@link PendingAsk} alone. */
  failed(ask: PendingAsk, error: Error): void {
    const { code } = error as Partial<ProcessError>;
    this.#events.emit('ASK_FAILED', { to: ask.to, message: ask.type.name, error: code ?? error.name });
  }

  /** For {@link PendingAsk} alone. */
  invalid(ask: PendingAsk, message: string, why: string): void {
    this.#events.emit('REPLY_INVALID', { from: ask.to, message, why });
  }

  #begin(to: Upid, node: string, type: AnyMessageType, { deadlineMs, signal }: AskLimits): PendingAsk {
    if (!(deadlineMs >= 0 && deadlineMs < Number.POSITIVE_INFINITY))
      throw new TypeError(`an ask needs a finite deadlineMs of 0 or more, not ${deadlineMs}`);
    const ask = new PendingAsk(this, ++this.#lastId, to, node, type, deadlineMs, this.#clock.now() + deadlineMs);
    this.#deadlines.add(ask);
    if (signal !== undefined) ask.abortWith(signal);
    return ask;
  }

  #await(ask: PendingAsk): void {
    const awaited = this.#remote.get(ask.node);
    if (awaited === undefined) this.#remote.set(ask.node, new Map([[ask.order, ask]]));
    else awaited.set(ask.order, ask);
  }

  #find(askId: number, from: string): PendingAsk | undefined {
    const ask = this.#remote.get(from)?.get(askId);
    if (ask === undefined) this.late(from);
    return ask;
  }
}

/** One ask that waits. Whatever comes first settles it; what comes then is late. */
export class PendingAsk implements Answer, Deadlined {
  readonly promise: Promise<never>;
  settled = false;
  #resolve!: (body: never) => void;
  #reject!: (error: Error) => void;
  #abandonSignal: (() => void) | undefined;

  constructor(
    readonly asks: Asks,
    readonly order: number,
    readonly to: Upid,
    /** The Node that is to answer; empty for our own. */
    readonly node: string,
    readonly type: AnyMessageType,
    readonly deadlineMs: number,
    readonly deadline: number,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** @param trusted whether the body needs no check: what was never encoded does not. */
  reply(name: string, body: unknown, trusted = this.node === ''): void {
    if (this.settled) {
      this.asks.late(this.node);
      return;
    }
    const replyType = this.type.replyType as AnyMessageType;
    if (replyType.name === name && (trusted || replyType.check(body))) {
      this.#settle();
      this.#resolve(body as never);
      return;
    }
    const why = replyType.name === name ? replyType.explain(body) : `expected ${replyType.name}`;
    this.asks.invalid(this, name, why);
    this.reject(new BadReplyError(`${this.to} answered with ${name}: ${why}`));
  }

  noProcess(): void {
    if (this.settled) this.asks.late(this.node);
    else this.reject(new NoSuchProcessError(this.to));
  }

  refused(reason: RefusalReason, why: string): void {
    if (this.settled) this.asks.late(this.node);
    else this.reject(reason === 'overloaded' ? new OverloadedError(this.to) : new RefusedError(this.to, reason, why));
  }

  expire(): void {
    this.reject(new TimedOutError(`${this.to} did not answer ${this.type.name} within ${this.deadlineMs} ms`));
  }

  /** Gives it up when `signal` says so, or at once if it has. */
  abortWith(signal: AbortSignal): void {
    const abort = (): void =>
      this.reject(
        new AbortedError(`the ask ${this.type.name} of ${this.to} was aborted`, { cause: signal.reason as unknown }),
      );
    if (signal.aborted) {
      abort();
      return;
    }
    // Many asks may share it: that is no leak, of which the platform would warn.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort);
    this.#abandonSignal = () => signal.removeEventListener('abort', abort);
  }

  reject(error: Error): void {
    if (this.settled) return;
    this.#settle();
    this.asks.failed(this, error);
    // Nobody may be looking any more. As libprocess abandons a future, the Node outlives that; ASK_FAILED has told of it.
    this.promise.catch(nothing);
    this.#reject(error);
  }

  #settle(): void {
    this.settled = true;
    this.#abandonSignal?.();
    this.asks.settled(this);
  }
}

function nothing(): void {}

function givenUpError(to: Upid, why: GivenUpReason): Error {
  switch (why) {
    case 'no-node':
      return new NoSuchNodeError(to);
    case 'incompatible':
      return new IncompatibleNodeError(to);
    case 'connection-lost':
      return new DisconnectedError(`the connection to ${to} broke before it answered`);
  }
}

function unsentError(to: Upid, why: UnsentReason): Error {
  switch (why) {
    case 'disconnected':
      return new DisconnectedError(`not connected to the Node of ${to}: nothing was sent`);
    case 'too-large':
      return new MessageTooLargeError(`the message to ${to} is larger than the transport carries: nothing was sent`);
    case 'unencodable':
      return new TypeError(`the message to ${to} holds what cannot be encoded: nothing was sent`);
    case 'incompatible':
      return new IncompatibleNodeError(to);
  }
}
