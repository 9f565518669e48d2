import type { NodeOperations } from '../programs/node.js';
import { type Measurement, paired, peer } from './measurement.js';
import { moleculerPair, nodePair, rawPair, throughput } from './pair.js';
import type { Session } from './session.js';

const messages = 200_000;
const moleculerMessages = 20_000;
const fanInProcesses = 5;
const nodesPerProcess = 10;

/** From one OS process to another. */
export const remoteSend: Measurement = {
  ids: ['remote.send'],
  async run(session) {
    const [nodes, raw, moleculer] = [await nodePair(session), await rawPair(session), await moleculerPair(session)];
    const { ours, published, packed, emitted } = await session.compare(
      'remote.send',
      { ...nodes },
      () => throughput(nodes.receiver, [messages], () => nodes.sender.call('send', 'receiver', messages)),
      {
        published: () => throughput(raw.receiver, [messages], () => raw.sender.call('publish', messages), false),
        packed: () => throughput(raw.receiver, [messages], () => raw.sender.call('publishPacked', messages)),
        emitted: () =>
          throughput(moleculer.receiver, [moleculerMessages], () => moleculer.sender.call('emit', moleculerMessages)),
      },
    );
    const baseline = { name: 'raw nats publish/subscribe of 128 bytes', measured: published };
    session.report.add(paired('remote.send', '1/s', ours, { toBaseline: { atLeast: 1.5 } }, baseline));
    session.report.add(peer('peer.msgpackr.remote', packed, 'remote.send', ours));
    session.report.add(peer('peer.moleculer.remote', emitted, 'remote.send', ours));
  },
};

/** From 50 Nodes in several OS processes to one process. */
export const remoteFanIn: Measurement = {
  ids: ['remote.fanin'],
  async run(session) {
    const nodes = await nodePair(session);
    const senders = await fanInSenders(session);
    const perNode = messages / (fanInProcesses * nodesPerProcess);
    const each = Array.from({ length: fanInProcesses * nodesPerProcess }, () => perNode);
    const { ours, single } = await session.compare(
      'remote.fanin',
      { receiver: nodes.receiver, ...Object.fromEntries(senders.map((sender, i) => [`sender-${i + 1}`, sender])) },
      () =>
        throughput(nodes.receiver, each, async () =>
          Math.min(...(await Promise.all(senders.map((sender) => sender.call('send', 'receiver', perNode))))),
        ),
      {
        single: () => throughput(nodes.receiver, [messages], () => nodes.sender.call('send', 'receiver', messages)),
      },
    );
    const baseline = { name: 'remote.send', measured: single };
    session.report.add(paired('remote.fanin', '1/s', ours, { toBaseline: { atLeast: 0.8 } }, baseline));
  },
};

async function fanInSenders(session: Session) {
  const senders = Array.from({ length: fanInProcesses }, () => session.start<NodeOperations>('node'));
  const url = await session.natsUrl();
  await Promise.all(
    senders.map((sender, i) =>
      sender.call(
        'start',
        url,
        Array.from({ length: nodesPerProcess }, (_, k) => `s${i}-${k}`),
      ),
    ),
  );
  return senders;
}
