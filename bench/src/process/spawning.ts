import type { SpawningOperations } from '../programs/spawning.js';
import { summary } from '../repeated.js';
import { type Measurement, paired } from './measurement.js';
import type { Session } from './session.js';

const processes = 1_000_000;
const warmUpProcesses = 20_000;
const runs = 3;
const execArgv = ['--expose-gc'];

/** A million processes on one Node: what they take to spawn, and to keep. */
export const spawning: Measurement = {
  ids: ['idle.heap', 'spawn.million'],
  async run(session) {
    session.report.progress('idle.heap, spawn.million');
    const measured: { ms: number; bytes: number }[] = [];
    for (let run = 0; run < runs; run++) measured.push(await once(session));
    const bytes = summary(measured.map((one) => one.bytes));
    const ms = summary(measured.map((one) => one.ms));
    session.report.add(paired('idle.heap', 'B', bytes, { atMost: 512 }));
    session.report.add(paired('spawn.million', 'ms', ms, { atMost: 2_000 }));
  },
};

/** In a fresh OS process each, since what was once spawned leaves a heap of another shape. */
async function once(session: Session): Promise<{ ms: number; bytes: number }> {
  const spawner = session.start<SpawningOperations>('spawning', execArgv);
  await spawner.call('spawn', warmUpProcesses, 'w');
  const before = await spawner.call('heapBytes');
  const ms = await session.watches.during('spawn.million', { node: spawner }, () =>
    spawner.call('spawn', processes, 'p'),
  );
  const bytes = ((await spawner.call('heapBytes')) - before) / processes;
  await spawner.stop();
  return { ms, bytes };
}
