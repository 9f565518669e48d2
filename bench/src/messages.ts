import { type BodyOf, message } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

const fields = {
  taskId: Type.String(),
  frameworkId: Type.String(),
  state: Type.String(),
  uuid: Type.String(),
  timestamp: Type.Number(),
};

/** A message of 5 fields, like a status update. */
export const Sample = message('Sample', fields);
export const Done = message('Done', { count: Type.Integer() });
/** The same, to be answered. */
export const Ask = message('Ask', fields, { reply: Done });

/** Binary of any size; the receiver answers how many bytes came. */
export const Large = message('Large', { bytes: Type.Uint8Array() }, { reply: Done });
/** When it was to be sent, on the clock that all OS processes of a machine share. */
export const Stamped = message('Stamped', { dueMs: Type.Number() });

export type Update = BodyOf<typeof Sample>;

const differentMax = 1_024;
const updates = Array.from({ length: differentMax }, (_, i): Update => {
  const digits = i.toString(16).padStart(4, '0');
  return {
    taskId: `task-${String(i).padStart(6, '0')}`,
    // In runs, as real updates come: neither all alike nor all different.
    frameworkId: `5f6b2c1e-9d7a-4f3b-8a51-0c2d4e6f8a90-000${(i >> 2) % 5}`,
    state: (i * 7) % 10 < 6 ? 'TASK_RUNNING' : 'TASK_FINISHED',
    uuid: `0d9f6a52-${digits}-4e7d-9f80-a1b2c3d4${digits}`,
    timestamp: 1_700_000_000_000 + i,
  };
});

/**
 * The `i`th message: made afresh, as by a sender with news, and different from its neighbours, so that nobody profits from
 * having seen it before. Its strings are ready, because to make them is not what is measured.
 */
export function updateAt(i: number): Update {
  const { taskId, frameworkId, state, uuid, timestamp } = updates[i % differentMax] as Update;
  return { taskId, frameworkId, state, uuid, timestamp };
}

/** The sum of what a receiver adds up of the first `count` messages: proves that it read each. */
export function timestampSum(count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += i % differentMax;
  return sum;
}

/** What a receiver adds up of one message. */
export function readOf({ timestamp }: Update): number {
  return timestamp - 1_700_000_000_000;
}
