import { existsSync, readFileSync } from 'node:fs';
import { type ClusterProcess, LocalCluster } from '@mesos-ts/cli';
import { parseUpid, Random, SystemClock } from '@mesos-ts/process';
import type { FrameworkId } from '@mesos-ts/protocol';
import { createDetector, type Detector, type Leader } from '@mesos-ts/zk-election';
import type { Test } from 'tap';
import { eventually } from './command.js';
import { overNats, type SceneElection } from './scene-election.js';
import { pieceOf, SteadyFramework, type SteadyOptions } from './steady-framework.js';
import { within } from './within.js';

/** What is to run while the leader dies; everything has a default. */
export interface FailoverSceneOptions {
  /** Default: over the cluster's NATS, which tells of connections. */
  readonly election?: SceneElection;
  readonly masterFlags?: readonly string[];
  /** Of each framework; default 6 tasks at a time, 400 ms each. */
  readonly work?: Partial<Pick<SteadyOptions, 'inFlight' | 'taskMs'>>;
  /** Of both frameworks; default: as of every framework. */
  readonly failoverTimeoutMs?: number;
}

const agents = 3;
const clusterName = 'mesos';

/** Three masters, three agents and two frameworks that run tasks all the time, each an OS process of its own. */
export class FailoverScene {
  readonly cluster: LocalCluster;
  readonly first: SteadyFramework;
  readonly second: SteadyFramework;
  readonly #t: Test;
  readonly #options: FailoverSceneOptions;
  /** Where masters contend, and everybody looks for the leader. */
  readonly #address: string;
  readonly #detector: Detector;
  #successor: SteadyFramework | undefined;

  /**
   * Resolves when all masters and agents have started, a master leads, and both frameworks have launched as many tasks as
   * they may.
   */
  static async start(t: Test, options: FailoverSceneOptions = {}): Promise<FailoverScene> {
    const { election = overNats, masterFlags = [] } = options;
    const address = await election.open(t);
    const cluster = await LocalCluster.start({
      masters: 3,
      agents,
      agentResources: 'cpus:12;mem:4096;disk:0;ports:[]',
      cluster: clusterName,
      natsAccounts: election.natsAccounts,
      masterFlags: [...masterFlags, ...(address === undefined ? [] : ['--election', address])],
      agentFlags: address === undefined ? [] : ['--master', address],
    });
    const scene = new FailoverScene(t, cluster, address ?? `${cluster.natsUrl}/${clusterName}`, options);
    t.teardown(() => scene.#stop());
    await Promise.all([
      ...cluster.processes.map((process) => started(process)),
      ...scene.frameworks.map((framework) =>
        framework.event('in-flight', ({ tasks }) => tasks === scene.#work.inFlight),
      ),
    ]);
    return scene;
  }

  private constructor(t: Test, cluster: LocalCluster, address: string, options: FailoverSceneOptions) {
    this.#t = t;
    this.#options = options;
    this.#address = address;
    this.cluster = cluster;
    this.first = this.#startFramework('f1');
    this.second = this.#startFramework('f2');
    this.#detector = createDetector(this.#address, { clock: new SystemClock(), random: Random.system() });
  }

  get frameworks(): readonly [SteadyFramework, SteadyFramework] {
    return [this.#successor ?? this.first, this.second];
  }

  /** Starts another scheduler as the first framework, with its id. */
  async succeed(): Promise<SteadyFramework> {
    const { frameworkId } = await this.first.event('registered');
    this.#successor = this.#startFramework('f1', frameworkId);
    return this.#successor;
  }

  get #work(): Pick<SteadyOptions, 'inFlight' | 'taskMs'> {
    return { inFlight: 6, taskMs: 400, ...this.#options.work };
  }

  #startFramework(name: string, frameworkId?: FrameworkId): SteadyFramework {
    const { natsUrl, folder } = this.cluster;
    const { failoverTimeoutMs } = this.#options;
    const place = { natsUrl, cluster: clusterName, master: this.#address, name, folder };
    return new SteadyFramework({
      ...place,
      ...this.#work,
      agents,
      ...(failoverTimeoutMs === undefined ? {} : { failoverTimeoutMs }),
      ...(frameworkId === undefined ? {} : { frameworkId }),
    });
  }

  /** Who leads, as soon as it is another leadership than `previous`. */
  async leader(previous?: Leader): Promise<Leader> {
    for (let leader = previous; ; ) {
      leader = await within('a change of leader', this.#detector.detect(leader));
      if (leader !== undefined && leader.epoch !== previous?.epoch) return leader;
    }
  }

  masterOf({ pid }: Leader): ClusterProcess {
    const { node } = parseUpid(pid);
    const master = this.cluster.masters.find(({ name }) => name === node);
    if (master === undefined) throw new Error(`${pid} is no master of this cluster`);
    return master;
  }

  /** Kills the leader with -9; resolves with it, and its successor as soon as that leads. */
  async killLeader(leader: Leader): Promise<Leader> {
    const master = this.masterOf(leader);
    process.kill(master.pid, 'SIGKILL');
    this.#t.match(await master.ended, /SIGKILL/);
    const next = await this.leader(leader);
    this.#t.not(this.masterOf(next).name, master.name, 'another master leads');
    this.#t.ok(next.epoch > leader.epoch, 'with a later epoch');
    return next;
  }

  /** Starts a master that has ended anew; resolves when it has started. */
  async restartMaster({ name, logFile }: ClusterProcess): Promise<void> {
    const before = starts(logFile);
    await started(this.cluster.restartMaster(name), before + 1);
  }

  /** Whether a process has logged a line like that. */
  logged({ logFile }: { readonly logFile: string }, pattern: RegExp): boolean {
    return pattern.test(readFileSync(logFile, 'utf8'));
  }

  /** Ends the work, and holds that nothing of what was begun was done twice, or not at all. */
  async finish(): Promise<void> {
    for (const framework of this.frameworks) {
      const pieces = await framework.enough();
      const starts = Array.from({ length: pieces }, () => 0);
      for (const taskId of framework.started()) starts[pieceOf(taskId)] = (starts[pieceOf(taskId)] ?? 0) + 1;
      const wrong = starts.flatMap((times, piece) => (times === 1 ? [] : [{ piece, times }]));
      this.#t.same(wrong, [], `each of ${pieces} pieces of work was done by exactly one task that ran`);
    }
    this.holdRunning(this.cluster.agents);
  }

  /** Holds that none of these has ended; of one that has, the failure tells how, and what it said last. */
  holdRunning(processes: readonly ClusterProcess[]): void {
    const ended = processes.filter(({ running }) => !running);
    const how = ended.map((process) => `${process.name}: ${process.lastLines(20)}`);
    this.#t.ok(how.length === 0, how.join('\n') || 'none of them has ended');
  }

  async #stop(): Promise<void> {
    for (const { child } of [this.first, ...this.frameworks]) child.kill('SIGKILL');
    await this.#detector.close();
    await this.cluster.stop();
  }
}

/** Who finds no server when it starts ends with an error: what is done to the servers waits until everybody has started. */
function started(process: ClusterProcess, times = 1): Promise<void> {
  return eventually(`the start of ${process.name}`, () => {
    if (!process.running) throw new Error(`${process.name} ended: ${process.lastLines(20)}`);
    return starts(process.logFile) >= times;
  });
}

/** How often those with that log have started. */
function starts(logFile: string): number {
  if (!existsSync(logFile)) return 0;
  return readFileSync(logFile, 'utf8').match(/"msg":"(agent|master) started/g)?.length ?? 0;
}
