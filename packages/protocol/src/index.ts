export * from './ids.js';
export { type MasterInfo, MasterInfoSchema } from './master-info.js';
