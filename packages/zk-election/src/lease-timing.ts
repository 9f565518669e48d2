import { leaseMsMax } from './lease-record.js';

/** What may be said about the times of an election; everything has a default. */
export interface LeaseOptions {
  /** How long a leader may lead without a renewal that was acknowledged, and others wait; default 3,000, in ms. */
  readonly leaseMs?: number;
  /** How often a leader renews; default a sixth of the lease, in ms. */
  readonly renewMs?: number;
  /**
   * What a leader stops short of the lease and others wait beyond it, as a part of it; default 0.1. Clocks may differ in
   * rate by about twice as much.
   */
  readonly margin?: number;
  /** Candidates that wait for the same lease try at times that differ by up to this; default 50, in ms. */
  readonly jitterMs?: number;
}

/** The times that the cores work with, in ms. */
export interface LeaseTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly margin: number;
  readonly jitterMs: number;
  /** How long who has resigned lets others go first. */
  readonly courtesyMs: number;
  /** After this, a write without an answer is tried again, and judged by reading the register. */
  readonly writeTimeoutMs: number;
  /** After this, a read without an answer is sent again. */
  readonly readTimeoutMs: number;
  /** The register is read this long after it was last heard from: a safety net under the watch. */
  readonly readEveryMs: number;
  /** How long to wait after a read or write that failed at once. */
  readonly retryMs: number;
}

/** Fills in the defaults. @throws {RangeError} naming the option that cannot be. */
export function leaseTiming(options: LeaseOptions = {}): LeaseTiming {
  const { leaseMs = 3_000, margin = 0.1, jitterMs = 50 } = options;
  const { renewMs = leaseMs / 6 } = options;
  check('leaseMs', leaseMs, Number.isInteger(leaseMs) && leaseMs >= 1 && leaseMs <= leaseMsMax);
  check('margin', margin, margin >= 0 && margin <= 0.5);
  check('renewMs', renewMs, renewMs > 0 && renewMs <= leaseMs / 2);
  check('jitterMs', jitterMs, jitterMs >= 0);
  return {
    leaseMs,
    renewMs,
    margin,
    jitterMs,
    courtesyMs: 2 * jitterMs + renewMs / 2,
    writeTimeoutMs: renewMs,
    readTimeoutMs: leaseMs,
    readEveryMs: leaseMs / 2,
    retryMs: renewMs / 2,
  };
}

function check(name: string, value: number, holds: boolean): void {
  if (!holds) throw new RangeError(`election: ${name} cannot be ${value}`);
}
