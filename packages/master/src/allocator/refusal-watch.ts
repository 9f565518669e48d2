import type { Resources } from '@mesos-ts/protocol';
import type { Pending } from './allocation-round.js';
import type { Applicants } from './applicants.js';
import type { Client } from './clients.js';
import { Refusals } from './refusals.js';
import type { SlaveBooks } from './slave-books.js';
import { Wakes } from './wakes.js';

/** The refusals of all agents: which of them are in the way, and when they run out. Times are monotonic, in ms. */
export class RefusalWatch {
  readonly #applicants: Applicants;
  readonly #pending: Pending;
  /** Agents of which something is refused, by when the next refusal runs out. */
  readonly #wakes = new Wakes<SlaveBooks>();
  /** By the number of a client: where the refusals of the agent that is looked at begin; -1: it has none. */
  #firstOf = new Int32Array(64).fill(-1);
  /** The agent of which that is so now. */
  #marked: SlaveBooks | undefined;

  /** @param pending told of agents whose refusals run out. */
  constructor(applicants: Applicants, pending: Pending) {
    this.#applicants = applicants;
    this.#pending = pending;
  }

  add(slave: SlaveBooks, client: Client, resources: Resources, until: number, now: number): void {
    slave.refusals ??= new Refusals();
    const serial = this.#applicants.nextRefusalSerial();
    slave.refusals.add({ client: client.number, resources, until, serial }, this.#applicants.refusalsSince, now);
    while (this.#firstOf.length <= client.number) this.#firstOf = grown(this.#firstOf);
    this.#wake(slave);
  }

  /** When a refusal runs out; undefined where there is none. */
  nextExpiry(): number | undefined {
    return this.#wakes.first;
  }

  /** Forgets what has run out. @returns false where `enough` said that there may be more, for another time. */
  expire(now: number, enough: () => boolean): boolean {
    for (let slave = this.#wakes.due(now); slave !== undefined; slave = this.#wakes.due(now)) {
      slave.refusals?.purge(this.#applicants.refusalsSince, now);
      this.#wake(slave);
      this.#pending.slaves.add(slave);
      if (enough()) return false;
    }
    return true;
  }

  /** Passes over those who have refused all that is free there, and so any part of it. @returns whether nobody is left. */
  areOfAll({ refusals, free }: SlaveBooks, walk: number, now: number): boolean {
    if (refusals === undefined || !refusals.wasRefused(free)) return false;
    let left = this.#applicants.activeClients;
    for (let at = 0; at < refusals.count; at++) {
      const client = this.#applicants.byNumber(refusals.client(at));
      if (client === undefined || client.node.seenIn === walk) continue;
      if (!refusals.isInTheWay(at, free, client.refusalsSince, now)) continue;
      client.node.seenIn = walk;
      if (client.node.isActive) left--;
    }
    return left === 0;
  }

  /** Whether the client refused that. Until {@link end}, only this agent is asked about. */
  areInTheWay(slave: SlaveBooks, { number, refusalsSince }: Client, gift: Resources, now: number): boolean {
    const { refusals } = slave;
    if (refusals === undefined || !refusals.wasRefused(gift)) return false;
    // So that whoever is asked next need not look through the refusals of all others.
    if (this.#marked === undefined) this.#mark(slave, (at) => at);
    this.#marked = slave;
    const first = this.#firstOf[number] ?? -1;
    if (first < 0) return false;
    if (refusals.isInTheWay(first, gift, refusalsSince, now)) return true;
    return refusals.refusedUntil(first + 1, number, gift, refusalsSince, now) > 0;
  }

  end(): void {
    if (this.#marked !== undefined) this.#mark(this.#marked, () => -1);
    this.#marked = undefined;
  }

  #mark({ refusals }: SlaveBooks, as: (at: number) => number): void {
    if (refusals === undefined) return;
    for (let at = refusals.count - 1; at >= 0; at--) this.#firstOf[refusals.client(at)] = as(at);
  }

  #wake(slave: SlaveBooks): void {
    this.#wakes.add(slave, slave.refusals?.nextEnd ?? Number.POSITIVE_INFINITY);
  }
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2).fill(-1);
  larger.set(array);
  return larger;
}
