import { type AllocatorOperations, type Figure, growthExponent, Original, roleTree, Session } from '@mesos-ts/bench';
import { Random } from '@mesos-ts/process';
import t from 'tap';

t.test('a growth exponent is that of the power which fits best', async (t) => {
  const points = (value: (size: number) => number) => [1, 3, 10, 30].map((size) => ({ size, value: value(size) }));
  const exponent = (value: (size: number) => number): string => growthExponent(points(value)).toFixed(6);
  t.equal(
    exponent((size) => 5 * size),
    '1.000000',
  );
  t.equal(
    exponent((size) => 0.1 * size ** 2),
    '2.000000',
  );
  t.equal(
    exponent(() => 7),
    '0.000000',
  );
  t.equal(
    exponent((size) => 7 / size),
    '-1.000000',
  );
  // By hand: the logarithms to base 10 are (0, 0), (1, 2), (2, 2), through which the best line has the slope 1.
  const bent = [
    { size: 1, value: 1 },
    { size: 10, value: 100 },
    { size: 100, value: 100 },
  ];
  t.equal(growthExponent(bent).toFixed(6), '1.000000');
  t.throws(() => growthExponent([{ size: 2, value: 1 }]), RangeError);
  t.throws(() => growthExponent(points((size) => size - 1)), RangeError, 'what takes no time has none');
});

t.test('a tree of roles is filled level by level, and has no more than fit', async (t) => {
  t.strictSame(roleTree(5, 2, 3), ['n0', 'n0/n0', 'n0/n1', 'n0/n0/n0', 'n0/n0/n1']);
  const roles = roleTree(1_000, 3, 7);
  t.equal(new Set(roles).size, 1_000);
  t.equal(Math.max(...roles.map((role) => role.split('/').length)), 7);
  t.throws(() => roleTree(8, 2, 3), RangeError);
});

t.test('the way of the original deals agents out evenly, each once, and again when they were given back', async (t) => {
  const original = new Original({ agents: 20, frameworks: 5 }, new Random('original'));
  for (let round = 0; round < 2; round++) {
    const allocations = original.allocate();
    t.equal(new Set(allocations.map(({ slaveId }) => slaveId)).size, 20);
    const frameworks = allocations.map(({ frameworkId }) => frameworkId);
    t.strictSame(
      [...new Set(frameworks)].map((id) => frameworks.filter((other) => other === id).length),
      [4, 4, 4, 4, 4],
    );
    t.strictSame(original.allocate(), [], 'nothing is left');
    original.giveBack(allocations);
  }
});

t.test('what is measured of the allocator does what it says, in a small cluster', async (t) => {
  const report = { add: (_figure: Figure): void => undefined, progress: (_line: string): void => undefined };
  const session = new Session(report, { wants: () => true, profileFolder: undefined });
  t.teardown(() => session.stop());
  const core = session.start<AllocatorOperations>('allocator', ['--expose-gc']);
  const isTime = (ms: number): boolean => Number.isFinite(ms) && ms > 0;
  const quota = { guarantees: { cpus: 2_000 }, limits: { cpus: 4_000, mem: 512_000 } };
  for (const spec of [
    { agents: 30, frameworks: 4 },
    { agents: 30, frameworks: 6, suppressed: 5 },
    { agents: 30, frameworks: 10, roles: 'tree' as const },
    { agents: 30, frameworks: 10, roles: 'own' as const, quota },
  ]) {
    await core.call('fill', spec);
    t.ok(isTime(await core.call('allocate')));
    t.ok(isTime(await core.call('again')));
    await core.call('turnByTurn');
    await core.call('requireAllGiven');
    await core.call('fillOriginal', spec);
    t.ok(isTime(await core.call('original')));
  }

  await core.call('fill', { agents: 30, frameworks: 4 });
  await core.call('allocate');
  const freed = await core.call('freed', 10);
  t.ok(freed.length === 10 && freed.every(isTime));

  await core.call('fill', { agents: 30, frameworks: 4, tasks: true });
  const { roundMs, bytesPerFilter } = await core.call('decline');
  t.equal(roundMs.length, 5, 'in each round one framework more has declined an agent, and in the last all have');
  t.ok(Number.isFinite(bytesPerFilter));
  for (let batch = 0; batch < 8; batch++) t.ok(isTime(await core.call('change', 10)));
  await core.call('expire');
  await core.call('requireAllGiven');
  await core.call('fill', { agents: 30, frameworks: 4, tasks: true });
  await core.call('decline');
  await core.call('revive');
  await core.call('requireAllGiven');

  const memory = await core.call('memory', { agents: 2_000, frameworks: 200 });
  t.ok(memory.idleAgent > 0 && memory.agent > 0 && memory.framework > 0);

  await t.rejects(
    core.call('fill', { agents: 3, frameworks: 20, roles: 'own', quota }).then(() => core.call('allocate')),
    /has \d+ thousandths of cpus, not 4000/,
    'what gives too little away is not measured',
  );
});
