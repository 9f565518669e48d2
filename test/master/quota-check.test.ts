import { type QuotaSurroundings, updatedQuotas, wrongWithQuotas } from '@mesos-ts/master';
import type { Quota } from '@mesos-ts/protocol';
import t from 'tap';

/*
 * What an operator may set (Mesos facts 4.4), in thousandths: the cluster has 10 cpus and 1,000 mem.
 */

const capacity = new Map([
  ['cpus', 10_000],
  ['mem', 1_000_000],
]);

function quota(role: string, guarantees: Quota['guarantees'], limits: Quota['limits'] = {}): Quota {
  return { role, guarantees, limits };
}

function wrong(
  before: readonly Quota[],
  updates: readonly Quota[],
  options: {
    readonly force?: boolean;
    readonly consumed?: Readonly<Record<string, Record<string, number>>>;
    readonly returning?: QuotaSurroundings['returning'];
  } = {},
): string[] {
  const quotas = new Map(before.map((one) => [one.role, one]));
  const consumed = (role: string) => new Map(Object.entries(options.consumed?.[role] ?? {}));
  return wrongWithQuotas(
    updates,
    { quotas, capacity, consumed, returning: options.returning },
    { force: options.force ?? false },
  );
}

t.test('what fits is right', async (t) => {
  t.same(wrong([], [quota('eng', { cpus: 10_000 }), quota('ads', { mem: 1_000_000 }, { cpus: 0 })]), []);
  t.same(wrong([quota('eng', { cpus: 6_000 })], [quota('ads', { cpus: 4_000 })]), []);
  t.same(wrong([quota('eng', { cpus: 6_000 })], [quota('eng', { cpus: 10_000 })]), [], 'it replaces what was');
  t.same(
    wrong([quota('eng', { cpus: 6_000 })], [quota('eng/a', { cpus: 4_000 }), quota('eng/b', { cpus: 2_000 })]),
    [],
  );
});

t.test('while agents are still waited for, it is said that the cluster may turn out to have enough', async (t) => {
  const returning = { back: 12, all: 40, leftMs: 29_001 };
  t.same(wrong([], [quota('ads', { cpus: 10_500 })], { returning }), [
    'all guarantees together, 10.5 cpus, are above the 10 cpus of the cluster by 0.5 cpus',
    'only 12 of 40 agents are back since the change of leaders: ask again when more are, in 30 s at most, or use --force',
  ]);
  t.same(wrong([], [quota('ads', { cpus: 10_000 })], { returning }), []);
  const consumed = { ads: { cpus: 2_000 } };
  t.equal(
    wrong([], [quota('ads', {}, { cpus: 1_000 })], { returning, consumed }).length,
    1,
    'nothing else would change',
  );
});

t.test('guarantees at the top are together at most what the cluster has', async (t) => {
  t.same(wrong([quota('eng', { cpus: 6_000 })], [quota('ads', { cpus: 4_500 })]), [
    'all guarantees together, 10.5 cpus, are above the 10 cpus of the cluster by 0.5 cpus',
  ]);
  t.same(wrong([], [quota('eng', { gpus: 1 })]), [
    'all guarantees together, 0.001 gpus, are above the 0 gpus of the cluster by 0.001 gpus',
  ]);
  t.same(
    wrong([quota('eng', { cpus: 6_000 })], [quota('ads/x', { cpus: 4_500 })]).length,
    1,
    'that of a role below counts where its parent has none',
  );
  t.same(
    wrong([quota('eng', { cpus: 12_000 })], [quota('eng', { cpus: 11_000 }), quota('ads', { mem: 1_000 })]),
    [],
    'what is lowered is no more than it was, though agents have gone',
  );
  t.same(wrong([], [quota('eng', { cpus: 11_000 })], { force: true }), [], 'nor is it by force');
  t.equal(
    wrong(
      [],
      ['a', 'b'].map((role) => quota(role, { cpus: Number.MAX_SAFE_INTEGER })),
    ).length,
    1,
    'beyond all',
  );
});

t.test('those of the roles below one are together at most its own', async (t) => {
  t.same(wrong([quota('eng', { cpus: 3_000 })], [quota('eng/a', { cpus: 2_000 }), quota('eng/b/c', { cpus: 1_500 })]), [
    'role eng: those below it are guaranteed 3.5 cpus, which is above its own guarantee of 3 cpus by 0.5 cpus',
  ]);
  t.same(
    wrong([quota('eng/a', { cpus: 2_000 })], [quota('eng', { cpus: 1_000 })]).length,
    1,
    'also where the parent comes later',
  );
  t.same(wrong([quota('eng', { mem: 1 })], [quota('eng/a', { cpus: 2_000 })]), [], 'it says nothing of cpus');
});

t.test('a role is limited to no less than it has already, unless by force', async (t) => {
  const consumed = { eng: { cpus: 4_000, mem: 64_000 } };
  t.same(wrong([], [quota('eng', {}, { cpus: 3_000, mem: 64_000 })], { consumed }), [
    'role eng: it has 4 cpus already, which is above the limit of 3 cpus by 1 cpus',
  ]);
  t.same(wrong([], [quota('eng', {}, { cpus: 3_000 })], { consumed, force: true }), []);
  t.same(wrong([], [quota('eng', {}, { gpus: 0 })], { consumed }), []);
});

t.test('what contradicts itself is wrong even by force', async (t) => {
  for (const force of [true, false]) {
    t.same(wrong([], [quota('eng', { cpus: 3_000 }, { cpus: 2_000 })], { force }), [
      'role eng: what it and those below it are guaranteed, 3 cpus, is above its limit of 2 cpus by 1 cpus',
    ]);
    t.equal(wrong([quota('eng/a', { cpus: 3_000 })], [quota('eng', {}, { cpus: 2_000 })], { force }).length, 1);
    t.same(wrong([], [quota('eng', {}), quota('ads', {}), quota('eng', {})], { force }), [
      'the role eng is named twice',
    ]);
  }
});

t.test('of several things that are wrong all are told', async (t) => {
  const consumed = { ads: { cpus: 1_000 } };
  const found = wrong([], [quota('eng', { cpus: 11_000 }), quota('ads', {}, { cpus: 500 })], { consumed });
  t.match(found, [/all guarantees together/, /role ads/]);
});

t.test('a quota that promises and limits nothing is none', async (t) => {
  const before = new Map([quota('eng', { cpus: 1 }), quota('ads', {}, { cpus: 0 })].map((one) => [one.role, one]));
  const after = updatedQuotas(before, [quota('eng', { cpus: 0 }), quota('ops', {}, { cpus: 0 })]);
  t.same([...after.keys()], ['ads', 'ops']);
});
