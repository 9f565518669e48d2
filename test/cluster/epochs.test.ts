import { Process, type Upid } from '@mesos-ts/process';
import { claimedEpochMax, parseResources, RegisterSlave, StaleLeader } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { Launcher } from '../support/launcher.js';
import { VirtualCluster } from '../support/virtual-cluster.js';

/** A process that says what it likes. */
class Speaker extends Process {
  register(to: Upid): Promise<void> {
    const slave = { hostname: 'h', resources: parseResources('cpus:1') };
    return this.dispatch(() => this.send(to, RegisterSlave, { slave, version: '0' }));
  }

  claim(to: Upid, epoch: number): Promise<void> {
    return this.dispatch(() => this.send(to, StaleLeader, { epoch }));
  }
}

/** A cluster whose epochs are high: five masters led before, and `last` leads now with 6. */
async function aged(t: Test) {
  const cluster = VirtualCluster.open(t);
  for (let change = 0; change < 5; change++) {
    const { running, epochs } = await cluster.addMaster(`old-${change}`);
    await cluster.until(() => epochs.length > 0, 10_000);
    await cluster.endMaster(running);
  }
  const last = await cluster.addMaster('last');
  await cluster.until(() => last.epochs.includes(6), 10_000);
  return { cluster, last };
}

t.test('A register that is lost and begins anew is led by an epoch that all accept', async (t) => {
  for (const witness of ['an agent', 'a scheduler'] as const)
    t.test(`within seconds, also where only ${witness} has seen the earlier ones`, async (t) => {
      const { cluster, last } = await aged(t);
      const scheduler = new Launcher();
      const { driver, node } = await cluster.addDriver('f', scheduler);
      let seen = node;
      if (witness === 'an agent') seen = (await cluster.addAgent('a1')).node;
      else driver.start();
      await cluster.clock.advance(5_000);
      await cluster.endMaster(last.running);
      await cluster.loseRegister();
      const masters = [await cluster.addMaster('m1'), await cluster.addMaster('m2'), await cluster.addMaster('m3')];
      const epochs = () => masters.flatMap((master) => master.epochs);
      await cluster.until(() => epochs().includes(7), 10_000);
      t.same(epochs(), [1, 7], 'the first that leads does not know better; what it is told, the next one knows');
      t.ok(seen.counters.get('messages_from_stale_leaders') > 0);

      if (witness === 'a scheduler') await cluster.addAgent('a1');
      else driver.start();
      scheduler.waiting.push('t1');
      await cluster.until(() => scheduler.told.includes('t1 TASK_RUNNING'), 10_000);
    });
});

t.test('A claim that there was a later leader', async (t) => {
  t.test('is nothing when it comes from somebody who is not registered', async (t) => {
    const { cluster, last } = await aged(t);
    const stranger = new Speaker('slave(1)');
    (await cluster.addNode('s1')).spawn(stranger);
    const { counters } = last.running.node;
    for (const epoch of [7, claimedEpochMax]) await stranger.claim(last.running.pid, epoch);
    await cluster.clock.advance(10_000);
    t.same(last.epochs, [6]);
    t.equal(counters.get('messages_from_strangers'), 2);
    t.equal(counters.get('stale_leader_claims'), 0);
  });

  t.test('costs one change of hands where it is a lie, and never the epochs of the leaders to come', async (t) => {
    const { cluster, last } = await aged(t);
    const liar = new Speaker('slave(1)');
    (await cluster.addNode('a9')).spawn(liar);
    const { counters } = last.running.node;
    const lie = async (epoch: number): Promise<void> => {
      await liar.register(last.running.pid);
      await cluster.clock.settle();
      await liar.claim(last.running.pid, epoch);
      await cluster.clock.advance(10_000);
    };
    for (const epoch of [6, 5, 1]) await lie(epoch);
    t.same(last.epochs, [6], 'what is no higher is no news');
    for (const epoch of [claimedEpochMax + 1, Number.MAX_SAFE_INTEGER, 2 ** 60, Number.POSITIVE_INFINITY, -1])
      await lie(epoch);
    t.same(last.epochs, [6]);
    t.equal(counters.get('messages_invalid'), 5, 'what would leave too few is malformed');
    await lie(claimedEpochMax);
    t.same(last.epochs, [6, claimedEpochMax + 1]);
    await lie(claimedEpochMax);
    t.equal(last.epochs.length, 2, 'the same lie a second time costs nothing');
    await cluster.endMaster(last.running);
    const next = await cluster.addMaster('next');
    await cluster.until(() => next.epochs.length > 0, 10_000);
    t.same(next.epochs, [claimedEpochMax + 2]);
    const scheduler = new Launcher();
    const { driver } = await cluster.addDriver('f', scheduler);
    await cluster.addAgent('a1');
    driver.start();
    scheduler.waiting.push('t1');
    await cluster.until(() => scheduler.told.includes('t1 TASK_RUNNING'), 10_000);
  });
});
