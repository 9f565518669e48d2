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
  if (a.whole === b.whole && a.weight === b.weight) return a.part - b.part;
  const ours = BigInt(a.part) * BigInt(b.whole) * BigInt(b.weight);
  const theirs = BigInt(b.part) * BigInt(a.whole) * BigInt(a.weight);
  return ours < theirs ? -1 : ours > theirs ? 1 : 0;
}

/** Whether `part / whole` is more than the share says, its weight apart; exact. */
export function isMoreThan(part: number, whole: number, share: Share): boolean {
  const [ours, theirs] = [part * share.whole, share.part * whole];
  if (Math.abs(ours - theirs) > doubt * Math.max(ours, theirs)) return ours > theirs;
  return BigInt(part) * BigInt(share.whole) > BigInt(share.part) * BigInt(whole);
}
