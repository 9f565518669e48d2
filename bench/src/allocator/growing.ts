import type { Measurement } from '../process/measurement.js';
import type { Session } from '../process/session.js';
import { repeat } from '../repeated.js';
import type { ClusterSpec } from './cluster.js';
import { startCore } from './cycle.js';
import { growthExponent } from './growth.js';

const byAgents = [1_000, 3_000, 10_000, 30_000].map((agents) => ({ agents, frameworks: 1_000 }));
const byFrameworks = [100, 300, 1_000, 3_000].map((frameworks) => ({ agents: 10_000, frameworks }));

/** How the time of a full allocation grows with the agents, and with the frameworks. */
export const growing: Measurement = {
  ids: ['growth.agents', 'growth.frameworks'],
  async run(session) {
    await report(session, 'growth.agents', byAgents, ({ agents }) => agents);
    await report(session, 'growth.frameworks', byFrameworks, ({ frameworks }) => frameworks);
  },
};

async function report(
  session: Session,
  id: string,
  specs: readonly ClusterSpec[],
  sizeOf: (spec: ClusterSpec) => number,
): Promise<void> {
  session.report.progress(id);
  const core = startCore(session);
  const points: { size: number; value: number }[] = [];
  for (const spec of specs) {
    await core.call('fill', spec);
    await core.call('allocate');
    const { median } = await repeat(() => core.call('again'), { warmUps: 3, runs: 7 });
    points.push({ size: sizeOf(spec), value: median });
  }
  const note = specs.map(({ agents, frameworks }, i) => `${agents} x ${frameworks}: ${points[i]?.value.toFixed(2)} ms`);
  session.report.add({ id, unit: 'exponent', value: growthExponent(points), note: note.join('; ') });
}
