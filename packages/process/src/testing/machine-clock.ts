import type { Clock, Timer } from '../clock.js';
import type { Owner, Timeline } from './timeline.js';
import type { Trace } from './trace.js';

/** How one machine's time relates to the world's. */
export interface ClockSettings {
  /** Local milliseconds per millisecond of the world: 1.01 runs one percent fast. */
  readonly rate: number;
  /** What {@link Clock.now} says at the start. Differs from machine to machine, so that who compares them is found out. */
  readonly origin: number;
  /** What is added to the wall time, in ms; may be changed at any time, as an operator would step the clock. */
  readonly wallOffset: () => number;
}

/** World time 0, in ms since 1970. */
const wallStart = 1_000_000_000_000;

/** The time of one life of a machine: its own rate and origin over the world's timeline. */
export class MachineClock implements Clock {
  readonly #timeline: Timeline;
  readonly #owner: Owner;
  readonly #settings: ClockSettings;
  readonly #startedAt: number;
  readonly #traced: ((what: string) => void) | undefined;
  /** The latest deadline that fired: rounding must not make a timer see a time before its own. */
  #reached = 0;

  constructor(timeline: Timeline, owner: Owner, settings: ClockSettings, trace: Trace | undefined, machine: string) {
    this.#timeline = timeline;
    this.#owner = owner;
    this.#settings = settings;
    this.#startedAt = timeline.now;
    this.#traced = trace?.timers === true ? (what) => trace.add(machine, what) : undefined;
  }

  now(): number {
    const { origin, rate } = this.#settings;
    const now = origin + (this.#timeline.now - this.#startedAt) * rate;
    return Math.max(now, this.#reached);
  }

  wallTime(): number {
    return wallStart + Math.round(this.#timeline.now * this.#settings.rate) + this.#settings.wallOffset();
  }

  timer(delayMs: number, callback: () => void): Timer {
    if (!this.#owner.alive || delayMs === Number.POSITIVE_INFINITY) return { cancel: () => undefined };
    const delay = Math.max(delayMs, 0);
    const deadline = this.now() + delay;
    const event = this.#timeline.plan(this.#timeline.now + delay / this.#settings.rate, this.#owner, () => {
      if (deadline > this.#reached) this.#reached = deadline;
      this.#traced?.(`timer after ${delay} ms`);
      callback();
    });
    return { cancel: () => this.#timeline.cancel(event) };
  }

  nextTurn(callback: () => void): void {
    if (this.#owner.alive) this.#timeline.plan(this.#timeline.now, this.#owner, callback);
  }
}
