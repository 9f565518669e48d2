import { fullAllocations } from '../allocator/cycles.js';
import { declined } from '../allocator/declined.js';
import { explained } from '../allocator/explained.js';
import { freed } from '../allocator/freed.js';
import { growing } from '../allocator/growing.js';
import { memory } from '../allocator/memory.js';
import type { Measurement } from '../process/measurement.js';
import { Session } from '../process/session.js';
import { reportTurns } from '../process/turns.js';
import type { Report, RunOptions, Scenario } from '../scenario.js';

const watched: readonly Measurement[] = [...fullAllocations, freed, declined, explained];
const measurements: readonly Measurement[] = [...watched, growing, memory];
const longestTurn = 'turn.max';

export const scenario: Scenario = {
  name: 'allocator',
  description:
    'one full allocation of every agent, every framework hungry: the first of a fresh OS process (cold), and those after everything was given back; and what less than that takes',
  ids: [...measurements.flatMap(({ ids }) => ids), longestTurn],
  async run(report: Report, options: RunOptions): Promise<void> {
    const session = new Session(report, options);
    try {
      for (const measurement of measurements) {
        const forTurns = options.wants(longestTurn) && watched.includes(measurement);
        if (!forTurns && !measurement.ids.some(options.wants)) continue;
        await measurement.run(session);
        await session.release();
      }
      if (options.wants(longestTurn)) reportTurns(session);
      for (const profile of session.watches.profiles()) report.progress(profile);
    } finally {
      await session.stop();
    }
  },
};
