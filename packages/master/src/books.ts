import type { Upid } from '@mesos-ts/process';
import {
  addResources,
  type Demand,
  type ExecutorId,
  type ExecutorInfo,
  type Filters,
  type FrameworkId,
  type FrameworkInfo,
  isTerminal,
  type MasterId,
  type Offer,
  type ReregisterSlave,
  type Resources,
  type SlaveId,
  type SlaveInfo,
  type Task,
  type TaskState,
} from '@mesos-ts/protocol';
import { type Agent, Agents, executorKey, type Holding } from './agents.js';
import type { Allocation, Allocator, SlaveDescription, Usage } from './allocator/allocator.js';
import { frameworkDescription } from './framework-description.js';
import { type Framework, Frameworks } from './frameworks.js';
import type { Accepted } from './launch.js';
import { Offers } from './offers.js';
import { reportedTask, stagingTask, type TaskRecord, taskKey } from './tasks.js';

type Executors = ReregisterSlave['executors'];

/** What the report of an agent that is here led to. */
export interface Reconciled {
  /** Tasks that the books hold to be there and the agent does not name. */
  readonly missing: readonly TaskRecord[];
  /** Whether the allocator was told of the agent anew, so that what it has given away of it before is void. */
  readonly countedAnew: boolean;
  /** The offers that are void by that. */
  readonly voided: readonly Offer[];
}

/**
 * All that the master knows: agents, frameworks, offers, tasks and executors, and the only place that changes more than
 * one of them. Every change keeps the allocator in step, so that each resource of an agent is free, in one offer, or held
 * by one task or executor. Sends nothing: what others are to be told is the master's business.
 */
export class Books {
  readonly agents: Agents;
  readonly frameworks: Frameworks;
  readonly offers: Offers;
  readonly #allocator: Allocator;

  constructor(masterId: MasterId, allocator: Allocator) {
    this.agents = new Agents(masterId);
    this.frameworks = new Frameworks(masterId);
    this.offers = new Offers(masterId);
    this.#allocator = allocator;
  }

  // Offers

  /** Makes an offer of what was allocated; gives it back at once if framework or agent have gone meanwhile. */
  makeOffer({ frameworkId, slaveId, role, resources }: Allocation): Offer | undefined {
    const framework = this.frameworks.get(frameworkId);
    const agent = this.agents.get(slaveId);
    // It may have left the role since.
    if (framework?.connected && agent?.connected && framework.info.roles.includes(role))
      return this.offers.add(framework, agent, role, resources);
    this.#allocator.recoverResources(frameworkId, slaveId, role, resources);
    return undefined;
  }

  /** Removes an offer without giving its resources back: they are used. */
  consume(offer: Offer): void {
    this.offers.remove(offer, this.frameworks.get(offer.frameworkId), this.agents.get(offer.slaveId));
  }

  /** Removes an offer and gives its resources back. */
  takeBack(offer: Offer, filters?: Filters): void {
    this.consume(offer);
    this.giveBack(offer.frameworkId, offer.slaveId, offer, filters);
  }

  /** Gives back what was offered. */
  giveBack(frameworkId: FrameworkId, slaveId: SlaveId, { role, resources }: Holding, filters?: Filters): void {
    this.#allocator.recoverResources(frameworkId, slaveId, role, resources, filters);
  }

  /** Gives back what was used. */
  #release(frameworkId: FrameworkId, slaveId: SlaveId, { role, resources }: Holding): void {
    this.#allocator.releaseResources(frameworkId, slaveId, role, resources);
  }

  // Tasks and executors

  /** A task, and what it starts, use resources that were offered in `role`. */
  launch(framework: Framework, agent: Agent, role: string, { info, startsExecutor }: Accepted): void {
    const record = stagingTask(framework.id, info, role);
    framework.tasks.set(info.taskId, record);
    agent.tasks.add(record);
    const { resources } = info.executor;
    // At once, as they were waited for.
    const used = startsExecutor ? addResources(info.resources, resources) : info.resources;
    this.#allocator.used(framework.id, agent.id, role, used);
    if (startsExecutor) this.#addExecutor(agent, framework.id, role, info.executor);
  }

  /** Notes a task's newest state; a terminal one frees its resources. Nothing leads back from a terminal state. */
  update(agent: Agent, record: TaskRecord, state: TaskState): void {
    if (isTerminal(record.task.state)) return;
    record.task = { ...record.task, state };
    this.#noteExecutor(agent, record.task);
    if (!isTerminal(state) || !record.holdsResources) return;
    record.holdsResources = false;
    this.#release(record.task.frameworkId, agent.id, record.task);
  }

  /** A task that was dropped never started its executor; one that did anything else has. */
  #noteExecutor(agent: Agent, task: Task): void {
    const executor = agent.executors.get(executorKey(task.frameworkId, task.executorId));
    if (executor === undefined) return;
    if (task.state !== 'TASK_DROPPED') executor.seen = true;
    else if (!executor.seen && !this.#isAwaited(agent, task))
      this.executorEnded(agent, task.frameworkId, task.executorId);
  }

  #isAwaited(agent: Agent, ended: Task): boolean {
    for (const { task } of agent.tasks)
      if (task.executorId === ended.executorId && task.frameworkId === ended.frameworkId && !isTerminal(task.state))
        return true;
    return false;
  }

  /** The framework has acknowledged the end of a task. */
  forget(framework: Framework, record: TaskRecord): void {
    framework.tasks.delete(record.task.taskId);
    this.agents.get(record.task.slaveId)?.tasks.delete(record);
  }

  /** An executor's process has ended, so nothing uses its resources any more. False if it was not known. */
  executorEnded(agent: Agent, frameworkId: FrameworkId, executorId: ExecutorId): boolean {
    const key = executorKey(frameworkId, executorId);
    const executor = agent.executors.get(key);
    if (executor === undefined) return false;
    agent.executors.delete(key);
    for (const holding of executor.holds) this.#release(frameworkId, agent.id, holding);
    return true;
  }

  // Agents

  /** A new agent, under an id that was minted for it. @param info with normalized resources. */
  addAgent(id: SlaveId, info: SlaveInfo, pid: Upid): Agent {
    const agent = this.agents.add(id, info, pid);
    this.#allocator.addSlave(agent.id, descriptionOf(agent), []);
    return agent;
  }

  /** An agent that is not here, with all that runs on it: how a new leader learns. @param report a canonical one. */
  importAgent(id: SlaveId, report: ReregisterSlave, pid: Upid): Agent {
    const agent = this.agents.add(id, report.slave, pid);
    for (const info of report.frameworks) if (info.id !== undefined) this.#importFramework(info.id, info);
    this.#importUnknown(agent, report.executors, report.tasks);
    this.#allocator.addSlave(agent.id, descriptionOf(agent), usagesOf(agent));
    return agent;
  }

  /**
   * An agent that is here reports anew: executors that it lacks have ended meanwhile, and what runs there and is not in
   * the books is taken into them. @param report a canonical one.
   */
  reconcileAgent(agent: Agent, report: ReregisterSlave): Reconciled {
    const reported = new Set(report.tasks.map((task) => taskKey(task.frameworkId, task.taskId)));
    const missing = [...agent.tasks].filter(({ task }) => !reported.has(taskKey(task.frameworkId, task.taskId)));
    const awaited = missing.filter(({ task }) => !isTerminal(task.state));
    this.#reconcileExecutors(agent, report.executors, awaited);
    for (const record of missing) if (isTerminal(record.task.state)) this.#forgetEnded(record);
    for (const task of report.tasks) this.#updateReported(agent, task);
    // What has ended and is not in the books was acknowledged: the agent will hear of it.
    const running = report.tasks.filter(({ state }) => !isTerminal(state));
    const more = this.#importUnknown(agent, report.executors, running);
    return { missing: awaited, countedAnew: more, voided: more ? this.#countAnew(agent) : [] };
  }

  /** The agent has other resources than it had. @returns the offers that are void by that. */
  updateAgent(agent: Agent, info: SlaveInfo): Offer[] {
    agent.info = { ...info, id: agent.id };
    return this.#countAnew(agent);
  }

  /** The agent lends that from now on. What is offered beyond it is for the caller to take back. */
  lend(agent: Agent, oversubscribed: Resources): void {
    agent.oversubscribed = oversubscribed;
    this.#allocator.updateOversubscribed(agent.id, oversubscribed);
  }

  deactivateAgent(agent: Agent): Offer[] {
    agent.connected = false;
    this.#allocator.deactivateSlave(agent.id);
    return this.#takeBackAll(agent.offers);
  }

  activateAgent(agent: Agent, pid: Upid): void {
    this.agents.reconnect(agent, pid);
    this.#allocator.activateSlave(agent.id);
  }

  /** Forgets an agent and its tasks; says which tasks and offers those were. */
  removeAgent(agent: Agent, unreachable: boolean): { readonly tasks: TaskRecord[]; readonly offers: Offer[] } {
    const offers = this.offers.all(agent.offers);
    for (const offer of offers) this.consume(offer);
    const tasks = [...agent.tasks];
    for (const { task } of tasks) this.frameworks.get(task.frameworkId)?.tasks.delete(task.taskId);
    this.agents.remove(agent);
    if (unreachable) this.agents.markUnreachable(agent.id);
    this.#allocator.removeSlave(agent.id);
    return { tasks, offers };
  }

  // Frameworks

  addFramework(id: FrameworkId, info: FrameworkInfo): Framework {
    const framework = this.frameworks.add(id, info);
    this.#allocator.addFramework(id, frameworkDescription(info));
    return framework;
  }

  /** Its scheduler is (again) there. Offers from before are void: it may never have seen them. @returns those. */
  connectFramework(framework: Framework, pid: Upid, demands: readonly Demand[] | undefined): Offer[] {
    this.#allocator.requestResources(framework.id, demands);
    const voided = this.#takeBackAll(framework.offers);
    this.frameworks.connect(framework, pid);
    this.#allocator.activateFramework(framework.id);
    return voided;
  }

  /**
   * Its scheduler describes it anew, maybe in other roles. What its tasks and executors hold in roles that it has left counts
   * to those until it is given back.
   */
  updateFramework(framework: Framework, info: FrameworkInfo): void {
    framework.info = { ...info, id: framework.id };
    this.#allocator.addFramework(framework.id, frameworkDescription(info));
  }

  disconnectFramework(framework: Framework): void {
    framework.connected = false;
    this.#allocator.deactivateFramework(framework.id);
    this.#takeBackAll(framework.offers);
  }

  /**
   * Forgets a framework. What its tasks use is not free before their executors have ended, so it is counted to those.
   */
  removeFramework(framework: Framework): void {
    this.#takeBackAll(framework.offers);
    for (const record of framework.tasks.values()) this.#orphan(record);
    this.frameworks.remove(framework);
    this.#allocator.removeFramework(framework.id);
  }

  /** An executor that is not there has ended, unless a task that would have started it may still be on its way. */
  #reconcileExecutors(agent: Agent, reported: Executors, awaited: readonly TaskRecord[]): void {
    const running = new Set(reported.map((one) => executorKey(one.frameworkId, one.executor.executorId)));
    const starting = new Set(awaited.map(({ task }) => executorKey(task.frameworkId, task.executorId)));
    for (const [key, executor] of agent.executors) {
      executor.seen ||= running.has(key);
      if (!running.has(key) && (executor.seen || !starting.has(key)))
        this.executorEnded(agent, executor.frameworkId, executor.info.executorId);
    }
  }

  #forgetEnded(record: TaskRecord): void {
    const framework = this.frameworks.get(record.task.frameworkId);
    if (framework !== undefined) this.forget(framework, record);
  }

  #orphan(record: TaskRecord): void {
    const agent = this.agents.get(record.task.slaveId);
    if (agent === undefined) return;
    agent.tasks.delete(record);
    if (!record.holdsResources) return;
    const executor = agent.executors.get(executorKey(record.task.frameworkId, record.task.executorId));
    if (executor === undefined) this.#release(record.task.frameworkId, agent.id, record.task);
    else executor.holds.push(record.task);
  }

  /** What an agent uses, or has at all, is not what the allocator was told: it is told again. */
  #countAnew(agent: Agent): Offer[] {
    const offers = this.offers.all(agent.offers);
    for (const offer of offers) this.consume(offer);
    this.#allocator.addSlave(agent.id, descriptionOf(agent), usagesOf(agent));
    return offers;
  }

  /** Takes what runs on the agent into the books. @returns whether any of it was not there, and uses resources. */
  #importUnknown(agent: Agent, executors: Executors, tasks: readonly Task[]): boolean {
    const added = new Set<string>();
    for (const { frameworkId, executor, role } of executors) {
      const key = executorKey(frameworkId, executor.executorId);
      if (agent.executors.has(key)) continue;
      agent.executors.set(key, {
        frameworkId,
        info: executor,
        role,
        holds: [{ role, resources: executor.resources }],
        seen: true,
      });
      added.add(key);
    }
    let more = added.size > 0;
    for (const task of tasks) if (this.#importTask(agent, task, added)) more = true;
    return more;
  }

  #importFramework(id: FrameworkId, info: FrameworkInfo): void {
    if (this.frameworks.get(id) === undefined && !this.frameworks.isCompleted(id)) this.addFramework(id, info);
  }

  /**
   * A task of a framework that is done, or whose id its framework has used again while the agent was away, is not kept:
   * its executor holds its resources until it has ended. @param added the executors that have just come into the books.
   */
  #importTask(agent: Agent, reported: Task, added: ReadonlySet<string>): boolean {
    const framework = this.frameworks.get(reported.frameworkId);
    const known = framework?.tasks.get(reported.taskId);
    if (framework !== undefined && known === undefined) {
      const record = reportedTask({ ...reported, slaveId: agent.id });
      framework.tasks.set(reported.taskId, record);
      agent.tasks.add(record);
      return record.holdsResources;
    }
    const key = executorKey(reported.frameworkId, reported.executorId);
    if ((known === undefined || !agent.tasks.has(known)) && added.has(key) && !isTerminal(reported.state))
      agent.executors.get(key)?.holds.push(reported);
    return false;
  }

  #updateReported(agent: Agent, task: Task): void {
    const record = this.frameworks.get(task.frameworkId)?.tasks.get(task.taskId);
    if (record !== undefined && agent.tasks.has(record)) this.update(agent, record, task.state);
  }

  #addExecutor(agent: Agent, frameworkId: FrameworkId, role: string, info: ExecutorInfo): void {
    agent.executors.set(executorKey(frameworkId, info.executorId), {
      frameworkId,
      info,
      role,
      holds: [{ role, resources: info.resources }],
      seen: false,
    });
  }

  #takeBackAll(ids: Iterable<Offer['id']>): Offer[] {
    const offers = this.offers.all(ids);
    for (const offer of offers) this.takeBack(offer);
    return offers;
  }
}

/** What its tasks and executors hold of an agent. */
export function usagesOf(agent: Agent): Usage[] {
  const usages: Usage[] = [];
  const use = (frameworkId: FrameworkId, { role, resources }: Holding): void => {
    usages.push({ frameworkId, role, resources });
  };
  for (const { task, holdsResources } of agent.tasks) if (holdsResources) use(task.frameworkId, task);
  for (const { frameworkId, holds } of agent.executors.values()) for (const holding of holds) use(frameworkId, holding);
  return usages;
}

function descriptionOf({ info, oversubscribed }: Agent): SlaveDescription {
  const { resources: total, hostname, attributes, domain } = info;
  return {
    ...{ total, oversubscribed, hostname },
    ...(attributes === undefined ? {} : { attributes }),
    ...(domain === undefined ? {} : { domain }),
  };
}
