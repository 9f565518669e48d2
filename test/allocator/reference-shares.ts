/*
 * Who is next, recomputed from nothing each time: the order of clients over the tree of roles by weighted dominant share,
 * in fractions of big integers.
 */

/** A framework in one of its roles. */
export interface Client {
  readonly frameworkId: string;
  readonly role: string;
}

/** All that the order depends on. */
export interface Standing {
  /** What is allocated: by whom, and of which scalar how much. */
  readonly held: readonly (Client & { readonly scalars: ReadonlyMap<string, number> })[];
  /** How many gifts were made to a role and those below it, or to a client. */
  gifts(of: string | Client): number;
  /** What all agents have together, of the scalars that count. */
  readonly totals: ReadonlyMap<string, number>;
  /** In thousandths, by role. */
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * How many gifts were made to each role and to each client, as long as it is there. Who begins to take part counts as if it
 * had been given as many as the least of its siblings that take part already.
 */
export class GiftCounts {
  readonly #counts = new Map<string, number>();

  count(client: Client): void {
    for (const key of nodesOf(client)) this.#counts.set(key, this.of(key) + 1);
  }

  join(client: Client, others: readonly Client[]): void {
    const taking = new Set(others.flatMap(nodesOf));
    for (const key of nodesOf(client)) {
      if (taking.has(key)) continue;
      const siblings = [...taking].filter((one) => parentOf(one) === parentOf(key)).map((one) => this.of(one));
      if (siblings.length > 0) this.#counts.set(key, Math.max(this.of(key), Math.min(...siblings)));
    }
  }

  /** @param node a client, a role with those below it, or as `a/.` the clients of a role that has others below it. */
  of(node: Client | string): number {
    return this.#counts.get(typeof node === 'string' ? node : keyOf(node)) ?? 0;
  }

  forget(isClient: (client: Client) => boolean, isRole: (path: string) => boolean): void {
    for (const key of this.#counts.keys()) {
      const [role = '', frameworkId] = key.split(' ');
      const isKept = frameworkId === undefined ? isRole(role.replace(/\/\.$/, '')) : isClient({ frameworkId, role });
      if (!isKept) this.#counts.delete(key);
    }
  }
}

function keyOf({ frameworkId, role }: Client): string {
  return `${role} ${frameworkId}`;
}

/** The client, the clients of its role together, its role and all above that. */
function nodesOf(client: Client): readonly string[] {
  return [keyOf(client), `${client.role}/.`, ...pathsTo(client.role)];
}

function parentOf(node: string): string {
  const [role = '', frameworkId] = node.split(' ');
  return frameworkId === undefined ? role.split('/').slice(0, -1).join('/') : `${role}/.`;
}

interface Fraction {
  readonly part: bigint;
  readonly whole: bigint;
}

interface Node {
  readonly path: string;
  readonly share: Fraction;
  readonly gifts: number;
  readonly clients: readonly Client[];
}

/** Pre-order over the tree of roles, the children of a node by share, then fewer gifts, then path. */
export function byShare(clients: readonly Client[], standing: Standing): readonly Client[] {
  return below('', clients, standing);
}

/** Whether `role` is `of` or below it. */
export function isWithin(role: string, of: string): boolean {
  return role === of || role.startsWith(`${of}/`);
}

/** From the top to the role itself: of `a/b` these are `a` and `a/b`. */
export function pathsTo(role: string): readonly string[] {
  const names = role.split('/');
  return names.map((_, index) => names.slice(0, index + 1).join('/'));
}

export function compareFractions(a: Fraction, b: Fraction): number {
  const [left, right] = [a.part * b.whole, b.part * a.whole];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The largest of the fractions that these amounts are of the totals, by a weight in thousandths. */
export function dominantShare(
  held: readonly { readonly scalars: ReadonlyMap<string, number> }[],
  totals: ReadonlyMap<string, number>,
  weight: number,
): Fraction {
  let dominant: Fraction = { part: 0n, whole: 1n };
  for (const [name, total] of totals) {
    if (total === 0) continue;
    const part = held.reduce((sum, { scalars }) => sum + (scalars.get(name) ?? 0), 0);
    const share = { part: BigInt(part) * 1_000n, whole: BigInt(total) * BigInt(weight) };
    if (compareFractions(share, dominant) > 0) dominant = share;
  }
  return dominant;
}

function below(path: string, clients: readonly Client[], standing: Standing): readonly Client[] {
  const here = clients.filter(({ role }) => role === path);
  const deeper = clients.filter(({ role }) => role !== path);
  if (deeper.length === 0) return leaves(here, standing);
  const depth = path === '' ? 0 : path.split('/').length;
  const children = new Set(deeper.map(({ role }) => pathsTo(role)[depth] as string));
  const nodes = [...children].map((child) =>
    node(
      child,
      child,
      ({ role }) => isWithin(role, child),
      standing.weights.get(child) ?? 1_000,
      below(
        child,
        deeper.filter(({ role }) => isWithin(role, child)),
        standing,
      ),
      standing,
    ),
  );
  if (here.length > 0)
    nodes.push(node(`${path}/.`, `${path}/.`, ({ role }) => role === path, 1_000, leaves(here, standing), standing));
  return nodes.sort(compareNodes).flatMap((one) => one.clients);
}

function leaves(clients: readonly Client[], standing: Standing): readonly Client[] {
  return clients
    .map((client) =>
      node(
        client.frameworkId,
        client,
        (one) => one.frameworkId === client.frameworkId && one.role === client.role,
        1_000,
        [client],
        standing,
      ),
    )
    .sort(compareNodes)
    .flatMap((one) => one.clients);
}

function node(
  path: string,
  of: string | Client,
  isOf: (client: Client) => boolean,
  weight: number,
  clients: readonly Client[],
  { held, gifts, totals }: Standing,
): Node {
  return {
    path,
    share: dominantShare(held.filter(isOf), totals, weight),
    gifts: gifts(of),
    clients,
  };
}

function compareNodes(a: Node, b: Node): number {
  return compareFractions(a.share, b.share) || a.gifts - b.gifts || (a.path < b.path ? -1 : 1);
}
