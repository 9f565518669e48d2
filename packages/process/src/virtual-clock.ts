import type { Clock, Timer } from './clock.js';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** How many times in a row {@link VirtualClock.settle} lets pending promises run before it calls the world quiet. */
const quietTurns = 8;

/**
 * Time that stands still until a test moves it. Timers fire in order of their deadline, those of the same deadline in
 * the order in which they were set. Mirrors `Clock::pause`, `advance` and `settle` of libprocess (Mesos facts 1.6).
 */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #turnsPending = 0;
  readonly #wallStart: number;
  readonly #timers: Pending[] = [];

  /** @param wallStart what {@link wallTime} says at virtual time 0, in ms since 1970. */
  constructor(wallStart = 1_000_000_000_000) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#wallStart + this.#now;
  }

  timer(delayMs: number, callback: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.splice(this.#position(pending), 0, pending);
    return {
      cancel: () => {
        const index = this.#timers.indexOf(pending);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  nextTurn(callback: () => void): void {
    this.#turnsPending++;
    setImmediate(() => {
      this.#turnsPending--;
      callback();
    });
  }

  /** Moves time on by `ms`, firing what falls due on the way and letting its consequences run before going further. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await this.settle();
    for (;;) {
      const next = this.#timers[0];
      if (next === undefined || next.at > target) break;
      this.#timers.shift();
      this.#now = next.at;
      next.callback();
      await this.settle();
    }
    this.#now = target;
  }

  /**
   * Resolves once nothing is left to run at this moment of virtual time: no timer is due, and what was queued by
   * promises and by {@link nextTurn} has run. Does not know of sockets or of other OS processes.
   */
  async settle(): Promise<void> {
    for (let turn = 0; turn < quietTurns; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#turnsPending > 0) turn = 0;
      const due = this.#timers[0];
      if (due !== undefined && due.at <= this.#now) {
        this.#timers.shift();
        due.callback();
        turn = 0;
      }
    }
  }

  /** How many timers are set: zero at the end of a test means that nothing was left behind. */
  get timersPending(): number {
    return this.#timers.length;
  }

  #position(pending: Pending): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle];
      if (other !== undefined && (other.at < pending.at || (other.at === pending.at && other.order < pending.order)))
        low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
