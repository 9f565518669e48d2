import type { Upid } from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  type Filters,
  type FrameworkId,
  type FrameworkInfo,
  isTerminal,
  type MasterId,
  normalize,
  type Offer,
  type ReregisterSlave,
  type Resources,
  type SlaveId,
  type SlaveInfo,
  type Task,
  type TaskState,
} from '@mesos-ts/protocol';
import { type Agent, Agents, executorKey } from './agents.js';
import type { Allocator, Usage } from './allocator.js';
import { type Framework, Frameworks } from './frameworks.js';
import type { Accepted } from './launch.js';
import { Offers } from './offers.js';
import { reportedTask, stagingTask, type TaskRecord, taskKey } from './tasks.js';

type Executors = ReregisterSlave['executors'];

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
  makeOffer(frameworkId: FrameworkId, slaveId: SlaveId, resources: Resources): Offer | undefined {
    const framework = this.frameworks.get(frameworkId);
    const agent = this.agents.get(slaveId);
    if (framework?.connected && agent?.connected) return this.offers.add(framework, agent, resources);
    this.#allocator.recoverResources(frameworkId, slaveId, resources);
    return undefined;
  }

  /** Removes an offer without giving its resources back: they are used. */
  consume(offer: Offer): void {
    this.offers.remove(offer, this.frameworks.get(offer.frameworkId), this.agents.get(offer.slaveId));
  }

  /** Removes an offer and gives its resources back. */
  takeBack(offer: Offer, filters?: Filters): void {
    this.consume(offer);
    this.giveBack(offer.frameworkId, offer.slaveId, offer.resources, filters);
  }

  giveBack(frameworkId: FrameworkId, slaveId: SlaveId, resources: Resources, filters?: Filters): void {
    this.#allocator.recoverResources(frameworkId, slaveId, resources, filters);
  }

  // Tasks and executors

  launch(framework: Framework, agent: Agent, accepted: Accepted): void {
    const { info } = accepted;
    const record = stagingTask(framework.id, info);
    framework.tasks.set(info.taskId, record);
    agent.tasks.add(record);
    if (accepted.startsExecutor) this.#addExecutor(agent, framework.id, info.executor);
  }

  /** Notes a task's newest state; a terminal one frees its resources. Nothing leads back from a terminal state. */
  update(agent: Agent, record: TaskRecord, state: TaskState): void {
    if (isTerminal(record.task.state)) return;
    record.task = { ...record.task, state };
    this.#noteExecutor(agent, record.task);
    if (!isTerminal(state) || !record.holdsResources) return;
    record.holdsResources = false;
    this.giveBack(record.task.frameworkId, agent.id, record.task.resources);
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
    for (const resources of executor.holds) this.giveBack(frameworkId, agent.id, resources);
    return true;
  }

  // Agents

  addAgent(info: SlaveInfo, pid: Upid): Agent {
    const agent = this.agents.add(this.agents.mintId(), { ...info, resources: normalize(info.resources) }, pid);
    this.#allocator.addSlave(agent.id, agent.info.resources, []);
    return agent;
  }

  /**
   * An agent that this master does not know, with all that runs on it: how a new leader learns.
   * @throws {ResourcesError} for a report that cannot be used, before anything of it is in the books.
   */
  importAgent(id: SlaveId, report: ReregisterSlave, pid: Upid): Agent {
    const { slave, tasks, executors } = canonicalReport(report);
    const agent = this.agents.add(id, slave, pid);
    for (const info of report.frameworks) if (info.id !== undefined) this.#importFramework(info.id, info);
    for (const { frameworkId, executor } of executors)
      agent.executors.set(executorKey(frameworkId, executor.executorId), {
        frameworkId,
        info: executor,
        holds: [executor.resources],
        seen: true,
      });
    for (const task of tasks) this.#importTask(agent, task);
    this.#allocator.addSlave(agent.id, agent.info.resources, usagesOf(agent));
    return agent;
  }

  /**
   * A known agent is back: executors that it lacks have ended meanwhile.
   * @returns the tasks that this master holds to be there and the agent does not name.
   */
  reconcileAgent(agent: Agent, report: ReregisterSlave): TaskRecord[] {
    const reported = new Set(report.tasks.map((task) => taskKey(task.frameworkId, task.taskId)));
    const missing = [...agent.tasks].filter(({ task }) => !reported.has(taskKey(task.frameworkId, task.taskId)));
    const awaited = missing.filter(({ task }) => !isTerminal(task.state));
    this.#reconcileExecutors(agent, report.executors, awaited);
    for (const record of missing) if (isTerminal(record.task.state)) this.#forgetEnded(record);
    for (const task of report.tasks) this.#updateReported(agent, task);
    return awaited;
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
    this.agents.remove(agent, unreachable);
    this.#allocator.removeSlave(agent.id);
    return { tasks, offers };
  }

  // Frameworks

  addFramework(id: FrameworkId, info: FrameworkInfo): Framework {
    const framework = this.frameworks.add(id, info);
    this.#allocator.addFramework(id, info.role);
    return framework;
  }

  /** Its scheduler is (again) there. Offers from before are void: it may never have seen them. */
  connectFramework(framework: Framework, pid: Upid): void {
    this.#takeBackAll(framework.offers);
    this.frameworks.connect(framework, pid);
    this.#allocator.activateFramework(framework.id);
  }

  /** Its scheduler may describe it anew, even in another role. */
  updateFramework(framework: Framework, info: FrameworkInfo): void {
    const { role } = framework.info;
    framework.info = { ...info, id: framework.id };
    if (role === info.role) return;
    this.#takeBackAll(framework.offers);
    this.#allocator.removeFramework(framework.id);
    this.#allocator.addFramework(framework.id, info.role);
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
    if (executor === undefined) this.giveBack(record.task.frameworkId, agent.id, record.task.resources);
    else executor.holds.push(record.task.resources);
  }

  #importFramework(id: FrameworkId, info: FrameworkInfo): void {
    if (this.frameworks.get(id) === undefined && !this.frameworks.isCompleted(id)) this.addFramework(id, info);
  }

  /**
   * A task of a framework that is done, or whose id its framework has used again while the agent was away, is not kept:
   * its executor holds its resources until it has ended.
   */
  #importTask(agent: Agent, reported: Task): void {
    const task = { ...reported, slaveId: agent.id };
    const framework = this.frameworks.get(task.frameworkId);
    if (framework !== undefined && !framework.tasks.has(task.taskId)) {
      const record = reportedTask(task);
      framework.tasks.set(task.taskId, record);
      agent.tasks.add(record);
    } else if (!isTerminal(task.state))
      agent.executors.get(executorKey(task.frameworkId, task.executorId))?.holds.push(task.resources);
  }

  #updateReported(agent: Agent, task: Task): void {
    const record = this.frameworks.get(task.frameworkId)?.tasks.get(task.taskId);
    if (record !== undefined && agent.tasks.has(record)) this.update(agent, record, task.state);
  }

  #addExecutor(agent: Agent, frameworkId: FrameworkId, info: ExecutorInfo): void {
    agent.executors.set(executorKey(frameworkId, info.executorId), {
      frameworkId,
      info,
      holds: [info.resources],
      seen: false,
    });
  }

  #takeBackAll(ids: Iterable<Offer['id']>): Offer[] {
    const offers = this.offers.all(ids);
    for (const offer of offers) this.takeBack(offer);
    return offers;
  }
}

/** @throws {ResourcesError} where one name is used for two kinds, and the like. */
function canonicalReport({
  slave,
  tasks,
  executors,
}: ReregisterSlave): Pick<ReregisterSlave, 'slave' | 'tasks' | 'executors'> {
  return {
    slave: { ...slave, resources: normalize(slave.resources) },
    tasks: tasks.map((task) => ({ ...task, resources: normalize(task.resources) })),
    executors: executors.map(({ frameworkId, executor }) => ({
      frameworkId,
      executor: { ...executor, resources: normalize(executor.resources) },
    })),
  };
}

function usagesOf(agent: Agent): Usage[] {
  const usages: Usage[] = [];
  for (const { task, holdsResources } of agent.tasks)
    if (holdsResources) usages.push({ frameworkId: task.frameworkId, resources: task.resources });
  for (const { frameworkId, holds } of agent.executors.values())
    for (const resources of holds) usages.push({ frameworkId, resources });
  return usages;
}
