import { openAccounts } from '@mesos-ts/cli';
import t from 'tap';
import { within } from '../support/within.js';
import { CandidateProcess } from './candidate-process.js';
import { CuttableWay } from './cuttable-way.js';
import { Looking } from './looking.js';
import { leaderThat, master, World } from './nats-world.js';

/** So long that nobody takes over by waiting for it while a test is patient. */
const leaseMs = 120_000;

t.test(
  'leaders that are killed with -9, one after the other, are each followed long before a lease ends',
  async (t) => {
    const world = await World.with(t);
    const candidates: CandidateProcess[] = [];
    for (const name of ['m1', 'm2', 'm3']) {
      const candidate = world.candidate(name, leaseMs);
      candidates.push(candidate);
      await within('it contends', candidates.length === 1 ? candidate.elected.then(() => {}) : candidate.contending);
    }
    let leader = candidates[0];
    for (const epoch of [2, 3]) {
      await leader?.kill('SIGKILL');
      candidates.splice(candidates.indexOf(leader as CandidateProcess), 1);
      leader = await within(
        `epoch ${epoch}`,
        Promise.race(candidates.map((candidate) => candidate.elected.then(() => candidate))),
      );
      t.equal(await leader.elected, epoch);
      t.equal(await within('an answer', leader.ask()), 'sure');
    }
  },
);

t.test('a leader that is frozen is connected, and keeps its lease', async (t) => {
  const world = await World.with(t);
  const frozen = world.candidate('m1', leaseMs);
  await within('m1 leads', frozen.elected);
  const standby = Looking.in(world, { leaseMs });
  const never = standby.contender.contend(master('m2'));
  const refused = t.rejects(never, { code: 'ELECTION_CLOSED' });
  await standby.finds('present');
  frozen.signal('SIGSTOP');
  await standby.finds('present', standby.found.length + 8);
  frozen.signal('SIGCONT');
  t.equal(await within('an answer', frozen.ask()), 'sure');
  t.notOk(standby.found.includes('gone'));
  await standby.contender.close();
  await refused;
});

t.test('a server that tells of connections that end makes for a look at once, and only that', async (t) => {
  const world = await World.with(t, { config: openAccounts('test', true) });
  const leader = world.candidate('m1', leaseMs);
  await within('m1 leads', leader.elected);
  // By itself it would look for the first time when a test is not patient any more.
  const standby = Looking.in(world, { leaseMs, graceMs: leaseMs });
  const refused = t.rejects(standby.contender.contend(master('m2')), { code: 'ELECTION_CLOSED' });
  const stranger = await world.connection();
  const manager = await stranger.jetstreamManager();
  const record = await manager.streams.getMessage('EL_test', { last_by_subj: 'el.test.leader' });
  const { connection } = record.json<{ connection: { server: string; client: number } }>();

  // The standby may not have seen the record yet, by which it knows whose connection that is.
  const forge = (): void =>
    stranger.publish(
      'test.conn.DISCONNECT',
      JSON.stringify({ server: { id: connection.server }, client: { id: connection.client } }),
    );
  const forging = setInterval(forge, 50);
  await standby.finds('present').finally(() => clearInterval(forging));
  for (const junk of ['', 'junk', 'null', '[]', '{"server":null}', '{"server":{"id":7},"client":{"id":"x"}}'])
    stranger.publish('test.conn.DISCONNECT', junk);
  await stranger.flush();
  t.equal(await within('an answer', leader.ask()), 'sure', 'a lie is looked at, and that is all');

  await leader.kill('SIGKILL');
  await standby.finds('gone');
  await standby.contender.close();
  await refused;
});

t.test(
  'a leader that lives, and is cut off, is not sure; its successor has a higher epoch, of which it learns',
  async (t) => {
    const world = await World.with(t);
    const way = await CuttableWay.to(world.server.port);
    world.onEnd(() => way.close());
    const cutOff = new CandidateProcess(`${way.url}/test`, 'm1', leaseMs);
    world.onEnd(() => cutOff.kill('SIGKILL'));
    await within('m1 leads', cutOff.elected);
    t.equal(await within('an answer', cutOff.ask()), 'sure');
    const successor = world.contender({ lease: { leaseMs } }).contend(master('m2'));
    way.cut();
    const { epoch, isValid } = await within('a successor', successor).then((leadership) => ({
      epoch: leadership.epoch,
      isValid: () => leadership.isValid(),
    }));
    t.equal(epoch, 2);
    t.equal(await within('an answer', cutOff.ask()), 'unsure', 'though its lease runs for a long time yet');
    way.mend();
    t.equal(await within('m1 gives up', cutOff.lost), 'master@m2#1 leads (epoch 2)');
    t.ok(isValid());
  },
);

t.test('a leader whose connection breaks and is made again at once goes on leading', async (t) => {
  const world = await World.with(t);
  const way = await CuttableWay.to(world.server.port);
  world.onEnd(() => way.close());
  const leader = new CandidateProcess(`${way.url}/test`, 'm1', leaseMs);
  world.onEnd(() => leader.kill('SIGKILL'));
  await within('m1 leads', leader.elected);
  // Slow to conclude, so that a busy machine does not decide the test.
  const standby = Looking.in(world, { leaseMs, graceMs: 15_000 });
  const refused = t.rejects(standby.contender.contend(master('m2')), { code: 'ELECTION_CLOSED' });
  way.cut();
  way.mend();
  const renewed = (async () => {
    while ((await leader.ask()) !== 'sure') await new Promise((resolve) => setTimeout(resolve, 20));
  })();
  await within('m1 is sure again', renewed);
  t.equal((await leaderThat(world.detector(), (one) => one !== undefined))?.epoch, 1);
  await standby.contender.close();
  await refused;
});

t.test('a leader that the server does not let show itself tells nobody to look for it', async (t) => {
  const config = `authorization { users: [
    { user: m, password: p }
    { user: hidden, password: p, permissions: { publish: ">", subscribe: { deny: "el.*.here.*" } } }
  ] }`;
  const world = await World.with(t, { config });
  const hidden = world.contender({ nats: { user: 'hidden', pass: 'p' }, lease: { leaseMs } });
  const leadership = await within('m1 leads', hidden.contend(master('m1')));
  const stranger = await world.connection({ user: 'm', pass: 'p' });
  const manager = await stranger.jetstreamManager();
  const record = await manager.streams.getMessage('EL_test', { last_by_subj: 'el.test.leader' });
  t.match(record.json(), { epoch: leadership.epoch, holder: { hostname: 'm1' } });
  t.notMatch(record.json(), { here: /./ });
});
