import {
  type Clock,
  Node,
  type NodeOptions,
  NoSuchProcessError,
  type Random,
  SocketClientTransport,
  SystemClock,
  type Timer,
  type Transport,
} from '@mesos-ts/process';
import type { TaskState } from '@mesos-ts/protocol';
import { CallbackQueue } from './callback-queue.js';
import { DriverState, type DriverStatus } from './driver-state.js';
import { CallbackError, DriverEndedError, messageOf } from './errors.js';
import type { Executor } from './executor.js';
import { type ExecutorEnvironment, readExecutorEnvironment } from './executor-environment.js';
import { ExecutorProcess, type TaskUpdate } from './executor-process.js';

export interface ExecutorDriverOptions {
  /** What the agent set. Default: that of this OS process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** The way to the agent. Default: the local socket that the environment names. */
  readonly transport?: Transport;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: one that nobody can guess. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: NodeOptions['log'];
  /** Ends the OS process when the agent says so or is gone. Default: `process.exit`. */
  readonly exit?: (code: number) => void;
}

/** What only a master may say of a task. */
const notForExecutors: ReadonlySet<TaskState> = new Set(['TASK_STAGING', 'TASK_UNREACHABLE', 'TASK_UNKNOWN']);

/**
 * Connects an {@link Executor} with its agent, which started this OS process (Mesos facts 7.1). It starts a Node of its
 * own that reaches the agent alone.
 *
 * Updates are numbered, stamped and sent in order; `stop` waits until the agent has acknowledged them. When the agent
 * says that it is time to end, or is gone, the executor is told to shut down and the OS process exits: with 0 or 1, after
 * `shutdown` has settled and the updates are acknowledged, or at the end of the grace period.
 */
export class ExecutorDriver {
  /** The time by which the driver goes. */
  readonly clock: Clock;
  readonly #executor: Executor;
  readonly #options: ExecutorDriverOptions;
  readonly #environment: ExecutorEnvironment;
  readonly #state = new DriverState();
  readonly #callbacks = new CallbackQueue((error) => this.#failed(error));
  #starting: Promise<Node | undefined> = Promise.resolve(undefined);
  #process: ExecutorProcess | undefined;
  /** What was called before there was a process to do it. */
  #early: ((process: ExecutorProcess) => void)[] = [];
  #exitTimer: Timer | undefined;

  /** @throws {ExecutorEnvironmentError} when this program was not started by an agent. */
  constructor(executor: Executor, options: ExecutorDriverOptions = {}) {
    this.#executor = executor;
    this.#options = options;
    this.#environment = readExecutorEnvironment(options.environment ?? process.env);
    this.clock = options.clock ?? new SystemClock();
  }

  get status(): DriverStatus {
    return this.#state.status;
  }

  /** Begins to connect with the agent; `registered` follows. Once only: later calls do nothing. */
  start(): DriverStatus {
    if (this.#state.begin()) this.#starting = this.#connect();
    return this.status;
  }

  /**
   * Ends the driver gracefully; no callback begins after this. Its end, which {@link join} waits for, comes once the
   * agent has acknowledged all updates, or after the grace period.
   * @returns DRIVER_STOPPED, or DRIVER_ABORTED when it was aborted before.
   */
  stop(): DriverStatus {
    if (!this.#state.isRunning) return this.status;
    this.#callbacks.close();
    this.#state.leave('DRIVER_STOPPED', this.#finish(true));
    return this.status;
  }

  /** Ends the driver at once: to the agent it looks as if the executor had crashed. */
  abort(): DriverStatus {
    this.#abort();
    return this.status;
  }

  /**
   * Resolves once the driver was stopped or aborted and nothing of it is left; at once if it was never started. Rejects
   * where it was aborted for a reason that no callback was told: with {@link CallbackError} when a callback threw,
   * {@link DriverEndedError} when the agent could not be reached and the executor has no `error`.
   */
  join(): Promise<DriverStatus> {
    return this.#state.join();
  }

  /** {@link start} and {@link join}. */
  run(): Promise<DriverStatus> {
    this.start();
    return this.join();
  }

  /**
   * Tells the state of a task, reliably.
   * @throws {TypeError} for TASK_STAGING, TASK_UNREACHABLE and TASK_UNKNOWN, which are not for executors to say.
   */
  sendStatusUpdate(update: TaskUpdate): DriverStatus {
    if (notForExecutors.has(update.state))
      throw new TypeError(`an executor cannot say that a task is ${update.state}: only a master can`);
    return this.#call((process) => process.update(update));
  }

  /** Sends bytes to the scheduler. They may be lost. */
  sendFrameworkMessage(data: Uint8Array): DriverStatus {
    return this.#call((process) => process.tellFramework(data));
  }

  async #connect(): Promise<Node | undefined> {
    const { transport, random, log } = this.#options;
    const { socket, node: name } = this.#environment;
    try {
      const node = await Node.start({
        name,
        transports: [transport ?? new SocketClientTransport(socket)],
        clock: this.clock,
        // The end of the socket is the end of the agent, seen at once; an agent that is merely slow has not ended.
        probeMs: 5_000,
        silentMs: Number.POSITIVE_INFINITY,
        ...(random === undefined ? {} : { random }),
        ...(log === undefined ? {} : { log }),
      });
      this.#begin(node);
      return node;
    } catch (cause) {
      this.#refused(new DriverEndedError(`the agent cannot be reached: ${messageOf(cause)}`, { cause }));
      return undefined;
    }
  }

  #begin(node: Node): void {
    if (this.status === 'DRIVER_ABORTED') return;
    this.#process = new ExecutorProcess({
      driver: this,
      executor: this.#executor,
      callbacks: this.#callbacks,
      environment: this.#environment,
      shutdown: () => this.#shutDown(0),
      agentGone: () => {
        this.#callbacks.push(() => this.#executor.disconnected?.(this));
        this.#shutDown(1);
      },
      unanswered: (afterMs) =>
        this.#refused(new DriverEndedError(`the agent did not answer the executor's registration in ${afterMs} ms`)),
      ended: () => this.#abort(new DriverEndedError('the process of the driver ended: see the log')),
    });
    node.spawn(this.#process);
    for (const work of this.#early.splice(0)) this.#run(this.#process, work);
  }

  /** As an event of the process, and so in the order of the calls. */
  #call(work: (process: ExecutorProcess) => void): DriverStatus {
    if (!this.#state.isRunning) return this.status;
    const process = this.#process;
    if (process === undefined) this.#early.push(work);
    else this.#run(process, work);
    return this.status;
  }

  #run(process: ExecutorProcess, work: (process: ExecutorProcess) => void): void {
    process
      .dispatch(() => work(process))
      .catch((cause: unknown) => {
        if (!(cause instanceof NoSuchProcessError))
          this.#abort(new DriverEndedError(`a call of the driver failed: ${messageOf(cause)}`, { cause }));
      });
  }

  #abort(failure?: Error): void {
    if (!this.#state.isRunning) return;
    this.#callbacks.close();
    this.#state.leave('DRIVER_ABORTED', this.#finish(false), failure);
  }

  #failed(cause: unknown): void {
    this.#abort(new CallbackError('executor', cause));
  }

  #refused(failure: DriverEndedError): void {
    if (this.#executor.error === undefined) this.#abort(failure);
    else
      this.#callbacks.push(
        () => this.#executor.error?.(this, failure.message),
        () => this.#abort(),
      );
  }

  /** Tells the executor to end, stops, and ends the OS process. */
  #shutDown(code: number): void {
    if (this.#exitTimer !== undefined) return;
    this.#exitTimer = this.clock.timer(this.#environment.gracePeriodMs, () => this.#exit(code));
    this.#callbacks.push(
      () => this.#executor.shutdown(this),
      () => this.stop(),
    );
    const exit = (): void => {
      this.#exitTimer?.cancel();
      // A turn for those who wait for the join too.
      this.clock.nextTurn(() => this.#exit(code));
    };
    this.join().then(exit, exit);
  }

  #exit(code: number): void {
    (this.#options.exit ?? process.exit)(code);
  }

  async #finish(graceful: boolean): Promise<void> {
    const node = await this.#starting;
    if (node === undefined) return;
    if (graceful) await this.#drained();
    await node.stop();
  }

  /** Resolves once all updates are acknowledged, after the grace period at the latest. */
  #drained(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      const timer = this.clock.timer(this.#environment.gracePeriodMs, resolve);
      process.dispatch(() => process.whenDrained(done)).catch(done);
    });
  }
}

/**
 * Runs an executor as the whole of this OS process: the last line of its program. What goes wrong is said on stderr, and
 * the exit code is 1.
 */
export async function runExecutor(executor: Executor): Promise<void> {
  try {
    const status = await new ExecutorDriver(executor).run();
    if (status === 'DRIVER_ABORTED') process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
