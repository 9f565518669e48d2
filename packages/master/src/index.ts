export type {
  AgentExplanation,
  Allocation,
  Allocator,
  Attribute,
  AttributeConstraint,
  Demand,
  FrameworkDescription,
  Hindrance,
  OfferConstraints,
  Precedence,
  Quantities,
  Quota,
  RoleExplanation,
  SlaveDescription,
  Usage,
} from './allocator.js';
export { AllocatorCore, type AllocatorCoreOptions } from './allocator-core.js';
export { AllocatorProcess, type AllocatorProcessOptions } from './allocator-process.js';
export { Books } from './books.js';
export { SteppedDown } from './candidate.js';
export {
  type Fence,
  FencedStorage,
  type FencedStorageOptions,
  fenceKey,
  parseFence,
  registryVersion,
  windowMax,
} from './fenced-storage.js';
export {
  JetStreamStorage,
  type JetStreamStorageOptions,
  registryStream,
  registrySubject,
} from './jetstream-storage.js';
export { Master, type MasterHooks, masterProcessId, type Term } from './master.js';
export { HttpAddressUnusable, type MasterHealth, MasterHttp, type MasterHttpOptions } from './master-http.js';
export { type MasterOptions, masterDefaults } from './master-options.js';
export { memoryRegistrar } from './memory-registrar.js';
export { MemoryStorage } from './memory-storage.js';
export { type QuotaSurroundings, updatedQuotas, wrongWithQuotas } from './quota-check.js';
export { type Registrar, StoredRegistrar, type StoredRegistrarOptions } from './registrar.js';
export { MutableRegistry, type Registry, type RegistryOperation } from './registry.js';
export { type RegistryContent, registryContent } from './registry-content.js';
export { parseRegistryDocument, RegistryDocumentInvalid, registryDocument } from './registry-document.js';
export { RegistryError, RegistryLost, RegistryUnreadable } from './registry-errors.js';
export { garbage, type RegistryGarbageOptions, registryGarbageDefaults } from './registry-garbage.js';
export { decodeRegistryRecord, encodeRegistryRecord, type RegistryRecord } from './registry-record.js';
export type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry-storage.js';
export { type Replaced, replaceRegistry } from './replace-registry.js';
export {
  type RunMasterOptions,
  type RunningMaster,
  runMaster,
  type StartMasterOptions,
  startMaster,
} from './start-master.js';
export { WhitelistFile, WhitelistUnusable } from './whitelist-file.js';
