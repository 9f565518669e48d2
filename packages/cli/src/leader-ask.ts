import {
  type AskableMessageType,
  type BodyOf,
  type Node,
  ProcessError,
  RefusedError,
  type ReplyOf,
} from '@mesos-ts/process';
import type { Detector } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { leaderWithin } from './commands/resolve.js';
import { detectorOf, startClientNode } from './connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, masterFlag } from './flags.js';
import { createLogger } from './logger.js';

/** What every command takes that asks the leading master something. */
export interface LeaderFlags extends ClusterFlags {
  readonly master: string;
  readonly timeout: number;
}

/** Between one attempt and the next, in ms. */
const pauseMs = 100;

/** Adds {@link LeaderFlags}. */
export function leaderFlags(command: Command): void {
  clusterFlags(command, 'warn');
  masterFlag(command);
  durationFlag(command, '--timeout <duration>', 'how long to wait for a leader, and for its answer', '10secs');
}

/**
 * Joins the cluster, asks the leading master once, and leaves. What is asked must bear being asked twice: where the leader
 * changes meanwhile, or has not read its registry yet, it is asked again until the time-out.
 * @throws {Error} for people: nobody leads, or it did not answer.
 */
export async function askLeader<M extends AskableMessageType>(
  flags: LeaderFlags,
  type: M,
  body: BodyOf<M>,
): Promise<ReplyOf<M>> {
  const log = createLogger(flags.logLevel);
  const node = await startClientNode(flags, log);
  const detector = detectorOf(flags, flags.master, log);
  try {
    return await askUntil(performance.now() + flags.timeout, { node, detector, flags }, type, body);
  } finally {
    await detector.close();
    await node.stop();
  }
}

interface Asking {
  readonly node: Node;
  readonly detector: Detector;
  readonly flags: LeaderFlags;
}

async function askUntil<M extends AskableMessageType>(
  deadline: number,
  { node, detector, flags }: Asking,
  type: M,
  body: BodyOf<M>,
): Promise<ReplyOf<M>> {
  const left = (): number => Math.max(0, deadline - performance.now());
  for (;;) {
    const leader = await leaderWithin(detector, left());
    if (leader === undefined)
      throw new Error(`nobody leads the cluster ${flags.cluster}: start a master with \`mesos master\``);
    try {
      return await node.ask(leader.pid, type, body, { deadlineMs: left() });
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (left() <= pauseMs)
        throw new Error(`${leader.pid} leads the cluster ${flags.cluster}, and gave no answer: ${error.message}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** It was the leader, or is not ready yet: the next attempt may find another, or the same one ready. */
function isPassing(error: unknown): error is ProcessError {
  if (error instanceof RefusedError) return error.reason === 'not-admitted';
  return error instanceof ProcessError && (error.retryable || error.code === 'NO_SUCH_PROCESS');
}
