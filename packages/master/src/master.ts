import { type AnyMessageType, type BodyOf, type ExitReason, Process, type Upid } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import type { Leadership } from '@mesos-ts/zk-election';
import { AgentHealth } from './agent-health.js';
import { AgentRegistration } from './agent-registration.js';
import { Books } from './books.js';
import { DrfAllocator } from './drf-allocator.js';
import { FrameworkRegistration } from './framework-registration.js';
import type { MasterActs } from './master-acts.js';
import { type MasterOptions, masterDefaults } from './master-options.js';
import { MessageRouting } from './message-routing.js';
import { OfferLifecycle } from './offer-lifecycle.js';
import { TaskLifecycle } from './task-lifecycle.js';

/** Every process of this name, on whatever Node, is a master. */
export const masterProcessId = 'master';

/**
 * One master, through one candidacy: it drops everything until it is elected, leads, and is replaced by a new one with
 * empty books when it loses leadership (Mesos facts 3). Its id is the prefix of all ids that it mints, so those of
 * different terms never meet.
 *
 * The process itself sees to it that only a leader hears and speaks; what a leader does is the business of its parts.
 */
export class Master extends Process {
  readonly #info: Omit<MasterInfo, 'pid'>;
  readonly #options: Required<MasterOptions>;
  readonly #onStale: (epoch: number) => void;
  readonly #allocator: DrfAllocator;
  readonly #books: Books;
  readonly #frameworks: FrameworkRegistration;
  readonly #agentHealth: AgentHealth;
  readonly #routing: MessageRouting;
  #leadership: Leadership | undefined;
  #electedAt = 0;

  /**
   * @param onStale told of a higher epoch than its own that an agent or a scheduler has seen: this leadership is to be
   * given up. May come again.
   */
  constructor(
    info: Omit<MasterInfo, 'pid'>,
    options: MasterOptions = {},
    onStale: (epoch: number) => void = () => undefined,
  ) {
    super(masterProcessId);
    this.#info = info;
    this.#onStale = onStale;
    this.#options = { ...masterDefaults, ...options };
    const acts = this.#acts();
    const allocator = new DrfAllocator(`allocator(${info.id})`, (allocations) =>
      acts.later(() => offers.offer(allocations)),
    );
    const books = new Books(info.id, allocator);
    const tasks = new TaskLifecycle(acts, books);
    const offers = new OfferLifecycle(acts, books, allocator, tasks);
    const frameworks = new FrameworkRegistration(acts, books);
    const totalPingTimeoutMs = this.#options.agentPingTimeoutMs * this.#options.maxAgentPingTimeouts;
    const agents = new AgentRegistration(acts, books, { frameworks, offers, tasks, totalPingTimeoutMs });
    const agentHealth = new AgentHealth(acts, books, { ...this.#options, offers, registration: agents });
    this.#allocator = allocator;
    this.#books = books;
    this.#frameworks = frameworks;
    this.#agentHealth = agentHealth;
    this.#routing = new MessageRouting(acts, books, { allocator, frameworks, offers, tasks, agents, agentHealth });
  }

  /** Begins to lead. */
  elected(leadership: Leadership): Promise<void> {
    return this.dispatch(() => {
      this.#leadership = leadership;
      this.#electedAt = this.clock.now();
      this.log.info({ epoch: leadership.epoch, master: this.#info.id }, 'elected: leading');
      this.#agentHealth.start();
    });
  }

  /** All that it knows, for looking on. */
  get books(): Books {
    return this.#books;
  }

  get info(): MasterInfo {
    return { ...this.#info, pid: this.pid };
  }

  protected override initialize(): void {
    this.link(this.node.spawn(this.#allocator));
    this.#routing.installForFrameworks();
    this.#routing.installForAgents();
    this.#routing.installForEverybody();
  }

  protected override finalize(): void {
    this.node.terminate(this.#allocator.pid);
  }

  /** A standby, and a leader whose lease may have run out, hears nothing. */
  protected override admits(): boolean {
    return this.#leadership?.isValid() === true;
  }

  /** Says it in the name of this leadership. Who may no longer lead tells nobody anything: its successor does. */
  protected override send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    const leadership = this.#leadership;
    if (!leadership?.isValid()) return;
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
      get recovering() {
        return master.clock.now() - master.#electedAt < master.#options.agentReregisterTimeoutMs;
      },
      stale: (epoch) => this.#onStale(epoch),
      install: (type, handler) => this.install(type, handler),
      send: (to, type, body) => this.send(to, type, body as BodyOf<typeof type>),
      tell: (framework, type, body) => {
        if (framework?.connected && framework.pid !== undefined)
          this.send(framework.pid, type, body as BodyOf<typeof type>);
      },
      link: (pid) => this.link(pid),
      delay: (delayMs, work) => this.delay(delayMs, work),
      later: (work) => this.enqueue(work),
    };
  }
}
