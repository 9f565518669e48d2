import { isIP } from 'node:net';
import {
  type JetStreamStorage,
  registryGarbageDefaults,
  type StartMasterOptions,
  StoredRegistrar,
  startMaster,
  WhitelistFile,
} from '@mesos-ts/master';
import { SystemClock } from '@mesos-ts/process';
import { type FaultDomain, isResourceName, parseFaultDomain } from '@mesos-ts/protocol';
import { type Command, Option } from 'commander';
import type { Logger } from 'pino';
import { contenderAt, detectorOf, isNamed, nodeName, nodeOptions, registryStorageOf, thisHost } from '../connection.js';
import {
  type ClusterFlags,
  clusterFlags,
  durationFlag,
  electionFlags,
  flag,
  nameList,
  registryReplicasFlag,
  UsageError,
  wholeNumber,
} from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { createLogger } from '../logger.js';

interface MasterFlags extends ClusterFlags {
  readonly name?: string;
  readonly election: string;
  readonly electionLease: number;
  readonly electionGrace: number;
  readonly hostname: string;
  readonly domain?: FaultDomain;
  readonly agentPingTimeout: number;
  readonly maxAgentPingTimeouts: number;
  readonly agentReregisterTimeout: number;
  readonly recoveryAgentRemovalLimit: number;
  readonly offerTimeout: number;
  readonly offerCap: number;
  readonly sorter: 'drf' | 'random';
  readonly fairSharingExcludedResourceNames: readonly string[];
  readonly whitelist?: WhitelistFile;
  readonly operators?: readonly string[];
  readonly ip: string;
  readonly port: number;
  readonly exitOnStepDown?: boolean;
  readonly registry?: 'nats' | 'in_memory';
  readonly registryReplicas: number;
  readonly registryFetchTimeout: number;
  readonly registryStoreTimeout: number;
  readonly registryGcInterval: number;
  readonly registryMaxAgentAge: number;
  readonly registryMaxAgentCount: number;
}

/** `mesos master`: one master, which leads or stands by. */
export function addMasterCommand(program: Command): void {
  const command = program
    .command('master')
    .description('start a master: it leads, or stands by until the leader is gone');
  clusterFlags(command, 'info');
  flag(
    command,
    '--name <name>',
    "the name of this master's Node, unique in the cluster (default: the one in the credentials, else m1)",
  );
  flag(
    command,
    '--election <address>',
    "nats (on the cluster's own NATS server), nats://host:port/name, zk://[user:password@]host:port,.../path, or standalone",
    {
      fallback: 'nats',
    },
  );
  electionFlags(command);
  flag(command, '--hostname <name>', 'how this machine is called', { fallback: thisHost() });
  flag(
    command,
    '--domain <region/zone>',
    'where it stands: agents of other regions are offered to region-aware frameworks alone; the same region for all masters',
    { parse: parseFaultDomain },
  );
  durationFlag(command, '--agent-ping-timeout <duration>', 'how often each agent is pinged', '15secs');
  flag(command, '--max-agent-ping-timeouts <number>', 'how many pings in a row an agent may miss', {
    parse: wholeNumber(1, 1_000),
    fallback: 5,
  });
  durationFlag(
    command,
    '--agent-reregister-timeout <duration>',
    'how long an agent that is disconnected, or that a new leader waits for, may stay away',
    '10mins',
  );
  flag(
    command,
    '--recovery-agent-removal-limit <percent>',
    'of the agents that a new leader waits for, how many may be marked unreachable; it steps down if more are missing',
    { parse: percentage, fallback: 100, shown: '100%' },
  );
  addOfferFlags(command);
  flag(command, '--ip <address>', 'where to answer HTTP: /health, and /redirect to the leader', {
    parse: ipAddress,
    fallback: '0.0.0.0',
  });
  flag(command, '--port <number>', 'and on which port; 0: any that is free', {
    parse: wholeNumber(0, 65_535),
    fallback: 5050,
  });
  command.addOption(
    new Option(
      '--exit-on-step-down',
      'end with exit code 1 when leadership is lost, as the original does, instead of standing by again',
    ).env('MESOS_EXIT_ON_STEP_DOWN'),
  );
  addRegistryFlags(command);
  command.addHelpText(
    'after',
    `
Every flag is also read from the environment: --election from MESOS_ELECTION, --nats from NATS_URL.

Examples:
  mesos master                                     one master, named m1
  mesos master --name m2 --port 5051               a second one: a standby
  mesos master --credentials m1.creds.json         m1 of a secure cluster: see \`mesos nats --help\`
  mesos master --election zk://10.0.0.5/mesos      elected over ZooKeeper, and found there by clients of Mesos;
                                                   user:password@ before the host is better kept in MESOS_ELECTION
  mesos master --election standalone               without an election, so without JetStream`,
  );
  command.action((flags: MasterFlags) => run(flags));
}

function addOfferFlags(command: Command): void {
  durationFlag(
    command,
    '--offer-timeout <duration>',
    'how long an offer may be neither used nor declined before it is taken back; 0secs: for ever',
    '30secs',
  );
  flag(
    command,
    '--offer-cap <percent>',
    'how much of the cluster one framework may hold in offers, by its dominant share',
    { parse: offerCap, fallback: 1_000, shown: '100%' },
  );
  flag(
    command,
    '--sorter <kind>',
    'whose turn it is: drf (the lowest weighted dominant share), or random (by chance, in proportion to the weights)',
    { parse: sorterKind, fallback: 'drf' },
  );
  flag(
    command,
    '--fair-sharing-excluded-resource-names <names>',
    'scalars that do not count to shares, because they are scarce, such as gpus; separated by commas',
    { parse: resourceNames, fallback: [], shown: 'none' },
  );
  flag(
    command,
    '--whitelist <file>',
    'the hosts of which agents are offered, one a line; looked at every 5 s; while it cannot be read, what it last said ' +
      'holds (default: all)',
    { parse: (path) => new WhitelistFile(path) },
  );
  flag(
    command,
    '--operators <names>',
    'Nodes that may change quotas and weights, separated by commas; the same for all masters ' +
      '(default: all; with credentials of `mesos nats --secure`, none)',
    { parse: nameList },
  );
}

function addRegistryFlags(command: Command): void {
  flag(
    command,
    '--registry <place>',
    "where a leader leaves what its successor must know: nats (a stream of the cluster's own NATS server), or in_memory " +
      '(nowhere) (default: nats; in_memory with --election standalone)',
    { parse: registryPlace },
  );
  registryReplicasFlag(command);
  durationFlag(command, '--registry-fetch-timeout <duration>', 'how long a new leader may take to read it', '60secs');
  durationFlag(command, '--registry-store-timeout <duration>', 'how long one write may take', '20secs');
  durationFlag(command, '--registry-gc-interval <duration>', 'how often it forgets what is over', '15mins');
  durationFlag(
    command,
    '--registry-max-agent-age <duration>',
    'how long it remembers agents that are unreachable or gone, and frameworks that are done',
    '2weeks',
  );
  flag(command, '--registry-max-agent-count <number>', 'and how many of each', {
    parse: wholeNumber(1, 10_000_000),
    fallback: registryGarbageDefaults.registryMaxAgentCount,
  });
}

async function run(flags: MasterFlags): Promise<void> {
  if (flags.electionLease < 100 || flags.electionLease > 600_000)
    throw new UsageError('--election-lease: from 100ms to 10mins');
  if (flags.electionGrace > flags.electionLease)
    throw new UsageError('--election-grace: at most as long as --election-lease');
  const end = askedToEnd();
  const log = createLogger(flags.logLevel);
  const place = flags.registry ?? (flags.election === 'standalone' ? 'in_memory' : 'nats');
  const storage = place === 'nats' ? await Promise.race([openRegistry(flags, log), end]) : undefined;
  // Asked to end while JetStream was not ready.
  if (typeof storage === 'string') return;
  try {
    await lead(flags, log, end, storage);
  } finally {
    await storage?.close();
  }
}

function openRegistry(flags: MasterFlags, log: Logger): Promise<JetStreamStorage> {
  return registryStorageOf(flags, log, { replicas: flags.registryReplicas });
}

/** Leads and stands by, until it is asked to end or cannot go on. */
async function lead(
  flags: MasterFlags,
  log: Logger,
  end: Promise<string>,
  storage: JetStreamStorage | undefined,
): Promise<void> {
  // Without an election nobody but this master can lead.
  const detector = flags.election === 'standalone' ? undefined : detectorOf(flags, flags.election, log);
  const master = await startMaster({
    node: nodeOptions(flags, nodeName(flags, 'm1'), log, true),
    contender: contenderAt(flags, flags.election, log),
    hostname: flags.hostname,
    agentPingTimeoutMs: flags.agentPingTimeout,
    maxAgentPingTimeouts: flags.maxAgentPingTimeouts,
    agentReregisterTimeoutMs: flags.agentReregisterTimeout,
    recoveryAgentRemovalLimitPercent: flags.recoveryAgentRemovalLimit,
    offerTimeoutMs: flags.offerTimeout,
    offerCap: flags.offerCap,
    sorter: flags.sorter,
    fairSharingExcludedResourceNames: flags.fairSharingExcludedResourceNames,
    whitelist: flags.whitelist,
    operators: flags.operators ?? (isNamed(flags) ? [] : undefined),
    exitOnStepDown: flags.exitOnStepDown === true,
    http: { ip: flags.ip, port: flags.port },
    onStandby: ({ pid: upid, address: http }) =>
      log.info({ upid, cluster: flags.cluster, http }, 'master started: standing by'),
    ...(detector === undefined ? {} : { detector }),
    ...(flags.domain === undefined ? {} : { domain: flags.domain }),
    ...(storage === undefined ? {} : { registrar: registrarOver(storage, flags, log) }),
  });
  const why = await Promise.race([end, master.ended]);
  if (why !== undefined) log.info({ why }, 'ending');
  await master.stop();
}

/** Of each leadership its own, all on one connection. */
function registrarOver(
  storage: JetStreamStorage,
  flags: MasterFlags,
  log: Logger,
): NonNullable<StartMasterOptions['registrar']> {
  const clock = new SystemClock();
  return () =>
    new StoredRegistrar({
      clock,
      storage,
      log,
      registryFetchTimeoutMs: flags.registryFetchTimeout,
      registryStoreTimeoutMs: flags.registryStoreTimeout,
      registryGcIntervalMs: flags.registryGcInterval,
      registryMaxAgentAgeMs: flags.registryMaxAgentAge,
      registryMaxAgentCount: flags.registryMaxAgentCount,
    });
}

function registryPlace(text: string): 'nats' | 'in_memory' {
  if (text === 'nats' || text === 'in_memory') return text;
  throw new TypeError(`${JSON.stringify(text)} is neither nats nor in_memory`);
}

/** `100%`, `12.5%`, or the number alone. */
function percentage(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%?$/.exec(text.trim());
  if (match === null || Number(match[1]) > 100)
    throw new TypeError(`${JSON.stringify(text)} is not a percentage from 0% to 100%`);
  return Number(match[1]);
}

function sorterKind(text: string): 'drf' | 'random' {
  if (text === 'drf' || text === 'random') return text;
  throw new TypeError(`${JSON.stringify(text)} is neither drf nor random`);
}

function resourceNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !isResourceName(name));
  if (wrong !== undefined) throw new TypeError(`${JSON.stringify(wrong)} is not the name of a resource, such as gpus`);
  return names;
}

/** In thousandths: a framework that may hold nothing would never run anything. */
function offerCap(text: string): number {
  const thousandths = Math.round(percentage(text) * 10);
  if (thousandths < 1) throw new TypeError(`${JSON.stringify(text)} is not a percentage from 0.1% to 100%`);
  return thousandths;
}

function ipAddress(text: string): string {
  if (isIP(text) === 0)
    throw new TypeError(`${JSON.stringify(text)} is not an IP address, such as 0.0.0.0 or 127.0.0.1`);
  return text;
}
