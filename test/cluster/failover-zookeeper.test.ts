import { setTimeout as pause } from 'node:timers/promises';
import { ZookeeperServer } from '@mesos-ts/cli/testing';
import t, { type Test } from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';

/** Of every session, whatever is asked for: the server grants no more. */
const sessionMs = 2_000;

async function start(t: Test): Promise<{ readonly scene: FailoverScene; readonly zookeeper: ZookeeperServer }> {
  const zookeeper = await ZookeeperServer.start({ maxSessionTimeoutMs: sessionMs });
  t.teardown(() => zookeeper.stop());
  return { zookeeper, scene: await FailoverScene.start(t, { election: `zk://${zookeeper.address}/mesos` }) };
}

t.test('elected over ZooKeeper: the leader is killed, and then its successor: all work is done, once', async (t) => {
  const { scene } = await start(t);
  const second = await scene.killLeader(await scene.leader());
  for (const framework of scene.frameworks) {
    await framework.times('reregistered', 1);
    await framework.pieces(framework.done + 1);
  }
  const third = await scene.killLeader(second);
  for (const framework of scene.frameworks) await framework.times('reregistered', 2);
  t.ok(scene.masterOf(third).running, 'the last of the three leads');
  await scene.finish();
});

t.test(
  'a leader that was frozen for five sessions does nothing as a leader when it goes on, and stands by',
  async (t) => {
    const { scene } = await start(t);
    const first = await scene.leader();
    const frozen = scene.masterOf(first);
    process.kill(frozen.pid, 'SIGSTOP');
    const frozenAt = performance.now();
    const second = await scene.leader(first);
    t.not(scene.masterOf(second), frozen, 'another master leads');
    for (const framework of scene.frameworks) await framework.times('reregistered', 1);
    await pause(5 * sessionMs - (performance.now() - frozenAt));
    process.kill(frozen.pid, 'SIGCONT');
    await eventually('it learns that it leads no more', () => scene.logged(frozen, /leads no more/));
    for (const framework of scene.frameworks) await framework.pieces(framework.done + 10);
    for (const one of [...scene.cluster.agents, scene.masterOf(second)])
      t.notOk(scene.logged(one, /later leader is known/), `nothing came from the old leader to ${one.name}`);
    let leader = await scene.killLeader(second);
    if (scene.masterOf(leader) !== frozen) leader = await scene.killLeader(leader);
    t.equal(scene.masterOf(leader), frozen, 'it may lead again');
    await scene.finish();
  },
);

t.test('ZooKeeper is killed for longer than a session, and started again: all work is done, once', async (t) => {
  const { scene, zookeeper } = await start(t);
  const first = await scene.leader();
  await zookeeper.kill('SIGKILL');
  await eventually('the leader stops, as it can be sure no more', () =>
    scene.logged(scene.masterOf(first), /leads no more/),
  );
  await zookeeper.start();
  const next = await scene.leader(first);
  t.ok(next.epoch > first.epoch, 'a later leadership');
  await scene.finish();
});
