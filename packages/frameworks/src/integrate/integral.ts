import { requireWhole } from '../whole-number.js';

/** Steps `firstStep` … `lastStep` - 1 of an integral: the part of one task. */
export interface StepRange {
  readonly firstStep: number;
  readonly lastStep: number;
}

/** Where in its step the integrand is evaluated: in the middle, or at its beginning. */
export type IntegralRule = 'midpoint' | 'left';

/** One part of the sum that approximates the integral of `f` from `from` to `to`. */
export interface IntegralPart extends StepRange {
  readonly f: (x: number) => number;
  /** Finite; may be greater than `to`, which changes the sign of the integral. */
  readonly from: number;
  readonly to: number;
  /** The steps of the whole integral, whole, 1 to 2^52; all are of the width (to - from) / steps. */
  readonly steps: number;
  readonly rule: IntegralRule;
}

/** The most parts that {@link splitSteps} makes. */
const partsMax = 1_000_000;
/** Up to here the number of a step and a half is exact. */
const stepsMax = 2 ** 52;

/**
 * Cuts steps 0 … steps-1 into parts of `perTask` steps, in order; the last may be smaller.
 *
 * @param steps whole, 1 to 2^52.
 * @param perTask whole, 1 to 2^52.
 * @throws {RangeError} when an argument is out of its bounds, or there would be more than 1,000,000 parts.
 */
export function splitSteps(steps: number, perTask = 500_000): readonly StepRange[] {
  requireWhole('steps', steps, 1, stepsMax);
  requireWhole('perTask', perTask, 1, stepsMax);
  const parts = Math.ceil(steps / perTask);
  if (parts > partsMax)
    throw new RangeError(`${steps} steps make ${parts} tasks of ${perTask}; at most ${partsMax}: use larger tasks`);
  return Array.from({ length: parts }, (_, index) => ({
    firstStep: index * perTask,
    lastStep: Math.min(steps, (index + 1) * perTask),
  }));
}

/** The integrand has no finite value at a point of the sum: a pole, or a point where it is not defined. */
export class IntegrandError extends Error {
  override readonly name = 'IntegrandError';
  readonly code = 'INTEGRAND_NOT_FINITE';
  readonly x: number;
  /** What the integrand returned: NaN or an infinity. */
  readonly value: number;
  /** The number of the step, from 0, and where it begins and ends. */
  readonly step: number;
  readonly stepFrom: number;
  readonly stepTo: number;

  constructor(place: { x: number; value: number; step: number; stepFrom: number; stepTo: number }) {
    const { x, value, step, stepFrom, stepTo } = place;
    super(
      `the integrand is ${value} at x = ${x}, in step ${step} from ${stepFrom} to ${stepTo}: ` +
        'it must be finite everywhere between the limits',
    );
    this.x = x;
    this.value = value;
    this.step = step;
    this.stepFrom = stepFrom;
    this.stepTo = stepTo;
  }
}

/**
 * A part of a definite integral: the sum of f(x_i) * h over its steps, with h = (to - from) / steps and x_i in the
 * middle or at the beginning of step i. The caller decides how many points go between two looks at its event loop.
 *
 * The sum is compensated (Neumaier), so that millions of steps lose no digit to rounding. The error of the rule itself
 * remains: of order h^2 for `midpoint` and h for `left`, with f smooth between the limits.
 */
export class Integral {
  readonly #part: IntegralPart;
  readonly #width: number;
  #next: number;
  #sum = 0;
  #compensation = 0;

  /** @throws {RangeError} when a limit is not finite or the steps are out of their bounds. */
  constructor(part: IntegralPart) {
    requireWhole('steps', part.steps, 1, stepsMax);
    requireWhole('lastStep', part.lastStep, 0, part.steps);
    requireWhole('firstStep', part.firstStep, 0, part.lastStep);
    if (!Number.isFinite(part.to - part.from))
      throw new RangeError(
        `cannot integrate from ${part.from} to ${part.to}: the limits and their distance must be finite`,
      );
    this.#part = part;
    this.#width = (part.to - part.from) / part.steps;
    this.#next = part.firstStep;
  }

  /**
   * Evaluates up to `points` further points.
   *
   * @param points whole, 1 to 2^53 - 1.
   * @returns true once all steps of the part are summed; further calls change nothing.
   * @throws {IntegrandError} at a point where f is not finite; the part cannot be finished then.
   * @throws {RangeError} when `points` is out of its bounds.
   */
  step(points: number): boolean {
    requireWhole('points', points, 1, Number.MAX_SAFE_INTEGER);
    const { f, from, rule, lastStep } = this.#part;
    const width = this.#width;
    const shift = rule === 'midpoint' ? 0.5 : 0;
    const stop = this.#next + Math.min(points, lastStep - this.#next);
    let sum = this.#sum;
    let compensation = this.#compensation;
    for (let i = this.#next; i < stop; i++) {
      // Not the last x plus the width: the rounding errors of millions of additions would move the points.
      const value = f(from + (i + shift) * width);
      if (!Number.isFinite(value)) throw this.#notFinite(i, from + (i + shift) * width, value);
      // Neumaier: what the addition rounds away comes back as (larger - sum) + smaller, exactly.
      const term = value * width;
      const next = sum + term;
      compensation += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
      sum = next;
    }
    this.#sum = sum;
    this.#compensation = compensation;
    this.#next = stop;
    return stop === lastStep;
  }

  /** The sum so far; that of the part once {@link step} has returned true. Infinite when it exceeds all doubles. */
  get value(): number {
    return Number.isFinite(this.#sum) ? this.#sum + this.#compensation : this.#sum;
  }

  #notFinite(step: number, x: number, value: number): IntegrandError {
    const stepFrom = this.#part.from + step * this.#width;
    return new IntegrandError({ x, value, step, stepFrom, stepTo: this.#part.from + (step + 1) * this.#width });
  }
}

/** A result for people: at most 15 significant digits, as many as every double carries, and no zeros at the end. */
export function formatResult(value: number): string {
  return String(Number(value.toPrecision(15)));
}
