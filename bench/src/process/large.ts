import { quantile } from '../repeated.js';
import { type Measurement, paired } from './measurement.js';
import { nodePair, rawPair } from './pair.js';
import type { Session } from './session.js';

const mebibyte = 1024 * 1024;
const mebibytes = 16;
const messages = 12;
const baselineName = 'raw nats publishes of 1 MiB';
const rateTarget = { toBaseline: { atLeast: 0.8 } };
const bystanderTarget = { atMost: 20 };

/** 16 MiB messages, and small ones between other processes of the same two Nodes meanwhile. */
export const large: Measurement = {
  ids: ['large.rate', 'large.bystander'],
  async run(session) {
    const [nodes, raw] = [await nodePair(session), await rawPair(session)];
    const bytesPerLot = mebibytes * mebibyte;
    const ours = async () => (await nodes.sender.call('large', 'receiver', messages, bytesPerLot)) * bytesPerLot;
    const chunks = async () => (await raw.sender.call('large', messages, mebibytes)) * bytesPerLot;
    try {
      await nodes.sender.call('large', 'receiver', 1, bytesPerLot);
    } catch (error) {
      await refused(session, (error as Error).message, await chunks());
      return;
    }
    await nodes.receiver.call('latencies');
    const compared = await session.compare('large.rate', { ...nodes }, ours, { chunks }, { warmUps: 1, runs: 5 });
    const latencies = (await nodes.receiver.call('latencies')).sort((a, b) => a - b);
    const baseline = { name: baselineName, measured: compared.chunks };
    session.report.add(paired('large.rate', 'B/s', compared.ours, rateTarget, baseline));
    session.report.add({
      id: 'large.bystander',
      unit: 'ms',
      value: quantile(latencies, 0.99),
      target: bystanderTarget,
      note: `p99 of ${latencies.length} messages, one way; half of them took ${quantile(latencies, 0.5).toFixed(2)} ms`,
    });
  },
};

/** The runtime does not carry messages of that size. */
async function refused(session: Session, why: string, raw: number): Promise<void> {
  const note = `not supported: ${why.split('\n')[0]}`;
  const baseline = { name: baselineName, value: raw };
  session.report.add({ id: 'large.rate', unit: 'B/s', value: null, target: rateTarget, baseline, note });
  session.report.add({ id: 'large.bystander', unit: 'ms', value: null, target: bystanderTarget, note });
}
