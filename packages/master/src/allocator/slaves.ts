import { isEmpty, type Resources, ResourcesError, type SlaveId } from '@mesos-ts/protocol';
import { type Amounts, addAll, type ScalarNames } from './scalar-names.js';
import type { SlaveBooks } from './slave-books.js';

/** All agents, and what they have together. */
export class Slaves {
  /** What there is on all of them, be it lent. */
  readonly totals: Amounts = [];
  /** What is free, reserved for nobody and not lent, on those that are offered. */
  readonly available: Amounts = [];
  readonly byId = new Map<SlaveId, SlaveBooks>();
  readonly #names: ScalarNames;
  /** Those of which something is free, and some of which it no longer is. */
  readonly #free = new Set<SlaveBooks>();
  #whitelist: ReadonlySet<string> | undefined;

  constructor(names: ScalarNames) {
    this.#names = names;
  }

  /** What is free of it counts nowhere before {@link countFree}. */
  add(slave: SlaveBooks): void {
    slave.listed = this.#isListed(slave);
    this.byId.set(slave.id, slave);
  }

  /** What is free of it must be counted off before. */
  remove(slave: SlaveBooks): void {
    slave.known = false;
    slave.wake = undefined;
    this.byId.delete(slave.id);
    this.#free.delete(slave);
  }

  /** Counts what is free of an agent, or counts it off, as it must be before that changes. @returns whether anything is. */
  countFree(slave: SlaveBooks, sign: 1 | -1): boolean {
    if (isEmpty(slave.free)) return false;
    if (slave.isOffered) addAll(this.available, slave.unreserved, sign);
    if (sign > 0) this.#free.add(slave);
    return true;
  }

  countTotal(resources: Resources, sign: 1 | -1): void {
    addAll(this.totals, this.#names.scalars(resources), sign);
  }

  /** Those of which anything is free. */
  free(): SlaveBooks[] {
    const slaves: SlaveBooks[] = [];
    for (const slave of this.#free)
      if (isEmpty(slave.free)) this.#free.delete(slave);
      else slaves.push(slave);
    return slaves;
  }

  /** @returns those for which that changes whether they are on it. */
  setWhitelist(hosts: readonly string[] | undefined): SlaveBooks[] {
    this.#whitelist = hosts === undefined ? undefined : new Set(hosts);
    return [...this.byId.values()].filter((slave) => this.#isListed(slave) !== slave.listed);
  }

  /** All agents together must be counted exactly. @throws {ResourcesError} OVERFLOW where they could not be with so much more. */
  requireCountable(more: Resources): void {
    this.#names.scalars(more).forEach((amount, place) => {
      if (Number.isSafeInteger(amount + (this.totals[place] ?? 0))) return;
      const name = this.#names.name(place);
      throw new ResourcesError('RESOURCES_OVERFLOW', `the ${name} of all agents are beyond 2^53 - 1 thousandths`);
    });
  }

  #isListed({ description }: SlaveBooks): boolean {
    return this.#whitelist?.has(description.hostname) ?? true;
  }
}
