import type { ReconcileTasks, SlaveId, TaskStatus } from '@mesos-ts/protocol';
import { isTerminal } from '@mesos-ts/protocol';
import type { Agents } from './agents.js';
import type { Framework } from './frameworks.js';
import { masterStatus } from './tasks.js';

export interface ReconciliationView {
  readonly agents: Agents;
  /** Agents may still be on their way to a leader that is new: who is not known may come yet. */
  readonly recovering: boolean;
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
  if (slaveId !== undefined && view.agents.get(slaveId) !== undefined)
    return make('TASK_GONE', `agent ${slaveId} is registered and does not have it`);
  if (slaveId !== undefined && view.agents.isUnreachable(slaveId))
    return make('TASK_UNREACHABLE', `agent ${slaveId} is unreachable`);
  if (view.recovering) return undefined;
  return make('TASK_UNKNOWN', whyUnknown(slaveId));
}

function whyUnknown(slaveId: SlaveId | undefined): string {
  return slaveId === undefined ? 'no agent has it' : `agent ${slaveId} is not known`;
}
