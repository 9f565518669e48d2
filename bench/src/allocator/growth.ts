/** What something takes at one size. */
export interface GrowthPoint {
  readonly size: number;
  readonly value: number;
}

/**
 * The exponent `b` of the power `a * size^b` that fits best (least squares of the logarithms): 1 is in proportion, 2 is
 * quadratic.
 *
 * @throws {RangeError} where fewer than two sizes differ, or something is not positive.
 */
export function growthExponent(points: readonly GrowthPoint[]): number {
  if (points.some(({ size, value }) => !(size > 0 && value > 0)))
    throw new RangeError('only what is positive has a growth exponent');
  const x = points.map(({ size }) => Math.log(size));
  const y = points.map(({ value }) => Math.log(value));
  const [meanX, meanY] = [mean(x), mean(y)];
  const sum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0);
  const spread = sum(x.map((value) => (value - meanX) ** 2));
  if (!(spread > 0)) throw new RangeError('the growth exponent of a single size');
  return sum(x.map((value, i) => (value - meanX) * ((y[i] as number) - meanY))) / spread;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
