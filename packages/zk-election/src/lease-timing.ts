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
  /**
   * How long the holder's connection must have been gone before another takes over without waiting for the lease, in ms;
   * default 200, at most the lease. A holder that comes back sooner keeps it. It must learn that its own connection is
   * gone in less.
   */
  readonly graceMs?: number;
}

/** The times that the cores work with, in ms. */
export interface LeaseTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly margin: number;
  readonly jitterMs: number;
  readonly graceMs: number;
  /** How often a candidate that stands by looks for the holder. */
  readonly lookEveryMs: number;
  /** After this, a look without an answer says nothing. */
  readonly lookTimeoutMs: number;
  /** How long after a reconnection nobody is looked for. */
  readonly settleMs: number;
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

/** Who is cut off together comes back within this: see the pace of reconnections, in ms. */
const settleMs = 500;

/** Fills in the defaults. @throws {RangeError} naming the option that cannot be. */
export function leaseTiming(options: LeaseOptions = {}): LeaseTiming {
  const { leaseMs = 3_000, margin = 0.1, jitterMs = 50 } = options;
  const { renewMs = leaseMs / 6, graceMs = Math.min(200, leaseMs / 2) } = options;
  check('leaseMs', leaseMs, Number.isInteger(leaseMs) && leaseMs >= 1 && leaseMs <= leaseMsMax);
  check('margin', margin, margin >= 0 && margin <= 0.5);
  check('renewMs', renewMs, renewMs > 0 && renewMs <= leaseMs / 2);
  check('jitterMs', jitterMs, jitterMs >= 0);
  check('graceMs', graceMs, graceMs >= 0 && graceMs <= leaseMs);
  return {
    leaseMs,
    renewMs,
    margin,
    jitterMs,
    graceMs,
    lookEveryMs: Math.max(graceMs / 2, 10),
    lookTimeoutMs: renewMs,
    settleMs,
    courtesyMs: 2 * jitterMs + renewMs / 2,
    writeTimeoutMs: renewMs,
    readTimeoutMs: leaseMs,
    readEveryMs: leaseMs / 2,
    retryMs: renewMs / 2,
  };
}

/** How long others wait for a lease since they last saw a sign of its holder, and silence says nothing: it and a margin. */
export function waitOutMs(leaseMs: number, { margin }: Pick<LeaseTiming, 'margin'>): number {
  return leaseMs + leaseMs * margin;
}

function check(name: string, value: number, holds: boolean): void {
  if (!holds) throw new RangeError(`election: ${name} cannot be ${value}`);
}
