import { RangeSum, splitRange, type WholeRange } from '@mesos-ts/frameworks';
import fc from 'fast-check';
import t from 'tap';

/** What the additions must come to, by the formula that the framework itself does without. */
function gauss({ begin, end }: WholeRange): bigint {
  return ((BigInt(begin) + BigInt(end) - 1n) * (BigInt(end) - BigInt(begin))) / 2n;
}

function sumOf({ begin, end }: WholeRange, additions: number): bigint {
  const sum = new RangeSum(begin, end);
  while (!sum.step(additions));
  return sum.total;
}

const countMax = Number.MAX_SAFE_INTEGER;

t.test('two hundred million additions come to the exact sum, which doubles alone do not', async (t) => {
  const range = { begin: 0, end: 200_000_000 };
  t.equal(sumOf(range, 1_000_000), 19999999900000000n);
  let naive = 0;
  for (let number = 1; number < range.end; number += 2) naive += number;
  for (let number = 0; number < range.end; number += 2) naive += number;
  t.not(BigInt(naive), 19999999900000000n, 'the test is of no use when plain doubles come to the same');
});

t.test('the parts of a split sum up to the whole', async (t) => {
  const ranges = splitRange(10_000_019, 7);
  const total = ranges.map((range) => sumOf(range, 100_003)).reduce((a, b) => a + b);
  t.equal(total, gauss({ begin: 0, end: 10_000_019 }));
});

t.test('numbers far above 2^32 are added exactly, up to the largest', async (t) => {
  for (const begin of [2 ** 31 - 500, 2 ** 32 - 500, 2 ** 45 + 1, 2 ** 52 - 500, countMax - 1000]) {
    const range = { begin, end: begin + 1000 };
    t.equal(sumOf(range, 1_000_000), gauss(range), `from ${begin} in one step`);
    t.equal(sumOf(range, 7), gauss(range), `from ${begin} in steps of 7`);
  }
});

t.test('many chunks of large numbers are added exactly', async (t) => {
  const range = { begin: 2 ** 40, end: 2 ** 40 + 3_000_001 };
  t.equal(sumOf(range, 1_000_000), gauss(range));
});

t.test('a sum is exact however it is sliced', async () => {
  const range = fc
    .tuple(fc.maxSafeNat(), fc.nat(3000))
    .map(([begin, size]) => ({ begin, end: Math.min(countMax, begin + size) }));
  fc.assert(fc.property(range, fc.integer({ min: 1, max: 4000 }), (r, slice) => sumOf(r, slice) === gauss(r)));
});

t.test('a step adds as many numbers as it is told and says when the range is done', async (t) => {
  const sum = new RangeSum(10, 15);
  t.equal(sum.total, 0n);
  t.equal(sum.step(2), false);
  t.equal(sum.total, 21n);
  t.equal(sum.step(3), true);
  t.equal(sum.total, 60n);
  t.equal(sum.step(1), true);
  t.equal(sum.total, 60n);
  t.equal(new RangeSum(4, 4).step(1), true, 'an empty range is done at once');
});

t.test('a split covers every number once, in order, in sizes that differ by at most one', async (t) => {
  const count = fc.oneof(fc.nat(2000), fc.maxSafeNat());
  fc.assert(
    fc.property(count, fc.integer({ min: 1, max: 300 }), (numbers, tasks) => {
      const ranges = splitRange(numbers, tasks);
      const sizes = ranges.map(({ begin, end }) => end - begin);
      const contiguous = ranges.every(({ begin }, index) => begin === (ranges[index - 1]?.end ?? 0));
      return (
        contiguous &&
        ranges.length === Math.min(numbers, tasks) &&
        (ranges.at(-1)?.end ?? 0) === numbers &&
        Math.min(...sizes, countMax) >= 1 &&
        Math.max(...sizes) - Math.min(...sizes) <= 1
      );
    }),
  );
  t.strictSame(splitRange(7, 3), [
    { begin: 0, end: 3 },
    { begin: 3, end: 5 },
    { begin: 5, end: 7 },
  ]);
  t.strictSame(splitRange(0, 3), []);
  t.equal(splitRange(countMax, 7).at(-1)?.end, countMax);
});

t.test('arguments that are no whole numbers of the allowed size are refused by name', async (t) => {
  for (const count of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => splitRange(count, 1), { name: 'RangeError', message: /^count is .* whole number/ });
  for (const tasks of [0, -1, 1.5, 1_000_001])
    t.throws(() => splitRange(10, tasks), { name: 'RangeError', message: /^tasks is / });
  t.throws(() => new RangeSum(5, 4), { name: 'RangeError', message: /^begin is 5; .* from 0 to 4/ });
  t.throws(() => new RangeSum(0, 2 ** 53), { name: 'RangeError', message: /^end is / });
  for (const additions of [0, -1, 0.5, Number.NaN])
    t.throws(() => new RangeSum(0, 4).step(additions), { name: 'RangeError', message: /^additions is / });
});
