import type { Clock, Timer } from './clock.js';
import { Heap } from './heap.js';

/** Something with a deadline. */
export interface Deadlined {
  /** By the clock, in ms. */
  readonly deadline: number;
  /** Distinguishes those of one deadline: the lower is earlier. */
  readonly order: number;
  /** It need not be woken any more. */
  readonly settled: boolean;
  /** Its deadline has come. Must settle it. */
  expire(): void;
}

/** How many are woken in one turn of the event loop. */
const wokenPerTurn = 256;
/** Settled ones are cleared away when there are so many more of them than of the others. */
const slack = 64;

/**
 * Wakes each of many when its deadline comes, with one timer of the clock: that of the earliest. Where very many are due,
 * input and output have their share between. What settles before is left where it is and thrown out later, so that it costs
 * nothing at that moment; at most twice as many as wait, and 64, are kept.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  readonly #heap = new Heap(isBefore);
  #waiting = 0;
  #timer: Timer | undefined;
  /** When it fires. */
  #timerAt = Number.POSITIVE_INFINITY;
  #clearing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Those that wait, in no particular order. */
  pending(): Deadlined[] {
    return this.#heap.filter(isWaiting);
  }

  add(item: Deadlined): void {
    this.#waiting++;
    if (this.#heap.size > 2 * this.#waiting + slack) this.#heap.keep(isWaiting);
    this.#heap.add(item);
    if (item.deadline < this.#timerAt) this.#arm(item.deadline);
  }

  /** To be called once for each that settles, also when it expires. */
  settled(): void {
    if (--this.#waiting > 0 || this.#clearing) return;
    // Those who ask one after the other would set and cancel a timer for each, did the last one's end cancel it at once.
    this.#clearing = true;
    this.#clock.nextTurn(() => {
      this.#clearing = false;
      if (this.#waiting === 0) this.close();
    });
  }

  /** Forgets all, and leaves no timer behind. */
  close(): void {
    this.#heap.keep(() => false);
    this.#disarm();
  }

  #arm(deadline: number): void {
    this.#timer?.cancel();
    this.#timerAt = deadline;
    this.#timer = this.#clock.timer(Math.max(0, deadline - this.#clock.now()), () => this.#expire());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #expire(): void {
    this.#disarm();
    const now = this.#clock.now();
    let woken = 0;
    for (let first = this.#heap.first; first !== undefined; first = this.#heap.first) {
      if (!first.settled && (first.deadline > now || woken === wokenPerTurn)) {
        this.#arm(first.deadline);
        return;
      }
      this.#heap.removeFirst();
      if (first.settled) continue;
      woken++;
      first.expire();
    }
  }
}

function isWaiting(item: Deadlined): boolean {
  return !item.settled;
}

function isBefore(a: Deadlined, b: Deadlined): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}
