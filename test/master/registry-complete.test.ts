import {
  fenceKey,
  MemoryStorage,
  parseFence,
  RegistryLost,
  replaceRegistry,
  type StorageOutcome,
  type StoredRecord,
  StoredRegistrar,
} from '@mesos-ts/master';
import { type Upid, VirtualClock } from '@mesos-ts/process';
import {
  FrameworkError,
  type FrameworkId,
  FrameworkReregistered,
  type MasterId,
  parseResources,
  ReconcileTasks,
  type SlaveId,
  type TaskId,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { Rig } from './rig.js';

/*
 * A registry that is new may stand for one that was lost, so whoever says to be of the cluster is let in: until a leader has
 * led for so long that all must have come, whatever became of the leaders before it.
 */

const timeoutMs = 600_000;

function registrarOver(t: Test, storage: MemoryStorage): StoredRegistrar {
  const registrar = new StoredRegistrar({ clock: new VirtualClock(), storage });
  t.teardown(() => registrar.close());
  return registrar;
}

async function recovered(t: Test, storage: MemoryStorage, epoch: number): Promise<StoredRegistrar> {
  const registrar = registrarOver(t, storage);
  const info = { id: 'm1' as MasterId, pid: `master@m${epoch}#1` as Upid, hostname: 'h', version: '0' };
  await registrar.recover({ epoch, info });
  return registrar;
}

/** What becomes of a framework that comes with an id that nobody knows. */
async function stranger(rig: Rig, id: string): Promise<'let in' | 'refused'> {
  const scheduler = await rig.newScheduler();
  await scheduler.reregister(id as FrameworkId);
  if (scheduler.take(FrameworkReregistered).length === 1) return 'let in';
  scheduler.takeOne(FrameworkError);
  return 'refused';
}

/** A framework that is known asks for a task on an agent that nobody knows. */
async function answers(rig: Rig): Promise<string[]> {
  const scheduler = await rig.scheduler();
  await scheduler.tell(ReconcileTasks, { statuses: [{ taskId: 't1' as TaskId, slaveId: 'lost-S1' as SlaveId }] });
  return scheduler.statuses();
}

t.test('Where the first leader of a new registry dies at once, the next one lets in as it did', async (t) => {
  const storage = new MemoryStorage();
  const first = await Rig.start(t, {}, registrarOver(t, storage));
  t.equal(await stranger(first, 'lost-0001'), 'let in');
  await first.stop();

  const second = await Rig.start(t, {}, registrarOver(t, storage));
  t.equal(await stranger(second, 'lost-0002'), 'let in');
  t.same(await answers(second), [], 'nor does it say of an agent that is on its way that there is none');
  await second.advance(timeoutMs - 1);
  t.equal(await stranger(second, 'lost-0003'), 'let in');
  await second.advance(1);
  t.equal(await stranger(second, 'invented-0001'), 'refused', 'by then all have had the time to come');
  t.same(await answers(second), ['t1 TASK_UNKNOWN REASON_RECONCILIATION']);
  await second.stop();

  const third = await Rig.start(t, {}, registrarOver(t, storage));
  t.equal(await stranger(third, 'invented-0002'), 'refused');
  t.equal(await stranger(third, 'lost-0003'), 'let in', 'as one that it knows');
});

t.test('A leader to which too few came to be trusted does not say that all have', async (t) => {
  const storage = new MemoryStorage();
  const registrar = await recovered(t, storage, 1);
  const info = { hostname: 'h', resources: parseResources('cpus:1') };
  await registrar.apply({ type: 'admit-agent', id: 'S1' as SlaveId, info, at: 0 });
  const rig = await Rig.start(t, { recoveryAgentRemovalLimitPercent: 50 }, registrarOver(t, storage));
  await rig.advance(timeoutMs);
  t.match(rig.steppedDown, [/1 of 1 agents/]);
  t.equal((await recovered(t, storage, 9)).remembers, false);
});

t.test('A leader that cannot store it steps down, and the next one lets in again', async (t) => {
  const storage = new MemoryStorage();
  const rig = await Rig.start(t, {}, registrarOver(t, storage));
  const later = await recovered(t, storage, 9);
  await rig.advance(timeoutMs);
  t.match(rig.steppedDown, [/the registry could not be written/]);
  t.equal(later.remembers, false);
  t.equal((await recovered(t, storage, 10)).remembers, false);
});

t.test('What a registry remembers', async (t) => {
  t.test('it remembers once that is stored, for all leaders to come', async (t) => {
    const storage = new MemoryStorage();
    const first = await recovered(t, storage, 1);
    t.equal(first.remembers, false);
    await Promise.all([first.complete(), first.complete()]);
    t.equal(first.remembers, true);
    const fence = async () => parseFence((await storage.newest(fenceKey)).record);
    t.same(await fence(), { epoch: 1, by: 'master@m1#1', incomplete: false });
    const { lastSeq } = await storage.newest(fenceKey);
    await first.complete();
    t.equal((await storage.newest(fenceKey)).lastSeq, lastSeq, 'it is written once');
    t.equal((await recovered(t, storage, 2)).remembers, true);
    t.equal((await recovered(t, storage, 3)).remembers, true);
  });

  t.test('it does not before: not where the write is refused', async (t) => {
    const storage = new MemoryStorage();
    const first = await recovered(t, storage, 1);
    const second = await recovered(t, storage, 2);
    await t.rejects(first.complete(), RegistryLost);
    t.equal(first.remembers, false);
    t.equal(second.remembers, false);
  });

  t.test('it does not after a fence that was begun and broke', async (t) => {
    const storage = new BreakingStorage();
    const clock = new VirtualClock();
    const registrar = new StoredRegistrar({ clock, storage });
    t.teardown(() => registrar.close());
    const info = { id: 'm1' as MasterId, pid: 'master@m1#1' as Upid, hostname: 'h', version: '0' };
    const recovering = registrar.recover({ epoch: 1, info });
    await clock.settle();
    t.equal((await storage.newest(fenceKey)).lastSeq, 10);
    await clock.advance(1_000);
    await recovering;
    t.equal(registrar.remembers, false);
  });

  t.test('it always did where an earlier build has written its fence', async (t) => {
    const storage = new MemoryStorage();
    const value = JSON.stringify({ version: 1, epoch: 1, by: 'master@m1#1' });
    await storage.write({ key: fenceKey, value }, 0);
    t.equal((await recovered(t, storage, 2)).remembers, true);
  });

  t.test('it does when all of it was imported', async (t) => {
    const storage = new MemoryStorage();
    await replaceRegistry({ clock: new VirtualClock(), storage, by: 'an operator' }, []);
    t.equal((await recovered(t, storage, 1)).remembers, true);
  });
});

/** Breaks once, after ten writes. */
class BreakingStorage extends MemoryStorage {
  #written = 0;

  override async write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    if (++this.#written === 11) throw new Error('the connection broke');
    return super.write(record, expectedSeq);
  }
}
