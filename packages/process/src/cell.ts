import type { Logger } from 'pino';
import type { Timer } from './clock.js';
import { ChildFailedError, NameError, NoSuchProcessError, OverloadedError } from './errors.js';
import type { ExitReason, MessageEvent, ProcessEvent } from './event.js';
import type { ProcessHealth } from './health.js';
import { Links } from './links.js';
import { Mailbox } from './mailbox.js';
import type { Node } from './node.js';
import { attach, detach, finalize, type Process, serve } from './process.js';
import type { DeadLetterReason } from './runtime-event.js';
import type { MailboxBound, SpawnOptions } from './spawn-options.js';
import { Supervisor } from './supervisor.js';
import type { Upid } from './upid.js';

/** What was said at spawn, and what came of it. Most say nothing, and have none. */
interface Terms {
  readonly bound: MailboxBound | undefined;
  readonly supervisor: Supervisor | undefined;
  /** Makes the process anew. */
  readonly make: (() => Process) | undefined;
  restarts: number;
  /** Where it failed and did not begin anew yet. */
  restart: Restart | undefined;
}

/** What there is of a process between a failure and its new beginning. */
interface Restart {
  timer: Timer | undefined;
  /** It is to end instead. */
  terminated: boolean;
}

/**
 * What a Node keeps of one living process: it is its mailbox, and knows where it stands. It outlives the {@link Process}
 * object, which a restart replaces. There may be a million of these, so what most do not need is made when it is needed.
 */
export class Cell extends Mailbox {
  /** How many events it has handled. */
  handled = 0;
  /** For the run queue: grows with events that were quick. */
  trust = 0;
  /** The longest that its events held the event loop without another's between them, in us. */
  longestTurnUs = 0;
  /** In the order in which they were spawned. */
  children: Set<Cell> | undefined;
  #links: Links | undefined;
  #process: Process;
  #pid: Upid | undefined;
  #log: Logger | undefined;
  #waiters: (() => void)[] | undefined;
  readonly #terms: Terms | undefined;
  /** `busy`: an event's promise is pending. */
  #state: 'idle' | 'queued' | 'busy' | 'restarting' | 'ending' = 'idle';

  /** @throws {TypeError | RangeError} saying which option cannot be. */
  constructor(
    readonly node: Node,
    process: Process,
    make: (() => Process) | undefined,
    options: SpawnOptions | undefined,
    /** The process that spawned it: its end is the end of this one. */
    readonly parent: Cell | undefined,
    /** Counts those that its Node spawned. */
    readonly order: number,
  ) {
    super();
    this.#process = process;
    if (options !== undefined) this.#terms = termsOf(process.id, make, options);
    process[attach](this);
  }

  get id(): string {
    return this.#process.id;
  }

  get pid(): Upid {
    this.#pid ??= this.node.pidOf(this.id);
    return this.#pid;
  }

  /** A logger that names the process. */
  get log(): Logger {
    this.#log ??= this.node.log.child({ process: this.id });
    return this.#log;
  }

  /** Made when it is asked for. */
  get links(): Links {
    this.#links ??= new Links();
    return this.#links;
  }

  /** None if nobody linked to it, nor it to anybody of this Node. */
  get linksIfAny(): Links | undefined {
    return this.#links;
  }

  /** Whether it takes no event any more. */
  get ending(): boolean {
    return this.#state === 'ending';
  }

  health(): ProcessHealth {
    return {
      id: this.id,
      state: this.#state,
      mailboxDepth: this.mailboxDepth,
      handled: this.handled,
      restarts: this.#terms?.restarts ?? 0,
      longestTurnMs: this.longestTurnUs / 1_000,
      children: this.children?.size ?? 0,
    };
  }

  push(event: ProcessEvent): void {
    if (this.#state === 'ending') {
      this.#abandon(event, 'ended');
      return;
    }
    const bound = this.#terms?.bound;
    if (bound !== undefined && this.mailboxDepth >= bound.depthMax && !this.#overflow(event, bound)) return;
    this.put(event);
    if (this.#state === 'idle') this.#enqueue();
  }

  /** Tells it that a link of its own is over. */
  exited(pid: Upid, reason: ExitReason): void {
    this.links.exitsWaiting.add(pid);
    this.push({ kind: 'exited', pid, reason });
  }

  /** Ends the process: now, dropping what waits in its mailbox, or (`inject` false) after it. */
  terminate(inject: boolean): void {
    if (!inject) this.push({ kind: 'terminate' });
    else if (this.#state !== 'ending') {
      for (const event of this.takeAll()) this.#abandon(event, 'ended');
      const restart = this.#terms?.restart;
      if (restart === undefined) this.#pushUrgent({ kind: 'terminate' });
      else this.#endInstead(restart);
    }
  }

  /** Calls back once the process has ended and let go of everything. */
  whenEnded(callback: () => void): void {
    this.#waiters ??= [];
    this.#waiters.push(callback);
  }

  /** Its `initialize`, as its next event. */
  start(): void {
    this.#pushUrgent({ kind: 'initialize', next: undefined });
  }

  /**
   * Handles up to `limit` events. Called by the run queue.
   * @param trace gets the last of them.
   * @returns how many there were.
   */
  run(limit: number, trace: { last: ProcessEvent | undefined }): number {
    let handled = 0;
    let goesOn = true;
    let last: ProcessEvent | undefined;
    while (goesOn && handled < limit) {
      const event = this.take();
      if (event === undefined) break;
      last = event;
      handled++;
      goesOn = this.#handle(event);
    }
    this.handled += handled;
    trace.last = last;
    if (!goesOn) return handled;
    if (this.mailboxDepth === 0) this.#state = 'idle';
    else this.#enqueue();
    return handled;
  }

  /** @returns whether it may handle the next one at once. */
  #handle(event: ProcessEvent): boolean {
    if (event.kind === 'terminate') {
      this.#end('ended');
      return false;
    }
    try {
      const result = this.#process[serve](event);
      if (!(result instanceof Promise)) return true;
      this.#await(result, event);
    } catch (error) {
      this.#fail(error, event);
    }
    return false;
  }

  #await(result: Promise<unknown>, event: ProcessEvent): void {
    this.#state = 'busy';
    result.then(
      () => this.#enqueue(),
      (error: unknown) => this.#fail(error, event),
    );
  }

  #pushUrgent(event: ProcessEvent): void {
    this.putUrgent(event);
    if (this.#state === 'idle') this.#enqueue();
  }

  #enqueue(): void {
    this.#state = 'queued';
    this.node.ready(this);
  }

  // A full mailbox

  /** Makes room, or refuses the event. @returns whether to take it. */
  #overflow(event: ProcessEvent, { depthMax, overflow: policy = 'reject' }: MailboxBound): boolean {
    if (!isRefusable(event)) return true;
    const { from, name: message } = event.kind === 'message' ? event : { from: this.node.pid, name: event.kind };
    this.node.events.emit('MAILBOX_OVERFLOW', { process: this.id, from, message, depthMax, policy });
    const oldest = policy === 'drop-oldest' ? this.takeFirst(isRefusable) : undefined;
    this.#abandon(oldest ?? event, 'overflow');
    return oldest !== undefined;
  }

  // Failure

  #fail(error: unknown, event: ProcessEvent | undefined): void {
    this.node.events.emit('PROCESS_FAILED', { process: this.id, error });
    if (event?.kind === 'message') this.#bury(event, 'poison');
    const terms = this.#terms;
    const verdict = terms?.supervisor?.verdict(this.node.clock.now()) ?? 'stop';
    if (typeof verdict === 'string') this.#endFailed(error, verdict);
    // It would begin anew only to end.
    else if (this.first?.kind === 'terminate') this.#end('ended');
    else this.#beginRestart(terms as Terms, verdict.restartInMs);
  }

  #endFailed(error: unknown, verdict: 'stop' | 'escalate'): void {
    const budget = this.#terms?.supervisor?.budget;
    if (budget !== undefined)
      this.node.events.emit('RESTARTS_EXHAUSTED', {
        process: this.id,
        restartsMax: budget.restartsMax,
        withinMs: budget.withinMs,
      });
    this.#end('failed', verdict === 'escalate' ? new ChildFailedError(this.pid, { cause: error }) : undefined);
  }

  /** The old object goes, with all that is its own; messages stay, and so do the links of others. */
  #beginRestart(terms: Terms, delayMs: number): void {
    this.#state = 'restarting';
    const restart: Restart = { timer: undefined, terminated: false };
    terms.restart = restart;
    this.#process[detach]();
    this.node.unlink(this);
    this.#links?.exitsWaiting.clear();
    this.#dropOwn();
    this.#endChildren(() =>
      this.#finalize(() => {
        if (restart.terminated) this.#over('ended');
        else restart.timer = this.node.clock.timer(delayMs, () => this.#beginAnew(terms, delayMs));
      }),
    );
  }

  /** What waits and is not a message was meant for the old object: its continuations, what it linked to. */
  #dropOwn(): void {
    for (const event of this.takeAll())
      if (event.kind === 'message' || event.kind === 'terminate') this.put(event);
      else this.#abandon(event, 'ended');
  }

  #beginAnew(terms: Terms, delayMs: number): void {
    terms.restart = undefined;
    try {
      const process = this.#madeAnew();
      process[attach](this);
      this.#process = process;
    } catch (error) {
      this.#fail(error, undefined);
      return;
    }
    const restarts = ++terms.restarts;
    this.node.events.emit('PROCESS_RESTARTED', { process: this.id, restarts, delayMs });
    this.#state = 'idle';
    this.start();
  }

  #madeAnew(): Process {
    const { id } = this;
    const process = this.#terms?.make?.();
    if (process?.id === id) return process;
    throw new NameError(`to restart ${id}, a process of the same id must be made, not ${process?.id}`);
  }

  #endInstead(restart: Restart): void {
    restart.terminated = true;
    if (restart.timer === undefined) return;
    restart.timer.cancel();
    this.#over('ended');
  }

  // The end

  #end(reason: ExitReason, escalated?: ChildFailedError): void {
    this.#state = 'ending';
    this.#abandonAll();
    this.#process[detach]();
    this.#endChildren(() => this.#finalize(() => this.#over(reason, escalated)));
  }

  #abandonAll(): void {
    for (const event of this.takeAll()) this.#abandon(event, 'ended');
  }

  /** The last spawned first, each after the end of the one before. */
  #endChildren(then: () => void): void {
    if (this.children === undefined) {
      then();
      return;
    }
    const left = [...this.children];
    const next = (): void => {
      for (let child = left.pop(); child !== undefined; child = left.pop()) {
        if (this.children?.has(child) !== true) continue;
        // Those that wait for their restart end at once: many of them must not end one within the other.
        let over: boolean | 'awaited' = false;
        child.whenEnded(() => {
          if (over === 'awaited') next();
          over = true;
        });
        child.terminate(true);
        if (!over) {
          over = 'awaited';
          return;
        }
      }
      then();
    };
    next();
  }

  #finalize(then: () => void): void {
    let finalized: unknown;
    try {
      finalized = this.#process[finalize]();
    } catch (error) {
      this.#finalizeFailed(error);
    }
    if (finalized instanceof Promise) finalized.catch((error: unknown) => this.#finalizeFailed(error)).finally(then);
    else then();
  }

  #finalizeFailed(error: unknown): void {
    this.node.events.emit('FINALIZE_FAILED', { process: this.id, error });
  }

  #over(reason: ExitReason, escalated?: ChildFailedError): void {
    this.#state = 'ending';
    this.#abandonAll();
    this.parent?.children?.delete(this);
    this.node.ended(this, reason);
    for (const waiter of this.#waiters ?? []) waiter();
    if (escalated !== undefined) this.parent?.childFailed(this.id, escalated);
  }

  /** The failure of a child is to be its own. Not where its children end anyway. */
  childFailed(child: string, error: ChildFailedError): void {
    if (this.#state === 'ending' || this.#state === 'restarting') return;
    this.node.events.emit('FAILURE_ESCALATED', { process: child, parent: this.id });
    this.#pushUrgent({ kind: 'escalated', error });
  }

  // What is not handled

  #abandon(event: ProcessEvent, why: DeadLetterReason): void {
    if (event.kind === 'message') this.#bury(event, why);
    else if (event.kind === 'dispatch')
      event.abandon?.(why === 'overflow' ? new OverloadedError(this.pid) : new NoSuchProcessError(this.pid));
  }

  #bury({ from, name, answer }: MessageEvent, why: DeadLetterReason): void {
    this.node.events.emit('DEAD_LETTER', { from, to: this.id, message: name, why });
    if (why === 'poison') answer?.refused('failed', '');
    else if (why === 'overflow') answer?.refused('overloaded', '');
    else answer?.noProcess();
  }
}

/** Whether somebody else sent it, who can be told that it was too much. */
function isRefusable(event: ProcessEvent): boolean {
  return event.kind === 'message' || (event.kind === 'dispatch' && event.abandon !== undefined);
}

function termsOf(id: string, make: (() => Process) | undefined, options: SpawnOptions): Terms {
  const supervisor = Supervisor.of(options);
  if (supervisor?.budget !== undefined && make === undefined)
    throw new TypeError(`to restart ${id} it must be spawned as a function that makes it: spawn(() => new ..., ...)`);
  return { bound: checkedBound(options.mailbox), supervisor, make, restarts: 0, restart: undefined };
}

function checkedBound(bound: MailboxBound | undefined): MailboxBound | undefined {
  if (bound === undefined || bound.depthMax >= 1) return bound;
  throw new RangeError(`depthMax of a mailbox must be 1 or more, not ${bound.depthMax}`);
}
