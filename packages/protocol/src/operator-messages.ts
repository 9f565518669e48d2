import { type DeepReadonly, message } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { saidByLeaders } from './epoch.js';
import { QuantitiesSchema } from './quantities.js';
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

/** Of an answer that may be one: in words. */
export const refusal = { refusal: Type.Optional(Type.String({ maxLength: 65_536 })) };

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
