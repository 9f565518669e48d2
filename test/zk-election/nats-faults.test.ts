import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import { Random } from '@mesos-ts/process';
import {
  type Contender,
  createContender,
  createDetector,
  type Detector,
  type ElectionOptions,
} from '@mesos-ts/zk-election';
import t from 'tap';
import { within } from '../support/within.js';
import { CuttableWay } from './cuttable-way.js';
import { Looking } from './looking.js';
import { clock, leaderThat, lease, leaseMs, master, Standing, World } from './nats-world.js';

const options: ElectionOptions = { clock, random: Random.system(), lease };

t.test('a leader that was frozen for longer than its lease does nothing as leader when it thaws', async (t) => {
  const world = await World.with(t);
  const frozen = world.candidate('m1');
  await within('m1 leads', frozen.elected);
  const next = world.contender().contend(master('m2'));
  frozen.signal('SIGSTOP');
  t.equal((await within('a successor', next)).epoch, 2);
  // It is asked before it thaws, so this is among the first things that it hears.
  const answer = frozen.ask();
  frozen.signal('SIGCONT');
  t.match(await within('an answer', answer), /^(unsure|lost )/);
  t.match(await within('m1 gives up', frozen.lost), /no renewal was acknowledged in time/);
});

t.test('a record that vanished with its store is waited out, by who remembers it, for a whole lease', async (t) => {
  const folders = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'election-')));
  t.teardown(() => folders.map((folder) => rmSync(folder, { recursive: true, force: true })));
  let server = await startNatsServer({ storeDir: folders[0] ?? '' });
  const { port } = server;
  t.teardown(() => server.stop());
  const first = new Standing(createContender(`${server.url}/test`, options), 'm1');
  const detector = createDetector(`${server.url}/test`, options);
  const leader = await leaderThat(detector, (one) => one !== undefined);
  const looking = new Looking(server.url, lease);
  const standing = [first, new Standing(looking.contender, 'm2')];
  t.teardown(() => Promise.all([detector.close(), ...standing.map((one) => one.close())]));
  await looking.finds('present');
  const { lost } = first;

  server.kill('SIGKILL');
  await within('the end of nats-server', server.exited);
  const lostAt = clock.now();
  server = await startNatsServer({ storeDir: folders[1] ?? '', port });
  t.match(await within('the leader gives up', lost), /./);
  const next = await leaderThat(detector, (one) => (one?.epoch ?? 0) > (leader?.epoch ?? 0), leader);
  t.ok(clock.now() - lostAt >= leaseMs, 'nobody led for a lease');
  t.equal(next?.epoch, 2);
  t.equal(standing.filter((one) => one.leads()).length, 1);
});

t.test('what happened while a standby and a detector were cut off, they know when they are back', async (t) => {
  const world = await World.with(t);
  const way = await CuttableWay.to(world.server.port);
  world.onEnd(() => way.close());
  const first = world.contender();
  await within('m1 leads', first.contend(master('m1')));
  const address = `${way.url}/test`;
  const looking = new Looking(way.url, lease);
  const standby = looking.contender;
  const detector = createDetector(address, options);
  world.onEnd(() => Promise.all([standby.close(), detector.close()]));
  const leader = await leaderThat(detector, (one) => one?.epoch === 1);
  const third = standby.contend(master('m3'));
  await looking.finds('present');

  way.cut();
  const second = world.contender();
  const leadership = second.contend(master('m2'));
  await first.close();
  t.equal((await within('m2 leads', leadership)).epoch, 2);
  way.mend();
  t.match(await leaderThat(detector, (one) => (one?.epoch ?? 0) > 1, leader), { pid: 'master@m2#1', epoch: 2 });
  await second.close();
  t.equal((await within('m3 leads', third)).epoch, 3, 'higher than what it missed');
});

for (const moment of ['SUB ', '$JS.API.STREAM.INFO'])
  t.test(`a newcomer whose connection breaks as it sends ${moment} tries again`, async (t) => {
    const world = await World.with(t);
    const way = await CuttableWay.to(world.server.port);
    world.onEnd(() => way.close());
    const [contender, detector] = [createContender, createDetector].map((create) =>
      create(`${way.url}/test`, options),
    ) as [Contender, Detector];
    world.onEnd(() => Promise.all([contender.close(), detector.close()]));
    way.breakAt(moment);
    let entered = 0;
    const leadership = contender.contend(master('m1'), () => entered++);
    t.equal((await within('m1 leads', leadership)).epoch, 1);
    t.equal(entered, 1);
    way.breakAt(moment);
    t.match(await leaderThat(detector, (one) => one !== undefined), { epoch: 1 });
    t.equal(way.broken, 2);
  });

t.test('a wall clock that is set back keeps no candidate from connecting again', async (t) => {
  const storeDir = mkdtempSync(join(tmpdir(), 'election-'));
  t.teardown(() => rmSync(storeDir, { recursive: true, force: true }));
  let server = await startNatsServer({ storeDir });
  const { port } = server;
  t.teardown(() => server.stop());
  const standing = new Standing(createContender(`${server.url}/test`, options), 'm1');
  const detector = createDetector(`${server.url}/test`, options);
  t.teardown(() => Promise.all([detector.close(), standing.close()]));
  const leader = await leaderThat(detector, (one) => one !== undefined);
  const wallClock = Date.now;
  t.teardown(() => {
    Date.now = wallClock;
  });
  Date.now = () => wallClock() - 3_600_000;

  server.kill('SIGKILL');
  await within('the end of nats-server', server.exited);
  t.equal(await leaderThat(detector, (one) => one === undefined, leader), undefined);
  server = await startNatsServer({ storeDir, port });
  t.match(await leaderThat(detector, (one) => one !== undefined), { pid: 'master@m1#1', epoch: 2 });
  t.ok(standing.leads());
});

t.test('two clusters on one NATS server have each their leader, and lose only their own', async (t) => {
  const world = await World.with(t);
  const long = { ...options, lease: { leaseMs: 120_000 } };
  const [red, blue] = ['red', 'blue'].map((cluster) => `${world.server.url}/${cluster}`) as [string, string];
  const killed = world.candidateAt(red, 'm1', 120_000);
  t.equal(await within('m1 leads red', killed.elected), 1);
  const [ofRed, ofBlue, standbyOfBlue] = [red, blue, blue].map((address) => createContender(address, long));
  world.onEnd(() => Promise.all([ofRed?.close(), ofBlue?.close(), standbyOfBlue?.close()]));
  const leadsBlue = await within('m1 leads blue', ofBlue?.contend(master('m1')) ?? Promise.reject());
  const never = t.rejects(standbyOfBlue?.contend(master('m2')) ?? Promise.reject(), { code: 'ELECTION_CLOSED' });
  const leadsRed = ofRed?.contend(master('m2')) ?? Promise.reject();
  await killed.kill('SIGKILL');
  t.equal((await within('m2 leads red', leadsRed)).epoch, 2);
  t.ok(leadsBlue.isValid());
  const detector = createDetector(blue, long);
  world.onEnd(() => detector.close());
  t.match(await leaderThat(detector, (one) => one !== undefined), { pid: 'master@m1#1', epoch: 1 });
  await standbyOfBlue?.close();
  await never;
});
