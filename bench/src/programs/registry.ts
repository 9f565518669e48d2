import { JetStreamStorage, type Registrar, StoredRegistrar } from '@mesos-ts/master';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import { type MasterId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import { connect, createInbox, type NatsConnection } from 'nats';
import { inFlight } from '../load.js';
import { serve } from '../operations.js';

/*
 * The registry of a leader on JetStream, and the client of NATS without it.
 */
const agents = 20_000;
const width = 256;
const clock = new SystemClock();
const info = { hostname: 'worker-17.example', resources: parseResources('cpus:16;mem:65536;disk:1048576') };
const leader = { id: 'm' as MasterId, pid: 'master@m1#bench' as Upid, hostname: 'h', version: '0' };
let epoch = 0;
let storage: JetStreamStorage;
let registrar: Registrar;
let connection: NatsConnection;
const inbox = createInbox();
const answered = new Map<string, () => void>();
let published = 0;

/** What the registry writes, for the same work without it. */
const payload = JSON.stringify({ epoch: 1, value: { state: 'admitted', info, at: 1_700_000_000_000 } });

const operations = {
  async start(servers: string): Promise<void> {
    storage = await JetStreamStorage.open({ clock, random: Random.system(), servers: [servers], cluster: 'bench' });
    connection = await connect({ servers, noAsyncTraces: true });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: 'RAW', subjects: ['raw.>'], max_msgs_per_subject: 1 });
    connection.subscribe(`${inbox}.*`, {
      callback: (_error, { subject }) => {
        const token = subject.slice(inbox.length + 1);
        answered.get(token)?.();
        answered.delete(token);
      },
    });
    await connection.flush();
  },
  /** How long a new leader takes to fence and read, in ms. */
  async recover(): Promise<number> {
    await registrar?.close();
    registrar = new StoredRegistrar({ clock, storage });
    const startedAt = performance.now();
    const registry = await registrar.recover({ epoch: ++epoch, info: leader });
    const ms = performance.now() - startedAt;
    if (epoch > 1 && registry.agents.size !== agents) throw new Error(`${registry.agents.size} of ${agents} agents`);
    return ms;
  },
  /** Writes per second. */
  async write(): Promise<number> {
    return inFlight(agents, width, (i) => {
      const id = `5f1d1c1e-7c34-4cd2-a5ae-5a8b0b6f4f5a-S${i}` as SlaveId;
      return registrar.apply({ type: 'admit-agent', id, info: { ...info, id }, at: clock.wallTime() });
    });
  },
  /** The same messages without any expectation: per second. */
  async publish(): Promise<number> {
    return inFlight(agents, width, (i) => {
      const token = String(published++);
      const stored = new Promise<void>((resolve) => answered.set(token, resolve));
      connection.publish(`raw.agent.5f1d1c1e-7c34-4cd2-a5ae-5a8b0b6f4f5a-S${i}`, payload, {
        reply: `${inbox}.${token}`,
      });
      return stored;
    });
  },
};
export type RegistryOperations = typeof operations;
serve(operations);
