/** Named counts that only grow: what was sent, dropped and refused. */
export class Counters {
  readonly #counts = new Map<string, number>();

  increment(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  /** 0 for a name that was never counted. */
  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** All counts by name, in alphabetical order. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
