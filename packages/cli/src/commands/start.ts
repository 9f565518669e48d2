import { formatResult, runIntegrate } from '@mesos-ts/frameworks';
import type { Node } from '@mesos-ts/process';
import { type Detector, ElectionClosed, type Leader } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { detectorOf, startClientNode } from '../connection.js';
import { type ClusterFlags, flag } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { LocalCluster, startConfiguration } from '../local-cluster.js';
import { createLogger } from '../logger.js';
import { ProgressBar } from '../progress-bar.js';
import { describeLeader, nextLeader } from './resolve.js';

interface StartFlags {
  readonly cluster: string;
  readonly exit?: boolean;
}

/** The two jobs that show that everything works. */
const jobs = [
  { name: 'pi', expression: '4*sqrt(1-x^2)', from: 0, to: 1, steps: 1_000_000 },
  { name: 'ln 2', expression: '1/x', from: 1, to: 2, steps: 1_000_000 },
];

/** `mesos start`: a whole cluster on this machine, two jobs on it, and then it is yours. */
export function addStartCommand(program: Command): void {
  const command = program
    .command('start')
    .description('start a whole cluster on this machine and compute pi and ln 2 on it')
    .option('--exit', 'end after the results');
  flag(command, '--cluster <name>', 'the name of the cluster', { fallback: 'mesos' });
  command.addHelpText(
    'after',
    `
Starts a NATS server (or uses the one that NATS_URL names), three masters and two agents, all as processes of their own,
and ends them on Ctrl-C.

Examples:
  mesos start
  mesos start --exit`,
  );
  command.action((flags: StartFlags) => run(flags));
}

async function run(flags: StartFlags): Promise<void> {
  const cancel = new AbortController();
  const end = askedToEnd();
  void end.then((why) => cancel.abort(new Error(`cancelled: ${why}`)));
  const cluster = await LocalCluster.start({
    ...startConfiguration,
    cluster: flags.cluster,
    natsUrl: process.env.NATS_URL || undefined,
    onProgress: say,
  });
  try {
    say(
      `NATS     ${withoutPassword(cluster.natsUrl)}${cluster.natsPid === undefined ? '' : ` (process ${cluster.natsPid})`}`,
    );
    say(`masters  ${cluster.masters.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')}`);
    say(`agents   ${cluster.agents.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')}`);
    await new Session(flags, cluster).run(cancel.signal, end);
  } catch (error) {
    // Ctrl-C while the jobs run is an end like any other.
    if (!cancel.signal.aborted) throw error;
  } finally {
    say('ending the cluster');
    await cluster.stop();
  }
}

/** What is done with the cluster while it is up. */
class Session {
  readonly #flags: ClusterFlags;
  readonly #exit: boolean;
  readonly #cluster: LocalCluster;
  #ending = false;

  constructor(flags: StartFlags, cluster: LocalCluster) {
    this.#flags = { nats: cluster.natsUrl, cluster: flags.cluster, logLevel: 'error' };
    this.#exit = flags.exit === true;
    this.#cluster = cluster;
  }

  async run(signal: AbortSignal, end: Promise<string>): Promise<void> {
    const log = createLogger(this.#flags.logLevel);
    const detector = detectorOf(this.#flags, 'nats', log);
    const node = await startClientNode(this.#flags, log);
    const failed = this.#watchProcesses();
    try {
      const leader = await Promise.race([nextLeader(detector), failed, rejectOnAbort(signal)]);
      say(`leader   ${describeLeader(leader)}`);
      void this.#followLeader(detector, leader);
      for (const job of jobs) await Promise.race([this.#compute(job, node, signal), failed]);
      if (this.#exit) return;
      for (const line of this.#hints(leader)) say(line);
      await end;
    } finally {
      this.#ending = true;
      await detector.close();
      await node.stop();
    }
  }

  async #compute(job: (typeof jobs)[number], node: Node, signal: AbortSignal): Promise<void> {
    const detector = detectorOf(this.#flags, 'nats', createLogger(this.#flags.logLevel));
    const bar = new ProgressBar(job.name);
    const startedAt = performance.now();
    try {
      const value = await runIntegrate({
        ...job,
        rule: 'midpoint',
        node,
        detector,
        signal,
        onProgress: (p) => bar.update(p),
      });
      bar.end();
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      process.stdout.write(
        `${job.name} = ${formatResult(value)}   (${job.expression} over [${job.from}, ${job.to}], ${seconds} s)\n`,
      );
    } finally {
      await detector.close();
    }
  }

  /** Says when one ends that nobody asked to; rejects when none of a kind is left before the jobs are done. */
  #watchProcesses(): Promise<never> {
    const failed = new Promise<never>((_resolve, reject) => {
      const { masters, agents, processes, natsEnded } = this.#cluster;
      for (const one of processes)
        void one.ended.then((how) => {
          if (this.#ending) return;
          say(`${one.name} (process ${one.pid}): ${how}`);
          if (![masters, agents].every((kind) => kind.some(({ running }) => running)))
            reject(new Error(`the cluster cannot go on: ${one.name}: ${how}\n${one.lastLines(5)}`));
        });
      void natsEnded?.then(() => {
        if (this.#ending) return;
        say('the NATS server ended: masters and agents are cut off from each other; Ctrl-C ends them');
        reject(new Error('the cluster cannot go on: its NATS server ended'));
      });
    });
    failed.catch(() => undefined); // after the jobs, the person at the terminal sees it and decides
    return failed;
  }

  async #followLeader(detector: Detector, first: Leader): Promise<void> {
    try {
      for (let leader: Leader | undefined = first; ; ) {
        leader = await detector.detect(leader);
        say(leader === undefined ? 'leader   nobody leads' : `leader   ${describeLeader(leader)}`);
      }
    } catch (error) {
      if (!(error instanceof ElectionClosed)) say(`leader   unknown: ${(error as Error).message}`);
    }
  }

  #hints(leader: Leader): string[] {
    const name = /@([^#]+)/.exec(leader.pid)?.[1] ?? '';
    const process = this.#cluster.masters.find((master) => master.name === name);
    return [
      '',
      `The cluster is up; logs and sandboxes are in ${this.#cluster.folder}. In another terminal, in this folder:`,
      '',
      `  export NATS_URL=${withoutPassword(this.#cluster.natsUrl)}${this.#flags.cluster === 'mesos' ? '' : ` MESOS_CLUSTER=${this.#flags.cluster}`}`,
      '  npx mesos resolve --follow &                                 who leads, and each change of hands',
      '  npx mesos framework sum                                      prints 1999999999000000000',
      "  npx mesos framework integrate 'y = x*x; 4*sqrt(1-y)' 0 1 20000000",
      `  kill -9 ${String(process?.pid ?? '').padEnd(52)} end the leader, ${name}; another takes over`,
      `  npx mesos master --name ${name} --port 0                         and bring it back as a standby`,
      '',
      'Ctrl-C here ends everything.',
    ];
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Standard output holds the results and the standard error everything else. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Addresses are shown without what is before the `@`. */
function withoutPassword(url: string): string {
  return url.replaceAll(/\/\/[^@/,]*@/g, '//');
}
