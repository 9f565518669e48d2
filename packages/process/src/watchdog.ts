import type { Clock, Timer } from './clock.js';

/** How often the connection is asked for a sign of life, in ms. */
const askMs = 1_000;
/** How many times in a row it may be looked for in vain. */
const missedMax = 5;

/**
 * Watches that a connection's reader lives: one whose reader died still takes what is sent, and says nothing. Counts its
 * looks rather than time, so that a stall of our own event loop is not taken for that.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #flush: () => Promise<void>;
  readonly #host: { stuck(): void };
  #timer: Timer;
  #dueAt: number;
  #lateMs = 0;
  #asked = false;
  #missed = 0;

  /** @param flush resolves with the next sign of life. */
  constructor(clock: Clock, flush: () => Promise<void>, host: { stuck(): void }) {
    this.#clock = clock;
    this.#flush = flush;
    this.#host = host;
    this.#dueAt = clock.now() + askMs;
    this.#timer = clock.timer(askMs, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** For how long our own event loop stood still of late, in ms. */
  stalledMs(): number {
    return Math.max(this.#lateMs, this.#clock.now() - this.#dueAt);
  }

  #look(): void {
    const now = this.#clock.now();
    this.#lateMs = now - this.#dueAt;
    this.#dueAt = now + askMs;
    this.#timer = this.#clock.timer(askMs, () => this.#look());
    if (!this.#asked) this.#ask();
    else if (++this.#missed === missedMax) {
      this.#asked = false;
      this.#host.stuck();
    }
  }

  #ask(): void {
    this.#asked = true;
    this.#missed = 0;
    const answered = (): void => {
      this.#asked = false;
    };
    this.#flush().then(answered, answered);
  }
}
