export { type Attribute, AttributeSchema, parseAttributes } from './attribute.js';
export { type Demand, DemandSchema } from './demand.js';
export { claimedEpochMax, epochOf, type LeaderMessageType, type WithoutEpoch } from './epoch.js';
export {
  type AgentExplained,
  type AgentGroupExplained,
  AllocationExplained,
  ExplainAllocation,
  type ExplainedHindrance,
  type HolderExplained,
  type RoleExplained,
  type WantExplained,
} from './explain-messages.js';
export { type FaultDomain, FaultDomainSchema, parseFaultDomain } from './fault-domain.js';
export {
  type ExecutorId,
  ExecutorIdSchema,
  type FrameworkId,
  FrameworkIdSchema,
  isId,
  type MasterId,
  MasterIdSchema,
  type OfferId,
  OfferIdSchema,
  type SlaveId,
  SlaveIdSchema,
  type TaskId,
  TaskIdSchema,
} from './ids.js';
export type {
  CommandInfo,
  ExecutorInfo,
  Filters,
  FrameworkInfo,
  Offer,
  SlaveInfo,
  Task,
  TaskInfo,
  TaskStatus,
} from './infos.js';
export { FrameworkInfoSchema, SlaveInfoSchema } from './infos.js';
export { type MasterAddress, MasterAddressSchema, type MasterInfo, MasterInfoSchema } from './master-info.js';
export {
  DeclineResourceOffer,
  ExecutorRegistered,
  ExecutorToFramework,
  ExitedExecutor,
  FrameworkError,
  FrameworkRegistered,
  FrameworkReregistered,
  FrameworkToExecutor,
  KillTask,
  LaunchTasks,
  LostSlave,
  PingSlave,
  PongSlave,
  ReconcileTasks,
  RegisterExecutor,
  RegisterFramework,
  RegisterSlave,
  RequestResources,
  ReregisterFramework,
  ReregisterSlave,
  RescindResourceOffer,
  ResourceOffer,
  ReviveOffers,
  RunTask,
  Shutdown,
  ShutdownExecutor,
  ShutdownFramework,
  SlaveRegistered,
  SlaveReregistered,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  UnregisterFramework,
  UnregisterSlave,
  UpdateFramework,
  UpdateSlave,
} from './messages.js';
export { type AttributeConstraint, AttributeConstraintSchema } from './offer-constraints.js';
export {
  GetQuota,
  GetWeights,
  type Quota,
  QuotaSchema,
  QuotaStatus,
  QuotaUpdated,
  UpdateQuota,
  UpdateWeights,
  type Weight,
  WeightSchema,
  WeightsStatus,
  WeightsUpdated,
} from './operator-messages.js';
export { type Quantities, QuantitiesSchema } from './quantities.js';
export {
  addResources,
  containsResources,
  equalResources,
  isEmpty,
  isResourceName,
  isRevocable,
  normalize,
  type Range,
  type Resource,
  ResourceSchema,
  type Resources,
  ResourcesSchema,
  resourceLabel,
  resourcesForRole,
  scalarOf,
  scalarTotals,
  subtractResources,
  takeResources,
} from './resources.js';
export { ResourcesError, type ResourcesErrorCode } from './resources-error.js';
export { formatResources, formatScalar, parseResources } from './resources-text.js';
export { lent, owned, regularResources, revocableResources } from './revocable-resources.js';
export { isRole, isRoleWithin, RoleSchema, unreservedRole } from './role.js';
export { isTerminal, type Reason, type Source, type TaskState } from './task-state.js';
export { version } from './version.js';
