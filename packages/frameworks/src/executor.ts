import type { ExecutorInfo, FrameworkInfo, SlaveInfo, TaskId, TaskInfo } from '@mesos-ts/protocol';
import type { ExecutorDriver } from './executor-driver.js';

/**
 * What an executor does when something happens: the callbacks that an {@link ExecutorDriver} makes (Mesos facts 7.1).
 *
 * They come one at a time; one that returns a promise holds the next until it settles, so the work of a task must not be
 * awaited in `launchTask`: its kill would wait behind it. A callback that throws aborts the driver: see
 * {@link ExecutorDriver.join}.
 */
export interface Executor {
  /** The agent has taken the executor in. Comes once, before the first task. */
  registered?(
    driver: ExecutorDriver,
    executorInfo: ExecutorInfo,
    frameworkInfo: FrameworkInfo,
    slaveInfo: SlaveInfo,
  ): void | Promise<void>;
  /** The agent is gone; `shutdown` follows, as executors do not outlive their agent. */
  disconnected?(driver: ExecutorDriver): void | Promise<void>;
  /** Say TASK_RUNNING, and a terminal state in the end. */
  launchTask(driver: ExecutorDriver, task: TaskInfo): void | Promise<void>;
  /** Say TASK_KILLED once it has ended; nothing for a task that is not there. May come more than once. */
  killTask(driver: ExecutorDriver, taskId: TaskId): void | Promise<void>;
  /** Bytes from the scheduler. They may be lost. */
  frameworkMessage?(driver: ExecutorDriver, data: Uint8Array): void | Promise<void>;
  /**
   * End all tasks and say so. When this has returned, or its promise was fulfilled, the driver stops and the OS process
   * exits; by the end of the grace period it exits in any case.
   */
  shutdown(driver: ExecutorDriver): void | Promise<void>;
  /** The agent cannot be reached, or does not answer. The driver is aborted after this. */
  error?(driver: ExecutorDriver, message: string): void | Promise<void>;
}
