/** The value of a tree, or of a part of one, at a point. */
export type Evaluate = (x: number) => number;

/** A compiled operand of an operation. */
export interface Operand {
  readonly evaluate: Evaluate;
  /** Its value when it is the same at every point. */
  readonly constant?: number;
}

type UnaryCompiler = (a: Evaluate) => Evaluate;
type BinaryCompiler = (a: Operand, b: Operand) => Evaluate;

/** x, the variable itself. One function, so that operations on it can be recognised. */
export const variable: Operand = { evaluate: (x) => x };

/**
 * The operations of one operand, by the name they have in a tree. `round` takes halves up, as JavaScript does.
 *
 * Each has a closure of its own text: V8 inlines what a closure calls as long as all closures of the same text call
 * the same, which one text for all functions would rule out.
 */
export const unaryOperations: ReadonlyMap<string, UnaryCompiler> = new Map<string, UnaryCompiler>([
  ['-', (a) => (x) => -a(x)],
  ['abs', (a) => (x) => Math.abs(a(x))],
  ['acos', (a) => (x) => Math.acos(a(x))],
  ['acosh', (a) => (x) => Math.acosh(a(x))],
  ['asin', (a) => (x) => Math.asin(a(x))],
  ['asinh', (a) => (x) => Math.asinh(a(x))],
  ['atan', (a) => (x) => Math.atan(a(x))],
  ['atanh', (a) => (x) => Math.atanh(a(x))],
  ['cbrt', (a) => (x) => Math.cbrt(a(x))],
  ['ceil', (a) => (x) => Math.ceil(a(x))],
  ['cos', (a) => (x) => Math.cos(a(x))],
  ['cosh', (a) => (x) => Math.cosh(a(x))],
  ['exp', (a) => (x) => Math.exp(a(x))],
  ['expm1', (a) => (x) => Math.expm1(a(x))],
  ['floor', (a) => (x) => Math.floor(a(x))],
  ['log', (a) => (x) => Math.log(a(x))],
  ['log10', (a) => (x) => Math.log10(a(x))],
  ['log1p', (a) => (x) => Math.log1p(a(x))],
  ['log2', (a) => (x) => Math.log2(a(x))],
  ['round', (a) => (x) => Math.round(a(x))],
  ['sign', (a) => (x) => Math.sign(a(x))],
  ['sin', (a) => (x) => Math.sin(a(x))],
  ['sinh', (a) => (x) => Math.sinh(a(x))],
  ['sqrt', (a) => (x) => Math.sqrt(a(x))],
  ['tan', (a) => (x) => Math.tan(a(x))],
  ['tanh', (a) => (x) => Math.tanh(a(x))],
  ['trunc', (a) => (x) => Math.trunc(a(x))],
]);

/**
 * The operations of two operands, by the name they have in a tree. `%` has the sign of its right operand, as in Python
 * and mathjs. `log` takes its base second.
 */
export const binaryOperations: ReadonlyMap<string, BinaryCompiler> = new Map<string, BinaryCompiler>([
  ['+', compileAdd],
  ['-', compileSubtract],
  ['*', compileMultiply],
  ['/', compileDivide],
  ['^', compilePower],
  ['%', pairwise(floorModulo)],
  ['atan2', pairwise(Math.atan2)],
  ['hypot', pairwise((a, b) => Math.hypot(a, b))],
  ['log', compileLogarithm],
  ['max', pairwise((a, b) => Math.max(a, b))],
  ['min', pairwise((a, b) => Math.min(a, b))],
]);

// Constants are captured instead of evaluated at each point, and the commonest shapes have closures of their own.

function compileAdd(a: Operand, b: Operand): Evaluate {
  const { evaluate: left, constant: augend } = a;
  const { evaluate: right, constant: addend } = b;
  if (augend !== undefined) return b === variable ? (x) => augend + x : (x) => augend + right(x);
  if (addend !== undefined) return a === variable ? (x) => x + addend : (x) => left(x) + addend;
  if (b === variable) return (x) => left(x) + x;
  return a === variable ? (x) => x + right(x) : (x) => left(x) + right(x);
}

function compileSubtract(a: Operand, b: Operand): Evaluate {
  const { evaluate: left, constant: minuend } = a;
  const { evaluate: right, constant: subtrahend } = b;
  if (minuend !== undefined) return b === variable ? (x) => minuend - x : (x) => minuend - right(x);
  if (subtrahend !== undefined) return a === variable ? (x) => x - subtrahend : (x) => left(x) - subtrahend;
  if (b === variable) return (x) => left(x) - x;
  return a === variable ? (x) => x - right(x) : (x) => left(x) - right(x);
}

function compileMultiply(a: Operand, b: Operand): Evaluate {
  const { evaluate: left, constant: multiplier } = a;
  const { evaluate: right, constant: multiplicand } = b;
  if (multiplier !== undefined) return b === variable ? (x) => multiplier * x : (x) => multiplier * right(x);
  if (multiplicand !== undefined) return a === variable ? (x) => x * multiplicand : (x) => left(x) * multiplicand;
  if (b === variable) return a === variable ? (x) => x * x : (x) => left(x) * x;
  return a === variable ? (x) => x * right(x) : (x) => left(x) * right(x);
}

function compileDivide(a: Operand, b: Operand): Evaluate {
  const { evaluate: left, constant: dividend } = a;
  const { evaluate: right, constant: divisor } = b;
  if (dividend !== undefined) return b === variable ? (x) => dividend / x : (x) => dividend / right(x);
  if (divisor !== undefined) return a === variable ? (x) => x / divisor : (x) => left(x) / divisor;
  if (b === variable) return (x) => left(x) / x;
  return a === variable ? (x) => x / right(x) : (x) => left(x) / right(x);
}

function compilePower(a: Operand, b: Operand): Evaluate {
  const { evaluate: left, constant: base } = a;
  const { evaluate: right, constant: exponent } = b;
  if (exponent === 2) return a === variable ? (x) => x * x : square(left);
  if (exponent === 3) return a === variable ? (x) => x * x * x : cube(left);
  if (exponent !== undefined) return (x) => left(x) ** exponent;
  if (base !== undefined) return (x) => base ** right(x);
  return (x) => left(x) ** right(x);
}

function square(base: Evaluate): Evaluate {
  return (x) => {
    const value = base(x);
    return value * value;
  };
}

function cube(base: Evaluate): Evaluate {
  return (x) => {
    const value = base(x);
    return value * value * value;
  };
}

/** Bases 2 and 10 have functions that are exact at whole powers, which the quotient of two logarithms is not. */
function compileLogarithm(a: Operand, b: Operand): Evaluate {
  const { evaluate: antilogarithm } = a;
  const { evaluate: base } = b;
  if (b.constant === 2) return (x) => Math.log2(antilogarithm(x));
  if (b.constant === 10) return (x) => Math.log10(antilogarithm(x));
  return (x) => Math.log(antilogarithm(x)) / Math.log(base(x));
}

function pairwise(operation: (a: number, b: number) => number): BinaryCompiler {
  return (a, b) => {
    const { evaluate: left } = a;
    const { evaluate: right } = b;
    return (x) => operation(left(x), right(x));
  };
}

function floorModulo(a: number, b: number): number {
  const remainder = a % b;
  return remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder;
}
