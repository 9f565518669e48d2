export { freePort, ZookeeperServer, type ZookeeperServerOptions, zookeeperShell } from './zookeeper-server.js';
export { ZookeeperNotFoundError, type ZookeeperSoftware, zookeeperSoftware } from './zookeeper-software.js';
