import {
  garbage,
  MemoryStorage,
  MutableRegistry,
  registryGarbageDefaults,
  StoredRegistrar,
  type StoredRegistrarOptions,
} from '@mesos-ts/master';
import { type Upid, VirtualClock } from '@mesos-ts/process';
import { type FrameworkId, type MasterId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';

/*
 * What a leader forgets while it leads (Mesos facts 3.2): who is unreachable, gone or done, by age and by number, now and
 * then; and that its record then takes no room, whoever was there when it was written.
 */

const resources = parseResources('cpus:1');
const hourMs = 3_600_000;

/** What it holds is looked at; and it may keep what is to be discarded, as one does whose leader dies just then. */
class WatchedStorage extends MemoryStorage {
  discards = true;

  override async discard(key: string, uptoSeq: number): Promise<void> {
    if (!this.discards) throw new Error('the leader died');
    await super.discard(key, uptoSeq);
  }

  /** Agents and frameworks of which there is a record, whatever it says. */
  async keys(): Promise<string[]> {
    return (await this.read()).records.map(({ key }) => key).filter((key) => key !== 'fence');
  }
}

interface Led {
  readonly clock: VirtualClock;
  readonly registrar: StoredRegistrar;
  unreachable(id: string, at?: number): Promise<void>;
  gone(id: string, at?: number): Promise<void>;
  done(id: string, at?: number): Promise<void>;
}

async function leading(
  t: Test,
  storage: WatchedStorage,
  options: Partial<StoredRegistrarOptions> = {},
  epoch = 1,
): Promise<Led> {
  const clock = new VirtualClock();
  const registrar = new StoredRegistrar({ clock, storage, ...options });
  t.teardown(() => registrar.close());
  const info = { id: 'm1' as MasterId, pid: `master@m${epoch}#1` as Upid, hostname: 'h', version: '0' };
  await registrar.recover({ epoch, info });
  const agent = async (type: 'mark-unreachable' | 'mark-gone', id: string, at: number): Promise<void> => {
    await registrar.apply({ type: 'admit-agent', id: id as SlaveId, info: { hostname: 'h', resources }, at });
    await registrar.apply({ type, id: id as SlaveId, at });
  };
  return {
    clock,
    registrar,
    unreachable: (id, at = clock.wallTime()) => agent('mark-unreachable', id, at),
    gone: (id, at = clock.wallTime()) => agent('mark-gone', id, at),
    done: (id, at = clock.wallTime()) => registrar.apply({ type: 'remove-framework', id: id as FrameworkId, at }),
  };
}

t.test('who is unreachable, gone or done is forgotten when that is longer ago than it need be known', async (t) => {
  const storage = new WatchedStorage();
  const at = await leading(t, storage, { registryMaxAgentAgeMs: hourMs, registryGcIntervalMs: 1_000 });
  await at.unreachable('S1');
  await at.gone('S2');
  await at.done('F1');
  await at.registrar.apply({
    type: 'admit-agent',
    id: 'S3' as SlaveId,
    info: { hostname: 'h', resources },
    at: at.clock.wallTime(),
  });
  await at.clock.advance(hourMs);
  t.same(await storage.keys(), ['agent.S1', 'agent.S2', 'framework.F1', 'agent.S3'], 'exactly so long they are known');
  await at.clock.advance(1_000);
  t.same(await storage.keys(), ['agent.S3'], 'who is in the cluster is never forgotten');
});

t.test('by default for two weeks, looked at every 15 minutes', async (t) => {
  const storage = new WatchedStorage();
  const at = await leading(t, storage);
  const now = at.clock.wallTime();
  await at.unreachable('older', now - 14 * 24 * hourMs);
  await at.unreachable('newer', now - 14 * 24 * hourMs + hourMs / 4);
  await at.clock.advance(hourMs / 4 - 1);
  t.same(await storage.keys(), ['agent.older', 'agent.newer']);
  await at.clock.advance(1);
  t.same(await storage.keys(), ['agent.newer']);
  await at.clock.advance(hourMs / 4);
  t.same(await storage.keys(), []);
});

t.test('of more than may be known, of each kind, the newest are', async (t) => {
  const storage = new WatchedStorage();
  const at = await leading(t, storage, { registryMaxAgentCount: 2, registryGcIntervalMs: 1_000 });
  const now = at.clock.wallTime();
  for (const [name, ago] of [
    ['b', 2],
    ['c', 1],
    ['a', 3],
  ] as const) {
    await at.unreachable(`U-${name}`, now - ago);
    await at.gone(`G-${name}`, now - ago);
    await at.done(`F-${name}`, now - ago);
  }
  await at.clock.advance(1_000);
  t.same((await storage.keys()).sort(), [
    'agent.G-b',
    'agent.G-c',
    'agent.U-b',
    'agent.U-c',
    'framework.F-b',
    'framework.F-c',
  ]);
});

t.test('by default, 102,400 of each kind', async (t) => {
  const unreachable = new Map(
    Array.from({ length: 102_401 }, (_, ago) => [`S${ago}` as SlaveId, { id: `S${ago}` as SlaveId, since: -ago }]),
  );
  const registry = Object.assign(new MutableRegistry(), { unreachable });
  t.same(garbage(registry, 0, registryGarbageDefaults), [{ type: 'remove-agent', id: 'S102400' }]);
});

t.test('what was forgotten when its leader died takes no room any more once the next one has read', async (t) => {
  const storage = new WatchedStorage();
  const first = await leading(t, storage, { registryMaxAgentAgeMs: 0, registryGcIntervalMs: 1_000 });
  await first.unreachable('S1');
  storage.discards = false;
  await first.clock.advance(1_000);
  t.same(await storage.keys(), ['agent.S1'], 'its record says that it is forgotten');
  storage.discards = true;
  const second = await leading(t, storage, {}, 2);
  await second.clock.settle();
  t.same(await storage.keys(), []);
});

t.test('a record that was written since is not thrown away with the one that it took the place of', async (t) => {
  const storage = new WatchedStorage();
  const { registrar, clock } = await leading(t, storage);
  const id = 'S1' as SlaveId;
  const info = { hostname: 'h', resources };
  await registrar.apply({ type: 'admit-agent', id, info, at: 1 });
  await Promise.all([
    registrar.apply({ type: 'remove-agent', id }),
    registrar.apply({ type: 'admit-agent', id, info, at: 2 }),
  ]);
  await clock.settle();
  t.same(await storage.keys(), ['agent.S1']);
});

t.test('whoever leads no more forgets nothing, and leaves no timer', async (t) => {
  const storage = new WatchedStorage();
  const at = await leading(t, storage, { registryMaxAgentAgeMs: 0, registryGcIntervalMs: 1_000 });
  await at.unreachable('S1');
  await at.registrar.close();
  t.equal(at.clock.timersPending, 0);
  await at.clock.advance(10_000);
  t.same(await storage.keys(), ['agent.S1']);
});
