/** A binary heap: what goes before all others is found at once, and taken out or put in within as many steps as it has levels. */
export class Heap<T> {
  readonly #isBefore: (a: T, b: T) => boolean;
  /** Each goes no later than those at twice its index, and one or two more. */
  #items: T[] = [];

  /** @param isBefore a strict order; of two that it does not tell apart, either goes first. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** What goes before all others; undefined where there is nothing. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Those that it holds which `wanted` names, in no particular order. */
  filter(wanted: (item: T) => boolean): T[] {
    return this.#items.filter(wanted);
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** Takes out {@link first}. */
  removeFirst(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    this.#sink(0);
  }

  /** Throws out all. */
  clear(): void {
    if (this.#items.length > 0) this.#items = [];
  }

  /** Throws out all but those which `wanted` names. */
  keep(wanted: (item: T) => boolean): void {
    this.#items = this.#items.filter(wanted);
    for (let index = (this.#items.length >>> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  #rise(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    let index = from;
    while (index > 0) {
      const above = (index - 1) >>> 1;
      const parent = items[above] as T;
      if (!this.#isBefore(item, parent)) break;
      items[index] = parent;
      index = above;
    }
    items[index] = item;
  }

  #sink(from: number): void {
    const items = this.#items;
    const item = items[from] as T;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.#isBefore(items[below + 1] as T, items[below] as T)) below++;
      const child = items[below] as T;
      if (!this.#isBefore(child, item)) break;
      items[index] = child;
      index = below;
    }
    items[index] = item;
  }
}
