import { leaderTurns } from '../failover/leader-turns.js';
import { mttrFrozen, mttrGraceful, mttrKill, mttrPlain, mttrZookeeper } from '../failover/mttr.js';
import { registry } from '../failover/registry.js';
import type { Measurement } from '../process/measurement.js';
import { Session } from '../process/session.js';
import type { Report, RunOptions, Scenario } from '../scenario.js';

const measurements: readonly Measurement[] = [
  mttrKill,
  mttrPlain,
  mttrZookeeper,
  mttrGraceful,
  mttrFrozen,
  registry,
  leaderTurns,
];

export const scenario: Scenario = {
  name: 'failover',
  description:
    'from what befalls the leader until a task launched by a waiting framework is TASK_RUNNING: three masters, two agents, all as OS processes of one machine',
  ids: measurements.flatMap(({ ids }) => ids),
  async run(report: Report, options: RunOptions): Promise<void> {
    const session = new Session(report, options);
    try {
      for (const measurement of measurements) {
        if (!measurement.ids.some(options.wants)) continue;
        await measurement.run(session);
        await session.release();
      }
      for (const profile of session.watches.profiles()) report.progress(profile);
    } finally {
      await session.stop();
    }
  },
};
