import t from 'tap';
import { executor, Rig, task } from './rig.js';

t.test('The textbook scene', async (t) => {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus:4;mem:4096');
  const one = await rig.scheduler();
  t.same(one.offered, ['cpus:4;mem:4096']);
  const two = await rig.scheduler();
  await one.launch(
    [one.offer.id],
    [task('t1', agent, 'cpus:2;mem:1024'), task('t2', agent, 'cpus:1;mem:2048', executor())],
  );
  t.same(
    agent.tasks().map(({ taskId }) => taskId),
    ['t1', 't2'],
  );
  t.same(two.offered, ['cpus:1;mem:1024']);
});
