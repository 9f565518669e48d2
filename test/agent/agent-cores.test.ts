import assert from 'node:assert/strict';
import { detectResources, type Machine, Registration, type RegistrationEffect } from '@mesos-ts/agent';
import type { Upid } from '@mesos-ts/process';
import { formatResources, type MasterId, ResourcesError, type SlaveId } from '@mesos-ts/protocol';
import type { Leader } from '@mesos-ts/zk-election';
import t from 'tap';

const m1 = 'master@m1#abc' as Upid;
const m1Open = 'master@m1' as Upid;
const m2 = 'master@m2#def' as Upid;
const s0 = 'M-S0' as SlaveId;

function leader(pid: Upid, epoch = 1): Leader {
  return { pid, epoch };
}

function lines(effects: readonly RegistrationEffect[]): string[] {
  return effects.map((effect) =>
    Object.values(effect)
      .filter((value) => value !== undefined)
      .join(' '),
  );
}

t.test(
  'registration is tried at once, three times soon, then within twice as long each time, up to a minute',
  async (t) => {
    const registration = new Registration();
    t.strictSame(lines(registration.follow(leader(m1))), [`register ${m1}`, 'attempt 50 100']);
    const waits: string[] = [];
    for (let i = 0; i < 13; i++) waits.push(lines(registration.attempt())[1] ?? '');
    t.strictSame(
      waits,
      [100, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000].map(
        (ms) => `attempt ${ms / 2} ${ms}`,
      ),
    );
  },
);

t.test(
  'a registration is for the leadership that the detector told, and names none where it told only an address',
  async (t) => {
    const registration = new Registration();
    const info = { id: 'm' as MasterId, pid: m1, hostname: 'h', version: '0' };
    t.strictSame(registration.follow({ pid: m1, epoch: 7, info })[0], { kind: 'register', to: m1, leaderEpoch: 7 });
    t.strictSame(registration.follow({ pid: m1Open, epoch: 1 })[0], { kind: 'register', to: m1Open });
  },
);

t.test('the answer pins the master, and is acted upon once', async (t) => {
  const registration = new Registration();
  registration.follow(leader(m1Open));
  t.ok(registration.speaksForLeader(m1), 'any incarnation where the detector left it open');
  t.notOk(registration.speaksForLeader(m2));
  t.equal(registration.master, undefined);
  t.strictSame(lines(registration.answered(m1, s0, 75_000, 0)), [`connected ${m1} ${s0}`, 'await-ping 75000']);
  t.equal(registration.master, m1);
  t.strictSame(lines(registration.answered(m1, s0, 75_000, 0)), ['await-ping 75000'], 'a second answer is no news');
  t.strictSame(lines(registration.attempt()), [], 'a late retry does nothing');
  const pinned = new Registration();
  pinned.follow(leader(m1));
  t.notOk(pinned.speaksForLeader('master@m1#zzz' as Upid), 'only the incarnation that the detector named');
});

t.test('a broken link, a ping that says disconnected, and missing pings each begin registration anew', async (t) => {
  for (const begin of [
    (registration: Registration) => registration.exited(m1, 'connection-lost'),
    (registration: Registration) => registration.pinged(false, 0),
    (registration: Registration) => registration.pingMissed(),
  ]) {
    const registration = new Registration();
    registration.follow(leader(m1Open));
    registration.attempt();
    registration.answered(m1, s0, 5_000, 0);
    t.strictSame(lines(registration.pinged(true, 0)), ['await-ping 5000']);
    t.match(lines(begin(registration)), [/^disconnected /, 'attempt 0 50'], 'after a short wait, not at once');
    t.strictSame(lines(begin(registration)), [], 'once');
    t.equal(registration.master, m1, 'still the only one to be heard');
    t.strictSame(lines(registration.attempt()), [`register ${m1Open}`, 'attempt 50 100']);
    t.strictSame(lines(registration.answered('master@m1#new' as Upid, s0, 5_000, 0)), [
      `connected master@m1#new ${s0}`,
      'await-ping 5000',
    ]);
  }
});

t.test('the end of a link to anyone but the pinned master is nothing', async (t) => {
  const registration = new Registration();
  registration.follow(leader(m1Open));
  t.strictSame(lines(registration.exited(m1Open, 'absent')), []);
  registration.answered(m1, s0, 5_000, 0);
  t.strictSame(lines(registration.exited(m1Open, 'connection-lost')), []);
});

t.test('another leader, or none, ends the connection with the one before', async (t) => {
  const registration = new Registration();
  registration.follow(leader(m1));
  registration.answered(m1, s0, 5_000, 0);
  t.match(lines(registration.follow(undefined)), [/^disconnected nobody leads/]);
  t.equal(registration.master, undefined);
  t.strictSame(lines(registration.attempt()), []);
  t.strictSame(lines(registration.follow(leader(m2, 2))), [`register ${m2}`, 'attempt 50 100']);
  t.equal(registration.slaveId, s0, 'the id stays');
});

t.test('what an agent tells a new leader first is spread over the agents that the last one knew of', async (t) => {
  const registration = new Registration();
  registration.follow(leader(m1));
  registration.answered(m1, s0, 5_000, 300);
  t.match(lines(registration.follow(leader(m2, 2))), [/^disconnected /, 'attempt 0 30'], '0.1 ms for each of them');
  t.strictSame(lines(registration.attempt()), [`register ${m2}`, 'attempt 50 100'], 'a retry has the usual wait');
  registration.answered(m2, s0, 5_000, 1);
  registration.pinged(true, 10_000);
  t.match(
    lines(registration.follow(leader(m1, 3))),
    [/^disconnected /, 'attempt 0 1000'],
    'a ping tells the newest number',
  );
  t.strictSame(lines(registration.attempt()), [`register ${m1}`, 'attempt 1000 2000'], 'twice what all of them need');
  registration.answered(m1, s0, 5_000, 10_000);
  t.match(
    lines(registration.exited(m1, 'connection-lost')),
    [/^disconnected /, 'attempt 0 1000'],
    'also with the same leader',
  );
  registration.attempt();
  registration.answered(m1, s0, 5_000, Number.MAX_SAFE_INTEGER);
  t.match(lines(registration.follow(leader(m2, 4))), [/^disconnected /, 'attempt 0 60000'], 'a minute at most');
});

t.test('another id than the own one ends the agent', async (t) => {
  const registration = new Registration();
  registration.follow(leader(m1));
  registration.answered(m1, s0, 5_000, 0);
  t.match(lines(registration.answered(m1, 'M-S1' as SlaveId, 5_000, 0)), [/^end .*M-S1.*M-S0/]);
});

t.test('resources: what the text does not name is detected', async (t) => {
  const gb = 2 ** 30;
  const machine = (cpus: number, mem: number, disk: number): Machine => ({
    cpus: () => cpus,
    totalMemory: () => mem,
    diskSize: async () => disk,
  });
  const detect = async (text: string, of: Machine) =>
    formatResources(await detectResources({ text, workDir: '/', machine: of }));
  const large = machine(8, 16 * gb, 100 * gb);
  t.equal(await detect('', large), 'cpus:8;disk:97280;mem:15360;ports:[31000-32000]');
  t.equal(await detect('', machine(1, 2 * gb, 10 * gb)), 'cpus:1;disk:5120;mem:1024;ports:[31000-32000]');
  t.equal(await detect('', machine(2, 1.5 * gb, 9 * gb)), 'cpus:2;disk:4608;mem:768;ports:[31000-32000]');
  t.equal(await detect('mem:0;ports:[];disk:0.000', large), 'cpus:8', 'nothing, said, is nothing');
  t.equal(
    await detect(' cpus ( ads ) : 2 ; gpus:1', large),
    'cpus(ads):2;disk:97280;gpus:1;mem:15360;ports:[31000-32000]',
  );
  t.equal(
    await detect('', { cpus: () => 0, totalMemory: () => 0, diskSize: () => Promise.reject(new Error('no statfs')) }),
    'cpus:1;disk:10240;mem:1024;ports:[31000-32000]',
    'a machine that does not tell',
  );
  await assert.rejects(detect('cpus:-1', large), ResourcesError);
  await assert.rejects(detect('cpus{REV}:1', large), /cpus\{REV\}: what an agent has of its own is not revocable/);
  const real = await detectResources({ workDir: '/' });
  t.strictSame(
    real.map(({ name }) => name),
    ['cpus', 'disk', 'mem', 'ports'],
  );
});
