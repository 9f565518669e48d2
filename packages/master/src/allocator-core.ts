import { Heap, type Random } from '@mesos-ts/process';
import {
  type Filters,
  type FrameworkId,
  isEmpty,
  type Resources,
  ResourcesError,
  type SlaveId,
  unreservedRole,
} from '@mesos-ts/protocol';
import { AllocationRound, Pending } from './allocation-round.js';
import type {
  Allocation,
  Demand,
  FrameworkDescription,
  Quantities,
  Quota,
  RoleExplanation,
  SlaveDescription,
  Usage,
} from './allocator.js';
import { type Applicant, type Client, fits, type Wish } from './clients.js';
import { explain } from './explanation.js';
import { GiftRules } from './gift.js';
import { Refusals } from './refusals.js';
import { type Role, Roles } from './roles.js';
import { type Amounts, addAll, haveCommon, isNone, ScalarNames } from './scalar-names.js';
import { inOrder, ShareNode, type Sharing } from './share-node.js';
import { SlaveBooks } from './slave-books.js';

export interface AllocatorCoreOptions {
  readonly random: Random;
  /** `drf`: the lowest weighted dominant share goes first. `random`: by chance, in proportion to the weights. Default drf. */
  readonly sorter?: 'drf' | 'random';
  /** Scalars that do not count to shares, because they are scarce. Default none. */
  readonly excludedResourceNames?: readonly string[];
  /** The master's own; agents elsewhere are for frameworks that are aware of regions. Default: no agent is elsewhere. */
  readonly region?: string;
  /**
   * How much of the cluster one framework may hold in offers, in thousandths of each resource. Its first offer may be
   * larger. Default 1,000: all.
   */
  readonly offerCap?: number;
}

/** Among so many roles the first is found by comparing all, among more by walking through the tree. */
const fewRoles = 32;
/** Less than this is worth no offer to anybody who does not say otherwise (Mesos' MIN_CPUS 0.01 and MIN_MEM 32 MB). */
const leastOffer = { cpus: 10, mem: 32_000 } as const;

/**
 * Hierarchical weighted dominant resource fairness as a pure core: books, and who is next (Mesos facts 4). What is free goes
 * to whoever is first in the tree of roles and may have it, agent by agent.
 *
 * It never looks at anything twice for nothing: who was given nothing of an agent is not asked again before one of both has
 * changed. That is what makes it quick, and what the tests compare with one that always looks at everything.
 *
 * @throws {ResourcesError} from any method that is told of something that the books contradict.
 */
export class AllocatorCore {
  readonly #random: Random;
  readonly #names = new ScalarNames();
  readonly #totals: Amounts = [];
  /** Free and unreserved, on all agents that are offered. */
  readonly #available: Amounts = [];
  readonly #sharing: Sharing;
  readonly #roles: Roles;
  readonly #rules: GiftRules;
  readonly #region: string | undefined;
  readonly #isCapped: boolean;
  readonly #slaves = new Map<SlaveId, SlaveBooks>();
  /** Those of which something is free. */
  readonly #free = new Set<SlaveBooks>();
  readonly #applicants = new Map<FrameworkId, Applicant>();
  /** By number. */
  readonly #clients: (Client | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** What frameworks hold that are not known, or not in that role, by both. */
  readonly #unknown = new Map<string, { readonly allocated: Amounts; readonly offered: Amounts }>();
  readonly #pending = new Pending();
  #round: AllocationRound | undefined;
  /** Those who refuse something, by when the next refusal of it runs out. */
  readonly #wakes = new Heap<{ readonly slave: SlaveBooks; readonly at: number }>((a, b) => a.at < b.at);
  #refusalSerial = 0;
  /** More refusals have run out than there was time to forget. */
  #isExpiring = false;
  /** By the number of a client: where the refusals of the agent that is looked at begin; -1: it has none. */
  #refusalAt = new Int32Array(64).fill(-1);
  #walks = 0;
  /** How many clients are walked to, as far as their roles are. */
  #activeClients = 0;
  #sharesChanged = false;
  /** Somebody was given nothing because it is held back for guarantees. */
  #heldBack = false;
  /** Something was given since the round began. */
  #hasGiven = false;
  #whitelist: ReadonlySet<string> | undefined;
  readonly #leastOffer: readonly Amounts[];

  constructor({ random, sorter = 'drf', excludedResourceNames = [], region, offerCap = 1_000 }: AllocatorCoreOptions) {
    const names = this.#names;
    this.#random = random;
    this.#region = region;
    this.#isCapped = offerCap < 1_000;
    const excluded: boolean[] = [];
    for (const name of excludedResourceNames) excluded[names.place(name)] = true;
    this.#sharing = { totals: this.#totals, excluded, random: sorter === 'random' ? random : undefined };
    this.#roles = new Roles(names, this.#sharing, leastOffer);
    this.#roles.onRelaxed = (role) => this.#lookAgainBelow(role);
    const available = this.#available;
    this.#rules = new GiftRules({ names, roles: this.#roles, totals: this.#totals, available, offerCap });
    this.#leastOffer = [names.amounts({ cpus: leastOffer.cpus }), names.amounts({ mem: leastOffer.mem })];
  }

  // Agents

  addSlave(slaveId: SlaveId, description: SlaveDescription, used: readonly Usage[]): void {
    this.removeSlave(slaveId);
    // What contradicts itself throws here, before it counts anywhere.
    const slave = new SlaveBooks(slaveId, description, used, this.#names, this.#region);
    this.#requireCountable(description.total);
    slave.listed = this.#isListed(slave);
    this.#slaves.set(slaveId, slave);
    this.#countTotal(slave, 1);
    for (const holding of slave.holdings) this.#charge(holding.frameworkId, holding.role, holding.resources, 1);
    this.#offerOf(slave, 1);
  }

  removeSlave(slaveId: SlaveId): void {
    const slave = this.#slaves.get(slaveId);
    if (slave === undefined) return;
    this.#offerOf(slave, -1);
    slave.known = false;
    this.#slaves.delete(slaveId);
    this.#free.delete(slave);
    this.#pending.slaves.delete(slave);
    for (const { frameworkId, role, resources, offered } of slave.holdings) {
      this.#charge(frameworkId, role, resources, -1);
      this.#countOffered(frameworkId, role, offered, -1);
    }
    this.#countTotal(slave, -1);
  }

  activateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, (slave) => {
      slave.active = true;
    });
  }

  deactivateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, (slave) => {
      slave.active = false;
    });
  }

  updateWhitelist(hosts: readonly string[] | undefined): void {
    this.#whitelist = hosts === undefined ? undefined : new Set(hosts);
    for (const slave of this.#slaves.values()) {
      const listed = this.#isListed(slave);
      if (listed !== slave.listed)
        this.#change(slave.id, () => {
          slave.listed = listed;
        });
    }
  }

  // Frameworks

  addFramework(frameworkId: FrameworkId, description: FrameworkDescription): void {
    const known = this.#applicants.get(frameworkId);
    const applicant: Applicant = known ?? {
      ...{
        id: frameworkId,
        description,
        active: false,
        clients: new Map(),
        offered: [],
        capped: false,
        demanding: false,
      },
    };
    this.#applicants.set(frameworkId, applicant);
    applicant.description = description;
    for (const [role, client] of applicant.clients) if (!description.roles.includes(role)) this.#removeClient(client);
    for (const role of description.roles) {
      const client = applicant.clients.get(role) ?? this.#addClient(applicant, role);
      client.suppressed = description.suppressedRoles?.includes(role) ?? false;
      client.constraints = description.constraints?.[role];
      const least = description.minAllocatable?.[role];
      client.minima = least?.map((quantities) => this.#names.amounts(quantities)) ?? this.#leastOffer;
      this.#described(client);
    }
  }

  removeFramework(frameworkId: FrameworkId): void {
    for (const client of this.#applicants.get(frameworkId)?.clients.values() ?? []) this.#removeClient(client);
    this.#applicants.delete(frameworkId);
  }

  activateFramework(frameworkId: FrameworkId): void {
    this.#setActive(frameworkId, true);
  }

  deactivateFramework(frameworkId: FrameworkId): void {
    this.#setActive(frameworkId, false);
  }

  suppressOffers(frameworkId: FrameworkId, roles: readonly string[]): void {
    for (const client of this.#clientsOf(frameworkId, roles)) {
      client.suppressed = true;
      this.#settle(client);
    }
  }

  reviveOffers(frameworkId: FrameworkId, roles: readonly string[], keepFilters = false): void {
    for (const client of this.#clientsOf(frameworkId, roles)) {
      client.suppressed = false;
      if (!keepFilters) client.refusalsSince = ++this.#refusalSerial;
      this.#settle(client);
    }
  }

  requestResources(frameworkId: FrameworkId, demands: readonly Demand[] | undefined): void {
    const applicant = this.#applicants.get(frameworkId);
    if (applicant !== undefined) applicant.demanding = demands !== undefined;
    for (const client of this.#clientsOf(frameworkId, [])) {
      client.wishes = demands?.filter(({ role }) => role === client.role.path).map((demand) => this.#wish(demand));
      this.#described(client);
    }
  }

  // Roles

  updateWeights(weights: Quantities): void {
    this.#roles.setWeights(weights);
  }

  updateQuota(quotas: readonly Quota[]): void {
    this.#roles.setQuotas(quotas);
    this.#pending.all = true;
  }

  // Resources

  /** @param now by the monotonic clock, in ms: from then on the filters hold. */
  recoverResources(
    frameworkId: FrameworkId,
    slaveId: SlaveId,
    role: string,
    resources: Resources,
    now: number,
    filters?: Filters,
  ): void {
    const slave = this.#takeBack(frameworkId, slaveId, role, resources, true);
    const refuseMs = (filters?.refuseSeconds ?? 0) * 1_000;
    const client = this.#applicants.get(frameworkId)?.clients.get(role);
    if (slave === undefined || client === undefined || refuseMs <= 0) return;
    slave.refusals ??= new Refusals();
    const refusal = { client: client.number, resources, until: now + refuseMs, serial: ++this.#refusalSerial };
    slave.refusals.add(refusal, this.#holdsFrom, now);
    this.#wake(slave);
  }

  releaseResources(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    this.#takeBack(frameworkId, slaveId, role, resources, false);
  }

  used(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    const counted = this.#slaves.get(slaveId)?.use(frameworkId, role, resources);
    if (counted === undefined) return;
    const client = this.#applicants.get(frameworkId)?.clients.get(role);
    if (client?.wishes !== undefined) fulfil(client.wishes, counted);
    this.#countOffered(frameworkId, role, counted, -1);
  }

  // Allocation

  get pending(): boolean {
    return this.#round !== undefined || !this.#pending.isNone;
  }

  /** @param enough asked after each agent whether to go on another time. */
  allocate(now: number, enough: () => boolean = () => false): Allocation[] {
    const given: Allocation[] = [];
    this.#expire(now, enough);
    while (this.pending && !this.#isExpiring) {
      this.#round ??= new AllocationRound(this.#pending, this.#free, this.#random, this.#roles.guaranteed);
      if (this.#sharesChanged) this.#reorder();
      const slave = this.#round.next();
      if (slave === undefined) this.#endRound();
      else if (slave.isOffered && !isEmpty(slave.free)) this.#serve(slave, this.#round, now, given);
      if (enough()) break;
    }
    return given;
  }

  /** When a refusal runs out, on the monotonic clock in ms: then is to be allocated again. */
  nextExpiry(): number | undefined {
    return this.#wakes.first?.at;
  }

  /** Why a framework is not offered more; undefined for one that is not known. */
  explain(frameworkId: FrameworkId, now: number): RoleExplanation[] | undefined {
    const applicant = this.#applicants.get(frameworkId);
    if (applicant === undefined) return undefined;
    if (this.#sharesChanged) this.#reorder();
    const world = { rules: this.#rules, names: this.#names, slaves: [...this.#slaves.values()], now };
    return [...applicant.clients.values()].map((client) => explain(client, world));
  }

  free(slaveId: SlaveId): Resources | undefined {
    return this.#slaves.get(slaveId)?.free;
  }

  allocatedTo(rolePath: string): Quantities {
    return this.#names.quantities(this.#roles.find(rolePath)?.node.allocated ?? []);
  }

  // The round

  /** Gives away what is free of an agent, to one after the other until nobody takes anything. */
  #serve(slave: SlaveBooks, round: AllocationRound, now: number, given: Allocation[]): void {
    const walk = ++this.#walks;
    if (this.#isRefusedByAll(slave, walk, now)) return;
    this.#markRefusals(slave, 1);
    const few = round.clientsFor(slave);
    for (;;) {
      const allocation =
        few === undefined ? this.#walkAll(slave, walk, round, now) : this.#tryFew(few, slave, walk, round, now);
      if (allocation === undefined) break;
      given.push(allocation);
      if (isEmpty(slave.free)) break;
    }
    this.#markRefusals(slave, -1);
  }

  #walkAll(slave: SlaveBooks, walk: number, round: AllocationRound, now: number): Allocation | undefined {
    if (!round.isForGuarantees) return this.#walk(this.#roles.root, slave, walk, round, now);
    const short: ShareNode[] = [];
    for (const { node, shortfall } of this.#roles.short) {
      if (node.isActive && node.seenIn !== walk && haveCommon(shortfall, slave.unreserved)) short.push(node);
      if (short.length > fewRoles) break;
    }
    // Chance draws from all, in their weights.
    if (short.length > fewRoles || (this.#sharing.random !== undefined && short.length > 0))
      return this.#walk(this.#roles.root, slave, walk, round, now);
    while (short.length > 0) {
      const first = short.reduce((best, node) => (inOrder(node, best) ? node : best));
      const allocation = this.#walk(first, slave, walk, round, now);
      if (allocation !== undefined) return allocation;
      first.seenIn = walk;
      short.splice(short.indexOf(first), 1);
    }
    return undefined;
  }

  /** In order, those below each in turn, until somebody takes something: then the order is another. */
  #walk(node: ShareNode, slave: SlaveBooks, walk: number, round: AllocationRound, now: number): Allocation | undefined {
    node.walk();
    for (let child = node.next(); child !== undefined; child = node.next()) {
      if (child.seenIn === walk) continue;
      const allocation =
        child.client < 0
          ? this.#walk(child, slave, walk, round, now)
          : this.#give(this.#clients[child.client] as Client, slave, round, now);
      if (allocation !== undefined) {
        if (child.client >= 0) child.seenIn = walk;
        return allocation;
      }
      child.seenIn = walk;
    }
    return undefined;
  }

  #tryFew(
    few: readonly Client[],
    slave: SlaveBooks,
    walk: number,
    round: AllocationRound,
    now: number,
  ): Allocation | undefined {
    for (;;) {
      let first: Client | undefined;
      for (const client of few)
        if (client.node.seenIn !== walk && isBelowActive(client.node))
          if (first === undefined || precedes(client.node, first.node)) first = client;
      if (first === undefined) return undefined;
      first.node.seenIn = walk;
      const allocation = this.#give(first, slave, round, now);
      if (allocation !== undefined) return allocation;
    }
  }

  #give(client: Client, slave: SlaveBooks, round: AllocationRound, now: number): Allocation | undefined {
    if (round.isForGuarantees && !this.#rules.isGuaranteed(slave, client.role)) return undefined;
    const gift = this.#rules.gift(slave, client);
    this.#noteHindrances(client);
    if (gift === undefined) {
      if (this.#rules.why === 'cap') client.framework.capped = true;
      return undefined;
    }
    const refusalAt = this.#refusalAt[client.number] as number;
    if (refusalAt >= 0 && this.#isRefused(slave, client, gift, refusalAt, now)) return undefined;
    this.#offerOf(slave, -1);
    const isAll = gift === slave.free;
    const scalars = isAll ? slave.scalars : this.#names.scalars(gift);
    const unreserved = isAll ? slave.unreserved : this.#unreservedOf(slave, gift, scalars);
    slave.give(client.framework.id, client.role.path, gift, scalars);
    this.#roles.charge(client.role, client.node, scalars, unreserved, 1, 1);
    addAll(client.offered, scalars, 1);
    addAll(client.framework.offered, scalars, 1);
    this.#offerOf(slave, 1, false);
    this.#hasGiven = true;
    // Who was to have no more, or refused other ports, may have what is left now.
    if (!isAll && (this.#isCapped || slave.refusals !== undefined)) this.#pending.slaves.add(slave);
    return { frameworkId: client.framework.id, slaveId: slave.id, role: client.role.path, resources: gift };
  }

  /** What quota leaves of any agent is less after a gift, and so may be little enough for who was to have no more. */
  #endRound(): void {
    this.#round = undefined;
    const isLess = this.#hasGiven && this.#isCapped && (this.#roles.limited || this.#roles.guaranteed);
    this.#hasGiven = false;
    if (isLess) for (const applicant of this.#applicants.values()) if (applicant.capped) this.#lookAgainFor(applicant);
  }

  /** So that whoever was given nothing, or less than there was, is asked again when that may be otherwise. */
  #noteHindrances(client: Client): void {
    const { isLimited, isHeldBack } = this.#rules;
    if (isLimited) for (let at: Role | undefined = client.role; at !== undefined; at = at.parent) at.hindering = true;
    if (isHeldBack) this.#heldBack = true;
  }

  #isRefused(slave: SlaveBooks, client: Client, gift: Resources, refusalAt: number, now: number): boolean {
    const refusals = slave.refusals as Refusals;
    const { number, refusalsSince } = client;
    if (refusals.isInTheWay(refusalAt, gift, refusalsSince, now)) return true;
    return refusals.refusedUntil(refusalAt + 1, number, gift, refusalsSince, now) > 0;
  }

  /** Passes over those who have refused all that is free there, and so any part of it. @returns whether nobody is left. */
  #isRefusedByAll({ refusals, free }: SlaveBooks, walk: number, now: number): boolean {
    if (refusals === undefined) return false;
    let left = this.#activeClients;
    for (let at = 0; at < refusals.count; at++) {
      const client = this.#clients[refusals.client(at)];
      if (client === undefined || client.node.seenIn === walk) continue;
      if (!refusals.isInTheWay(at, free, client.refusalsSince, now)) continue;
      client.node.seenIn = walk;
      if (client.node.isActive) left--;
    }
    return left === 0;
  }

  /** So that whoever is asked need not look through the refusals of all others. */
  #markRefusals(slave: SlaveBooks, sign: 1 | -1): void {
    const { refusals } = slave;
    if (refusals === undefined) return;
    for (let at = refusals.count - 1; at >= 0; at--) this.#refusalAt[refusals.client(at)] = sign > 0 ? at : -1;
  }

  // Refusals

  readonly #holdsFrom = (client: number): number => this.#clients[client]?.refusalsSince ?? Number.POSITIVE_INFINITY;

  #wake(slave: SlaveBooks): void {
    const at = slave.refusals?.nextEnd ?? Number.POSITIVE_INFINITY;
    if (at >= slave.wakeAt) return;
    slave.wakeAt = at;
    this.#wakes.add({ slave, at });
  }

  /** Goes on with it another time where `enough` says so. */
  #expire(now: number, enough: () => boolean): void {
    this.#isExpiring = false;
    for (let first = this.#wakes.first; first !== undefined && first.at <= now; first = this.#wakes.first) {
      this.#wakes.removeFirst();
      const { slave, at } = first;
      if (!slave.known || slave.wakeAt !== at) continue;
      slave.wakeAt = Number.POSITIVE_INFINITY;
      slave.refusals?.purge(this.#holdsFrom, now);
      this.#wake(slave);
      this.#pending.slaves.add(slave);
      this.#isExpiring = enough();
      if (this.#isExpiring) return;
    }
  }

  // Books

  /** Everything changes an agent in between its leaving the sums and coming back to them. */
  #change(slaveId: SlaveId, change: (slave: SlaveBooks) => void): void {
    const slave = this.#slaves.get(slaveId);
    if (slave === undefined) return;
    this.#offerOf(slave, -1);
    change(slave);
    this.#offerOf(slave, 1);
  }

  /** Counts what is free of an agent, or counts it off. */
  #offerOf(slave: SlaveBooks, sign: 1 | -1, changed = true): void {
    if (isEmpty(slave.free)) {
      this.#free.delete(slave);
      return;
    }
    if (slave.isOffered) addAll(this.#available, slave.unreserved, sign);
    if (sign < 0) return;
    this.#free.add(slave);
    if (!changed) return;
    this.#pending.slaves.add(slave);
    // What is held back need not come from this agent any more.
    if (this.#heldBack) this.#pending.all = true;
    if (this.#heldBack) this.#heldBack = false;
  }

  #takeBack(
    frameworkId: FrameworkId,
    slaveId: SlaveId,
    role: string,
    resources: Resources,
    fromOffers: boolean,
  ): SlaveBooks | undefined {
    const slave = this.#slaves.get(slaveId);
    if (slave === undefined || isEmpty(resources)) return undefined;
    this.#offerOf(slave, -1);
    try {
      const counted = slave.takeBack(frameworkId, role, resources, fromOffers);
      this.#charge(frameworkId, role, resources, -1);
      this.#countOffered(frameworkId, role, counted, -1);
    } finally {
      this.#offerOf(slave, 1);
    }
    return slave;
  }

  #charge(frameworkId: FrameworkId, rolePath: string, resources: Resources, sign: 1 | -1): void {
    const role = this.#roles.at(rolePath);
    const client = this.#applicants.get(frameworkId)?.clients.get(rolePath);
    const scalars = this.#names.scalars(resources);
    const isUnreserved = resources.every((resource) => resource.role === unreservedRole);
    const unreserved = isUnreserved ? scalars : this.#names.scalars(resources, true);
    this.#roles.charge(role, client?.node, scalars, unreserved, sign);
    if (client !== undefined) return;
    const key = `${rolePath} ${frameworkId}`;
    const unknown = this.#unknown.get(key) ?? { allocated: [], offered: [] };
    addAll(unknown.allocated, scalars, sign);
    if (isNone(unknown.allocated)) this.#unknown.delete(key);
    else this.#unknown.set(key, unknown);
    this.#roles.tidy(role);
  }

  #countOffered(frameworkId: FrameworkId, role: string, amounts: Amounts, sign: 1 | -1): void {
    if (isNone(amounts)) return;
    const client = this.#applicants.get(frameworkId)?.clients.get(role);
    if (client === undefined) {
      addAll(this.#unknown.get(`${role} ${frameworkId}`)?.offered ?? [], amounts, sign);
      return;
    }
    addAll(client.offered, amounts, sign);
    addAll(client.framework.offered, amounts, sign);
    if (client.wishes !== undefined) this.#pending.clients.add(client);
    if (client.framework.capped) this.#lookAgainFor(client.framework);
  }

  #countTotal({ description: { total } }: SlaveBooks, sign: 1 | -1): void {
    addAll(this.#totals, this.#names.scalars(total), sign);
    this.#sharesChanged = true;
    if (this.#heldBack) this.#pending.all = true;
    for (const resource of total)
      if (resource.role !== unreservedRole) this.#roles.reserve(resource.role, this.#names.scalars([resource]), sign);
    for (const applicant of this.#applicants.values()) if (applicant.capped) this.#lookAgainFor(applicant);
  }

  /** All agents together must be counted exactly. */
  #requireCountable(total: Resources): void {
    this.#names.scalars(total).forEach((amount, place) => {
      if (Number.isSafeInteger(amount + (this.#totals[place] ?? 0))) return;
      const name = this.#names.name(place);
      throw new ResourcesError('RESOURCES_OVERFLOW', `the ${name} of all agents are beyond 2^53 - 1 thousandths`);
    });
  }

  #unreservedOf(slave: SlaveBooks, gift: Resources, scalars: Amounts): Amounts {
    return slave.hasReserved ? this.#names.scalars(gift, true) : scalars;
  }

  #reorder(): void {
    this.#sharesChanged = false;
    this.#roles.root.reorder();
  }

  #isListed({ description }: SlaveBooks): boolean {
    return this.#whitelist?.has(description.hostname) ?? true;
  }

  // Clients

  #addClient(framework: Applicant, path: string): Client {
    const role = this.#roles.at(path);
    const number = this.#freeNumbers.pop() ?? this.#clients.length;
    const node = new ShareNode(framework.id, role.frameworks, this.#sharing, number);
    const client: Client = {
      ...{ number, framework, role, node, suppressed: false, minima: this.#leastOffer, constraints: undefined },
      ...{
        wishes: framework.demanding ? [] : undefined,
        offered: [],
        refusalsSince: ++this.#refusalSerial,
        particular: false,
      },
    };
    this.#clients[number] = client;
    while (this.#refusalAt.length <= number) this.#refusalAt = grown(this.#refusalAt);
    framework.clients.set(path, client);
    role.clients.add(client);
    // After a failover of the master, agents may have told of its tasks before it came back itself.
    const key = `${path} ${framework.id}`;
    const { allocated = [], offered = [] } = this.#unknown.get(key) ?? {};
    this.#unknown.delete(key);
    addAll(node.allocated, allocated, 1);
    addAll(client.offered, offered, 1);
    addAll(framework.offered, offered, 1);
    return client;
  }

  /** What it holds stays counted to the role. */
  #removeClient(client: Client): void {
    const { number, framework, role, node } = client;
    this.#activate(client, false);
    if (client.particular) this.#roles.countParticular(role, -1);
    addAll(framework.offered, client.offered, -1);
    const { allocated } = node;
    if (!isNone(allocated)) this.#unknown.set(`${role.path} ${framework.id}`, { allocated, offered: client.offered });
    this.#clients[number] = undefined;
    this.#freeNumbers.push(number);
    this.#pending.clients.delete(client);
    framework.clients.delete(role.path);
    role.clients.delete(client);
    this.#roles.tidy(role);
  }

  #described(client: Client): void {
    const particular = client.minima !== this.#leastOffer || client.wishes !== undefined;
    if (particular !== client.particular) this.#roles.countParticular(client.role, particular ? 1 : -1);
    client.particular = particular;
    this.#settle(client);
  }

  #settle(client: Client): void {
    const active = client.framework.active && !client.suppressed;
    this.#activate(client, active);
    if (active) this.#pending.clients.add(client);
    else this.#pending.clients.delete(client);
  }

  #activate({ node }: Client, active: boolean): void {
    this.#activeClients += Number(active) - Number(node.isActive);
    node.active = active;
  }

  #setActive(frameworkId: FrameworkId, active: boolean): void {
    const applicant = this.#applicants.get(frameworkId);
    if (applicant === undefined) return;
    applicant.active = active;
    for (const client of applicant.clients.values()) {
      client.refusalsSince = ++this.#refusalSerial;
      this.#settle(client);
    }
  }

  #clientsOf(frameworkId: FrameworkId, roles: readonly string[]): Client[] {
    const clients = [...(this.#applicants.get(frameworkId)?.clients.values() ?? [])];
    return roles.length === 0 ? clients : clients.filter(({ role }) => roles.includes(role.path));
  }

  #lookAgainFor(applicant: Applicant): void {
    applicant.capped = false;
    for (const client of applicant.clients.values()) if (client.node.isActive) this.#pending.clients.add(client);
  }

  #lookAgainBelow(role: Role): void {
    for (const client of role.clients)
      if (client.framework.active && !client.suppressed) this.#pending.clients.add(client);
    for (const child of role.children) this.#lookAgainBelow(child);
  }

  #wish(demand: Demand): Wish {
    return { demand, shape: this.#names.amounts(demand.shape), count: demand.count };
  }
}

/** Counts off what was waited for, so often as what is used holds it. */
function fulfil(wishes: Wish[], used: Amounts): void {
  const left = [...used];
  for (const wish of wishes) {
    const times = Math.min(wish.count, fits(left, wish.shape));
    wish.count -= times;
    wish.shape.forEach((amount, place) => {
      left[place] = (left[place] ?? 0) - times * amount;
    });
  }
  const open = wishes.filter(({ count }) => count > 0);
  wishes.splice(0, wishes.length, ...open);
}

/** Whether it is walked through: neither it nor a role above it is passed over. */
function isBelowActive(node: ShareNode): boolean {
  for (let at: ShareNode = node; at.parent !== undefined; at = at.parent) if (!at.isActive) return false;
  return true;
}

/** Whether the first goes before the second in the whole tree. */
function precedes(a: ShareNode, b: ShareNode): boolean {
  const [above, other] = [ancestry(a), ancestry(b)];
  const at = above.findIndex((node, depth) => node !== other[depth]);
  const [mine, theirs] = [above[at], other[at]];
  return mine !== undefined && theirs !== undefined && inOrder(mine, theirs);
}

function ancestry(node: ShareNode): ShareNode[] {
  const nodes: ShareNode[] = [];
  for (let at: ShareNode | undefined = node; at !== undefined; at = at.parent) nodes.unshift(at);
  return nodes;
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2).fill(-1);
  larger.set(array);
  return larger;
}
