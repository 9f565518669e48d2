import { hostname, userInfo } from 'node:os';
import type { FrameworkInfo } from '@mesos-ts/protocol';

/**
 * For how long a framework's tasks go on without its scheduler, in ms: enough for a person to start it again. Mesos' default
 * is 0, with which a blip of the connection kills all that runs.
 */
const failoverTimeoutMsDefault = 60_000;

/** What may be said of a framework; the rest is filled in. */
export interface FrameworkChoices {
  /** Default `*`. */
  readonly role?: string;
  /** How long the tasks go on while the scheduler is away, in ms. Default 60,000. */
  readonly failoverTimeoutMs?: number;
}

/** Describes a framework that runs here: the user and the host are those of this OS process. */
export function frameworkInfo(name: string, choices: FrameworkChoices = {}): FrameworkInfo {
  const { role = '*', failoverTimeoutMs = failoverTimeoutMsDefault } = choices;
  return { name, user: userName(), hostname: hostname() || 'localhost', roles: [role], failoverTimeoutMs };
}

function userName(): string {
  try {
    return userInfo().username || 'unknown';
  } catch {
    // In a container, the user may be a mere number that nothing names.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
