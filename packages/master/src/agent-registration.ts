import { type BodyOf, parseUpid, type Upid } from '@mesos-ts/process';
import {
  formatResources,
  isTerminal,
  KillTask,
  LostSlave,
  type ReregisterSlave,
  Shutdown,
  ShutdownFramework,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
} from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { FrameworkRegistration } from './framework-registration.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';
import type { TaskLifecycle } from './task-lifecycle.js';
import type { TaskRecord } from './tasks.js';

export interface AgentRegistrationOptions {
  readonly frameworks: FrameworkRegistration;
  readonly offers: OfferLifecycle;
  readonly tasks: TaskLifecycle;
  /** How long an agent waits for a ping before it takes this master for gone, in ms. */
  readonly totalPingTimeoutMs: number;
}

/**
 * The coming and going of agents: registration, re-registration with the catching up that it takes, removal (Mesos facts
 * 3.3). When an agent counts as gone is decided in agent-health.ts.
 */
export class AgentRegistration {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: AgentRegistrationOptions;

  constructor(acts: MasterActs, books: Books, options: AgentRegistrationOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** An agent that has no id yet. */
  register(from: Upid, info: SlaveInfo, version: string): void {
    const known = this.#books.agents.byPid(from);
    if (known?.connected) {
      // It did not get our answer.
      this.#acknowledge(known);
      return;
    }
    this.#removePredecessor(from);
    const agent = this.#tryImport(from, () => this.#books.addAgent(info, from));
    if (agent === undefined) return;
    this.#acts.link(from);
    this.#acts.log.info(
      { agent: agent.id, from, host: info.hostname, resources: formatResources(agent.info.resources), version },
      'agent registered',
    );
    this.#acknowledge(agent);
  }

  /** An agent that has an id, of this master or an earlier one, and all that runs on it. */
  reregister(from: Upid, report: BodyOf<typeof ReregisterSlave>): void {
    const { id } = report.slave;
    if (id === undefined) {
      this.#acts.send(from, Shutdown, { message: 'ReregisterSlave needs an agent id' });
      return;
    }
    const known = this.#books.agents.get(id);
    const wasUnreachable = this.#books.agents.isUnreachable(id);
    this.#removePredecessor(from, known);
    let missing: readonly TaskRecord[] = [];
    const agent = this.#tryImport(from, () => {
      if (known === undefined) return this.#books.importAgent(id, report, from);
      missing = this.#books.reconcileAgent(known, report);
      this.#books.activateAgent(known, from);
      return known;
    });
    if (agent === undefined) return;
    this.#acts.link(from);
    this.#acts.log.info(
      { agent: id, from, tasks: report.tasks.length, missing: missing.length },
      'agent registered again',
    );
    this.#acts.send(from, SlaveReregistered, {
      slaveId: id,
      totalPingTimeoutMs: this.#options.totalPingTimeoutMs,
      expectedAgents: this.#books.agents.size,
      reconciliations: missing.map(({ task }) => ({ frameworkId: task.frameworkId, taskId: task.taskId })),
    });
    this.#catchUp(agent, report);
    if (wasUnreachable) this.#tellReturn(agent);
  }

  /** Forgets an agent with all that runs on it. Its frameworks are told that each of their tasks there is now in `state`. */
  remove(agent: Agent, state: 'TASK_UNREACHABLE' | 'TASK_LOST', why: string): void {
    this.#acts.log.warn({ agent: agent.id, why }, 'agent removed');
    const { tasks, offers } = this.#books.removeAgent(agent, state === 'TASK_UNREACHABLE');
    this.#options.offers.voidAllocationsOf(agent.id);
    this.#options.offers.rescind(offers);
    for (const { task } of tasks) {
      const framework = this.#books.frameworks.get(task.frameworkId);
      if (framework !== undefined && !isTerminal(task.state))
        this.#options.tasks.tellOwn(framework, task, state, 'REASON_SLAVE_REMOVED', why);
    }
    for (const framework of this.#books.frameworks) this.#acts.tell(framework, LostSlave, { slaveId: agent.id });
  }

  #acknowledge(agent: Agent): void {
    const { totalPingTimeoutMs } = this.#options;
    this.#acts.send(agent.pid, SlaveRegistered, {
      slaveId: agent.id,
      totalPingTimeoutMs,
      expectedAgents: this.#books.agents.size,
    });
  }

  /** A Node's name is held by one process at a time: another incarnation of the agent there is dead. */
  #removePredecessor(pid: Upid, itself?: Agent): void {
    const { id, node } = parseUpid(pid);
    const predecessor = this.#books.agents.byNode(id, node);
    if (predecessor !== undefined && predecessor !== itself)
      this.remove(predecessor, 'TASK_LOST', 'the agent was started anew');
  }

  /** An agent whose resources make no sense is told to end, and nobody else is troubled. */
  #tryImport(from: Upid, work: () => Agent): Agent | undefined {
    try {
      return work();
    } catch (error) {
      const message = `the agent's report cannot be used: ${(error as Error).message}`;
      this.#acts.log.error({ from, err: error }, 'agent refused');
      this.#acts.send(from, Shutdown, { message });
      return undefined;
    }
  }

  /** What an agent missed while it was away, or another master led. */
  #catchUp(agent: Agent, report: BodyOf<typeof ReregisterSlave>): void {
    for (const kill of agent.kills.values()) this.#acts.send(agent.pid, KillTask, kill);
    agent.kills.clear();
    for (const { id } of report.frameworks) {
      if (id === undefined) continue;
      const framework = this.#books.frameworks.get(id);
      if (framework === undefined) this.#acts.send(agent.pid, ShutdownFramework, { frameworkId: id });
      else this.#options.frameworks.reported(framework);
    }
  }

  /** Their frameworks were told that these tasks are unreachable. */
  #tellReturn(agent: Agent): void {
    for (const { task } of agent.tasks) {
      const framework = this.#books.frameworks.get(task.frameworkId);
      if (framework === undefined || isTerminal(task.state)) continue;
      const why = 'the agent was unreachable and is back';
      this.#options.tasks.tellOwn(framework, task, task.state, 'REASON_SLAVE_REREGISTERED', why);
    }
  }
}
