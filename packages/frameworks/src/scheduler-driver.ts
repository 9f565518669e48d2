import { type Node, NoSuchProcessError, type Upid } from '@mesos-ts/process';
import {
  type Demand,
  type ExecutorId,
  type Filters,
  type FrameworkInfo,
  type OfferId,
  type ReconcileTasks,
  RequestResources,
  type SlaveId,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import { CallbackQueue } from './callback-queue.js';
import { DriverState, type DriverStatus } from './driver-state.js';
import { CallbackError, DriverEndedError, messageOf } from './errors.js';
import type { Scheduler } from './scheduler.js';
import { SchedulerProcess } from './scheduler-process.js';

export interface SchedulerDriverOptions {
  /** Where the driver's process lives; neither started nor stopped by the driver. */
  readonly node: Node;
  /** Says who leads; not closed by the driver. */
  readonly detector: Detector;
  /** Acknowledge each update when `statusUpdate` has returned, or its promise was fulfilled. Default true. */
  readonly implicitAcknowledgements?: boolean;
  /**
   * The longest pause after each of the first four attempts to register, in ms; it doubles with each further one. Default
   * 50.
   */
  readonly registrationBackoffMs?: number;
}

export interface ReviveOptions {
  /** Default: all roles of the framework. */
  readonly roles?: readonly string[];
  /** Whether what was refused stays so for its time. Default false. */
  readonly keepFilters?: boolean;
}

/** For how long what is not used is not to be offered again (Mesos facts 12.2). */
const defaultFilters: Filters = { refuseSeconds: 5 };

/**
 * Connects a {@link Scheduler} with the cluster: finds the leading master, registers, comes back after a failover, and
 * carries calls and callbacks (Mesos facts 7.1).
 *
 * Every call returns the status of the driver and never throws because of where it stands: it does something only while
 * the driver runs. Calls are not reliable: while disconnected they are dropped and logged, except that launched tasks are
 * answered with TASK_DROPPED (REASON_MASTER_DISCONNECTED). So are tasks on offers that are void (REASON_INVALID_OFFERS),
 * and a launch that is malformed comes back as TASK_ERROR (REASON_TASK_INVALID). These answers have no uuid.
 */
export class SchedulerDriver {
  readonly #scheduler: Scheduler;
  readonly #framework: FrameworkInfo;
  readonly #options: SchedulerDriverOptions;
  readonly #state = new DriverState();
  readonly #callbacks = new CallbackQueue((error) => this.#failed(error));
  #process: SchedulerProcess | undefined;
  #pid: Upid | undefined;

  /**
   * @param framework with the id of an earlier registration to take over from the scheduler that had it; without one the
   * master mints it.
   */
  constructor(scheduler: Scheduler, framework: FrameworkInfo, options: SchedulerDriverOptions) {
    this.#scheduler = scheduler;
    this.#framework = framework;
    this.#options = options;
  }

  get status(): DriverStatus {
    return this.#state.status;
  }

  /** Begins to look for a master; `registered` follows. Once only: later calls do nothing. */
  start(): DriverStatus {
    if (!this.#state.begin()) return this.status;
    const { node, detector, implicitAcknowledgements = true, registrationBackoffMs = 50 } = this.#options;
    this.#process = new SchedulerProcess(`scheduler-${node.random.token(8)}`, this.#framework, {
      driver: this,
      scheduler: this.#scheduler,
      callbacks: this.#callbacks,
      detector,
      implicitAcknowledgements,
      registrationBackoffMs,
      abort: (failure) => this.#abort(failure),
      ended: () => this.#ended(),
    });
    this.#pid = node.spawn(this.#process);
    return this.status;
  }

  /**
   * Ends the driver, also one that was aborted; no callback begins after this. What was called before still leaves.
   *
   * @param failover false: the framework is over and its tasks are killed. True: they go on for its failover timeout, in
   * which a driver with the same framework id can take over.
   * @returns DRIVER_STOPPED, or DRIVER_ABORTED when it was aborted before.
   */
  stop(failover = false): DriverStatus {
    const before = this.status;
    if (before !== 'DRIVER_RUNNING' && before !== 'DRIVER_ABORTED') return before;
    this.#callbacks.close();
    this.#run((process) => process.stop(failover));
    this.#state.leave('DRIVER_STOPPED', this.#gone());
    return before === 'DRIVER_ABORTED' ? before : this.status;
  }

  /**
   * Ends the callbacks but stays registered, so that tasks go on: offers are handed back and no more are asked for.
   * `stop` is still to be called to end the framework or to leave it to another driver.
   */
  abort(): DriverStatus {
    this.#abort();
    return this.status;
  }

  /**
   * Resolves once the driver was stopped or aborted and, when stopped, has let go of all that it held; at once if it was
   * never started. Rejects where the driver was aborted for a reason that no callback was told: with
   * {@link CallbackError} when a callback threw, {@link FrameworkRefusedError} when the master refused a framework whose
   * scheduler has no `error`, {@link DriverEndedError} when its Node was stopped or its detector closed.
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
   * Launches tasks on offers of one agent; what is left of them is declined with `filters`. No tasks: all is declined.
   * @param filters default: 5 s.
   */
  launchTasks(offerIds: readonly OfferId[], tasks: readonly TaskInfo[], filters = defaultFilters): DriverStatus {
    return this.#call((process) => process.launch(offerIds, tasks, filters));
  }

  /** Hands offers back unused. @param filters default: 5 s. */
  declineOffer(offerIds: readonly OfferId[], filters = defaultFilters): DriverStatus {
    return this.#call((process) => process.decline(offerIds, filters));
  }

  /** Best effort: repeat it until a terminal update comes. */
  killTask(taskId: TaskId): DriverStatus {
    return this.#call((process) => process.kill(taskId));
  }

  /**
   * Ends {@link suppressOffers} in these roles of the framework, by default in all, and forgets the filters there.
   * @throws {TypeError} for a role that is not the framework's.
   */
  reviveOffers({ roles = [], keepFilters = false }: ReviveOptions = {}): DriverStatus {
    this.#requireOwn(roles);
    return this.#call((process) => process.revive(roles, keepFilters));
  }

  /**
   * Asks for no offers in these roles of the framework, by default in all, until {@link reviveOffers}; also of a master that
   * leads later.
   * @throws {TypeError} for a role that is not the framework's.
   */
  suppressOffers(roles: readonly string[] = []): DriverStatus {
    this.#requireOwn(roles);
    return this.#call((process) => process.suppress(roles));
  }

  /**
   * Says what the framework waits for: from now on it is offered that, and nothing else. Each task that is launched counts
   * one off, of the smallest shape in the offer's role that holds the task's own resources; it stays off whatever becomes of
   * the task. Whoever needs it again, or less than that, says all of it anew: the last word holds. What is still open is told
   * to every master, also to one that leads later, and with the first registration if it is said before that.
   *
   * A shape is best that of one task together with its executor. No demands: it waits for nothing; undefined: it takes
   * whatever there is, as before it said anything.
   * @throws {TypeError} for a demand that is malformed, or in a role that is not the framework's.
   */
  requestResources(demands: readonly Demand[] | undefined): DriverStatus {
    const checked = { frameworkId: 'any', ...(demands === undefined ? {} : { demands }) };
    if (!RequestResources.check(checked)) throw new TypeError(`malformed demand: ${RequestResources.explain(checked)}`);
    this.#requireOwn((demands ?? []).map(({ role }) => role));
    return this.#call((process) => process.request(demands));
  }

  /**
   * Says that an update is dealt with. One without a uuid needs none: nothing is sent.
   * @throws {TypeError} when the driver acknowledges by itself.
   */
  acknowledgeStatusUpdate(status: TaskStatus): DriverStatus {
    if (this.#options.implicitAcknowledgements ?? true)
      throw new TypeError('this driver acknowledges by itself: make it with implicitAcknowledgements: false');
    return this.#call((process) => process.acknowledge(status));
  }

  /** Sends bytes to an executor. They may be lost. */
  sendFrameworkMessage(executorId: ExecutorId, slaveId: SlaveId, data: Uint8Array): DriverStatus {
    return this.#call((process) => process.sendFrameworkMessage(executorId, slaveId, data));
  }

  /** Asks for the states of these tasks, or of all that are not terminal when there are none. Answers may be lost. */
  reconcileTasks(statuses: ReconcileTasks['statuses']): DriverStatus {
    return this.#call((process) => process.reconcile(statuses));
  }

  #requireOwn(roles: readonly string[]): void {
    const foreign = roles.find((role) => !this.#framework.roles.includes(role));
    if (foreign !== undefined)
      throw new TypeError(
        `${JSON.stringify(foreign)} is none of the framework's roles ${this.#framework.roles.join(', ')}`,
      );
  }

  /** What a running driver is asked for. */
  #call(work: (process: SchedulerProcess) => void): DriverStatus {
    if (this.#state.isRunning) this.#run(work);
    return this.status;
  }

  /** As an event of the process, and so in the order of the calls. */
  #run(work: (process: SchedulerProcess) => void): void {
    const process = this.#process;
    process
      ?.dispatch(() => work(process))
      .catch((cause: unknown) => {
        if (!(cause instanceof NoSuchProcessError))
          this.#abort(new DriverEndedError(`a call of the driver failed: ${messageOf(cause)}`, { cause }));
      });
  }

  #abort(failure?: Error): void {
    if (!this.#state.isRunning) return;
    this.#callbacks.close();
    this.#run((process) => process.abort());
    this.#state.leave('DRIVER_ABORTED', Promise.resolve(), failure);
  }

  #failed(cause: unknown): void {
    this.#options.node.log.error({ err: cause }, 'a callback of the scheduler threw: its driver is aborted');
    this.#abort(new CallbackError('scheduler', cause));
  }

  /** The process has ended: because we stopped it, or beneath us. */
  #ended(): void {
    this.#abort(new DriverEndedError('the process of the driver ended: its Node was stopped, or see the log'));
  }

  /** Resolves once the process has ended and what it sent has been handed to the transport. */
  async #gone(): Promise<void> {
    const { node } = this.#options;
    if (this.#pid !== undefined) await node.wait(this.#pid);
    await new Promise<void>((resolve) => node.clock.nextTurn(resolve));
  }
}
