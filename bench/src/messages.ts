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

export const sample: BodyOf<typeof Sample> = {
  taskId: 'task-000123',
  frameworkId: '5f6b2c1e-9d7a-4f3b-8a51-0c2d4e6f8a90-0001',
  state: 'TASK_RUNNING',
  uuid: '0d9f6a52-3c1b-4e7d-9f80-a1b2c3d4e5f6',
  timestamp: 1_700_000_000_000,
};
