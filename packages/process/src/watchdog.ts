import type { Clock, Timer } from './clock.js';

/** How often to look, in ms: a stall of our own is seen but for as much. */
const lookMs = 250;
/** After how many looks the connection is asked for a sign of life. */
const looksPerAsk = 4;
/** How many looks in a row may come before the answer: 5 s. */
const missedMax = 20;

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
  /** The longest time by which a look was late since the server last answered. */
  #lateMs = 0;
  #looks = 0;
  #asked = false;
  #missed = 0;

  /** @param flush resolves with the next sign of life. */
  constructor(clock: Clock, flush: () => Promise<void>, host: { stuck(): void }) {
    this.#clock = clock;
    this.#flush = flush;
    this.#host = host;
    this.#dueAt = clock.now() + lookMs;
    this.#timer = clock.timer(lookMs, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** For how long our own event loop stood still since the server last answered, in ms. */
  stalledMs(): number {
    return Math.max(this.#lateMs, this.#clock.now() - this.#dueAt);
  }

  #look(): void {
    const now = this.#clock.now();
    this.#lateMs = Math.max(this.#lateMs, now - this.#dueAt);
    this.#dueAt = now + lookMs;
    this.#timer = this.#clock.timer(lookMs, () => this.#look());
    if (this.#asked) this.#miss();
    else if (++this.#looks % looksPerAsk === 0) this.#ask();
  }

  #miss(): void {
    if (++this.#missed < missedMax) return;
    this.#asked = false;
    this.#host.stuck();
  }

  #ask(): void {
    this.#asked = true;
    this.#missed = 0;
    const over = (): void => {
      this.#asked = false;
    };
    this.#flush().then(() => {
      over();
      this.#lateMs = 0;
    }, over);
  }
}
