import type { Process } from './process.js';

/** How a process is spawned. */
export interface SpawnOptions {
  /** What becomes of it when it fails. Default `stop`. */
  readonly supervision?: Supervision;
  /** Default: unbounded. */
  readonly mailbox?: MailboxBound;
}

/**
 * What happens when a process fails, that is, when `initialize`, a handler, or anything else of it that runs as an event
 * throws or rejects:
 * - `stop`: it ends, and those who linked to it are told `failed`;
 * - `restart`: it begins anew, as {@link RestartOptions} says, whose defaults are taken for the bare word;
 * - `escalate`: it ends, and its failure becomes that of its parent. Without a parent as `stop`.
 */
export type Supervision = 'stop' | 'restart' | 'escalate' | RestartOptions;

/**
 * A fresh object under the same PID: so nothing of what was wrong in its state stays, and those who know or linked to the
 * PID need not notice. The messages that wait are kept, but for the one it failed at, which is a dead letter. Its timers,
 * children and links, and what was dispatched, deferred or enqueued to it, end with the old object.
 */
export interface RestartOptions {
  /** So many restarts within {@link withinMs}; at the next failure it ends. Default 5. */
  readonly restartsMax?: number;
  /** In ms. Default 60,000. */
  readonly withinMs?: number;
  /** How long the first of these restarts waits, in ms; each further one twice as long. Default 100. */
  readonly delayMs?: number;
  /** The longest of these waits, in ms. Default 10,000. */
  readonly delayMsMax?: number;
  /** What the failure after the last restart is. Default `stop`. */
  readonly thereafter?: 'stop' | 'escalate';
}

/** What happens to a message for a full mailbox. */
export type OverflowPolicy = 'reject' | 'drop-oldest';

/**
 * How many messages and dispatches may wait for a process. What the runtime itself has to say (`exited`, timers that are
 * due, what was deferred or enqueued by the process, its end) is always taken.
 */
export interface MailboxBound {
  /** At least 1. */
  readonly depthMax: number;
  /**
   * `reject`: what comes then is refused, so that whoever asks or dispatches gets an {@link OverloadedError};
   * `drop-oldest`: it is taken, and the message that has waited for longest is treated so. Default `reject`.
   */
  readonly overflow?: OverflowPolicy;
}

/** What to spawn: a process, or what makes one, which a restart needs. It must give each the same id. */
export type Spawnable = Process | (() => Process);
