import { containsResources, equalResources, type Resources } from '@mesos-ts/protocol';

/** A refusal as it is asked for. */
export interface Refusal {
  /** The number of the one who refused. */
  readonly client: number;
  readonly resources: Resources;
  /** Until when, by the monotonic clock in ms. */
  readonly until: number;
  /** Grows from refusal to refusal, so that all before one of them can be forgotten. */
  readonly serial: number;
}

/** Says from which serial on the refusals of a client hold; Infinity where it is gone. */
export type HoldsFrom = (client: number) => number;

const none = Number.POSITIVE_INFINITY;
/** How many lists have a bit of a small number each. */
const bits = 30;

/**
 * What frameworks refused of one agent: each holds for what it names and for less, not for more (Mesos facts 4.6). There may
 * be one of every framework for every agent, so each takes 24 bytes, and what is refused is kept once for all who refuse
 * the same.
 */
export class Refusals {
  #clients = new Int32Array(0);
  #serials = new Float64Array(0);
  #untils = new Float64Array(0);
  #whats = new Int32Array(0);
  #count = 0;
  #lists: Resources[] = [];
  /** When the next runs out. */
  #nextEnd = none;

  /** What was asked for last: many ask for the same. Of the first {@link bits} lists, which were compared with it, and which hold it. */
  #asked: Resources | undefined;
  #compared = 0;
  #holding = 0;

  get count(): number {
    return this.#count;
  }

  /** When the next refusal runs out, if any does; it may be one that holds no more for another reason. */
  get nextEnd(): number {
    return this.#nextEnd;
  }

  client(at: number): number {
    return this.#clients[at] as number;
  }

  add({ client, resources, until, serial }: Refusal, holdsFrom: HoldsFrom, now: number): void {
    this.#nextEnd = Math.min(this.#nextEnd, until);
    const what = this.#listOf(resources);
    const again = this.#placeOf(client, what);
    if (again >= 0) {
      const holds = (this.#serials[again] as number) >= holdsFrom(client);
      this.#untils[again] = holds ? Math.max(until, this.#untils[again] as number) : until;
      this.#serials[again] = serial;
      return;
    }
    if (this.#count === this.#clients.length) {
      this.purge(holdsFrom, now);
      if (this.#count * 8 >= this.#clients.length * 7) this.#resize(this.#count + 4 + (this.#count >> 3));
    }
    const at = this.#count++;
    this.#clients[at] = client;
    this.#serials[at] = serial;
    this.#untils[at] = until;
    this.#whats[at] = this.#listOf(resources); // those before may have been forgotten
    this.#nextEnd = Math.min(this.#nextEnd, until);
  }

  /** Until when that much is refused by who refused at that place or at later ones; 0 where it is not. */
  refusedUntil(from: number, client: number, resources: Resources, since: number, now: number): number {
    let until = 0;
    for (let at = from; at < this.#count; at++) {
      if (this.#clients[at] !== client || (this.#serials[at] as number) < since) continue;
      const end = this.#untils[at] as number;
      if (end > now && end > until && this.#holds(this.#whats[at] as number, resources)) until = end;
    }
    return until;
  }

  /** Whether the refusal at one place stands in the way of that much. */
  isInTheWay(at: number, resources: Resources, since: number, now: number): boolean {
    if ((this.#serials[at] as number) < since || (this.#untils[at] as number) <= now) return false;
    return this.#holds(this.#whats[at] as number, resources);
  }

  /** Whether anybody has ever refused that much, be it that the refusal holds no more. */
  wasRefused(resources: Resources): boolean {
    for (let what = 0; what < this.#lists.length; what++) if (this.#holds(what, resources)) return true;
    return false;
  }

  /** Forgets what holds no more. */
  purge(holdsFrom: HoldsFrom, now: number): void {
    let kept = 0;
    let nextEnd = none;
    for (let at = 0; at < this.#count; at++) {
      const until = this.#untils[at] as number;
      if (until <= now || (this.#serials[at] as number) < holdsFrom(this.#clients[at] as number)) continue;
      this.#clients[kept] = this.#clients[at] as number;
      this.#serials[kept] = this.#serials[at] as number;
      this.#untils[kept] = until;
      this.#whats[kept++] = this.#whats[at] as number;
      nextEnd = Math.min(nextEnd, until);
    }
    this.#count = kept;
    this.#nextEnd = nextEnd;
    this.#keepUsedLists();
  }

  /** Where the same is refused by the same already; -1: nowhere. */
  #placeOf(client: number, what: number): number {
    for (
      let at = this.#clients.indexOf(client);
      at >= 0 && at < this.#count;
      at = this.#clients.indexOf(client, at + 1)
    )
      if (this.#whats[at] === what) return at;
    return -1;
  }

  /** Whether that much is in what was refused. */
  #holds(what: number, resources: Resources): boolean {
    if (resources !== this.#asked) {
      this.#asked = resources;
      this.#compared = 0;
      this.#holding = 0;
    }
    const bit = what < bits ? 1 << what : 0;
    if ((this.#compared & bit) !== 0) return (this.#holding & bit) !== 0;
    const refused = this.#lists[what] as Resources;
    const holds = refused === resources || containsResources(refused, resources);
    this.#compared |= bit;
    if (holds) this.#holding |= bit;
    return holds;
  }

  #keepUsedLists(): void {
    const places = new Map<number, number>();
    const lists: Resources[] = [];
    for (let at = 0; at < this.#count; at++) {
      const what = this.#whats[at] as number;
      let place = places.get(what);
      if (place === undefined) {
        place = lists.push(this.#lists[what] as Resources) - 1;
        places.set(what, place);
      }
      this.#whats[at] = place;
    }
    this.#lists = lists;
    this.#asked = undefined;
  }

  /** The last ones are the likeliest. */
  #listOf(resources: Resources): number {
    for (let at = this.#lists.length - 1; at >= 0; at--) {
      const list = this.#lists[at] as Resources;
      if (list === resources || equalResources(list, resources)) return at;
    }
    return this.#lists.push(resources) - 1;
  }

  #resize(length: number): void {
    this.#clients = resized(this.#clients, new Int32Array(length));
    this.#serials = resized(this.#serials, new Float64Array(length));
    this.#untils = resized(this.#untils, new Float64Array(length));
    this.#whats = resized(this.#whats, new Int32Array(length));
  }
}

function resized<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from.subarray(0, to.length));
  return to;
}
