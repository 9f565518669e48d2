import t from 'tap';
import { FailoverScene } from '../support/failover-scene.js';
import { overNats, overZookeeper } from '../support/scene-election.js';
import { within } from '../support/within.js';

for (const election of [overNats, overZookeeper]) {
  t.test(
    `${election.name}: a scheduler is killed, and its successor finds the tasks that it left: all work is done, once`,
    async (t) => {
      const scene = await FailoverScene.start(t, { election });
      await scene.first.pieces(20);
      scene.first.child.kill('SIGKILL');
      t.equal((await within('its end', scene.first.outcome)).signal, 'SIGKILL');
      const successor = await scene.succeed();
      await successor.event('reregistered');
      await scene.finish();
      t.equal(scene.second.count('disconnected'), 0, 'the other framework noticed nothing');
    },
  );

  t.test(
    `${election.name}: a scheduler that lives is told when another takes its place with its framework id, and ends`,
    async (t) => {
      const scene = await FailoverScene.start(t, { election });
      const successor = await scene.succeed();
      const { message } = await scene.first.event('error');
      t.match(message, /failed over/);
      await scene.first.event('over', ({ status }) => status === 'DRIVER_STOPPED' || status === 'DRIVER_ABORTED');
      await successor.event('reregistered');
      await scene.killLeader(await scene.leader());
      await successor.times('reregistered', 2);
      t.equal(successor.count('error'), 0, 'a new leader knows who is in the right, too');
      await scene.finish();
    },
  );
}
