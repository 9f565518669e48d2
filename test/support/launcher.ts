import type { Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import {
  type ExecutorId,
  type FrameworkId,
  type Offer,
  parseResources,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';

/** A scheduler that keeps what it is told, and launches what it is given as soon as there is an offer. */
export class Launcher implements Scheduler {
  readonly told: string[] = [];
  readonly waiting: string[] = [];
  frameworkId: FrameworkId | undefined;

  registered(_driver: SchedulerDriver, frameworkId: FrameworkId): void {
    this.frameworkId = frameworkId;
    this.told.push('registered');
  }
  reregistered(): void {
    this.told.push('reregistered');
  }
  disconnected(): void {
    this.told.push('disconnected');
  }
  error(_driver: SchedulerDriver, message: string): void {
    this.told.push(`error ${message}`);
  }
  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) {
      const tasks = this.waiting.splice(0).map((id) => taskOn(offer, id));
      driver.launchTasks([offer.id], tasks, { refuseSeconds: 1 });
    }
  }
  statusUpdate(_driver: SchedulerDriver, { taskId, state }: TaskStatus): void {
    this.told.push(`${taskId} ${state}`);
  }
}

function taskOn({ slaveId }: Offer, id: string): TaskInfo {
  const command = { value: 'true', arguments: [] };
  const executor = { executorId: id as ExecutorId, name: id, command, resources: [] };
  return { taskId: id as TaskId, name: id, slaveId, resources: parseResources('cpus:1'), executor };
}
