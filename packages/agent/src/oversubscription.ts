import { addResources, equalResources, formatResources, type Resources, ResourcesError } from '@mesos-ts/protocol';
import type { AgentActs } from './agent-acts.js';
import { EstimateUnusable, type ResourceEstimator } from './resource-estimator.js';

export interface OversubscriptionOptions {
  readonly estimator: ResourceEstimator;
  /** What the agent has of its own: nothing is lent that cannot stand beside it, such as an amount of ports. */
  readonly resources: Resources;
  /** How often the estimator is asked, in ms. */
  readonly intervalMs: number;
  /** Tells the master what is lent, if there is one. */
  readonly tell: (oversubscribed: Resources) => void;
}

/**
 * Keeps the master told of what the agent lends (Mesos facts 4.7): with each registration, since a new leader knows nothing of
 * it, and when it changes. More is not needed: a message that is lost breaks the link, and then the agent registers again.
 */
export class Oversubscription {
  readonly #acts: AgentActs;
  readonly #options: OversubscriptionOptions;
  #estimate: Resources = [];
  #complaint: string | undefined;

  constructor(acts: AgentActs, options: OversubscriptionOptions) {
    this.#acts = acts;
    this.#options = options;
  }

  /** Asks the estimator, now and from now on. */
  start(): void {
    this.#look();
    this.#acts.delay(this.#options.intervalMs, () => this.start());
  }

  /** A master has registered the agent. What that one knows may be of long ago: it is told also that nothing is lent. */
  connected(): void {
    this.#options.tell(this.#estimate);
  }

  #look(): void {
    const estimate = this.#ask();
    if (equalResources(estimate, this.#estimate)) return;
    const [oversubscribed, before] = [estimate, this.#estimate].map((lent) => formatResources(lent) || 'nothing');
    this.#acts.log.info({ oversubscribed, before }, 'what is lent has changed');
    this.#estimate = estimate;
    this.#options.tell(estimate);
  }

  /** What was said before holds where the estimator cannot say; that is logged once for each reason. */
  #ask(): Resources {
    try {
      const estimate = this.#options.estimator.oversubscribable();
      addResources(this.#options.resources, estimate);
      this.#complaint = undefined;
      return estimate;
    } catch (error) {
      if (!(error instanceof EstimateUnusable || error instanceof ResourcesError)) throw error;
      if (error.message !== this.#complaint) {
        this.#acts.counters.increment('estimates_unusable');
        this.#acts.log.warn({ why: error.message }, 'cannot tell what may be lent: that of before holds');
      }
      this.#complaint = error.message;
      return this.#estimate;
    }
  }
}
