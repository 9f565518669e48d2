import type { Logger } from 'pino';
import type { Cell } from './cell.js';
import type { Clock, Timer } from './clock.js';
import { NameError, NoSuchProcessError } from './errors.js';
import type { ExitReason, MessageEvent, ProcessEvent, RefusalReason } from './event.js';
import { findHandler, type HandlerTable, type Installed, withHandler } from './handler-table.js';
import type { ProcessHealth } from './health.js';
import type { AnyMessageType, AskableMessageType, BodyOf, ReplyOf } from './message.js';
import type { AskOptions, Node } from './node.js';
import type { Random } from './random.js';
import type { Spawnable, SpawnOptions } from './spawn-options.js';
import { processIdPattern, type Upid } from './upid.js';

/** For the Node alone. */
export const attach = Symbol('attach');
export const serve = Symbol('serve');
export const detach = Symbol('detach');
export const finalize = Symbol('finalize');

/** What a process does with one type of message. A handler that returns a promise holds the mailbox until it settles. */
export type Handler<M extends AnyMessageType> = (from: Upid, body: BodyOf<M>) => void | Promise<void>;

/**
 * An actor: state that only its own handlers touch, one event at a time, in the order of arrival (Mesos facts 1.1, 1.2).
 * A subclass installs its handlers in {@link initialize} and starts to live when a Node spawns it.
 *
 * A handler that throws ends its process, never the Node: those who linked to it are told with the reason `failed`. What
 * else may become of it is said where it is spawned, see {@link Supervision}.
 */
export abstract class Process {
  readonly id: string;
  #cell: Cell | undefined;
  #current: MessageEvent | undefined;
  #handlers: HandlerTable;
  #timers: Set<Timer> | undefined;
  /** `over`: it ended, or a restart replaced it. */
  #life: 'living' | 'over' | 'finalized' = 'living';

  /** @param id unique on its Node. @throws {NameError} if it holds characters other than letters, digits and `_.:()/-`. */
  constructor(id: string) {
    if (!processIdPattern.test(id))
      throw new NameError(
        `${JSON.stringify(id)} cannot be a process id: use 1 to 255 letters, digits and _ . : ( ) / -`,
      );
    this.id = id;
  }

  /** The address of this process. @throws {NoSuchProcessError} before it is spawned. */
  get pid(): Upid {
    return this.#attached.pid;
  }

  /** How it is doing. @throws {NoSuchProcessError} before it is spawned. */
  health(): ProcessHealth {
    return this.#attached.health();
  }

  /**
   * Runs `work` as an event of this process and resolves with what it returns. Rejects with what it throws, which harms
   * nobody else; with {@link NoSuchProcessError} if the process ends or is restarted before; with {@link OverloadedError}.
   * Nobody need look at the promise: a rejection that nobody handles is no failure of the OS process, but an event,
   * DISPATCH_FAILED. (libprocess abandons such futures.) To have the process fail at what is thrown, use {@link enqueue}.
   */
  dispatch<R>(work: () => R | Promise<R>): Promise<R> {
    const cell = this.#living;
    if (cell === undefined) return rejected(new NoSuchProcessError(this.id));
    const promise = new Promise<R>((resolve, reject) => {
      const failed = (error: unknown): void => {
        cell.node.events.emit('DISPATCH_FAILED', { process: this.id, error });
        reject(error);
      };
      const run = (): void | Promise<void> => {
        try {
          const result = work();
          if (result instanceof Promise) return result.then(resolve, failed);
          resolve(result);
        } catch (error) {
          failed(error);
        }
      };
      cell.push({ kind: 'dispatch', run, abandon: reject, next: undefined });
    });
    promise.catch(nothing);
    return promise;
  }

  /** Installs handlers and sets out. Runs once, as the first event. */
  protected initialize(): void | Promise<void> {}

  /** Lets go of what the process holds. Runs once, as the last thing, after the end of its children, also after a failure. */
  protected finalize(): void | Promise<void> {}

  /** A linked process is gone, or no longer known to be there: comes once per link. */
  protected exited(_pid: Upid, _reason: ExitReason): void | Promise<void> {}

  /**
   * Whether to handle a message at all: what is not admitted is dropped and counted as `messages_not_admitted`. `_body` is
   * as it came: nothing has checked it yet.
   */
  protected admits(_from: Upid, _name: string, _body: unknown): boolean {
    return true;
  }

  /** Binds a message type to its handler; a later call replaces an earlier one. */
  protected install<M extends AnyMessageType>(type: M, handler: Handler<M>): void {
    this.#handlers = withHandler(this.#handlers, type, handler as Installed['handle']);
  }

  /**
   * Sends a message: at most once, in order between this process and `to`. Never throws because the other side is gone:
   * link to it to know. The body is shared, not copied, where `to` lives on the same Node: do not change it afterwards.
   * @throws {TypeError} if `to` is no UPID. @throws {NoSuchProcessError} before this process is spawned.
   */
  protected send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    const cell = this.#attached;
    cell.node.send(to, type, body, cell);
  }

  /**
   * Asks and waits for the reply. Awaiting it inside a handler holds the mailbox; use {@link defer} to go on meanwhile.
   * Rejects as {@link Node.ask} does, and always by its deadline.
   */
  protected ask<M extends AskableMessageType>(
    to: Upid,
    type: M,
    body: BodyOf<M>,
    options: AskOptions,
  ): Promise<ReplyOf<M>> {
    const cell = this.#attached;
    return cell.node.ask(to, type, body, options, cell);
  }

  /**
   * Answers the message that is being handled: its ask if it is one, else as a message to its sender. Of several answers to
   * an ask the first counts.
   * @throws {TypeError} while no message is being handled, as in what was deferred or delayed.
   */
  protected reply<M extends AnyMessageType>(type: M, body: BodyOf<M>): void {
    this.replyLater(type)(body);
  }

  /**
   * What {@link reply} does, for when the answer is there: in what was deferred or delayed, with the mailbox served meanwhile.
   * @throws {TypeError} while no message is being handled.
   */
  protected replyLater<M extends AnyMessageType>(type: M): (body: BodyOf<M>) => void {
    const current = this.#current;
    if (current === undefined) throw new TypeError(`${this.id} replied ${type.name} while handling no message`);
    const { answer, from } = current;
    if (answer === undefined) return (body) => this.send(from, type, body);
    return (body) => answer.reply(type.name, body);
  }

  /**
   * Runs `work` as an event of this process, `delayMs` (0 or more) from now; what it throws ends the process, as in a
   * handler. Ends with the process, and with its restart.
   */
  protected delay(delayMs: number, work: () => void | Promise<void>): Timer {
    const cell = this.#living;
    if (cell === undefined) return { cancel: nothing };
    const timer = cell.node.clock.timer(delayMs, () => {
      this.#timers?.delete(handle);
      if (!cancelled) this.#continue(() => (cancelled ? undefined : work()));
    });
    let cancelled = false;
    const handle: Timer = {
      cancel: () => {
        cancelled = true;
        this.#timers?.delete(handle);
        timer.cancel();
      },
    };
    this.#timers ??= new Set();
    this.#timers.add(handle);
    return handle;
  }

  /**
   * Runs `work` as an event of this process, behind what waits in its mailbox; what it throws ends the process, as in a
   * handler. Does nothing once the process has ended or was restarted.
   */
  protected enqueue(work: () => void | Promise<void>): void {
    this.#continue(work);
  }

  /** When `promise` settles, goes on with the outcome as an event of this process. Without `failed`, a rejection ends it. */
  protected defer<T>(
    promise: Promise<T>,
    then: (value: T) => void | Promise<void>,
    failed?: (error: unknown) => void,
  ): void {
    const fail = failed ?? rethrow;
    promise.then(
      (value) => this.#continue(() => then(value)),
      (error: unknown) => this.#continue(() => fail(error)),
    );
  }

  /**
   * As {@link Node.spawn}, with this process as the parent: its end, or its restart, ends the child first, those spawned
   * last before the others; and a child that escalates hands its failure to it.
   * @throws {NameError} if the id is taken on the Node, or this process has ended.
   */
  protected spawn(what: Spawnable, options: SpawnOptions = {}): Upid {
    const cell = this.#living;
    if (cell === undefined) throw new NameError(`${this.id} does not live, so it can spawn nothing`);
    return cell.node.spawn(what, options, cell);
  }

  /**
   * Asks for one {@link exited} when `pid` ends, or at once if it is not there. Linking again before it came adds nothing.
   * @throws {TypeError} if `pid` is no UPID.
   */
  protected link(pid: Upid): void {
    const cell = this.#attached;
    if (this.#life === 'living') cell.node.link(cell, pid);
  }

  /** Ends this process after the event that is being handled; what still waits in its mailbox is dropped. */
  protected terminate(): void {
    const cell = this.#attached;
    if (this.#life === 'living') cell.terminate(true);
  }

  protected get node(): Node {
    return this.#attached.node;
  }

  protected get clock(): Clock {
    return this.node.clock;
  }

  protected get random(): Random {
    return this.node.random;
  }

  /** A logger that names this process. */
  protected get log(): Logger {
    return this.#attached.log;
  }

  get #attached(): Cell {
    if (this.#cell === undefined) throw new NoSuchProcessError(`${this.id} (not spawned)`);
    return this.#cell;
  }

  [attach](cell: Cell): void {
    if (this.#cell !== undefined) throw new NameError(`${this.id} was spawned before; make a new process`);
    this.#cell = cell;
  }

  [serve](event: ProcessEvent): unknown {
    switch (event.kind) {
      case 'message':
        return this.#serveMessage(event);
      case 'dispatch':
        return event.run();
      case 'exited':
        this.#attached.linksIfAny?.exitsWaiting.delete(event.pid);
        this.log.debug({ pid: event.pid, reason: event.reason }, 'exited');
        return this.exited(event.pid, event.reason);
      case 'initialize':
        return this.initialize();
      case 'escalated':
        throw event.error;
      case 'terminate':
        return undefined;
    }
  }

  /** It serves nothing any more, and what it began goes nowhere. */
  [detach](): void {
    if (this.#life === 'living') this.#life = 'over';
    for (const timer of this.#timers ?? []) timer.cancel();
    this.#current = undefined;
  }

  [finalize](): void | Promise<void> {
    if (this.#life === 'finalized') return;
    this.#life = 'finalized';
    return this.finalize();
  }

  /** The cell, for as long as this object is what lives in it. */
  get #living(): Cell | undefined {
    return this.#life === 'living' ? this.#cell : undefined;
  }

  /** Goes on with something of its own as an event; not in the place of a successor. */
  #continue(work: () => unknown): void {
    const cell = this.#attached;
    if (this.#life === 'living') cell.push({ kind: 'dispatch', run: work, abandon: undefined, next: undefined });
  }

  #serveMessage(event: MessageEvent): unknown {
    const installed = findHandler(this.#handlers, event.name);
    if (installed === undefined) return this.#refuse(event, 'MESSAGE_UNKNOWN', 'unknown');
    if (!this.admits(event.from, event.name, event.body))
      return this.#refuse(event, 'MESSAGE_NOT_ADMITTED', 'not-admitted');
    if (event.remote && !installed.type.check(event.body))
      return this.#refuse(event, 'MESSAGE_INVALID', 'invalid', installed.type.explain(event.body));
    this.#current = event;
    const result = installed.handle(event.from, event.body as never);
    if (result instanceof Promise) return result.then(() => this.#settled());
    this.#current = undefined;
    return undefined;
  }

  #settled(): void {
    this.#current = undefined;
  }

  #refuse(
    event: MessageEvent,
    code: 'MESSAGE_UNKNOWN' | 'MESSAGE_NOT_ADMITTED' | 'MESSAGE_INVALID',
    reason: RefusalReason,
    why = '',
  ): void {
    this.node.events.emit(code, { process: this.id, from: event.from, message: event.name, why });
    event.answer?.refused(reason, why);
  }
}

function nothing(): void {}

function rejected(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(nothing);
  return promise;
}

function rethrow(error: unknown): never {
  throw error;
}
