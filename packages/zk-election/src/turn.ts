import { match } from 'ts-pattern';
import type { Reading } from './lease-register.js';
import { type LeaseTiming, waitOutMs } from './lease-timing.js';

/**
 * When it is a candidate's turn to write, judged by what it last saw in the register. Pure: told the time, in ms.
 *
 * - A record of another holder: its lease and a margin after seeing it change, also if this is the first look, since
 *   nobody knows how old the record is; or as soon as the holder is gone ({@link hint}).
 * - A resigned record: at once, but for the jitter; a moment later if it was its own, so that another goes first.
 * - A register that was never written, at the first look: at once, as nobody can have led; who made it does not matter.
 *   A register that was lost with a leader still believing, and was made anew just before this first look, cannot be
 *   told from it: those who saw the old one wait, a newcomer does not, and the overlap lasts at most a lease.
 * - The register was lost and made anew while we watched (its stream differs), or its record is gone: the longest lease
 *   known and a margin after seeing that, as the leader may have been cut off from the news.
 * - Garbage, which somebody else put there: the same, as it may hide the record of a living leader.
 * - A record of its own that it does not lead by (taken after it had given up): at once, as nobody else was there.
 */
export class Turn {
  readonly #timing: LeaseTiming;
  /** How long whoever may lead relies on its record: its own word if we have it, and never less than our own lease. */
  #longestLeaseMs: number;
  /** By what was seen, */
  #acquireAt = Number.POSITIVE_INFINITY;
  /** and by the holder's being gone. */
  #hintedAt = Number.POSITIVE_INFINITY;
  /** Where the register was lost and made anew, no candidate writes before this, whatever the new one says. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(timing: LeaseTiming) {
    this.#timing = timing;
    this.#longestLeaseMs = timing.leaseMs;
  }

  /** When it comes; Infinity before anything was seen. */
  get at(): number {
    return Math.max(Math.min(this.#acquireAt, this.#hintedAt), this.#notBefore);
  }

  /** The register has changed. @param ours whether it holds a record of ours. */
  saw(reading: Reading, before: Reading | undefined, ours: boolean, now: number, jitterMs: number): void {
    const { value } = reading;
    const replaced = before !== undefined && before.stream !== reading.stream;
    if (replaced) this.#notBefore = now + this.#longestWaitMs(jitterMs);
    if (value.type === 'record') this.#longestLeaseMs = Math.max(this.#timing.leaseMs, value.record.leaseMs);
    this.#acquireAt = now + this.#waitMs(reading, before === undefined, ours, jitterMs);
    this.unhint();
  }

  /** The holder is gone. */
  hint(at: number): void {
    this.#hintedAt = Math.min(this.#hintedAt, at);
  }

  /** Whether it is gone is not known any more. */
  unhint(): void {
    this.#hintedAt = Number.POSITIVE_INFINITY;
  }

  #waitMs({ seq, value }: Reading, firstLook: boolean, ours: boolean, jitterMs: number): number {
    return match(value)
      .with({ type: 'empty' }, () => (firstLook && seq === 0 ? 0 : this.#longestWaitMs(jitterMs)))
      .with({ type: 'foreign' }, () => this.#longestWaitMs(jitterMs))
      .with({ type: 'record' }, ({ record }) => {
        if (ours) return record.holder === null ? this.#timing.courtesyMs + jitterMs : 0;
        return record.holder === null ? jitterMs : waitOutMs(record.leaseMs, this.#timing) + jitterMs;
      })
      .exhaustive();
  }

  #longestWaitMs(jitterMs: number): number {
    return waitOutMs(this.#longestLeaseMs, this.#timing) + jitterMs;
  }
}
