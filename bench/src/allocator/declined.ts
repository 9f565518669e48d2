import type { Measurement } from '../process/measurement.js';
import { repeat, summary } from '../repeated.js';
import { startCore } from './cycle.js';

const spec = { agents: 10_000, frameworks: 200, tasks: true };
const changed = 100;

/** Everybody has declined everything for an hour. */
export const declined: Measurement = {
  ids: ['declined', 'declined.round', 'declined.filter'],
  async run(session) {
    const { report } = session;
    report.progress('declined');
    const core = startCore(session);
    await core.call('fill', spec);
    const { roundMs, bytesPerFilter } = await core.call('decline');
    const { median, spread } = await repeat(() => core.call('change', changed), { warmUps: 20, runs: 50 });
    const note = `${changed} of 10,000 agents change: a task ends, all is offered, another is launched, and the rest declined; 200 frameworks`;
    report.add({ id: 'declined', unit: 'ms', value: median, spread, target: { atMost: 5 }, note });
    const round = summary(roundMs);
    const longest = `a full allocation, until everybody has declined everything: the median of ${roundMs.length}, the longest ${round.max.toFixed(0)} ms; Mesos 1.12: 420 to 580 ms`;
    report.add({ id: 'declined.round', unit: 'ms', value: round.median, spread: round.spread, note: longest });
    report.add({ id: 'declined.filter', unit: 'B', value: bytesPerFilter, target: { atMost: 32 } });
    await session.watches.during('declined', { expiring: core }, () => core.call('expire'));
    await core.call('requireAllGiven');
    await core.call('fill', spec);
    await core.call('decline');
    await session.watches.during('declined', { reviving: core }, () => core.call('revive'));
    await core.call('requireAllGiven');
  },
};
