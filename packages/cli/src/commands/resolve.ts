import type { Detector, Leader } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { detectorOf } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { createLogger } from '../logger.js';

interface ResolveFlags extends ClusterFlags {
  readonly master: string;
  readonly timeout: number;
  readonly follow?: boolean;
}

/** `mesos resolve`: who leads. Mirrors Mesos' `mesos-resolve`. */
export function addResolveCommand(program: Command): void {
  const command = program
    .command('resolve')
    .argument('[address]', 'where the election is held, instead of --master')
    .description('print the PID of the leading master');
  clusterFlags(command, 'warn');
  flag(
    command,
    '--master <address>',
    "nats (on the cluster's own NATS server), nats://host:port/name, zk://host:port,.../path, or host:port of one master's HTTP",
    {
      fallback: 'nats',
    },
  );
  durationFlag(command, '--timeout <duration>', 'how long to wait for a leader', '5secs');
  command.option('--follow', 'go on, with a line for each change of leader, until this command is ended');
  command.addHelpText(
    'after',
    `
Prints one line, such as: master@m2#k3v9x1q0zz epoch 4 on host1, or ... on host1 in eu/eu-1. Exit code 1 when nobody leads.
With --follow a change of hands says how long after the last sign of the former leader the next one was known:
  master@m1#77qkz0w2fd epoch 5 on host1, 0.41 s after master@m2#k3v9x1q0zz was last seen

Examples:
  mesos resolve
  mesos resolve --follow                           and now kill the leader
  mesos resolve nats://10.0.0.5:4222/mesos --timeout 30secs
  mesos resolve zk://10.0.0.5/mesos
  mesos resolve --credentials f1.creds.json        in a secure cluster, with the credentials of anyone in it`,
  );
  command.action((address: string | undefined, flags: ResolveFlags) => run(address ?? flags.master, flags));
}

async function run(address: string, flags: ResolveFlags): Promise<void> {
  const detector = detectorOf(flags, address, createLogger(flags.logLevel), flags.follow === true);
  try {
    if (flags.follow === true) return await follow(detector);
    const leader = await leaderWithin(detector, flags.timeout);
    if (leader === undefined)
      throw new Error(`nobody leads the cluster ${flags.cluster}: start a master with \`mesos master\``);
    process.stdout.write(`${describeLeader(leader)}\n`);
  } finally {
    await detector.close();
  }
}

/** A line for who leads, and one for each change, until this process is asked to end. */
async function follow(detector: Detector): Promise<void> {
  const end = askedToEnd().then(() => 'end' as const);
  let leader: Leader | undefined;
  for (;;) {
    const next = await Promise.race([end, detector.detect(leader)]);
    if (next === 'end') return;
    process.stdout.write(`${next === undefined ? 'nobody leads' : describeChange(next)}\n`);
    leader = next;
  }
}

function describeChange(leader: Leader): string {
  const { after } = leader;
  if (after === undefined) return describeLeader(leader);
  return `${describeLeader(leader)}, ${(after.silentMs / 1_000).toFixed(2)} s after ${after.pid} was last seen`;
}

/** The leader, or undefined when there is none for `timeoutMs`. */
export async function leaderWithin(detector: Detector, timeoutMs: number): Promise<Leader | undefined> {
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

/** One line for people and scripts: the PID, the epoch, and where, with the domain of a master that has one. */
export function describeLeader({ pid, epoch, info }: Leader): string {
  if (info === undefined) return `${pid} epoch ${epoch}`;
  const { hostname, domain } = info;
  return `${pid} epoch ${epoch} on ${hostname}${domain === undefined ? '' : ` in ${domain.region}/${domain.zone}`}`;
}
