import type { OtherProcess } from '../other-process.js';
import type { Measurement } from '../process/measurement.js';
import type { Session } from '../process/session.js';
import type { AllocatorOperations } from '../programs/allocator.js';
import { alternate, pairedRatio, repeat, summary } from '../repeated.js';
import type { Baseline, Target } from '../scenario.js';
import type { ClusterSpec } from './cluster.js';

/** One full allocation, and what is promised of it. */
export interface Cycle {
  readonly id: string;
  readonly spec: ClusterSpec;
  readonly target: Target;
  readonly note: string;
  /** How often the way of the original is measured beside it. Default 0. */
  readonly besideRuns?: number;
}

const coldRuns = 3;
const repetition = { warmUps: 3, runs: 9 };
const originalName = 'the way of Mesos: sort all for each agent';

/** A core in an OS process of its own. */
export function startCore(session: Session): OtherProcess<AllocatorOperations> {
  return session.start<AllocatorOperations>('allocator', ['--expose-gc']);
}

/**
 * One full allocation: `id` after everything was given back, in the median of several, and `id.cold` for the first one
 * that an OS process makes, of a cluster that was just added.
 */
export function cycle({ id, spec, target, note, besideRuns = 0 }: Cycle): Measurement {
  return {
    ids: [id, `${id}.cold`],
    async run(session) {
      session.report.progress(id);
      const cold: number[] = [];
      for (let run = 1; run < coldRuns; run++) {
        const core = startCore(session);
        cold.push(await first(core, spec));
        await core.stop();
      }
      const core = startCore(session);
      cold.push(await first(core, spec));
      const again = (): Promise<number> => core.call('again');
      const warm = await repeat(again, repetition);
      const original = besideRuns === 0 ? {} : await beside(core, spec, again, besideRuns);
      await session.watches.during(id, { core }, () => core.call('turnByTurn'));
      await core.call('requireAllGiven');
      session.report.add({ id, unit: 'ms', value: warm.median, spread: warm.spread, target, note, ...original });
      const { median, spread } = summary(cold);
      session.report.add({ id: `${id}.cold`, unit: 'ms', value: median, spread });
    },
  };
}

async function first(core: OtherProcess<AllocatorOperations>, spec: ClusterSpec): Promise<number> {
  await core.call('fill', spec);
  return core.call('allocate');
}

/** The way of the original, in turns with ours. */
async function beside(
  core: OtherProcess<AllocatorOperations>,
  spec: ClusterSpec,
  again: () => Promise<number>,
  runs: number,
): Promise<{ readonly baseline: Baseline; readonly ratio: number }> {
  await core.call('fillOriginal', spec);
  const { ours, original } = await alternate(
    { ours: again, original: () => core.call('original') },
    { warmUps: 1, runs },
  );
  return { baseline: { name: originalName, value: original.median }, ratio: pairedRatio(ours, original) };
}
