import type { DeepReadonly } from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import { ResourcesError } from './resources-error.js';
import { isRoleWithin, RoleSchema, unreservedRole } from './role.js';

/*
 * What an agent has, an offer holds and a task uses, counted exactly (Mesos facts 5.1). A resource is plain data and
 * travels in messages as it is. Mesos adds doubles and repairs them by rounding; here a scalar is a whole number of
 * thousandths, so that what is given back is always what was taken.
 *
 * A scalar may be revocable: lent on top of what there is, and taken away again when it is needed (Mesos facts 4.7). It is
 * another resource than the regular one of its name: neither is ever taken for the other.
 *
 * Lists of resources are kept canonical: one entry at most per name, role and mark of being revocable, sorted by name, then
 * role, regular ones first, none of them empty, ranges sorted and merged, sets sorted and unique. {@link normalize} makes
 * that of what arrives from outside; every other function here takes canonical lists, returns canonical lists and changes
 * none.
 */

/** From the first of them to the last, both included: `[31000, 32000]`. */
export type Range = readonly [begin: number, end: number];

/** No name or item may hold a character that the text form gives a meaning to. */
const nameExpression = /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}$/;
const itemExpression = /^((?![,;{}])[!-~]){1,255}$/;

/** Behind the name of what is revocable, as the original prints it. */
export const revocableMark = '{REV}';

/** How long a list may be: every second one of 2^16 ports, and far more names and items than an agent has. */
const limits = { resources: 1024, ranges: 32_768, set: 4096 } as const;

const WholeSchema = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** `cpus`, `mem` (MB), `disk` (MB), `gpus`, `ports` or any other: 1 to 128 of A-Z a-z 0-9 `_` `.` `/` `-`. */
export const ResourceNameSchema = Type.String({ pattern: nameExpression.source });
const owner = {
  name: ResourceNameSchema,
  /** Whom it is reserved for; `*`: nobody. */
  role: RoleSchema,
};
// An unknown field is refused and not ignored: it might say that this is not the plain resource that it looks like.
const closed = { additionalProperties: false };

/** A part of what one machine has: an amount, ranges of whole numbers, or a set of texts. */
export const ResourceSchema = Type.Union([
  Type.Object(
    {
      ...owner,
      /** The amount in thousandths: 1.5 cpus are 1500. */
      scalar: WholeSchema,
      /** Only lent, and so reserved for nobody. Ranges and sets have no such mark: nobody could use a port that is in use. */
      revocable: Type.Optional(Type.Literal(true)),
    },
    closed,
  ),
  Type.Object(
    {
      ...owner,
      ranges: Type.Array(Type.Tuple([WholeSchema, WholeSchema]), { maxItems: limits.ranges }),
    },
    closed,
  ),
  Type.Object(
    { ...owner, set: Type.Array(Type.String({ pattern: itemExpression.source }), { maxItems: limits.set }) },
    closed,
  ),
]);
export type Resource = DeepReadonly<Static<typeof ResourceSchema>>;

/** A list as it may arrive: well-formed, but not canonical before {@link normalize}. */
export const ResourcesSchema = Type.Array(ResourceSchema, { maxItems: limits.resources });
export type Resources = readonly Resource[];

/** Whether `text` may name a resource. */
export function isResourceName(text: string): boolean {
  return nameExpression.test(text);
}

/** Whether `text` may be an item of a set: 1 to 255 printable ASCII characters, no blank and none of `,` `;` `{` `}`. */
export function isSetItem(text: string): boolean {
  return itemExpression.test(text);
}

/** Whether it is only lent. Asked so often that it is one look at the resource, of whatever kind. */
export function isRevocable(resource: Resource): boolean {
  return (resource as { readonly revocable?: true }).revocable === true;
}

/**
 * The canonical form of a list that has passed {@link ResourcesSchema}: entries of the same name, role and mark become one,
 * scalars by adding up, ranges and sets by union.
 * @throws {ResourcesError} INVALID, KIND, OVERFLOW or TOO_MANY.
 */
export function normalize(list: Resources): Resources {
  return collect(list.map(normalizeOne), unite);
}

/**
 * Both together. Meant for the books of one machine: two machines have the same port numbers, which is an overlap
 * here; for sums over machines see {@link scalarTotals}. Ranges of different roles are not compared, as in Mesos.
 * @throws {ResourcesError} OVERLAP, KIND, OVERFLOW or TOO_MANY.
 */
export function addResources(a: Resources, b: Resources): Resources {
  return collect([...a, ...b], addOne);
}

/**
 * What is left of `a` without `b`; `b` in the very roles that `a` has it in, and revocable where that is.
 * @throws {ResourcesError} NOT_CONTAINED, naming what `a` lacks; TOO_MANY.
 */
export function subtractResources(a: Resources, b: Resources): Resources {
  for (const resource of b) {
    if (isIn(resource, a)) continue;
    const missing = withoutAll(resource, a);
    throw new ResourcesError('RESOURCES_NOT_CONTAINED', `cannot subtract ${describe(missing)}, which is not there`);
  }
  const left: Resource[] = [];
  for (const resource of a) {
    const rest = withoutAll(resource, b);
    if (isNothing(rest)) continue;
    requireSendable(rest);
    left.push(rest);
  }
  return left; // in the order of `a`
}

/** Whether all of `b` is in `a`, in the same roles, and revocable there where it is here. */
export function containsResources(a: Resources, b: Resources): boolean {
  return b.every((resource) => isIn(resource, a));
}

/** Whether there is nothing at all. */
export function isEmpty(resources: Resources): boolean {
  return resources.length === 0;
}

/** Whether both are the same resources in the same roles, with the same of them revocable. */
export function equalResources(a: Resources, b: Resources): boolean {
  return containsResources(a, b) && containsResources(b, a);
}

/**
 * What a framework may use in `role`: what is reserved for that role or one above it, and what is reserved for nobody, be it
 * revocable or not.
 */
export function resourcesForRole(resources: Resources, role: string): Resources {
  return resources.filter((resource) => resource.role === unreservedRole || isRoleWithin(role, resource.role));
}

/**
 * The thousandths of the scalar `name` over all roles, regular and revocable together; 0 where there is no such scalar.
 * @throws {ResourcesError} OVERFLOW.
 */
export function scalarOf(resources: Resources, name: string): number {
  return scalarTotals(resources.filter((resource) => resource.name === name)).get(name) ?? 0;
}

/** The thousandths of every scalar over all roles, regular and revocable together, by name. @throws {ResourcesError} OVERFLOW. */
export function scalarTotals(resources: Resources): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const resource of resources)
    if ('scalar' in resource) totals.set(resource.name, sum(resource, totals.get(resource.name) ?? 0));
  return totals;
}

/**
 * Picks from an offer what a task wants: of every name first what is reserved, in the order of the roles' names, then
 * what is not. Ranges and sets are wanted item by item: `ports:[31000-31001]` asks for these two ports. What
 * is revocable is taken only where that is wanted, and then nothing else.
 *
 * @param from what may be used, in its roles; see {@link resourcesForRole}.
 * @param wanted quantities, all of the role `*`, which here means any role.
 * @returns a part of `from`, or undefined when that does not suffice.
 * @throws {ResourcesError} INVALID for a wanted resource that is reserved; TOO_MANY.
 */
export function takeResources(from: Resources, wanted: Resources): Resources | undefined {
  const taken: Resource[] = [];
  for (const want of wanted) {
    if (want.role !== unreservedRole)
      throw new ResourcesError('RESOURCES_INVALID', `wanted ${describe(want)} must be unreserved: leave out the role`);
    let missing = want;
    for (const resource of reservedFirst(from, want)) {
      taken.push(common(resource, missing));
      missing = without(missing, resource);
    }
    if (!isNothing(missing)) return undefined;
  }
  return collect(taken, unite);
}

/** `cpus`, `cpus(role)` where it is reserved, or `cpus{REV}` where it is revocable. */
export function resourceLabel(resource: Resource): string {
  const { name, role } = resource;
  return `${name}${role === unreservedRole ? '' : `(${role})`}${isRevocable(resource) ? revocableMark : ''}`;
}

/** Brings entries into the canonical order, `join`s those that are of the same kind, and drops the empty ones. */
function collect(entries: readonly Resource[], join: (a: Resource, b: Resource) => Resource): Resources {
  const joined: Resource[] = [];
  for (const entry of entries.toSorted(inCanonicalOrder)) {
    const last = joined.at(-1);
    if (last?.name === entry.name) requireSameKind(last, entry);
    if (last !== undefined && isAlike(last, entry)) joined[joined.length - 1] = join(last, entry);
    else joined.push(entry);
  }
  const kept = joined.filter((entry) => !isNothing(entry));
  requireWithin(kept, limits.resources, 'a list of resources');
  for (const entry of kept) requireSendable(entry);
  return kept;
}

function inCanonicalOrder(a: Resource, b: Resource): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.role !== b.role) return a.role < b.role ? -1 : 1;
  return Number(isRevocable(a)) - Number(isRevocable(b));
}

/** Whether one may take the place of the other, but for how much there is of it. */
function isAlike(a: Resource, b: Resource): boolean {
  return a.name === b.name && a.role === b.role && isRevocable(a) === isRevocable(b);
}

function reservedFirst(resources: Resources, want: Resource): Resources {
  const named = resources
    .filter(({ name }) => name === want.name)
    .filter((one) => isRevocable(one) === isRevocable(want));
  return [
    ...named.filter((resource) => resource.role !== unreservedRole),
    ...named.filter((resource) => resource.role === unreservedRole),
  ];
}

function normalizeOne(resource: Resource): Resource {
  if ('scalar' in resource) {
    requireWhole(resource, resource.scalar);
    if (isRevocable(resource) && resource.role !== unreservedRole)
      throw new ResourcesError('RESOURCES_INVALID', `${resourceLabel(resource)}: what is revocable cannot be reserved`);
    return resource;
  }
  if ('set' in resource) return { ...resource, set: uniqueSorted(resource.set) };
  for (const [begin, end] of resource.ranges) {
    requireWhole(resource, begin);
    requireWhole(resource, end);
    if (end < begin)
      throw new ResourcesError('RESOURCES_INVALID', `${describe(resource)} has a range that ends before it begins`);
  }
  return { ...resource, ranges: mergeRanges(resource.ranges) };
}

/** All that is in one or the other; both of one name. Scalars have no identity and add up. */
function unite(a: Resource, b: Resource): Resource {
  if ('scalar' in a && 'scalar' in b) return { ...a, scalar: sum(a, b.scalar) };
  if ('ranges' in a && 'ranges' in b) return { ...a, ranges: mergeRanges([...a.ranges, ...b.ranges]) };
  if ('set' in a && 'set' in b) return { ...a, set: uniqueSorted([...a.set, ...b.set]) };
  throw twoKinds(a, b);
}

function addOne(a: Resource, b: Resource): Resource {
  const both = 'scalar' in a ? undefined : common(a, b);
  if (both !== undefined && !isNothing(both))
    throw new ResourcesError('RESOURCES_OVERLAP', `cannot add ${describe(both)}, which is there already`);
  return unite(a, b);
}

/** What of `a` is not in `b`, whatever their roles; never negative. All of `a` where they are of different kinds. */
function without(a: Resource, b: Resource): Resource {
  if ('scalar' in a && 'scalar' in b) return { ...a, scalar: Math.max(0, a.scalar - b.scalar) };
  if ('ranges' in a && 'ranges' in b) return { ...a, ranges: rangesWithout(a.ranges, b.ranges) };
  if ('set' in a && 'set' in b) {
    const gone = new Set(b.set);
    return { ...a, set: a.set.filter((item) => !gone.has(item)) };
  }
  return a;
}

/** What of `a` is in `b` too. */
function common(a: Resource, b: Resource): Resource {
  return without(a, without(a, b));
}

/** What of `resource` is not in `gone` under the same name, role and mark. */
function withoutAll(resource: Resource, gone: Resources): Resource {
  const same = alikeIn(gone, resource);
  return same === undefined ? resource : without(resource, same);
}

/** Whether there is nothing of that which {@link withoutAll} would leave. */
function isIn(resource: Resource, all: Resources): boolean {
  const same = alikeIn(all, resource);
  if (same === undefined) return isNothing(resource);
  if ('scalar' in resource && 'scalar' in same) return resource.scalar <= same.scalar;
  return isNothing(without(resource, same));
}

function alikeIn(all: Resources, resource: Resource): Resource | undefined {
  for (const other of all) if (isAlike(other, resource)) return other;
  return undefined;
}

function isNothing(resource: Resource): boolean {
  if ('scalar' in resource) return resource.scalar === 0;
  return 'ranges' in resource ? resource.ranges.length === 0 : resource.set.length === 0;
}

/** Sorted, and those that overlap or touch made one. */
function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const [begin, end] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && begin <= last[1] + 1) merged[merged.length - 1] = [last[0], Math.max(last[1], end)];
    else merged.push([begin, end]);
  }
  return merged;
}

/** One pass over both, which are sorted and merged. */
function rangesWithout(ranges: readonly Range[], cuts: readonly Range[]): Range[] {
  const left: Range[] = [];
  let at = 0;
  for (const [first, end] of ranges) {
    let begin = first;
    for (let cut = cuts[at]; cut !== undefined && cut[0] <= end; cut = cuts[++at]) {
      if (cut[0] > begin) left.push([begin, cut[0] - 1]);
      begin = Math.max(begin, cut[1] + 1);
      // This cut may reach into the next range: it stays the current one.
      if (cut[1] >= end) break;
    }
    if (begin <= end) left.push([begin, end]);
  }
  return left;
}

function uniqueSorted(items: readonly string[]): string[] {
  return [...new Set(items)].sort();
}

function sum(resource: Resource & { readonly scalar: number }, more: number): number {
  const total = resource.scalar + more;
  if (!Number.isSafeInteger(total))
    throw new ResourcesError(
      'RESOURCES_OVERFLOW',
      `the sum of ${resourceLabel(resource)} is beyond 2^53 - 1 thousandths`,
    );
  return total;
}

function requireWhole(resource: Resource, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new ResourcesError(
      'RESOURCES_INVALID',
      `${resourceLabel(resource)} has ${value}; expected a whole number from 0 to 2^53 - 1`,
    );
}

function requireSameKind(a: Resource, b: Resource): void {
  if (kindOf(a) !== kindOf(b)) throw twoKinds(a, b);
}

function twoKinds(a: Resource, b: Resource): ResourcesError {
  return new ResourcesError(
    'RESOURCES_KIND',
    `${resourceLabel(a)} is a ${kindOf(a)} and ${resourceLabel(b)} a ${kindOf(b)}; a name has one kind in all roles`,
  );
}

function kindOf(resource: Resource): 'scalar' | 'list of ranges' | 'set' {
  if ('scalar' in resource) return 'scalar';
  return 'ranges' in resource ? 'list of ranges' : 'set';
}

/** Keeps what is made here within what {@link ResourcesSchema} lets through at the receiver. */
function requireSendable(resource: Resource): void {
  if ('ranges' in resource) requireWithin(resource.ranges, limits.ranges, `${resourceLabel(resource)} as ranges`);
  if ('set' in resource) requireWithin(resource.set, limits.set, `${resourceLabel(resource)} as a set`);
}

function requireWithin(list: readonly unknown[], limit: number, what: string): void {
  if (list.length > limit)
    throw new ResourcesError(
      'RESOURCES_TOO_MANY',
      `${what} would have ${list.length} elements; at most ${limit} are allowed`,
    );
}

/** For messages to people: exact, but cut off where it gets long. */
function describe(resource: Resource): string {
  const label = resourceLabel(resource);
  if ('scalar' in resource) return `${resource.scalar} thousandths of ${label}`;
  const items = 'set' in resource ? resource.set : resource.ranges.map((range) => `${range[0]}-${range[1]}`);
  return `${label} ${items.slice(0, 5).join(', ')}${items.length > 5 ? ' and more' : ''}`;
}
