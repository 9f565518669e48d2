import { TaskDataError } from '../errors.js';
import { decodeFields, encodeJson, numberField } from '../json-bytes.js';
import type { Computation } from '../slice.js';
import { RangeSum, type WholeRange } from './range-sum.js';

/** The data of a task of the framework `sum`. */
export function encodeSumTask({ begin, end }: WholeRange): Uint8Array {
  return encodeJson({ begin, end });
}

/** Begins a task. @throws {TaskDataError | RangeError} when its data is malformed. */
export function beginSumTask(data: Uint8Array | undefined): Computation {
  const what = 'the data of the task';
  const fields = decodeFields(what, data);
  return new SumComputation(numberField(what, fields, 'begin'), numberField(what, fields, 'end'));
}

/** Reads the result of a task: a sum travels as decimal text. @throws {TaskDataError} when it is malformed. */
export function decodeSumResult(data: Uint8Array): bigint {
  const { sum } = decodeFields('the result', data);
  if (typeof sum !== 'string' || !/^\d{1,40}$/.test(sum)) throw new TaskDataError('the result has no sum in decimals');
  return BigInt(sum);
}

class SumComputation implements Computation {
  readonly #sum: RangeSum;
  readonly #count: number;
  #added = 0;

  constructor(begin: number, end: number) {
    this.#sum = new RangeSum(begin, end);
    this.#count = end - begin;
  }

  step(units: number): boolean {
    this.#added = Math.min(this.#count, this.#added + units);
    return this.#sum.step(units);
  }

  get fraction(): number {
    return this.#count === 0 ? 1 : this.#added / this.#count;
  }

  result(): Uint8Array {
    return encodeJson({ sum: this.#sum.total.toString() });
  }
}
