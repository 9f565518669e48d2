import { EstimateUnusable, type ResourceEstimator } from '@mesos-ts/agent';
import type { Clock } from '@mesos-ts/process';
import { lent, parseResources, type Resources } from '@mesos-ts/protocol';

/** What an agent lends by and by; nothing said: it cannot tell. */
const estimates = ['cpus:2', '', 'cpus:1', undefined, 'cpus:3;mem:200', 'cpus:0.5', 'mem:100'].map((text) =>
  text === undefined ? undefined : lent(parseResources(text)),
);
const changesEveryMs = 40_000;

/** An estimate that goes up and down, on each agent another one, until it is calm. */
export class SimulatedEstimator implements ResourceEstimator {
  readonly #clock: Clock;
  readonly #number: number;
  readonly #calm: () => boolean;
  /** What it said last. */
  last: Resources = [];

  constructor(clock: Clock, number: number, calm: () => boolean) {
    this.#clock = clock;
    this.#number = number;
    this.#calm = calm;
  }

  oversubscribable(): Resources {
    if (this.#calm()) return this.last;
    const estimate = estimates[(Math.floor(this.#clock.now() / changesEveryMs) + this.#number) % estimates.length];
    if (estimate === undefined) throw new EstimateUnusable('nobody knows');
    this.last = estimate;
    return estimate;
  }
}
