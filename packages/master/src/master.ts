import { type AnyMessageType, type BodyOf, type ExitReason, Process, parseUpid, type Upid } from '@mesos-ts/process';
import {
  DeclineResourceOffer,
  ExecutorToFramework,
  ExitedExecutor,
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  FrameworkToExecutor,
  formatResources,
  isTerminal,
  KillTask,
  LaunchTasks,
  LostSlave,
  type MasterInfo,
  type Offer,
  PingSlave,
  PongSlave,
  ReconcileTasks,
  RegisterFramework,
  RegisterSlave,
  ReregisterFramework,
  ReregisterSlave,
  RescindResourceOffer,
  ResourceOffer,
  ReviveOffers,
  RunTask,
  Shutdown,
  ShutdownFramework,
  type SlaveId,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskId,
  type TaskStatus,
  UnregisterFramework,
  UnregisterSlave,
} from '@mesos-ts/protocol';
import type { Leadership } from '@mesos-ts/zk-election';
import type { Agent } from './agents.js';
import type { Allocation } from './allocator.js';
import { Books } from './books.js';
import { DrfAllocator } from './drf-allocator.js';
import type { Framework } from './frameworks.js';
import { checkLaunch, offeredTogether, type Refused, refuseAll, whyOffersInvalid } from './launch.js';
import { type MasterOptions, masterDefaults } from './master-options.js';
import { reconcile } from './reconciliation.js';
import { masterStatus, type TaskRecord, taskKey } from './tasks.js';

/** The messages by which a scheduler speaks for its framework. */
type FrameworkMessage =
  | typeof UnregisterFramework
  | typeof LaunchTasks
  | typeof DeclineResourceOffer
  | typeof ReviveOffers
  | typeof SuppressOffers
  | typeof KillTask
  | typeof StatusUpdateAcknowledgement
  | typeof ReconcileTasks
  | typeof FrameworkToExecutor;

/** Every process of this name, on whatever Node, is a master. */
export const masterProcessId = 'master';
/** A framework of which a new leader only heard from agents gets at least this long to come back, in ms. */
const recoveredFrameworkMsMin = 10_000;
/** A message that is larger than the transport carries would be lost, and its offers with it. */
const offersPerMessage = 100;

/**
 * One master, through one candidacy: it drops everything until it is elected, leads, and is replaced by a new one with
 * empty books when it loses leadership (Mesos facts 3). Its id is the prefix of all ids that it mints, so those of
 * different terms never meet.
 */
export class Master extends Process {
  readonly #info: Omit<MasterInfo, 'pid'>;
  readonly #options: Required<MasterOptions>;
  readonly #allocator: DrfAllocator;
  readonly #books: Books;
  /** Agents that were removed, until the allocator has heard of it. */
  readonly #departed = new Map<SlaveId, symbol>();
  #leadership: Leadership | undefined;
  #electedAt = 0;

  constructor(info: Omit<MasterInfo, 'pid'>, options: MasterOptions = {}) {
    super(masterProcessId);
    this.#info = info;
    this.#options = { ...masterDefaults, ...options };
    this.#allocator = new DrfAllocator(`allocator(${info.id})`, (allocations) => {
      // Rejects only when this master's term is over, and its books with it.
      void this.dispatch(() => this.#offer(allocations)).catch(() => undefined);
    });
    this.#books = new Books(info.id, this.#allocator);
  }

  /** Begins to lead. */
  elected(leadership: Leadership): Promise<void> {
    return this.dispatch(() => {
      this.#leadership = leadership;
      this.#electedAt = this.clock.now();
      this.log.info({ epoch: leadership.epoch, master: this.#info.id }, 'elected: leading');
      this.#schedulePings();
    });
  }

  get info(): MasterInfo {
    return { ...this.#info, pid: this.pid };
  }

  protected override initialize(): void {
    this.node.spawn(this.#allocator);
    this.#installForFrameworks();
    this.#installForAgents();
  }

  protected override finalize(): void {
    for (const framework of this.#books.frameworks) framework.failoverTimer?.cancel();
    this.node.terminate(this.#allocator.pid);
  }

  /** A standby, and a leader whose lease may have run out, hears nothing. */
  protected override admits(): boolean {
    return this.#leadership?.isValid() === true;
  }

  /** Who may no longer lead tells nobody anything: its successor does. */
  protected override send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    if (this.admits()) super.send(to, type, body);
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    const framework = this.#books.frameworks.byPid(pid);
    if (framework?.connected) this.#frameworkDisconnected(framework, reason);
    const agent = this.#books.agents.byPid(pid);
    if (agent?.connected) this.#agentDisconnected(agent, reason);
  }

  // Frameworks

  #installForFrameworks(): void {
    this.install(RegisterFramework, (from, { framework }) => this.#registerFramework(from, framework));
    this.install(ReregisterFramework, (from, { framework, failover }) =>
      this.#reregisterFramework(from, framework, failover),
    );
    this.#installForFramework(UnregisterFramework, (framework) => this.#removeFramework(framework, 'it unregistered'));
    this.#installForFramework(LaunchTasks, (framework, message) => this.#launch(framework, message));
    this.#installForFramework(DeclineResourceOffer, (framework, { offerIds, filters }) => {
      for (const offer of this.#books.offers.all(new Set(offerIds)))
        if (offer.frameworkId === framework.id) this.#books.takeBack(offer, filters);
    });
    this.#installForFramework(ReviveOffers, ({ id }) => this.#allocator.reviveOffers(id));
    this.#installForFramework(SuppressOffers, ({ id }) => this.#allocator.suppressOffers(id));
    this.#installForFramework(KillTask, (framework, { taskId }) => this.#kill(framework, taskId));
    this.#installForFramework(StatusUpdateAcknowledgement, (framework, message) =>
      this.#acknowledge(framework, message),
    );
    this.#installForFramework(ReconcileTasks, (framework, { statuses }) => this.#reconcile(framework, statuses));
    this.#installForFramework(FrameworkToExecutor, (_framework, message) => {
      const agent = this.#books.agents.get(message.slaveId);
      if (agent?.connected) this.send(agent.pid, FrameworkToExecutor, message);
    });
  }

  /** Messages that name a framework are taken from that framework's scheduler alone. */
  #installForFramework<M extends FrameworkMessage>(
    type: M,
    handle: (framework: Framework, body: BodyOf<M>) => void,
  ): void {
    this.install(type, (from, body) => {
      const { frameworkId } = body as BodyOf<FrameworkMessage>;
      const framework = this.#books.frameworks.spokenFor(frameworkId, from);
      if (framework === undefined) this.#stranger(from, type.name);
      else handle(framework, body);
    });
  }

  #registerFramework(from: Upid, info: FrameworkInfo): void {
    if (info.id !== undefined) {
      this.send(from, FrameworkError, {
        message: 'RegisterFramework carries no framework id: use ReregisterFramework',
      });
      return;
    }
    const known = this.#books.frameworks.byPid(from);
    const framework = known ?? this.#books.addFramework(this.#books.frameworks.mintId(), info);
    // A connected one only did not wait for our answer: what it is offered stays so.
    if (!framework.connected) this.#connectFramework(framework, from);
    this.log.info(
      { framework: framework.id, name: info.name, from },
      known ? 'framework registered again' : 'framework registered',
    );
    this.send(from, FrameworkRegistered, { frameworkId: framework.id, master: this.info });
  }

  #reregisterFramework(from: Upid, info: FrameworkInfo, failover: boolean): void {
    const { id } = info;
    const refusal =
      id === undefined ? 'ReregisterFramework needs a framework id' : this.#whyNotReregister(from, id, failover);
    if (id === undefined || refusal !== undefined) {
      this.log.warn({ framework: id, from, why: refusal }, 'framework refused');
      this.send(from, FrameworkError, { message: refusal ?? '' });
      return;
    }
    const former = this.#books.frameworks.byPid(from);
    if (former?.connected && former.id !== id) this.#frameworkDisconnected(former, 'its scheduler speaks for another');
    const framework = this.#books.frameworks.get(id) ?? this.#books.addFramework(id, info);
    if (framework.pid !== undefined && framework.pid !== from)
      this.send(framework.pid, FrameworkError, { message: 'Framework failed over: another scheduler took its place' });
    this.#books.updateFramework(framework, info);
    this.#connectFramework(framework, from);
    this.log.info({ framework: id, name: info.name, from }, 'framework registered again');
    this.send(from, FrameworkReregistered, { frameworkId: id, master: this.info });
  }

  #whyNotReregister(from: Upid, id: FrameworkId, failover: boolean): string | undefined {
    if (this.#books.frameworks.isCompleted(id)) return `Framework ${id} has been removed: register as a new one`;
    const known = this.#books.frameworks.get(id);
    if (known?.pid !== undefined && known.pid !== from && !failover)
      return `Framework failed over: another scheduler is registered as ${id}`;
    return undefined;
  }

  #connectFramework(framework: Framework, pid: Upid): void {
    this.#books.connectFramework(framework, pid);
    this.link(pid);
  }

  #frameworkDisconnected(framework: Framework, reason: string): void {
    this.log.info(
      { framework: framework.id, reason, failoverTimeoutMs: framework.info.failoverTimeoutMs },
      'framework disconnected',
    );
    this.#books.disconnectFramework(framework);
    this.#awaitFramework(framework, framework.info.failoverTimeoutMs);
  }

  #awaitFramework(framework: Framework, timeoutMs: number): void {
    framework.failoverTimer?.cancel();
    framework.failoverTimer = this.delay(timeoutMs, () =>
      this.#removeFramework(framework, `it did not come back within ${timeoutMs} ms`),
    );
  }

  #removeFramework(framework: Framework, why: string): void {
    this.log.info({ framework: framework.id, why }, 'framework removed');
    this.#books.removeFramework(framework);
    for (const agent of this.#books.agents)
      if (agent.connected) this.send(agent.pid, ShutdownFramework, { frameworkId: framework.id });
  }

  // Offers and launches

  #offer(allocations: readonly Allocation[]): void {
    const offersByFramework = new Map<FrameworkId, Offer[]>();
    for (const { frameworkId, slaveId, resources } of allocations) {
      const offer = this.#departed.has(slaveId) ? undefined : this.#books.makeOffer(frameworkId, slaveId, resources);
      if (offer !== undefined)
        offersByFramework.set(frameworkId, [...(offersByFramework.get(frameworkId) ?? []), offer]);
    }
    for (const [frameworkId, offers] of offersByFramework) {
      this.log.debug({ framework: frameworkId, offers: offers.map(describeOffer) }, 'offering');
      for (let first = 0; first < offers.length; first += offersPerMessage)
        this.#sendToFramework(this.#books.frameworks.get(frameworkId), ResourceOffer, {
          offers: offers.slice(first, first + offersPerMessage),
        });
    }
  }

  #launch(framework: Framework, { offerIds, tasks, filters }: BodyOf<typeof LaunchTasks>): void {
    const offers = this.#books.offers.all(new Set(offerIds)).filter((offer) => offer.frameworkId === framework.id);
    const invalid = whyOffersInvalid(framework, offerIds, (id) => this.#books.offers.get(id));
    const agent = offers[0] === undefined ? undefined : this.#books.agents.get(offers[0].slaveId);
    if (invalid !== undefined || agent === undefined) {
      for (const offer of offers) this.#books.takeBack(offer);
      this.#tellRefused(
        framework,
        refuseAll(tasks, 'REASON_INVALID_OFFERS', invalid ?? 'the agent of the offer is gone'),
      );
      return;
    }
    for (const offer of offers) this.#books.consume(offer);
    const { accepted, refused, remaining } = checkLaunch(framework, agent, offeredTogether(offers), tasks);
    for (const task of accepted) {
      this.#books.launch(framework, agent, task);
      this.send(agent.pid, RunTask, {
        framework: framework.info,
        task: task.info,
        launchExecutor: task.startsExecutor,
      });
    }
    this.#books.giveBack(framework.id, agent.id, remaining, filters);
    this.#tellRefused(framework, refused);
  }

  #tellRefused(framework: Framework, refused: readonly Refused[]): void {
    for (const { info, state, reason, message } of refused) {
      this.log.warn({ framework: framework.id, task: info.taskId, state, why: message }, 'task not launched');
      const about = { taskId: info.taskId, slaveId: info.slaveId, executorId: info.executor.executorId };
      this.#tellStatus(framework, masterStatus(about, state, reason, message, this.clock.wallTime()));
    }
  }

  // Tasks

  #kill(framework: Framework, taskId: TaskId): void {
    const record = framework.tasks.get(taskId);
    const agent = record === undefined ? undefined : this.#books.agents.get(record.task.slaveId);
    if (agent === undefined) this.#reconcile(framework, [{ taskId }]);
    else if (agent.connected) this.send(agent.pid, KillTask, { frameworkId: framework.id, taskId });
    else agent.kills.set(taskKey(framework.id, taskId), { frameworkId: framework.id, taskId });
  }

  #acknowledge(framework: Framework, message: BodyOf<typeof StatusUpdateAcknowledgement>): void {
    const agent = this.#books.agents.get(message.slaveId);
    // Without its agent, the acknowledgement is in vain: the agent sends the update again when it is back.
    if (!agent?.connected) return;
    const record = framework.tasks.get(message.taskId);
    if (record?.forwarded?.uuid === message.uuid && isTerminal(record.forwarded.state))
      this.#books.forget(framework, record);
    this.send(agent.pid, StatusUpdateAcknowledgement, message);
  }

  #reconcile(framework: Framework, statuses: BodyOf<typeof ReconcileTasks>['statuses']): void {
    const view = {
      agents: this.#books.agents,
      recovering: this.clock.now() - this.#electedAt < this.#options.agentReregisterTimeoutMs,
      timestamp: this.clock.wallTime(),
    };
    for (const status of reconcile(framework, statuses, view)) this.#tellStatus(framework, status);
  }

  #statusUpdate(agent: Agent, update: BodyOf<typeof StatusUpdate>): void {
    const framework = this.#books.frameworks.get(update.frameworkId);
    if (framework === undefined) {
      this.send(agent.pid, ShutdownFramework, { frameworkId: update.frameworkId });
      return;
    }
    const { status } = update;
    const record = framework.tasks.get(status.taskId);
    if (record !== undefined && record.task.slaveId === agent.id) {
      this.#books.update(agent, record, isTerminal(status.state) ? status.state : (update.latestState ?? status.state));
      if (status.uuid !== undefined && framework.connected)
        record.forwarded = { uuid: status.uuid, state: status.state };
    }
    this.#sendToFramework(framework, StatusUpdate, { ...update, pid: agent.pid });
  }

  #tellStatus(framework: Framework, status: TaskStatus): void {
    this.#sendToFramework(framework, StatusUpdate, { frameworkId: framework.id, status });
  }

  // Agents

  #installForAgents(): void {
    this.install(RegisterSlave, (from, { slave, version }) => this.#registerSlave(from, slave, version));
    this.install(ReregisterSlave, (from, report) => this.#reregisterSlave(from, report));
    this.#installForAgent(UnregisterSlave, (agent) => this.#removeAgent(agent, 'TASK_LOST', 'the agent unregistered'));
    this.#installForAgent(StatusUpdate, (agent, update) => this.#statusUpdate(agent, update));
    this.#installForAgent(PongSlave, (agent) => {
      agent.missedPings = 0;
    });
    this.#installForAgent(ExitedExecutor, (agent, message) => {
      if (!this.#books.executorEnded(agent, message.frameworkId, message.executorId)) return;
      this.#sendToFramework(this.#books.frameworks.get(message.frameworkId), ExitedExecutor, {
        ...message,
        slaveId: agent.id,
      });
    });
    this.#installForAgent(ExecutorToFramework, (agent, message) =>
      this.#sendToFramework(this.#books.frameworks.get(message.frameworkId), ExecutorToFramework, {
        ...message,
        slaveId: agent.id,
      }),
    );
  }

  /** These are taken from registered agents alone; another registers again when it is not pinged any more. */
  #installForAgent<M extends AnyMessageType>(type: M, handle: (agent: Agent, body: BodyOf<M>) => void): void {
    this.install(type, (from, body) => {
      const agent = this.#books.agents.byPid(from);
      if (agent === undefined) this.#stranger(from, type.name);
      else handle(agent, body);
    });
  }

  #registerSlave(from: Upid, info: SlaveInfo, version: string): void {
    const known = this.#books.agents.byPid(from);
    if (known?.connected) {
      // It did not get our answer.
      this.#acknowledgeRegistration(known);
      return;
    }
    this.#removePredecessor(from);
    const agent = this.#tryImport(from, () => this.#books.addAgent(info, from));
    if (agent === undefined) return;
    this.link(from);
    this.log.info(
      { agent: agent.id, from, hostname: info.hostname, resources: formatResources(agent.info.resources), version },
      'agent registered',
    );
    this.#acknowledgeRegistration(agent);
  }

  #acknowledgeRegistration(agent: Agent): void {
    this.send(agent.pid, SlaveRegistered, { slaveId: agent.id, totalPingTimeoutMs: this.#totalPingTimeoutMs });
  }

  #reregisterSlave(from: Upid, report: BodyOf<typeof ReregisterSlave>): void {
    const { id } = report.slave;
    if (id === undefined) {
      this.send(from, Shutdown, { message: 'ReregisterSlave needs an agent id' });
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
    this.link(from);
    this.log.info({ agent: id, from, tasks: report.tasks.length, missing: missing.length }, 'agent registered again');
    this.send(from, SlaveReregistered, {
      slaveId: id,
      totalPingTimeoutMs: this.#totalPingTimeoutMs,
      reconciliations: missing.map(({ task }) => ({ frameworkId: task.frameworkId, taskId: task.taskId })),
    });
    this.#catchUp(agent, report);
    if (wasUnreachable) this.#tellReturn(agent);
  }

  /** Their frameworks were told that these tasks are unreachable. */
  #tellReturn(agent: Agent): void {
    for (const { task } of agent.tasks) {
      const framework = this.#books.frameworks.get(task.frameworkId);
      if (framework === undefined || isTerminal(task.state)) continue;
      const why = 'the agent was unreachable and is back';
      this.#tellStatus(
        framework,
        masterStatus(task, task.state, 'REASON_SLAVE_REREGISTERED', why, this.clock.wallTime()),
      );
    }
  }

  /** What an agent missed while it was away, or another master led. */
  #catchUp(agent: Agent, report: BodyOf<typeof ReregisterSlave>): void {
    for (const kill of agent.kills.values()) this.send(agent.pid, KillTask, kill);
    agent.kills.clear();
    for (const { id } of report.frameworks) {
      const framework = id === undefined ? undefined : this.#books.frameworks.get(id);
      if (framework === undefined && id !== undefined) this.send(agent.pid, ShutdownFramework, { frameworkId: id });
      else if (framework?.pid === undefined && framework !== undefined && framework.failoverTimer === undefined)
        this.#awaitFramework(framework, Math.max(framework.info.failoverTimeoutMs, recoveredFrameworkMsMin));
    }
  }

  /** A Node's name is held by one process at a time: another incarnation of the agent there is dead. */
  #removePredecessor(pid: Upid, itself?: Agent): void {
    const { id, node } = parseUpid(pid);
    const predecessor = this.#books.agents.byNode(id, node);
    if (predecessor !== undefined && predecessor !== itself)
      this.#removeAgent(predecessor, 'TASK_LOST', 'the agent was started anew');
  }

  /** An agent whose resources make no sense is told to end, and nobody else is troubled. */
  #tryImport(from: Upid, work: () => Agent): Agent | undefined {
    try {
      return work();
    } catch (error) {
      const message = `the agent's report cannot be used: ${(error as Error).message}`;
      this.log.error({ from, err: error }, 'agent refused');
      this.send(from, Shutdown, { message });
      return undefined;
    }
  }

  #agentDisconnected(agent: Agent, reason: ExitReason): void {
    this.log.info({ agent: agent.id, reason }, 'agent disconnected');
    this.#rescind(this.#books.deactivateAgent(agent));
    agent.reregisterTimer?.cancel();
    agent.reregisterTimer = this.delay(this.#options.agentReregisterTimeoutMs, () =>
      this.#agentUnreachable(agent, 'it did not register again in time'),
    );
  }

  #agentUnreachable(agent: Agent, why: string): void {
    this.#removeAgent(agent, 'TASK_UNREACHABLE', `the agent is unreachable: ${why}`);
  }

  #removeAgent(agent: Agent, state: 'TASK_UNREACHABLE' | 'TASK_LOST', why: string): void {
    this.log.warn({ agent: agent.id, why }, 'agent removed');
    const { tasks, offers } = this.#books.removeAgent(agent, state === 'TASK_UNREACHABLE');
    this.#noteDeparture(agent.id);
    this.#rescind(offers);
    for (const { task } of tasks) {
      const framework = this.#books.frameworks.get(task.frameworkId);
      if (framework !== undefined && !isTerminal(task.state))
        this.#tellStatus(framework, masterStatus(task, state, 'REASON_SLAVE_REMOVED', why, this.clock.wallTime()));
    }
    for (const framework of this.#books.frameworks) this.#sendToFramework(framework, LostSlave, { slaveId: agent.id });
  }

  /**
   * What the allocator gave away of it before it heard of the removal is void, also where the agent is back by then: its
   * resources have been counted anew.
   */
  #noteDeparture(slaveId: SlaveId): void {
    const departure = Symbol(slaveId);
    this.#departed.set(slaveId, departure);
    const arrived = (): void => {
      if (this.#departed.get(slaveId) === departure) this.#departed.delete(slaveId);
    };
    this.#allocator.dispatch(() => void this.dispatch(arrived).catch(() => undefined)).catch(() => undefined); // this master's term is over
  }

  #rescind(offers: readonly Offer[]): void {
    for (const offer of offers)
      this.#sendToFramework(this.#books.frameworks.get(offer.frameworkId), RescindResourceOffer, { offerId: offer.id });
  }

  get #totalPingTimeoutMs(): number {
    return this.#options.agentPingTimeoutMs * this.#options.maxAgentPingTimeouts;
  }

  #schedulePings(): void {
    this.delay(this.#options.agentPingTimeoutMs, () => {
      if (this.admits()) for (const agent of [...this.#books.agents]) this.#ping(agent);
      this.#schedulePings();
    });
  }

  #ping(agent: Agent): void {
    if (agent.missedPings >= this.#options.maxAgentPingTimeouts) {
      this.#agentUnreachable(agent, `it missed ${agent.missedPings} pings in a row`);
      return;
    }
    agent.missedPings++;
    this.send(agent.pid, PingSlave, { connected: agent.connected });
  }

  // Everyone

  #sendToFramework<M extends AnyMessageType>(framework: Framework | undefined, type: M, body: BodyOf<M>): void {
    if (framework?.connected && framework.pid !== undefined) this.send(framework.pid, type, body);
  }

  #stranger(from: Upid, message: string): void {
    this.node.counters.increment('messages_from_strangers');
    this.log.warn({ from, message }, 'message dropped: its sender is not registered');
  }
}

function describeOffer({ id, slaveId, resources }: Offer): string {
  return `${id} of ${slaveId}: ${formatResources(resources)}`;
}
