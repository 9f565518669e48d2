export type { Allocation, Allocator, Usage } from './allocator.js';
export { Books } from './books.js';
export { SteppedDown } from './candidate.js';
export { Drf } from './drf.js';
export { DrfAllocator } from './drf-allocator.js';
export { Master, type MasterHooks, masterProcessId, type Term } from './master.js';
export { HttpAddressUnusable, type MasterHealth, MasterHttp, type MasterHttpOptions } from './master-http.js';
export { type MasterOptions, masterDefaults } from './master-options.js';
export {
  emptyRegistry,
  memoryRegistrar,
  type Registrar,
  type Registry,
  type RegistryOperation,
} from './memory-registrar.js';
export {
  type RunMasterOptions,
  type RunningMaster,
  runMaster,
  type StartMasterOptions,
  startMaster,
} from './start-master.js';
