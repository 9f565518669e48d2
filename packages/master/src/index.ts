export type { Allocation, Allocator, Usage } from './allocator.js';
export { Books } from './books.js';
export { Drf } from './drf.js';
export { DrfAllocator } from './drf-allocator.js';
export { Master, masterProcessId } from './master.js';
export { type MasterOptions, masterDefaults } from './master-options.js';
export {
  type RunMasterOptions,
  type RunningMaster,
  runMaster,
  type StartMasterOptions,
  startMaster,
} from './start-master.js';
