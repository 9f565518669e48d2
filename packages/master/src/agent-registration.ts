import type { BodyOf, Upid } from '@mesos-ts/process';
import {
  formatResources,
  isTerminal,
  KillTask,
  type ReregisterSlave,
  Shutdown,
  ShutdownFramework,
  type SlaveId,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
} from '@mesos-ts/protocol';
import type { AgentRemoval } from './agent-removal.js';
import { canonicalInfo, canonicalReport, sameInfo } from './agent-report.js';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { FrameworkRegistration } from './framework-registration.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';
import type { RegistryOperation } from './registry/registry.js';
import type { RegistryWrites } from './registry-writes.js';
import type { TaskLifecycle } from './task-lifecycle.js';
import type { TaskRecord } from './tasks.js';

export interface AgentRegistrationOptions {
  readonly writes: RegistryWrites;
  readonly removal: AgentRemoval;
  readonly frameworks: FrameworkRegistration;
  readonly offers: OfferLifecycle;
  readonly tasks: TaskLifecycle;
  /** How long an agent waits for a ping before it takes this master for gone, in ms. */
  readonly totalPingTimeoutMs: number;
}

type Report = BodyOf<typeof ReregisterSlave>;

/**
 * The coming of agents: registration, and re-registration with the catching up that it takes (Mesos facts 3.3). Who is
 * let in, and who is back, is in the registry before it is in the books. Their going is in agent-removal.ts.
 *
 * While a registration is being stored, the same agent's further ones are ignored: it is answered when that is done.
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
    const slave = this.#readable(from, () => canonicalInfo(info));
    if (slave === undefined || this.#options.writes.isBusy(from)) return;
    this.#removePredecessor(from);
    const id = this.#books.agents.mintId();
    const admission = { type: 'admit-agent', id, info: { ...slave, id }, at: this.#acts.clock.wallTime() } as const;
    this.#options.writes.begin([from, id], [admission], () => this.#admitted(id, slave, from, version));
  }

  /** An agent that has an id, of this master or an earlier one, and all that runs on it. */
  reregister(from: Upid, report: Report): void {
    const { id } = report.slave;
    const known = id === undefined ? undefined : this.#books.agents.get(id);
    const refusal = this.#whyNotReregister(report.slave, known);
    if (id === undefined || refusal !== undefined) {
      this.#refuse(from, refusal ?? '');
      return;
    }
    const canonical = this.#readable(from, () => canonicalReport(report));
    if (canonical === undefined || this.#options.writes.isBusy(id) || this.#options.writes.isBusy(from)) return;
    this.#removePredecessor(from, known);
    if (known === undefined) this.#letIn(id, canonical, from);
    else this.#welcomeBack(known, canonical, from);
  }

  #whyNotReregister({ id, hostname }: SlaveInfo, known: Agent | undefined): string | undefined {
    if (id === undefined) return 'ReregisterSlave needs an agent id';
    if (this.#books.agents.isGone(id)) return `agent ${id} was marked as gone for good`;
    if (known !== undefined && known.info.hostname !== hostname)
      return `agent ${id} is registered on ${known.info.hostname}, and cannot come from ${hostname}`;
    return undefined;
  }

  /** The predecessor may itself have been on its way into the books when this one came. */
  #admitted(id: SlaveId, info: SlaveInfo, from: Upid, version: string): void {
    this.#removePredecessor(from);
    const agent = this.#books.addAgent(id, info, from);
    this.#acts.link(from);
    this.#acts.log.info(
      { agent: id, from, host: info.hostname, resources: formatResources(info.resources), version },
      'agent registered',
    );
    this.#acknowledge(agent);
  }

  /** One that the registry knows, or has forgotten: with it comes all that this leader does not know yet. */
  #letIn(id: SlaveId, report: Report, from: Upid): void {
    const operations = [...this.#toLetIn(id, report.slave), ...this.#options.frameworks.toAdmit(report.frameworks)];
    this.#options.writes.begin([id, from], operations, () => {
      this.#removePredecessor(from);
      const wasUnreachable = this.#books.agents.isUnreachable(id);
      const agent = this.#books.importAgent(id, report, from);
      this.#returned(agent, report, []);
      if (wasUnreachable) this.#tellReturn(agent);
    });
  }

  #toLetIn(id: SlaveId, slave: SlaveInfo): RegistryOperation[] {
    const at = this.#acts.clock.wallTime();
    const stored = this.#books.agents.recovered(id);
    if (stored !== undefined) return sameInfo(stored, slave) ? [] : [{ type: 'update-agent', id, info: slave }];
    if (this.#books.agents.isUnreachable(id)) return [{ type: 'mark-reachable', id, info: slave, at }];
    return [{ type: 'admit-agent', id, info: slave, at }];
  }

  /** One that is in the books. What it says of its tasks is taken at once: what it says later may be newer. */
  #welcomeBack(agent: Agent, report: Report, from: Upid): void {
    const { offers, writes } = this.#options;
    const { missing, countedAnew, voided } = this.#books.reconcileAgent(agent, report);
    if (countedAnew) offers.voidAllocationsOf(agent.id);
    offers.rescind(voided);
    const changed = !sameInfo(agent.info, report.slave);
    const operations: RegistryOperation[] = changed ? [{ type: 'update-agent', id: agent.id, info: report.slave }] : [];
    writes.begin([agent.id, from], operations, () => {
      if (changed) {
        offers.voidAllocationsOf(agent.id);
        offers.rescind(this.#books.updateAgent(agent, report.slave));
      }
      this.#books.activateAgent(agent, from);
      this.#returned(agent, report, missing);
    });
  }

  #returned(agent: Agent, report: Report, missing: readonly TaskRecord[]): void {
    const { id, pid } = agent;
    this.#acts.link(pid);
    this.#acts.log.info(
      { agent: id, from: pid, tasks: report.tasks.length, missing: missing.length },
      'agent registered again',
    );
    this.#acts.send(pid, SlaveReregistered, {
      slaveId: id,
      totalPingTimeoutMs: this.#options.totalPingTimeoutMs,
      expectedAgents: this.#books.agents.expected,
      reconciliations: missing.map(({ task }) => ({ frameworkId: task.frameworkId, taskId: task.taskId })),
    });
    this.#catchUp(agent, report);
  }

  #acknowledge(agent: Agent): void {
    const { totalPingTimeoutMs } = this.#options;
    this.#acts.send(agent.pid, SlaveRegistered, {
      slaveId: agent.id,
      totalPingTimeoutMs,
      expectedAgents: this.#books.agents.expected,
    });
  }

  /** A Node's name is held by one process at a time: another incarnation of the agent there is dead. */
  #removePredecessor(pid: Upid, itself?: Agent): void {
    const predecessor = this.#books.agents.byPlace(pid);
    if (predecessor !== undefined && predecessor !== itself)
      this.#options.removal.ended(predecessor, 'the agent was started anew');
  }

  /** An agent whose resources make no sense is told to end, and nobody else is troubled. */
  #readable<T>(from: Upid, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#refuse(from, `the agent's report cannot be used: ${(error as Error).message}`);
      return undefined;
    }
  }

  #refuse(from: Upid, message: string): void {
    this.#acts.log.error({ from, why: message }, 'agent refused');
    this.#acts.send(from, Shutdown, { message });
  }

  /** What an agent missed while it was away, or another master led. */
  #catchUp(agent: Agent, report: Report): void {
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
