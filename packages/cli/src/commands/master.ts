import { startMaster } from '@mesos-ts/master';
import type { Command } from 'commander';
import { contenderAt, nodeName, nodeOptions, thisHost } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag, wholeNumber } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { createLogger } from '../logger.js';

interface MasterFlags extends ClusterFlags {
  readonly name?: string;
  readonly election: string;
  readonly hostname: string;
  readonly agentPingTimeout: number;
  readonly maxAgentPingTimeouts: number;
  readonly agentReregisterTimeout: number;
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
    "nats (on the cluster's own NATS server), nats://host:port/name, or standalone",
    {
      fallback: 'nats',
    },
  );
  flag(command, '--hostname <name>', 'how this machine is called', { fallback: thisHost() });
  durationFlag(command, '--agent-ping-timeout <duration>', 'how often each agent is pinged', '15secs');
  flag(command, '--max-agent-ping-timeouts <number>', 'how many pings in a row an agent may miss', {
    parse: wholeNumber(1, 1_000),
    fallback: 5,
  });
  durationFlag(
    command,
    '--agent-reregister-timeout <duration>',
    'how long a disconnected agent may stay away',
    '10mins',
  );
  command.addHelpText(
    'after',
    `
Every flag is also read from the environment: --election from MESOS_ELECTION, --nats from NATS_URL.

Examples:
  mesos master                                     one master, named m1
  mesos master --name m2                           a second one: a standby
  mesos master --credentials m1.creds.json         m1 of a secure cluster: see \`mesos nats --help\`
  mesos master --election standalone               without an election, so without JetStream`,
  );
  command.action((flags: MasterFlags) => run(flags));
}

async function run(flags: MasterFlags): Promise<void> {
  const end = askedToEnd();
  const log = createLogger(flags.logLevel);
  const master = await startMaster({
    node: nodeOptions(flags, nodeName(flags, 'm1'), log, true),
    contender: contenderAt(flags, flags.election, log),
    hostname: flags.hostname,
    agentPingTimeoutMs: flags.agentPingTimeout,
    maxAgentPingTimeouts: flags.maxAgentPingTimeouts,
    agentReregisterTimeoutMs: flags.agentReregisterTimeout,
  });
  log.info({ upid: master.pid, cluster: flags.cluster }, 'master started: standing by');
  const why = await Promise.race([end, master.ended]);
  if (why !== undefined) log.info({ why }, 'ending');
  await master.stop();
}
