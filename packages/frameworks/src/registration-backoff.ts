/** The longest pause between two attempts to register, in ms (Mesos facts 7.1). */
const pauseMsMax = 60_000;

/** The first pauses are the same: a new leader hears nothing while it recovers. */
const equalPauses = 4;

/** How a scheduler spreads its attempts to register: each pause is a random time between half of its longest and that. */
export interface RegistrationBackoff {
  /** The longest of the first four pauses, in ms; that of each further one is double. */
  readonly factorMs: number;
  /** Of the framework, in ms: a tenth of it bounds the pauses, so that several attempts fit in. */
  readonly failoverTimeoutMs: number;
}

/**
 * The longest pause after `attempt` (from 0), in ms: at most a minute or a tenth of the failover timeout, at least the
 * factor.
 */
export function registrationPauseMsMax({ factorMs, failoverTimeoutMs }: RegistrationBackoff, attempt: number): number {
  const tenth = failoverTimeoutMs > 0 ? failoverTimeoutMs / 10 : pauseMsMax;
  const cap = Math.max(factorMs, Math.min(pauseMsMax, tenth));
  return Math.min(cap, factorMs * 2 ** Math.max(0, attempt - equalPauses + 1));
}
