import type { LeaseTiming } from './lease-timing.js';

type ReadPlanTiming = Pick<LeaseTiming, 'readEveryMs' | 'readTimeoutMs' | 'retryMs'>;

/**
 * When to read the register: at most one read at a time, another after it if it was wanted meanwhile, again soon after
 * a failure, and now and then when nothing was heard. Pure: told the time, and answers with the number of a read to send.
 */
export class ReadPlan {
  readonly #timing: ReadPlanTiming;
  /** Of the last read that was sent. */
  #number = 0;
  #sentAt: number | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  /** After a failure: until then no read, however much it is wanted. One that fails at once would be repeated without end. */
  #notBefore = Number.NEGATIVE_INFINITY;
  /** Whether the next read is needed, rather than only the safety net. */
  #wanted = false;
  #overtaken = false;

  constructor(timing: ReadPlanTiming) {
    this.#timing = timing;
  }

  /** Whether an answer is being waited for. */
  get pending(): boolean {
    return this.#sentAt !== undefined;
  }

  /** Whether another read is needed, beyond the one that is under way if any. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** How long ago the read under way was sent; 0 without one. */
  ageMs(now: number): number {
    return now - (this.#sentAt ?? now);
  }

  /** When {@link due} wants to be asked again. */
  get wakeAt(): number {
    return this.#sentAt === undefined ? this.#dueAt : this.#sentAt + this.#timing.readTimeoutMs;
  }

  /** Wants the register's present content. Where a read is under way, which may be too old, another follows it. */
  want(now: number): void {
    this.#wanted = true;
    if (!this.pending) this.#dueAt = Math.max(now, this.#notBefore);
  }

  /** Gives up the read that is under way, as on a new connection its answer may never come, and wants another. */
  restart(now: number): void {
    this.#sentAt = undefined;
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.want(now);
  }

  /** The register was heard from in another way: the safety net can wait. */
  heard(now: number): void {
    if (!this.pending && !this.#wanted) this.#dueAt = now + this.#timing.readEveryMs;
  }

  /** Something newer than what the read under way may bring has been seen. */
  overtake(): void {
    this.#overtaken = true;
  }

  /** The number of a read to send now, if one is due. */
  due(now: number): number | undefined {
    if (now < this.wakeAt) return undefined;
    this.#sentAt = now;
    this.#wanted = false;
    this.#overtaken = false;
    this.#number += 1;
    return this.#number;
  }

  /** Takes an answer: `ignore` if it was given up on, `late` if what it brings may be older than what is known. */
  answered(number: number, now: number): 'current' | 'late' | 'ignore' {
    if (!this.#settle(number)) return 'ignore';
    this.#dueAt = this.#wanted ? now : now + this.#timing.readEveryMs;
    return this.#overtaken ? 'late' : 'current';
  }

  failed(number: number, now: number): void {
    if (!this.#settle(number)) return;
    this.#wanted = true;
    this.#notBefore = now + this.#timing.retryMs;
    this.#dueAt = this.#notBefore;
  }

  #settle(number: number): boolean {
    if (number !== this.#number || this.#sentAt === undefined) return false;
    this.#sentAt = undefined;
    return true;
  }
}
