import type { Clock, Timer } from '@mesos-ts/process';
import { ErrorCode, NatsError } from 'nats';
import type { Logger } from 'pino';
import { StreamError } from './jetstream-stream.js';

export interface WhenReadyOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the waiting at once, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Between two attempts, in ms. */
const pauseMs = 500;

/**
 * Asks JetStream something, and asks again as long as it is not ready to answer: servers that start together have to find
 * each other and elect first, and meanwhile say so or nothing at all. Warns once of each reason. Any other failure is told at
 * once.
 */
export async function whenReady<T>(
  ask: () => Promise<T>,
  { clock, log, signal = new AbortController().signal }: WhenReadyOptions,
): Promise<T> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined); // told below, if anybody still waits
  let told: string | undefined;
  for (;;) {
    signal.throwIfAborted();
    try {
      const answer = await Promise.race([ask(), aborted]);
      if (told !== undefined) log.info('JetStream is ready');
      return answer;
    } catch (error) {
      const why = whyNotReady(error);
      if (why === undefined) throw error;
      if (why !== told) log.warn({ why }, 'JetStream is not ready yet: waiting for it');
      told = why;
    }
    await pause(clock, aborted);
  }
}

/** Undefined for what no waiting helps against. */
function whyNotReady(error: unknown): string | undefined {
  if (error instanceof StreamError) return error.reason === 'not-ready' ? error.message : undefined;
  if (!(error instanceof NatsError)) return undefined;
  if (error.code === ErrorCode.Timeout) return 'it does not answer';
  return error.code === ErrorCode.Disconnect ? 'the connection to NATS broke' : undefined;
}

async function pause(clock: Clock, aborted: Promise<never>): Promise<void> {
  let timer: Timer | undefined;
  const over = new Promise<void>((resolve) => {
    timer = clock.timer(pauseMs, resolve);
  });
  await Promise.race([over, aborted]).finally(() => timer?.cancel());
}
