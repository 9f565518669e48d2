import { type BodyOf, message } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import { saidByLeaders } from './epoch.js';
import { FrameworkIdSchema, OfferIdSchema, SlaveIdSchema } from './ids.js';
import { refusal } from './operator-messages.js';
import { QuantitiesSchema } from './quantities.js';
import { RoleSchema } from './role.js';

/*
 * Why is my task not running? An operator asks the leading master (O -> M), and is told why a framework, one that is in a
 * role, or one that waits for a shape is not offered more. The original has nothing of the kind.
 */

const CountSchema = Type.Integer({ minimum: 0 });

/** Why a framework is not offered something of an agent in a role, as the allocator decided it. */
const HindranceSchema = Type.Union([
  Type.Object({
    why: Type.Union(
      [
        ...(['agent-inactive', 'not-whitelisted', 'framework-inactive', 'suppressed', 'gpus', 'cap'] as const),
        ...(['no-demand', 'earlier-demand', 'next'] as const),
      ].map((why) => Type.Literal(why)),
    ),
  }),
  /** Such as `rack=a`, for people. */
  Type.Object({ why: Type.Literal('constraint'), constraint: Type.String() }),
  Type.Object({ why: Type.Literal('region'), region: Type.String() }),
  Type.Object({ why: Type.Literal('short'), by: QuantitiesSchema }),
  Type.Object({ why: Type.Literal('too-small'), by: QuantitiesSchema }),
  Type.Object({ why: Type.Literal('guarantees'), by: QuantitiesSchema }),
  Type.Object({ why: Type.Literal('limit'), role: Type.String(), by: QuantitiesSchema }),
  Type.Object({ why: Type.Literal('filtered'), forMs: Type.Number({ minimum: 0 }) }),
]);

/** Who holds what is lacking on one agent, or on several. */
const HolderSchema = Type.Object({
  frameworkId: FrameworkIdSchema,
  /** How many offers of these agents it has, and some of them. */
  offers: CountSchema,
  some: Type.Array(OfferIdSchema),
  /** On how many of them it uses something, and has no offer. */
  using: CountSchema,
});

/** Those of which the most is held, and how many more there are. */
const holding = { holders: Type.Array(HolderSchema), holdersLeftOut: CountSchema };

/** Agents with one reason. Where amounts or times differ, `least` has the smallest of each and `most` the largest. */
const GroupSchema = Type.Object({
  agents: Type.Integer({ minimum: 1 }),
  /** The first of them, by name: the host, or the id where several agents are on it. */
  some: Type.Array(Type.String()),
  least: HindranceSchema,
  most: HindranceSchema,
  ...holding,
});

const AgentExplanationSchema = Type.Object({
  name: Type.String(),
  slaveId: SlaveIdSchema,
  hostname: Type.String(),
  hindrance: HindranceSchema,
  ...holding,
});

/** How all agents stand to one shape, or to a framework that takes whatever there is. */
const WantSchema = Type.Object({
  /** So often that is waited for; absent where it was only asked about. */
  count: Type.Optional(CountSchema),
  shape: Type.Optional(QuantitiesSchema),
  /** On how many agents there is room for it: now, were they idle, and never. Not those that are out of the question. */
  room: Type.Object({ now: CountSchema, ifIdle: CountSchema, never: CountSchema }),
  agents: CountSchema,
  /** The largest first. */
  groups: Type.Array(GroupSchema),
  /** Of how many more agents the reasons are not told. */
  agentsLeftOut: CountSchema,
  /** One by one: all of them where they are few, or as many as are told on request, the first by name. */
  each: Type.Array(AgentExplanationSchema),
});

/** A role or framework on the way to the one asked about; `ahead`: the first of its siblings, where that goes before it. */
const PrecedenceSchema = Type.Object({
  node: Type.String(),
  /** The weighted dominant share, as a decimal fraction for people. */
  share: Type.String(),
  ahead: Type.Optional(Type.Object({ node: Type.String(), share: Type.String() })),
});

/** Who is in a role that no framework was named for. */
const MembersSchema = Type.Object({
  /** How many frameworks of each kind. */
  active: CountSchema,
  suppressed: CountSchema,
  inactive: CountSchema,
  /** They wait for nothing more. */
  satisfied: CountSchema,
  some: Type.Array(Type.Object({ frameworkId: FrameworkIdSchema, name: Type.String() })),
  /** The roles next below it: how many, and some. */
  rolesBelow: CountSchema,
  someBelow: Type.Array(Type.String()),
});

const RoleExplanationSchema = Type.Object({
  role: Type.String(),
  members: Type.Optional(MembersSchema),
  /** Empty where chance decides who is next. */
  precedence: Type.Array(PrecedenceSchema),
  /** Of the role and those above it, from the top: those that have one. `consumed`: what is offered, too. */
  quotas: Type.Array(
    Type.Object({
      role: Type.String(),
      guarantees: QuantitiesSchema,
      limits: QuantitiesSchema,
      consumed: QuantitiesSchema,
    }),
  ),
  wants: Type.Array(WantSchema),
  wantsLeftOut: CountSchema,
});

/** With a `refusal` where it cannot be said who is meant. */
export const AllocationExplained = message('AllocationExplained', {
  ...saidByLeaders,
  ...refusal,
  framework: Type.Optional(Type.Object({ id: FrameworkIdSchema, name: Type.String() })),
  /** Why nothing at all is offered for now, in words; absent where it is. */
  hold: Type.Optional(Type.String()),
  roles: Type.Array(RoleExplanationSchema),
  rolesLeftOut: CountSchema,
});

/**
 * Why is a framework not offered more, or would one not be? Agents are told in groups, also by one `each` where they are
 * few, or on request.
 */
export const ExplainAllocation = message(
  'ExplainAllocation',
  {
    /** Its id or, if no other has it, its name. Absent: one that takes anything and is not there yet, in `role`. */
    framework: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    /** With a framework: only in that. */
    role: Type.Optional(RoleSchema),
    /** As if it waited for that, and for nothing else. */
    demand: Type.Optional(QuantitiesSchema),
    each: Type.Boolean(),
  },
  { reply: AllocationExplained },
);

export type ExplainAllocation = BodyOf<typeof ExplainAllocation>;
export type AllocationExplained = BodyOf<typeof AllocationExplained>;
export type RoleExplained = AllocationExplained['roles'][number];
export type WantExplained = RoleExplained['wants'][number];
export type AgentGroupExplained = WantExplained['groups'][number];
export type AgentExplained = WantExplained['each'][number];
export type HolderExplained = AgentExplained['holders'][number];
export type ExplainedHindrance = AgentExplained['hindrance'];
