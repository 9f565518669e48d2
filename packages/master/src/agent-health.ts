import type { ExitReason } from '@mesos-ts/process';
import { PingSlave } from '@mesos-ts/protocol';
import type { AgentRemoval } from './agent-removal.js';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';
import type { MasterOptions } from './master-options.js';
import type { OfferLifecycle } from './offer-lifecycle.js';

const pingsPerTurn = 1_000;

export interface AgentHealthOptions
  extends Required<Pick<MasterOptions, 'agentPingTimeoutMs' | 'maxAgentPingTimeouts' | 'agentReregisterTimeoutMs'>> {
  readonly offers: OfferLifecycle;
  readonly removal: AgentRemoval;
}

/**
 * Whether agents are still there (Mesos facts 3.4): pings them, offers nothing of one that is disconnected, and has those
 * removed as unreachable that answer too few pings or are away for too long.
 */
export class AgentHealth {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: AgentHealthOptions;

  constructor(acts: MasterActs, books: Books, options: AgentHealthOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** Pings every agent, one interval from now and at every further one. */
  start(): void {
    this.#acts.delay(this.#options.agentPingTimeoutMs, () => {
      if (this.#acts.leads) this.#pingAll([...this.#books.agents]);
      this.start();
    });
  }

  /** Not all in one turn: others want to be heard between. */
  #pingAll(agents: readonly Agent[]): void {
    for (const agent of agents.slice(0, pingsPerTurn))
      if (this.#books.agents.get(agent.id) === agent) this.#ping(agent);
    if (agents.length > pingsPerTurn) this.#acts.later(() => this.#pingAll(agents.slice(pingsPerTurn)));
  }

  /** It has answered a ping. */
  ponged(agent: Agent): void {
    agent.missedPings = 0;
  }

  /** The link to it broke. What runs there goes on, and it may register again. */
  disconnected(agent: Agent, reason: ExitReason): void {
    this.#acts.log.info({ agent: agent.id, reason }, 'agent disconnected');
    this.#options.offers.rescind(this.#books.deactivateAgent(agent));
    agent.reregisterTimer?.cancel();
    agent.reregisterTimer = this.#acts.delay(this.#options.agentReregisterTimeoutMs, () =>
      this.#options.removal.unreachable(agent, 'it did not register again in time'),
    );
  }

  #ping(agent: Agent): void {
    if (agent.missedPings >= this.#options.maxAgentPingTimeouts) {
      this.#options.removal.unreachable(agent, `it missed ${agent.missedPings} pings in a row`);
      return;
    }
    agent.missedPings++;
    this.#acts.send(agent.pid, PingSlave, {
      connected: agent.connected,
      expectedAgents: this.#books.agents.expected,
    });
  }
}
