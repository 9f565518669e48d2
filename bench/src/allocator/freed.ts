import type { Measurement } from '../process/measurement.js';
import { quantile, summary } from '../repeated.js';
import { startCore } from './cycle.js';

const id = 'freed.p99';
const spec = { agents: 50_000, frameworks: 1_000 };
const times = 2_000;

/** From what one agent gives back until it is decided who is offered it. */
export const freed: Measurement = {
  ids: [id],
  async run(session) {
    session.report.progress(id);
    const core = startCore(session);
    await core.call('fill', spec);
    await core.call('allocate');
    await core.call('freed', times);
    const sorted = (await core.call('freed', times)).sort((a, b) => a - b);
    const note = `of ${times} of 50,000 agents x 1,000 frameworks; median ${summary(sorted).median.toFixed(4)} ms, longest ${quantile(sorted, 1).toFixed(2)} ms; Mesos waits for the next batch, up to 1 s`;
    session.report.add({ id, unit: 'ms', value: quantile(sorted, 0.99), target: { atMost: 1 }, note });
    await session.watches.during(id, { core }, () => core.call('turnByTurn'));
    await core.call('requireAllGiven');
  },
};
