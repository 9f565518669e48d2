import type { Node, Timer } from '@mesos-ts/process';
import {
  type CommandInfo,
  type ExecutorId,
  type Filters,
  type FrameworkId,
  type FrameworkInfo,
  type Offer,
  type OfferId,
  parseResources,
  type Resources,
  type SlaveId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import { match } from 'ts-pattern';
import { JobFailedError, messageOf } from './errors.js';
import { Job, type JobProgress, type Piece } from './job.js';
import { JobDemand } from './job-demand.js';
import type { JobEffect } from './job-effect.js';
import { JobPatience, type JobStalled, patienceMs } from './job-patience.js';
import type { Scheduler } from './scheduler.js';
import { SchedulerDriver } from './scheduler-driver.js';
import { decodeProgress } from './task-progress.js';

/** How a job is run in a cluster. */
export interface JobRunOptions {
  /** Where the scheduler lives; neither started nor stopped here. */
  readonly node: Node;
  /** Says which master leads; not closed here. */
  readonly detector: Detector;
  /** Told of every change. One that throws fails the job. */
  readonly onProgress?: (progress: JobProgress) => void;
  /**
   * Told when a master has known the job for {@link patienceMs} without a task being under way: the cluster may be full, or
   * have no agent that is large enough. Once until that changes.
   * The job goes on waiting; if this throws, it fails.
   */
  readonly onStalled?: (stalled: JobStalled) => void;
  /** Cancels the job: its tasks are killed and its promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Of each task. Default `cpus:0.9;mem:64`. */
  readonly taskResources?: Resources;
  /** Of the executor that each task has. Default `cpus:0.1;mem:32`. */
  readonly executorResources?: Resources;
  /** How long a task may go without any status before the master is asked about it, in ms. Default 10,000. */
  readonly launchTimeoutMs?: number;
  /** As of the {@link SchedulerDriver}. */
  readonly registrationBackoffMs?: number;
}

/** What is to be done. */
export interface JobOptions extends JobRunOptions {
  readonly framework: FrameworkInfo;
  readonly pieces: readonly Piece[];
  readonly command: CommandInfo;
  /** Takes the result of a piece, once per piece, in any order. If it throws, the job fails. */
  readonly accept: (piece: number, data: Uint8Array) => void;
}

/**
 * Runs a job of independent pieces as a framework of its own and resolves when all results were accepted. Agents, masters
 * and executors may fail meanwhile: see {@link Job} for what is made good and what is not.
 *
 * Rejects with {@link JobFailedError}, with the reason of the signal, or as {@link SchedulerDriver.join} does. In every case
 * the framework is unregistered, if a master is connected, and no task or timer stays behind.
 */
export async function runJob(options: JobOptions): Promise<void> {
  options.signal?.throwIfAborted();
  if (options.pieces.length > 0) await new JobScheduler(options).run();
}

/** Carries out what a {@link Job} decides. */
class JobScheduler implements Scheduler {
  readonly #options: JobOptions;
  readonly #job: Job;
  readonly #driver: SchedulerDriver;
  readonly #demand: JobDemand;
  readonly #patience: JobPatience;
  #frameworkId: FrameworkId | undefined;
  #checkTimer: Timer | undefined;
  #checkAtMs = Number.POSITIVE_INFINITY;
  #isFinished = false;
  #failure: { readonly reason: unknown } | undefined;
  #told: JobProgress | undefined;

  constructor(options: JobOptions) {
    const { framework, pieces, command, node, detector, launchTimeoutMs, registrationBackoffMs } = options;
    this.#options = options;
    const { taskResources = parseResources('cpus:0.9;mem:64') } = options;
    const { executorResources = parseResources('cpus:0.1;mem:32') } = options;
    this.#job = new Job({
      pieces,
      name: framework.name,
      executor: {
        name: framework.name,
        command,
        resources: executorResources,
      },
      resources: taskResources,
      ...(launchTimeoutMs === undefined ? {} : { launchTimeoutMs }),
    });
    this.#driver = new SchedulerDriver(this, framework, {
      node,
      detector,
      ...(registrationBackoffMs === undefined ? {} : { registrationBackoffMs }),
    });
    this.#demand = new JobDemand({ driver: this.#driver, framework, taskResources, executorResources });
    this.#patience = new JobPatience(node.clock, (frameworkId) => this.#tellStalled(frameworkId));
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const cancel = (): void => this.#end({ reason: signal?.reason });
    signal?.addEventListener('abort', cancel);
    try {
      this.#driver.start();
      this.#demand.waiting(this.#job.waiting);
      await this.#driver.join();
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#checkTimer?.cancel();
      this.#patience.end();
      // An aborted driver is still registered.
      this.#driver.stop();
      await this.#driver.join().catch(() => undefined);
    }
    if (this.#failure !== undefined) throw this.#failure.reason;
    if (!this.#isFinished) throw new JobFailedError(`${this.#options.framework.name}: its driver was aborted`);
  }

  // Callbacks of the driver

  registered(_driver: SchedulerDriver, frameworkId: FrameworkId): void {
    const isFirst = this.#frameworkId === undefined;
    this.#frameworkId = frameworkId;
    if (isFirst) this.#armPatience();
    else this.reregistered();
  }

  reregistered(): void {
    this.#carryOut(this.#job.reconnected(this.#now));
  }

  disconnected(): void {
    this.#job.disconnected();
    this.#armPatience();
  }

  resourceOffers(_driver: SchedulerDriver, offers: readonly Offer[]): void {
    this.#carryOut(this.#job.offered(this.#now, offers));
  }

  statusUpdate(_driver: SchedulerDriver, status: TaskStatus): void {
    this.#options.node.log.debug(
      { taskId: status.taskId, state: status.state, reason: status.reason },
      'status of a task',
    );
    this.#carryOut(this.#job.updated(this.#now, status));
  }

  frameworkMessage(_driver: SchedulerDriver, executorId: ExecutorId, _slaveId: SlaveId, data: Uint8Array): void {
    this.#job.progressed(executorId, decodeProgress(data));
    this.#tellProgress();
  }

  slaveLost(_driver: SchedulerDriver, slaveId: SlaveId): void {
    this.#carryOut(this.#job.slaveLost(this.#now, slaveId));
  }

  error(_driver: SchedulerDriver, message: string): void {
    this.#failure ??= { reason: new JobFailedError(`the master refused the framework: ${message}`) };
  }

  // What the job wants

  get #now(): number {
    return this.#options.node.clock.now();
  }

  #carryOut(effects: readonly JobEffect[]): void {
    for (const effect of effects) this.#apply(effect);
    this.#demand.waiting(this.#job.waiting);
    this.#tellProgress();
    this.#armCheck();
    this.#armPatience();
  }

  #apply(effect: JobEffect): void {
    const driver = this.#driver;
    match(effect)
      .with({ kind: 'launch' }, ({ offerId, tasks, filters }) => this.#launch(offerId, tasks, filters))
      .with({ kind: 'decline' }, ({ offerIds, filters }) => driver.declineOffer(offerIds, filters))
      .with({ kind: 'suppress' }, () => driver.suppressOffers())
      .with({ kind: 'revive' }, () => driver.reviveOffers())
      .with({ kind: 'kill' }, ({ taskId }) => driver.killTask(taskId))
      .with({ kind: 'reconcile' }, ({ tasks }) => driver.reconcileTasks(tasks))
      .with({ kind: 'accept' }, ({ piece, data }) => this.#accept(piece, data))
      .with({ kind: 'finish' }, () => this.#finish())
      .with({ kind: 'fail' }, ({ piece, message }) => this.#end({ reason: this.#pieceFailed(piece, message) }))
      .exhaustive();
  }

  #launch(offerId: OfferId, tasks: readonly TaskInfo[], filters: Filters): void {
    this.#demand.launched(tasks.length);
    this.#driver.launchTasks([offerId], tasks, filters);
  }

  #finish(): void {
    this.#isFinished = true;
    this.#end(undefined);
  }

  #accept(piece: number, data: Uint8Array): void {
    try {
      this.#options.accept(piece, data);
    } catch (error) {
      this.#end({ reason: this.#pieceFailed(piece, `its result is not usable: ${messageOf(error)}`, error) });
    }
  }

  #pieceFailed(piece: number, message: string, cause?: unknown): JobFailedError {
    const { framework, pieces } = this.#options;
    const name = pieces[piece]?.name ?? `piece ${piece}`;
    return new JobFailedError(`${framework.name}: ${name}: ${message}`, name, cause === undefined ? {} : { cause });
  }

  #end(failure: { readonly reason: unknown } | undefined): void {
    this.#failure ??= failure;
    this.#driver.stop();
  }

  #tellProgress(): void {
    const { progress } = this.#job;
    const told = this.#told;
    if (told?.done === progress.done && told.running === progress.running && told.fraction === progress.fraction)
      return;
    this.#told = progress;
    this.#options.onProgress?.(progress);
  }

  #tellStalled(frameworkId: FrameworkId): void {
    try {
      this.#options.onStalled?.({ frameworkId, tasks: this.#job.waiting, forMs: patienceMs });
    } catch (reason) {
      this.#end({ reason });
    }
  }

  #armPatience(): void {
    const waits = this.#job.isIdle && this.#driver.status === 'DRIVER_RUNNING';
    this.#patience.waits(waits ? this.#frameworkId : undefined);
  }

  /** One timer, set to when the job wants to look after its tasks. */
  #armCheck(): void {
    const { nextCheckMs } = this.#job;
    if (this.#driver.status !== 'DRIVER_RUNNING' || nextCheckMs === undefined || nextCheckMs >= this.#checkAtMs) return;
    this.#checkTimer?.cancel();
    this.#checkAtMs = nextCheckMs;
    this.#checkTimer = this.#options.node.clock.timer(Math.max(0, nextCheckMs - this.#now), () => {
      this.#checkAtMs = Number.POSITIVE_INFINITY;
      this.#carryOut(this.#job.checkTasks(this.#now));
    });
  }
}
