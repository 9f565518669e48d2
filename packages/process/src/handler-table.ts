import type { AnyMessageType } from './message.js';
import type { Upid } from './upid.js';

/** A type of message and what a process does with it. */
export interface Installed {
  readonly type: AnyMessageType;
  readonly handle: (from: Upid, body: never) => void | Promise<void>;
}

interface Entry extends Installed {
  readonly name: string;
  readonly next: Entry | undefined;
}

/** Up to so many, going through them is as fast as a map, and takes a fraction of its memory. */
const listedMax = 8;

/** The handlers of one process by the names of their messages. */
export class HandlerTable {
  #first: Entry | undefined;
  #listed = 0;
  #byName: Map<string, Installed> | undefined;

  /** A later handler for a name replaces the earlier one. */
  set(type: AnyMessageType, handle: Installed['handle']): void {
    this.#first = { name: type.name, type, handle, next: this.#first };
    if (this.#byName !== undefined) this.#byName.set(type.name, this.#first);
    else if (++this.#listed > listedMax) this.#byName = this.#indexed();
  }

  find(name: string): Installed | undefined {
    if (this.#byName !== undefined) return this.#byName.get(name);
    for (let entry = this.#first; entry !== undefined; entry = entry.next) if (entry.name === name) return entry;
    return undefined;
  }

  #indexed(): Map<string, Installed> {
    const byName = new Map<string, Installed>();
    for (let entry = this.#first; entry !== undefined; entry = entry.next)
      if (!byName.has(entry.name)) byName.set(entry.name, entry);
    return byName;
  }
}
