import { isDeepStrictEqual } from 'node:util';
import { isTerminal, type Reason, type SlaveId, type TaskId, type TaskInfo } from '@mesos-ts/protocol';
import type { Executor } from './executor.js';
import type { Framework, TaskRecord } from './frameworks.js';

/** What is to become of a RunTask. */
export type RunVerdict =
  /** As if it had never come. */
  | { readonly kind: 'ignore'; readonly why: string }
  /** The task is told to be TASK_DROPPED. */
  | { readonly kind: 'drop'; readonly reason: Reason; readonly why: string }
  /** Its executor is to be launched first. */
  | { readonly kind: 'launch' }
  /** It waits for its executor to register. */
  | { readonly kind: 'queue' }
  | { readonly kind: 'deliver'; readonly executor: Executor };

/**
 * The rules of a launch (Mesos facts 5.3).
 * @param launchExecutor whether the master has counted the executor's resources for this task.
 * @param framework undefined where it has nothing here yet.
 * @param known whether updates of a task of that id are still to be acknowledged.
 */
export function judgeRunTask(
  task: TaskInfo,
  launchExecutor: boolean,
  slaveId: SlaveId,
  framework: Framework | undefined,
  known: boolean,
): RunVerdict {
  if (task.slaveId !== slaveId) return { kind: 'ignore', why: `it is meant for the agent ${task.slaveId}` };
  if (framework?.terminating) return { kind: 'ignore', why: 'its framework was shut down' };
  if (known || framework?.tasks.has(task.taskId)) return { kind: 'ignore', why: 'a task of that id is here already' };
  const executor = framework?.executors.get(task.executor.executorId);
  if (launchExecutor !== (executor === undefined)) {
    const why = launchExecutor ? 'runs here already' : 'has ended meanwhile';
    const reason = 'REASON_EXECUTOR_TERMINATED';
    return { kind: 'drop', reason, why: `the executor ${task.executor.executorId} ${why}` };
  }
  return executor === undefined ? { kind: 'launch' } : judgeExecutor(executor, task);
}

function judgeExecutor(executor: Executor, task: TaskInfo): RunVerdict {
  if (!isDeepStrictEqual(executor.info, task.executor)) {
    const why = `an executor ${executor.id} with another description runs here already`;
    return { kind: 'drop', reason: 'REASON_TASK_INVALID', why };
  }
  switch (executor.state) {
    case 'registering':
      return { kind: 'queue' };
    case 'running':
      return { kind: 'deliver', executor };
    case 'terminating':
      return { kind: 'drop', reason: 'REASON_EXECUTOR_TERMINATED', why: `the executor ${executor.id} is ending` };
  }
}

/** What is to become of a KillTask. */
export type KillVerdict =
  | { readonly kind: 'ignore' }
  /** No such task is here: it is told to be TASK_GONE. */
  | { readonly kind: 'gone' }
  /** It never reached its executor: it is told to be TASK_KILLED. */
  | { readonly kind: 'unqueue'; readonly framework: Framework; readonly record: TaskRecord }
  | { readonly kind: 'relay'; readonly executor: Executor };

/** The rules of a kill; `known` as for {@link judgeRunTask}. */
export function judgeKillTask(taskId: TaskId, framework: Framework | undefined, known: boolean): KillVerdict {
  if (framework?.terminating) return { kind: 'ignore' };
  const record = framework?.tasks.get(taskId);
  if (framework === undefined || record === undefined) return known ? { kind: 'ignore' } : { kind: 'gone' };
  if (isTerminal(record.state)) return { kind: 'ignore' };
  if (record.queued !== undefined) return { kind: 'unqueue', framework, record };
  const executor = framework.executors.get(record.about.executorId);
  return executor?.connected ? { kind: 'relay', executor } : { kind: 'ignore' };
}
