import t from 'tap';
import { FailoverScene } from '../support/failover-scene.js';
import { overNats, overPlainNats, overZookeeper } from '../support/scene-election.js';

for (const election of [overNats, overZookeeper])
  t.test(
    `${election.name}: the leader is killed, and once all are back, its successor: all work is done, once`,
    async (t) => {
      const scene = await FailoverScene.start(t, { election });
      const second = await scene.killLeader(await scene.leader());
      for (const framework of scene.frameworks) {
        await framework.times('reregistered', 1);
        await framework.pieces(framework.done + 1);
      }
      const third = await scene.killLeader(second);
      for (const framework of scene.frameworks) await framework.times('reregistered', 2);
      t.ok(scene.masterOf(third).running, 'the last of the three leads');
      await scene.finish();
    },
  );

for (const election of [overPlainNats, overZookeeper])
  t.test(`${election.name}: the second kill comes before anybody is back: all work is done, once`, async (t) => {
    const scene = await FailoverScene.start(t, { election });
    const second = await scene.killLeader(await scene.leader());
    const third = await scene.killLeader(second);
    for (const framework of scene.frameworks) await framework.event('reregistered');
    t.ok(scene.masterOf(third).running, 'the last of the three leads');
    await scene.finish();
  });
