import type { Random } from '@mesos-ts/process';
import {
  equalResources,
  type Filters,
  type FrameworkId,
  isEmpty,
  type Resources,
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
  SlaveDescription,
  Usage,
} from './allocator.js';
import { Applicants } from './applicants.js';
import type { Client } from './clients.js';
import type { AllocationQuestion } from './explained.js';
import { Explanation } from './explanation.js';
import { GiftRules } from './gift.js';
import { RefusalWatch } from './refusal-watch.js';
import { type Role, Roles } from './roles.js';
import { type Amounts, addAll, ScalarNames } from './scalar-names.js';
import type { Sharing } from './share-node.js';
import { SlaveBooks } from './slave-books.js';
import { Slaves } from './slaves.js';
import { Turns } from './turns.js';

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
  readonly #slaves = new Slaves(this.#names);
  readonly #sharing: Sharing;
  readonly #roles: Roles;
  readonly #rules: GiftRules;
  readonly #region: string | undefined;
  readonly #isCapped: boolean;
  readonly #leastOffer: readonly Amounts[];
  readonly #applicants: Applicants;
  readonly #pending = new Pending();
  readonly #refusals: RefusalWatch;
  readonly #turns: Turns;
  #round: AllocationRound | undefined;
  #sharesChanged = false;
  /** Somebody was given nothing because it is held back for guarantees. */
  #heldBack = false;
  /** Something was given since the round began. */
  #hasGiven = false;

  constructor({ random, sorter = 'drf', excludedResourceNames = [], region, offerCap = 1_000 }: AllocatorCoreOptions) {
    const names = this.#names;
    this.#random = random;
    this.#region = region;
    this.#isCapped = offerCap < 1_000;
    const excluded: boolean[] = [];
    for (const name of excludedResourceNames) excluded[names.place(name)] = true;
    this.#sharing = { totals: this.#slaves.totals, excluded, random: sorter === 'random' ? random : undefined };
    const roles = new Roles(names, this.#sharing, leastOffer);
    this.#roles = roles;
    this.#rules = new GiftRules({
      names,
      roles,
      totals: this.#slaves.totals,
      available: this.#slaves.available,
      offerCap,
    });
    this.#leastOffer = [names.amounts({ cpus: leastOffer.cpus }), names.amounts({ mem: leastOffer.mem })];
    this.#applicants = new Applicants({
      ...{ names, roles, sharing: this.#sharing, pending: this.#pending },
      leastOffer: this.#leastOffer,
    });
    this.#refusals = new RefusalWatch(this.#applicants, this.#pending);
    this.#turns = new Turns(roles, this.#applicants, sorter === 'random');

    roles.onRelaxed = (role) => this.#applicants.lookAgainBelow(role);
  }

  // Agents

  addSlave(slaveId: SlaveId, description: SlaveDescription, used: readonly Usage[]): void {
    this.removeSlave(slaveId);
    // What contradicts itself throws here, before it counts anywhere.
    const slave = new SlaveBooks(slaveId, description, used, this.#names, this.#region);
    this.#slaves.requireCountable([...description.total, ...slave.lent]);
    this.#slaves.add(slave);
    this.#countTotal(slave, 1);
    for (const holding of slave.holdings) this.#chargeHolding(slave, holding, 1);
    this.#offerOf(slave, 1);
  }

  removeSlave(slaveId: SlaveId): void {
    const slave = this.#slaves.byId.get(slaveId);
    if (slave === undefined) return;
    this.#offerOf(slave, -1);
    this.#slaves.remove(slave);
    this.#pending.slaves.delete(slave);
    for (const holding of slave.holdings) {
      this.#chargeHolding(slave, holding, -1);
      this.#applicants.countOff(holding.frameworkId, holding.role, holding.offered);
    }
    this.#countTotal(slave, -1);
  }

  updateOversubscribed(slaveId: SlaveId, oversubscribed: Resources): void {
    const slave = this.#slaves.byId.get(slaveId);
    if (slave === undefined || equalResources(slave.oversubscribed, oversubscribed)) return;
    this.#offerOf(slave, -1);
    this.#countLent(slave.lent, -1);
    try {
      this.#slaves.requireCountable(slave.lentOf(oversubscribed));
      slave.lend(oversubscribed);
    } finally {
      this.#countLent(slave.lent, 1);
      this.#offerOf(slave, 1);
    }
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
    for (const { id } of this.#slaves.setWhitelist(hosts))
      this.#change(id, (slave) => {
        slave.listed = !slave.listed;
      });
  }

  // Frameworks

  addFramework(frameworkId: FrameworkId, description: FrameworkDescription): void {
    this.#applicants.add(frameworkId, description);
  }

  removeFramework(frameworkId: FrameworkId): void {
    this.#applicants.remove(frameworkId);
  }

  activateFramework(frameworkId: FrameworkId): void {
    this.#applicants.setActive(frameworkId, true);
  }

  deactivateFramework(frameworkId: FrameworkId): void {
    this.#applicants.setActive(frameworkId, false);
  }

  suppressOffers(frameworkId: FrameworkId, roles: readonly string[]): void {
    this.#applicants.suppress(frameworkId, roles);
  }

  reviveOffers(frameworkId: FrameworkId, roles: readonly string[], keepFilters = false): void {
    this.#applicants.revive(frameworkId, roles, keepFilters);
  }

  requestResources(frameworkId: FrameworkId, demands: readonly Demand[] | undefined): void {
    this.#applicants.request(frameworkId, demands);
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
    const client = this.#applicants.client(frameworkId, role);
    if (slave === undefined || client === undefined || refuseMs <= 0) return;
    this.#refusals.add(slave, client, resources, now + refuseMs, now);
  }

  releaseResources(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    this.#takeBack(frameworkId, slaveId, role, resources, false);
  }

  used(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    const counted = this.#slaves.byId.get(slaveId)?.use(frameworkId, role, this.#names.scalars(resources));
    if (counted !== undefined) this.#applicants.countOff(frameworkId, role, counted);
  }

  // Allocation

  get pending(): boolean {
    return this.#round !== undefined || !this.#pending.isNone;
  }

  /** @param enough asked after each agent whether to go on another time. */
  allocate(now: number, enough: () => boolean = () => false): Allocation[] {
    const given: Allocation[] = [];
    if (!this.#refusals.expire(now, enough)) return given;
    while (this.pending) {
      this.#round ??= new AllocationRound(
        this.#pending,
        () => this.#slaves.free(),
        this.#random,
        this.#roles.guaranteed,
      );
      if (this.#sharesChanged) this.#reorder();
      const slave = this.#round.next();
      if (slave === undefined) this.#endRound();
      else if (slave.isOffered && !this.#isForNobody(slave)) this.#serve(slave, this.#round, now, given);
      if (enough()) break;
    }
    return given;
  }

  /** When a refusal runs out, on the monotonic clock in ms: then is to be allocated again. */
  nextExpiry(): number | undefined {
    return this.#refusals.nextExpiry();
  }

  /** Why somebody is not offered more; of nobody, where the framework is not known, or not in the role. Leaves no trace. */
  explain(question: AllocationQuestion): Explanation {
    const isByShare = this.#sharing.random === undefined;
    // Chance draws from what the order has left in places: nobody else may bring it in order.
    if (isByShare && this.#sharesChanged) this.#reorder();
    return new Explanation(question, {
      ...{ rules: this.#rules, names: this.#names, roles: this.#roles, applicants: this.#applicants },
      ...{ slaves: this.#slaves.byId, leastOffer: this.#leastOffer, isByShare },
    });
  }

  free(slaveId: SlaveId): Resources | undefined {
    return this.#slaves.byId.get(slaveId)?.free;
  }

  allocatedTo(rolePath: string): Quantities {
    return this.#names.quantities(this.#roles.find(rolePath)?.node.allocated ?? []);
  }

  // The round

  /** Gives away what is free of an agent, to one after the other until nobody takes anything. */
  #serve(slave: SlaveBooks, round: AllocationRound, now: number, given: Allocation[]): void {
    if (this.#refusals.areOfAll(slave, this.#turns.begin(), now)) return;
    let few = round.clientsFor(slave);
    this.#turns.restart(slave, round, few);
    for (let client = this.#turns.next(); client !== undefined; client = this.#turns.next()) {
      const allocation = this.#give(client, slave, round, now);
      if (allocation === undefined) continue;
      given.push(allocation);
      if (this.#isForNobody(slave)) break;
      // It was only a part, and what is left may be for somebody for whom it all was too much.
      if (this.#pending.slaves.has(slave)) few = undefined;
      this.#turns.restart(slave, round, few);
    }
    this.#refusals.end();
  }

  /** Told without asking everybody: where agents lend and hardly anybody borrows, so it would be for most of them, again and again. */
  #isForNobody(slave: SlaveBooks): boolean {
    return isEmpty(slave.free) || (slave.isOnlyLent && !this.#applicants.hasBorrowers);
  }

  #give(client: Client, slave: SlaveBooks, round: AllocationRound, now: number): Allocation | undefined {
    if (round.isForGuarantees && !this.#rules.isGuaranteed(slave, client.role)) return undefined;
    const gift = this.#rules.gift(slave, client);
    this.#noteHindrances(client);
    if (gift === undefined) {
      if (this.#rules.why === 'cap') this.#applicants.cap(client.framework);
      return undefined;
    }
    if (this.#refusals.areInTheWay(slave, client, gift, now)) return undefined;
    this.#offerOf(slave, -1);
    const isAll = gift === slave.free;
    const scalars = isAll ? slave.scalars : this.#names.scalars(gift);
    const unreserved = isAll ? slave.unreserved : slave.unreservedOf(gift, scalars);
    const isForOthers = !isAll && (this.#isCapped || slave.refusals !== undefined);
    if (isForOthers) this.#turns.passOverBefore(client);
    slave.give(client.framework.id, client.role.path, gift, scalars);
    this.#roles.charge(client.role, client.node, scalars, unreserved, 1, 1);
    addAll(client.offered, scalars, 1);
    addAll(client.framework.offered, scalars, 1);
    this.#offerOf(slave, 1, false);
    this.#hasGiven = true;
    // Who was to have no more, or refused other ports, may have what is left now.
    if (isForOthers) this.#pending.slaves.add(slave);
    return { frameworkId: client.framework.id, slaveId: slave.id, role: client.role.path, resources: gift };
  }

  /** What quota leaves of any agent is less after a gift, and so may be little enough for who was to have no more. */
  #endRound(): void {
    this.#round = undefined;
    const isLess = this.#hasGiven && this.#isCapped && (this.#roles.limited || this.#roles.guaranteed);
    this.#hasGiven = false;
    if (isLess) this.#applicants.lookAgainForCapped();
  }

  /** So that whoever was given nothing, or less than there was, is asked again when that may be otherwise. */
  #noteHindrances(client: Client): void {
    const { isLimited, isHeldBack } = this.#rules;
    if (isLimited) for (let at: Role | undefined = client.role; at !== undefined; at = at.parent) at.hindering = true;
    if (isHeldBack) this.#heldBack = true;
  }

  // Books

  /** Everything changes an agent in between its leaving the sums and coming back to them. */
  #change(slaveId: SlaveId, change: (slave: SlaveBooks) => void): void {
    const slave = this.#slaves.byId.get(slaveId);
    if (slave === undefined) return;
    this.#offerOf(slave, -1);
    change(slave);
    this.#offerOf(slave, 1);
  }

  /** Counts what is free of an agent, or counts it off. */
  #offerOf(slave: SlaveBooks, sign: 1 | -1, changed = true): void {
    if (!this.#slaves.countFree(slave, sign) || sign < 0 || !changed) return;
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
    const slave = this.#slaves.byId.get(slaveId);
    if (slave === undefined || isEmpty(resources)) return undefined;
    this.#offerOf(slave, -1);
    const { lent } = slave;
    try {
      const scalars = slave.scalarsOf(resources);
      const unreserved = slave.unreservedOf(resources, scalars);
      const counted = slave.takeBack(frameworkId, role, resources, scalars, fromOffers);
      this.#charge(frameworkId, role, scalars, unreserved, -1);
      this.#applicants.countOff(frameworkId, role, counted);
      if (slave.lent !== lent) {
        this.#countLent(lent, -1);
        this.#countLent(slave.lent, 1);
      }
    } finally {
      this.#offerOf(slave, 1);
    }
    return slave;
  }

  #chargeHolding(slave: SlaveBooks, { frameworkId, role, resources }: Usage, sign: 1 | -1): void {
    const scalars = slave.scalarsOf(resources);
    this.#charge(frameworkId, role, scalars, slave.unreservedOf(resources, scalars), sign);
  }

  #charge(frameworkId: FrameworkId, rolePath: string, scalars: Amounts, unreserved: Amounts, sign: 1 | -1): void {
    const role = this.#roles.at(rolePath);
    const client = this.#applicants.client(frameworkId, rolePath);
    this.#roles.charge(role, client?.node, scalars, unreserved, sign);
    if (client !== undefined) return;
    this.#applicants.charge(frameworkId, rolePath, scalars, sign);
    this.#roles.tidy(role);
  }

  #countTotal({ description: { total }, lent }: SlaveBooks, sign: 1 | -1): void {
    this.#slaves.countTotal(total, sign);
    this.#countLent(lent, sign);
    this.#sharesChanged = true;
    if (this.#heldBack) this.#pending.all = true;
    for (const resource of total)
      if (resource.role !== unreservedRole) this.#roles.reserve(resource.role, this.#names.scalars([resource]), sign);
    this.#applicants.lookAgainForCapped();
  }

  /** What an agent lends is a part of what the cluster has, as is what it has. */
  #countLent(lent: Resources, sign: 1 | -1): void {
    if (isEmpty(lent)) return;
    this.#slaves.countTotal(lent, sign);
    this.#sharesChanged = true;
    this.#applicants.lookAgainForCapped();
  }

  #reorder(): void {
    this.#sharesChanged = false;
    this.#roles.reorder();
  }
}
