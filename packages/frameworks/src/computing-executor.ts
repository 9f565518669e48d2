import type { TaskId, TaskInfo, TaskState } from '@mesos-ts/protocol';
import { messageOf } from './errors.js';
import type { Executor } from './executor.js';
import type { ExecutorDriver } from './executor-driver.js';
import { type Computation, Slicer } from './slice.js';
import { encodeProgress } from './task-progress.js';

/** How often progress is told at most, in ms. */
const progressMs = 200;

interface RunningTask {
  readonly taskId: TaskId;
  readonly computation: Computation;
  readonly slicer: Slicer;
  progressToldMs: number;
}

/**
 * An executor whose tasks compute: TASK_RUNNING at the start, TASK_FINISHED with the result as data, TASK_FAILED with the
 * message of whatever the computation throws, also for task data that it refuses, and TASK_KILLED at the end of the
 * current slice of work. Tells its progress meanwhile, and stops when its last task has ended.
 */
export class ComputingExecutor implements Executor {
  readonly #begin: (data: Uint8Array | undefined) => Computation;
  readonly #tasks = new Map<TaskId, RunningTask>();

  /** @param begin makes the computation of a task from its data. */
  constructor(begin: (data: Uint8Array | undefined) => Computation) {
    this.#begin = begin;
  }

  launchTask(driver: ExecutorDriver, { taskId, data }: TaskInfo): void {
    driver.sendStatusUpdate({ taskId, state: 'TASK_RUNNING' });
    let computation: Computation;
    try {
      computation = this.#begin(data);
    } catch (error) {
      this.#end(driver, taskId, 'TASK_FAILED', { message: messageOf(error) });
      return;
    }
    const task = { taskId, computation, slicer: new Slicer(driver.clock), progressToldMs: driver.clock.now() };
    this.#tasks.set(taskId, task);
    driver.clock.nextTurn(() => this.#slice(driver, task));
  }

  killTask(driver: ExecutorDriver, taskId: TaskId): void {
    if (this.#tasks.has(taskId)) this.#end(driver, taskId, 'TASK_KILLED');
  }

  shutdown(driver: ExecutorDriver): void {
    for (const taskId of this.#tasks.keys()) driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
    this.#tasks.clear();
  }

  #slice(driver: ExecutorDriver, task: RunningTask): void {
    const { taskId, computation, slicer } = task;
    if (this.#tasks.get(taskId) !== task || driver.status !== 'DRIVER_RUNNING') return;
    try {
      if (slicer.run(computation)) this.#end(driver, taskId, 'TASK_FINISHED', { data: computation.result() });
      else {
        this.#tellProgress(driver, task);
        driver.clock.nextTurn(() => this.#slice(driver, task));
      }
    } catch (error) {
      this.#end(driver, taskId, 'TASK_FAILED', { message: messageOf(error) });
    }
  }

  #tellProgress(driver: ExecutorDriver, task: RunningTask): void {
    const now = driver.clock.now();
    if (now - task.progressToldMs < progressMs) return;
    task.progressToldMs = now;
    driver.sendFrameworkMessage(encodeProgress(task.computation.fraction));
  }

  #end(
    driver: ExecutorDriver,
    taskId: TaskId,
    state: TaskState,
    more: { message?: string; data?: Uint8Array } = {},
  ): void {
    this.#tasks.delete(taskId);
    driver.sendStatusUpdate({ taskId, state, ...more });
    if (this.#tasks.size === 0) driver.stop();
  }
}
