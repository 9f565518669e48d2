import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EstimateFile, FixedEstimator, startAgent } from '@mesos-ts/agent';
import {
  type Attribute,
  type FaultDomain,
  parseAttributes,
  parseFaultDomain,
  parseResources,
} from '@mesos-ts/protocol';
import type { Command } from 'commander';
import { detectorOf, nodeName, nodeOptions, thisHost } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag, masterFlag, UsageError } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { createLogger } from '../logger.js';

interface AgentFlags extends ClusterFlags {
  readonly name?: string;
  readonly master: string;
  readonly resources: string;
  readonly oversubscribed?: FixedEstimator;
  readonly oversubscribedFile?: EstimateFile;
  readonly oversubscribedResourcesInterval: number;
  readonly attributes?: readonly Attribute[];
  readonly domain?: FaultDomain;
  readonly workDir?: string;
  readonly hostname: string;
  readonly executorRegistrationTimeout: number;
  readonly executorShutdownGracePeriod: number;
}

/** `mesos agent`: offers this machine to the cluster. */
export function addAgentCommand(program: Command): void {
  const command = program
    .command('agent')
    .description('start an agent: it offers what this machine has and runs tasks');
  clusterFlags(command, 'info');
  flag(
    command,
    '--name <name>',
    "the name of this agent's Node, unique in the cluster (default: the one in the credentials, else a1)",
  );
  masterFlag(command);
  flag(
    command,
    '--resources <text>',
    'what to offer, such as cpus:4;mem:4096;ports:[31000-32000]; what it does not name is detected',
    {
      fallback: '',
      shown: 'all detected',
      parse: checkedResources,
    },
  );
  flag(
    command,
    '--oversubscribed <amounts>',
    "what to lend on top of that, such as 'cpus:2;mem:512', to frameworks that can do with losing it",
    { parse: (text) => new FixedEstimator(text) },
  );
  flag(
    command,
    '--oversubscribed-file <file>',
    'a file that says so, for who watches the machine to replace; while it cannot be used, what it said before holds',
    { parse: (path) => new EstimateFile(path) },
  );
  durationFlag(command, '--oversubscribed-resources-interval <duration>', 'how often that file is looked at', '15secs');
  flag(
    command,
    '--attributes <text>',
    "what frameworks are told of this machine and may choose it by, such as 'rack:a;disk:ssd'",
    { parse: parseAttributes },
  );
  flag(
    command,
    '--domain <region/zone>',
    "where this machine stands; in another region than the master's it is offered to region-aware frameworks alone",
    { parse: parseFaultDomain },
  );
  flag(command, '--work-dir <folder>', 'where sandboxes go (default: mesos/<name> in the folder for temporary files)');
  flag(command, '--hostname <name>', 'how this machine is called', { fallback: thisHost() });
  durationFlag(
    command,
    '--executor-registration-timeout <duration>',
    'how long an executor may take to register',
    '1mins',
  );
  durationFlag(
    command,
    '--executor-shutdown-grace-period <duration>',
    'how long an executor may take to end by itself',
    '5secs',
  );
  command.addHelpText(
    'after',
    `
Every flag is also read from the environment: --work-dir from MESOS_WORK_DIR, --nats from NATS_URL.

Examples:
  mesos agent
  mesos agent --name a2 --resources 'cpus:2;mem:1024' --work-dir /var/lib/mesos
  mesos agent --resources 'cpus:4' --oversubscribed 'cpus:2'   frameworks with REVOCABLE_RESOURCES see cpus{REV}:2
  mesos agent --attributes 'rack:a;disk:ssd' --domain eu/eu-1
  mesos agent --credentials a1.creds.json          a1 of a secure cluster: see \`mesos nats --help\`
  mesos agent --master master@m1                   where m1 was started with --election standalone`,
  );
  command.action((flags: AgentFlags) => run(flags));
}

/** The text as it is, once it is known to be right: what it leaves out is detected later. */
function checkedResources(text: string): string {
  parseResources(text);
  return text;
}

async function run(flags: AgentFlags): Promise<void> {
  const { attributes, domain, oversubscribed, oversubscribedFile } = flags;
  if (oversubscribed !== undefined && oversubscribedFile !== undefined)
    throw new UsageError('what is lent is said by --oversubscribed or by --oversubscribed-file, not by both');
  const estimator = oversubscribed ?? oversubscribedFile;
  const end = askedToEnd();
  const log = createLogger(flags.logLevel);
  const name = nodeName(flags, 'a1');
  const detector = detectorOf(flags, flags.master, log);
  try {
    const agent = await startAgent({
      node: nodeOptions(flags, name, log),
      detector,
      resources: flags.resources,
      ...(estimator === undefined ? {} : { estimator }),
      oversubscribedIntervalMs: flags.oversubscribedResourcesInterval,
      workDir: flags.workDir ?? join(tmpdir(), 'mesos', name),
      hostname: flags.hostname,
      ...(attributes === undefined ? {} : { attributes }),
      ...(domain === undefined ? {} : { domain }),
      executorRegistrationTimeoutMs: flags.executorRegistrationTimeout,
      shutdownGracePeriodMs: flags.executorShutdownGracePeriod,
    });
    log.info({ upid: agent.pid, cluster: flags.cluster }, 'agent started');
    void end.then((why) => {
      log.info({ why }, 'ending');
      return agent.stop();
    });
    const { kind, why } = await agent.ended;
    if (kind !== 'stopped') throw new Error(`the agent ended: ${why}`);
  } finally {
    await detector.close();
  }
}
