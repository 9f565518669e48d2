import {
  alternate,
  type Figure,
  figureMarkdown,
  figureRecord,
  figureTable,
  pairedRatio,
  quantile,
  ratioOf,
  repeat,
  summary,
  type Target,
  targetText,
  verdict,
} from '@mesos-ts/bench';
import t from 'tap';

const baseline = { name: 'the plain way', value: 200 };

function figure(value: number | null, target?: Target, rest: Partial<Figure> = {}): Figure {
  return { id: 'x', unit: 'ms', value, ...(target === undefined ? {} : { target }), ...rest };
}

t.test('a figure is judged by every bound that it has, the hardest of which is named', async (t) => {
  t.strictSame(verdict(figure(10)), undefined, 'no target, no verdict');
  t.strictSame(verdict(figure(10, { atMost: 10 })), { bound: 10, met: true }, 'a bound itself is within it');
  t.strictSame(verdict(figure(10.1, { atMost: 10 })), { bound: 10, met: false });
  t.strictSame(verdict(figure(10, { atLeast: 10 })), { bound: 10, met: true });
  t.strictSame(verdict(figure(9.9, { atLeast: 10 })), { bound: 10, met: false });
  t.strictSame(verdict(figure(5, { atLeast: 1, atMost: 4 })), { bound: 1, met: false }, 'both must hold');
  t.strictSame(verdict(figure(null, { atMost: 10 })), { bound: 10, met: false }, 'what was not measured meets nothing');
});

t.test('a target to the baseline is judged by the ratio of the paired runs, else by that of the medians', async (t) => {
  const half: Target = { toBaseline: { atLeast: 0.5 } };
  t.strictSame(verdict(figure(100, half)), undefined, 'nothing can be told without the baseline');
  t.strictSame(verdict(figure(100, half, { baseline })), { bound: 100, met: true });
  t.strictSame(verdict(figure(99, half, { baseline })), { bound: 100, met: false });
  // By the pairs it was 0.4 of the baseline, though the medians say 0.5: as if the baseline were 250.
  t.strictSame(verdict(figure(100, half, { baseline, ratio: 0.4 })), { bound: 125, met: false });
  t.strictSame(verdict(figure(null, half, { baseline })), { bound: 100, met: false });
  const hard: Target = { atLeast: 150, toBaseline: { atLeast: 0.5 } };
  t.strictSame(verdict(figure(140, hard, { baseline })), { bound: 150, met: false });
  const slow: Target = { toBaseline: { atMost: 1.5 } };
  t.strictSame(verdict(figure(300, slow, { baseline })), { bound: 300, met: true });
  t.strictSame(verdict(figure(301, slow, { baseline })), { bound: 300, met: false });
});

t.test('the ratio is that of the pairs where it is known', async (t) => {
  t.equal(ratioOf(figure(100)), undefined);
  t.equal(ratioOf(figure(null, undefined, { baseline })), undefined);
  t.equal(ratioOf(figure(100, undefined, { baseline })), 0.5);
  t.equal(ratioOf(figure(100, undefined, { baseline, ratio: 0.4 })), 0.4);
});

t.test('a target is written as people do', async (t) => {
  const text = (target?: Target): string => targetText(figure(1, target), String);
  t.equal(text(), '');
  t.equal(text({ atLeast: 8, toBaseline: { atLeast: 0.4 } }), '>= 0.4 x, >= 8');
  t.equal(text({ atMost: 20, toBaseline: { atMost: 1.15 } }), '<= 1.15 x, <= 20');
});

t.test('median, extremes and half the distance of the quartiles sum a measurement up', async (t) => {
  t.strictSame(summary([5, 1, 3, 2, 4]), { median: 3, min: 1, max: 5, spread: 1 / 3, values: [5, 1, 3, 2, 4] });
  t.match(summary([1, 2]), { median: 1.5, min: 1, max: 2 }, 'between two by proportion');
  t.match(summary([7]), { median: 7, spread: 0 });
  t.equal(summary([-1, 0, 1]).spread, 0, 'not infinite where the median is 0');
  t.throws(() => summary([]), RangeError);
  t.equal(quantile([0, 10, 20, 30], 0.75), 22.5);
});

t.test('what is measured repeatedly is warmed up first, and several in turns', async (t) => {
  let n = 0;
  t.strictSame((await repeat(() => n++, { warmUps: 2, runs: 3 })).values, [2, 3, 4]);
  t.equal(n, 5);
  const order: string[] = [];
  const measure = (name: string, value: () => number) => async (): Promise<number> => {
    order.push(name);
    return value();
  };
  let slowness = 0;
  const { a, b } = await alternate(
    { a: measure('a', () => 10 * ++slowness), b: measure('b', () => 20 * slowness) },
    { warmUps: 1, runs: 3 },
  );
  t.equal(order.join(''), 'abababab');
  t.strictSame(
    [a.values, b.values],
    [
      [20, 30, 40],
      [40, 60, 80],
    ],
  );
  t.equal(pairedRatio(a, b), 0.5, 'what slows both of a pair down leaves their ratio as it is');
});

const figures: readonly Figure[] = [
  { id: 'fast', unit: '1/s', value: 1_234_567, spread: 0.051, target: { atLeast: 1_000_000 } },
  { id: 'slower.one', unit: 'ms', value: 0.2784, target: { toBaseline: { atMost: 1.1 } }, baseline, ratio: 1.2345 },
  { id: 'none', unit: 'B', value: null, target: { atMost: 5 }, note: 'there is no such file' },
];

t.test('figures are a table with aligned columns, and notes below it', async (t) => {
  const lines = figureTable(figures).split('\n');
  const cells = lines.slice(0, 5).map((line) => line.split(/ {2,}/));
  t.strictSame(cells[0], ['id', 'value', 'unit', 'target', 'met', 'baseline', 'its value', 'ratio']);
  t.match(lines[1], /^-+( +-+){7}$/);
  t.strictSame(cells[2], ['fast', '1,234,567 ± 5 %', '1/s', '>= 1,000,000', 'yes']);
  t.strictSame(cells[3], ['slower.one', '0.278', 'ms', '<= 1.1 x', 'NO', 'the plain way', '200', '1.23 x']);
  t.strictSame(cells[4], ['none', 'none', 'B', '<= 5', 'NO']);
  t.equal(lines[2]?.indexOf('1/s'), lines[3]?.indexOf('ms'));
  t.strictSame(lines.slice(5), ['none: there is no such file']);
});

t.test('the same in Markdown, and for machines', async (t) => {
  const lines = figureMarkdown(figures).split('\n');
  t.equal(new Set(lines.slice(0, 5).map(({ length }) => length)).size, 1);
  t.match(lines[1], /^\| -+ \| -+: \| -+ \| -+: \| -+ \| -+ \| -+: \| -+: \|$/, 'numbers to the right');
  t.match(lines[3], /^\| slower\.one \| +0\.278 \| ms /);
  t.strictSame(lines.slice(5), ['', '- none: there is no such file']);
  t.strictSame(figures.map(figureRecord)[2], {
    id: 'none',
    value: null,
    unit: 'B',
    target: 5,
    met: false,
    baseline: null,
  });
  t.match(figures.map(figureRecord)[1], { met: false, baseline: { name: 'the plain way', value: 200 } });
});
