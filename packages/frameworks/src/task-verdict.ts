import type { TaskStatus } from '@mesos-ts/protocol';
import { match, P } from 'ts-pattern';

/**
 * What a status means for the piece of a job that its task computes (Mesos facts 3.8):
 * - `alive`: it is on its way; `result`: it is done, and here is what came out;
 * - `result-follows`: the master, which was asked, knows that it is done, but not what came out: the agent will say;
 * - `lost`: it will not be done by this task; another may do it;
 * - `fatal`: another task would end the same way.
 */
export type TaskVerdict = 'alive' | 'result' | 'result-follows' | 'lost' | 'fatal';

export function judgeStatus(status: TaskStatus): TaskVerdict {
  return match(status)
    .returnType<TaskVerdict>()
    .with({ state: P.union('TASK_STAGING', 'TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING') }, () => 'alive')
    .with({ state: 'TASK_FINISHED', reason: 'REASON_RECONCILIATION' }, () => 'result-follows')
    .with({ state: 'TASK_FINISHED' }, () => 'result')
    .with({ state: 'TASK_FAILED', source: 'SOURCE_EXECUTOR' }, () => 'fatal')
    .with({ state: 'TASK_ERROR' }, () => 'fatal')
    .with({ state: P.union('TASK_FAILED', 'TASK_KILLED', 'TASK_LOST', 'TASK_DROPPED') }, () => 'lost')
    .with({ state: P.union('TASK_UNREACHABLE', 'TASK_GONE', 'TASK_UNKNOWN') }, () => 'lost')
    .exhaustive();
}

/** A status in words, for people. */
export function describeStatus({ state, reason, message }: TaskStatus): string {
  return [state, reason, message].filter((part) => part !== undefined && part !== '').join(': ');
}
