import type { AttributeConstraint, ExplainedHindrance } from '@mesos-ts/protocol';
import type { Hindrance } from './allocator/allocator.js';

/** As it is told. */
export function inWords(hindrance: Hindrance): ExplainedHindrance {
  if (hindrance.why !== 'constraint') return hindrance;
  return { why: 'constraint', constraint: constraintText(hindrance.constraint) };
}

/** Reasons with one key are told together. */
export function reasonKey(hindrance: ExplainedHindrance): string {
  const { why } = hindrance;
  if ('constraint' in hindrance) return `${why} ${hindrance.constraint}`;
  if ('region' in hindrance) return `${why} ${hindrance.region}`;
  if (!('by' in hindrance)) return why;
  return `${why} ${'role' in hindrance ? hindrance.role : ''} ${Object.keys(hindrance.by)}`;
}

/** Of two with one key: each amount or time as `choose` has it of both; the first itself where that is so. */
export function merged(
  one: ExplainedHindrance,
  other: ExplainedHindrance,
  choose: (a: number, b: number) => number,
): ExplainedHindrance {
  if ('forMs' in one && 'forMs' in other) {
    const forMs = choose(one.forMs, other.forMs);
    return forMs === one.forMs ? one : { ...one, forMs };
  }
  if (!('by' in one && 'by' in other)) return one;
  let by = one.by;
  for (const name in other.by) {
    const amount = choose(by[name] ?? 0, other.by[name] ?? 0);
    if (amount !== by[name]) by = { ...by, [name]: amount };
  }
  return by === one.by ? one : { ...one, by };
}

/** For people: `rack=a`, `not rack=a`, `hostname like web-*`, `ssd exists`. */
function constraintText({ selector, predicate }: AttributeConstraint): string {
  const subject = typeof selector === 'string' ? selector : selector.attribute;
  if (predicate === 'exists') return `${subject} exists`;
  if (predicate === 'notExists') return `not ${subject} exists`;
  if ('textEquals' in predicate) return `${subject}=${predicate.textEquals}`;
  if ('textNotEquals' in predicate) return `not ${subject}=${predicate.textNotEquals}`;
  if ('textMatches' in predicate) return `${subject} like ${predicate.textMatches}`;
  return `not ${subject} like ${predicate.textNotMatches}`;
}
