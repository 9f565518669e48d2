import t from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';
import { overThis, startZookeeper } from '../support/scene-election.js';

t.test('ZooKeeper is killed for longer than a session, and started again: all work is done, once', async (t) => {
  const zookeeper = await startZookeeper(t);
  const scene = await FailoverScene.start(t, { election: overThis(zookeeper) });
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
