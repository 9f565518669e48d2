import { TaskDataError } from '../errors.js';
import { decodeFields, encodeJson, numberField } from '../json-bytes.js';
import type { Computation } from '../slice.js';
import { checkTree, compileTree, type ExpressionTree } from './expression-tree.js';
import { Integral, type IntegralPart, type IntegralRule } from './integral.js';

/** What a task of the framework `integrate` is to compute. */
export interface IntegrateTask extends Omit<IntegralPart, 'f'> {
  readonly tree: ExpressionTree;
}

/** The data of a task. */
export function encodeIntegrateTask({ tree, from, to, steps, firstStep, lastStep, rule }: IntegrateTask): Uint8Array {
  return encodeJson({ tree, from, to, steps, firstStep, lastStep, rule });
}

/** Begins a task. @throws {TaskDataError | ExpressionTreeError | RangeError} when its data is malformed. */
export function beginIntegrateTask(data: Uint8Array | undefined): Computation {
  const what = 'the data of the task';
  const fields = decodeFields(what, data);
  const { rule } = fields;
  if (!isRule(rule)) throw new TaskDataError(`${what} has no rule that is known`);
  const number = (name: string): number => numberField(what, fields, name);
  return new IntegrateComputation({
    f: compileTree(checkTree(fields.tree)),
    from: number('from'),
    to: number('to'),
    steps: number('steps'),
    firstStep: number('firstStep'),
    lastStep: number('lastStep'),
    rule,
  });
}

/** Reads the result of a task. @throws {TaskDataError} when it is malformed. */
export function decodeIntegrateResult(data: Uint8Array): number {
  return numberField('the result', decodeFields('the result', data), 'value');
}

function isRule(value: unknown): value is IntegralRule {
  return value === 'midpoint' || value === 'left';
}

class IntegrateComputation implements Computation {
  readonly #integral: Integral;
  readonly #count: number;
  #evaluated = 0;

  constructor(part: IntegralPart) {
    this.#integral = new Integral(part);
    this.#count = part.lastStep - part.firstStep;
  }

  step(units: number): boolean {
    this.#evaluated = Math.min(this.#count, this.#evaluated + units);
    return this.#integral.step(units);
  }

  get fraction(): number {
    return this.#count === 0 ? 1 : this.#evaluated / this.#count;
  }

  result(): Uint8Array {
    const { value } = this.#integral;
    if (!Number.isFinite(value)) throw new TaskDataError('the sum of this part is beyond the largest double, 1.8e308');
    return encodeJson({ value });
  }
}
