import type { Quantities, Quota } from './allocator.js';
import type { Client } from './clients.js';
import { type Amounts, add, addAll, isNone, type ScalarNames } from './scalar-names.js';
import { ShareNode, type Sharing } from './share-node.js';

/** A role in the tree, and what quota says of it (Mesos facts 4.3, 4.4). */
export class Role {
  readonly path: string;
  readonly parent: Role | undefined;
  readonly children = new Set<Role>();
  readonly node: ShareNode;
  /** The parent of its frameworks, which are one among its children. */
  readonly frameworks: ShareNode;
  readonly clients = new Set<Client>();
  /** How many clients in it and below it are content with less, or wait for more, than what everybody does. */
  particular = 0;
  /** Reserved for it and those below it, or allocated to them unreserved. */
  readonly consumed: Amounts = [];
  /** How many reservations agents have for it alone. */
  reservations = 0;
  guarantees: Amounts | undefined;
  limits: (number | undefined)[] | undefined;
  /** Whether limits were in the way of anybody below since it was last said to be {@link Roles.onRelaxed relaxed}. */
  hindering = false;
  /** What is lacking to the guarantees of it and those below it. */
  shortfall: Amounts = [];
  /** The sum of that over its children. */
  readonly shortfallBelow: Amounts = [];

  constructor(path: string, name: string, parent: Role | undefined, sharing: Sharing, above: ShareNode) {
    this.path = path;
    this.parent = parent;
    this.node = new ShareNode(name, above, sharing);
    this.frameworks = new ShareNode('.', this.node, sharing);
  }

  get isIdle(): boolean {
    const { clients, children, reservations, guarantees, limits, node } = this;
    const bare = clients.size === 0 && children.size === 0 && reservations === 0;
    return bare && guarantees === undefined && limits === undefined && node.allocated.every((amount) => amount === 0);
  }
}

/** What is left in a role whose limits leave nothing that anybody would take. */
interface Exhausted {
  readonly cpus: number;
  readonly mem: number;
}

/** All roles that are in use, their shares and their quota. */
export class Roles {
  readonly root: ShareNode;
  readonly #names: ScalarNames;
  readonly #sharing: Sharing;
  readonly #byPath = new Map<string, Role>();
  readonly #topLevel = new Set<Role>();
  readonly #exhausted: Exhausted;
  /** No plain object: a role may have the name of something that every object has, such as `constructor`. */
  #weights: ReadonlyMap<string, number> = new Map();
  #limited = false;
  #guaranteed = false;
  /** What is to be held back for guarantees, over all top-level roles. */
  readonly required: Amounts = [];
  /** The top-level roles for which it is. */
  readonly #short = new Set<Role>();
  /** Told of a role whose clients were hindered by limits and may be no more. */
  onRelaxed: (role: Role) => void = () => undefined;

  constructor(names: ScalarNames, sharing: Sharing, leastOffer: Exhausted) {
    this.#names = names;
    this.#sharing = sharing;
    this.#exhausted = leastOffer;
    this.root = new ShareNode('', undefined, sharing);
  }

  /** Whether any role has a limit, and whether any has a guarantee. */
  get limited(): boolean {
    return this.#limited;
  }

  get guaranteed(): boolean {
    return this.#guaranteed;
  }

  /** The top-level roles to whose guarantees, or to those below them, something is lacking. */
  get short(): ReadonlySet<Role> {
    return this.#short;
  }

  find(path: string): Role | undefined {
    return this.#byPath.get(path);
  }

  /** The role of a path, made with those above it where they are not there. */
  at(path: string): Role {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    const above = pathAbove(path);
    const role = this.#newRole(path, above === undefined ? undefined : this.at(above));
    role.parent?.children.add(role);
    this.#byPath.set(path, role);
    if (role.parent === undefined) this.#topLevel.add(role);
    return role;
  }

  /** The role of a path or, where it is not there, one that is as it would be, and that nobody knows of. */
  asIf(path: string): Role {
    const above = pathAbove(path);
    return this.#byPath.get(path) ?? this.#newRole(path, above === undefined ? undefined : this.asIf(above));
  }

  /** Forgets a role, and those above it, as far as nobody needs them. */
  tidy(role: Role): void {
    for (let at: Role | undefined = role; at?.isIdle; at = at.parent) {
      this.#byPath.delete(at.path);
      this.#topLevel.delete(at);
      at.parent?.children.delete(at);
    }
  }

  /**
   * Counts what somebody in the role holds now, or no longer. `node`: that framework's; undefined for one that has left.
   * `gifts`: 1 where it was just given; what an agent reported was not.
   */
  charge(
    role: Role,
    node: ShareNode | undefined,
    scalars: Amounts,
    unreserved: Amounts,
    sign: 1 | -1,
    gifts = 0,
  ): void {
    (node ?? role.frameworks).charge(scalars, sign, gifts);
    this.#consume(role, unreserved, sign);
  }

  /** A client is to be active, and by that maybe its role and those above it: see {@link ShareNode.comeLate}. */
  comeLate({ role, node }: Client): void {
    node.comeLate(nodesOf(role.clients));
    if (role.frameworks.live > 0) return;
    role.frameworks.comeLate(nodesOf(role.children));
    for (let at: Role | undefined = role; at !== undefined && at.node.live === 0; at = at.parent)
      at.node.comeLate(at.parent === undefined ? nodesOf(this.#topLevel) : nodesBelow(at.parent));
  }

  /** Counts what an agent has reserved for the role. */
  reserve(path: string, amounts: Amounts, sign: 1 | -1): void {
    const role = this.at(path);
    role.reservations += sign;
    this.#consume(role, amounts, sign);
    const isFirstOrLast = role.reservations === (sign > 0 ? 1 : 0);
    if (this.#limited && isFirstOrLast) for (const one of this.#byPath.values()) this.#park(one);
    this.tidy(role);
  }

  /** All shares may have changed: also below roles that are passed over, for when they are so no more. */
  reorder(): void {
    for (const { node } of this.#byPath.values()) if (!node.isActive) node.reorder();
    this.root.reorder();
  }

  setWeights(weights: Quantities): void {
    this.#weights = new Map(Object.entries(weights));
    for (const role of this.#byPath.values()) role.node.setWeight(this.#weights.get(role.path) ?? 1_000);
  }

  setQuotas(quotas: readonly Quota[]): void {
    for (const role of this.#byPath.values()) {
      role.guarantees = undefined;
      role.limits = undefined;
      role.shortfall = [];
      role.shortfallBelow.length = 0;
    }
    this.#short.clear();
    for (const { role: path, guarantees, limits } of quotas) {
      const role = this.at(path);
      role.guarantees = this.#names.amounts(guarantees);
      role.limits = [];
      for (const [name, limit] of Object.entries(limits)) role.limits[this.#names.place(name)] = limit;
    }
    this.#limited = quotas.some(({ limits }) => Object.keys(limits).length > 0);
    this.#guaranteed = quotas.some(({ guarantees }) => Object.values(guarantees).some((amount) => amount > 0));
    this.required.length = 0;
    const deepestFirst = [...this.#byPath.values()].sort((a, b) => b.path.split('/').length - a.path.split('/').length);
    for (const role of deepestFirst) this.#reckonShortfall(role);
    for (const role of deepestFirst) {
      this.#park(role);
      this.tidy(role);
    }
  }

  /** A client in the role is, or no longer is, of those that limits must not pass over as a whole. */
  countParticular(role: Role, sign: 1 | -1): void {
    for (let at: Role | undefined = role; at !== undefined; at = at.parent) {
      at.particular += sign;
      this.#park(at);
    }
  }

  /** How much more the limits of the role and those above it leave, and which of them leaves the least. */
  left(role: Role, place: number): { readonly amount: number; readonly by: Role | undefined } {
    let amount = Number.POSITIVE_INFINITY;
    let by: Role | undefined;
    for (let at: Role | undefined = role; at !== undefined; at = at.parent) {
      const limit = at.limits?.[place];
      if (limit === undefined || limit - (at.consumed[place] ?? 0) >= amount) continue;
      amount = Math.max(0, limit - (at.consumed[place] ?? 0));
      by = at;
    }
    return { amount, by };
  }

  /**
   * How much of what is held back for guarantees is held back for those in the role itself: by how much less would be, if
   * they had all that they could want. What a role below it is promised is not theirs.
   */
  heldBackFor(role: Role, place: number): number {
    let others = role.shortfallBelow[place] ?? 0;
    let top = role;
    for (; top.parent !== undefined; top = top.parent)
      others += (top.parent.shortfallBelow[place] ?? 0) - (top.shortfall[place] ?? 0);
    return (top.shortfall[place] ?? 0) - others;
  }

  #newRole(path: string, parent: Role | undefined): Role {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const role = new Role(path, name, parent, this.#sharing, parent?.node ?? this.root);
    role.node.setWeight(this.#weights.get(path) ?? 1_000);
    return role;
  }

  #consume(role: Role, amounts: Amounts, sign: 1 | -1): void {
    for (let at: Role | undefined = role; at !== undefined; at = at.parent) {
      addAll(at.consumed, amounts, sign);
      if (this.#guaranteed) this.#reckonShortfall(at);
      if (!this.#limited) continue;
      this.#park(at);
      if (sign < 0) this.#relax(at);
    }
  }

  #reckonShortfall(role: Role): void {
    const before = role.shortfall;
    const shortfall = [...role.shortfallBelow];
    role.guarantees?.forEach((guarantee, place) => {
      const lacking = guarantee - (role.consumed[place] ?? 0);
      if (lacking > (shortfall[place] ?? 0)) add(shortfall, place, lacking - (shortfall[place] ?? 0));
    });
    role.shortfall = shortfall;
    const above = role.parent?.shortfallBelow ?? this.required;
    addAll(above, before, -1);
    addAll(above, shortfall, 1);
    if (role.parent !== undefined) return;
    if (isNone(shortfall)) this.#short.delete(role);
    else this.#short.add(role);
  }

  /** Passes over a role that has used up its limits, where nobody in it could have anything else. */
  #park(role: Role): void {
    const parked = this.#isUsedUp(role);
    if (role.node.parked === parked) return;
    role.node.parked = parked;
    if (parked) role.hindering = true;
    else this.#relax(role);
  }

  #relax(role: Role): void {
    if (!role.hindering) return;
    role.hindering = false;
    this.onRelaxed(role);
  }

  #isUsedUp(role: Role): boolean {
    if (role.limits === undefined || role.particular > 0 || this.#hasReservations(role)) return false;
    // Its own limits alone: those of roles above it may be relaxed without it.
    const { limits, consumed } = role;
    const left = (place: number): number => (limits[place] ?? Number.POSITIVE_INFINITY) - (consumed[place] ?? 0);
    const { cpus, mem } = this.#exhausted;
    return left(this.#names.place('cpus')) < cpus && left(this.#names.place('mem')) < mem;
  }

  #hasReservations(role: Role): boolean {
    for (let at = role.parent; at !== undefined; at = at.parent) if (at.reservations > 0) return true;
    return hasReservationsBelow(role);
  }
}

function pathAbove(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? undefined : path.slice(0, slash);
}

function* nodesOf(owners: Iterable<{ readonly node: ShareNode }>): Iterable<ShareNode> {
  for (const { node } of owners) yield node;
}

function* nodesBelow({ children, frameworks }: Role): Iterable<ShareNode> {
  yield frameworks;
  yield* nodesOf(children);
}

function hasReservationsBelow(role: Role): boolean {
  if (role.reservations > 0) return true;
  for (const child of role.children) if (hasReservationsBelow(child)) return true;
  return false;
}
