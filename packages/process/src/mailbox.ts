import type { ProcessEvent } from './event.js';

/**
 * The events that wait for one process, in two lanes, each first in, first out; the system lane goes first.
 *
 * The system lane is for what decides about the life of the process itself: `initialize`, `terminate` at once, and the
 * failure of a child that escalates. None of these says anything about what another process did, so they may overtake.
 * Everything else, `exited` among it, takes its turn in the user lane: `exited` would else overtake what the process that
 * ended had said before.
 *
 * Both lanes are one list that runs through the events, so an empty mailbox costs nothing but its four fields.
 *
 * {@link Cell} is one, rather than having one: of a million idle processes, that is a tenth of the memory.
 */
export class Mailbox {
  #first: ProcessEvent | undefined;
  #last: ProcessEvent | undefined;
  /** The last of the system lane. */
  #lastUrgent: ProcessEvent | undefined;
  #length = 0;

  /** How many events wait. */
  get mailboxDepth(): number {
    return this.#length;
  }

  /** What {@link shift} would take. */
  get first(): ProcessEvent | undefined {
    return this.#first;
  }

  /** Appends to the user lane. */
  protected put(event: ProcessEvent): void {
    const last = this.#last;
    if (last === undefined) this.#first = event;
    else last.next = event;
    this.#last = event;
    this.#length++;
  }

  /** Appends to the system lane. */
  protected putUrgent(event: ProcessEvent): void {
    const before = this.#lastUrgent;
    event.next = before === undefined ? this.#first : before.next;
    if (before === undefined) this.#first = event;
    else before.next = event;
    if (event.next === undefined) this.#last = event;
    this.#lastUrgent = event;
    this.#length++;
  }

  protected take(): ProcessEvent | undefined {
    const event = this.#first;
    if (event === undefined) return undefined;
    const { next } = event;
    this.#first = next;
    if (next === undefined) this.#last = undefined;
    // What was taken must not keep alive, nor move to the old generation, what comes after it.
    else event.next = undefined;
    if (event === this.#lastUrgent) this.#lastUrgent = undefined;
    this.#length--;
    return event;
  }

  /** Takes out the oldest of the events that `matches`; undefined where there is none. */
  protected takeFirst(matches: (event: ProcessEvent) => boolean): ProcessEvent | undefined {
    let before: ProcessEvent | undefined;
    for (let event = this.#first; event !== undefined; before = event, event = event.next)
      if (matches(event)) {
        if (before === undefined) this.#first = event.next;
        else before.next = event.next;
        if (event === this.#last) this.#last = before;
        if (event === this.#lastUrgent) this.#lastUrgent = before;
        event.next = undefined;
        this.#length--;
        return event;
      }
    return undefined;
  }

  /** Takes everything out. */
  protected takeAll(): ProcessEvent[] {
    const rest: ProcessEvent[] = [];
    for (let event = this.take(); event !== undefined; event = this.take()) rest.push(event);
    return rest;
  }
}
