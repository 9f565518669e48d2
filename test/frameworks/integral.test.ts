import {
  compileTree,
  formatResult,
  Integral,
  type IntegralPart,
  IntegrandError,
  parseExpression,
  splitSteps,
} from '@mesos-ts/frameworks';
import t from 'tap';

function compile(text: string): (x: number) => number {
  return compileTree(parseExpression(text).tree);
}

/** Runs a whole integral as a framework would: in parts, each in slices, the results added. */
function integrate(whole: Omit<IntegralPart, 'firstStep' | 'lastStep'>, perTask = 300_000): number {
  let total = 0;
  for (const range of splitSteps(whole.steps, perTask)) {
    const integral = new Integral({ ...whole, ...range });
    while (!integral.step(70_001));
    total += integral.value;
  }
  return total;
}

t.test('a million midpoints give pi to nine digits, in one part or in four', async (t) => {
  const whole = { f: compile('4*sqrt(1-x^2)'), from: 0, to: 1, steps: 1_000_000, rule: 'midpoint' } as const;
  t.ok(Math.abs(integrate(whole) - Math.PI) < 5e-10, `${integrate(whole)}`);
  t.equal(integrate(whole).toFixed(8), Math.PI.toFixed(8));
  t.ok(Math.abs(integrate(whole) - integrate(whole, 1_000_000)) < 1e-15, 'the split changes nothing');
});

t.test('a million midpoints give the logarithm of 2 to the last digits', async (t) => {
  const whole = { f: compile('1/x'), from: 1, to: 2, steps: 1_000_000, rule: 'midpoint' } as const;
  // The rule's own error is h^2/24 * (f'(2) - f'(1)), 3e-14 here.
  t.ok(Math.abs(integrate(whole) - Math.LN2) < 5e-14, `${integrate(whole)}`);
});

t.test('the left rule errs by half a step times the rise of the integrand, the midpoint rule far less', async (t) => {
  const whole = { f: compile('1/x'), from: 1, to: 2, steps: 1000, rule: 'left' } as const;
  const expected = -(0.001 / 2) * (1 / 2 - 1);
  t.ok(Math.abs(integrate(whole) - Math.LN2 - expected) < 1e-7, `${integrate(whole) - Math.LN2}`);
  t.ok(Math.abs(integrate({ ...whole, rule: 'midpoint' }) - Math.LN2) < 1e-7);
});

t.test('the left rule takes the beginnings of the steps and the midpoint rule the middles', async (t) => {
  const points = (rule: 'left' | 'midpoint'): number[] => {
    const seen: number[] = [];
    const f = (x: number): number => seen.push(x);
    new Integral({ f, from: 1, to: 3, steps: 4, firstStep: 1, lastStep: 4, rule }).step(100);
    return seen;
  };
  t.strictSame(points('left'), [1.5, 2, 2.5]);
  t.strictSame(points('midpoint'), [1.75, 2.25, 2.75]);
});

t.test('limits the wrong way round change the sign', async (t) => {
  const whole = { f: (x: number) => x, from: 2, to: 0, steps: 1000, rule: 'midpoint' } as const;
  t.ok(Math.abs(integrate(whole) + 2) < 1e-12);
  t.equal(integrate({ ...whole, from: 3, to: 3 }), 0, 'equal limits give nothing');
});

t.test('the sum is compensated: ten million tenths and a huge term that cancels lose nothing', async (t) => {
  const tenths = { f: () => 0.1, from: 0, to: 1e7, steps: 1e7, rule: 'left' } as const;
  t.equal(integrate(tenths, 1e7), 1e6);
  const values = [1, 1e100, 1, -1e100];
  const f = (x: number): number => values[x] ?? Number.NaN;
  const integral = new Integral({ f, from: 0, to: 4, steps: 4, firstStep: 0, lastStep: 4, rule: 'left' });
  integral.step(4);
  t.equal(integral.value, 2);
});

t.test('a sum beyond all doubles is infinite, not undefined', async (t) => {
  const f = (): number => Number.MAX_VALUE;
  t.equal(integrate({ f, from: 0, to: 10, steps: 10, rule: 'left' }), Number.POSITIVE_INFINITY);
});

t.test('a step evaluates as many points as it is told and says when the part is done', async (t) => {
  let calls = 0;
  const f = (): number => ++calls;
  const integral = new Integral({ f, from: 0, to: 10, steps: 10, firstStep: 2, lastStep: 7, rule: 'midpoint' });
  t.equal(integral.value, 0);
  t.equal(integral.step(3), false);
  t.equal(calls, 3);
  t.equal(integral.value, 6);
  t.equal(integral.step(100), true);
  t.equal(calls, 5);
  t.equal(integral.value, 15);
  t.equal(integral.step(1), true);
  t.equal(calls, 5);
});

t.test('a point where the integrand is not finite is named with its step', async (t) => {
  const whole = { from: -1, to: 1, steps: 4, firstStep: 0, lastStep: 4 } as const;
  const pole = new Integral({ ...whole, f: compile('1/x'), rule: 'left' });
  const error = t.throws(() => pole.step(100), IntegrandError) as IntegrandError;
  t.match(error, { code: 'INTEGRAND_NOT_FINITE', x: 0, value: Number.POSITIVE_INFINITY, step: 2, stepFrom: 0 });
  t.equal(error.stepTo, 0.5);
  t.match(error.message, 'the integrand is Infinity at x = 0, in step 2 from 0 to 0.5');
  t.throws(() => pole.step(100), IntegrandError, 'and again: it is not skipped');
  const undefinedThere = new Integral({ ...whole, f: compile('sqrt(x)'), rule: 'midpoint' });
  t.throws(() => undefinedThere.step(1), { name: 'IntegrandError', x: -0.75, value: Number.NaN, step: 0 });
  t.equal(new Integral({ ...whole, f: compile('1/x'), rule: 'midpoint' }).step(100), true, 'the pole is no midpoint');
});

t.test('steps are split into parts of 500,000 that cover them in order', async (t) => {
  t.strictSame(splitSteps(1_200_000), [
    { firstStep: 0, lastStep: 500_000 },
    { firstStep: 500_000, lastStep: 1_000_000 },
    { firstStep: 1_000_000, lastStep: 1_200_000 },
  ]);
  t.strictSame(splitSteps(3, 1).length, 3);
  t.strictSame(splitSteps(500_000), [{ firstStep: 0, lastStep: 500_000 }]);
});

t.test('bad arguments are refused by name', async (t) => {
  const good = { f: (x: number) => x, from: 0, to: 1, steps: 10, firstStep: 0, lastStep: 10, rule: 'left' } as const;
  for (const steps of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    t.throws(() => splitSteps(steps), { name: 'RangeError', message: /^steps is/ });
    t.throws(() => new Integral({ ...good, steps }), { name: 'RangeError', message: /^steps is/ });
  }
  t.throws(() => splitSteps(10, 0), { name: 'RangeError', message: /^perTask is 0/ });
  t.throws(() => splitSteps(2 ** 50, 1), { name: 'RangeError', message: /at most 1000000: use larger tasks/ });
  t.throws(() => new Integral({ ...good, lastStep: 11 }), { name: 'RangeError', message: /^lastStep is 11/ });
  t.throws(() => new Integral({ ...good, firstStep: 11 }), { name: 'RangeError', message: /^firstStep is 11/ });
  t.throws(() => new Integral(good).step(0), { name: 'RangeError', message: /^points is 0/ });
  for (const to of [Number.NaN, Number.POSITIVE_INFINITY])
    t.throws(() => new Integral({ ...good, to }), { name: 'RangeError', message: /limits .* finite/ });
  t.throws(() => new Integral({ ...good, from: -1e308, to: 1e308 }), { message: /limits .* finite/ });
});

t.test('results are printed with at most 15 digits and no zeros at the end', async (t) => {
  t.equal(formatResult(Math.PI), '3.14159265358979');
  t.equal(formatResult(0.1 + 0.2), '0.3');
  t.equal(formatResult(2), '2');
  t.equal(formatResult(-0.5), '-0.5');
  t.equal(formatResult(1.5e300), '1.5e+300');
  t.equal(formatResult(Number.POSITIVE_INFINITY), 'Infinity');
});
