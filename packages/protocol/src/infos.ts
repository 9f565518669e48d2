import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { AttributesSchema } from './attribute.js';
import { FaultDomainSchema } from './fault-domain.js';
import { ExecutorIdSchema, FrameworkIdSchema, OfferIdSchema, SlaveIdSchema, TaskIdSchema } from './ids.js';
import { OfferConstraintsSchema } from './offer-constraints.js';
import { QuantitiesSchema } from './quantities.js';
import { ResourcesSchema } from './resources.js';
import { RoleSchema } from './role.js';
import { ReasonSchema, SourceSchema, TaskStateSchema } from './task-state.js';

/*
 * The nouns that messages are made of, after Mesos' own of the same names. Fields are camelCase, durations are whole
 * milliseconds with the unit in the name; only Filters keeps Mesos' seconds, under Mesos' name for them.
 */

const HostnameSchema = Type.String({ minLength: 1, maxLength: 255 });
const NameSchema = Type.String({ maxLength: 1_024 });
/** Up to a year. */
const DurationMsSchema = Type.Integer({ minimum: 0, maximum: 365 * 24 * 3_600_000 });
export const UuidSchema = Type.String({ minLength: 1, maxLength: 64 });

/** A program and its arguments, run as they are: no shell reads them. */
export const CommandInfoSchema = Type.Object({
  /** Looked up on the agent's PATH unless it holds a `/`. */
  value: Type.String({ minLength: 1, maxLength: 4_096 }),
  arguments: Type.Array(Type.String(), { maxItems: 1_024 }),
  /** On top of the agent's own environment. */
  environment: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type CommandInfo = DeepReadonly<Static<typeof CommandInfoSchema>>;

/** An executor: the program that runs tasks of one framework on one agent. */
export const ExecutorInfoSchema = Type.Object({
  executorId: ExecutorIdSchema,
  name: NameSchema,
  command: CommandInfoSchema,
  /** What it takes for itself, on top of its tasks. */
  resources: ResourcesSchema,
  /** Given to it at its start. */
  data: Type.Optional(Type.Uint8Array()),
  /** How long it may take to end by itself when it is shut down. Default 5,000. */
  shutdownGracePeriodMs: Type.Optional(DurationMsSchema),
});
export type ExecutorInfo = DeepReadonly<Static<typeof ExecutorInfoSchema>>;

export const TaskInfoSchema = Type.Object({
  taskId: TaskIdSchema,
  name: NameSchema,
  slaveId: SlaveIdSchema,
  resources: ResourcesSchema,
  executor: ExecutorInfoSchema,
  data: Type.Optional(Type.Uint8Array()),
});
export type TaskInfo = DeepReadonly<Static<typeof TaskInfoSchema>>;

const rolesMax = 1_000;

/** What a framework asks of every offer in a role. */
const OfferFilterSchema = Type.Object({
  /** Of these alternatives, an offer holds one at least. Default: 0.01 cpus or 32 MB of mem. None: anything will do. */
  minAllocatable: Type.Optional(Type.Array(QuantitiesSchema, { maxItems: 64 })),
});

export const FrameworkInfoSchema = Type.Object({
  /** Absent at the first registration: the master mints it. */
  id: Type.Optional(FrameworkIdSchema),
  name: NameSchema,
  user: Type.String({ minLength: 1, maxLength: 255 }),
  hostname: HostnameSchema,
  /** In which it may use resources: of each offer, it is said in which of them it is made. */
  roles: Type.Array(RoleSchema, { minItems: 1, maxItems: rolesMax, uniqueItems: true }),
  /** Those among its roles in which it is offered nothing until it revives. Default none. */
  suppressedRoles: Type.Optional(Type.Array(RoleSchema, { maxItems: rolesMax, uniqueItems: true })),
  /** By role. */
  offerFilters: Type.Optional(Type.Record(RoleSchema, OfferFilterSchema, { additionalProperties: false })),
  offerConstraints: Type.Optional(OfferConstraintsSchema),
  /**
   * It can do with agents that have gpus, or stand in another region than the master, or with resources that may be taken
   * away again. Default: none of these.
   */
  capabilities: Type.Optional(
    Type.Array(
      Type.Union([Type.Literal('GPU_RESOURCES'), Type.Literal('REGION_AWARE'), Type.Literal('REVOCABLE_RESOURCES')]),
      { uniqueItems: true },
    ),
  ),
  /** How long its tasks go on without it after it was last connected. */
  failoverTimeoutMs: DurationMsSchema,
});
export type FrameworkInfo = DeepReadonly<Static<typeof FrameworkInfoSchema>>;

export const SlaveInfoSchema = Type.Object({
  /** Absent at the first registration: the master mints it. */
  id: Type.Optional(SlaveIdSchema),
  hostname: HostnameSchema,
  /** All that the agent has of its own; what it lends on top is told by UpdateSlave. */
  resources: ResourcesSchema,
  attributes: Type.Optional(AttributesSchema),
  domain: Type.Optional(FaultDomainSchema),
});
export type SlaveInfo = DeepReadonly<Static<typeof SlaveInfoSchema>>;

/** Resources of one agent that one framework may use, in one of its roles, until it answers or the offer is rescinded. */
export const OfferSchema = Type.Object({
  id: OfferIdSchema,
  frameworkId: FrameworkIdSchema,
  slaveId: SlaveIdSchema,
  hostname: HostnameSchema,
  /** Those of the agent, where it has any. */
  attributes: Type.Optional(AttributesSchema),
  domain: Type.Optional(FaultDomainSchema),
  role: RoleSchema,
  resources: ResourcesSchema,
  /** Executors of this framework that already run on the agent: their own resources are paid for. */
  executorIds: Type.Array(ExecutorIdSchema),
});
export type Offer = DeepReadonly<Static<typeof OfferSchema>>;

/** What a framework says of the resources that it did not take. */
export const FiltersSchema = Type.Object({
  /** For how long not to offer them to it again, in seconds. Default 5; at most 365 days (Mesos facts 12.2). */
  refuseSeconds: Type.Number({ minimum: 0, maximum: 365 * 24 * 3_600 }),
});
export type Filters = DeepReadonly<Static<typeof FiltersSchema>>;

/** A state of a task, told. */
export const TaskStatusSchema = Type.Object({
  taskId: TaskIdSchema,
  state: TaskStateSchema,
  source: SourceSchema,
  reason: Type.Optional(ReasonSchema),
  /** For people. */
  message: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** For the framework: what an executor sent along. */
  data: Type.Optional(Type.Uint8Array()),
  slaveId: Type.Optional(SlaveIdSchema),
  executorId: Type.Optional(ExecutorIdSchema),
  /** In ms since 1970, by the clock of the source's machine. */
  timestamp: Type.Number(),
  /** With it, the update is sent again until it is acknowledged. Without it, there is nothing to acknowledge. */
  uuid: Type.Optional(UuidSchema),
});
export type TaskStatus = DeepReadonly<Static<typeof TaskStatusSchema>>;

/** A task as master and agent keep it. */
export const TaskSchema = Type.Object({
  taskId: TaskIdSchema,
  name: NameSchema,
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
  slaveId: SlaveIdSchema,
  /** That of the offer which it was launched on: its resources count to it. */
  role: RoleSchema,
  resources: ResourcesSchema,
  /** The newest state that is known. */
  state: TaskStateSchema,
});
export type Task = DeepReadonly<Static<typeof TaskSchema>>;
