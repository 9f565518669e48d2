import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import { freePort } from '@mesos-ts/cli/testing';
import { Random } from '@mesos-ts/process';
import {
  createContender,
  createDetector,
  type ElectionOptions,
  JetStreamMissing,
  type Leader,
  type Leadership,
  NatsRefused,
  NatsUnreachable,
  RegisterUnusable,
} from '@mesos-ts/zk-election';
import t from 'tap';
import { within } from '../support/within.js';
import { clock, leaderThat, leading, lease, master, Standing, World } from './nats-world.js';

t.test('three contenders give one leader, and a resignation hands over', async (t) => {
  const world = await World.with(t);
  const names = ['m1', 'm2', 'm3'];
  const contenders = names.map(() => world.contender());
  const waiting = new Map(
    contenders.map((contender, index) => {
      const election = contender.contend(master(names[index] ?? ''));
      return [index, election.then((leadership) => ({ leadership, index }))];
    }),
  );
  const detector = world.detector();

  let leader: Leader | undefined;
  const terms: Leadership[] = [];
  for (const epoch of [1, 2, 3]) {
    const { leadership, index } = await within(`epoch ${epoch}`, Promise.race(waiting.values()));
    waiting.delete(index);
    t.equal(leadership.epoch, epoch);
    t.ok(leadership.isValid());
    t.notOk(
      terms.some((term) => term.isValid()),
      'nobody else is sure of leading',
    );
    terms.push(leadership);
    leader = await leaderThat(detector, (one) => one?.epoch === epoch, leader);
    t.match(leader, { pid: `master@${names[index]}#1`, epoch, info: master(names[index] ?? '') });
    await within('it closes', contenders[index]?.close() ?? Promise.reject());
    t.notOk(leadership.isValid());
    t.equal(await within('the end of the leadership', leadership.lost), 'resigned');
  }
  t.equal(await leaderThat(detector, (one) => one === undefined, leader), undefined, 'in the end nobody leads');
});

t.test('when the process of the leader is killed with -9, another leads', async (t) => {
  const world = await World.with(t);
  const first = world.candidate('m1');
  t.equal(await within('m1 leads', first.elected), 1);
  const others = [world.candidate('m2'), world.candidate('m3')];
  await within('both contend', Promise.all(others.map(({ contending }) => contending)));
  const detector = world.detector();
  const leader = await leaderThat(detector, (one) => one?.epoch === 1);

  await first.kill('SIGKILL');
  const epoch = await within('a successor', Promise.race(others.map(({ elected }) => elected)));
  t.equal(epoch, 2);
  t.match(await leaderThat(detector, (one) => one !== undefined, leader), { pid: /^master@m[23]#1$/, epoch: 2 });
});

t.test('a frozen leader is replaced, and knows it when it thaws', async (t) => {
  const world = await World.with(t);
  const frozen = world.candidate('m1');
  await within('m1 leads', frozen.elected);
  const next = world.contender().contend(master('m2'));
  process.kill(frozen.pid, 'SIGSTOP');
  t.equal((await within('a successor', next)).epoch, 2);
  process.kill(frozen.pid, 'SIGCONT');
  t.equal(await within('m1 gives up', frozen.lost), 'no renewal was acknowledged in time');
  t.equal(await within('and ends, since it left nothing behind', frozen.exited), 0);
});

t.test('a frozen nats-server costs the leadership, and late writes do no harm', async (t) => {
  const world = await World.with(t);
  const contenders = ['m1', 'm2'].map((name) => new Standing(world.contender(), name));
  const detector = world.detector();
  const leader = await leaderThat(detector, (one) => one !== undefined);
  const { lost } = await leading(contenders);
  world.server.kill('SIGSTOP');
  await within('the leader stops by its own clock', lost);
  t.equal(await leaderThat(detector, (one) => one === undefined, leader), undefined);
  t.notOk(contenders.some((one) => one.leads()));
  world.server.kill('SIGCONT');
  await leaderThat(detector, (one) => (one?.epoch ?? 0) > 1, leader);
  t.ok(contenders.filter((one) => one.leads()).length <= 1);
  await within('all close', Promise.all(contenders.map((one) => one.close())));
});

t.test('through restarts of nats-server the epoch grows and exactly one leads', async (t) => {
  const storeDir = mkdtempSync(join(tmpdir(), 'election-'));
  t.teardown(() => rmSync(storeDir, { recursive: true, force: true }));
  let server = await startNatsServer({ storeDir });
  const { port } = server;
  t.teardown(() => server.stop());
  const options: ElectionOptions = { clock, random: Random.system(), lease };
  const address = `${server.url}/test`;
  const contenders = ['m1', 'm2', 'm3'].map((name) => new Standing(createContender(address, options), name));
  const detector = createDetector(address, options);
  t.teardown(() => Promise.all([detector.close(), ...contenders.map((one) => one.close())]));
  let leader = await leaderThat(detector, (one) => one !== undefined);

  // A short one leaves the leader in place, a long one does not: its lease runs out meanwhile.
  for (const long of [false, true, false, true]) {
    const before = leader;
    const { lost } = await leading(contenders);
    server.kill('SIGKILL');
    await within('the end of nats-server', server.exited);
    if (long) {
      await within('the leader stops by its own clock', lost);
      t.notOk(contenders.some((one) => one.leads()));
      leader = await leaderThat(detector, (one) => one === undefined, leader);
    }
    server = await startNatsServer({ storeDir, port });
    leader = await leaderThat(
      detector,
      (one) => one !== undefined && (!long || one.epoch > (before?.epoch ?? 0)),
      undefined,
    );
    if (long) t.ok((leader?.epoch ?? 0) > (before?.epoch ?? 0), `epoch ${before?.epoch} -> ${leader?.epoch}`);
    else t.ok((leader?.epoch ?? 0) >= (before?.epoch ?? 0), `epoch ${before?.epoch} -> ${leader?.epoch}`);
    t.ok(contenders.filter((one) => one.leads()).length <= 1, 'never two');
  }
  const epochs = contenders.flatMap(({ epochs }) => epochs);
  t.equal(new Set(epochs).size, epochs.length, `no epoch twice: ${epochs}`);
});

t.test('a store that is lost under the candidates does not make two leaders, nor epochs go back', async (t) => {
  const stores = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'election-')));
  t.teardown(() => stores.map((storeDir) => rmSync(storeDir, { recursive: true, force: true })));
  let server = await startNatsServer({ storeDir: stores[0] ?? '' });
  t.teardown(() => server.stop());
  const address = `${server.url}/test`;
  const options: ElectionOptions = { clock, random: Random.system(), lease };
  const contenders = ['m1', 'm2'].map((name) => new Standing(createContender(address, options), name));
  const detector = createDetector(address, options);
  t.teardown(() => Promise.all([detector.close(), ...contenders.map((one) => one.close())]));
  const leader = await leaderThat(detector, (one) => one !== undefined);
  const first = await leading(contenders);
  await within('it closes', first.close());
  const second = await leaderThat(detector, (one) => (one?.epoch ?? 0) === 2, leader);

  const { port } = server;
  const { lost } = await leading(contenders);
  server.kill('SIGKILL');
  await within('the end of nats-server', server.exited);
  await within('the leader stops', lost);
  server = await startNatsServer({ storeDir: stores[1] ?? '', port });
  t.match(await leaderThat(detector, (one) => (one?.epoch ?? 0) > 2, second), { epoch: 3 });
});

t.test('garbage in the register harms nothing', async (t) => {
  const world = await World.with(t);
  const contender = world.contender();
  const leadership = await within('m1 leads', contender.contend(master('m1')));
  const waiting = world.contender().contend(master('m2'));
  const detector = world.detector();
  const leader = await leaderThat(detector, (one) => one !== undefined);
  const stranger = await world.connection();
  const written = new Promise<void>((resolve) => {
    let own = 0;
    stranger.subscribe('kv.el.test.leader', {
      callback: (_error, message) => {
        if (message.string().includes('"m1"') && ++own === 3) resolve();
      },
    });
  });
  await stranger.flush();
  for (const junk of ['', 'junk', '{"holder":null}', '\u0000\u0001', `{"holder":${'['.repeat(2_000)}`]) {
    await stranger.request('el.test.leader', junk);
    stranger.publish('kv.el.test.leader', junk);
  }
  await within('the leader writes over it and goes on renewing', written);
  t.ok(leadership.isValid());
  t.equal(leadership.epoch, 1);
  await within('m1 closes', contender.close());
  t.equal((await within('m2 leads', waiting)).epoch, 2);
  t.match(await leaderThat(detector, (one) => (one?.epoch ?? 0) > 1, leader), { pid: 'master@m2#1' });
});

t.test('a server without JetStream gives an error that names the flag', async (t) => {
  const world = await World.with(t, { jetstream: false });
  for (const attempt of [() => world.contender().contend(master('m1')), () => world.detector().detect()]) {
    const error = await attempt().then(
      () => undefined,
      (caught) => caught,
    );
    t.ok(error instanceof JetStreamMissing);
    t.match(error, { code: 'ELECTION_NO_JETSTREAM', message: /`nats-server -js`.*--election=standalone/ });
    t.match(error.message, `127.0.0.1:${world.server.port}`);
  }
});

t.test('a server that is not there gives an error that names the address; later it can be tried again', async (t) => {
  const port = await freePort();
  const address = `nats://127.0.0.1:${port}/test`;
  const options: ElectionOptions = { clock, random: Random.system(), lease };
  const contender = createContender(address, options);
  const detector = createDetector(address, options);
  t.teardown(() => Promise.all([contender.close(), detector.close()]));
  for (const attempt of [() => contender.contend(master('m1')), () => detector.detect()]) {
    const error = await within(
      'an error',
      attempt().then(
        () => undefined,
        (caught) => caught,
      ),
    );
    t.ok(error instanceof NatsUnreachable);
    t.match(error, { code: 'ELECTION_NATS_UNREACHABLE', message: new RegExp(`127\\.0\\.0\\.1:${port}.*mesos nats`) });
  }
  const server = await startNatsServer({ port });
  t.teardown(() => server.stop());
  t.equal((await within('it leads', contender.contend(master('m1')))).epoch, 1);
  t.match(await leaderThat(detector, (one) => one !== undefined), { pid: 'master@m1#1' });
});

t.test('credentials are passed on, and wrong ones give an error that says so', async (t) => {
  const world = await World.with(t, { config: 'authorization { user: m, password: secret }' });
  const nats = { user: 'm', pass: 'secret' };
  t.equal((await within('it leads', world.contender({ nats }).contend(master('m1')))).epoch, 1);
  await t.rejects(world.contender({ nats: { ...nats, pass: 'guess' } }).contend(master('m2')), NatsRefused);
});

t.test('a stream that belongs to something else gives an error, not an election', async (t) => {
  const world = await World.with(t);
  const stranger = await world.connection();
  const manager = await stranger.jetstreamManager();
  await manager.streams.add({ name: 'GREEDY', subjects: ['el.>'] });
  await t.rejects(world.contender().contend(master('m1')), RegisterUnusable);
});

t.test('closing releases everything at any time', async (t) => {
  const world = await World.with(t);
  const contender = world.contender();
  const opening = contender.contend(master('m1'));
  const refused = t.rejects(opening, { code: 'ELECTION_CLOSED' });
  await within('close while opening', contender.close());
  await refused;
  await t.rejects(contender.contend(master('m1')), { code: 'ELECTION_CLOSED' });

  const detector = world.detector();
  const detecting = t.rejects(detector.detect(), { code: 'ELECTION_CLOSED' });
  await within('close while opening', detector.close());
  await detecting;

  const cutOff = world.contender();
  const leadership = await within('it leads', cutOff.contend(master('m2')));
  const watching = world.detector();
  await leaderThat(watching, (one) => one !== undefined);
  world.server.kill('SIGKILL');
  await within('the end of nats-server', world.server.exited);
  await within('close without a server', Promise.all([cutOff.close(), watching.close()]));
  t.equal(await within('the end of the leadership', leadership.lost), 'resigned');
});
