import { type BodyOf, message } from '@mesos-ts/process';
import {
  type FrameworkId,
  FrameworkIdSchema,
  FrameworkInfoSchema,
  QuotaSchema,
  type SlaveId,
  SlaveIdSchema,
  SlaveInfoSchema,
  WeightSchema,
} from '@mesos-ts/protocol';
import { Type } from '@sinclair/typebox';
import type { StoredRecord } from './registry-storage.js';

/** In ms since 1970. */
const TimeSchema = Type.Number();

/** Declared as messages are, but stored and sent to nobody. */
const Agent = message('RegistryAgent', {
  value: Type.Union([
    Type.Object({ state: Type.Literal('admitted'), info: SlaveInfoSchema, at: TimeSchema }),
    Type.Object({ state: Type.Literal('unreachable'), at: TimeSchema }),
    Type.Object({ state: Type.Literal('gone'), at: TimeSchema }),
    Type.Object({ state: Type.Literal('forgotten') }),
  ]),
});
const Framework = message('RegistryFramework', {
  value: Type.Union([
    Type.Object({
      state: Type.Literal('admitted'),
      info: FrameworkInfoSchema,
      disconnectedSince: Type.Optional(TimeSchema),
    }),
    Type.Object({ state: Type.Literal('removed'), at: TimeSchema }),
    Type.Object({ state: Type.Literal('forgotten') }),
  ]),
});
/** Of all roles together, so that a change of several is one write: so many as one of them can carry. */
const rolesMax = 10_000;
const Quotas = message('RegistryQuotas', {
  value: Type.Union([
    Type.Object({ state: Type.Literal('set'), quotas: Type.Array(QuotaSchema, { maxItems: rolesMax }) }),
    Type.Object({ state: Type.Literal('forgotten') }),
  ]),
});
const Weights = message('RegistryWeights', {
  value: Type.Union([
    Type.Object({ state: Type.Literal('set'), weights: Type.Array(WeightSchema, { maxItems: rolesMax }) }),
    Type.Object({ state: Type.Literal('forgotten') }),
  ]),
});
const AgentKey = message('RegistryAgentKey', { id: SlaveIdSchema });
const FrameworkKey = message('RegistryFrameworkKey', { id: FrameworkIdSchema });

/**
 * What is known of one agent or framework, or what was set for all roles: the unit in which the registry is stored, whole, so that a record is right
 * whatever became of others. `forgotten`: nothing is known of it any more.
 */
export type RegistryRecord =
  | { readonly kind: 'agent'; readonly id: SlaveId; readonly value: BodyOf<typeof Agent>['value'] }
  | { readonly kind: 'framework'; readonly id: FrameworkId; readonly value: BodyOf<typeof Framework>['value'] }
  | { readonly kind: 'settings'; readonly id: 'quotas'; readonly value: BodyOf<typeof Quotas>['value'] }
  | { readonly kind: 'settings'; readonly id: 'weights'; readonly value: BodyOf<typeof Weights>['value'] };

/** What a stored record turned out to be. */
export type Decoded =
  | { readonly type: 'record'; readonly record: RegistryRecord; readonly epoch: number }
  | { readonly type: 'unreadable'; readonly why: string };

/** For the storage: under a key of its own, with the epoch of the leader that writes it. */
export function encodeRegistryRecord({ kind, id, value }: RegistryRecord, epoch: number): StoredRecord {
  return { key: `${kind}.${keyToken(id)}`, value: JSON.stringify({ epoch, value }) };
}

/** Never throws. Fields that are not known are passed over. */
export function decodeRegistryRecord({ key, value: text }: StoredRecord): Decoded {
  try {
    const dot = key.indexOf('.');
    const [kind, id] = [key.slice(0, dot), decodeURIComponent(key.slice(dot + 1))];
    const { epoch, ...body } = JSON.parse(text) as { readonly epoch: number };
    if (!Number.isSafeInteger(epoch)) return { type: 'unreadable', why: 'it has no epoch' };
    if (kind === 'agent') return decodedAgent(id, body, epoch);
    if (kind === 'framework') return decodedFramework(id, body, epoch);
    if (kind === 'settings') return decodedSettings(id, body, epoch);
    return { type: 'unreadable', why: `${JSON.stringify(kind.slice(0, 100))} is no kind of record` };
  } catch (error) {
    return { type: 'unreadable', why: (error as Error).message };
  }
}

function decodedAgent(id: string, body: object, epoch: number): Decoded {
  if (!AgentKey.check({ id })) return { type: 'unreadable', why: AgentKey.explain({ id }) };
  if (!Agent.check(body)) return { type: 'unreadable', why: Agent.explain(body) };
  const { value } = body as BodyOf<typeof Agent>;
  return { type: 'record', record: { kind: 'agent', id: id as SlaveId, value }, epoch };
}

function decodedFramework(id: string, body: object, epoch: number): Decoded {
  if (!FrameworkKey.check({ id })) return { type: 'unreadable', why: FrameworkKey.explain({ id }) };
  if (!Framework.check(body)) return { type: 'unreadable', why: Framework.explain(body) };
  const { value } = body as BodyOf<typeof Framework>;
  return { type: 'record', record: { kind: 'framework', id: id as FrameworkId, value }, epoch };
}

function decodedSettings(id: string, body: object, epoch: number): Decoded {
  if (id === 'quotas') {
    if (!Quotas.check(body)) return { type: 'unreadable', why: Quotas.explain(body) };
    const { value } = body as BodyOf<typeof Quotas>;
    return { type: 'record', record: { kind: 'settings', id, value }, epoch };
  }
  if (id === 'weights') {
    if (!Weights.check(body)) return { type: 'unreadable', why: Weights.explain(body) };
    const { value } = body as BodyOf<typeof Weights>;
    return { type: 'record', record: { kind: 'settings', id, value }, epoch };
  }
  return { type: 'unreadable', why: `${JSON.stringify(id.slice(0, 100))} is nothing that can be set` };
}

/** An id may hold what means something in a key, or in a subject of NATS. */
function keyToken(id: string): string {
  if (plainToken.test(id)) return id;
  // Half of a surrogate pair, which has no encoding, becomes a replacement character.
  const encodable = Buffer.from(id).toString();
  return encodeURIComponent(encodable).replaceAll('.', '%2E').replaceAll('*', '%2A');
}

const plainToken = /^[\w-]+$/;
