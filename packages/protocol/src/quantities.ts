import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { ResourceNameSchema } from './resources.js';

/** Thousandths by the name of a scalar resource: `{ cpus: 1500 }`. What is not named is none. At most 64 names. */
export const QuantitiesSchema = Type.Record(
  ResourceNameSchema,
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  { additionalProperties: false, maxProperties: 64 },
);
/** The same of what must be something: one name at least, and no amount of nothing. */
export const ShapeSchema = Type.Record(
  ResourceNameSchema,
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  { additionalProperties: false, minProperties: 1, maxProperties: 64 },
);
export type Quantities = DeepReadonly<Static<typeof QuantitiesSchema>>;
