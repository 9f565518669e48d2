import type { AnyMessageType, BodyOf } from '@mesos-ts/process';
import { type TSchema, Type } from '@sinclair/typebox';

/*
 * Every message of a leading master carries the epoch of its leadership, so that what it says can be told from what a
 * later leader says. Here and nowhere else is that declared; the master adds the number in one place.
 */

/** Grows with every change of hands; the detectors tell it, too. Whole, from 1: over ZooKeeper it is a czxid. */
export const EpochSchema = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 1 });

/** The highest epoch that anybody but the election itself may tell a leader of: what may come after is left to it. */
export const claimedEpochMax = 2 ** 52;

export const ClaimedEpochSchema = Type.Integer({ minimum: 1, maximum: claimedEpochMax });

/** Among the fields of what only leaders say. */
export const saidByLeaders = { epoch: EpochSchema };

/**
 * Among the fields of what leaders pass on and others say as well, whose word needs no epoch: schedulers to the leader,
 * agents to and from their executors. Who hears it as a leader's refuses it without one, see {@link epochOf}.
 */
export const alsoSaidByLeaders = { epoch: Type.Optional(EpochSchema) };

/**
 * Among the fields of a registration: the leadership that it is for, as the sender's detector told; absent where the leader
 * was only named by an address. A leader of another epoch drops it: held up on its way while others led, it may tell of a
 * world that is no more, and the same process may lead again.
 */
export const forOneLeader = { leaderEpoch: Type.Optional(EpochSchema) };

/** The messages that a leader may send: those that have a place for its epoch. */
export type LeaderMessageType = AnyMessageType & {
  readonly schema: { readonly properties: { readonly epoch: TSchema } };
};

/** A body as the parts of a master write it, before the epoch is added. */
export type WithoutEpoch<M extends AnyMessageType> = Omit<BodyOf<M>, 'epoch'>;

/** The epoch that a message came with, whose body is not checked yet; undefined where there is none that could be one. */
export function epochOf(body: unknown): number | undefined {
  const epoch = (body as { readonly epoch?: unknown } | null | undefined)?.epoch;
  return Number.isSafeInteger(epoch) ? (epoch as number) : undefined;
}
