import type { ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, SlaveId, TaskStatus } from '@mesos-ts/protocol';
import type { SchedulerDriver } from './scheduler-driver.js';

/**
 * What a framework does when something happens: the callbacks that a {@link SchedulerDriver} makes (Mesos facts 7.1).
 *
 * They come one at a time, in the order of events; one that returns a promise holds the next until it settles. Calls to
 * the driver work from anywhere, also inside a callback, and take effect at once. A callback that throws aborts the
 * driver: see {@link SchedulerDriver.join}.
 */
export interface Scheduler {
  /** The master has taken the framework in. `frameworkId` is the one to come back with after a restart. */
  registered?(driver: SchedulerDriver, frameworkId: FrameworkId, master: MasterInfo): void | Promise<void>;
  /** Connected again, maybe to another master, which may have missed anything: reconcile what matters. */
  reregistered?(driver: SchedulerDriver, master: MasterInfo): void | Promise<void>;
  /** The master is gone. All offers are void; running tasks go on. The driver looks for the next master by itself. */
  disconnected?(driver: SchedulerDriver): void | Promise<void>;
  /** Use each one with `launchTasks`, or give it back with `declineOffer`: meanwhile nobody else gets it. */
  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void | Promise<void>;
  /** The offer is void. A launch that crossed this comes back as TASK_DROPPED. */
  offerRescinded?(driver: SchedulerDriver, offerId: OfferId): void | Promise<void>;
  /** The state of a task. One with a uuid may come more than once, until it is acknowledged. */
  statusUpdate(driver: SchedulerDriver, status: TaskStatus): void | Promise<void>;
  /** Bytes from an executor. They may be lost. */
  frameworkMessage?(
    driver: SchedulerDriver,
    executorId: ExecutorId,
    slaveId: SlaveId,
    data: Uint8Array,
  ): void | Promise<void>;
  /** An agent is unreachable or gone. May be lost, so rely on statusUpdate. */
  slaveLost?(driver: SchedulerDriver, slaveId: SlaveId): void | Promise<void>;
  /** An executor's OS process has ended with this exit code. May be lost, so rely on statusUpdate. */
  executorLost?(
    driver: SchedulerDriver,
    executorId: ExecutorId,
    slaveId: SlaveId,
    status: number,
  ): void | Promise<void>;
  /** The master refuses the framework, for what `message` says. The driver is aborted after this. */
  error?(driver: SchedulerDriver, message: string): void | Promise<void>;
}
