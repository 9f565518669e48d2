import { JetStreamStorage, StoredRegistrar, startMaster } from '@mesos-ts/master';
import { NatsTransport, Random, SystemClock } from '@mesos-ts/process';
import { createContender } from '@mesos-ts/zk-election';
import { Gate } from '../gate.js';
import { serve } from '../operations.js';

/*
 * A master as `mesos master` starts it, in an OS process whose turns can be watched.
 */
const leading = new Gate<void>();

const operations = {
  /** Resolves once it stands by. */
  async start(servers: string, cluster: string, name: string): Promise<void> {
    const clock = new SystemClock();
    const random = Random.system();
    const storage = await JetStreamStorage.open({ servers: [servers], cluster, clock, random });
    await startMaster({
      node: { name, transports: [new NatsTransport({ servers, cluster, connectionEvents: true })] },
      contender: createContender(`${servers}/${cluster}`, { clock, random }),
      hostname: 'localhost',
      registrar: () => new StoredRegistrar({ clock, storage }),
      onLeading: () => leading.open(),
    });
  },
  /** Resolves once it leads. */
  leads: (): Promise<void> => leading.promise,
};
export type CandidateOperations = typeof operations;
serve(operations);
