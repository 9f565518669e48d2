import type { ReconcileTasks, TaskStatus } from '@mesos-ts/protocol';
import { isTerminal } from '@mesos-ts/protocol';
import type { Agents } from './agents.js';
import type { Framework } from './frameworks.js';
import { masterStatus } from './tasks.js';

export interface ReconciliationView {
  readonly agents: Agents;
  /** Agents are still on their way to a leader that is new: a task of which no agent is named may be on one of them. */
  readonly recovering: boolean;
  /** Whether every agent is known that there is, be it from the registry: one that is not is none. */
  readonly remembers: boolean;
  readonly timestamp: number;
}

type Named = ReconcileTasks['statuses'][number];

/**
 * What the master answers to ReconcileTasks (Mesos facts 3.10): the tasks named, or every one that is not done. Those of
 * which it cannot know yet are not answered: the framework asks again.
 */
export function reconcile(framework: Framework, named: readonly Named[], view: ReconciliationView): TaskStatus[] {
  if (named.length > 0)
    return named.map((one) => answer(framework, one, view)).filter((status) => status !== undefined);
  return [...framework.tasks.values()]
    .filter(({ task }) => !isTerminal(task.state))
    .map(({ task }) =>
      masterStatus(task, task.state, 'REASON_RECONCILIATION', 'reconciliation: the newest known state', view.timestamp),
    );
}

function answer(framework: Framework, named: Named, view: ReconciliationView): TaskStatus | undefined {
  const known = framework.tasks.get(named.taskId);
  const make = (state: TaskStatus['state'], message: string): TaskStatus =>
    masterStatus(
      { ...named, ...known?.task },
      state,
      'REASON_RECONCILIATION',
      `reconciliation: ${message}`,
      view.timestamp,
    );
  if (known !== undefined) return make(known.forwarded?.state ?? known.task.state, 'the last state that was told');
  const { slaveId } = named;
  if (slaveId === undefined) return view.recovering ? undefined : make('TASK_UNKNOWN', 'no agent has it');
  const { agents } = view;
  if (agents.recovered(slaveId) !== undefined) return undefined;
  if (agents.get(slaveId) !== undefined)
    return make('TASK_GONE', `agent ${slaveId} is registered and does not have it`);
  if (agents.isUnreachable(slaveId)) return make('TASK_UNREACHABLE', `agent ${slaveId} is unreachable`);
  if (agents.isGone(slaveId)) return make('TASK_GONE', `agent ${slaveId} is gone for good`);
  return view.recovering && !view.remembers ? undefined : make('TASK_UNKNOWN', `agent ${slaveId} is not known`);
}
