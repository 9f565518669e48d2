import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { ShapeSchema } from './quantities.js';
import { RoleSchema } from './role.js';

/** What a framework waits for in a role: so many times that shape. */
export const DemandSchema = Type.Object({
  role: RoleSchema,
  shape: ShapeSchema,
  count: Type.Integer({ minimum: 1, maximum: 1_000_000 }),
});
export type Demand = DeepReadonly<Static<typeof DemandSchema>>;

/** All that a framework waits for. */
export const DemandsSchema = Type.Array(DemandSchema, { maxItems: 1_000 });
