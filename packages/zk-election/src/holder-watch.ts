import type { LeaseRecord } from './lease-record.js';
import type { ConnectionId } from './lease-register.js';

/** When a holder is looked for, and how long it must have been gone; in ms. */
export interface HolderWatchTiming {
  readonly lookEveryMs: number;
  /** After this, a look without an answer says nothing, and another may follow. */
  readonly lookTimeoutMs: number;
  readonly graceMs: number;
  /** After a reconnection of our own others may still be on their way back: nobody is looked for. */
  readonly settleMs: number;
}

/**
 * Whether the holder of the lease is connected, as a candidate finds out that stands by. Pure: told the time, and
 * answers with the number of a look to send.
 *
 * The holder counts as gone once every look since the first that did not find it was in vain and one of them was sent at
 * least `graceMs` after the answer to the first. Looks that had no answer say nothing. The grace begins anew when the
 * holder is found, when it renews, and when looks were too far apart (this candidate was suspended, or cut off).
 */
export class HolderWatch {
  readonly #timing: HolderWatchTiming;
  #holder: Pick<LeaseRecord, 'here' | 'connection'> = {};
  #number = 0;
  #sentAt: number | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #goneSince: number | undefined;
  #lastGoneAt = Number.NEGATIVE_INFINITY;
  #settledAt = Number.NEGATIVE_INFINITY;

  constructor(timing: HolderWatchTiming) {
    this.#timing = timing;
  }

  /** Under what name the holder is looked for; undefined where it cannot be. */
  get here(): string | undefined {
    return this.#holder.here;
  }

  /** When {@link due} wants to be asked again. */
  get wakeAt(): number {
    if (this.here === undefined) return Number.POSITIVE_INFINITY;
    return this.#sentAt === undefined ? this.#dueAt : this.#sentAt + this.#timing.lookTimeoutMs;
  }

  /** The register has changed, which its holder did; `holder` is undefined where it names nobody to look for. */
  follow(holder: LeaseRecord | undefined, now: number): void {
    const before = this.here;
    this.#holder = holder ?? {};
    this.#goneSince = undefined;
    if (before === this.here) return;
    this.#sentAt = undefined;
    this.#dueAt = Math.max(now + this.#timing.lookEveryMs, this.#settledAt);
  }

  /** A connection ended. Returns whether it was the holder's, which is then looked for at once. */
  departed({ server, client }: ConnectionId, now: number): boolean {
    const { connection } = this.#holder;
    if (connection?.server !== server || connection.client !== client) return false;
    this.#sentAt = undefined;
    this.#dueAt = Math.max(now, this.#settledAt);
    return true;
  }

  /** Our own connection was lost, and is back. */
  reconnected(now: number): void {
    this.#goneSince = undefined;
    this.#sentAt = undefined;
    this.#settledAt = now + this.#timing.settleMs;
    this.#dueAt = this.#settledAt;
  }

  /** The number of a look to send now, if one is due. */
  due(now: number): number | undefined {
    if (now < this.wakeAt) return undefined;
    this.#sentAt = now;
    this.#number += 1;
    return this.#number;
  }

  /** Takes the answer to a look; returns whether the holder is gone for certain, or undefined where it says nothing. */
  looked(number: number, present: boolean, now: number): boolean | undefined {
    const sentAt = this.#sentAt;
    if (number !== this.#number || sentAt === undefined) return undefined;
    this.#sentAt = undefined;
    this.#dueAt = now + this.#timing.lookEveryMs;
    if (present) this.#goneSince = undefined;
    return present ? false : this.#missed(sentAt, now);
  }

  #missed(sentAt: number, now: number): boolean {
    const { graceMs, lookEveryMs } = this.#timing;
    if (sentAt - this.#lastGoneAt > 2 * lookEveryMs) this.#goneSince = undefined;
    this.#lastGoneAt = now;
    if (this.#goneSince === undefined) {
      this.#goneSince = now;
      this.#dueAt = now + Math.min(lookEveryMs, graceMs);
      return false;
    }
    const sureAt = this.#goneSince + graceMs;
    if (sentAt < sureAt) this.#dueAt = Math.max(now, Math.min(this.#dueAt, sureAt));
    return sentAt >= sureAt;
  }
}
