import { type BodyOf, type DeepReadonly, message } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { saidByLeaders } from './epoch.js';
import { FrameworkIdSchema, OfferIdSchema, SlaveIdSchema } from './ids.js';
import { QuantitiesSchema } from './quantities.js';
import { ResourcesSchema } from './resources.js';
import { RoleSchema } from './role.js';

/*
 * What an operator asks the leading master (O -> M), and its answers. Mirrors GET_QUOTA, UPDATE_QUOTA, GET_WEIGHTS and
 * UPDATE_WEIGHTS (Mesos facts 4.4, 4.5, 7.5). An answer that carries a `refusal` says in words why nothing was changed.
 */

/** What a role and those below it are promised, and may have at most. A name without a limit is unlimited. */
export const QuotaSchema = Type.Object({ role: RoleSchema, guarantees: QuantitiesSchema, limits: QuantitiesSchema });
export type Quota = DeepReadonly<Static<typeof QuotaSchema>>;

/** Of a role beside its siblings, in thousandths: 1,000 is what it has unless something was said. */
export const WeightSchema = Type.Object({
  role: RoleSchema,
  weight: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export type Weight = DeepReadonly<Static<typeof WeightSchema>>;

const refusal = { refusal: Type.Optional(Type.String({ maxLength: 65_536 })) };

export const QuotaStatus = message('QuotaStatus', {
  ...saidByLeaders,
  /** `consumed`: what is reserved for the role and those below it, and what of the rest their tasks use. */
  quotas: Type.Array(Type.Composite([QuotaSchema, Type.Object({ consumed: QuantitiesSchema })])),
});

/** Answered with all quotas that are set. */
export const GetQuota = message('GetQuota', {}, { reply: QuotaStatus });

export const QuotaUpdated = message('QuotaUpdated', { ...saidByLeaders, ...refusal });

/**
 * Replaces the quotas of these roles, all of them or none; one that promises and limits nothing is removed. Unless it is by
 * `force`, it is refused where a guarantee cannot be kept, or a limit is exceeded already.
 */
export const UpdateQuota = message(
  'UpdateQuota',
  { quotas: Type.Array(QuotaSchema, { minItems: 1, maxItems: 10_000 }), force: Type.Boolean() },
  { reply: QuotaUpdated },
);

export const WeightsStatus = message('WeightsStatus', { ...saidByLeaders, weights: Type.Array(WeightSchema) });

/** Answered with all weights other than 1. */
export const GetWeights = message('GetWeights', {}, { reply: WeightsStatus });

export const WeightsUpdated = message('WeightsUpdated', { ...saidByLeaders, ...refusal });

/** Sets the weights of these roles, all of them or none. */
export const UpdateWeights = message(
  'UpdateWeights',
  { weights: Type.Array(WeightSchema, { minItems: 1, maxItems: 10_000 }) },
  { reply: WeightsUpdated },
);

/** Why a framework is not offered something of an agent in a role, as the allocator decided it. */
const HindranceSchema = Type.Union([
  Type.Object({
    why: Type.Union(
      [
        ...(['agent-inactive', 'not-whitelisted', 'framework-inactive', 'suppressed', 'gpus', 'cap'] as const),
        ...(['no-demand', 'next'] as const),
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

const AgentExplanationSchema = Type.Object({
  slaveId: SlaveIdSchema,
  hostname: Type.String(),
  hindrance: HindranceSchema,
  /** Who holds what is not free there, offered or used. */
  held: Type.Array(Type.Object({ frameworkId: FrameworkIdSchema, role: Type.String(), resources: ResourcesSchema })),
  /** The offers that are out of it. */
  offers: Type.Array(Type.Object({ id: OfferIdSchema, frameworkId: FrameworkIdSchema })),
});

/** A role or framework on the way to the one asked about; `ahead`: the first of its siblings, where that goes before it. */
const PrecedenceSchema = Type.Object({
  node: Type.String(),
  /** The weighted dominant share, as a decimal fraction for people. */
  share: Type.String(),
  ahead: Type.Optional(Type.Object({ node: Type.String(), share: Type.String() })),
});

const RoleExplanationSchema = Type.Object({
  role: Type.String(),
  demands: Type.Optional(Type.Array(Type.Object({ shape: QuantitiesSchema, count: Type.Integer({ minimum: 0 }) }))),
  precedence: Type.Array(PrecedenceSchema),
  agents: Type.Array(AgentExplanationSchema),
});

/** Without a framework where none was found, or several: `refusal` says so. */
export const AllocationExplained = message('AllocationExplained', {
  ...saidByLeaders,
  ...refusal,
  framework: Type.Optional(Type.Object({ id: FrameworkIdSchema, name: Type.String() })),
  /** Why nothing at all is offered for now, in words; absent where it is. */
  hold: Type.Optional(Type.String()),
  roles: Type.Array(RoleExplanationSchema),
});

/** Why is a framework not offered more? `framework`: its id or, if no other has it, its name. `role`: only in that. */
export const ExplainAllocation = message(
  'ExplainAllocation',
  { framework: Type.String({ minLength: 1, maxLength: 1_024 }), role: Type.Optional(RoleSchema) },
  { reply: AllocationExplained },
);

export type AllocationExplained = BodyOf<typeof AllocationExplained>;
export type RoleExplained = AllocationExplained['roles'][number];
export type AgentExplained = RoleExplained['agents'][number];
export type ExplainedHindrance = AgentExplained['hindrance'];
