import type { Measurement } from '../process/measurement.js';
import { startCore } from './cycle.js';

const small = { agents: 1_000, frameworks: 100 };
const spec = { agents: 20_000, frameworks: 5_000 };

/** What agents and frameworks take in the books. */
export const memory: Measurement = {
  ids: ['memory.agent', 'memory.framework'],
  async run(session) {
    session.report.progress('memory');
    const core = startCore(session);
    await core.call('memory', small); // the code itself takes some, too
    const { agent, idleAgent, framework } = await core.call('memory', spec);
    const of = 'of 20,000 agents x 5,000 frameworks';
    const idle = `${of}, when all is given away; idle ${idleAgent.toFixed(0)} bytes; with what the master told of it`;
    session.report.add({ id: 'memory.agent', unit: 'B', value: agent, note: idle });
    session.report.add({ id: 'memory.framework', unit: 'B', value: framework, note: of });
  },
};
