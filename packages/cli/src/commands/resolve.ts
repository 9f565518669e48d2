import type { Detector, Leader } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { detectorOf } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag } from '../flags.js';
import { createLogger } from '../logger.js';

interface ResolveFlags extends ClusterFlags {
  readonly master: string;
  readonly timeout: number;
}

/** `mesos resolve`: who leads. Mirrors Mesos' `mesos-resolve`. */
export function addResolveCommand(program: Command): void {
  const command = program.command('resolve').description('print the PID of the leading master');
  clusterFlags(command, 'warn');
  flag(
    command,
    '--master <address>',
    "nats (on the cluster's own NATS server), nats://host:port/name, or zk://host:port,.../path",
    {
      fallback: 'nats',
    },
  );
  durationFlag(command, '--timeout <duration>', 'how long to wait for a leader', '5secs');
  command.addHelpText(
    'after',
    `
Prints one line, such as: master@m2#k3v9x1q0zz epoch 4 on host1. Exit code 1 when nobody leads.

Examples:
  mesos resolve
  mesos resolve --master nats://10.0.0.5:4222/mesos --timeout 30secs
  mesos resolve --credentials f1.creds.json        in a secure cluster, with the credentials of anyone in it`,
  );
  command.action((flags: ResolveFlags) => run(flags));
}

async function run(flags: ResolveFlags): Promise<void> {
  const detector = detectorOf(flags, flags.master, createLogger(flags.logLevel));
  try {
    const leader = await within(detector, flags.timeout);
    if (leader === undefined)
      throw new Error(`nobody leads the cluster ${flags.cluster}: start a master with \`mesos master\``);
    process.stdout.write(`${describeLeader(leader)}\n`);
  } finally {
    await detector.close();
  }
}

/** The leader, or undefined when there is none for `timeoutMs`. */
async function within(detector: Detector, timeoutMs: number): Promise<Leader | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const found = nextLeader(detector);
  found.catch(() => undefined); // closing the detector rejects it when the time-out came first
  try {
    return await Promise.race([found, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until somebody leads. */
export async function nextLeader(detector: Detector, previous?: Leader): Promise<Leader> {
  let leader = await detector.detect(previous);
  while (leader === undefined) leader = await detector.detect(undefined);
  return leader;
}

/** One line for people and scripts: the PID, the epoch, and where. */
export function describeLeader({ pid, epoch, info }: Leader): string {
  return `${pid} epoch ${epoch}${info === undefined ? '' : ` on ${info.hostname}`}`;
}
