import t from 'tap';
import { FailoverScene } from '../support/failover-scene.js';
import { overNats, overPlainNats, overZookeeper } from '../support/scene-election.js';

for (const election of [overNats, overPlainNats, overZookeeper])
  t.test(
    `${election.name}: nats-server is killed and started again with its streams: all work is done, once`,
    async (t) => {
      const scene = await FailoverScene.start(t, { election });
      await scene.leader();
      await scene.cluster.restartNats();
      for (const framework of scene.frameworks) await framework.times('reregistered', 1);
      scene.holdRunning(scene.cluster.processes);
      await scene.finish();
    },
  );
