import t from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';
import { overNats, overZookeeper } from '../support/scene-election.js';

for (const election of [overNats, overZookeeper])
  t.test(
    `${election.name}: the leader is killed with 1,000 tasks in flight: all finish while nobody leads, none twice, none lost`,
    async (t) => {
      const scene = await FailoverScene.start(t, { election, work: { inFlight: 500, taskMs: 'held' } });
      await eventually('all tasks run', () =>
        scene.frameworks.every((framework) => framework.started().length === 500),
      );
      for (const framework of scene.frameworks) {
        framework.beginNoMore();
        t.equal(framework.done, 0, 'none has ended');
      }
      const successor = scene.killLeader(await scene.leader());
      for (const framework of scene.frameworks) framework.release();
      await successor;
      await scene.finish();
    },
  );
