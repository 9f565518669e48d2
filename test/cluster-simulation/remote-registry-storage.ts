import type { RegistryStorage } from '@mesos-ts/master';
import { type Node, upid } from '@mesos-ts/process';
import { DiscardRecord, ReadNewest, ReadRegistry, registryServerId, WriteRecord } from './registry-server.js';

const deadlineMs = 5_000;

/** The storage of the registry as one Node reaches it: requests and answers may be lost, or late. */
export function remoteRegistryStorage(node: Node, machine: string): RegistryStorage {
  const server = upid(registryServerId, machine);
  const options = { deadlineMs };
  return {
    read: () => node.ask(server, ReadRegistry, {}, options),
    newest: async (key) => {
      const { lastSeq, record } = await node.ask(server, ReadNewest, { key }, options);
      return { lastSeq, record };
    },
    write: async (record, expectedSeq) => {
      const { seq } = await node.ask(server, WriteRecord, { record, expectedSeq }, options);
      return seq < 0 ? { type: 'conflict' } : { type: 'stored', seq };
    },
    discard: async (key, uptoSeq) => node.send(server, DiscardRecord, { key, uptoSeq }),
  };
}
