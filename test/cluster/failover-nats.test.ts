import t from 'tap';
import { FailoverScene } from '../support/failover-scene.js';

for (const natsAccounts of [true, false]) {
  const server = natsAccounts ? 'a nats-server that tells of connections' : 'a plain nats-server with JetStream';

  t.test(`${server} is killed and started again with its streams: all work is done, once`, async (t) => {
    const scene = await FailoverScene.start(t, { natsAccounts });
    await scene.leader();
    await scene.cluster.restartNats();
    for (const framework of scene.frameworks) await framework.times('reregistered', 1);
    scene.holdRunning(scene.cluster.processes);
    await scene.finish();
  });
}
