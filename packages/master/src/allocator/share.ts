/** A weighted share, kept as the whole numbers that it is made of, so that equal shares compare as equal. */
export interface Share {
  part: number;
  /** Positive. */
  whole: number;
  /** In thousandths, positive. */
  weight: number;
  /** About `part / (whole * weight)`: what differs by more than rounding does is told apart by it alone. */
  estimate: number;
}

/** More than three roundings of a double can change, relative to it. */
const doubt = 1e-14;

/** Negative where `a` is the smaller share; exact. */
export function compareShares(a: Share, b: Share): number {
  const difference = a.estimate - b.estimate;
  if (Math.abs(difference) > doubt * Math.max(a.estimate, b.estimate)) return difference;
  if (a.weight === b.weight) {
    if (a.whole === b.whole) return a.part - b.part;
    return compareProducts(a.part, b.whole, b.part, a.whole);
  }
  if (a.whole === b.whole) return compareProducts(a.part, b.weight, b.part, a.weight);
  const ours = BigInt(a.part) * BigInt(b.whole) * BigInt(b.weight);
  const theirs = BigInt(b.part) * BigInt(a.whole) * BigInt(a.weight);
  return ours < theirs ? -1 : ours > theirs ? 1 : 0;
}

/** Below this, two products that were rounded to the same double differ by less than 2^31. */
const closeBelow = 2 ** 83;

/** Negative where `a * b` is less than `c * d`; exact for whole numbers that doubles hold. None is negative. */
export function compareProducts(a: number, b: number, c: number, d: number): number {
  const ours = a * b;
  const theirs = c * d;
  // Rounding never puts two numbers in the wrong order: only those that it made equal are to be told apart.
  if (ours !== theirs || ours <= Number.MAX_SAFE_INTEGER) return ours - theirs;
  // A difference so small is the same modulo 2^32.
  if (ours < closeBelow) return (Math.imul(a, b) - Math.imul(c, d)) | 0;
  const difference = BigInt(a) * BigInt(b) - BigInt(c) * BigInt(d);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
