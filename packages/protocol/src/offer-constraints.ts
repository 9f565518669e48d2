import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { RoleSchema } from './role.js';

const TextSchema = Type.String({ maxLength: 255 });
// An unknown field might say that the constraint is not the one that it looks like.
const closed = { additionalProperties: false };

/** What an agent must be like: an attribute of it, or where it is (Mesos facts 4.6). */
export const AttributeConstraintSchema = Type.Object(
  {
    selector: Type.Union([
      Type.Object({ attribute: Type.String({ minLength: 1, maxLength: 128 }) }, closed),
      Type.Literal('hostname'),
      Type.Literal('region'),
      Type.Literal('zone'),
    ]),
    predicate: Type.Union([
      Type.Literal('exists'),
      Type.Literal('notExists'),
      Type.Object({ textEquals: TextSchema }, closed),
      Type.Object({ textNotEquals: TextSchema }, closed),
      /** Of the whole text, with `*` for any text and `?` for any character: nothing that could be slow. */
      Type.Object({ textMatches: TextSchema }, closed),
      Type.Object({ textNotMatches: TextSchema }, closed),
    ]),
  },
  closed,
);
export type AttributeConstraint = DeepReadonly<Static<typeof AttributeConstraintSchema>>;

/** By role. Of several groups one must hold, and of a group all. No groups: anything. */
export const OfferConstraintsSchema = Type.Record(
  RoleSchema,
  Type.Array(Type.Array(AttributeConstraintSchema, { maxItems: 64 }), { maxItems: 64 }),
  { additionalProperties: false },
);
