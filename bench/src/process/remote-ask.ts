import { quantile } from '../repeated.js';
import { type Measurement, paired } from './measurement.js';
import { nodePair, rawPair } from './pair.js';

const trips = 500;
const asks = 50_000;
const asksInFlight = 1_000;

/** Round trips, one at a time. */
export const remoteAskP50: Measurement = {
  ids: ['remote.ask.p50'],
  async run(session) {
    const [nodes, raw] = [await nodePair(session), await rawPair(session)];
    const { ours, requests } = await session.compare(
      'remote.ask.p50',
      { ...nodes },
      async () => median(await nodes.sender.call('trips', 'receiver', trips)),
      { requests: async () => median(await raw.sender.call('trips', trips)) },
      { warmUps: 10, runs: 21 },
    );
    const baseline = { name: 'raw nats request/reply', measured: requests };
    session.report.add(paired('remote.ask.p50', 'ms', ours, { toBaseline: { atMost: 1.15 } }, baseline));
  },
};

/** Round trips, 1,000 at a time. */
export const remoteAskRate: Measurement = {
  ids: ['remote.ask.rate'],
  async run(session) {
    const [nodes, raw] = [await nodePair(session), await rawPair(session)];
    const { ours, requests } = await session.compare(
      'remote.ask.rate',
      { ...nodes },
      () => nodes.sender.call('asks', 'receiver', asks, asksInFlight),
      { requests: () => raw.sender.call('requests', asks, asksInFlight) },
    );
    const baseline = { name: 'raw nats request/reply, 1,000 in flight', measured: requests };
    session.report.add(paired('remote.ask.rate', '1/s', ours, { atLeast: 100_000 }, baseline));
  },
};

function median(times: readonly number[]): number {
  return quantile(
    [...times].sort((a, b) => a - b),
    0.5,
  );
}
