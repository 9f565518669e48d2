import {
  type AnyMessageType,
  type AskableMessageType,
  type AskOptions,
  type BodyOf,
  type ExitReason,
  type Handler,
  Process,
  type ReplyOf,
  type Spawnable,
  type SpawnOptions,
  type Timer,
  type Upid,
} from '@mesos-ts/process';

/** What an {@link Actor} does at the turning points of its life. */
export interface Behaviour {
  readonly initialize?: (self: Actor) => void | Promise<void>;
  readonly finalize?: (self: Actor) => void | Promise<void>;
  readonly exited?: (pid: Upid, reason: ExitReason, self: Actor) => void | Promise<void>;
  readonly admits?: (from: Upid, name: string) => boolean;
}

/** A process with its inside out, so that a test can say what it does right where it checks it. */
export class Actor extends Process {
  /** Each `exited` so far, as `pid reason`. */
  readonly exits: string[] = [];
  #exitWaiters: { count: number; resolve: () => void }[] = [];

  constructor(
    id: string,
    private readonly behaviour: Behaviour = {},
  ) {
    super(id);
  }

  on<M extends AnyMessageType>(type: M, handler: Handler<M>): this {
    this.install(type, handler);
    return this;
  }

  say<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    this.send(to, type, body);
  }

  answer<M extends AnyMessageType>(type: M, body: BodyOf<M>): void {
    this.reply(type, body);
  }

  answerLater<M extends AnyMessageType>(type: M): (body: BodyOf<M>) => void {
    return this.replyLater(type);
  }

  request<M extends AskableMessageType>(to: Upid, type: M, body: BodyOf<M>, options: AskOptions): Promise<ReplyOf<M>> {
    return this.ask(to, type, body, options);
  }

  watch(pid: Upid): void {
    this.link(pid);
  }

  later(delayMs: number, work: () => void | Promise<void>): Timer {
    return this.delay(delayMs, work);
  }

  next(work: () => void | Promise<void>): void {
    this.enqueue(work);
  }

  after<T>(promise: Promise<T>, then: (value: T) => void | Promise<void>, failed?: (error: unknown) => void): void {
    this.defer(promise, then, failed);
  }

  /** Spawns a child. */
  bear(what: Spawnable, options?: SpawnOptions): Upid {
    return this.spawn(what, options);
  }

  end(): void {
    this.terminate();
  }

  /** Resolves once `count` of them came. */
  exitsReach(count: number): Promise<void> {
    if (this.exits.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#exitWaiters.push({ count, resolve }));
  }

  protected override initialize(): void | Promise<void> {
    return this.behaviour.initialize?.(this);
  }

  protected override finalize(): void | Promise<void> {
    return this.behaviour.finalize?.(this);
  }

  protected override admits(from: Upid, name: string): boolean {
    return this.behaviour.admits?.(from, name) ?? true;
  }

  protected override exited(pid: Upid, reason: ExitReason): void | Promise<void> {
    this.exits.push(`${pid} ${reason}`);
    for (const waiter of this.#exitWaiters) if (this.exits.length >= waiter.count) waiter.resolve();
    this.#exitWaiters = this.#exitWaiters.filter(({ count }) => this.exits.length < count);
    return this.behaviour.exited?.(pid, reason, this);
  }
}
