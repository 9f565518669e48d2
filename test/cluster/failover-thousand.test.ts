import t from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';

t.test('the leader is killed with 1,000 tasks in flight: all finish, none twice, none lost', async (t) => {
  const scene = await FailoverScene.start(t, { work: { inFlight: 500, taskMs: 8_000 } });
  await eventually('all tasks run', () => scene.frameworks.every((framework) => framework.started().length === 500));
  for (const framework of scene.frameworks) t.equal(framework.done, 0, 'none has ended');
  await scene.killLeader(await scene.leader());
  await scene.finish();
});
