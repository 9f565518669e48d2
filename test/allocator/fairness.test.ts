import assert from 'node:assert/strict';
import { AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import {
  containsResources,
  type FrameworkId,
  parseResources,
  type Resources,
  type SlaveId,
  subtractResources,
} from '@mesos-ts/protocol';
import fc from 'fast-check';
import t from 'tap';

/*
 * What dominant resource fairness promises (Mesos facts 10, after the paper), for users whose tasks all need the same.
 * The paper's resources can be divided at will; tasks cannot. So what is claimed here is what holds up to one task: each
 * bound is proven beside it, none is measured.
 *
 * In these: C is what the cluster has of a resource; a task's step is the largest part of any C that it takes; the share s
 * of a user is what its tasks take, so counted; w is its weight, W the sum of all. Every offer is answered before the next
 * is made: a user takes one task's worth of it, or refuses it when no task fits. So whoever is given a task has, before it,
 * the lowest s / w of all that want one that fits. What is left only shrinks, so whoever once does not fit never does.
 */

const runs = { numRuns: 2_000 };
t.setTimeout(180_000);

/** In cpus, and in units of 64 MB of memory. */
interface Amounts {
  readonly cpus: number;
  readonly mem: number;
}

interface User {
  readonly task: Amounts;
  readonly weight: number;
  /** How many tasks it wants to run. */
  readonly wanted: number;
}

interface Outcome {
  /** How many tasks each runs when nobody runs one more. */
  readonly tasks: readonly number[];
  /** By user: how many each ran when that one first found that no task of it fitted; undefined: it never did. */
  readonly whenRefused: readonly (readonly number[] | undefined)[];
  /** What is left of each agent. */
  readonly free: readonly Resources[];
}

function resourcesOf({ cpus, mem }: Amounts): Resources {
  return parseResources(`cpus:${cpus};mem:${mem * 64}`);
}

/** Has the allocator fill the agents with tasks: each user is a framework in a role of its own. */
function fill(agents: readonly Amounts[], users: readonly User[]): Outcome {
  const core = new AllocatorCore({ random: new Random(1) });
  core.updateWeights(Object.fromEntries(users.map(({ weight }, index) => [roleOf(index), weight * 1_000])));
  for (const [index, user] of users.entries()) {
    core.addFramework(frameworkOf(index), { roles: [roleOf(index)] });
    if (user.wanted > 0) core.activateFramework(frameworkOf(index));
  }
  for (const [index, agent] of agents.entries())
    core.addSlave(slaveOf(index), { total: resourcesOf(agent), hostname: 'h' }, []);
  const tasks = users.map(() => 0);
  const whenRefused: (readonly number[] | undefined)[] = users.map(() => undefined);
  while (core.pending)
    for (const { frameworkId, slaveId, role, resources } of core.allocate(0, () => true)) {
      const index = Number(frameworkId.slice(1));
      const { task, wanted } = users[index] as User;
      const needed = resourcesOf(task);
      if (!containsResources(resources, needed)) {
        whenRefused[index] ??= [...tasks];
        core.recoverResources(frameworkId, slaveId, role, resources, 0, { refuseSeconds: 3_600 });
        continue;
      }
      const running = (tasks[index] ?? 0) + 1;
      tasks[index] = running;
      core.used(frameworkId, slaveId, role, needed);
      if (running === wanted) core.suppressOffers(frameworkId, []);
      core.recoverResources(frameworkId, slaveId, role, subtractResources(resources, needed), 0);
    }
  return { tasks, whenRefused, free: agents.map((_, index) => core.free(slaveOf(index)) ?? []) };
}

/** The paper's algorithm, over one pool: always the lowest share that still wants a task, until no task fits. */
function progressiveFilling(pool: Amounts, users: readonly User[]): number[] {
  const standing = users.map((user, index) => ({ ...user, index, tasks: 0, turns: 0, fits: user.wanted > 0 }));
  const left = { ...pool };
  for (;;) {
    const [next] = standing
      .filter(({ fits, tasks, wanted }) => fits && tasks < wanted)
      .sort((a, b) => compareShares(a, b, pool) || a.turns - b.turns || a.index - b.index);
    if (next === undefined) return standing.map(({ tasks }) => tasks);
    next.turns++;
    next.fits = next.task.cpus <= left.cpus && next.task.mem <= left.mem;
    if (!next.fits) continue;
    next.tasks++;
    left.cpus -= next.task.cpus;
    left.mem -= next.task.mem;
  }
}

type Standing = User & { readonly tasks: number };

/** Of s / w, in whole numbers: these are small. */
function compareShares(a: Standing, b: Standing, pool: Amounts): number {
  return a.tasks * scaledStep(a, pool) * b.weight - b.tasks * scaledStep(b, pool) * a.weight;
}

/** A task's step, times both totals. */
function scaledStep({ task }: User, pool: Amounts): number {
  return Math.max(task.cpus * pool.mem, task.mem * pool.cpus);
}

function roleOf(index: number): string {
  return `r${index}`;
}

function frameworkOf(index: number): FrameworkId {
  return `f${index}` as FrameworkId;
}

function slaveOf(index: number): SlaveId {
  return `s${index}` as SlaveId;
}

const weight = fc.constantFrom(1, 1, 1, 2, 3);
const unlimited = 1_000_000;
const wanted = fc.constantFrom(unlimited, unlimited, 1, 5, 20);
const pool = fc.record({ cpus: fc.integer({ min: 20, max: 120 }), mem: fc.integer({ min: 20, max: 120 }) });
const amounts = (max: number) => fc.record({ cpus: fc.integer({ min: 1, max }), mem: fc.integer({ min: 1, max }) });
const users = (max: number) =>
  fc.array(fc.record({ task: amounts(max), weight, wanted }), { minLength: 1, maxLength: 5 });

t.test('The example of the paper: 9 CPUs and 18 GB, tasks of (1, 4) and (3, 1), end as three and two', (t) => {
  const gigabytes = (cpus: number, gb: number): Amounts => ({ cpus, mem: gb * 16 });
  const a: User = { task: gigabytes(1, 4), weight: 1, wanted: unlimited };
  const b: User = { task: gigabytes(3, 1), weight: 1, wanted: unlimited };
  const { tasks, free } = fill([gigabytes(9, 18)], [a, b]);
  t.same(tasks, [3, 2]);
  t.equal((3 * 4) / 18, 2 / 3, 'of the memory');
  t.equal((2 * 3) / 9, 2 / 3, 'of the CPUs');
  t.same(free[0], parseResources('mem:4096'), 'all CPUs are in use');
  t.end();
});

t.test('Ten times the example with weights 1 to 2: shares are as the weights, up to one task', (t) => {
  const pool = { cpus: 90, mem: 180 };
  const of = (weightOfA: number, weightOfB: number): readonly number[] =>
    fill(
      [pool],
      [
        { task: { cpus: 1, mem: 4 }, weight: weightOfA, wanted: unlimited },
        { task: { cpus: 3, mem: 1 }, weight: weightOfB, wanted: unlimited },
      ],
    ).tasks;
  t.same(of(1, 1), [30, 20], 'both two thirds');
  // In parts at will: x tasks of A take 4x / 180, y of B 3y / 90. With twice the share for A, x = 3y, and memory ends
  // first: 12y + y = 180, so that y is 13.8 and x 41.5. Then what is left over goes to whom it fits.
  t.same(of(2, 1), [41, 16], 'A has 0.91');
  // With twice the share for B, 3y / 90 = 8x / 180, so that 4x = 3y, and CPUs end first: x + 4x = 90.
  t.same(of(1, 2), [18, 24], 'A has 0.4 and B 0.8');
  t.end();
});

t.test('One pool is filled exactly as the paper’s algorithm fills it, with weights and wants', (t) => {
  fc.assert(
    fc.property(pool, users(12), (pool, users) => {
      assert.deepEqual(fill([pool], users).tasks, progressiveFilling(pool, users));
    }),
    runs,
  );
  t.end();
});

/*
 * Let i want more when nothing fits any more. When it was found not to fit, it had the lowest s / w of all that still did,
 * and whoever was given a task before had a lower one before that task: s_j - step_j <= w_j s_i / w_i for all j. Of the
 * resource r that i lacked, all have together more than C_r less one task of i, and nobody more of r than its share. So
 * 1 < sum of s_j + step_i <= W s_i / w_i + sum of all steps.
 */
t.test('Sharing incentive: nobody gets less than its part of the pool, less the average task', (t) => {
  fc.assert(
    fc.property(pool, users(6), (pool, users) => {
      const { tasks } = fill([pool], users);
      const whole = pool.cpus * pool.mem;
      const weights = users.reduce((sum, { weight }) => sum + weight, 0);
      const steps = users.reduce((sum, user) => sum + scaledStep(user, pool), 0);
      for (const [index, user] of users.entries()) {
        const running = tasks[index] as number;
        if (running === user.wanted) continue;
        const share = running * scaledStep(user, pool);
        assert.ok(weights * share + user.weight * steps > user.weight * whole, `${index} has ${running} of ${tasks}`);
      }
    }),
    runs,
  );
  t.end();
});

/*
 * From s_j - step_j <= w_j s_i / w_i above: with what all tasks of j but one take, in proportion to the weights, i could not
 * run more tasks than it does, as each takes its step of the resource that it needs most of, and j has no larger part of
 * that than of its own. What others get later is of the rest, in which no task of i fits.
 */
t.test('Envy-freeness: nobody would run more tasks with what another has, less one of the other’s tasks', (t) => {
  let compared = 0;
  fc.assert(
    fc.property(pool, users(6), (pool, users) => {
      const { tasks, whenRefused } = fill([pool], users);
      for (const [i, mine] of users.entries())
        for (const [j, theirs] of users.entries()) {
          if (tasks[i] === mine.wanted) continue;
          compared++;
          const bundle = Math.max(0, ((whenRefused[i] ?? tasks)[j] as number) - 1);
          const possible = Math.floor(
            Math.min((bundle * theirs.task.cpus) / mine.task.cpus, (bundle * theirs.task.mem) / mine.task.mem),
          );
          assert.ok(possible * mine.weight <= (tasks[i] as number) * theirs.weight, `${i} envies ${j} of ${tasks}`);
        }
    }),
    runs,
  );
  t.ok(compared > 5_000, `${compared} bundles were compared`);
  t.end();
});

t.test('Pareto efficiency: when nothing is offered any more, no task that anybody wants fits on any agent', (t) => {
  fc.assert(
    fc.property(fc.array(pool, { minLength: 1, maxLength: 4 }), users(12), (agents, users) => {
      const { tasks, free } = fill(agents, users);
      for (const [index, { task, wanted }] of users.entries())
        if (tasks[index] !== wanted)
          for (const left of free)
            assert.ok(!containsResources(left, resourcesOf(task)), `another task of ${index} would fit`);
    }),
    runs,
  );
  t.end();
});

/*
 * Let i be truthful with share s, and Delta the largest step of anybody's tasks, told or true. As above, all shares are
 * then at most s + Delta, and of the resource r that i lacked at last they have more than 1 - Delta: with q_j the part of r
 * that a task of j takes, relative to its step, (s + Delta) sum of q_j > 1 - Delta. Now let i lie. Until anybody does not fit,
 * all shares are within Delta of the lowest, m, so that the useful share of i, u <= m + Delta. Whether u is below m or
 * above, min(u, m) sum of q_j <= 1, hence min(u, m) < (s + Delta) / (1 - Delta). After that, less than Delta is left of some
 * resource; i needs at least q of it, the smallest such part of any of its resources, for each useful 1.
 */
t.test(
  'Strategy-proofness: a lie about what a task needs runs no more tasks than the truth does, but what is left over',
  (t) => {
    const large = fc.record({ cpus: fc.integer({ min: 80, max: 120 }), mem: fc.integer({ min: 80, max: 120 }) });
    const others = fc.array(amounts(4), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(large, amounts(4), amounts(4), others, (pool, task, lie, others) => {
        const user = (task: Amounts): User => ({ task, weight: 1, wanted: unlimited });
        const [truthful = 0] = fill([pool], [user(task), ...others.map(user)]).tasks;
        const [lied = 0] = fill([pool], [user(lie), ...others.map(user)]).tasks;
        const useful = Math.min((lied * lie.cpus) / task.cpus, (lied * lie.mem) / task.mem);
        const stepOf = (one: Amounts) => Math.max(one.cpus / pool.cpus, one.mem / pool.mem);
        const step = stepOf(task);
        const delta = Math.max(...[task, lie, ...others].map(stepOf));
        const least = Math.min(task.cpus / pool.cpus, task.mem / pool.mem) / step;
        const bound = (truthful * step + delta) / (1 - delta) + delta + delta / least;
        assert.ok(useful * step <= bound + 1e-9, `${useful} instead of ${truthful}`);
      }),
      runs,
    );
    t.end();
  },
);

t.test('Over many agents, tasks of one size are dealt out as the weights are, up to one task, and fill all', (t) => {
  const slots = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 8 });
  const claims = fc.array(fc.record({ weight, wanted }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(slots, claims, (slots, claims) => {
      const users = claims.map((claim) => ({ ...claim, task: { cpus: 2, mem: 3 } }));
      const agents = slots.map((count) => ({ cpus: 2 * count + 1, mem: 3 * count }));
      const { tasks } = fill(agents, users);
      const places = slots.reduce((sum, count) => sum + count, 0);
      const wants = users.reduce((sum, { wanted }) => sum + wanted, 0);
      assert.equal(
        tasks.reduce((sum, count) => sum + count, 0),
        Math.min(places, wants),
      );
      for (const [i, mine] of users.entries())
        for (const [j, theirs] of users.entries())
          if (tasks[i] !== mine.wanted)
            assert.ok(
              ((tasks[j] as number) - 1) * mine.weight <= (tasks[i] as number) * theirs.weight,
              `${j} has too much of ${tasks}`,
            );
    }),
    runs,
  );
  t.end();
});

/*
 * Of nodes with equal shares the one that was given to less often is first. When nobody keeps anything, all shares are 0
 * whenever something is given: siblings then take turns, whoever comes. A framework is thus given to at each turn of its
 * role among the siblings of it, and so on up: at least once in the product of the numbers of siblings on its way.
 */
t.test(
  'Starvation: while others only decline, a framework waits for at most one turn of all on each level of the tree',
  (t) => {
    const places = fc.array(fc.constantFrom('a', 'b', 'a/x', 'a/y', 'a/x/z', 'b/x'), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(places, (roles) => {
        const core = new AllocatorCore({ random: new Random(1) });
        for (const [index, role] of roles.entries()) {
          core.addFramework(frameworkOf(index), { roles: [role] });
          core.activateFramework(frameworkOf(index));
        }
        core.addSlave(slaveOf(0), { total: parseResources('cpus:4;mem:4096'), hostname: 'h' }, []);
        const waited = roles.map(() => 0);
        const turns = roles.map((role) => turnsOf(role, roles));
        for (let turn = 0; turn < 60; turn++) {
          const [gift, ...more] = core.allocate(0);
          assert.ok(gift !== undefined && more.length === 0);
          const index = Number(gift.frameworkId.slice(1));
          for (const other of waited.keys()) waited[other] = other === index ? 0 : (waited[other] ?? 0) + 1;
          for (const [other, most] of turns.entries())
            assert.ok((waited[other] as number) < most, `${other} of ${roles} waits since ${waited}`);
          core.recoverResources(gift.frameworkId, gift.slaveId, gift.role, gift.resources, 0);
        }
      }),
      runs,
    );
    t.end();
  },
);

/*
 * Who comes late, or was away, counts as given to as often as the least of its siblings that take part. Those are never more
 * than one gift apart while they only take turns, so that whoever waits sees each of the others once before its turn; and
 * twice one that came meanwhile, which may have begun one gift below.
 */
t.test('Starvation: who waits waits for one turn of each, and one more of who came meanwhile, late or again', (t) => {
  const times = fc.integer({ min: 1, max: 60 });
  const visitor = fc.record({ comes: fc.constantFrom(0, 0, 7, 30, 100), stays: times, isAway: times });
  const scene = fc.record({ inOneRole: fc.boolean(), visitors: fc.array(visitor, { minLength: 2, maxLength: 8 }) });
  fc.assert(
    fc.property(scene, ({ inOneRole, visitors }) => {
      const core = new AllocatorCore({ random: new Random(1) });
      core.addSlave(slaveOf(0), { total: parseResources('cpus:4;mem:4096'), hostname: 'h' }, []);
      // By framework that is there: how many turns of others it may see at most before its next one.
      const patience = new Map<number, number>();
      for (let turn = 0; turn < 200; turn++) {
        // One is always there, by which the others are measured.
        for (const [index, { comes, stays, isAway }] of [{ comes: 0, stays: 500, isAway: 0 }, ...visitors].entries()) {
          const frameworkId = frameworkOf(index);
          if (turn === comes) {
            core.addFramework(frameworkId, { roles: [inOneRole ? 'a' : roleOf(index)] });
            core.activateFramework(frameworkId);
          }
          if (turn === comes + stays) core.suppressOffers(frameworkId, []);
          if (turn === comes + stays) patience.delete(index);
          if (turn === comes + stays + isAway) core.reviveOffers(frameworkId, []);
          if (turn !== comes && turn !== comes + stays + isAway) continue;
          for (const [other, turns] of patience) patience.set(other, turns + 2);
          patience.set(index, 2 * patience.size);
        }
        const [gift] = core.allocate(0);
        assert.ok(gift !== undefined);
        const given = Number(gift.frameworkId.slice(1));
        for (const [index, turns] of patience) {
          assert.ok(index === given || turns > 0, `${index} waits too long, in turn ${turn}`);
          patience.set(index, index === given ? patience.size - 1 : turns - 1);
        }
        core.recoverResources(gift.frameworkId, gift.slaveId, gift.role, gift.resources, 0);
      }
    }),
    runs,
  );
  t.end();
});

/** The product of the numbers of siblings on the way to a framework in that role; the frameworks of a parent are one child. */
function turnsOf(role: string, roles: readonly string[]): number {
  const used = new Set(roles.flatMap((one) => prefixes(one)));
  const childrenOf = (parent: string) =>
    [...used].filter((one) => one.startsWith(parent) && !one.slice(parent.length).includes('/')).length;
  const frameworksIn = (path: string) => roles.filter((one) => one === path).length;
  const above = ['', ...prefixes(role)];
  const siblings = above.map((path, depth) => {
    if (path === '') return childrenOf('');
    const children = childrenOf(`${path}/`);
    return depth < above.length - 1 || children > 0 ? children + Math.min(1, frameworksIn(path)) : 1;
  });
  return siblings.reduce((product, count) => product * count, frameworksIn(role));
}

function prefixes(role: string): string[] {
  const names = role.split('/');
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

t.test(
  'Starvation: who holds nothing while all others hold something gets the first agent that comes free and fits',
  (t) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 8 }), fc.nat(), (sizes, needed, chosen) => {
        const core = new AllocatorCore({ random: new Random(chosen) });
        // Each of the others runs a task that fills an agent, and another one on an agent that never comes free.
        for (const [index, cpus] of sizes.entries()) {
          const running = (total: Resources) => [{ frameworkId: frameworkOf(index), role: '*', resources: total }];
          for (const [slaveId, total] of [
            [slaveOf(index), parseResources(`cpus:${cpus}`)],
            [slaveOf(100 + index), parseResources('cpus:1')],
          ] as const)
            core.addSlave(slaveId, { total, hostname: 'h' }, running(total));
          core.addFramework(frameworkOf(index), { roles: ['*'] });
          core.activateFramework(frameworkOf(index));
        }
        const hungry = frameworkOf(sizes.length);
        core.addFramework(hungry, { roles: ['*'] });
        core.requestResources(hungry, [{ role: '*', shape: { cpus: needed * 1_000 }, count: 1 }]);
        core.activateFramework(hungry);
        assert.deepEqual(core.allocate(0), []);
        const order = sizes.map((_, index) => (index + chosen) % sizes.length);
        for (const index of order) {
          core.releaseResources(frameworkOf(index), slaveOf(index), '*', parseResources(`cpus:${sizes[index]}`));
          const [first] = core.allocate(0);
          assert.ok(first !== undefined);
          const fits = (sizes[index] as number) >= needed;
          assert.equal(first.frameworkId === hungry, fits);
          if (fits) return;
        }
      }),
      runs,
    );
    t.end();
  },
);
