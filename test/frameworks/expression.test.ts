import { createRequire } from 'node:module';
import {
  checkTree,
  compileTree,
  ExpressionError,
  type ExpressionErrorCode,
  type ExpressionTree,
  ExpressionTreeError,
  parseExpression,
} from '@mesos-ts/frameworks';
import fc from 'fast-check';
import t, { type Test } from 'tap';

/** The value at x after the tree's journey to an executor: as JSON, checked, compiled. */
function valueAt(text: string, x: number, variable = 'x'): number {
  return compileTree(checkTree(JSON.parse(JSON.stringify(parseExpression(text, variable).tree))))(x);
}

function errorOf(text: string): ExpressionError {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`not refused: ${text.slice(0, 100)}`);
}

/** Asserts that each text is refused with the code, at the character counted from 1. */
function refuses(t: Test, cases: readonly (readonly [string, ExpressionErrorCode, number])[]): void {
  for (const [text, code, position] of cases)
    t.match(errorOf(text), { name: 'ExpressionError', code, position, text }, JSON.stringify(text.slice(0, 40)));
}

t.test('mathjs is not loaded before the first text is parsed, so executors do not pay for it', async (t) => {
  const { cache } = createRequire(import.meta.url);
  const isLoaded = (): boolean => Object.keys(cache).some((file) => file.includes('mathjs'));
  compileTree(checkTree({ temporaries: [], value: ['sqrt', 'x'] }));
  t.equal(isLoaded(), false);
  parseExpression('x');
  t.equal(isLoaded(), true);
});

t.test('expressions have the values that mathematics gives them', async (t) => {
  const cases: readonly (readonly [string, number, number])[] = [
    ['4*sqrt(1-x^2)', 0.6, 3.2],
    ['1/x', 4, 0.25],
    ['y = x*x; res = 4*sqrt(1-y)', 0.6, 3.2],
    ['y = x*x\n\n# the circle\nres = 4*sqrt(1-y) # above\n', 0.6, 3.2],
    ['math.sqrt(x) + Math.sqrt(x)', 9, 6],
    ['math.pi + Math.E', 0, Math.PI + Math.E],
    ['pi + e + tau', 0, 3 * Math.PI + Math.E],
    ['-x**2', 3, -9],
    ['-x^2', 3, -9],
    ['(-x)**2', 3, 9],
    ['2**3**2', 0, 512],
    ['2^-1^2', 0, 0.5],
    ['2**-x', 3, 0.125],
    ['x**0.5 + 2**x + x**3', 4, 82],
    ['x - 1 - 1', 5, 3],
    ['16 / x / 2', 4, 2],
    ['1 + 2 * x', 4, 9],
    ['+x - -x', 4, 8],
    ['7 % x', 4, 3],
    ['-7 % x', 4, 1],
    ['7 % -x', 4, -1],
    ['8 % x', 4, 0],
    ['2*x % 3', 4, 2],
    ['log(x)', Math.E ** 2, 2],
    ['log(x, 10) + log(8, 2)', 1000, 6],
    ['log(x, 3)', 81, 4],
    ['pow(x, 3) + math.pow(2, x)', 3, 35],
    ['hypot(x, 4)', 3, 5],
    ['atan2(x, 1)', 1, Math.PI / 4],
    ['min(x, 2) + 10 * max(x, 2)', 3, 32],
    ['floor(x) + 10*ceil(x) + 100*round(x) + 1000*trunc(x)', 2.5, 2 + 30 + 300 + 2000],
    ['abs(sign(-x))', 9, 1],
    ['.5 + 1. + 1e3 + 2.5E-1 + x', 0, 1001.75],
    ['a = x; a = a + 1; a = a*a; a', 2, 9],
    ['a = 2; b = a^2; c = x; b*c', 5, 20],
    ['a = x + 1; b = a * 2; c = a + b; c', 1, 6],
    ['(x +\n 1) *\n 2', 1, 4],
    ['a =\r\n x\r\n;;\n a;\n', 3, 3],
    ['to = 2; not = 3; end = x; mod = 1; to*not*end*mod', 4, 24],
    ['x % (1 + x % (1 + x % 3))', 5, 2],
  ];
  for (const [text, x, expected] of cases) {
    const value = valueAt(text, x);
    t.ok(Math.abs(value - expected) < 1e-12, `${JSON.stringify(text)} at ${x} is ${value}, expected ${expected}`);
  }
});

t.test('every function of one argument is the one of that name', async (t) => {
  const names = [
    'abs',
    'acos',
    'acosh',
    'asin',
    'asinh',
    'atan',
    'atanh',
    'cbrt',
    'ceil',
    'cos',
    'cosh',
    'exp',
  ] as const;
  const more = ['expm1', 'floor', 'log', 'log10', 'log1p', 'log2', 'round', 'sign', 'sin', 'sinh', 'sqrt'] as const;
  for (const name of [...names, ...more, 'tan', 'tanh', 'trunc'] as const)
    for (const x of [0.3, 1.7]) t.ok(Object.is(valueAt(`${name}(x)`, x), Math[name](x)), `${name}(${x})`);
});

t.test('each shape of operands of each operator is computed by the operator', async (t) => {
  const operators: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
    '^': (a, b) => a ** b,
  };
  const operands: readonly (readonly [string, number])[] = [
    ['x', 1.25],
    ['2', 2],
    ['3', 3],
    ['0.7', 0.7],
    ['cos(x)', Math.cos(1.25)],
    ['sin(x)', Math.sin(1.25)],
    ['t', Math.tan(1.25)],
  ];
  for (const [operator, compute] of Object.entries(operators))
    for (const [left, a] of operands)
      for (const [right, b] of operands) {
        const value = valueAt(`t = tan(x); ${left} ${operator} ${right}`, 1.25);
        t.ok(Math.abs(value - compute(a, b)) <= 1e-15 * Math.abs(value), `${left} ${operator} ${right} is ${value}`);
      }
});

t.test('the variable may have another name', async (t) => {
  t.equal(valueAt('t*t', 3, 't'), 9);
  t.equal(valueAt('x = 2; x*t', 3, 't'), 6);
  for (const name of ['pi', 'sin', '', '2x', 'a b']) t.throws(() => parseExpression('1', name), TypeError);
});

t.test('a tree is plain data that survives JSON', async (t) => {
  const { tree } = parseExpression('y = x*x; res = 4*sqrt(1-y)');
  t.strictSame(tree, { temporaries: [['*', 'x', 'x']], value: ['*', 4, ['sqrt', ['-', 1, ['t', 0]]]] });
  t.strictSame(checkTree(JSON.parse(JSON.stringify(tree))), tree);
});

t.test('errors of meaning are reported at their place', async (t) => {
  refuses(t, [
    ['1 + foo(x)', 'UNKNOWN_FUNCTION', 5],
    ['x ** 2 + foo(x)', 'UNKNOWN_FUNCTION', 10],
    ['math.foo(x)', 'UNKNOWN_FUNCTION', 6],
    ['constructor(x)', 'UNKNOWN_FUNCTION', 1],
    ['x(2)', 'UNKNOWN_FUNCTION', 1],
    ['2*pi(2)', 'UNKNOWN_FUNCTION', 3],
    ['x*z', 'UNKNOWN_SYMBOL', 3],
    ['__proto__', 'UNKNOWN_SYMBOL', 1],
    ['y = 1; math.y', 'UNKNOWN_SYMBOL', 13],
    ['1 +\n  2*bar', 'UNKNOWN_SYMBOL', 9],
    ['1 + sin', 'WRONG_ARGUMENTS', 5],
    ['1 + sin()', 'WRONG_ARGUMENTS', 5],
    ['sin(x, 1)', 'WRONG_ARGUMENTS', 1],
    ['max(x) + 1', 'WRONG_ARGUMENTS', 1],
    ['x + max(1, 2, 3)', 'WRONG_ARGUMENTS', 5],
    ['log(1, 2, 3)', 'WRONG_ARGUMENTS', 1],
    ['1; x = 2', 'UNSUPPORTED', 1],
    ['y = 1; x = 2', 'BAD_ASSIGNMENT', 8],
    ['pi = 3', 'BAD_ASSIGNMENT', 1],
    ['sin = 3', 'BAD_ASSIGNMENT', 1],
    ['f(x) = x', 'BAD_ASSIGNMENT', 6],
    ['a = b = x', 'BAD_ASSIGNMENT', 7],
    ['2*(a = x)', 'BAD_ASSIGNMENT', 6],
    ['math.a = 1', 'BAD_ASSIGNMENT', 8],
    ['y = y + 1', 'USED_BEFORE_ASSIGNMENT', 5],
    ['a = b*x; b = 2; a*b', 'USED_BEFORE_ASSIGNMENT', 5],
    ['x\n + 1', 'UNSUPPORTED', 1],
  ]);
});

t.test('errors of syntax are reported at their place', async (t) => {
  refuses(t, [
    ['(x', 'SYNTAX', 3],
    ['(x; 1)', 'SYNTAX', 3],
    ['x ** 2)', 'SYNTAX', 7],
    ['x +', 'SYNTAX', 4],
    ['x ** ** 2', 'SYNTAX', 6],
    ['x // 2', 'SYNTAX', 4],
    ['y =; x', 'SYNTAX', 4],
    ['sin(,)', 'SYNTAX', 5],
    ['x, 1', 'SYNTAX', 2],
    ['(x, 1)', 'SYNTAX', 3],
    ['5%', 'SYNTAX', 3],
    ['%', 'SYNTAX', 1],
    ['x + %(x)', 'SYNTAX', 5],
    ['2x', 'SYNTAX', 2],
    ['x x', 'SYNTAX', 3],
    ['(x) (x)', 'SYNTAX', 5],
    ['1.5.2', 'SYNTAX', 4],
    ['0x10', 'SYNTAX', 2],
    ['x.y', 'SYNTAX', 2],
    ['x + é', 'SYNTAX', 5],
    ['$0', 'SYNTAX', 1],
  ]);
});

t.test('what mathjs has and an integrand has not is refused', async (t) => {
  refuses(t, [
    ['"text"', 'UNSUPPORTED', 1],
    ["x'", 'UNSUPPORTED', 2],
    ['[1, 2]', 'UNSUPPORTED', 1],
    ['x[1]', 'UNSUPPORTED', 2],
    ['{a: 1}', 'UNSUPPORTED', 1],
    ['x!', 'UNSUPPORTED', 2],
    ['x > 1', 'UNSUPPORTED', 3],
    ['x == 1', 'UNSUPPORTED', 3],
    ['x ? 1 : 2', 'UNSUPPORTED', 3],
    ['x | 1', 'UNSUPPORTED', 3],
    ['1:2', 'UNSUPPORTED', 2],
    ['x + 1e999', 'UNSUPPORTED', 5],
    ['true', 'UNKNOWN_SYMBOL', 1],
    ['x + NaN', 'UNKNOWN_SYMBOL', 5],
    ['import("fs")', 'UNSUPPORTED', 8],
    ['import(x)', 'UNKNOWN_FUNCTION', 1],
  ]);
});

t.test('texts without an expression, too long or too deep are refused, and never overflow the stack', async (t) => {
  refuses(t, [
    ['', 'EMPTY', 1],
    [' \t\n', 'EMPTY', 1],
    ['# only this\n # and this', 'EMPTY', 1],
    [';;\n;', 'EMPTY', 1],
    [' '.repeat(10_001), 'TOO_LONG', 10_001],
    ['('.repeat(10_000), 'TOO_DEEP', 201],
    ['-'.repeat(10_000), 'TOO_DEEP', 201],
    ['sin('.repeat(2500), 'TOO_DEEP', 804],
    ['x^'.repeat(4999), 'TOO_DEEP', 402],
    ['x^-'.repeat(3333), 'TOO_DEEP', 302],
    ['1+(2*('.repeat(1666), 'TOO_DEEP', 603],
    ['a='.repeat(5000), 'BAD_ASSIGNMENT', 4],
  ]);
});

t.test('what is as long or as deep as allowed is taken', async (t) => {
  t.equal(valueAt(`${'('.repeat(200)}x${')'.repeat(200)}`, 7), 7);
  t.equal(valueAt(`${'abs('.repeat(200)}x${')'.repeat(200)}`, -7), 7);
  t.equal(valueAt(`${'-'.repeat(200)}x`, 7), 7);
  t.equal(valueAt(`x${'^1'.repeat(200)}`, 7), 7);
  t.equal(valueAt(`x${'+x'.repeat(4999)}`, 1), 5000, 'a sum of 5,000 terms is not deep');
  t.equal(valueAt(`1${'-(x)'.repeat(2000)}`, 1), -1999);
  t.equal(valueAt(`${'x-(-x)+'.repeat(1000)}x`, 1), 2001);
  t.equal(valueAt(`${'-x^1*'.repeat(1000)}x`, 1), 1, 'signs and powers end with their operand');
  t.equal(valueAt(`${'y=x;'.repeat(2499)}y`, 3), 3);
  t.equal(valueAt(`${'a=x+1;'.repeat(1600)}a`, 3), 4);
});

t.test('a message says what, where, what would be right, and points at it', async (t) => {
  t.equal(
    errorOf('4*sqtr(x)').message.replace(/are .*/, 'are …'),
    'unknown function "sqtr" at character 3: known functions are …\n  4*sqtr(x)\n    ^',
  );
  t.match(errorOf('f(x)').message, /known functions are abs, acos, .*, pow, .*, trunc\n/);
  const second = errorOf('y = x*x;\n\tz = y*bar\n');
  t.match(second, { line: 2, column: 8, position: 17 });
  t.equal(second.message.split('\n')[1], '   z = y*bar');
  t.equal(second.message.split('\n')[2], '         ^');
  t.match(second.message, 'unknown symbol "bar" at line 2, column 8: known are x, y, e, pi, tau');
  t.match(errorOf('(x').message, 'expected ")" but found the end of the text at character 3');
  t.match(errorOf('x + * 2').message, 'expected a value but found "*" at character 5');
  t.match(errorOf('x ** ** 2').message, 'expected a value but found "**" at character 6');
  const long = errorOf(`${'x+'.repeat(1000)}foo${'+x'.repeat(1000)}`);
  const [, shown, caret] = long.message.split('\n');
  t.ok((shown ?? '').length <= 102, 'a long line is shown in part');
  t.equal(shown?.slice(caret?.indexOf('^')).slice(0, 3), 'foo');
});

t.test('junk is refused with an ExpressionError, or else is an expression', async (t) => {
  const words = ['x', 'y', '=', ';', '\n', '(', ')', 'sqrt', 'max', 'math.', ',', '**', '^', '-', '+', '*', '/', '%'];
  const word = fc.oneof(fc.constantFrom(...words, '1', '2.5', '.', 'e5', ' ', '#', '!', '[', '"', 'to', 'mod', '$1'));
  const grammar = fc.array(word, { maxLength: 60 }).map((parts) => parts.join(''));
  const short = fc.array(fc.constantFrom('x', '1', '+', '-', '**', '; ', 'y = ', 'y', '(x)'), { maxLength: 4 });
  const junk = fc.oneof(
    grammar,
    short.map((parts) => parts.join('')),
    fc.string({ maxLength: 80 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  let taken = 0;
  fc.assert(
    fc.property(junk, (text) => {
      try {
        if (typeof valueAt(text, 0.5) === 'number') taken++;
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        return error.position >= 1 && error.position <= text.length + 1;
      }
      return true;
    }),
    { numRuns: 1000 },
  );
  t.ok(taken > 10, `only ${taken} of the texts were expressions: the property says little`);
});

t.test('two hundred nested remainders take no exponential time', async (t) => {
  t.equal(valueAt(`${'x%(1+'.repeat(200)}x${')'.repeat(200)}`, 5), 5);
});

t.test('malformed and hostile trees are refused', async (t) => {
  let deep: unknown = 'x';
  for (let level = 0; level < 100_000; level++) deep = ['-', deep];
  const cyclic: unknown[] = ['-'];
  cyclic.push(cyclic);
  let doubling: unknown = 'x';
  for (let level = 0; level < 100; level++) doubling = ['+', doubling, doubling];
  const getter = Object.defineProperty(['sin', 'x'], 1, { get: () => 'x' });
  const values: readonly (readonly [string, unknown, RegExp])[] = [
    ['an unknown operation', ['eval', 'x'], /operation "eval" of 1 operands, unknown/],
    ['a name of Object.prototype', ['constructor', 'x'], /operation "constructor"/],
    ['__proto__', ['__proto__', 'x', 'x'], /operation "__proto__"/],
    ['too many operands', ['sin', 'x', 'x'], /operation "sin" of 2 operands/],
    ['too few operands', ['*', 'x'], /operation "\*" of 1 operands/],
    ['three operands', ['+', 'x', 'x', 'x'], /operation "\+" of 3 operands/],
    ['no operands', ['sin'], /operation "sin" of 0 operands/],
    ['an empty array', [], /without a name/],
    ['an operation that is no text', [Math.sin, 'x'], /without a name/],
    ['another variable', 'y', /of type string/],
    ['null', null, /of type null/],
    ['nothing', undefined, /of type undefined/],
    ['a function', () => 1, /of type function/],
    ['an object', { 0: 'sin', 1: 'x', length: 2 }, /of type object/],
    ['NaN', ['+', Number.NaN, 1], /the number NaN/],
    ['an infinity', Number.POSITIVE_INFINITY, /the number Infinity/],
    ['a hole', new Array(3).fill('sin', 0, 1), /operation "sin" of 2 operands/],
    ['a hole for an operand', new Array(3).fill('+', 0, 1), /of type undefined/],
    ['a getter', getter, /of type undefined/],
    ['a temporary that is not there', ['t', 1], /temporary 1/],
    ['a negative temporary', ['t', -1], /temporary -1/],
    ['a fractional temporary', ['t', 0.5], /without an index/],
    ['a temporary by name', ['t', 'length'], /without an index/],
    ['100,000 levels', deep, /more than 200 levels/],
    ['a cycle', cyclic, /more than 200 levels/],
    ['2^100 nodes', doubling, /more than 20000 nodes/],
  ];
  for (const [name, value, message] of values)
    t.throws(
      () => checkTree({ temporaries: [1], value }),
      { code: 'BAD_EXPRESSION_TREE', part: 'value', message },
      name,
    );
  for (const tree of [null, 'x', 1, [], {}, { value: 'x' }, { temporaries: {}, value: 'x' }, { temporaries: [] }])
    t.throws(() => checkTree(tree), ExpressionTreeError, JSON.stringify(tree));
  t.throws(() => checkTree(Object.create({ temporaries: [], value: 'x' })), ExpressionTreeError, 'an inherited tree');
  t.throws(() => checkTree({ temporaries: new Array(1e9), value: 'x' }), /more than 20000 temporaries/);
});

t.test('a temporary may use those before it only', async (t) => {
  const tree = (...temporaries: unknown[]): unknown => ({ temporaries, value: ['t', 0] });
  t.equal(compileTree(checkTree(tree(['+', 'x', 1], ['t', 0])))(2), 3);
  t.throws(() => checkTree(tree(['t', 0])), { part: 'temporaries[0]', message: /temporary 0/ });
  t.throws(() => checkTree(tree('x', ['t', 2], 'x')), { part: 'temporaries[1]', message: /temporary 2/ });
});

t.test('a checked tree is a copy that the sender cannot change', async (t) => {
  const given = { temporaries: [], value: ['sin', 'x'], more: 'ignored' };
  const checked = checkTree(given);
  given.value[0] = 'cos';
  t.strictSame(checked, { temporaries: [], value: ['sin', 'x'] });
});

t.test('an unchecked tree with unknown parts does not compile', async (t) => {
  for (const value of [['eval', 'x'], ['t', 3], ['constructor', 'x', 'x'], ['sin']])
    t.throws(() => compileTree({ temporaries: [], value } as unknown as ExpressionTree), ExpressionTreeError);
});

t.test('two compiled functions of one tree do not disturb each other', async (t) => {
  const { tree } = parseExpression('a = x+1; b = a*a; a + b');
  const first = compileTree(tree);
  const second = compileTree(tree);
  t.strictSame([first(1), second(2), first(1), second(2)], [6, 12, 6, 12]);
});
