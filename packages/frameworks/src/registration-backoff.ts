/** The longest pause between two attempts to register, in ms (Mesos facts 7.1). */
const pauseMsMax = 60_000;

/** How a scheduler spreads its attempts to register: the pause after attempt n is up to b * 2^n, and at least half of that. */
export interface RegistrationBackoff {
  /** b, in ms. */
  readonly factorMs: number;
  /** Of the framework, in ms: a tenth of it bounds the pauses, so that several attempts fit in. */
  readonly failoverTimeoutMs: number;
}

/** The longest pause after `attempt` (from 0), in ms: at most a minute or a tenth of the failover timeout, at least b. */
export function registrationPauseMsMax({ factorMs, failoverTimeoutMs }: RegistrationBackoff, attempt: number): number {
  const tenth = failoverTimeoutMs > 0 ? failoverTimeoutMs / 10 : pauseMsMax;
  const cap = Math.max(factorMs, Math.min(pauseMsMax, tenth));
  return Math.min(cap, factorMs * 2 ** attempt);
}
