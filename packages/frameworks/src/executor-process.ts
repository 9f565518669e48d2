import { type ExitReason, Process, type Timer, type Upid } from '@mesos-ts/process';
import {
  ExecutorRegistered,
  ExecutorToFramework,
  FrameworkToExecutor,
  KillTask,
  RegisterExecutor,
  RunTask,
  ShutdownExecutor,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskId,
  type TaskState,
  type TaskStatus,
} from '@mesos-ts/protocol';
import { answersFor } from './answers-for.js';
import type { CallbackQueue } from './callback-queue.js';
import type { Executor } from './executor.js';
import type { ExecutorDriver } from './executor-driver.js';
import type { ExecutorEnvironment } from './executor-environment.js';

/** What an executor says of a task of its own; the driver adds the rest. */
export interface TaskUpdate {
  readonly taskId: TaskId;
  readonly state: TaskState;
  /** For people; cut off at 65,536 characters. */
  readonly message?: string;
  /** For the framework, such as a result. */
  readonly data?: Uint8Array;
}

/** What the process needs of its driver. */
export interface ExecutorProcessHost {
  readonly driver: ExecutorDriver;
  readonly executor: Executor;
  readonly callbacks: CallbackQueue;
  readonly environment: ExecutorEnvironment;
  /** The agent says that it is time to end. */
  shutdown(): void;
  /** The agent is gone. */
  agentGone(reason: ExitReason): void;
  /** The agent is there but does not take the executor in. */
  unanswered(afterMs: number): void;
  /** The process has ended, for whatever reason. */
  ended(): void;
}

/** The pause between two attempts to register, in ms. The way is a local socket, so one attempt should do. */
const registerAgainMs = 1_000;
const registerAttemptsMax = 30;
const messageLengthMax = 65_536;

/** Speaks with the agent for an {@link ExecutorDriver} (Mesos facts 2.5, 3.9). Nobody else is listened to. */
export class ExecutorProcess extends Process {
  readonly #host: ExecutorProcessHost;
  /** As the agent was named, and once it has answered, that incarnation of it. */
  #agent: Upid;
  #state: 'registering' | 'registered' | 'orphaned' = 'registering';
  #attempts = 0;
  #nextAttempt: Timer | undefined;
  /** By uuid, what the agent has not acknowledged yet. */
  readonly #unacknowledged = new Map<string, TaskStatus>();
  readonly #drained: (() => void)[] = [];

  constructor(host: ExecutorProcessHost) {
    super('executor(1)');
    this.#host = host;
    this.#agent = host.environment.agent;
  }

  // What the driver is asked for. Each runs as an event of this process.

  update({ taskId, state, message, data }: TaskUpdate): void {
    const { executorId, slaveId } = this.#host.environment;
    const uuid = this.random.uuid();
    const status: TaskStatus = {
      taskId,
      state,
      source: 'SOURCE_EXECUTOR',
      executorId,
      slaveId,
      uuid,
      timestamp: this.clock.wallTime(),
      ...(message === undefined ? {} : { message: message.slice(0, messageLengthMax) }),
      ...(data === undefined ? {} : { data }),
    };
    this.#unacknowledged.set(uuid, status);
    if (this.#state === 'registered') this.#sendUpdate(status);
  }

  tellFramework(data: Uint8Array): void {
    const { frameworkId, executorId, slaveId } = this.#host.environment;
    if (this.#state === 'registered')
      this.send(this.#agent, ExecutorToFramework, { slaveId, frameworkId, executorId, data });
  }

  /** Calls back once the agent has acknowledged all updates, or nobody is left to do so. */
  whenDrained(callback: () => void): void {
    this.#drained.push(callback);
    this.#checkDrained();
  }

  // What happens

  protected override initialize(): void {
    const { callbacks, executor, driver, environment } = this.#host;
    this.install(ExecutorRegistered, (from, body) => {
      if (this.#state !== 'registering') return;
      this.#registered(from);
      callbacks.push(() => executor.registered?.(driver, body.executor, body.framework, body.slave));
      for (const status of this.#unacknowledged.values()) this.#sendUpdate(status);
    });
    this.install(RunTask, (_from, { task }) => callbacks.push(() => executor.launchTask(driver, task)));
    this.install(KillTask, (_from, { taskId }) => callbacks.push(() => executor.killTask(driver, taskId)));
    this.install(FrameworkToExecutor, (_from, { data }) =>
      callbacks.push(() => executor.frameworkMessage?.(driver, data)),
    );
    this.install(StatusUpdateAcknowledgement, (_from, { uuid }) => {
      this.#unacknowledged.delete(uuid);
      this.#checkDrained();
    });
    this.install(ShutdownExecutor, () => this.#host.shutdown());
    this.log.debug({ agent: environment.agent }, 'registering with the agent');
    this.link(this.#agent);
    this.#register();
  }

  protected override admits(from: Upid, name: string): boolean {
    if (this.#state === 'registered') return from === this.#agent;
    const isFirstWord = name === ExecutorRegistered.name || name === ShutdownExecutor.name;
    return isFirstWord && answersFor(this.#agent, from);
  }

  protected override exited(_pid: Upid, reason: ExitReason): void {
    if (this.#state === 'orphaned') return;
    this.#state = 'orphaned';
    this.#nextAttempt?.cancel();
    this.#checkDrained();
    this.#host.agentGone(reason);
  }

  protected override finalize(): void {
    this.#state = 'orphaned';
    this.#checkDrained();
    this.#host.ended();
  }

  #register(): void {
    if (this.#attempts === registerAttemptsMax) {
      this.#host.unanswered(this.#attempts * registerAgainMs);
      return;
    }
    this.#attempts++;
    const { frameworkId, executorId } = this.#host.environment;
    this.send(this.#agent, RegisterExecutor, { frameworkId, executorId });
    this.#nextAttempt = this.delay(registerAgainMs, () => this.#register());
  }

  #registered(from: Upid): void {
    this.#nextAttempt?.cancel();
    this.#agent = from;
    this.#state = 'registered';
  }

  #sendUpdate(status: TaskStatus): void {
    const { frameworkId } = this.#host.environment;
    this.send(this.#agent, StatusUpdate, { frameworkId, status, pid: this.pid });
  }

  #checkDrained(): void {
    if (this.#unacknowledged.size > 0 && this.#state !== 'orphaned') return;
    for (const callback of this.#drained.splice(0)) callback();
  }
}
