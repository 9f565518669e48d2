import type { SlaveId } from '@mesos-ts/protocol';
import type { AgentRemoval } from './agent-removal.js';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';
import type { MasterOptions } from './master-options.js';
import type { Returning } from './quota-check.js';
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
  /** While they are waited for: how many in all, and until when. */
  #awaiting: { readonly all: number; readonly untilMs: number } | undefined;

  constructor(acts: MasterActs, books: Books, options: AgentRecoveryOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** From the election on; those that are awaited are in the books. */
  start(): void {
    const all = this.#books.agents.awaitedCount;
    const timeoutMs = this.#options.agentReregisterTimeoutMs;
    this.#awaiting = { all, untilMs: this.#acts.clock.now() + timeoutMs };
    this.#acts.delay(timeoutMs, () => this.#over(all));
  }

  /** How far that is; undefined once all are back, or are waited for no more. */
  get returning(): Returning | undefined {
    const missing = this.#books.agents.awaitedCount;
    if (this.#awaiting === undefined || missing === 0) return undefined;
    const { all, untilMs } = this.#awaiting;
    return { back: all - missing, all, leftMs: untilMs - this.#acts.clock.now() };
  }

  #over(awaited: number): void {
    this.#awaiting = undefined;
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
