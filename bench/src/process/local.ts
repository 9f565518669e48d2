import type { LocalOperations } from '../programs/local.js';
import { type Measurement, paired, peer } from './measurement.js';

const messages = 1_000_000;
const asks = 200_000;
const nactMessages = 100_000;

/** From one process to another on one Node. */
export const localSend: Measurement = {
  ids: ['local.send'],
  async run(session) {
    const local = session.start<LocalOperations>('local');
    const { ours, bare, nact } = await session.compare(
      'local.send',
      { node: local },
      () => local.call('send', messages),
      { bare: () => local.call('bare', messages), nact: () => local.call('nact', nactMessages) },
    );
    const baseline = { name: 'bare array mailbox drained from one microtask', measured: bare };
    const target = { atLeast: 8_000_000, toBaseline: { atLeast: 0.4 } };
    session.report.add(paired('local.send', '1/s', ours, target, baseline));
    session.report.add(peer('peer.nact.local', nact, 'local.send', ours));
  },
};

/** The same with an answer, 250 in flight. */
export const localAsk: Measurement = {
  ids: ['local.ask'],
  async run(session) {
    const local = session.start<LocalOperations>('local');
    const { ours } = await session.compare('local.ask', { node: local }, () => local.call('ask', asks), {});
    session.report.add(paired('local.ask', '1/s', ours, { atLeast: 3_000_000 }));
  },
};
