import {
  type FrameworkId,
  isTerminal,
  type Reason,
  type Task,
  type TaskId,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@mesos-ts/protocol';

/** A task in the master's books, from LaunchTasks until its terminal update is acknowledged. */
export interface TaskRecord {
  /** With the newest state that is known. */
  task: Task;
  /** What was last forwarded to the framework: an acknowledgement of it moves the task on. */
  forwarded: { readonly uuid: string; readonly state: TaskState } | undefined;
  /** Its resources are still allocated on its agent. */
  holdsResources: boolean;
}

/** The key of a task among those of all frameworks. */
export function taskKey(frameworkId: FrameworkId, taskId: TaskId): string {
  return `${frameworkId}/${taskId}`;
}

/** A task that has just been launched on an offer in that role. */
export function stagingTask(frameworkId: FrameworkId, info: TaskInfo, role: string): TaskRecord {
  const task: Task = {
    taskId: info.taskId,
    name: info.name,
    frameworkId,
    executorId: info.executor.executorId,
    slaveId: info.slaveId,
    role,
    resources: info.resources,
    state: 'TASK_STAGING',
  };
  return { task, forwarded: undefined, holdsResources: true };
}

/** A task that its agent told of. */
export function reportedTask(task: Task): TaskRecord {
  return { task, forwarded: undefined, holdsResources: !isTerminal(task.state) };
}

/** As many characters as a person may still want to read: a longer message could be refused by its receiver. */
const messageMax = 4_096;

/** The task that a status is about, as far as it is known. */
export type TaskSubject = { readonly taskId: TaskId } & Partial<Pick<Task, 'slaveId' | 'executorId'>>;

/** A status that the master itself makes: it carries no uuid, so it is sent once and not acknowledged (facts 3.9). */
export function masterStatus(
  about: TaskSubject,
  state: TaskState,
  reason: Reason,
  message: string,
  timestamp: number,
): TaskStatus {
  return {
    taskId: about.taskId,
    state,
    source: 'SOURCE_MASTER',
    reason,
    message: message.slice(0, messageMax),
    timestamp,
    ...(about.slaveId === undefined ? {} : { slaveId: about.slaveId }),
    ...(about.executorId === undefined ? {} : { executorId: about.executorId }),
  };
}
