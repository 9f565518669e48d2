import { fileURLToPath } from 'node:url';
import { JobFailedError } from '../errors.js';
import { type FrameworkChoices, frameworkInfo } from '../framework-info.js';
import type { Piece } from '../job.js';
import { type JobRunOptions, runJob } from '../job-scheduler.js';
import { parseExpression } from './expression.js';
import { Integral, type IntegralRule, type StepRange, splitSteps } from './integral.js';
import { decodeIntegrateResult, encodeIntegrateTask } from './integrate-task.js';

export interface IntegrateOptions extends JobRunOptions, FrameworkChoices {
  /** The integrand, a function of `x` as {@link parseExpression} reads it. */
  readonly expression: string;
  /** The name of the variable in it. Default `x`. */
  readonly variable?: string;
  readonly from: number;
  readonly to: number;
  /** Whole, 1 to 2^52. */
  readonly steps: number;
  /** Default `midpoint`. */
  readonly rule?: IntegralRule;
  /** Default 500,000. */
  readonly stepsPerTask?: number;
}

/**
 * Approximates a definite integral by a sum of `steps` terms, in tasks all over the cluster. The result does not depend
 * on the order in which tasks end. Nothing is launched before the expression and the numbers are found to be good. The
 * agents must have this package at the same path, as they do when they are installed alike.
 *
 * @throws {ExpressionError} when the expression cannot be read; {RangeError} when a number is out of its bounds;
 * {JobFailedError} naming the interval and x where the integrand is not finite; and as {@link runJob} does.
 */
export async function runIntegrate(options: IntegrateOptions): Promise<number> {
  const { expression, variable = 'x', from, to, steps, rule = 'midpoint' } = options;
  const { tree } = parseExpression(expression, variable);
  const parts = splitSteps(steps, options.stepsPerTask);
  // Checks the limits as each executor will.
  new Integral({ f: () => 0, from, to, steps, rule, firstStep: 0, lastStep: steps });
  const results = new Float64Array(parts.length);
  const piece = (part: StepRange): Piece => ({
    name: `integral from ${edge(options, part.firstStep)} to ${edge(options, part.lastStep)}`,
    data: encodeIntegrateTask({ tree, from, to, steps, rule, ...part }),
  });
  await runJob({
    ...options,
    framework: frameworkInfo('integrate', options),
    pieces: parts.map(piece),
    command: {
      value: process.execPath,
      arguments: [fileURLToPath(new URL('./executor-main.js', import.meta.url))],
    },
    accept: (index, data) => {
      results[index] = decodeIntegrateResult(data);
    },
  });
  const total = sumInOrder(results);
  if (!Number.isFinite(total)) throw new JobFailedError('integrate: the sum is beyond the largest double, 1.8e308');
  return total;
}

/** Where a step begins. */
function edge({ from, to, steps }: IntegrateOptions, step: number): number {
  return step === steps ? to : from + step * ((to - from) / steps);
}

/** Neumaier's sum: as good as that within the parts. */
function sumInOrder(terms: Float64Array): number {
  let sum = 0;
  let compensation = 0;
  for (const term of terms) {
    const next = sum + term;
    compensation += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return Number.isFinite(sum) ? sum + compensation : sum;
}
