import type { Clock } from '@mesos-ts/process';
import type { Leadership } from './election.js';

/** A leadership that whoever made it can prolong and end. */
export class HeldLeadership implements Leadership {
  readonly lost: Promise<string>;
  #resolveLost: (why: string) => void = () => {};
  #over = false;

  /** @param validUntil in the milliseconds of `clock.now()`; Infinity where it does not run out. */
  constructor(
    readonly epoch: number,
    private validUntil: number,
    private readonly clock: Clock,
  ) {
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
  }

  isValid(): boolean {
    return !this.#over && this.clock.now() < this.validUntil;
  }

  prolong(validUntil: number): void {
    this.validUntil = validUntil;
  }

  /** It is not certain any more, until it is prolonged. */
  doubt(): void {
    this.validUntil = Number.NEGATIVE_INFINITY;
  }

  end(why: string): void {
    this.#over = true;
    this.#resolveLost(why);
  }
}
