export { allocationLines } from './allocation-text.js';
export { ClusterProcess } from './cluster-process.js';
export { type Credentials, readCredentials } from './credentials.js';
export { CredentialsFolder } from './credentials-folder.js';
export {
  cacheFolder,
  type DebianPackagesOptions,
  findExecutable,
  hasDebianPackages,
  pathFolders,
  withDebianPackages,
} from './debian-packages.js';
export { LocalCluster, type LocalClusterOptions, startConfiguration } from './local-cluster.js';
export { openAccounts } from './nats-accounts.js';
export {
  type NatsServer,
  type NatsServerExit,
  type NatsServerOptions,
  NatsServerStartError,
  startNatsServer,
} from './nats-server.js';
export { type FindNatsServerOptions, findNatsServer, NatsServerNotFoundError } from './nats-server-binary.js';
export { natsServerGuard } from './nats-server-guard.js';
