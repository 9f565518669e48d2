import type { Executor, ExecutorDriver } from '@mesos-ts/frameworks';
import type { Timer } from '@mesos-ts/process';
import type { TaskId, TaskInfo, TaskState } from '@mesos-ts/protocol';
import type { ExecutorStage } from './simulated-launcher.js';

/** Of a hundred tasks. */
const failing = 5;
const crashing = 1;
const taskMsMax = 20_000;
/** An executor without tasks ends by itself after so long, in ms. */
const idleMs = 15_000;

/** Runs tasks that last a random time and then finish; a few fail, or take their executor with them. */
export class SimulatedExecutor implements Executor {
  readonly #stage: ExecutorStage;
  readonly #running = new Map<TaskId, Timer>();
  #idle: Timer | undefined;

  constructor(stage: ExecutorStage) {
    this.#stage = stage;
  }

  registered(driver: ExecutorDriver): void {
    this.#rest(driver);
  }

  launchTask(driver: ExecutorDriver, task: TaskInfo): void {
    const { random, clock, started } = this.#stage;
    started(task);
    this.#idle?.cancel();
    driver.sendStatusUpdate({ taskId: task.taskId, state: 'TASK_RUNNING' });
    const lasts = 50 + random.integer(taskMsMax);
    const fate = random.integer(100);
    const timer = clock.timer(lasts, () => {
      if (fate < crashing) this.#stage.crash();
      else this.#end(driver, task.taskId, fate < crashing + failing ? 'TASK_FAILED' : 'TASK_FINISHED');
    });
    this.#running.set(task.taskId, timer);
  }

  killTask(driver: ExecutorDriver, taskId: TaskId): void {
    if (this.#running.has(taskId)) this.#end(driver, taskId, 'TASK_KILLED');
  }

  shutdown(driver: ExecutorDriver): void {
    for (const taskId of [...this.#running.keys()]) this.#end(driver, taskId, 'TASK_KILLED');
    this.#idle?.cancel();
  }

  /** Nothing of it happens any more. */
  stop(): void {
    for (const [taskId, timer] of this.#running) {
      timer.cancel();
      this.#stage.ended(taskId);
    }
    this.#running.clear();
    this.#idle?.cancel();
  }

  #end(driver: ExecutorDriver, taskId: TaskId, state: TaskState): void {
    this.#running.get(taskId)?.cancel();
    this.#running.delete(taskId);
    this.#stage.ended(taskId);
    driver.sendStatusUpdate({ taskId, state });
    if (this.#running.size === 0) this.#rest(driver);
  }

  #rest(driver: ExecutorDriver): void {
    this.#idle?.cancel();
    this.#idle = this.#stage.clock.timer(idleMs, () => void driver.stop());
  }
}
