import { fileURLToPath } from 'node:url';
import { type FrameworkChoices, frameworkInfo } from '../framework-info.js';
import { type JobRunOptions, runJob } from '../job-scheduler.js';
import { splitRange } from './range-sum.js';
import { decodeSumResult, encodeSumTask } from './sum-task.js';

export interface SumOptions extends JobRunOptions, FrameworkChoices {
  /** How many whole numbers, from 0, are added. Default 2,000,000,000. */
  readonly count?: number;
  /** In how many tasks, at most. Default 10. */
  readonly tasks?: number;
}

/**
 * Adds the whole numbers 0 … count-1 one by one, in tasks all over the cluster, and resolves with their exact sum. The
 * agents must have this package at the same path, as they do when they are installed alike.
 *
 * @throws {RangeError} when `count` or `tasks` is out of its bounds; and as {@link runJob} does.
 */
export async function runSum(options: SumOptions): Promise<bigint> {
  const ranges = splitRange(options.count ?? 2_000_000_000, options.tasks ?? 10);
  let total = 0n;
  await runJob({
    ...options,
    framework: frameworkInfo('sum', options),
    pieces: ranges.map((range) => ({ name: `sum of [${range.begin}, ${range.end})`, data: encodeSumTask(range) })),
    command: {
      value: process.execPath,
      arguments: [fileURLToPath(new URL('./executor-main.js', import.meta.url))],
    },
    accept: (_piece, data) => {
      total += decodeSumResult(data);
    },
  });
  return total;
}
