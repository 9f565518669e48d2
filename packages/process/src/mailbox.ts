import type { ProcessEvent } from './event.js';

/** How many taken places a mailbox keeps at its front before it moves the rest down. */
const compactAt = 1_024;

/** The events that wait for one process, first in, first out. */
export class Mailbox {
  #events: (ProcessEvent | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#events.length - this.#head;
  }

  push(event: ProcessEvent): void {
    this.#events.push(event);
  }

  shift(): ProcessEvent | undefined {
    const event = this.#events[this.#head];
    if (event === undefined) return undefined;
    this.#events[this.#head++] = undefined;
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
    } else if (this.#head === compactAt) {
      this.#events.splice(0, compactAt);
      this.#head = 0;
    }
    return event;
  }

  /** Takes everything out. */
  drain(): ProcessEvent[] {
    const rest = this.#events.slice(this.#head) as ProcessEvent[];
    this.#events = [];
    this.#head = 0;
    return rest;
  }
}
