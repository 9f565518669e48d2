import { ZookeeperServer } from '@mesos-ts/cli/testing';
import type { Test } from 'tap';

/** What elects the leaders of a FailoverScene. */
export interface SceneElection {
  /** As the name of a test begins. */
  readonly name: string;
  /** As of the local cluster: false for a plain `nats-server -js`. */
  readonly natsAccounts: boolean;
  /** Starts what there must be for it besides NATS, until the test ends; resolves with its address, where that is not the cluster's NATS. */
  open(t: Test): Promise<string | undefined>;
}

/** Of every session in ms, whatever is asked for: the server grants no more. As long as a lease over NATS. */
const sessionMs = 3_000;

/** By a server that tells of connections. */
export const overNats: SceneElection = {
  name: 'elected over NATS',
  natsAccounts: true,
  open: async () => undefined,
};

export const overPlainNats: SceneElection = {
  ...overNats,
  name: 'elected over a plain nats-server',
  natsAccounts: false,
};

export const overZookeeper: SceneElection = {
  name: 'elected over ZooKeeper',
  natsAccounts: true,
  open: async (t) => zookeeperAddress(await startZookeeper(t)),
};

/** Over a server that the test kills. */
export function overThis(zookeeper: ZookeeperServer): SceneElection {
  return { ...overZookeeper, open: async () => zookeeperAddress(zookeeper) };
}

/** A ZooKeeper that ends with the test. */
export async function startZookeeper(t: Test): Promise<ZookeeperServer> {
  const zookeeper = await ZookeeperServer.start({ maxSessionTimeoutMs: sessionMs });
  t.teardown(() => zookeeper.stop());
  return zookeeper;
}

function zookeeperAddress({ address }: ZookeeperServer): string {
  return `zk://${address}/mesos`;
}
