/**
 * What a machine keeps over a crash: a map of values by key. Written at once; nothing of it is shared with the living,
 * so what was changed but not put is lost, as on a disk.
 */
export class Storage {
  readonly #values: Map<string, unknown>;
  readonly #writable: () => boolean;

  /** @internal @param writable false once the life that holds this handle has ended. */
  constructor(values: Map<string, unknown>, writable: () => boolean) {
    this.#values = values;
    this.#writable = writable;
  }

  /** A copy of the value, or undefined. */
  get(key: string): unknown {
    return structuredClone(this.#values.get(key));
  }

  put(key: string, value: unknown): void {
    if (this.#writable()) this.#values.set(key, structuredClone(value));
  }

  delete(key: string): void {
    if (this.#writable()) this.#values.delete(key);
  }

  /** In the order in which they were first put. */
  keys(): string[] {
    return [...this.#values.keys()];
  }
}
