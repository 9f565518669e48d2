export type {
  Allocation,
  Allocator,
  Attribute,
  AttributeConstraint,
  Demand,
  FrameworkDescription,
  Hindrance,
  OfferConstraints,
  Quantities,
  Quota,
  SlaveDescription,
  Usage,
} from './allocator/allocator.js';
export { AllocatorCore, type AllocatorCoreOptions } from './allocator/allocator-core.js';
export { AllocatorProcess, type AllocatorProcessOptions } from './allocator/allocator-process.js';
export type { AgentExplanation, AllocationQuestion, ExplanationSlice, RoleExplanation } from './allocator/explained.js';
export type { Explanation } from './allocator/explanation.js';
export { type Sleeper, Wakes } from './allocator/wakes.js';
export { Books } from './books.js';
export { SteppedDown } from './candidate.js';
export { ExplainedAgents } from './explained-agents.js';
export { Master, type MasterHooks, masterProcessId, type Term } from './master.js';
export { HttpAddressUnusable, type MasterHealth, MasterHttp, type MasterHttpOptions } from './master-http.js';
export { type MasterOptions, masterDefaults } from './master-options.js';
export { type QuotaSurroundings, updatedQuotas, wrongWithQuotas } from './quota-check.js';
export {
  type Fence,
  FencedStorage,
  type FencedStorageOptions,
  fenceKey,
  parseFence,
  registryVersion,
  windowMax,
} from './registry/fenced-storage.js';
export {
  JetStreamStorage,
  type JetStreamStorageOptions,
  registryStream,
  registrySubject,
} from './registry/jetstream-storage.js';
export { memoryRegistrar } from './registry/memory-registrar.js';
export { MemoryStorage } from './registry/memory-storage.js';
export { type Registrar, StoredRegistrar, type StoredRegistrarOptions } from './registry/registrar.js';
export { MutableRegistry, type Registry, type RegistryOperation } from './registry/registry.js';
export { type RegistryContent, registryContent } from './registry/registry-content.js';
export { parseRegistryDocument, RegistryDocumentInvalid, registryDocument } from './registry/registry-document.js';
export { RegistryError, RegistryLost, RegistryUnreadable } from './registry/registry-errors.js';
export { garbage, type RegistryGarbageOptions, registryGarbageDefaults } from './registry/registry-garbage.js';
export { decodeRegistryRecord, encodeRegistryRecord, type RegistryRecord } from './registry/registry-record.js';
export type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry/registry-storage.js';
export { type Replaced, replaceRegistry } from './registry/replace-registry.js';
export {
  type RunMasterOptions,
  type RunningMaster,
  runMaster,
  type StartMasterOptions,
  startMaster,
} from './start-master.js';
export { WhitelistFile, WhitelistUnusable } from './whitelist-file.js';
