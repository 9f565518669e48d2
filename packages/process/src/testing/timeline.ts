/** Whose code an event runs: an event of someone who is dead is dropped, that of someone who is stalled waits. */
export interface Owner {
  readonly alive: boolean;
  readonly stalled: boolean;
  /** Takes an event that fell due during the stall; its place in the order is kept. */
  postpone(event: TimelineEvent): void;
}

/** Something that happens at a moment of the world's time. */
export interface TimelineEvent {
  /** World time, in ms. */
  readonly at: number;
  /** Breaks ties: what was planned first happens first. */
  readonly sequence: number;
  readonly owner: Owner | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

/** What is planned for the world, in the one order in which it happens: a binary heap by (time, sequence). */
export class Timeline {
  #now = 0;
  #sequence = 0;
  #cancelled = 0;
  #heap: TimelineEvent[] = [];

  /** The world's time, in ms. */
  get now(): number {
    return this.#now;
  }

  plan(at: number, owner: Owner | undefined, run: () => void): TimelineEvent {
    const event: TimelineEvent = {
      at: Math.max(at, this.#now),
      sequence: this.#sequence++,
      owner,
      run,
      cancelled: false,
    };
    this.#push(event);
    return event;
  }

  /** Puts back an event that was taken out before. It is overdue, so it comes next, and in its old place among such. */
  putBack(event: TimelineEvent): void {
    this.#push(event);
  }

  /** Cancelling twice, or what has happened, does nothing. */
  cancel(event: TimelineEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    // An ask cancels its deadline as soon as it is answered: without this, the heap would be full of those.
    if (++this.#cancelled > 1_024 && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  /** Takes out what happens next, if that is no later than `until`, and moves the time there. */
  take(until: number): TimelineEvent | undefined {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return undefined;
      this.#removeFirst();
      if (next.cancelled) {
        this.#cancelled--;
        continue;
      }
      this.moveTo(next.at);
      return next;
    }
  }

  /** Moves the time on, never back. Nothing may be planned before. */
  moveTo(at: number): void {
    if (at > this.#now) this.#now = at;
  }

  #push(event: TimelineEvent): void {
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as TimelineEvent;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >>> 1;
      const other = heap[above] as TimelineEvent;
      if (isBefore(other, event)) break;
      heap[index] = other;
      index = above;
    }
    heap[index] = event;
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as TimelineEvent;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const event = heap[from] as TimelineEvent;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      const right = below + 1;
      if (right < heap.length && isBefore(heap[right] as TimelineEvent, heap[below] as TimelineEvent)) below = right;
      const other = heap[below] as TimelineEvent;
      if (isBefore(event, other)) break;
      heap[index] = other;
      index = below;
    }
    heap[index] = event;
  }

  #compact(): void {
    this.#heap = this.#heap.filter(({ cancelled }) => !cancelled);
    // A cancelled event that is not in the heap waits with a stalled owner: it is skipped when it comes back.
    this.#cancelled = 0;
    for (let index = (this.#heap.length >>> 1) - 1; index >= 0; index--) this.#sink(index);
  }
}

function isBefore(a: TimelineEvent, b: TimelineEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
