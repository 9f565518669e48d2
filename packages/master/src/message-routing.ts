import type { AnyMessageType, BodyOf, Upid } from '@mesos-ts/process';
import {
  DeclineResourceOffer,
  ExecutorToFramework,
  ExitedExecutor,
  FrameworkToExecutor,
  KillTask,
  LaunchTasks,
  PingSlave,
  PongSlave,
  ReconcileTasks,
  RegisterFramework,
  RegisterSlave,
  RequestResources,
  ReregisterFramework,
  ReregisterSlave,
  ReviveOffers,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  UnregisterFramework,
  UnregisterSlave,
  UpdateSlave,
} from '@mesos-ts/protocol';
import type { AgentHealth } from './agent-health.js';
import type { AgentRegistration } from './agent-registration.js';
import type { AgentRemoval } from './agent-removal.js';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { FrameworkRegistration } from './framework-registration.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';
import type { OfferWishes } from './offer-wishes.js';
import type { Oversubscription } from './oversubscription.js';
import type { RegistryWrites } from './registry-writes.js';
import type { TaskLifecycle } from './task-lifecycle.js';

/** The parts of a master that take messages. */
export interface MessageReceivers {
  readonly frameworks: FrameworkRegistration;
  readonly offers: OfferLifecycle;
  readonly wishes: OfferWishes;
  readonly tasks: TaskLifecycle;
  readonly agents: AgentRegistration;
  readonly agentHealth: AgentHealth;
  readonly agentRemoval: AgentRemoval;
  readonly oversubscription: Oversubscription;
  readonly writes: RegistryWrites;
}

/** What an agent says of its tasks, of which nothing may be lost. */
const ofTasks: ReadonlySet<string> = new Set([StatusUpdate.name, ExitedExecutor.name]);

type RegistrationMessage =
  | typeof RegisterFramework
  | typeof ReregisterFramework
  | typeof RegisterSlave
  | typeof ReregisterSlave;

/** The messages by which a scheduler speaks for its framework. */
type FrameworkMessage =
  | typeof UnregisterFramework
  | typeof LaunchTasks
  | typeof DeclineResourceOffer
  | typeof ReviveOffers
  | typeof SuppressOffers
  | typeof RequestResources
  | typeof KillTask
  | typeof StatusUpdateAcknowledgement
  | typeof ReconcileTasks
  | typeof FrameworkToExecutor;

/**
 * Which part of the master takes which message, and from whom it is taken (Mesos facts 2.1, 2.3): nobody speaks for a
 * framework or an agent but itself.
 */
export class MessageRouting {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #to: MessageReceivers;

  constructor(acts: MasterActs, books: Books, to: MessageReceivers) {
    this.#acts = acts;
    this.#books = books;
    this.#to = to;
  }

  installForFrameworks(): void {
    const { frameworks, offers, tasks, wishes } = this.#to;
    this.#forThisLeader(RegisterFramework, (from, { framework, demands }) =>
      frameworks.register(from, framework, demands),
    );
    this.#forThisLeader(ReregisterFramework, (from, { framework, failover, demands }) =>
      frameworks.reregister(from, framework, failover, demands),
    );
    this.#fromFramework(UnregisterFramework, (framework) => frameworks.unregistered(framework));
    this.#fromFramework(LaunchTasks, (framework, body) => offers.launch(framework, body));
    this.#fromFramework(DeclineResourceOffer, (framework, body) => offers.decline(framework, body));
    this.#fromFramework(ReviveOffers, (framework, body) => wishes.revive(framework, body));
    this.#fromFramework(SuppressOffers, (framework, body) => wishes.suppress(framework, body));
    this.#fromFramework(RequestResources, (framework, body) => wishes.request(framework, body));
    this.#fromFramework(KillTask, (framework, { taskId }) => tasks.kill(framework, taskId));
    this.#fromFramework(StatusUpdateAcknowledgement, (framework, body) => tasks.acknowledge(framework, body));
    this.#fromFramework(ReconcileTasks, (framework, { statuses }) => tasks.reconcile(framework, statuses));
    this.#fromFramework(FrameworkToExecutor, (_framework, body) => this.#relayToExecutor(body));
  }

  installForEverybody(): void {
    this.#acts.install(StaleLeader, (from, { epoch }) => this.#stale(from, epoch));
  }

  installForAgents(): void {
    const { agents, agentHealth, agentRemoval, oversubscription, tasks } = this.#to;
    this.#forThisLeader(RegisterSlave, (from, { slave, version }) => agents.register(from, slave, version));
    this.#forThisLeader(ReregisterSlave, (from, report) => agents.reregister(from, report));
    this.#fromAgent(UnregisterSlave, (agent) => agentRemoval.ended(agent, 'the agent unregistered'));
    this.#fromAgent(UpdateSlave, (agent, body) => oversubscription.updated(agent, body));
    this.#fromAgent(PongSlave, (agent) => agentHealth.ponged(agent));
    this.#fromAgent(StatusUpdate, (agent, update) => tasks.updated(agent, update));
    this.#fromAgent(ExitedExecutor, (agent, body) => tasks.executorExited(agent, body));
    this.#fromAgent(ExecutorToFramework, (agent, body) => this.#relayToFramework(agent, body));
  }

  /** What was said to another leadership is not taken: its sender registers anew with this one when it hears of it. */
  #forThisLeader<M extends RegistrationMessage>(type: M, handle: (from: Upid, body: BodyOf<M>) => void): void {
    this.#acts.install(type, (from, body) => {
      const { leaderEpoch } = body as BodyOf<RegistrationMessage>;
      if (leaderEpoch === undefined || leaderEpoch === this.#acts.epoch) {
        handle(from, body);
        return;
      }
      const { counters, log, epoch } = this.#acts;
      counters.increment('registrations_for_other_leaders');
      log.info({ from, message: type.name, leaderEpoch, epoch }, 'registration dropped: it was for another leadership');
    });
  }

  /** Messages that name a framework are taken from that framework's scheduler alone. */
  #fromFramework<M extends FrameworkMessage>(type: M, handle: (framework: Framework, body: BodyOf<M>) => void): void {
    this.#acts.install(type, (from, body) => {
      const { frameworkId } = body as BodyOf<FrameworkMessage>;
      const framework = this.#books.frameworks.spokenFor(frameworkId, from);
      if (framework === undefined) this.#stranger(from, type.name);
      else handle(framework, body);
    });
  }

  /** These are taken from registered agents alone. */
  #fromAgent<M extends AnyMessageType>(type: M, handle: (agent: Agent, body: BodyOf<M>) => void): void {
    this.#acts.install(type, (from, body) => {
      const agent = this.#books.agents.byPid(from);
      if (agent !== undefined) {
        handle(agent, body);
        return;
      }
      this.#stranger(from, type.name);
      if (ofTasks.has(type.name) && !this.#to.writes.isBusy(from)) this.#askToRegister(from);
    });
  }

  /** It takes itself for registered and was removed: what it tells of its tasks is for whoever knows them (facts 3.4). */
  #askToRegister(from: Upid): void {
    this.#acts.send(from, PingSlave, { connected: false, expectedAgents: this.#books.agents.expected });
  }

  /**
   * Only of those who are registered here: a stranger could end one leadership after the other. What they say costs no
   * more than that either, since the message cannot carry an epoch that leaves too few for the leaders to come.
   */
  #stale(from: Upid, epoch: number): void {
    const { counters, log } = this.#acts;
    if (this.#books.agents.byPid(from) === undefined && this.#books.frameworks.byPid(from) === undefined) {
      this.#stranger(from, StaleLeader.name);
      return;
    }
    // It may be about what was said under this PID in an earlier term.
    if (epoch <= this.#acts.epoch) return;
    counters.increment('stale_leader_claims');
    log.warn({ from, epoch, own: this.#acts.epoch }, 'a later leader was seen than this one: stepping down');
    this.#acts.stale(epoch);
  }

  #stranger(from: Upid, message: string): void {
    this.#acts.counters.increment('messages_from_strangers');
    this.#acts.log.warn({ from, message }, 'message dropped: its sender is not registered');
  }

  #relayToExecutor(body: BodyOf<typeof FrameworkToExecutor>): void {
    const agent = this.#books.agents.get(body.slaveId);
    if (agent?.connected) this.#acts.send(agent.pid, FrameworkToExecutor, body);
  }

  #relayToFramework(agent: Agent, body: BodyOf<typeof ExecutorToFramework>): void {
    const framework = this.#books.frameworks.get(body.frameworkId);
    this.#acts.tell(framework, ExecutorToFramework, { ...body, slaveId: agent.id });
  }
}
