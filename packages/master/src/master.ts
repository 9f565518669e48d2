import { type AnyMessageType, type BodyOf, type ExitReason, Process, type Upid } from '@mesos-ts/process';
import type { LeaderMessageType, MasterInfo, WithoutEpoch } from '@mesos-ts/protocol';
import type { Leadership } from '@mesos-ts/zk-election';
import { AgentHealth } from './agent-health.js';
import { AgentRecovery } from './agent-recovery.js';
import { AgentRegistration } from './agent-registration.js';
import { AgentRemoval } from './agent-removal.js';
import { AllocationExplainer } from './allocation-explainer.js';
import { AllocationHold } from './allocation-hold.js';
import { AllocatorProcess } from './allocator/allocator-process.js';
import { Books } from './books.js';
import { FrameworkRegistration } from './framework-registration.js';
import type { MasterActs } from './master-acts.js';
import { type MasterOptions, masterDefaults } from './master-options.js';
import { MessageRouting } from './message-routing.js';
import { OfferLifecycle } from './offer-lifecycle.js';
import { OfferWishes } from './offer-wishes.js';
import { OperatorDesk } from './operator-desk.js';
import { Oversubscription } from './oversubscription.js';
import type { Registrar } from './registry/registrar.js';
import type { Registry } from './registry/registry.js';
import { RegistryWrites } from './registry-writes.js';
import { TaskLifecycle } from './task-lifecycle.js';
import { Whitelisting } from './whitelisting.js';

/** Every process of this name, on whatever Node, is a master. */
export const masterProcessId = 'master';

/** What a master leads with. */
export interface Term {
  /** Recovered already. */
  readonly registrar: Registrar;
  /** What it knew by then. */
  readonly registry: Registry;
}

/** What a master tells those who started it. */
export interface MasterHooks {
  /** Of a higher epoch than its own that an agent or a scheduler has seen. May come again. */
  readonly stale?: (epoch: number) => void;
  /** Once, with the reason: it acts no more, and its leadership is to be given up. */
  readonly steppedDown?: (why: string) => void;
}

/**
 * One master, through one candidacy: it drops everything until it is elected, leads, and is replaced by a new one with
 * empty books when it loses leadership (Mesos facts 3). Its id is the prefix of all ids that it mints, so those of
 * different terms never meet.
 *
 * The process itself sees to it that only a leader hears and speaks; what a leader does is the business of its parts.
 */
export class Master extends Process {
  readonly #info: Omit<MasterInfo, 'pid'>;
  readonly #options: MasterOptions & typeof masterDefaults;
  readonly #hooks: MasterHooks;
  readonly #allocator: AllocatorProcess;
  readonly #books: Books;
  readonly #frameworks: FrameworkRegistration;
  readonly #desk: OperatorDesk;
  readonly #explainer: AllocationExplainer;
  readonly #whitelisting: Whitelisting | undefined;
  readonly #writes: RegistryWrites;
  readonly #agentHealth: AgentHealth;
  readonly #agentRecovery: AgentRecovery;
  readonly #routing: MessageRouting;
  #leadership: Leadership | undefined;
  #electedAt = 0;
  #steppedDown = false;

  constructor(info: Omit<MasterInfo, 'pid'>, options: MasterOptions = {}, hooks: MasterHooks = {}) {
    super(masterProcessId);
    this.#info = options.domain === undefined ? info : { ...info, domain: options.domain };
    this.#hooks = hooks;
    this.#options = { ...masterDefaults, ...options };
    const acts = this.#acts();
    const { operators, whitelist, offerCap, sorter, domain } = this.#options;
    const excludedResourceNames = this.#options.fairSharingExcludedResourceNames;
    const allocator = new AllocatorProcess(
      `allocator(${info.id})`,
      (allocations) => acts.later(() => offers.offer(allocations)),
      { offerCap, sorter, excludedResourceNames, ...(domain === undefined ? {} : { region: domain.region }) },
    );
    const books = new Books(info.id, allocator);
    const writes = new RegistryWrites(acts);
    const tasks = new TaskLifecycle(acts, books);
    const offers = new OfferLifecycle(acts, books, { ...this.#options, allocator, tasks });
    const frameworks = new FrameworkRegistration(acts, books, writes);
    const removal = new AgentRemoval(acts, books, { writes, offers, tasks });
    const totalPingTimeoutMs = this.#options.agentPingTimeoutMs * this.#options.maxAgentPingTimeouts;
    const agents = new AgentRegistration(acts, books, {
      ...{ writes, removal, frameworks, offers, tasks },
      totalPingTimeoutMs,
    });
    const hold = new AllocationHold(acts, books, allocator);
    const agentRecovery = new AgentRecovery(acts, books, { ...this.#options, removal, writes });
    const desk = new OperatorDesk(acts, books, { allocator, offers, writes, hold, agentRecovery, operators });
    this.#explainer = new AllocationExplainer(acts, books, allocator, hold);
    this.#whitelisting = whitelist === undefined ? undefined : new Whitelisting(acts, allocator, whitelist);
    const agentHealth = new AgentHealth(acts, books, { ...this.#options, offers, removal });
    this.#allocator = allocator;
    this.#books = books;
    this.#desk = desk;
    this.#writes = writes;
    this.#frameworks = frameworks;
    this.#agentHealth = agentHealth;
    this.#agentRecovery = agentRecovery;
    this.#routing = new MessageRouting(acts, books, {
      ...{ frameworks, offers, tasks, agents, agentHealth, writes },
      wishes: new OfferWishes(acts, allocator),
      agentRemoval: removal,
      oversubscription: new Oversubscription(acts, books, offers),
    });
  }

  /** Begins to lead, with what the registry knows. */
  elected(leadership: Leadership, { registrar, registry }: Term): Promise<void> {
    return this.dispatch(() => {
      this.#leadership = leadership;
      this.#electedAt = this.clock.now();
      this.#writes.open(registrar);
      this.#recover(registry);
      this.#agentHealth.start();
      this.#agentRecovery.start();
    });
  }

  /** All that it knows, for looking on. */
  get books(): Books {
    return this.#books;
  }

  #recover(registry: Registry): void {
    const { agents, frameworks } = this.#books;
    const admitted = [...registry.agents.values()].map(({ id, info }) => ({ ...info, id }));
    agents.recover({ admitted, unreachable: registry.unreachable.keys(), gone: registry.gone.keys() });
    this.#desk.recover(registry);
    this.#whitelisting?.start();
    for (const id of registry.removedFrameworks.keys()) frameworks.complete(id);
    for (const framework of registry.frameworks.values()) this.#frameworks.recover(framework);
    this.log.info(
      {
        ...{ epoch: this.#leadership?.epoch, master: this.#info.id },
        ...{ agents: registry.agents.size, frameworks: registry.frameworks.size },
      },
      'elected: leading, and waiting for the agents and frameworks that the registry knows',
    );
  }

  get info(): MasterInfo {
    return { ...this.#info, pid: this.pid };
  }

  protected override initialize(): void {
    this.link(this.node.spawn(this.#allocator));
    this.#routing.installForFrameworks();
    this.#routing.installForAgents();
    this.#routing.installForEverybody();
    this.#desk.install();
    this.#explainer.install();
  }

  protected override finalize(): void {
    this.node.terminate(this.#allocator.pid);
  }

  /** A standby, and a leader whose lease may have run out, hears nothing. */
  protected override admits(): boolean {
    return !this.#steppedDown && this.#leadership?.isValid() === true;
  }

  /** Says it in the name of this leadership. Who may no longer lead tells nobody anything: its successor does. */
  protected override send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    const leadership = this.#leadership;
    if (leadership === undefined || !this.admits()) return;
    super.send(to, type, { ...(body as object), epoch: leadership.epoch } as unknown as BodyOf<M>);
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    if (pid === this.#allocator.pid) {
      if (reason !== 'ended') this.log.error({ reason }, 'the allocator failed: a master with empty books takes over');
      this.terminate();
      return;
    }
    const framework = this.#books.frameworks.byPid(pid);
    if (framework?.connected) this.#frameworks.disconnected(framework, reason);
    const agent = this.#books.agents.byPid(pid);
    if (agent?.connected) this.#agentHealth.disconnected(agent, reason);
  }

  /** From now on it hears and says nothing; whoever started it sees to the rest. */
  #stepDown(why: string): void {
    if (this.#steppedDown) return;
    this.#steppedDown = true;
    this.log.error({ epoch: this.#leadership?.epoch, why }, 'stepping down');
    this.#hooks.steppedDown?.(why);
  }

  #answer<M extends LeaderMessageType>(type: M): (body: WithoutEpoch<M>) => void {
    const reply = this.replyLater(type);
    return (body) => {
      const leadership = this.#leadership;
      if (leadership === undefined || !this.admits()) return;
      reply({ ...(body as object), epoch: leadership.epoch } as unknown as BodyOf<M>);
    };
  }

  /** Lazily what only a spawned process has. */
  #acts(): MasterActs {
    const master = this;
    return {
      get info() {
        return master.info;
      },
      get clock() {
        return master.clock;
      },
      get log() {
        return master.log;
      },
      get counters() {
        return master.node.counters;
      },
      get leads() {
        return master.admits();
      },
      get epoch() {
        return master.#leadership?.epoch ?? 0;
      },
      get remembers() {
        return master.#writes.remembers;
      },
      get recovering() {
        if (master.#writes.remembers) return master.#books.agents.awaitedCount > 0;
        return master.clock.now() - master.#electedAt < master.#options.agentReregisterTimeoutMs;
      },
      stale: (epoch) => {
        this.#hooks.stale?.(epoch);
        this.#stepDown(`a leader of epoch ${epoch} was seen`);
      },
      stepDown: (why) => this.#stepDown(why),
      install: (type, handler) => this.install(type, handler),
      send: (to, type, body) => this.send(to, type, body as BodyOf<typeof type>),
      tell: (framework, type, body) => {
        if (framework?.connected && framework.pid !== undefined)
          this.send(framework.pid, type, body as BodyOf<typeof type>);
      },
      answer: (type) => this.#answer(type),
      link: (pid) => this.link(pid),
      delay: (delayMs, work) => this.delay(delayMs, work),
      later: (work) => this.enqueue(work),
    };
  }
}
