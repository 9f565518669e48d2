import { EpochFence } from '@mesos-ts/zk-election';
import t from 'tap';

t.test('a fence lets nobody pass with an epoch that is older than the highest it knows of', async (t) => {
  const fence = new EpochFence();
  t.equal(fence.highest, 0);
  t.equal(fence.judge(3, true), 'take');
  t.equal(fence.judge(2, true), 'stale', 'not even who was the leader just now');
  t.equal(fence.judge(2, false), 'stale');
  t.equal(fence.judge(3, true), 'take', 'an equal one is of the same leadership');
  fence.raise(5);
  t.equal(fence.judge(3, true), 'stale');
  fence.raise(4);
  t.equal(fence.highest, 5, 'a detector that lags behind does not lower it');
  t.equal(fence.judge(7, true), 'take', 'a leader may tell of itself before the detector does');
  t.equal(fence.highest, 7);
});

t.test('who is not the leader neither passes nor raises the fence', async (t) => {
  const fence = new EpochFence();
  fence.raise(5);
  for (const epoch of [5, 6, Number.MAX_SAFE_INTEGER]) t.equal(fence.judge(epoch, false), 'refuse');
  for (const leader of [true, false])
    t.equal(fence.judge(undefined, leader), 'refuse', 'nor a message without an epoch');
  t.equal(fence.highest, 5);
});
