import { type BodyOf, message, UpidSchema } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import { DemandsSchema } from './demand.js';
import { alsoSaidByLeaders, ClaimedEpochSchema, forOneLeader, saidByLeaders } from './epoch.js';
import { ExecutorIdSchema, FrameworkIdSchema, OfferIdSchema, SlaveIdSchema, TaskIdSchema } from './ids.js';
import {
  ExecutorInfoSchema,
  FiltersSchema,
  FrameworkInfoSchema,
  OfferSchema,
  SlaveInfoSchema,
  TaskInfoSchema,
  TaskSchema,
  TaskStatusSchema,
  UuidSchema,
} from './infos.js';
import { MasterInfoSchema } from './master-info.js';
import { ResourcesSchema } from './resources.js';
import { RoleSchema } from './role.js';
import { TaskStateSchema } from './task-state.js';

/*
 * Everything that master, agents, schedulers and executors say to each other, named as in Mesos (facts 2), with
 * F = scheduler, M = master, A = agent, E = executor. None is reliable by itself, except that a StatusUpdate with a uuid
 * is repeated until it is acknowledged, and registrations are repeated until they are answered. What M says carries the
 * epoch of its leadership, see epoch.ts.
 */

const VersionSchema = Type.String({ maxLength: 64 });
const DataSchema = Type.Uint8Array();

// F -> M

/** What RequestResources says, so that nothing else is offered before that. Replaces what was said to this leader before. */
const ItsDemandsSchema = Type.Optional(DemandsSchema);

/** First registration: `framework.id` is absent. Repeated until FrameworkRegistered. */
export const RegisterFramework = message('RegisterFramework', {
  ...forOneLeader,
  framework: FrameworkInfoSchema,
  demands: ItsDemandsSchema,
});

/** `failover`: this scheduler takes over from another instance with the same id, which is told and cut off. */
export const ReregisterFramework = message('ReregisterFramework', {
  ...forOneLeader,
  framework: FrameworkInfoSchema,
  demands: ItsDemandsSchema,
  failover: Type.Boolean(),
});

/** The framework is done: its tasks are killed and it is forgotten. */
export const UnregisterFramework = message('UnregisterFramework', { frameworkId: FrameworkIdSchema });

/** Uses offers of one agent for tasks; what is left over is declined with `filters`. No tasks: all is declined. */
export const LaunchTasks = message('LaunchTasks', {
  frameworkId: FrameworkIdSchema,
  offerIds: Type.Array(OfferIdSchema, { minItems: 1, maxItems: 1_000 }),
  tasks: Type.Array(TaskInfoSchema, { maxItems: 10_000 }),
  filters: FiltersSchema,
});

export const DeclineResourceOffer = message('DeclineResourceOffer', {
  frameworkId: FrameworkIdSchema,
  offerIds: Type.Array(OfferIdSchema, { minItems: 1, maxItems: 10_000 }),
  filters: FiltersSchema,
});

/** In which of the framework's roles; none: in all. */
const ItsRolesSchema = Type.Optional(Type.Array(RoleSchema, { maxItems: 1_000 }));

/** Offer to this framework again in these roles, and forget its filters there, unless `keepFilters`. */
export const ReviveOffers = message('ReviveOffers', {
  frameworkId: FrameworkIdSchema,
  roles: ItsRolesSchema,
  keepFilters: Type.Optional(Type.Boolean()),
});

/** Offer nothing to this framework in these roles until it revives. Twice is as once. */
export const SuppressOffers = message('SuppressOffers', { frameworkId: FrameworkIdSchema, roles: ItsRolesSchema });

/**
 * What the framework still waits for, with what it holds in offers, and without what it has launched: from now on it is
 * offered that and nothing else. Replaces what it said before; without `demands` it is offered whatever there is, as before
 * it said anything. The master counts nothing off: it is told of what is left, before a LaunchTasks that leaves less. So
 * nothing is offered twice, and the last word holds whatever became of the launch. Under this name the original has a
 * ResourceRequestMessage, which it ignores.
 */
export const RequestResources = message('RequestResources', {
  frameworkId: FrameworkIdSchema,
  demands: ItsDemandsSchema,
});

/** Empty: a status of every task that is not terminal; else of those named (facts 3.10). */
export const ReconcileTasks = message('ReconcileTasks', {
  frameworkId: FrameworkIdSchema,
  statuses: Type.Array(Type.Object({ taskId: TaskIdSchema, slaveId: Type.Optional(SlaveIdSchema) })),
});

// F -> M, A -> M

/**
 * Answers what came from a leader of an older epoch, and was dropped. `epoch`: the highest that the sender has seen. A
 * leader that hears of a higher one than its own steps down, and contends for one that is higher still.
 */
export const StaleLeader = message('StaleLeader', { epoch: ClaimedEpochSchema });

// F -> M -> A -> E

export const KillTask = message('KillTask', {
  ...alsoSaidByLeaders,
  frameworkId: FrameworkIdSchema,
  taskId: TaskIdSchema,
});

export const StatusUpdateAcknowledgement = message('StatusUpdateAcknowledgement', {
  ...alsoSaidByLeaders,
  slaveId: SlaveIdSchema,
  frameworkId: FrameworkIdSchema,
  taskId: TaskIdSchema,
  uuid: UuidSchema,
});

/** Bytes of the framework's own for one executor. May be lost. */
export const FrameworkToExecutor = message('FrameworkToExecutor', {
  ...alsoSaidByLeaders,
  slaveId: SlaveIdSchema,
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
  data: DataSchema,
});

// E -> A -> M -> F

/**
 * `latestState` is the newest state that the agent knows of, while `status` is the oldest that is not acknowledged: on a
 * terminal one the master frees the resources. `pid`: whom to acknowledge to; absent where there is no uuid.
 */
export const StatusUpdate = message('StatusUpdate', {
  ...alsoSaidByLeaders,
  frameworkId: FrameworkIdSchema,
  status: TaskStatusSchema,
  latestState: Type.Optional(TaskStateSchema),
  pid: Type.Optional(UpidSchema),
});

/** Bytes of an executor's own for its framework. May be lost. */
export const ExecutorToFramework = message('ExecutorToFramework', {
  ...alsoSaidByLeaders,
  slaveId: SlaveIdSchema,
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
  data: DataSchema,
});

/** An executor's OS process has ended. `status`: its exit code, or 128 and the number of the signal. May be lost. */
export const ExitedExecutor = message('ExitedExecutor', {
  ...alsoSaidByLeaders,
  slaveId: SlaveIdSchema,
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
  status: Type.Integer(),
});

// M -> F

export const FrameworkRegistered = message('FrameworkRegistered', {
  ...saidByLeaders,
  frameworkId: FrameworkIdSchema,
  master: MasterInfoSchema,
});
/** Whoever has registered already learns by it that what it was offered before is void. */
export const FrameworkReregistered = message('FrameworkReregistered', {
  ...saidByLeaders,
  frameworkId: FrameworkIdSchema,
  master: MasterInfoSchema,
});

/** One or more offers. */
export const ResourceOffer = message('ResourceOffer', {
  ...saidByLeaders,
  offers: Type.Array(OfferSchema, { minItems: 1 }),
});

/** The offer is void. May cross a LaunchTasks that uses it, whose tasks are then TASK_DROPPED. */
export const RescindResourceOffer = message('RescindResourceOffer', { ...saidByLeaders, offerId: OfferIdSchema });

/** An agent is unreachable or gone. Sent once; may be lost. */
export const LostSlave = message('LostSlave', { ...saidByLeaders, slaveId: SlaveIdSchema });

/** The master will not have this framework: its driver aborts. */
export const FrameworkError = message('FrameworkError', {
  ...saidByLeaders,
  message: Type.String({ maxLength: 65_536 }),
});

// A -> M

/** First registration: `slave.id` is absent. Repeated until SlaveRegistered. */
export const RegisterSlave = message('RegisterSlave', {
  ...forOneLeader,
  slave: SlaveInfoSchema,
  version: VersionSchema,
});

/** All that the agent has and runs: how a new master learns it (facts 3.3). */
export const ReregisterSlave = message('ReregisterSlave', {
  ...forOneLeader,
  slave: SlaveInfoSchema,
  version: VersionSchema,
  /** Those whose terminal state is not acknowledged yet are among them. */
  tasks: Type.Array(TaskSchema),
  /** `role`: that of the task for which it was started. */
  executors: Type.Array(
    Type.Object({ frameworkId: FrameworkIdSchema, executor: ExecutorInfoSchema, role: RoleSchema }),
  ),
  frameworks: Type.Array(FrameworkInfoSchema),
});

/**
 * What the agent lends from now on, on top of what it has: all of it revocable, and all that it lends. Sent after each
 * registration, and when it changes: if it is lost, so is the link, and the agent registers again.
 */
export const UpdateSlave = message('UpdateSlave', { oversubscribed: ResourcesSchema });

/** The agent ends for good: its executors are gone. */
export const UnregisterSlave = message('UnregisterSlave', { slaveId: SlaveIdSchema });

export const PongSlave = message('PongSlave', {});

// M -> A

/** How many agents a successor of this leader has to expect: so far apart are their first registrations with it. */
const ExpectedAgentsSchema = Type.Integer({ minimum: 0 });

/** `totalPingTimeoutMs`: without a ping for that long, the agent is to look for its master again. */
export const SlaveRegistered = message('SlaveRegistered', {
  ...saidByLeaders,
  slaveId: SlaveIdSchema,
  totalPingTimeoutMs: Type.Integer({ minimum: 1 }),
  expectedAgents: ExpectedAgentsSchema,
});

/** `reconciliations`: tasks that the master holds to be on this agent, which did not name them. */
export const SlaveReregistered = message('SlaveReregistered', {
  ...saidByLeaders,
  slaveId: SlaveIdSchema,
  totalPingTimeoutMs: Type.Integer({ minimum: 1 }),
  expectedAgents: ExpectedAgentsSchema,
  reconciliations: Type.Array(Type.Object({ frameworkId: FrameworkIdSchema, taskId: TaskIdSchema })),
});

/** `connected: false`: the master holds this agent to be disconnected; it is to register again. */
export const PingSlave = message('PingSlave', {
  ...saidByLeaders,
  connected: Type.Boolean(),
  expectedAgents: ExpectedAgentsSchema,
});

/**
 * M -> A -> E. `launchExecutor`: the master has counted the executor's resources for this task, so it is to be started;
 * else it is to be there already. Where the agent finds it otherwise, because the executor ended meanwhile, the task is
 * TASK_DROPPED: it would use what was not counted. `role`: of the offer; what the task and an executor that is started for
 * it use counts to it, which a later leader learns from the agent.
 */
export const RunTask = message('RunTask', {
  ...alsoSaidByLeaders,
  framework: FrameworkInfoSchema,
  task: TaskInfoSchema,
  role: RoleSchema,
  launchExecutor: Type.Boolean(),
});

/** The framework has a scheduler that may have missed updates: those that it has not acknowledged are to be sent at once. */
export const UpdateFramework = message('UpdateFramework', { ...saidByLeaders, frameworkId: FrameworkIdSchema });

/** Kill all executors of the framework. */
export const ShutdownFramework = message('ShutdownFramework', { ...saidByLeaders, frameworkId: FrameworkIdSchema });

/** Kill everything and end: the master will not have this agent. */
export const Shutdown = message('Shutdown', { ...saidByLeaders, message: Type.String({ maxLength: 65_536 }) });

// E -> A

/** Repeated until ExecutorRegistered. */
export const RegisterExecutor = message('RegisterExecutor', {
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
});

// A -> E

export const ExecutorRegistered = message('ExecutorRegistered', {
  executor: ExecutorInfoSchema,
  framework: FrameworkInfoSchema,
  slave: SlaveInfoSchema,
});

/** End: kill your tasks, say so, and exit within the grace period. */
export const ShutdownExecutor = message('ShutdownExecutor', {
  ...alsoSaidByLeaders,
  frameworkId: FrameworkIdSchema,
  executorId: ExecutorIdSchema,
});

/** The bodies of those messages that are handed around whole. */
export type RegisterSlave = BodyOf<typeof RegisterSlave>;
export type ReregisterSlave = BodyOf<typeof ReregisterSlave>;
export type LaunchTasks = BodyOf<typeof LaunchTasks>;
export type StatusUpdate = BodyOf<typeof StatusUpdate>;
export type StatusUpdateAcknowledgement = BodyOf<typeof StatusUpdateAcknowledgement>;
export type ReconcileTasks = BodyOf<typeof ReconcileTasks>;
