import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterProcess, LocalCluster } from '@mesos-ts/cli';
import { parseUpid, type Upid } from '@mesos-ts/process';
import { sharedNowMs } from '../load.js';
import type { OtherProcess } from '../other-process.js';
import type { Session } from '../process/session.js';
import type { Recovery, WaitingOperations } from '../programs/waiting-framework.js';
import { summary } from '../repeated.js';

/** What becomes of a leader, and how it comes back as a standby. */
export interface Blow {
  strike(leader: ClusterProcess): void;
  mend(cluster: LocalCluster, leader: ClusterProcess): Promise<void>;
}

/** kill -9. */
export const kill: Blow = {
  strike: ({ pid }) => void process.kill(pid, 'SIGKILL'),
  mend: startAgain,
};

/** What an operator does: the leader is asked to end. */
export const stop: Blow = {
  strike: ({ pid }) => void process.kill(pid, 'SIGTERM'),
  mend: startAgain,
};

/** It neither ends nor answers, until another leads. */
export const freeze: Blow = {
  strike: ({ pid }) => void process.kill(pid, 'SIGSTOP'),
  mend: async (_cluster, { pid }) => void process.kill(pid, 'SIGCONT'),
};

async function startAgain(cluster: LocalCluster, leader: ClusterProcess): Promise<void> {
  await leader.ended;
  const before = starts(leader);
  cluster.restartMaster(leader.name);
  const giveUpAt = performance.now() + 30_000;
  while (starts(leader) === before) {
    if (performance.now() > giveUpAt) throw new Error(`${leader.name} does not start: ${leader.lastLines(5)}`);
    await pause(50);
  }
}

/** How often a master has said in its log that it stands by. */
function starts({ logFile }: ClusterProcess): number {
  return readFileSync(logFile, 'utf8').split('master started').length - 1;
}

const blows = 20;
/** Until all is quiet again, in ms; and a step, so that blows come at all moments between two renewals. */
const settleMs = 1_200;
const stepMs = 37;

/** What is between the blow and TASK_RUNNING, in the order in which it comes. */
const stages = ['next leader known', 'framework registered', 'offer', 'TASK_RUNNING'] as const;

/** What one blow cost, in ms from it. */
interface Cost {
  readonly total: number;
  readonly stages: readonly number[];
}

/** Where everybody meets, and what the row promises. */
export interface RecoveryRow {
  readonly id: string;
  readonly cluster: LocalCluster;
  /** Where the framework looks for the leader. */
  readonly election: string;
  readonly blow: Blow;
  readonly atMostMs: number;
  /** Of the slowest; default: nothing is promised. */
  readonly maxAtMostMs?: number;
  /** What others take, measured elsewhere: a clause for whoever reads the table. */
  readonly orientation?: string;
}

/**
 * Strikes the leader again and again while a framework waits with a task for the next one: `id` is the median of the times
 * until that is TASK_RUNNING, in a fresh executor, and `id`.max the longest.
 */
export async function reportRecoveries(session: Session, row: RecoveryRow): Promise<void> {
  const { id, cluster, atMostMs, maxAtMostMs, orientation } = row;
  session.report.progress(`${id}: ${blows} times`);
  const framework = session.start<WaitingOperations>('waiting-framework');
  await framework.call('start', cluster.natsUrl, 'mesos', row.election);
  await recovery(framework, row, 0); // the first leader had no predecessor to compare with, and code is cold
  const costs: Cost[] = [];
  for (let n = 1; n <= blows; n++) {
    const cost = await recovery(framework, row, n);
    session.report.progress(
      `${id}: ${n} of ${blows}, ${cost.total.toFixed(0)} ms (${cost.stages.map((ms) => ms.toFixed(0)).join(' + ')})`,
    );
    costs.push(cost);
  }
  const { median, spread, max } = summary(costs.map(({ total }) => total));
  const note = orientation === undefined ? budget(costs) : `${budget(costs)}; ${orientation}`;
  session.report.add({ id, unit: 'ms', value: median, spread, target: { atMost: atMostMs }, note });
  session.report.add({
    id: `${id}.max`,
    unit: 'ms',
    value: max,
    note: `the longest of ${blows}`,
    ...(maxAtMostMs === undefined ? {} : { target: { atMost: maxAtMostMs } }),
  });
}

async function recovery(
  framework: OtherProcess<WaitingOperations>,
  { cluster, blow }: RecoveryRow,
  n: number,
): Promise<Cost> {
  await pause(settleMs + n * stepMs);
  const master = leaderOf(cluster, await framework.call('leader'));
  await framework.call('arm');
  const struckAt = sharedNowMs();
  blow.strike(master);
  const { detectedAt, registeredAt, offeredAt, runningAt }: Recovery = await framework.call('recovered');
  await blow.mend(cluster, master);
  await framework.call('end');
  const moments = [struckAt, detectedAt, registeredAt, offeredAt, runningAt];
  return { total: runningAt - struckAt, stages: stages.map((_, i) => (moments[i + 1] ?? 0) - (moments[i] ?? 0)) };
}

function leaderOf(cluster: LocalCluster, leader: { readonly pid: string } | undefined): ClusterProcess {
  if (leader === undefined) throw new Error('nobody leads');
  const { node } = parseUpid(leader.pid as Upid);
  const master = cluster.masters.find(({ name }) => name === node);
  if (master === undefined) throw new Error(`${leader.pid} is no master of this cluster`);
  return master;
}

/** Where the time goes: the median of each stage. */
function budget(costs: readonly Cost[]): string {
  const parts = stages.map((stage, i) => {
    const { median } = summary(costs.map((cost) => cost.stages[i] ?? 0));
    return `${stage} ${median.toFixed(0)} ms`;
  });
  return `of ${costs.length}, each in a fresh executor; in the median: ${parts.join(', then ')}`;
}
