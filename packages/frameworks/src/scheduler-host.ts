import type { Detector } from '@mesos-ts/zk-election';
import type { CallbackQueue } from './callback-queue.js';
import type { Scheduler } from './scheduler.js';
import type { SchedulerDriver } from './scheduler-driver.js';

/** What the process of a scheduler needs of its driver. */
export interface SchedulerHost {
  readonly driver: SchedulerDriver;
  readonly scheduler: Scheduler;
  readonly callbacks: CallbackQueue;
  readonly detector: Detector;
  readonly implicitAcknowledgements: boolean;
  readonly registrationBackoffMs: number;
  /** @param failure where no callback was told why. */
  abort(failure?: Error): void;
  /** The process has ended, for whatever reason. */
  ended(): void;
}
