import { type Allocation, AllocatorCore, AllocatorProcess, type SlaveDescription, type Usage } from '@mesos-ts/master';
import { Node, Random, VirtualClock } from '@mesos-ts/process';
import {
  containsResources,
  type Filters,
  type FrameworkId,
  formatResources,
  parseResources,
  type Resources,
  ResourcesError,
  type SlaveId,
  subtractResources,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';

const read = parseResources;
const framework = (name: string): FrameworkId => name as FrameworkId;
const slave = (name: string): SlaveId => name as SlaveId;
const [a, b, c] = [framework('a'), framework('b'), framework('c')];
const [s1, s2] = [slave('s1'), slave('s2')];

/** The core, for frameworks of one role each. */
class Drf {
  #core: AllocatorCore | undefined;
  readonly #roles = new Map<FrameworkId, string>();
  #random = new Random(1);
  get core(): AllocatorCore {
    const random = { integer: (below: number) => this.#random.integer(below) } as Random;
    this.#core ??= new AllocatorCore({ random });
    return this.#core;
  }
  addSlave(id: SlaveId, total: Resources, used: readonly Omit<Usage, 'role'>[]): void {
    const inRoles = used.map((usage) => ({ ...usage, role: this.#roleOf(usage.frameworkId) }));
    this.core.addSlave(id, { total, hostname: 'h' }, inRoles);
  }
  removeSlave(id: SlaveId): void {
    this.core.removeSlave(id);
  }
  setSlaveActive(id: SlaveId, active: boolean): void {
    if (active) this.core.activateSlave(id);
    else this.core.deactivateSlave(id);
  }
  addFramework(id: FrameworkId, role: string): void {
    this.#roles.set(id, role);
    this.core.addFramework(id, { roles: [role] });
  }
  removeFramework(id: FrameworkId): void {
    this.core.removeFramework(id);
  }
  setFrameworkActive(id: FrameworkId, active: boolean): void {
    if (active) this.core.activateFramework(id);
    else this.core.deactivateFramework(id);
  }
  recover(id: FrameworkId, slaveId: SlaveId, resources: Resources, now: number, filters?: Filters): void {
    this.core.recoverResources(id, slaveId, this.#roleOf(id), resources, now, filters);
  }
  #roleOf(id: FrameworkId): string {
    return this.#roles.get(id) ?? '*';
  }
  suppress(id: FrameworkId): void {
    this.core.suppressOffers(id, []);
  }
  revive(id: FrameworkId): void {
    this.core.reviveOffers(id, []);
  }
  allocate(now: number, random: Random): Allocation[] {
    this.#random = random;
    return this.core.allocate(now);
  }
  nextExpiry(_now: number): number | undefined {
    return this.core.nextExpiry();
  }
}

/** A Drf with these agents and active frameworks; roles as `name(role)`. */
function drfOf(agents: Record<string, string>, frameworks: readonly string[]): Drf {
  const drf = new Drf();
  for (const [id, resources] of Object.entries(agents)) drf.addSlave(slave(id), read(resources), []);
  for (const text of frameworks) {
    const [, name = '', role = '*'] = /^(\w+)(?:\((\w+)\))?$/.exec(text) ?? [];
    drf.addFramework(framework(name), role);
    drf.setFrameworkActive(framework(name), true);
  }
  return drf;
}

/** What an allocation gives, as `a s1 cpus:4`. */
function given(drf: Drf, now = 0): string[] {
  return drf.allocate(now, new Random(1)).map(text);
}

function text({ frameworkId, slaveId, resources }: Allocation): string {
  return `${frameworkId} ${slaveId} ${formatResources(resources)}`;
}

t.test('The example of the paper ends with three tasks of A, two of B, and equal dominant shares', (t) => {
  const total = read('cpus:9;mem:18432');
  const demands = new Map([
    [a, read('cpus:1;mem:4096')],
    [b, read('cpus:3;mem:1024')],
  ]);
  const drf = drfOf({ s1: formatResources(total) }, ['a', 'b']);
  const order: string[] = [];
  // The whole agent is offered to one framework at a time. It takes what one task needs and leaves the rest to others;
  // it refuses what does not hold a task.
  for (let turn = 0; turn < 20; turn++) {
    const allocations = drf.allocate(0, new Random(turn));
    t.ok(allocations.length <= 1, 'the free resources of one agent go to one framework');
    for (const { frameworkId, slaveId, resources } of allocations) {
      const demand = demands.get(frameworkId) ?? [];
      if (containsResources(resources, demand)) {
        order.push(frameworkId);
        drf.recover(frameworkId, slaveId, subtractResources(resources, demand), 0);
      } else drf.recover(frameworkId, slaveId, resources, 0, { refuseSeconds: 60 });
    }
  }
  t.same(order, ['a', 'b', 'a', 'b', 'a'], 'always the lower dominant share; the first by name');
  const tasks = (id: string): number => order.filter((one) => one === id).length;
  t.equal((tasks('a') * 4096) / 18432, 2 / 3, "A's dominant share, of memory");
  t.equal((tasks('b') * 3) / 9, 2 / 3, "B's dominant share, of CPUs");
  t.end();
});

t.test('Shares that a product in floating point would not tell apart are told apart', (t) => {
  const k = 1_000_000_000;
  const of = (cpus: number, mem: number): Resources => [
    ...(cpus > 0 ? [{ name: 'cpus', role: '*', scalar: cpus }] : []),
    ...(mem > 0 ? [{ name: 'mem', role: '*', scalar: mem }] : []),
  ];
  const drf = drfOf({}, ['a', 'b']);
  // k / (2k + 1) is more than (k - 1) / (2k - 1): multiplied out by 1, in 2 * 10^18.
  drf.addSlave(s1, of(2 * k + 1, 2 * k - 1), [
    { frameworkId: a, resources: of(k, 0) },
    { frameworkId: b, resources: of(0, k - 1) },
  ]);
  t.same(
    drf.allocate(0, new Random(1)).map(({ frameworkId }) => frameworkId),
    [b],
    'it would be a by its name if they were equal',
  );
  t.end();
});

t.test('Resources that are reserved go to their role alone', (t) => {
  const drf = drfOf({ s1: 'cpus:4;cpus(ads):2;mem(web):512' }, ['a', 'b(ads)', 'c(web)']);
  t.same(given(drf).sort(), ['a s1 cpus:4', 'b s1 cpus(ads):2', 'c s1 mem(web):512']);
  const idle = drfOf({ s1: 'cpus(ads):2' }, ['a']);
  t.same(given(idle), [], 'nobody of that role is there');
  t.end();
});

t.test('A refusal', async (t) => {
  /** After `a` had `cpus:4;mem:4096` of s1 and gave back `refused` of it, refusing that for 5 s at time 0. */
  const refusing = (refused: string): Drf => {
    const drf = drfOf({ s1: 'cpus:4;mem:4096' }, ['a']);
    given(drf);
    drf.recover(a, s1, read(refused), 0, { refuseSeconds: 5 });
    return drf;
  };

  t.test('holds for what it names and for less, not for more', async (t) => {
    const drf = refusing('cpus:2;mem:2048');
    t.same(given(drf), [], 'the same');
    drf.addFramework(b, '*');
    drf.setFrameworkActive(b, true);
    t.same(given(drf), ['b s1 cpus:2;mem:2048'], 'another framework does not refuse it');
    drf.setFrameworkActive(b, false);
    drf.recover(b, s1, read('cpus:1;mem:2048'), 0);
    t.same(given(drf), [], 'less');
    drf.recover(b, s1, read('cpus:1'), 0);
    t.same(given(drf), [], 'the same again');
    drf.recover(a, s1, read('cpus:0.001'), 0);
    t.same(given(drf), ['a s1 cpus:2.001;mem:2048'], 'a thousandth more');
  });

  t.test('runs out at its time, not before', async (t) => {
    const drf = refusing('cpus:4;mem:4096');
    t.equal(drf.nextExpiry(0), 5_000);
    t.same(given(drf, 4_999.9), []);
    t.same(given(drf, 5_000), ['a s1 cpus:4;mem:4096']);
    t.equal(drf.nextExpiry(5_000), undefined);
  });

  t.test('is one of several: each holds for its own time', async (t) => {
    const drf = refusing('cpus:4');
    drf.recover(a, s1, read('mem:4096'), 0, { refuseSeconds: 9 });
    t.same(given(drf, 0), ['a s1 cpus:4;mem:4096'], 'neither covers both together');
    drf.recover(a, s1, read('mem:4096'), 0);
    t.same(given(drf, 8_999), [], 'the memory alone is refused for longer');
    t.same(given(drf, 9_000), ['a s1 mem:4096']);
  });

  t.test('ends with a revival, with being activated again, and with its agent', async (t) => {
    const revived = refusing('cpus:4;mem:4096');
    revived.revive(a);
    t.same(given(revived), ['a s1 cpus:4;mem:4096']);
    const activated = refusing('cpus:4;mem:4096');
    activated.setFrameworkActive(a, true);
    t.same(given(activated), ['a s1 cpus:4;mem:4096']);
    const replaced = refusing('cpus:4;mem:4096');
    replaced.addSlave(s1, read('cpus:1'), []);
    t.same(given(replaced), ['a s1 cpus:1']);
  });

  t.test('of no time is none, and is of one agent alone', async (t) => {
    const drf = drfOf({ s1: 'cpus:4', s2: 'cpus:4' }, ['a']);
    given(drf);
    drf.recover(a, s1, read('cpus:4'), 0, { refuseSeconds: 0 });
    t.same(given(drf), ['a s1 cpus:4']);
    drf.recover(a, s1, read('cpus:4'), 0, { refuseSeconds: 5 });
    drf.recover(a, s2, read('cpus:4'), 0);
    t.same(given(drf), ['a s2 cpus:4']);
  });
});

t.test('What contradicts the books throws, and leaves them as they were', (t) => {
  const drf = drfOf({ s1: 'cpus:4;ports:[1-10]', s2: 'cpus:8' }, ['a', 'b']);
  drf.setFrameworkActive(b, false);
  given(drf);
  drf.recover(a, s1, read('cpus:1;ports:[1-5]'), 0);
  for (const [id, resources] of [
    [a, 'cpus:3.001'],
    [a, 'ports:[5-6]'],
    [a, 'gpus:1'],
    [a, 'cpus(ads):1'],
    [b, 'cpus:1'],
  ] as const)
    t.throws(
      () => drf.recover(id, s1, read(resources), 0, { refuseSeconds: 60 }),
      ResourcesError,
      `${id} ${resources}`,
    );
  t.same(given(drf), ['a s1 cpus:1;ports:[1-5]'], 'nothing was freed, nothing is refused');
  drf.recover(a, s1, read('cpus:4;ports:[1-10]'), 0);
  t.same(given(drf), ['a s1 cpus:4;ports:[1-10]'], 'all of it was still there');

  // An agent that reports more in use than it has is not taken in, and weighs on nobody's share.
  t.throws(() => drf.addSlave(slave('s3'), read('cpus:1'), [usage(b, 'cpus:1'), usage(b, 'cpus:1')]), ResourcesError);
  drf.setFrameworkActive(b, true);
  drf.setFrameworkActive(c, true);
  drf.addFramework(c, '*');
  drf.setFrameworkActive(c, true);
  drf.addSlave(slave('s4'), read('cpus:1'), []);
  t.same(given(drf), ['b s4 cpus:1'], 'b has nothing, and comes before c by its name');
  t.end();
});

function usage(frameworkId: FrameworkId, resources: string): Usage {
  return { frameworkId, role: '*', resources: read(resources) };
}

t.test('Shares', async (t) => {
  t.test('that are equal are told apart by the number of allocations', async (t) => {
    const drf = drfOf({ s1: 'cpus:3' }, ['a', 'b']);
    const turns: string[] = [];
    for (let turn = 0; turn < 4; turn++)
      for (const { frameworkId, resources } of drf.allocate(0, new Random(1))) {
        turns.push(frameworkId);
        drf.recover(frameworkId, s1, resources, 0);
      }
    t.same(turns, ['a', 'b', 'a', 'b'], 'who declines without a filter does not get it for ever');
  });

  t.test('are exact: the lower one counts as lower, however close they are', async (t) => {
    // 2/3 of the memory, and of the CPUs a 2.7e16th part less: as doubles, both are the same number.
    t.equal(6004799503160659 / 9007199254740989, 2 / 3);
    const drf = new Drf();
    drf.addSlave(s1, read('cpus:9007199254740.989;mem:0.003'), [
      usage(b, 'cpus:6004799503160.659'),
      usage(a, 'mem:0.002'),
    ]);
    for (const id of [a, b]) {
      drf.addFramework(id, '*');
      drf.setFrameworkActive(id, true);
    }
    t.same(given(drf), ['b s1 cpus:3002399751580.33;mem:0.001']);
  });

  t.test('count what agents reported of a framework before it came, and no more what a lost agent had', async (t) => {
    const drf = new Drf();
    drf.addSlave(s1, read('cpus:4'), [usage(a, 'cpus:4')]);
    drf.addSlave(s2, read('cpus:4'), [usage(b, 'cpus:1'), usage(b, 'cpus:1')]);
    for (const id of [a, b]) {
      drf.addFramework(id, '*');
      drf.setFrameworkActive(id, true);
    }
    t.same(given(drf), ['b s2 cpus:2'], 'b has less');
    drf.recover(b, s2, read('cpus:2'), 0);
    drf.removeSlave(s1);
    t.same(given(drf), ['a s2 cpus:2'], 'a has nothing any more');
  });

  t.test('of a resource that an agent alone had go with it, and what is not a scalar counts for nothing', async (t) => {
    const drf = drfOf({ s1: 'cpus:1;gpus:1', s2: 'cpus:1;ports:[1-2]' }, []);
    drf.addSlave(slave('s3'), read('cpus:100'), []);
    drf.addSlave(s1, read('cpus:1;gpus:1'), [usage(a, 'gpus:1')]);
    drf.addSlave(s2, read('cpus:1;ports:[1-2]'), [usage(b, 'ports:[1-2]'), usage(b, 'cpus:0.5')]);
    for (const id of [a, b]) {
      drf.addFramework(id, '*');
      drf.setFrameworkActive(id, true);
    }
    drf.setSlaveActive(slave('s3'), false);
    drf.setSlaveActive(s1, false);
    t.same(given(drf), ['b s2 cpus:0.5'], 'a has all GPUs');
    drf.recover(b, s2, read('cpus:0.5'), 0);
    drf.removeSlave(s1);
    t.same(given(drf), ['a s2 cpus:0.5'], 'there are no GPUs any more');
  });
});

t.test('Less than a hundredth of a CPU and less than 32 MB is worth no offer', (t) => {
  t.same(given(drfOf({ s1: 'cpus:0.009;mem:31.999;ports:[1-9]' }, ['a'])), []);
  t.same(given(drfOf({ s1: 'cpus:0.01' }, ['a'])), ['a s1 cpus:0.01']);
  t.same(given(drfOf({ s1: 'mem:32' }, ['a'])), ['a s1 mem:32']);
  t.same(given(drfOf({ s1: 'cpus(ads):1;mem:1' }, ['a'])), [], 'what others may use does not make it worth more');
  t.end();
});

t.test('Agents are dealt out one by one, in an order that chance decides', (t) => {
  const first = new Set<string>();
  for (let seed = 0; seed < 50; seed++) {
    const drf = drfOf({ s1: 'cpus:1', s2: 'cpus:1', s3: 'cpus:2' }, ['a', 'b']);
    const allocations = drf.allocate(0, new Random(seed));
    first.add(allocations[0]?.slaveId ?? '');
    t.equal(allocations[0]?.frameworkId, 'a');
    t.equal(allocations[1]?.frameworkId, 'b', 'the second has nothing yet');
  }
  t.same([...first].sort(), ['s1', 's2', 's3']);
  t.end();
});

t.test('The allocator as a process', async (t) => {
  const agent = (total: Resources): SlaveDescription => ({ total, hostname: 'h' });
  const start = async (t: Test) => {
    const clock = new VirtualClock();
    const node = await Node.start({ clock, random: new Random(1) });
    t.teardown(() => node.stop());
    const given: string[][] = [];
    const allocator = new AllocatorProcess('allocator', (allocations) => given.push(allocations.map(text)));
    node.spawn(allocator);
    allocator.addFramework(a, { roles: ['*'] });
    allocator.activateFramework(a);
    /** What was allocated since it was last asked for: one list for each time. */
    const take = async (): Promise<string[][]> => {
      await clock.settle();
      return given.splice(0);
    };
    return { allocator, clock, node, take };
  };

  t.test('makes one allocation of all that changes in one turn, and none of nothing', async (t) => {
    const { allocator, take } = await start(t);
    t.same(await take(), []);
    allocator.addSlave(s1, agent(read('cpus:1')), []);
    allocator.addSlave(s2, agent(read('cpus:1')), []);
    t.equal((await take())[0]?.length, 2);
    allocator.recoverResources(a, s1, '*', read('cpus:0.25'));
    allocator.recoverResources(a, s1, '*', read('cpus:0.25'));
    t.same(await take(), [['a s1 cpus:0.5']]);
  });

  t.test('wakes when a refusal runs out, and sets no timer otherwise', async (t) => {
    const { allocator, clock, take } = await start(t);
    allocator.addSlave(s1, agent(read('cpus:1')), []);
    await take();
    t.equal(clock.timersPending, 0);
    allocator.recoverResources(a, s1, '*', read('cpus:0.5'), { refuseSeconds: 2 });
    allocator.recoverResources(a, s1, '*', read('cpus:0.25'), { refuseSeconds: 5 });
    t.same(await take(), [['a s1 cpus:0.75']], 'neither refusal covers both');
    allocator.recoverResources(a, s1, '*', read('cpus:0.5'));
    await clock.advance(1_999);
    t.same(await take(), []);
    t.equal(clock.timersPending, 1, 'one for the next of all');
    await clock.advance(1);
    t.same(await take(), [['a s1 cpus:0.5']]);
    allocator.recoverResources(a, s1, '*', read('cpus:0.25'));
    await clock.advance(2_999);
    t.same(await take(), []);
    await clock.advance(1);
    t.same(await take(), [['a s1 cpus:0.25']]);
    t.equal(clock.timersPending, 0);
  });

  t.test('offers nothing of an agent whose books contradict themselves until it is added anew', async (t) => {
    const { allocator, node, take } = await start(t);
    for (const id of [s1, s2]) allocator.addSlave(id, agent(read('cpus:1')), []);
    await take();
    allocator.recoverResources(a, s1, '*', read('cpus:0.5'));
    allocator.recoverResources(a, s1, '*', read('cpus:0.75'));
    t.same(await take(), []);
    t.equal(node.counters.get('allocator_contradictions'), 1);
    allocator.deactivateSlave(s1);
    allocator.activateSlave(s1);
    t.same(await take(), [], 'also when it comes back');
    allocator.recoverResources(a, s2, '*', read('cpus:1'));
    t.same(await take(), [['a s2 cpus:1']], 'others are not troubled');
    allocator.addSlave(s1, agent(read('cpus:1')), []);
    t.same(await take(), [['a s1 cpus:1']]);
    allocator.deactivateSlave(s1);
    allocator.recoverResources(a, s1, '*', read('cpus:1'));
    t.same(await take(), []);
    allocator.activateSlave(s1);
    t.same(await take(), [['a s1 cpus:1']]);
    // More than can be counted: as two roles, it passes for well-formed.
    const most = `cpus:${(Number.MAX_SAFE_INTEGER - 1) / 1000}`;
    allocator.addSlave(s2, agent(read(`${most};${most.replace(':', '(ads):')}`)), []);
    allocator.deactivateSlave(s2);
    allocator.activateSlave(s2);
    allocator.recoverResources(a, s1, '*', read('cpus:1'));
    t.same(await take(), [['a s1 cpus:1']]);
    t.equal(node.counters.get('allocator_contradictions'), 2);
  });
});

// Random histories, against a model that is slow and plain
