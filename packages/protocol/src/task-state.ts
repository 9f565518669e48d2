import { type Static, Type } from '@sinclair/typebox';

/** Where a task stands (Mesos facts 3.8). Every framework here is told the precise state, as partition-aware ones are. */
export const TaskStateSchema = Type.Union([
  Type.Literal('TASK_STAGING'),
  Type.Literal('TASK_STARTING'),
  Type.Literal('TASK_RUNNING'),
  Type.Literal('TASK_KILLING'),
  Type.Literal('TASK_FINISHED'),
  Type.Literal('TASK_FAILED'),
  Type.Literal('TASK_KILLED'),
  Type.Literal('TASK_ERROR'),
  Type.Literal('TASK_LOST'),
  Type.Literal('TASK_DROPPED'),
  Type.Literal('TASK_UNREACHABLE'),
  Type.Literal('TASK_GONE'),
  Type.Literal('TASK_UNKNOWN'),
]);
export type TaskState = Static<typeof TaskStateSchema>;

const terminalStates: ReadonlySet<TaskState> = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
]);

/** Whether a task in this state has ended for good. An unreachable or unknown one may come back. */
export function isTerminal(state: TaskState): boolean {
  return terminalStates.has(state);
}

/** Who says so. */
export const SourceSchema = Type.Union([
  Type.Literal('SOURCE_MASTER'),
  Type.Literal('SOURCE_SLAVE'),
  Type.Literal('SOURCE_EXECUTOR'),
]);
export type Source = Static<typeof SourceSchema>;

/** Why, where master or agent say so (Mesos facts 3.8). */
export const ReasonSchema = Type.Union([
  Type.Literal('REASON_EXECUTOR_REGISTRATION_TIMEOUT'),
  Type.Literal('REASON_EXECUTOR_TERMINATED'),
  Type.Literal('REASON_CONTAINER_LAUNCH_FAILED'),
  Type.Literal('REASON_INVALID_OFFERS'),
  Type.Literal('REASON_MASTER_DISCONNECTED'),
  Type.Literal('REASON_RECONCILIATION'),
  Type.Literal('REASON_SLAVE_DISCONNECTED'),
  Type.Literal('REASON_SLAVE_REMOVED'),
  Type.Literal('REASON_SLAVE_REREGISTERED'),
  Type.Literal('REASON_TASK_INVALID'),
  Type.Literal('REASON_TASK_KILLED_DURING_LAUNCH'),
]);
export type Reason = Static<typeof ReasonSchema>;
