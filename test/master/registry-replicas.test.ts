import type { NatsServer } from '@mesos-ts/cli';
import { JetStreamStorage, type Registry, registryStream, StoredRegistrar } from '@mesos-ts/master';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import { type MasterId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import { connect, type StreamInfo } from 'nats';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { eventually } from '../support/command.js';
import { ThreeNatsServers } from '../support/three-nats-servers.js';
import { within } from '../support/within.js';

/*
 * The registry of `--registry-replicas 3` on three real NATS servers, as masters use it: one of the servers may hang or die.
 */

t.setTimeout(240_000);
const [clock, random, cluster] = [new SystemClock(), Random.system(), 'c'];
const info = { hostname: 'h', resources: parseResources('cpus:1') };

function storageAt(servers: readonly string[]) {
  return { clock, random, servers, cluster, replicas: 3 };
}

async function opened(t: Test, servers: readonly string[]): Promise<JetStreamStorage> {
  const storage = await within('the registry is opened', JetStreamStorage.open(storageAt(servers)));
  t.teardown(() => storage.close());
  return storage;
}

/** A leader, and what earlier ones have left to it. */
async function leader(
  t: Test,
  storage: JetStreamStorage,
  epoch: number,
): Promise<{ registrar: StoredRegistrar; registry: Registry }> {
  const registrar = new StoredRegistrar({ clock, storage });
  t.teardown(() => registrar.close());
  const pid = `master@m${epoch}#1` as Upid;
  const master = { id: `m${epoch}` as MasterId, pid, hostname: 'h', version: '0' };
  return { registrar, registry: await within('recovery', registrar.recover({ epoch, info: master })) };
}

async function streamAt(
  server: NatsServer,
): Promise<{ readonly name: string | undefined; readonly stream: StreamInfo }> {
  const connection = await connect({ servers: server.url });
  try {
    const stream = await (await connection.jetstreamManager()).streams.info(registryStream(cluster));
    return { name: connection.info?.server_name, stream };
  } finally {
    await connection.close();
  }
}

/** Admits agents one after the other, until asked to stop or it can store no more. */
class Writer {
  /** Of which it was told that they are stored. */
  readonly stored: SlaveId[] = [];
  readonly ended: Promise<void>;
  #stopping = false;

  constructor(
    private readonly registrar: StoredRegistrar,
    private readonly prefix: string,
  ) {
    this.ended = this.#write();
  }

  async more(count = 20): Promise<void> {
    const enough = this.stored.length + count;
    await eventually('more is stored', () => this.stored.length >= enough);
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return this.ended;
  }

  async #write(): Promise<void> {
    for (let number = 1; !this.#stopping; number++) {
      const id = `${this.prefix}-S${number}` as SlaveId;
      try {
        await this.registrar.apply({ type: 'admit-agent', id, info, at: number });
      } catch {
        return;
      }
      this.stored.push(id);
    }
  }
}

t.test('On three servers that hold it, one hangs and another dies, and nothing that was stored is lost', async (t) => {
  const servers = await ThreeNatsServers.start(t);
  const urls = servers.map(({ url }) => url);
  await (await opened(t, urls)).close();
  const seen = await Promise.all(servers.map(async (server) => ({ server, ...(await streamAt(server)) })));
  const { config, cluster: group } = seen[0]?.stream ?? {};
  t.equal(config?.num_replicas, 3);
  t.equal(group?.replicas?.length, 2, 'besides the one that leads');
  const leads = seen.find(({ name }) => name === group?.leader)?.server as NatsServer;
  const [ours, other] = servers.filter((server) => server !== leads) as [NatsServer, NatsServer];

  const { registrar } = await leader(t, await opened(t, [ours.url]), 1);
  const writer = new Writer(registrar, 'first');
  await writer.more();
  other.kill('SIGSTOP');
  await writer.more();
  t.pass('writes go on where one hangs that only follows');
  other.kill('SIGCONT');
  await eventually('it has followed', async () => {
    const { stream } = await streamAt(ours);
    return stream.cluster?.replicas?.every(({ current }) => current) === true;
  });

  leads.kill('SIGKILL');
  await leads.exited;
  const second = await leader(t, await opened(t, [ours.url, other.url]), 2);
  for (const id of writer.stored) t.ok(second.registry.agents.has(id), `${id} is known`);
  const next = new Writer(second.registrar, 'second');
  await next.more();
  t.pass('writes go on, by the next leader');
  await next.stop();
  const third = await leader(t, await opened(t, [other.url]), 3);
  for (const id of [...writer.stored, ...next.stored]) t.ok(third.registry.agents.has(id), `${id} is known`);
});

t.test('A registry that is opened before its servers have found each other waits for that', async (t) => {
  const threeServers = await ThreeNatsServers.prepare(t);
  const first = await threeServers.startOne(0);
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const opening = JetStreamStorage.open({ ...storageAt([first.url]), log });
  const end = new AbortController();
  const given = JetStreamStorage.open({ ...storageAt([first.url]), log, signal: end.signal });
  await eventually('both wait', () => lines.filter((line) => line.includes('not ready yet')).length === 2);
  const refused = t.rejects(given, { message: 'nobody needs it any more' });
  end.abort(new Error('nobody needs it any more'));
  await within('one is given up', refused);

  await Promise.all([threeServers.startOne(1), threeServers.startOne(2)]);
  const storage = await within('the other is opened', opening);
  t.teardown(() => storage.close());
  t.same(await storage.read(), { records: [], lastSeq: 0 });
});
