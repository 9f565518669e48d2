import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { JetStreamStorage, RegistryLost, RegistryUnreadable, registryStream, StoredRegistrar } from '@mesos-ts/master';
import { type Counters, Random, SystemClock, type Upid } from '@mesos-ts/process';
import { type MasterId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import t, { type Test } from 'tap';
import { eventually } from '../support/command.js';

const clock = new SystemClock();
const random = Random.system();
const info = { hostname: 'h', resources: parseResources('cpus:1') };
const slave = (id: string): SlaveId => id as SlaveId;

async function server(t: Test, options: Parameters<typeof startNatsServer>[0] = {}): Promise<NatsServer> {
  const nats = await startNatsServer(options);
  t.teardown(() => nats.stop());
  return nats;
}

async function storageAt(t: Test, nats: NatsServer, create = true): Promise<JetStreamStorage> {
  const storage = await JetStreamStorage.open({ clock, random, servers: [nats.url], cluster: 'c', create });
  t.teardown(() => storage.close());
  return storage;
}

async function administrator(t: Test, nats: NatsServer): Promise<{ nc: NatsConnection; jsm: JetStreamManager }> {
  const nc = await connect({ servers: nats.url });
  t.teardown(() => nc.close());
  return { nc, jsm: await nc.jetstreamManager() };
}

function registrarOn(t: Test, storage: JetStreamStorage, counters?: Counters): StoredRegistrar {
  const registrar = new StoredRegistrar({ clock, storage, ...(counters === undefined ? {} : { counters }) });
  t.teardown(() => registrar.close());
  return registrar;
}

async function leader(t: Test, storage: JetStreamStorage, epoch: number): Promise<StoredRegistrar> {
  const registrar = registrarOn(t, storage);
  await recover(registrar, epoch);
  return registrar;
}

function recover(registrar: StoredRegistrar, epoch: number): ReturnType<StoredRegistrar['recover']> {
  const pid = `master@m${epoch}#1` as Upid;
  return registrar.recover({ epoch, info: { id: `m${epoch}` as MasterId, pid, hostname: 'h', version: '0' } });
}

t.test('records are kept by key, under a number that every write has to expect', async (t) => {
  const storage = await storageAt(t, await server(t));
  t.same(await storage.read(), { records: [], lastSeq: 0 });
  t.same(await storage.write({ key: 'agent.a', value: '1' }, 0), { type: 'stored', seq: 1 });
  t.same(await storage.write({ key: 'agent.b', value: '2' }, 0), { type: 'conflict' }, 'of another key, too');
  const chained = await Promise.all([
    storage.write({ key: 'agent.b', value: '2' }, 1),
    storage.write({ key: 'agent.a', value: '3' }, 2),
    storage.write({ key: 'agent.c', value: '4' }, 3),
  ]);
  t.same(
    chained.map((outcome) => outcome.type),
    ['stored', 'stored', 'stored'],
  );
  t.same(await storage.newest('agent.a'), { lastSeq: 4, record: { key: 'agent.a', value: '3' } });
  t.same(await storage.newest('agent.z'), { lastSeq: 4, record: undefined });
  const records = [
    { key: 'agent.b', value: '2' },
    { key: 'agent.a', value: '3' },
    { key: 'agent.c', value: '4' },
  ];
  t.same(await storage.read(), { records, lastSeq: 4 });
  await storage.discard('agent.a', 2);
  t.same(await storage.read(), { records, lastSeq: 4 }, 'a newer record stays');
  await storage.discard('agent.c', 4);
  t.same(await storage.read(), { records: records.slice(0, 2), lastSeq: 4 }, 'and the number, with the last one gone');
  t.same(await storage.write({ key: 'agent.d', value: '5' }, 4), { type: 'stored', seq: 5 });
});

t.test('20,500 records are written by one leader and read by the next, and no consumer is left', async (t) => {
  const nats = await server(t);
  const storage = await storageAt(t, nats);
  const first = await leader(t, storage, 1);
  const agents = Array.from({ length: 20_500 }, (_, i) => slave(`S${i}`));
  await Promise.all(agents.map((id) => first.apply({ type: 'admit-agent', id, info, at: 1 })));
  const next = await storageAt(t, nats);
  const registry = await recover(registrarOn(t, next), 2);
  t.equal(registry.agents.size, agents.length);
  t.ok(agents.every((id) => registry.agents.has(id)));
  await t.rejects(first.apply({ type: 'remove-agent', id: slave('S1') }), RegistryLost, 'the first one writes no more');
  const { jsm } = await administrator(t, nats);
  await eventually('the consumer is gone', async () => {
    return (await jsm.streams.info(registryStream('c'))).state.consumer_count === 0;
  });
});

t.test('what was forgotten takes no room, and is not read', async (t) => {
  const nats = await server(t);
  const storage = await storageAt(t, nats);
  const registrar = await leader(t, storage, 1);
  await registrar.apply({ type: 'admit-agent', id: slave('S1'), info, at: 1 });
  await registrar.apply({ type: 'admit-agent', id: slave('S2'), info, at: 1 });
  await registrar.apply({ type: 'remove-agent', id: slave('S1') });
  const { jsm } = await administrator(t, nats);
  await eventually('its record is gone', async () => {
    return (await jsm.streams.info(registryStream('c'))).state.messages === 2;
  });
  const registry = await recover(registrarOn(t, storage), 2);
  t.same([...registry.agents.keys()], ['S2']);
});

t.test(
  'what was told to be stored outlives kill -9 of the server, which ends the leadership of who writes',
  async (t) => {
    const storeDir = t.testdir();
    const nats = await startNatsServer({ storeDir });
    t.teardown(() => nats.stop());
    const storage = await storageAt(t, nats);
    const registrar = await leader(t, storage, 1);
    const stored: string[] = [];
    let lost: unknown;
    const killed = new Promise<void>((resolve) => {
      const write = (i: number): void => {
        registrar.apply({ type: 'admit-agent', id: slave(`S${i}`), info, at: 1 }).then(
          () => {
            stored.push(`S${i}`);
            if (stored.length === 500) nats.kill('SIGKILL');
            write(i + 100);
          },
          (error) => {
            lost = error;
            resolve();
          },
        );
      };
      for (let i = 0; i < 100; i++) write(i);
    });
    await killed;
    t.ok(lost instanceof RegistryLost);
    await nats.exited;
    const again = await server(t, { storeDir, port: nats.port });
    const registry = await recover(registrarOn(t, storage), 2);
    t.same(
      stored.filter((id) => !registry.agents.has(slave(id))),
      [],
      'on the same connection, which came back',
    );
    t.equal(again.url, nats.url);
  },
);

t.test('what is under way when the connection breaks is given up at once; what is asked for then waits', async (t) => {
  const storeDir = t.testdir();
  const nats = await server(t, { storeDir });
  const storage = await storageAt(t, nats);
  await storage.write({ key: 'agent.a', value: '1' }, 0);
  nats.kill('SIGSTOP');
  const underWay = [storage.write({ key: 'agent.a', value: '2' }, 1), storage.newest('agent.a')];
  const given = Promise.allSettled(underWay);
  nats.kill('SIGKILL');
  for (const outcome of await given) t.match(outcome, { status: 'rejected', reason: /connection to NATS broke/ });
  const waiting = [storage.newest('agent.a'), storage.write({ key: 'agent.b', value: '3' }, 1)];
  await server(t, { storeDir, port: nats.port });
  const found = [{ record: { key: 'agent.a', value: '1' } }, { type: 'stored', seq: 2 }];
  t.match(await Promise.all(waiting), found);
});

t.test('a wall clock that is set back does not keep the registry cut off', async (t) => {
  const storeDir = t.testdir();
  const nats = await server(t, { storeDir });
  const storage = await storageAt(t, nats);
  await (await leader(t, storage, 1)).apply({ type: 'admit-agent', id: slave('S1'), info, at: 1 });
  const wallClock = Date.now;
  t.teardown(() => {
    Date.now = wallClock;
  });
  Date.now = () => wallClock() - 3_600_000;
  nats.kill('SIGKILL');
  await nats.exited;
  await server(t, { storeDir, port: nats.port });
  const next = new StoredRegistrar({ clock, storage, registryFetchTimeoutMs: 10_000 });
  t.teardown(() => next.close());
  const registry = await recover(next, 2);
  t.same([...registry.agents.keys()], ['S1'], 'the next leader reads it on the same connection');
});

t.test(
  'records that nobody can read are passed over, counted and named; a fence of a later build stops recovery',
  async (t) => {
    const nats = await server(t);
    const storage = await storageAt(t, nats);
    const registrar = await leader(t, storage, 1);
    await registrar.apply({ type: 'admit-agent', id: slave('S1'), info, at: 1 });
    const { nc } = await administrator(t, nats);
    await nc.request('reg.c.agent.S2', 'not JSON');
    await nc.request('reg.c.whatever.else.there', new Uint8Array([0xff, 0xfe, 0]));
    await nc.request('reg.c.agent.S3', '');
    const counted: string[] = [];
    const counters = { increment: (name: string) => counted.push(name) };
    const second = registrarOn(t, storage, counters as never);
    const registry = await recover(second, 2);
    t.same([...registry.agents.keys()], ['S1']);
    t.same(counted, Array(3).fill('registry_records_unreadable'));
    await nc.request('reg.c.fence', '{"version":2,"epoch":1,"by":"the future"}');
    await t.rejects(recover(registrarOn(t, storage), 3), RegistryUnreadable);
    await t.rejects(recover(registrarOn(t, storage), 3), /later build/);
  },
);

t.test('a record may not be deleted, and a server without JetStream or stream says what to do', async (t) => {
  const nats = await server(t);
  await t.rejects(storageAt(t, nats, false), /no master has led/);
  const storage = await storageAt(t, nats);
  await storage.write({ key: 'agent.a', value: '1' }, 0);
  const { jsm } = await administrator(t, nats);
  await t.rejects(jsm.streams.deleteMessage(registryStream('c'), 1), /permitted/);
  const plain = await server(t, { jetstream: false });
  await t.rejects(storageAt(t, plain), /--registry=in_memory/);
});
