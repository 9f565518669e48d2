import type { Measurement } from '../process/measurement.js';
import type { ExplainingOperations } from '../programs/explaining.js';
import { summary } from '../repeated.js';

const spec = { agents: 50_000, frameworks: 1_000, tasks: true };
const runs = 10;

/** Why a framework is not offered more, of a large cluster: while it is found out, all else goes on. */
export const explained: Measurement = {
  ids: ['explain', 'explain.turn.max', 'explain.bytes'],
  async run(session) {
    const { report } = session;
    report.progress('explain');
    const leader = session.start<ExplainingOperations>('explaining', ['--expose-gc']);
    await leader.call('fill', spec);
    const took: number[] = [];
    let bytes = 0;
    await session.watches.during('explain', { leader }, async () => {
      for (let run = 0; run < runs; run++) {
        const answer = await leader.call('explain');
        if (answer.agents !== spec.agents) throw new Error(`${answer.agents} agents were explained`);
        took.push(answer.ms);
        bytes = answer.bytes;
      }
    });
    const [longest] = session.watches.turns().filter(({ id }) => id === 'explain');
    const { median, spread } = summary(took);
    const note = `one framework of 1,000, 50,000 agents, all of them offered; in one turn and agent by agent it took 75 to 220 ms, and as long again to pack`;
    report.add({ id: 'explain', unit: 'ms', value: median, spread, note });
    report.add({ id: 'explain.turn.max', unit: 'ms', value: longest?.ms ?? null, target: { atMost: 20 } });
    report.add({ id: 'explain.bytes', unit: 'B', value: bytes, note: 'agent by agent it was 29 MB' });
  },
};
