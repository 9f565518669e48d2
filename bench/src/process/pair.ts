import { rate } from '../load.js';
import type { OtherProcess } from '../other-process.js';
import type { MoleculerOperations } from '../programs/moleculer.js';
import type { NodeOperations } from '../programs/node.js';
import type { RawOperations } from '../programs/raw.js';
import type { Session } from './session.js';

/** A sender and a receiver, each in an OS process of its own. */
export interface Pair<O extends NodeOperations | RawOperations | MoleculerOperations> {
  readonly sender: OtherProcess<O>;
  readonly receiver: OtherProcess<O>;
}

/** Two Nodes of ours. */
export async function nodePair(session: Session): Promise<Pair<NodeOperations>> {
  const receiver = session.start<NodeOperations>('node');
  const sender = session.start<NodeOperations>('node');
  await receiver.call('start', await session.natsUrl(), ['receiver']);
  await sender.call('start', await session.natsUrl(), ['sender']);
  return { sender, receiver };
}

/** Two clients of NATS without us. */
export async function rawPair(session: Session): Promise<Pair<RawOperations>> {
  const receiver = session.start<RawOperations>('raw');
  const sender = session.start<RawOperations>('raw');
  for (const client of [receiver, sender]) await client.call('start', await session.natsUrl());
  await receiver.call('receive');
  return { sender, receiver };
}

export async function moleculerPair(session: Session): Promise<Pair<MoleculerOperations>> {
  const receiver = session.start<MoleculerOperations>('moleculer');
  const sender = session.start<MoleculerOperations>('moleculer');
  await receiver.call('start', await session.natsUrl(), 'receiver', true);
  await sender.call('start', await session.natsUrl(), 'sender', false);
  return { sender, receiver };
}

/** What {@link throughput} needs of a receiver. */
interface Receiving {
  call(name: 'expect', count: number): Promise<void>;
  call(name: 'complete', each: readonly number[]): Promise<number>;
}

/**
 * Messages per second, from the first that is sent until the last is handled.
 * @param each how many each sender sends.
 * @param send resolves with when the first left.
 * @param reads whether the receiver adds up what it reads.
 */
export async function throughput(
  receiver: unknown,
  each: readonly number[],
  send: () => Promise<number>,
  reads = true,
): Promise<number> {
  const receiving = receiver as Receiving;
  const count = each.reduce((sum, one) => sum + one, 0);
  await receiving.call('expect', count);
  const startedAt = await send();
  return rate(count, (await receiving.call('complete', reads ? each : [])) - startedAt);
}
