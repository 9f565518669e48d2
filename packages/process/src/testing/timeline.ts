import { Heap } from '../heap.js';

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

/** What is planned for the world, in the one order in which it happens: by (time, sequence). */
export class Timeline {
  #now = 0;
  #sequence = 0;
  #cancelled = 0;
  readonly #heap = new Heap(isBefore);

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
    this.#heap.add(event);
    return event;
  }

  /** Puts back an event that was taken out before. It is overdue, so it comes next, and in its old place among such. */
  putBack(event: TimelineEvent): void {
    this.#heap.add(event);
  }

  /** Cancelling twice, or what has happened, does nothing. */
  cancel(event: TimelineEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    // An ask cancels its deadline as soon as it is answered: without this, the heap would be full of those.
    if (++this.#cancelled > 1_024 && this.#cancelled * 2 > this.#heap.size) this.#compact();
  }

  /** Takes out what happens next, if that is no later than `until`, and moves the time there. */
  take(until: number): TimelineEvent | undefined {
    for (;;) {
      const next = this.#heap.first;
      if (next === undefined || next.at > until) return undefined;
      this.#heap.removeFirst();
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

  #compact(): void {
    this.#heap.keep(({ cancelled }) => !cancelled);
    // A cancelled event that is not in the heap waits with a stalled owner: it is skipped when it comes back.
    this.#cancelled = 0;
  }
}

function isBefore(a: TimelineEvent, b: TimelineEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
