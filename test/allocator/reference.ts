import assert from 'node:assert/strict';
import type {
  Allocation,
  AttributeConstraint,
  Demand,
  FrameworkDescription,
  Hindrance,
  Quantities,
  Quota,
  SlaveDescription,
  Usage,
} from '@mesos-ts/master';
import type { Filters, FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import {
  amountOf,
  beyond,
  covers,
  isReserved,
  isRevocable,
  isScalar,
  isUnreserved,
  minus,
  type Part,
  type Pile,
  partsOf,
  pile,
  pileOf,
  plus,
  resourcesOf,
  scalarsOf,
} from './pile.js';
import { isMet } from './reference-constraint.js';
import {
  cut,
  fits,
  fulfilled,
  inProportion,
  isEnough,
  minAllocatableDefault,
  taken,
  type Wish,
} from './reference-gift.js';
import { byShare, type Client, GiftCounts, isWithin, pathsTo } from './reference-shares.js';

/** What a framework has of an agent in one of its roles. */
export interface Holding extends Client {
  readonly slaveId: string;
  readonly offered: Pile;
  readonly used: Pile;
}

interface Slave {
  readonly description: SlaveDescription;
  readonly total: Pile;
  /** What it may lend on top of that. */
  lends: Pile;
  active: boolean;
}

interface Refusal extends Client {
  readonly slaveId: string;
  readonly pile: Pile;
  readonly until: number;
}

interface Framework {
  description: FrameworkDescription;
  active: boolean;
  /** Its roles in the order in which it came to them. */
  readonly joined: readonly string[];
  readonly suppressed: Set<string>;
  /** Undefined: it takes whatever there is. */
  demands: Wish[] | undefined;
}

export interface ReferenceOptions {
  readonly excludedResourceNames?: readonly string[];
  readonly region?: string;
  readonly offerCap?: number;
}

/** The stages of a run: what is promised goes out first. */
const stages = ['guarantees', 'fair share'] as const;
type Stage = (typeof stages)[number];

/** What of an agent the client may have at all, of all that is free; and what quota leaves of that. */
interface Pieces {
  readonly free: Pile;
  readonly whole: Pile;
  /** What the limits leave. */
  readonly limited: Pile;
  /** What the limits and the guarantees of others leave. */
  readonly left: Pile;
}

/** What a look at one agent for one client yields. */
export type Look = { readonly gift: Pile } | Hindrance;

/**
 * The allocator as it is meant, slow and plain: nothing is remembered but the books and what was told; every sum is made
 * anew each time, every agent looked at. In which order agents are looked at is not its own to choose: see
 * {@link Reference.replay}.
 */
export class Reference {
  readonly slaves = new Map<string, Slave>();
  readonly frameworks = new Map<string, Framework>();
  holdings: Holding[] = [];
  refusals: Refusal[] = [];
  quotas: readonly Quota[] = [];
  readonly #gifts = new GiftCounts();
  /** Those who may be offered something, in the order in which they came to that. */
  #taking: readonly Client[] = [];
  #weights = new Map<string, number>();
  #whitelist: readonly string[] | undefined;

  constructor(readonly options: ReferenceOptions = {}) {}

  addSlave(slaveId: string, description: SlaveDescription, used: readonly Usage[]): void {
    this.removeSlave(slaveId);
    const { total, oversubscribed = [] } = description;
    this.slaves.set(slaveId, { description, total: pileOf(total), lends: pileOf(oversubscribed), active: true });
    for (const { frameworkId, role, resources } of used)
      this.#hold({ frameworkId, role }, slaveId, pile([]), pileOf(resources));
  }

  removeSlave(slaveId: string): void {
    this.slaves.delete(slaveId);
    this.holdings = this.holdings.filter((one) => one.slaveId !== slaveId);
    this.refusals = this.refusals.filter((one) => one.slaveId !== slaveId);
    this.#forgetGifts();
  }

  updateOversubscribed(slaveId: string, oversubscribed: Resources): void {
    const slave = this.slaves.get(slaveId);
    if (slave !== undefined) slave.lends = pileOf(oversubscribed);
  }

  setSlaveActive(slaveId: string, active: boolean): void {
    const slave = this.slaves.get(slaveId);
    if (slave !== undefined) slave.active = active;
  }

  addFramework(frameworkId: string, description: FrameworkDescription): void {
    const before = this.frameworks.get(frameworkId);
    const isKept = (role: string) => description.roles.includes(role);
    if (before !== undefined) {
      before.description = { roles: before.description.roles.filter(isKept) };
      this.#forgetGifts();
    }
    this.frameworks.set(frameworkId, {
      description,
      joined: [...new Set([...(before?.joined ?? []).filter(isKept), ...description.roles])],
      active: before?.active ?? false,
      suppressed: new Set(description.suppressedRoles ?? []),
      demands: before?.demands?.filter(({ role }) => isKept(role)),
    });
    this.#forgetRefusals(frameworkId, (role) => !isKept(role));
    this.#settle(frameworkId, description.roles);
  }

  removeFramework(frameworkId: string): void {
    this.frameworks.delete(frameworkId);
    this.#settle(frameworkId, []);
    this.#forgetRefusals(frameworkId, () => true);
    this.#forgetGifts();
  }

  activateFramework(frameworkId: string): void {
    this.#setActive(frameworkId, true);
  }

  deactivateFramework(frameworkId: string): void {
    this.#setActive(frameworkId, false);
  }

  #setActive(frameworkId: string, active: boolean): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.active = active;
    this.#forgetRefusals(frameworkId, () => true);
    this.#settle(frameworkId, framework.joined);
  }

  /** Its roles one after the other, in that order: who takes part from now on, and who no longer does. */
  #settle(frameworkId: string, roles: readonly string[]): void {
    const framework = this.frameworks.get(frameworkId);
    this.#taking = this.#taking.filter((one) => one.frameworkId !== frameworkId || roles.includes(one.role));
    for (const role of roles) {
      const client = { frameworkId, role };
      const others = this.#taking.filter((one) => !isSame(one, client));
      const takes = framework?.active === true && !framework.suppressed.has(role);
      if (takes && others.length === this.#taking.length) this.#gifts.join(client, others);
      this.#taking = takes ? [...others, client] : others;
    }
  }

  /** Gives back what was in offers. */
  recoverResources(
    frameworkId: string,
    slaveId: string,
    role: string,
    resources: Resources,
    now: number,
    filters?: Filters,
  ): void {
    const client = { frameworkId, role };
    const { offered, used } = this.holding(client, slaveId);
    this.#setHolding(client, slaveId, minus(offered, pileOf(resources)), used);
    const until = now + (filters?.refuseSeconds ?? 0) * 1_000;
    if (until > now && this.frameworks.get(frameworkId)?.description.roles.includes(role) === true)
      this.refusals.push({ ...client, slaveId, pile: pileOf(resources), until });
  }

  /** Gives back what was used. */
  releaseResources(frameworkId: string, slaveId: string, role: string, resources: Resources): void {
    const client = { frameworkId, role };
    const { offered, used } = this.holding(client, slaveId);
    this.#setHolding(client, slaveId, offered, minus(used, pileOf(resources)));
  }

  used(frameworkId: string, slaveId: string, role: string, resources: Resources): void {
    const client = { frameworkId, role };
    const now = pileOf(resources);
    const { offered, used } = this.holding(client, slaveId);
    this.#setHolding(client, slaveId, minus(offered, now), plus(used, now));
  }

  suppressOffers(frameworkId: string, roles: readonly string[]): void {
    const framework = this.frameworks.get(frameworkId);
    for (const role of chosen(framework, roles)) framework?.suppressed.add(role);
    this.#settle(frameworkId, framework?.joined ?? []);
  }

  reviveOffers(frameworkId: string, roles: readonly string[], keepFilters = false): void {
    const framework = this.frameworks.get(frameworkId);
    const those = chosen(framework, roles);
    for (const role of those) framework?.suppressed.delete(role);
    if (!keepFilters) this.#forgetRefusals(frameworkId, (role) => those.includes(role));
    this.#settle(frameworkId, framework?.joined ?? []);
  }

  requestResources(frameworkId: string, demands: readonly Demand[] | undefined): void {
    const framework = this.frameworks.get(frameworkId);
    if (framework !== undefined)
      framework.demands = demands
        ?.filter(({ role }) => framework.description.roles.includes(role))
        .map((one) => ({ ...one }));
  }

  updateWeights(weights: Quantities): void {
    this.#weights = new Map(Object.entries(weights));
  }

  updateQuota(quotas: readonly Quota[]): void {
    this.quotas = quotas;
    this.#forgetGifts();
  }

  updateWhitelist(hosts: readonly string[] | undefined): void {
    this.#whitelist = hosts;
  }

  /**
   * Whether `run` is one that this allocator could have made, had it looked at the agents in the order in which they come
   * there and at all others last: each gift is exactly what the walk over that agent gives then, no gift is missing, and
   * after it there is nothing more to give of any agent to anyone. Takes the gifts into the books.
   */
  replay(run: readonly Allocation[], now: number): void {
    let at = 0;
    do {
      const before = at;
      for (const stage of stages) at += this.#replayStage(run.slice(at), stage, now);
      if (at === before) break;
    } while (at < run.length);
    const extra = run[at];
    if (extra !== undefined)
      assert.fail(`nothing should be given, but was: ${textOf(extra)}; ${JSON.stringify(this.lookFor(extra, now))}`);
    for (const stage of stages) this.#requireNothing(stage, new Set(), now);
  }

  /** Takes a gift into the books, whoever decided it. */
  take({ frameworkId, role, slaveId, resources }: Allocation): void {
    this.#hold({ frameworkId, role }, slaveId, pileOf(resources), pile([]));
    this.#gifts.count({ frameworkId, role });
  }

  /** What the client would be given of that agent now. */
  look(client: Client, slaveId: string, now: number): Look {
    const framework = this.frameworks.get(client.frameworkId);
    const slave = this.slaves.get(slaveId);
    assert.ok(framework !== undefined && slave !== undefined);
    if (!framework.active) return { why: 'framework-inactive' };
    if (framework.suppressed.has(client.role)) return { why: 'suppressed' };
    if (!slave.active) return { why: 'agent-inactive' };
    if (!this.#isWhitelisted(slave)) return { why: 'not-whitelisted' };
    return (
      this.#unfitAgent(framework.description, client.role, slave) ??
      this.#amount(framework, client, slave, slaveId, now)
    );
  }

  lookFor({ frameworkId, role, slaveId }: Allocation, now: number): Look {
    return this.look({ frameworkId, role }, slaveId, now);
  }

  free(slaveId: string): Pile {
    const held = this.#heldOf(slaveId);
    return minus(this.all(slaveId, held), held);
  }

  /** What an agent has and lends, as long as more is held of that than it may lend by now: as much as is held. */
  all(slaveId: string, held = this.#heldOf(slaveId)): Pile {
    const slave = this.slaves.get(slaveId);
    assert.ok(slave !== undefined);
    const borrowed = pile(partsOf(held, isRevocable));
    return plus(plus(slave.total, slave.lends), beyond(borrowed, slave.lends));
  }

  #heldOf(slaveId: string): Pile {
    return this.holdings
      .filter((one) => one.slaveId === slaveId)
      .reduce((held, { offered, used }) => plus(plus(held, offered), used), pile([]));
  }

  holding({ frameworkId, role }: Client, slaveId: string): Holding {
    const found = this.holdings.find(
      (one) => one.frameworkId === frameworkId && one.role === role && one.slaveId === slaveId,
    );
    return found ?? { frameworkId, role, slaveId, offered: pile([]), used: pile([]) };
  }

  /** All that may be offered something, as it stands with them. */
  clients(): Client[] {
    return [...this.frameworks].flatMap(([frameworkId, { description }]) =>
      description.roles.map((role) => ({ frameworkId, role })),
    );
  }

  allocatedTo(role: string, name: string): number {
    return this.holdings.filter((one) => isWithin(one.role, role)).reduce((sum, one) => sum + heldOf(one, name), 0);
  }

  /** What counts to the quota of a role: what is reserved for it and those below it, and what else is allocated there. */
  consumed(role: string, name: string): number {
    let sum = 0;
    for (const { total } of this.slaves.values())
      for (const part of total.values())
        if (isScalar(part) && isReserved(part) && part.name === name && isWithin(part.role, role)) sum += part.amount;
    for (const one of this.holdings)
      if (isWithin(one.role, role)) sum += unreservedOf(one.offered, name) + unreservedOf(one.used, name);
    return sum;
  }

  /** What must stay free for those whom it is promised to, were `more` allocated to the roles on the way to `role`. */
  required(name: string, role?: string, more = 0): number {
    const tops = new Set(this.quotas.map((quota) => pathsTo(quota.role)[0] as string));
    return [...tops].reduce((sum, top) => sum + this.#shortfall(top, name, role, more), 0);
  }

  /** What is free and unreserved on the agents that are offered. */
  available(name: string): number {
    let sum = 0;
    for (const [slaveId, slave] of this.slaves)
      if (slave.active && this.#isWhitelisted(slave)) sum += unreservedOf(this.free(slaveId), name);
    return sum;
  }

  #replayStage(run: readonly Allocation[], stage: Stage, now: number): number {
    const visited = new Set<string>();
    let at = 0;
    for (let next = run[at]; next !== undefined && !visited.has(next.slaveId); next = run[at]) {
      visited.add(next.slaveId);
      const gifts = this.#walk(next.slaveId, stage, now);
      if (gifts.length === 0) break;
      for (const gift of gifts) {
        const theirs = run[at++];
        assert.equal(theirs === undefined ? undefined : textOf(theirs), textOf(gift), `of ${stage}`);
      }
    }
    this.#requireNothing(stage, visited, now);
    return at;
  }

  #requireNothing(stage: Stage, visited: ReadonlySet<string>, now: number): void {
    for (const slaveId of this.slaves.keys())
      if (!visited.has(slaveId))
        assert.deepEqual(this.#walk(slaveId, stage, now).map(textOf), [], `missing, of ${stage}`);
  }

  /** Gives of one agent to one client after the other, by their shares as they are then. */
  #walk(slaveId: string, stage: Stage, now: number): Allocation[] {
    if (stage === 'guarantees' && this.quotas.length === 0) return [];
    const gifts: Allocation[] = [];
    const looked = new Set<string>();
    // After every gift the shares are others: the walk starts anew, without those who had their turn.
    for (let gift = this.#next(slaveId, stage, now, looked); gift !== undefined; ) {
      this.take(gift);
      gifts.push(gift);
      gift = this.#next(slaveId, stage, now, looked);
    }
    return gifts;
  }

  #next(slaveId: string, stage: Stage, now: number, looked: Set<string>): Allocation | undefined {
    for (const client of this.#order()) {
      const { frameworkId, role } = client;
      if (looked.has(`${frameworkId} ${role}`)) continue;
      looked.add(`${frameworkId} ${role}`);
      const gift = this.#look(client, slaveId, stage, now);
      if (gift === undefined) continue;
      return {
        frameworkId: frameworkId as FrameworkId,
        slaveId: slaveId as SlaveId,
        role,
        resources: resourcesOf(gift),
      };
    }
    return undefined;
  }

  #look(client: Client, slaveId: string, stage: Stage, now: number): Pile | undefined {
    if (stage === 'guarantees' && !this.#isPromised(client.role, slaveId)) return undefined;
    const look = this.look(client, slaveId, now);
    return 'gift' in look ? look.gift : undefined;
  }

  #order(): readonly Client[] {
    return byShare(this.#taking, {
      held: this.holdings.map((one) => ({ ...one, scalars: scalarsOf(plus(one.offered, one.used)) })),
      gifts: (of) => this.#gifts.of(of),
      totals: this.#totals(),
      weights: this.#weights,
    });
  }

  #total(name: string): number {
    return [...this.slaves.keys()].reduce((sum, slaveId) => sum + amountOf(this.all(slaveId), name), 0);
  }

  #totals(): Map<string, number> {
    const totals = new Map<string, number>();
    for (const slaveId of this.slaves.keys())
      for (const [name, amount] of scalarsOf(this.all(slaveId)))
        if (this.options.excludedResourceNames?.includes(name) !== true)
          totals.set(name, (totals.get(name) ?? 0) + amount);
    return totals;
  }

  #isWhitelisted({ description }: Slave): boolean {
    return this.#whitelist === undefined || this.#whitelist.includes(description.hostname);
  }

  #unfitAgent(framework: FrameworkDescription, role: string, { description, total }: Slave): Hindrance | undefined {
    const groups = framework.constraints?.[role] ?? [];
    const holds = (one: AttributeConstraint) => isMet(one, description);
    if (groups.length > 0 && !groups.some((group) => group.every(holds))) {
      const constraint = groups[0]?.find((one) => !holds(one));
      assert.ok(constraint !== undefined);
      return { why: 'constraint', constraint };
    }
    if (framework.gpuResources !== true && (scalarsOf(total).get('gpus') ?? 0) > 0) return { why: 'gpus' };
    const region = description.domain?.region;
    if (this.options.region === undefined || region === undefined || region === this.options.region) return undefined;
    return framework.regionAware === true ? undefined : { why: 'region', region };
  }

  #amount(framework: Framework, client: Client, slave: Slave, slaveId: string, now: number): Look {
    // What may be taken away is for those who can do with that, and what somebody waits for is for keeps.
    const mayLose = framework.description.revocableResources === true && framework.demands === undefined;
    const isForIt = (part: Part) =>
      isRevocable(part) ? mayLose : !isReserved(part) || isWithin(client.role, part.role);
    const mayHave = (of: Pile) => pile(partsOf(of, isForIt));
    const [free, whole] = [mayHave(this.free(slaveId)), mayHave(plus(slave.total, slave.lends))];
    const limited = cut(free, (name) => this.#limitRoom(client.role, name));
    const left = cut(limited, (name) => this.#headroom(client.role, name));
    const sized =
      framework.demands === undefined
        ? this.#anything(framework.description, client.role, { free, whole, limited, left })
        : this.#demanded(framework.demands, client, { free, whole, limited, left });
    if ('why' in sized) return sized;
    if (this.#isCapped(client.frameworkId, sized.gift)) return { why: 'cap' };
    const gift = inProportion(sized.gift, free);
    return this.#refused(client, slaveId, gift, now) ?? { gift };
  }

  /** All that is left, if that is worth an offer. */
  #anything({ minAllocatable }: FrameworkDescription, role: string, { free, whole, limited, left }: Pieces): Look {
    const least = minAllocatable?.[role] ?? minAllocatableDefault;
    if (!isEnough(free, least))
      return { why: least.length === 0 || isEnough(whole, least) ? 'short' : 'too-small', by: {} };
    const isCut = (of: Pile) => !covers(of, free);
    const isWorth = (of: Pile) => isEnough(of, least) && (!isCut(of) || scalarsOf(of).size > 0);
    if (!isWorth(limited)) return { why: 'limit', role, by: {} };
    return isWorth(left) ? { gift: left } : { why: 'guarantees', by: {} };
  }

  /** So many times the shapes that it waits for as fit, and not more often than it waits for them beyond what it is offered. */
  #demanded(demands: readonly Wish[], client: Client, { free, whole, limited, left }: Pieces): Look {
    const wishes = demands.filter(({ role, count }) => role === client.role && count > 0);
    const outstanding = fulfilled(wishes, this.#offeredTo(client));
    const open = wishes
      .map((wish, index) => ({ ...wish, count: wish.count - (outstanding[index] ?? 0) }))
      .filter(({ count }) => count > 0);
    const [first] = open;
    if (first === undefined) return { why: 'no-demand' };
    const amounts = scalarsOf(left);
    if (fulfilled(open, amounts).some((times) => times > 0))
      return { gift: taken(left, differenceOf(scalarsOf(left), amounts)) };
    const fitsInto = (of: Pile) => fits(first.shape, scalarsOf(of)) > 0;
    if (!fitsInto(free))
      return { why: wishes.some(({ shape }) => fits(shape, scalarsOf(whole)) > 0) ? 'short' : 'too-small', by: {} };
    return fitsInto(limited) ? { why: 'guarantees', by: {} } : { why: 'limit', role: client.role, by: {} };
  }

  /** How much more of it the limits allow the role; undefined: any amount. */
  #limitRoom(role: string, name: string): number | undefined {
    const rooms = this.quotas
      .filter((quota) => isWithin(role, quota.role) && quota.limits[name] !== undefined)
      .map((quota) => Math.max(0, (quota.limits[name] ?? 0) - this.consumed(quota.role, name)));
    return rooms.length === 0 ? undefined : Math.min(...rooms);
  }

  /**
   * How much more of it may go to the role without leaving less for the promises to others than is left now: what is
   * promised to the role itself, and what is there beyond all promises.
   */
  #headroom(role: string, name: string): number | undefined {
    if (!this.quotas.some(({ guarantees }) => guarantees[name] !== undefined)) return undefined;
    return this.#promised(role, name) + Math.max(0, this.available(name) - this.required(name));
  }

  /** By how much less must stay free if the role gets enough of it. */
  #promised(role: string, name: string): number {
    return this.required(name) - this.required(name, role, Number.MAX_SAFE_INTEGER);
  }

  #isPromised(role: string, slaveId: string): boolean {
    const free = scalarsOf(pile(partsOf(this.free(slaveId), isUnreserved)));
    return [...free.keys()].some((name) => this.#promised(role, name) > 0);
  }

  #shortfall(path: string, name: string, role: string | undefined, more: number): number {
    const consumed = this.consumed(path, name) + (role !== undefined && isWithin(role, path) ? more : 0);
    const guarantee = this.quotas.find((quota) => quota.role === path)?.guarantees[name] ?? 0;
    const depth = path.split('/').length;
    const children = new Set(
      this.quotas
        .filter((quota) => quota.role !== path && isWithin(quota.role, path))
        .map((quota) => pathsTo(quota.role)[depth] as string),
    );
    const theirs = [...children].reduce((sum, child) => sum + this.#shortfall(child, name, role, more), 0);
    return Math.max(0, guarantee - consumed, theirs);
  }

  #offeredTo({ frameworkId, role }: Client): Map<string, number> {
    return sumOf(this.holdings.filter((one) => one.frameworkId === frameworkId && one.role === role));
  }

  /** Whether it would hold more of the cluster in offers than it may; what is its only one may be larger. */
  #isCapped(frameworkId: string, gift: Pile): boolean {
    const cap = this.options.offerCap ?? 1_000;
    const roles = this.frameworks.get(frameworkId)?.description.roles ?? [];
    const offered = sumOf(this.holdings.filter((one) => one.frameworkId === frameworkId && roles.includes(one.role)));
    if (cap >= 1_000 || offered.size === 0) return false;
    return [...scalarsOf(gift)].some(
      ([name, amount]) => ((offered.get(name) ?? 0) + amount) * 1_000 > this.#total(name) * cap,
    );
  }

  #refused(client: Client, slaveId: string, gift: Pile, now: number): Hindrance | undefined {
    const blocking = this.refusals.filter(
      (one) => isSame(one, client) && one.slaveId === slaveId && one.until > now && covers(one.pile, gift),
    );
    if (blocking.length === 0) return undefined;
    return { why: 'filtered', forMs: Math.max(...blocking.map(({ until }) => until)) - now };
  }

  #forgetRefusals(frameworkId: string, ofRole: (role: string) => boolean): void {
    this.refusals = this.refusals.filter((one) => one.frameworkId !== frameworkId || !ofRole(one.role));
  }

  #hold(client: Client, slaveId: string, offered: Pile, used: Pile): void {
    const before = this.holding(client, slaveId);
    this.#setHolding(client, slaveId, plus(before.offered, offered), plus(before.used, used));
  }

  #setHolding({ frameworkId, role }: Client, slaveId: string, offered: Pile, used: Pile): void {
    this.holdings = this.holdings.filter(
      (one) => one.frameworkId !== frameworkId || one.role !== role || one.slaveId !== slaveId,
    );
    if (offered.size + used.size > 0) this.holdings.push({ frameworkId, role, slaveId, offered, used });
    this.#forgetGifts();
  }

  /** A role is there as long as there is a client, a quota or a reservation of it, or anything allocated, or of one below. */
  #forgetGifts(): void {
    const reserved = [...this.slaves.values()].flatMap(({ total }) =>
      partsOf(total, isReserved).map(({ role }) => role),
    );
    const held = this.holdings.filter((one) => scalarsOf(plus(one.offered, one.used)).size > 0);
    const clients = this.clients();
    const roles = new Set([...[...clients, ...this.quotas, ...held].map(({ role }) => role), ...reserved]);
    this.#gifts.forget(
      (client) => clients.some((one) => isSame(one, client)),
      (path) => [...roles].some((role) => isWithin(role, path)),
    );
  }
}

export function textOf({ frameworkId, role, slaveId, resources }: Allocation): string {
  return `${frameworkId} as ${role} of ${slaveId}: ${JSON.stringify(resources)}`;
}

function isSame(a: Client, b: Client): boolean {
  return a.frameworkId === b.frameworkId && a.role === b.role;
}

function chosen(framework: Framework | undefined, roles: readonly string[]): readonly string[] {
  const all = framework?.description.roles ?? [];
  return roles.length === 0 ? all : all.filter((role) => roles.includes(role));
}

function heldOf({ offered, used }: Holding, name: string): number {
  return amountOf(offered, name) + amountOf(used, name);
}

function sumOf(holdings: readonly Holding[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { offered } of holdings)
    for (const [name, amount] of scalarsOf(offered)) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

function differenceOf(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...a].map(([name, amount]) => [name, amount - (b.get(name) ?? 0)]));
}

function unreservedOf(of: Pile, name: string): number {
  return of.get(`${name}(*)`)?.amount ?? 0;
}
