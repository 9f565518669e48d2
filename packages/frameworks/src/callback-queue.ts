/** One call that waits for its turn. */
interface Entry {
  readonly call: () => unknown;
  readonly done: (() => void) | undefined;
  next: Entry | undefined;
}

/**
 * Calls a user's callbacks one at a time, in order; one that returns a promise holds those behind it until that settles.
 * Apart from the driver's process, so that a slow callback delays neither registration nor what the driver is asked for.
 */
export class CallbackQueue {
  readonly #failed: (error: unknown) => void;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #running = false;
  #closed = false;

  /** @param failed told of what a callback threw; the queue has closed by then. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** @param done runs after `call` has returned or its promise was fulfilled, unless the queue was closed meanwhile. */
  push(call: () => unknown, done?: () => void): void {
    if (this.#closed) return;
    const entry: Entry = { call, done, next: undefined };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    if (!this.#running) this.#run();
  }

  /** Drops what waits; nothing is called after this. A callback that is under way goes on. */
  close(): void {
    this.#closed = true;
    this.#first = undefined;
    this.#last = undefined;
  }

  #run(): void {
    this.#running = true;
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) {
      const { call, done } = entry;
      try {
        const result = call();
        if (isThenable(result)) {
          Promise.resolve(result)
            .then(() => this.#finished(done))
            .then(
              () => this.#run(),
              (error: unknown) => this.#fail(error),
            );
          return;
        }
        this.#finished(done);
      } catch (error) {
        this.#fail(error);
        return;
      }
    }
    this.#running = false;
  }

  #shift(): Entry | undefined {
    const entry = this.#first;
    this.#first = entry?.next;
    if (this.#first === undefined) this.#last = undefined;
    return entry;
  }

  #finished(done: (() => void) | undefined): void {
    if (!this.#closed) done?.();
  }

  #fail(error: unknown): void {
    this.close();
    this.#failed(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
