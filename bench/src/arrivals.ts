import { sharedNowMs } from './load.js';
import { readOf, timestampSum, type Update } from './messages.js';

/** After this a message that has not come is lost, in ms. */
const lostAfterMs = 60_000;

/** Counts what a receiver handles, and tells when the last of the awaited has come, on the shared clock. */
export class Arrivals {
  #left = 0;
  #sum = 0;
  #lastAt: Promise<number> = Promise.resolve(0);
  #done: (atMs: number) => void = () => undefined;

  expect(count: number): void {
    this.#left = count;
    this.#sum = 0;
    this.#lastAt = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** Handled one message: reads of it what {@link complete} proves. */
  readonly update = (body: Update): void => {
    this.#sum += readOf(body);
    this.one();
  };

  /** Handled one message that has nothing to read. */
  readonly one = (): void => {
    if (--this.#left === 0) this.#done(sharedNowMs());
  };

  /** When the last came, in ms. `each`: how many messages each sender sent, to prove that all were read. */
  async complete(each: readonly number[] = []): Promise<number> {
    const at = await this.#inTime();
    const expected = each.reduce((sum, count) => sum + timestampSum(count), 0);
    if (each.length > 0 && this.#sum !== expected) throw new Error(`read ${this.#sum} where ${expected} were sent`);
    return at;
  }

  async #inTime(): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#left} messages did not come`)), lostAfterMs);
    });
    try {
      return await Promise.race([this.#lastAt, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
