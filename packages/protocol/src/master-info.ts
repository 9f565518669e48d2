import { type DeepReadonly, UpidSchema } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { MasterIdSchema } from './ids.js';

/** Who a master is; what an election is about (Mesos facts 3.1). */
export const MasterInfoSchema = Type.Object({
  /** New at every start of a master: the prefix of the ids that it mints. */
  id: MasterIdSchema,
  pid: UpidSchema,
  hostname: Type.String({ minLength: 1, maxLength: 255 }),
  version: Type.String({ maxLength: 64 }),
});
export type MasterInfo = DeepReadonly<Static<typeof MasterInfoSchema>>;
