import { constants } from 'node:os';
import type { ExecutorId } from '@mesos-ts/protocol';

/** How an executor's OS process ended: by itself, or by a signal. */
export type ExecutorExit = { readonly exitCode: number } | { readonly signal: NodeJS.Signals };

/** As ExitedExecutor tells it: the exit code, or 128 and the number of the signal. */
export function exitStatus(exit: ExecutorExit): number {
  return 'exitCode' in exit ? exit.exitCode : 128 + constants.signals[exit.signal];
}

/** What a framework author reads in the message of a task whose executor ended: how, its last words, and where to look. */
export function describeExit(
  executorId: ExecutorId,
  exit: ExecutorExit,
  lastWords: string,
  sandboxPath: string,
): string {
  const how = 'exitCode' in exit ? `exited with code ${exit.exitCode}` : `was killed by ${exit.signal}`;
  const words = lastWords === '' ? 'it wrote nothing to stderr' : `the last it wrote to stderr: ${lastWords}`;
  return `the executor ${executorId} ${how}; ${words}; its sandbox: ${sandboxPath}`;
}
