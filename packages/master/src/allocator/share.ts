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

/** Negative where `a * b` is less than `c * d`; exact for whole numbers that doubles hold. None is negative. */
export function compareProducts(a: number, b: number, c: number, d: number): number {
  const ours = a * b;
  const theirs = c * d;
  // Rounding never puts two numbers in the wrong order: only those that it made equal are to be told apart.
  if (ours !== theirs || ours <= Number.MAX_SAFE_INTEGER) return ours - theirs;
  return roundedOff(a, b, ours) - roundedOff(c, d, theirs);
}

/** By how much the product is more than what it was rounded to, exactly: from products of halves that need no rounding. */
function roundedOff(a: number, b: number, rounded: number): number {
  const [aHigh, bHigh] = [upperHalf(a), upperHalf(b)];
  const [aLow, bLow] = [a - aHigh, b - bHigh];
  return aHigh * bHigh - rounded + aHigh * bLow + aLow * bHigh + aLow * bLow;
}

/** The number with the lower 27 of its 53 binary digits rounded away (Veltkamp). */
function upperHalf(a: number): number {
  const shifted = a * (2 ** 27 + 1);
  return shifted - (shifted - a);
}
