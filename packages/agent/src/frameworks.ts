import { parseUpid, type Upid } from '@mesos-ts/process';
import {
  type ExecutorId,
  type FrameworkId,
  type FrameworkInfo,
  isTerminal,
  type ReregisterSlave,
  type SlaveId,
  type Task,
  type TaskId,
  type TaskInfo,
  type TaskState,
} from '@mesos-ts/protocol';
import type { Executor } from './executor.js';

/** A task, from its arrival until its terminal update is acknowledged. */
export interface TaskRecord {
  readonly about: Omit<Task, 'state'>;
  /** The newest that is known. */
  state: TaskState;
  /** What its executor is to get; absent once it has been given to it, or never will be. */
  queued: TaskInfo | undefined;
}

/** A framework that has executors here, or tasks with something left to acknowledge. */
export class Framework {
  /** The master is done with it: its executors end, and nothing of it is told any more. */
  terminating = false;
  readonly executors = new Map<ExecutorId, Executor>();
  readonly tasks = new Map<TaskId, TaskRecord>();

  constructor(
    readonly id: FrameworkId,
    public info: FrameworkInfo,
  ) {}

  /** Enters a task as staging. @param role that of the offer it was launched on. */
  add(info: TaskInfo, role: string): TaskRecord {
    const { taskId, name, slaveId, resources, executor } = info;
    const { executorId } = executor;
    const about = { taskId, name, frameworkId: this.id, executorId, slaveId, role, resources };
    const record: TaskRecord = { about, state: 'TASK_STAGING', queued: info };
    this.tasks.set(taskId, record);
    return record;
  }

  /** Those tasks of an executor that have not ended, in the order of their arrival. */
  liveTasksOf(executorId: ExecutorId): TaskRecord[] {
    return [...this.tasks.values()].filter(
      (record) => record.about.executorId === executorId && !isTerminal(record.state),
    );
  }
}

/** What an agent has on its books. */
export class Frameworks {
  readonly #frameworks = new Map<FrameworkId, Framework>();
  readonly #byNode = new Map<string, Executor>();
  readonly #byPid = new Map<Upid, Executor>();

  get(id: FrameworkId): Framework | undefined {
    return this.#frameworks.get(id);
  }

  /** The framework of that id, entered when it is new; what is newly said of it holds from now on. */
  obtain(id: FrameworkId, info: FrameworkInfo): Framework {
    const framework = this.#frameworks.get(id) ?? new Framework(id, info);
    this.#frameworks.set(id, framework);
    framework.info = info;
    return framework;
  }

  remove(framework: Framework): void {
    this.#frameworks.delete(framework.id);
  }

  addExecutor(framework: Framework, executor: Executor): void {
    framework.executors.set(executor.id, executor);
    this.#byNode.set(executor.nodeName, executor);
  }

  removeExecutor(framework: Framework, executor: Executor): void {
    framework.executors.delete(executor.id);
    this.#byNode.delete(executor.nodeName);
    if (executor.pid !== undefined) this.#byPid.delete(executor.pid);
  }

  /** The executor registered: from now on it speaks from this address alone. */
  bind(executor: Executor, pid: Upid): void {
    executor.pid = pid;
    this.#byPid.set(pid, executor);
  }

  /** The registered executor that speaks from `pid`. */
  executorAt(pid: Upid): Executor | undefined {
    return this.#byPid.get(pid);
  }

  /** The executor that was told to take the name of the Node of `pid`. */
  executorLaunchedAs(pid: Upid): Executor | undefined {
    return this.#byNode.get(parseUpid(pid).node);
  }

  executors(): Executor[] {
    return [...this.#byNode.values()];
  }

  /** All that a new master has to learn (Mesos facts 3.3): not what it is to forget, which is what ends with its framework. */
  report(slaveId: SlaveId): Pick<ReregisterSlave, 'tasks' | 'executors' | 'frameworks'> {
    const frameworks = [...this.#frameworks.values()].filter((framework) => !framework.terminating);
    return {
      tasks: frameworks.flatMap((framework) =>
        [...framework.tasks.values()].map(({ about, state }) => ({ ...about, slaveId, state })),
      ),
      executors: frameworks.flatMap(({ id, executors }) =>
        [...executors.values()].map(({ info, role }) => ({ frameworkId: id, executor: info, role })),
      ),
      frameworks: frameworks.map(({ info }) => info),
    };
  }
}
