import assert from 'node:assert/strict';
import {
  addResources,
  containsResources,
  equalResources,
  formatResources,
  formatScalar,
  isEmpty,
  lent,
  normalize,
  owned,
  parseResources,
  type Range,
  type Resource,
  type Resources,
  ResourcesError,
  ResourcesSchema,
  regularResources,
  resourcesForRole,
  revocableResources,
  scalarOf,
  scalarTotals,
  subtractResources,
  takeResources,
} from '@mesos-ts/protocol';
import { Value } from '@sinclair/typebox/value';
import fc from 'fast-check';
import t, { type Test } from 'tap';

const max = Number.MAX_SAFE_INTEGER;
const read = parseResources;

/** A text is good to read in a failed assertion, and equal only for equal canonical resources. */
const text = formatResources;

/** Names have a fixed kind, as on one machine; few values, so that they meet, overlap and touch often. */
const role = fc.constantFrom('*', 'ads', 'web');
const range = fc.tuple(fc.nat(30), fc.nat(6)).map(([begin, more]): [number, number] => [begin, begin + more]);
const scalar = fc.oneof(fc.nat(5000), fc.nat(2 ** 40));
const ranges = fc.array(range, { maxLength: 4 });
const set = fc.array(fc.constantFrom('a', 'b', 'c/1', 'd:2'));
const entry: fc.Arbitrary<Resource> = fc.oneof(
  fc.tuple(fc.constantFrom('cpus', 'mem'), role, scalar).map(([name, role, scalar]) => ({ name, role, scalar })),
  fc.tuple(fc.constantFrom('cpus', 'mem'), scalar).map(([name, scalar]): Resource => {
    return { name, role: '*', scalar, revocable: true };
  }),
  fc.tuple(fc.constantFrom('ports', 'ids'), role, ranges).map(([name, role, ranges]) => ({ name, role, ranges })),
  fc.tuple(fc.constant('disks'), role, set).map(([name, role, set]) => ({ name, role, set })),
);
const entries = fc.array(entry, { maxLength: 8 });
const resources = entries.map(normalize);

/** A part of `whole` that `choices` picks, made without the functions under test. */
function partOf(whole: Resources, choices: readonly number[]): Resources {
  let next = 0;
  const choose = () => choices[next++ % choices.length] ?? 0;
  const pick = (resource: Resource): Resource => {
    if ('scalar' in resource) return { ...resource, scalar: Math.floor(resource.scalar * choose()) };
    if ('set' in resource) return { ...resource, set: resource.set.filter(() => choose() < 0.5) };
    const numbers = numbersOf(resource.ranges).filter(() => choose() < 0.5);
    return { ...resource, ranges: numbers.map((n): [number, number] => [n, n]) };
  };
  return normalize(whole.map(pick));
}
const choices = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });

function numbersOf(ranges: readonly Range[]): number[] {
  return ranges.flatMap((r) => Array.from({ length: r[1] - r[0] + 1 }, (_, i) => r[0] + i));
}

/** A model that is plainly right: every port and item by itself, and the amount of every scalar. */
function model(list: Resources): Map<string, number | Set<unknown>> {
  const all = new Map<string, number | Set<unknown>>();
  for (const resource of list) {
    const key = `${resource.name}/${resource.role}${'revocable' in resource ? '+' : ''}`;
    const before = all.get(key);
    if ('scalar' in resource) all.set(key, (typeof before === 'number' ? before : 0) + resource.scalar);
    else {
      const items = 'set' in resource ? resource.set : numbersOf(resource.ranges);
      all.set(key, new Set([...(before instanceof Set ? before : []), ...items]));
    }
  }
  for (const [key, held] of all) if (held === 0 || (held instanceof Set && held.size === 0)) all.delete(key);
  return all;
}

/** Runs it, expecting a ResourcesError, and returns that. */
function refusal(run: () => unknown): ResourcesError {
  try {
    run();
  } catch (error) {
    if (error instanceof ResourcesError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function refuses(t: Test, run: () => unknown, code: string, message: string): void {
  t.match(refusal(run), { name: 'ResourcesError', code, message: `resources: ${message}` });
}

t.test('text is read exactly', async (t) => {
  t.strictSame(read('cpus:4;mem:4096;ports:[31000-32000]'), [
    { name: 'cpus', role: '*', scalar: 4000 },
    { name: 'mem', role: '*', scalar: 4_096_000 },
    { name: 'ports', role: '*', ranges: [[31000, 32000]] },
  ]);
  t.strictSame(read('disks(ads):{sdb,sda}'), [{ name: 'disks', role: 'ads', set: ['sda', 'sdb'] }]);
  t.strictSame(read(''), [], 'no text is no resources');
  t.strictSame(read(' \n ; ;'), [], 'nor are blanks and empty places');
  t.strictSame(
    read(' ports ( ads ) : [ 1 - 2 ,\t4 - 5 ] ; disks:{ a , b };cpus : 1 '),
    read('ports(ads):[1-2,4-5];disks:{a,b};cpus:1'),
    'blanks may stand around every token',
  );
  t.strictSame(read('cpus(*):1'), read('cpus:1'), 'the role * may be written');
  t.strictSame(read('cpus:0;ports:[];disks:{}'), [], 'what is empty is left out');
  t.equal(text(read('cpus:1;cpus:0.5;ports:[5-9];ports:[1-4,8-12]')), 'cpus:1.5;ports:[1-12]', 'repetitions unite');
});

t.test('decimals are read by their digits and rounded to thousandths, half away from zero', async (t) => {
  const thousandths = (number: string) => scalarOf(read(`x:${number}`), 'x');
  const cases: Record<string, number> = {
    '0.1': 100,
    '.5': 500,
    '007.25': 7250,
    '1.0004': 1000,
    '1.00049999': 1000,
    '1.0005': 1001,
    '0.9995': 1000,
    // As a double 1.0015 is just below itself, and times 1000 it is 1001.4999999999999.
    '1.0015': 1002,
    '9007199254740.991': max,
    '9007199254740.9914': max,
  };
  for (const [number, expected] of Object.entries(cases)) t.equal(thousandths(number), expected, number);
  for (const number of ['9007199254740.992', '9007199254740.9915', '9'.repeat(10_000)])
    t.equal(refusal(() => thousandths(number)).code, 'RESOURCES_OVERFLOW', `${number.slice(0, 20)} is too large`);
});

t.test('a number given out as text is the shortest decimal', async (t) => {
  t.strictSame([0, 1, 10, 500, 1000, 1024_001, max].map(formatScalar), [
    '0',
    '0.001',
    '0.01',
    '0.5',
    '1',
    '1024.001',
    '9007199254740.991',
  ]);
  for (const bad of [-1, 0.5, Number.NaN, max + 1])
    t.equal(refusal(() => formatScalar(bad)).code, 'RESOURCES_INVALID', `${bad} is no number of thousandths`);
});

t.test('a text that cannot be read is answered with the place and what was expected there', async (t) => {
  const syntax: [string, string][] = [
    ['cpus:four', 'in "cpus:four" at character 6: expected a number, [ranges] or {set}'],
    ['mem:1; cpus:four', 'in "cpus:four" at character 6: expected a number, [ranges] or {set}'],
    ['cpus', 'in "cpus" at character 5: expected ":" or "(role):"'],
    ['cpus(ads)4', 'in "cpus(ads)4" at character 10: expected ":"'],
    [':4', 'in ":4" at character 1: expected a name of 1 to 128 of A-Z a-z 0-9 _ . / -'],
    ['cpüs:4', 'in "cpüs:4" at character 1: expected a name of 1 to 128 of A-Z a-z 0-9 _ . / -'],
    ['cpus(..):4', 'in "cpus(..):4" at character 6: expected a role such as eng/prod, or *'],
    ['cpus(ads:4', 'in "cpus(ads:4" at character 6: expected a role such as eng/prod, or *'],
    ['cpus(ads', 'in "cpus(ads" at character 9: expected ")"'],
    ['cpus:1.', 'in "cpus:1." at character 7: expected ";" or the end'],
    ['cpus:1e3', 'in "cpus:1e3" at character 7: expected ";" or the end'],
    ['cpus:1,mem:2', 'in "cpus:1,mem:2" at character 7: expected ";" or the end'],
    ['ports:[8000]', 'in "ports:[8000]" at character 12: expected "-" and the end of the range'],
    ['ports:[1-]', 'in "ports:[1-]" at character 10: expected the end of the range'],
    ['ports:[1-2', 'in "ports:[1-2" at character 11: expected "," or "]"'],
    ['ports:[1-2,]', 'in "ports:[1-2,]" at character 12: expected a range such as 31000-32000'],
    ['disks:{a,,b}', 'in "disks:{a,,b}" at character 10: expected an item of 1 to 255 printable characters'],
    ['disks:{a b}', 'in "disks:{a b}" at character 10: expected "," or "}"'],
  ];
  for (const [input, message] of syntax) refuses(t, () => read(input), 'RESOURCES_SYNTAX', message);
  const negative = 'in "cpus:-1" at character 6: expected a number that is not negative';
  refuses(t, () => read('cpus:-1'), 'RESOURCES_INVALID', negative);
  const reversed = 'in "ports:[5-1]" at character 10: expected an end of the range that is not below 5';
  refuses(t, () => read('ports:[5-1]'), 'RESOURCES_INVALID', reversed);
  const large = 'in "ports:[0-9007199254740992]" at character 10: expected a smaller number';
  refuses(t, () => read('ports:[0-9007199254740992]'), 'RESOURCES_OVERFLOW', large);
  t.ok(refusal(() => read(`cpus:${'x'.repeat(100_000)}`)).message.length < 300, 'a long text is not all repeated');
});

t.test('a name has one kind in all roles', async (t) => {
  const message = 'cpus is a scalar and cpus(ads) a list of ranges; a name has one kind in all roles';
  refuses(t, () => read('cpus(ads):[1-2];cpus:1'), 'RESOURCES_KIND', message);
  refuses(t, () => read('cpus:0;cpus(ads):[1-2]'), 'RESOURCES_KIND', message);
  refuses(t, () => addResources(read('cpus:1'), read('cpus(ads):[1-2]')), 'RESOURCES_KIND', message);
  t.notOk(containsResources(read('x:1'), read('x:{1}')), 'one kind does not hold another');
  t.equal(refusal(() => subtractResources(read('x:1'), read('x:{1}'))).code, 'RESOURCES_NOT_CONTAINED');
});

t.test('the schema lets exactly the well-formed through', async (t) => {
  const passes = (resource: object) => Value.Check(ResourcesSchema, [resource]);
  const owner = { name: 'x', role: '*' };
  t.ok(passes({ ...owner, scalar: max }));
  t.ok(passes({ ...owner, ranges: [[0, max]] }));
  t.ok(passes({ ...owner, set: ['/dev/sda', '[::1]:80'] }));
  for (const scalar of [-1, 0.5, max + 1, Number.NaN, '1', null])
    t.notOk(passes({ ...owner, scalar }), `scalar ${scalar}`);
  for (const wrong of [[1], [1, 2, 3], [-1, 2], [0.5, 2], [0, max + 1], { 0: 1, 1: 2 }])
    t.notOk(passes({ ...owner, ranges: [wrong] }), `range ${JSON.stringify(wrong)}`);
  for (const item of ['', 'a b', 'a,b', 'a;b', '{', '}', 'ü', 'x'.repeat(256)])
    t.notOk(passes({ ...owner, set: [item] }), `item ${JSON.stringify(item)}`);
  for (const name of ['', 'a b', 'a:b', 'a(b)', '-a', 'x'.repeat(129)])
    t.notOk(passes({ name, role: '*', scalar: 1 }), `name ${JSON.stringify(name)}`);
  t.ok(passes({ ...owner, role: 'eng/prod', scalar: 1 }));
  t.notOk(passes({ ...owner, role: 'eng/', scalar: 1 }));
  t.notOk(passes(owner), 'no value');
  t.notOk(passes({ ...owner, scalar: 1, set: [] }), 'two values');
  t.ok(passes({ ...owner, scalar: 1, revocable: true }));
  t.notOk(passes({ ...owner, scalar: 1, revocable: false }), 'the mark is there or not');
  t.notOk(passes({ ...owner, ranges: [[1, 2]], revocable: true }), 'ranges cannot be revocable');
  t.notOk(passes({ ...owner, set: ['a'], revocable: true }), 'nor can sets');
  t.notOk(passes({ ...owner, scalar: 1, shared: true }), 'a qualifier that is not known here');
});

t.test('normalize refuses numbers that cannot be counted', async (t) => {
  const owner = { name: 'x', role: '*' };
  for (const scalar of [-1, 0.5, max + 1, Number.NaN])
    t.equal(refusal(() => normalize([{ ...owner, scalar }])).code, 'RESOURCES_INVALID', `scalar ${scalar}`);
  for (const wrong of [
    [-1, 2],
    [0.5, 2],
    [0, max + 1],
    [2, 1],
  ] as [number, number][])
    t.equal(refusal(() => normalize([{ ...owner, ranges: [wrong] }])).code, 'RESOURCES_INVALID', `range ${wrong}`);
});

t.test('nothing grows beyond what a message may carry', async (t) => {
  const odd = (count: number) => Array.from({ length: count }, (_, i): [number, number] => [2 * i + 1, 2 * i + 1]);
  const whole: Resources = [{ name: 'ports', role: '*', ranges: [[0, 65_536]] }];
  const left = subtractResources(whole, [{ name: 'ports', role: '*', ranges: odd(32_767) }]);
  t.ok(Value.Check(ResourcesSchema, left), 'the most ranges that are allowed pass the schema');
  const cut = () => subtractResources(whole, [{ name: 'ports', role: '*', ranges: odd(32_768) }]);
  t.equal(refusal(cut).code, 'RESOURCES_TOO_MANY');
  t.equal(refusal(() => read(Array.from({ length: 1025 }, (_, i) => `x${i}:1`).join(';'))).code, 'RESOURCES_TOO_MANY');
  const items = Array.from({ length: 4097 }, (_, i) => `i${i}`);
  t.equal(refusal(() => read(`x:{${items.join(',')}}`)).code, 'RESOURCES_TOO_MANY');
});

t.test('ranges that overlap or touch become one', async (t) => {
  t.equal(text(read('ports:[7-9, 1-3, 4-5, 2-2]')), 'ports:[1-5,7-9]');
  t.equal(text(read(`ports:[${max}-${max}, 0-${max - 1}]`)), `ports:[0-${max}]`, 'up to the largest number');
  t.equal(text(subtractResources(read(`ports:[0-${max}]`), read(`ports:[5-${max}]`))), 'ports:[0-4]');
  t.equal(
    text(subtractResources(read('ports:[0-9,20-29]'), read('ports:[0-1,4-5,8-9,20-24]'))),
    'ports:[2-3,6-7,25-29]',
  );
});

t.test('what is owned cannot be added again', async (t) => {
  const message = 'cannot add ports(ads) 3-4, which is there already';
  refuses(t, () => addResources(read('ports(ads):[1-4]'), read('ports(ads):[3-9]')), 'RESOURCES_OVERLAP', message);
  t.equal(refusal(() => addResources(read('disks:{a,b}'), read('disks:{b}'))).code, 'RESOURCES_OVERLAP');
  t.equal(text(addResources(read('ports:[1-4]'), read('ports:[5-9]'))), 'ports:[1-9]', 'neighbours may');
});

t.test('what is not there cannot be subtracted', async (t) => {
  const take = (from: string, what: string) => () => subtractResources(read(from), read(what));
  const missing = (what: string) => `cannot subtract ${what}, which is not there`;
  refuses(t, take('cpus:1', 'cpus:1.5'), 'RESOURCES_NOT_CONTAINED', missing('500 thousandths of cpus'));
  refuses(t, take('cpus(ads):1', 'cpus:1'), 'RESOURCES_NOT_CONTAINED', missing('1000 thousandths of cpus'));
  refuses(t, take('ports:[1-4]', 'ports:[0-5]'), 'RESOURCES_NOT_CONTAINED', missing('ports 0-0, 5-5'));
  refuses(t, take('disks:{a}', 'disks:{a,b}'), 'RESOURCES_NOT_CONTAINED', missing('disks b'));
});

t.test('a sum beyond 2^53 - 1 thousandths is refused and never rounded', async (t) => {
  const mem = (role: string, scalar: number): Resources => normalize([{ name: 'mem', role, scalar }]);
  const sums: ((a: number, b: number) => number)[] = [
    (a, b) => scalarOf(addResources(mem('*', a), mem('*', b)), 'mem'),
    (a, b) => scalarOf(normalize([...mem('*', a), ...mem('*', b)]), 'mem'),
    (a, b) => scalarOf([...mem('*', a), ...mem('ads', b)], 'mem'),
    (a, b) => scalarTotals([...mem('*', a), ...mem('ads', b)]).get('mem') ?? 0,
  ];
  const amount = fc.integer({ min: 0, max: max - 1 }).map((less) => max - less);
  fc.assert(
    fc.property(amount, amount, fc.constantFrom(...sums), (a, b, sum) => {
      if (BigInt(a) + BigInt(b) <= BigInt(max)) assert.equal(sum(a, b), a + b);
      else assert.equal(refusal(() => sum(a, b)).code, 'RESOURCES_OVERFLOW');
    }),
  );
  for (const sum of sums) {
    t.equal(sum(max - 1, 1), max, 'the largest sum is exact');
    t.equal(refusal(() => sum(max, 1)).code, 'RESOURCES_OVERFLOW', 'and one more is refused');
  }
});

t.test('resources are told apart by role', async (t) => {
  const tree = read('cpus:1;cpus(eng):2;cpus(eng/prod):4;cpus(eng/prod/web):8;cpus(engine):16;cpus(ops):32');
  t.equal(
    text(resourcesForRole(tree, 'eng/prod')),
    'cpus:1;cpus(eng):2;cpus(eng/prod):4',
    'its own and those above it',
  );
  t.equal(text(resourcesForRole(tree, 'eng')), 'cpus:1;cpus(eng):2', 'none below it');
  t.equal(text(resourcesForRole(tree, 'eng/test')), 'cpus:1;cpus(eng):2');
  t.equal(text(resourcesForRole(tree, 'engineer')), 'cpus:1', 'a part is a whole name');
  const all = read('cpus:1;cpus(ads):2;cpus(web):4;mem:8;ports(web):[1-2]');
  t.equal(text(resourcesForRole(all, 'ads')), 'cpus:1;cpus(ads):2;mem:8');
  t.equal(text(resourcesForRole(all, '*')), 'cpus:1;mem:8');
  t.equal(scalarOf(all, 'cpus'), 7000);
  t.equal(scalarOf(all, 'ports'), 0, 'ranges are no scalar');
  t.equal(scalarOf(all, 'gpus'), 0);
  t.strictSame(
    [...scalarTotals(all)],
    [
      ['cpus', 7000],
      ['mem', 8000],
    ],
  );
});

t.test('a task takes what is reserved before what is not', async (t) => {
  const take = (from: string, wanted: string) => {
    const taken = takeResources(read(from), read(wanted));
    return taken === undefined ? undefined : text(taken);
  };
  const offer = 'cpus:4;cpus(ads):1;mem:100;ports:[10-19];ports(ads):[20-29];disks:{a};disks(ads):{b}';
  t.equal(take(offer, 'cpus:0.5'), 'cpus(ads):0.5');
  t.equal(take(offer, 'cpus:1.5'), 'cpus:0.5;cpus(ads):1');
  t.equal(take(offer, 'cpus:5;mem:1'), 'cpus:4;cpus(ads):1;mem:1');
  t.equal(take(offer, 'ports:[18-21];disks:{a,b}'), 'disks:{a};disks(ads):{b};ports:[18-19];ports(ads):[20-21]');
  t.equal(take(offer, ''), '', 'nothing is always there');
  t.equal(take('x(web):1;x(ads):1;x:1', 'x:1.5'), 'x(ads):1;x(web):0.5', 'roles in the order of their names');
  for (const wanted of ['cpus:5.001', 'ports:[19-30]', 'disks:{c}', 'gpus:1', 'mem:{a}', 'cpus:1;mem:101'])
    t.equal(take(offer, wanted), undefined, `${wanted} is more than there is`);
  const message = 'wanted 1000 thousandths of cpus(ads) must be unreserved: leave out the role';
  refuses(t, () => take(offer, 'cpus(ads):1'), 'RESOURCES_INVALID', message);
});

t.test('what is revocable is another resource than what is regular', async (t) => {
  const all = read('cpus:4;cpus{REV}:2;cpus(ads):1;mem{REV}:512;cpus{REV}:0.5');
  t.equal(text(all), 'cpus:4;cpus{REV}:2.5;cpus(ads):1;mem{REV}:512', 'it adds up, and stands behind the regular one');
  t.strictSame(all[1], { name: 'cpus', role: '*', scalar: 2_500, revocable: true });
  t.notOk(containsResources(read('cpus:4'), read('cpus{REV}:1')));
  t.notOk(containsResources(read('cpus{REV}:4'), read('cpus:1')));
  t.notOk(equalResources(read('cpus{REV}:4'), read('cpus:4')));
  t.equal(text(addResources(read('cpus:1'), read('cpus{REV}:1'))), 'cpus:1;cpus{REV}:1');
  t.equal(text(subtractResources(all, read('cpus{REV}:2'))), 'cpus:4;cpus{REV}:0.5;cpus(ads):1;mem{REV}:512');
  const message = 'cannot subtract 1000 thousandths of mem, which is not there';
  refuses(t, () => subtractResources(all, read('mem:1')), 'RESOURCES_NOT_CONTAINED', message);
  t.equal(text(resourcesForRole(all, 'web')), 'cpus:4;cpus{REV}:2.5;mem{REV}:512', 'it is for every role');
  t.equal(scalarOf(all, 'cpus'), 7_500, 'both count to a sum');
  t.equal(text(regularResources(all)), 'cpus:4;cpus(ads):1');
  t.equal(text(revocableResources(all)), 'cpus{REV}:2.5;mem{REV}:512');
  t.equal(
    text(takeResources(all, read('cpus:5')) ?? []),
    'cpus:4;cpus(ads):1',
    'who wants a regular one is given none',
  );
  t.equal(takeResources(all, read('cpus:5.5')), undefined);
  t.equal(text(takeResources(all, read('cpus{REV}:1')) ?? []), 'cpus{REV}:1', 'who wants one is given no regular one');
  t.equal(takeResources(all, read('cpus{REV}:3')), undefined);
});

t.test('only amounts can be revocable, and none that are reserved', async (t) => {
  t.equal(text(lent(read('cpus:2;mem:512;cpus{REV}:1'))), 'cpus{REV}:3;mem{REV}:512');
  const list = 'ports cannot be revocable: only amounts can';
  refuses(t, () => lent(read('ports:[1-2]')), 'RESOURCES_INVALID', list);
  refuses(t, () => lent(read('x:{a}')), 'RESOURCES_INVALID', 'x cannot be revocable: only amounts can');
  const reserved = 'cpus(ads){REV}: what is revocable cannot be reserved';
  refuses(t, () => lent(read('cpus(ads):1')), 'RESOURCES_INVALID', reserved);
  t.equal(owned(read('cpus:1;x:{a}')).length, 2);
  const own = 'cpus{REV}: what an agent has of its own is not revocable';
  refuses(t, () => owned(read('cpus:1;cpus{REV}:1')), 'RESOURCES_INVALID', own);
  const marked: Resource = { name: 'cpus', role: 'ads', scalar: 1, revocable: true };
  refuses(t, () => normalize([marked]), 'RESOURCES_INVALID', reserved);
  t.equal(text(read('cpus(*){REV}:1; mem {REV} :2')), 'cpus{REV}:1;mem{REV}:2');
  for (const [input, message] of [
    [
      'cpus(ads){REV}:1',
      'in "cpus(ads){REV}:1" at character 10: expected ":", as what is revocable cannot be reserved',
    ],
    ['ports{REV}:[1-2]', 'in "ports{REV}:[1-2]" at character 12: expected a number, as nothing else can be revocable'],
    ['x{REV}:{a}', 'in "x{REV}:{a}" at character 8: expected a number, as nothing else can be revocable'],
  ] as const)
    refuses(t, () => read(input), 'RESOURCES_INVALID', message);
  for (const [input, message] of [
    ['cpus{rev}:1', 'in "cpus{rev}:1" at character 5: expected ":" or "(role):"'],
    ['cpus{REV}(ads):1', 'in "cpus{REV}(ads):1" at character 10: expected ":"'],
    ['cpus{REV}', 'in "cpus{REV}" at character 10: expected ":"'],
  ] as const)
    refuses(t, () => read(input), 'RESOURCES_SYNTAX', message);
});

t.test('normalize keeps what there is, and a second time changes nothing', async () => {
  fc.assert(
    fc.property(entries, (list) => {
      const canonical = normalize(list);
      assert.deepEqual(normalize(canonical), canonical);
      assert.deepEqual(normalize(list.toReversed()), canonical, 'the order of a list does not matter');
      assert.deepEqual(model(canonical), model(list));
      assert.ok(Value.Check(ResourcesSchema, canonical));
      assert.deepEqual(
        canonical.map((r) => `${r.name} ${r.role}${'revocable' in r ? '+' : ''}`),
        [...model(list).keys()].map((key) => key.replace(/\/(?=[^/]*$)/, ' ')).sort(),
        'one entry per name, role and mark, in their order',
      );
      for (const r of canonical)
        if ('ranges' in r) assert.ok(r.ranges.every((x, i) => i === 0 || x[0] > (r.ranges[i - 1]?.[1] ?? 0) + 1));
    }),
  );
});

t.test('the text of resources reads as the same resources', async (t) => {
  fc.assert(fc.property(resources, (a) => assert.deepEqual(read(text(a)), a)));
  t.equal(
    text(read('web:{z,y};ports(b):[1-1];ports:[2-3, 9-9];cpus:0.250')),
    'cpus:0.25;ports:[2-3,9-9];ports(b):[1-1];web:{y,z}',
  );
});

t.test('what is subtracted and added again, or the other way round, is conserved', async () => {
  fc.assert(
    fc.property(resources, choices, (whole, picks) => {
      const part = partOf(whole, picks);
      const rest = subtractResources(whole, part);
      assert.deepEqual(addResources(rest, part), whole);
      assert.deepEqual(addResources(part, rest), whole);
      assert.deepEqual(subtractResources(whole, rest), part);
      assert.deepEqual(normalize(rest), rest, 'what is left is canonical');
      assert.ok(isEmpty(subtractResources(whole, whole)), 'nothing is left of all');
      assert.equal(isEmpty(rest), text(part) === text(whole));
      for (const name of ['cpus', 'mem'])
        assert.equal(scalarOf(whole, name), scalarOf(part, name) + scalarOf(rest, name));
    }),
  );
});

t.test('no function changes what it is given', async () => {
  fc.assert(
    fc.property(entries, choices, (list, picks) => {
      const before = structuredClone(list);
      const whole = normalize(list);
      assert.deepEqual(list, before);
      const part = partOf(whole, picks);
      const copies = structuredClone([whole, part]);
      addResources(subtractResources(whole, part), part);
      takeResources(
        whole,
        resourcesForRole(part, '*').filter((r) => r.role === '*'),
      );
      containsResources(whole, part);
      assert.deepEqual([whole, part], copies);
    }),
  );
});

t.test('contains is a partial order, and agrees with a plain model', async () => {
  fc.assert(
    fc.property(resources, resources, choices, choices, (a, b, some, fewer) => {
      assert.ok(containsResources(a, a), 'reflexive');
      assert.equal(containsResources(a, b) && containsResources(b, a), text(a) === text(b), 'antisymmetric');
      assert.equal(equalResources(a, b), text(a) === text(b), 'equality is of both directions');
      const part = partOf(a, some);
      const less = partOf(part, fewer);
      assert.ok(
        containsResources(a, part) && containsResources(part, less) && containsResources(a, less),
        'transitive',
      );
      const inside = [...model(b)].every(([key, held]) => {
        const has = model(a).get(key);
        if (typeof held === 'number') return typeof has === 'number' && has >= held;
        return has instanceof Set && [...held].every((item) => has.has(item));
      });
      assert.equal(containsResources(a, b), inside);
    }),
  );
});

t.test('taking gives what was wanted out of what there is, or says that it does not suffice', async () => {
  const anyRole = (list: Resources) => normalize(list.map((r) => ({ ...r, role: '*' })));
  fc.assert(
    fc.property(resources, resources, choices, (offer, other, picks) => {
      for (const wanted of [anyRole(other), anyRole(partOf(offer, picks))]) {
        const taken = takeResources(offer, wanted);
        assert.equal(taken !== undefined, containsResources(anyRole(offer), wanted));
        if (taken === undefined) continue;
        assert.ok(containsResources(offer, taken), 'a part of the offer');
        assert.deepEqual(anyRole(taken), wanted, 'neither more nor less');
        const left = subtractResources(offer, taken);
        for (const r of taken)
          if (r.role === '*' && 'scalar' in r && r.revocable !== true)
            assert.ok(!left.some((x) => x.name === r.name && x.role !== '*'), 'reserved ones first');
      }
    }),
  );
});

t.test('no text does worse than to be refused', async (t) => {
  const token = fc.constantFrom(' ', ...'cpus : ; ( ) [ ] { } {REV} , - . 4 99 * ä 😀'.split(' '));
  const junk = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(token, { maxLength: 20 }).map((tokens) => tokens.join('')),
  );
  const seen = { read: 0, refused: 0 };
  fc.assert(
    fc.property(junk, (input) => {
      try {
        const list = read(input);
        assert.ok(Value.Check(ResourcesSchema, list));
        assert.deepEqual(normalize(list), list);
        seen.read++;
      } catch (error) {
        if (!(error instanceof ResourcesError)) throw error;
        assert.match(error.message, /^resources: ./);
        seen.refused++;
      }
    }),
    { numRuns: 1000 },
  );
  t.ok(seen.read > 0 && seen.refused > 0, 'both happened');
});
