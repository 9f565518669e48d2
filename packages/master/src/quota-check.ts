import { formatScalar, type Quota } from '@mesos-ts/protocol';

/** Thousandths by the name of a scalar resource. */
type Amounts = ReadonlyMap<string, number>;

/** How many of the agents that a new leader waits for have come back, and for how long it waits for the others, in ms. */
export interface Returning {
  readonly back: number;
  readonly all: number;
  readonly leftMs: number;
}

/** What a change of quotas is held against. */
export interface QuotaSurroundings {
  /** By role: those that hold now. */
  readonly quotas: ReadonlyMap<string, Quota>;
  /** Of all agents together. */
  readonly capacity: Amounts;
  /** Agents that are waited for since a change of leaders, and do not count to the capacity before they are back. */
  readonly returning?: Returning | undefined;
  /** By a role and those below it: what is reserved for them, and what of the rest their tasks and executors use. */
  consumed(role: string): Amounts;
}

/** The quotas that hold after the update; those that promise and limit nothing are none. */
export function updatedQuotas(quotas: ReadonlyMap<string, Quota>, updates: readonly Quota[]): Map<string, Quota> {
  const after = new Map(quotas);
  for (const quota of updates)
    if (isNone(quota)) after.delete(quota.role);
    else after.set(quota.role, quota);
  return after;
}

/**
 * What is wrong with an update, each thing in words, with the role and by how much (Mesos facts 4.4). By `force`, only what
 * contradicts itself is: a role named twice, or a guarantee above its own limit. Where nothing is raised, what is too much
 * already, because agents have gone, is not held against it.
 */
export function wrongWithQuotas(
  updates: readonly Quota[],
  surroundings: QuotaSurroundings,
  { force }: { readonly force: boolean },
): string[] {
  const roles = updates.map(({ role }) => role);
  const twice = roles.filter((role, index) => roles.indexOf(role) !== index);
  if (twice.length > 0) return [...new Set(twice)].map((role) => `the role ${role} is named twice`);
  const after = new Promises(updatedQuotas(surroundings.quotas, updates));
  const contradictions = updates.flatMap((quota) => aboveOwnLimit(quota, after));
  if (force || contradictions.length > 0) return contradictions;
  const before = new Promises(surroundings.quotas);
  return [
    ...aboveCapacity(before, after, surroundings),
    ...aboveParents(roles, after),
    ...updates.flatMap((quota) => belowConsumption(quota, surroundings)),
  ];
}

/** The roles that one is below of, nearest first: `a/b` and `a` of `a/b/c`. */
export function ancestorsOf(role: string): string[] {
  const ancestors: string[] = [];
  for (let end = role.lastIndexOf('/'); end > 0; end = role.lastIndexOf('/', end - 1))
    ancestors.push(role.slice(0, end));
  return ancestors;
}

/** What roles are promised: by their own guarantee or, where that is more, by those of the roles right below them. */
class Promises {
  readonly quotas: ReadonlyMap<string, Quota>;
  /** By role, those right below it that are promised something; by the empty text, those at the top. */
  readonly #below = new Map<string, Set<string>>();

  constructor(quotas: ReadonlyMap<string, Quota>) {
    this.quotas = quotas;
    for (const role of quotas.keys()) {
      const path = [role, ...ancestorsOf(role)];
      for (const [index, one] of path.entries()) this.#note(path[index + 1] ?? '', one);
    }
  }

  of(role: string): Amounts {
    return largest(quantities(this.quotas.get(role)?.guarantees ?? {}), this.below(role));
  }

  /** What the roles right below it are promised together. */
  below(role: string): Amounts {
    return sum([...(this.#below.get(role) ?? [])].map((child) => this.of(child)));
  }

  #note(parent: string, role: string): void {
    const roles = this.#below.get(parent);
    if (roles === undefined) this.#below.set(parent, new Set([role]));
    else roles.add(role);
  }
}

function aboveOwnLimit({ role, limits }: Quota, after: Promises): string[] {
  return excess(after.of(role), quantities(limits)).map(
    ({ name, has, most, by }) =>
      `role ${role}: what it and those below it are guaranteed, ${say(has, name)}, is above its limit of ${say(most, name)} by ${say(by, name)}`,
  );
}

function aboveCapacity(before: Promises, after: Promises, { capacity, returning }: QuotaSurroundings): string[] {
  const [promised, earlier] = [after.below(''), before.below('')];
  const known = new Map([...promised.keys()].map((name) => [name, capacity.get(name) ?? 0]));
  const wrong = excess(promised, known)
    .filter(({ name, has }) => has > (earlier.get(name) ?? 0))
    .map(
      ({ name, has, most, by }) =>
        `all guarantees together, ${say(has, name)}, are above the ${say(most, name)} of the cluster by ${say(by, name)}`,
    );
  return wrong.length === 0 || returning === undefined ? wrong : [...wrong, whyMaybeLater(returning)];
}

function whyMaybeLater({ back, all, leftMs }: Returning): string {
  const wait = `${Math.ceil(leftMs / 1_000)} s`;
  return `only ${back} of ${all} agents are back since the change of leaders: ask again when more are, in ${wait} at most, or use --force`;
}

function aboveParents(roles: readonly string[], after: Promises): string[] {
  const concerned = new Set(roles.flatMap((role) => [role, ...ancestorsOf(role)]));
  return [...concerned].flatMap((role) =>
    excess(after.below(role), quantities(after.quotas.get(role)?.guarantees ?? {})).map(
      ({ name, has, most, by }) =>
        `role ${role}: those below it are guaranteed ${say(has, name)}, which is above its own guarantee of ${say(most, name)} by ${say(by, name)}`,
    ),
  );
}

function belowConsumption({ role, limits }: Quota, { consumed }: QuotaSurroundings): string[] {
  return excess(consumed(role), quantities(limits)).map(
    ({ name, has, most, by }) =>
      `role ${role}: it has ${say(has, name)} already, which is above the limit of ${say(most, name)} by ${say(by, name)}`,
  );
}

/** Of the names that `most` has: those of which there is more. */
function excess(amounts: Amounts, most: Amounts): { name: string; has: number; most: number; by: number }[] {
  return [...most].flatMap(([name, limit]) => {
    const has = amounts.get(name) ?? 0;
    return has > limit ? [{ name, has, most: limit, by: has - limit }] : [];
  });
}

function isNone({ guarantees, limits }: Quota): boolean {
  return Object.keys(limits).length === 0 && Object.values(guarantees).every((amount) => amount === 0);
}

function quantities(of: Quota['limits']): Amounts {
  return new Map(Object.entries(of));
}

/** Saturates where a sum could not be exact any more: that is above everything. */
function sum(all: readonly Amounts[]): Amounts {
  const total = new Map<string, number>();
  for (const amounts of all)
    for (const [name, amount] of amounts)
      total.set(name, Math.min((total.get(name) ?? 0) + amount, Number.MAX_SAFE_INTEGER));
  return total;
}

function largest(one: Amounts, other: Amounts): Amounts {
  const result = new Map(one);
  for (const [name, amount] of other) result.set(name, Math.max(result.get(name) ?? 0, amount));
  return result;
}

function say(thousandths: number, name: string): string {
  return `${formatScalar(thousandths)} ${name}`;
}
