import { Heap } from '@mesos-ts/process';

/** That somebody is to be looked at, by the monotonic clock in ms. */
export interface Wake {
  readonly at: number;
}

/** Kept by {@link Wakes}; set to undefined by others, nobody is to be looked at any more. */
export interface Sleeper {
  wake: Wake | undefined;
}

/** So few are not worth looking through. */
const sizeMin = 1_024;

/** Who is to be looked at again, and when. */
export class Wakes<T extends Sleeper> {
  readonly #heap = new Heap<Wake & { readonly who: T }>((a, b) => a.at < b.at);
  #sizeMax = sizeMin;

  /** How many are kept, with those that earlier ones have made void: about twice as many as count at the most, or a few. */
  get size(): number {
    return this.#heap.size;
  }

  /** When the next is due, be it void. */
  get first(): number | undefined {
    return this.#heap.first?.at;
  }

  /** At that time, or before it if that was said already. */
  add(who: T, at: number): void {
    if (at >= (who.wake?.at ?? Number.POSITIVE_INFINITY)) return;
    const wake = { who, at };
    who.wake = wake;
    this.#heap.add(wake);
    if (this.#heap.size <= this.#sizeMax) return;
    // An early one that comes again and again would leave a void one behind each time.
    this.#heap.keep((one) => one.who.wake === one);
    this.#sizeMax = Math.max(sizeMin, 2 * this.#heap.size);
  }

  /** Takes out one that is due; undefined where none is. */
  due(now: number): T | undefined {
    for (let first = this.#heap.first; first !== undefined && first.at <= now; first = this.#heap.first) {
      this.#heap.removeFirst();
      if (first.who.wake !== first) continue;
      first.who.wake = undefined;
      return first.who;
    }
    return undefined;
  }
}
