import type { Clock, Timer } from './clock.js';
import {
  BadReplyError,
  DisconnectedError,
  MessageTooLargeError,
  NoSuchNodeError,
  NoSuchProcessError,
  TimedOutError,
} from './errors.js';
import type { AnyMessageType } from './message.js';
import type { RuntimeEvents } from './runtime-event.js';
import type { Upid } from './upid.js';

interface Pending {
  readonly to: Upid;
  /** The Node that is to answer; empty for our own. */
  readonly node: string;
  readonly replyType: AnyMessageType;
  readonly timer: Timer;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

/** The asks of one Node that wait for their answer. A late answer finds nothing here: it is dropped and counted. */
export class Asks {
  #lastId = 0;
  readonly #pending = new Map<number, Pending>();
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;

  constructor(clock: Clock, events: RuntimeEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Begins one: `begun` gets its id, to send it on its way. */
  begin(
    to: Upid,
    node: string,
    type: AnyMessageType,
    deadlineMs: number,
    begun: (askId: number) => void,
  ): Promise<never> {
    const askId = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.timer(deadlineMs, () =>
        this.#reject(askId, new TimedOutError(`${to} did not answer ${type.name} within ${deadlineMs} ms`)),
      );
      this.#pending.set(askId, {
        to,
        node,
        replyType: type.replyType as AnyMessageType,
        timer,
        resolve: resolve as (body: unknown) => void,
        reject,
      });
      begun(askId);
    });
  }

  /**
   * @param from the Node that answers, empty for our own: nobody answers for another.
   * @param trusted whether the body needs no check: what was never encoded does not.
   */
  answered(askId: number, from: string, name: string, body: unknown, trusted = from === ''): void {
    const pending = this.#take(askId, from);
    if (pending === undefined) return;
    if (pending.replyType.name === name && (trusted || pending.replyType.check(body))) pending.resolve(body);
    else {
      const why =
        pending.replyType.name === name ? pending.replyType.explain(body) : `expected ${pending.replyType.name}`;
      this.#events.emit('REPLY_INVALID', { from: pending.to, message: name, why });
      pending.reject(new BadReplyError(`${pending.to} answered with ${name}: ${why}`));
    }
  }

  noProcess(askId: number, from: string): void {
    const pending = this.#take(askId, from);
    pending?.reject(new NoSuchProcessError(pending.to));
  }

  /** Gives up an ask that could not leave. */
  unsent(askId: number, why: 'disconnected' | 'too-large' | 'unencodable'): void {
    const pending = this.#pending.get(askId);
    if (pending !== undefined) this.#reject(askId, unsentError(pending.to, why));
  }

  /**
   * Gives up all that wait for a Node that nobody answers for, or that the connection to was lost of.
   * @param incarnation only those that were meant for this one; empty: all.
   */
  giveUp(node: string, why: 'no-node' | 'connection-lost', incarnation = ''): void {
    for (const [askId, pending] of this.#pending)
      if (pending.node === node && (incarnation === '' || pending.to.endsWith(`#${incarnation}`)))
        this.#reject(
          askId,
          why === 'no-node'
            ? new NoSuchNodeError(pending.to)
            : new DisconnectedError(`the connection to ${pending.to} broke before it answered`),
        );
  }

  /** Gives up all: the Node stopped. */
  close(): void {
    for (const [askId, { to }] of this.#pending)
      this.#reject(askId, new DisconnectedError(`the Node that asked ${to} stopped before the answer came`));
  }

  waitsFor(node: string): boolean {
    for (const pending of this.#pending.values()) if (pending.node === node) return true;
    return false;
  }

  #take(askId: number, from: string): Pending | undefined {
    const pending = this.#pending.get(askId);
    if (pending === undefined || pending.node !== from) {
      this.#events.emit('REPLY_LATE', { from });
      return undefined;
    }
    this.#pending.delete(askId);
    pending.timer.cancel();
    return pending;
  }

  #reject(askId: number, error: Error): void {
    const pending = this.#pending.get(askId);
    this.#pending.delete(askId);
    pending?.timer.cancel();
    pending?.reject(error);
  }
}

function unsentError(to: Upid, why: 'disconnected' | 'too-large' | 'unencodable'): Error {
  switch (why) {
    case 'disconnected':
      return new DisconnectedError(`not connected to the Node of ${to}: nothing was sent`);
    case 'too-large':
      return new MessageTooLargeError(`the message to ${to} is larger than the transport carries: nothing was sent`);
    case 'unencodable':
      return new TypeError(`the message to ${to} holds what cannot be encoded: nothing was sent`);
  }
}
