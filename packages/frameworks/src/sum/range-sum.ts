import { requireWhole } from '../whole-number.js';

/** A contiguous range of whole numbers: `begin` is in it, `end` is not. Both from 0 to 2^53 - 1. */
export interface WholeRange {
  readonly begin: number;
  readonly end: number;
}

/** The most ranges that {@link splitRange} makes: enough for any cluster, and the list stays small in memory. */
const rangesMax = 1_000_000;

/**
 * Cuts the whole numbers 0 … count-1 into at most `tasks` contiguous ranges, in order, whose sizes differ by at most
 * one. No range is empty, so there are fewer of them when `count` is less than `tasks`, and none when it is 0.
 *
 * @param count whole, 0 to 2^53 - 1.
 * @param tasks whole, 1 to 1,000,000.
 * @throws {RangeError} when an argument is out of its bounds.
 */
export function splitRange(count: number, tasks: number): readonly WholeRange[] {
  requireWhole('count', count, 0, Number.MAX_SAFE_INTEGER);
  requireWhole('tasks', tasks, 1, rangesMax);
  const ranges = Math.min(count, tasks);
  const size = Math.floor(count / ranges);
  const larger = count % ranges;
  // The first `larger` ranges take one number more. No product here exceeds `count`, so all of it is exact.
  const beginOf = (index: number): number => index * size + Math.min(index, larger);
  return Array.from({ length: ranges }, (_, index) => ({ begin: beginOf(index), end: beginOf(index + 1) }));
}

/**
 * The exact sum of the whole numbers of [begin, end), made by adding them one by one. The caller decides how many
 * additions go between two looks at its event loop: one takes about half a nanosecond.
 *
 * Fast for numbers up to some 2^45. Above that fewer and fewer of them fit below 2^53 together, and the sum moves to
 * the much slower BigInt ever more often; it stays exact.
 */
export class RangeSum {
  readonly #end: number;
  readonly #chunkSize: number;
  #next: number;
  #total = 0n;

  /**
   * @param begin whole, 0 to `end`.
   * @param end whole, at most 2^53 - 1; not part of the range.
   * @throws {RangeError} when an argument is out of its bounds.
   */
  constructor(begin: number, end: number) {
    requireWhole('end', end, 0, Number.MAX_SAFE_INTEGER);
    requireWhole('begin', begin, 0, end);
    this.#next = begin;
    this.#end = end;
    // Doubles add whole numbers exactly as long as the sum is at most 2^53 - 1. Every number of the range is below
    // `end`, so the sum of this many of them, in whatever order, is at most chunkSize * end <= 2^53 - 1. A single
    // number is always exact, hence the 1 for an `end` so large that the division leaves nothing.
    this.#chunkSize = Math.max(1, Math.floor(Number.MAX_SAFE_INTEGER / Math.max(1, end)));
  }

  /**
   * Adds up to `additions` further numbers.
   *
   * @param additions whole, 1 to 2^53 - 1.
   * @returns true once the whole range is added; further calls change nothing.
   * @throws {RangeError} when `additions` is out of its bounds.
   */
  step(additions: number): boolean {
    requireWhole('additions', additions, 1, Number.MAX_SAFE_INTEGER);
    const stop = this.#next + Math.min(additions, this.#end - this.#next);
    while (this.#next < stop) {
      const chunkEnd = this.#next + Math.min(this.#chunkSize, stop - this.#next);
      this.#total += BigInt(addNumbers(this.#next, chunkEnd));
      this.#next = chunkEnd;
    }
    return this.#next === this.#end;
  }

  /** The sum of the numbers added so far; the sum of the range once {@link step} has returned true. */
  get total(): bigint {
    return this.#total;
  }
}

/** The sum of [begin, end), exact when it is at most 2^53 - 1. */
function addNumbers(begin: number, end: number): number {
  // Two sums, because an addition takes four cycles until its result can be added to, and two chains run side by side.
  let even = 0;
  let odd = 0;
  let number = begin;
  for (; number + 1 < end; number += 2) {
    even += number;
    odd += number + 1;
  }
  if (number < end) even += number;
  return even + odd;
}
