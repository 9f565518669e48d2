import { type DeepReadonly, UpidSchema } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { FaultDomainSchema } from './fault-domain.js';
import { MasterIdSchema } from './ids.js';

/** Where a master answers HTTP (Mesos' `Address`): what clients of the original look for. */
export const MasterAddressSchema = Type.Object({
  hostname: Type.String({ minLength: 1, maxLength: 255 }),
  /** An IPv4 or IPv6 address in its usual text form. */
  ip: Type.String({ minLength: 2, maxLength: 45 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
});
export type MasterAddress = DeepReadonly<Static<typeof MasterAddressSchema>>;

/** Who a master is; what an election is about (Mesos facts 3.1). */
export const MasterInfoSchema = Type.Object({
  /** New at every start of a master: the prefix of the ids that it mints. */
  id: MasterIdSchema,
  pid: UpidSchema,
  hostname: Type.String({ minLength: 1, maxLength: 255 }),
  version: Type.String({ maxLength: 64 }),
  /** Absent where it answers no HTTP. */
  address: Type.Optional(MasterAddressSchema),
  /** Agents in other regions than that are remote (Mesos facts 4.7). Absent where it was not said. */
  domain: Type.Optional(FaultDomainSchema),
});
export type MasterInfo = DeepReadonly<Static<typeof MasterInfoSchema>>;
