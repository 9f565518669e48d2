import { isDeepStrictEqual } from 'node:util';
import {
  addResources,
  containsResources,
  type ExecutorInfo,
  formatResources,
  isEmpty,
  normalize,
  type Offer,
  type OfferId,
  type Reason,
  type Resources,
  regularResources,
  revocableResources,
  subtractResources,
  type TaskInfo,
  type TaskState,
} from '@mesos-ts/protocol';
import { type Agent, type ExecutorRecord, executorKey, type Holding } from './agents.js';
import type { Framework } from './frameworks.js';

/** A task that is not launched, and what its framework is told. */
export interface Refused {
  readonly info: TaskInfo;
  readonly state: TaskState;
  readonly reason: Reason;
  readonly message: string;
}

/** A task that is launched. */
export interface Accepted {
  /** With its resources in canonical form. */
  readonly info: TaskInfo;
  /** What it takes out of the offer: its own resources, and its executor's where that has to be started. */
  readonly startsExecutor: boolean;
}

export interface LaunchOutcome {
  readonly accepted: readonly Accepted[];
  readonly refused: readonly Refused[];
  /** What is left of the offers. */
  readonly remaining: Resources;
}

/** Why the offers of a LaunchTasks cannot be used together; undefined when they can (Mesos facts 3.6, invalid accept). */
export function whyOffersInvalid(
  framework: Framework,
  offerIds: readonly OfferId[],
  find: (id: OfferId) => Offer | undefined,
): string | undefined {
  if (new Set(offerIds).size !== offerIds.length) return 'an offer is named twice';
  let first: Offer | undefined;
  for (const id of offerIds) {
    const offer = find(id);
    if (offer === undefined) return `offer ${id} is not valid: it was used, declined, rescinded or never made`;
    if (offer.frameworkId !== framework.id) return `offer ${id} was made to another framework`;
    first ??= offer;
    if (offer.slaveId !== first.slaveId)
      return `offers of two agents, ${first.slaveId} and ${offer.slaveId}, cannot be used together`;
    if (offer.role !== first.role)
      return `offers in two roles, ${first.role} and ${offer.role}, cannot be used together`;
  }
  return undefined;
}

/**
 * Checks the tasks of one LaunchTasks against what was offered, one after the other: a refused one leaves the others
 * unharmed (Mesos facts 3.6, 3.7). Pure: changes no books.
 */
export function checkLaunch(
  framework: Framework,
  agent: Agent,
  offered: Holding,
  tasks: readonly TaskInfo[],
): LaunchOutcome {
  const accepted: Accepted[] = [];
  const refused: Refused[] = [];
  const starting = new Map<string, ExecutorInfo>();
  let remaining = offered.resources;
  for (const task of tasks) {
    const key = executorKey(framework.id, task.executor.executorId);
    const record = agent.executors.get(key);
    const running = record?.info ?? starting.get(key);
    const elsewhere = record === undefined ? undefined : whyInOtherRole(record, offered.role, task);
    const checked = elsewhere ?? checkTask(framework, agent, remaining, canonicalTask(task), running, accepted);
    if (typeof checked === 'string') {
      refused.push({ info: task, state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: checked });
      continue;
    }
    remaining = checked.remaining;
    if (running === undefined) starting.set(key, checked.info.executor);
    accepted.push({ info: checked.info, startsExecutor: running === undefined });
  }
  return { accepted, refused, remaining };
}

type Checked = { readonly info: TaskInfo; readonly remaining: Resources } | string;

function checkTask(
  framework: Framework,
  agent: Agent,
  remaining: Resources,
  task: TaskInfo | string,
  running: ExecutorInfo | undefined,
  accepted: readonly Accepted[],
): Checked {
  if (typeof task === 'string') return task;
  if (framework.tasks.has(task.taskId) || accepted.some(({ info }) => info.taskId === task.taskId))
    return `task id ${task.taskId} is in use: another task of this framework has it and is not done yet`;
  if (task.slaveId !== agent.id)
    return `task ${task.taskId} names agent ${task.slaveId}, but the offer is of ${agent.id}`;
  if (isEmpty(task.resources)) return `task ${task.taskId} asks for no resources`;
  const unlendable = whyUnlendable(framework, task, running === undefined);
  if (unlendable !== undefined) return unlendable;
  if (running !== undefined && !isDeepStrictEqual(plain(running), plain(task.executor)))
    return `executor ${task.executor.executorId} already runs on agent ${agent.id} with another description`;
  const needed =
    running === undefined ? attempt(() => addResources(task.resources, task.executor.resources)) : task.resources;
  if (typeof needed === 'string') return needed;
  if (!containsResources(remaining, needed))
    return `task ${task.taskId} needs ${formatResources(needed)}${running === undefined ? ' with its executor' : ''}, but only ${formatResources(remaining) || 'nothing'} is left of the offer`;
  const left = attempt(() => subtractResources(remaining, needed));
  return typeof left === 'string' ? left : { info: task, remaining: left };
}

/**
 * Tasks in different roles do not share an executor: what it uses counts to one role, though another may be all that it is
 * still there for (Mesos facts 3.7: all of a task's resources are allocated to one role). One that uses nothing counts to none.
 */
function whyInOtherRole({ info, role }: ExecutorRecord, offeredRole: string, { taskId }: TaskInfo): string | undefined {
  if (role === offeredRole || isEmpty(info.resources)) return undefined;
  return `task ${taskId} is offered in role ${offeredRole}, but its executor ${info.executorId} already uses ${formatResources(info.resources)} there in role ${role}: launch it with an executor of its own`;
}

/** What is wrong with the revocable resources of a task, and of its executor if that has to be started (Mesos facts 3.7, 4.7). */
function whyUnlendable(framework: Framework, task: TaskInfo, startsExecutor: boolean): string | undefined {
  const { taskId, resources, executor } = task;
  const users = [{ user: `task ${taskId}`, resources }];
  if (startsExecutor) users.push({ user: `executor ${executor.executorId}`, resources: executor.resources });
  for (const { user, resources } of users) {
    const loan = revocableResources(resources);
    if (isEmpty(loan)) continue;
    if (framework.info.capabilities?.includes('REVOCABLE_RESOURCES') !== true)
      return `${user} asks for ${formatResources(loan)}, but its framework lacks the capability REVOCABLE_RESOURCES`;
    const mixed = regularResources(resources).find((regular) => loan.some(({ name }) => name === regular.name));
    if (mixed !== undefined)
      return `${user} asks for ${mixed.name} both revocable and not; of one name it may have one or the other`;
  }
  return undefined;
}

/** Lists of resources as they came from outside are well-formed, but not yet canonical. */
function canonicalTask(task: TaskInfo): TaskInfo | string {
  try {
    const executor = { ...task.executor, resources: normalize(task.executor.resources) };
    return { ...task, executor, resources: normalize(task.resources) };
  } catch (error) {
    return `task ${task.taskId}: ${(error as Error).message}`;
  }
}

/** What comes out, or why it cannot. */
function attempt(calculate: () => Resources): Resources | string {
  try {
    return calculate();
  } catch (error) {
    return (error as Error).message;
  }
}

/** Bytes of equal content compare as equal, whatever kind of view holds them. */
function plain(executor: ExecutorInfo): unknown {
  return executor.data === undefined ? executor : { ...executor, data: Buffer.from(executor.data).toString('base64') };
}

/** Several offers of one agent in one role together. */
export function offeredTogether(role: string, offers: readonly Offer[]): Holding {
  return { role, resources: offers.reduce<Resources>((total, offer) => addResources(total, offer.resources), []) };
}

/** Tasks that are answered without being looked at: their offers are void, or their agent is away. */
export function refuseAll(tasks: readonly TaskInfo[], reason: Reason, message: string): Refused[] {
  return tasks.map((info) => ({ info, state: 'TASK_DROPPED', reason, message }));
}
