import type { SlaveId } from '@mesos-ts/protocol';
import type { AgentRemoval } from './agent-removal.js';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';
import type { MasterOptions } from './master-options.js';
import type { RegistryWrites } from './registry-writes.js';

export interface AgentRecoveryOptions
  extends Required<Pick<MasterOptions, 'agentReregisterTimeoutMs' | 'recoveryAgentRemovalLimitPercent'>> {
  readonly removal: AgentRemoval;
  readonly writes: RegistryWrites;
}

/** How many of those that did not come are being marked at any time. */
const markingsMax = 64;

/**
 * Waits for the agents that the registry knows to come to a new leader, once for all of them, and marks those as
 * unreachable that did not (Mesos facts 3.2). Where more are missing than may be, something else is wrong, such as the
 * leader's own network: it marks nobody and steps down, as the original does by ending. Whoever else was to come has come by
 * then, too: the registry is complete.
 */
export class AgentRecovery {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: AgentRecoveryOptions;

  constructor(acts: MasterActs, books: Books, options: AgentRecoveryOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** From the election on; those that are awaited are in the books. */
  start(): void {
    const awaited = this.#books.agents.awaitedCount;
    this.#acts.delay(this.#options.agentReregisterTimeoutMs, () => this.#over(awaited));
  }

  #over(awaited: number): void {
    const missing = this.#books.agents.awaited;
    const limit = this.#options.recoveryAgentRemovalLimitPercent;
    if (100 * missing.length > limit * awaited) {
      this.#acts.counters.increment('recovery_agent_removal_limit_exceeded');
      this.#acts.stepDown(
        `${missing.length} of ${awaited} agents that the registry knows did not register again in time, more than the ` +
          `${limit} % that may be marked unreachable at once: none is; see whether this master can be reached`,
      );
      return;
    }
    this.#options.writes.complete();
    if (missing.length > 0)
      this.#acts.log.warn({ missing: missing.length, awaited }, 'agents did not come back in time');
    const rest = missing[Symbol.iterator]();
    for (let marking = 0; marking < markingsMax; marking++) this.#markNext(rest);
  }

  #markNext(rest: Iterator<SlaveId>): void {
    const next = rest.next();
    if (!next.done) this.#options.removal.missing(next.value, () => this.#acts.later(() => this.#markNext(rest)));
  }
}
