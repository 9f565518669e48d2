import type { Clock, Timer } from '@mesos-ts/process';

/** Rings when a core wants its next tick: at the time that was set last, and once for each. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** @param at by the clock, in ms; what is over rings as soon as can be, Infinity never. */
  set(at: number): void {
    this.cancel();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.timer(Math.max(0, at - this.#clock.now()), this.#ring);
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
