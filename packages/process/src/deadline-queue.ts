import type { Clock, Timer } from './clock.js';

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

/** Settled ones are cleared away when there are so many more of them than of the others. */
const slack = 64;

/**
 * Wakes each of many when its deadline comes, with one timer of the clock: that of the earliest. What settles before is
 * left where it is and thrown out later, so that it costs nothing at that moment; at most twice as many as wait, and 64,
 * are kept.
 */
export class DeadlineQueue {
  readonly #clock: Clock;
  /** A binary heap: each is due no later than those at twice its index, and one or two more. */
  #heap: Deadlined[] = [];
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
    if (this.#heap.length > 2 * this.#waiting + slack) this.#sweep();
    this.#heap.push(item);
    rise(this.#heap, this.#heap.length - 1);
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
    this.#heap = [];
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
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (!first.settled && first.deadline > now) {
        this.#arm(first.deadline);
        return;
      }
      this.#removeFirst();
      if (!first.settled) first.expire();
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    sink(this.#heap, 0);
  }

  #sweep(): void {
    const heap = this.#heap.filter(isWaiting);
    for (let index = (heap.length >>> 1) - 1; index >= 0; index--) sink(heap, index);
    this.#heap = heap;
  }
}

function isWaiting(item: Deadlined): boolean {
  return !item.settled;
}

function isBefore(a: Deadlined, b: Deadlined): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
}

function rise(heap: Deadlined[], from: number): void {
  const item = heap[from] as Deadlined;
  let index = from;
  while (index > 0) {
    const above = (index - 1) >>> 1;
    const parent = heap[above] as Deadlined;
    if (!isBefore(item, parent)) break;
    heap[index] = parent;
    index = above;
  }
  heap[index] = item;
}

function sink(heap: Deadlined[], from: number): void {
  const item = heap[from] as Deadlined;
  let index = from;
  for (;;) {
    let below = 2 * index + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Deadlined, heap[below] as Deadlined)) below++;
    const child = heap[below] as Deadlined;
    if (!isBefore(child, item)) break;
    heap[index] = child;
    index = below;
  }
  heap[index] = item;
}
