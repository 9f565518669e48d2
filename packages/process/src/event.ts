import type { Upid } from './upid.js';

/**
 * Why a linked process is gone, or no longer known to be there (Mesos facts 1.4):
 * - `ended`: it was terminated; `failed`: one of its handlers threw;
 * - `absent`: there was no such process when the link was made, nothing leads to its Node, or that cannot read us;
 * - `node-down`: nobody answers for its Node any more;
 * - `node-silent`: its Node is connected but has answered nothing for the set time;
 * - `connection-lost`: messages between the two Nodes may have been lost. It may well be alive: link again to know.
 */
export type ExitReason = 'ended' | 'failed' | 'absent' | 'node-down' | 'node-silent' | 'connection-lost';

const exitReasons: ReadonlySet<string> = new Set([
  'ended',
  'failed',
  'absent',
  'node-down',
  'node-silent',
  'connection-lost',
]);

export function isExitReason(text: string): text is ExitReason {
  return exitReasons.has(text);
}

/**
 * Why a process did not handle a message. The texts are the wire format:
 * - `unknown`: it has no handler for it; `invalid`: it is not as declared;
 * - `not-admitted`: it does not take it now, see {@link Process.admits};
 * - `failed`: its handler threw; `overloaded`: its mailbox is full.
 */
export type RefusalReason = 'unknown' | 'invalid' | 'not-admitted' | 'failed' | 'overloaded';

const refusalReasons: ReadonlySet<string> = new Set(['unknown', 'invalid', 'not-admitted', 'failed', 'overloaded']);

export function isRefusalReason(text: string): text is RefusalReason {
  return refusalReasons.has(text);
}

/** How an ask is answered: by whichever of these comes first. */
export interface Answer {
  reply(name: string, body: unknown): void;
  noProcess(): void;
  /** @param why in words; may be empty. */
  refused(reason: RefusalReason, why: string): void;
}

/** The mailbox keeps its events as a list that runs through them. */
interface Linked {
  /** For the mailbox alone. */
  next?: ProcessEvent | undefined;
}

export interface MessageEvent extends Linked {
  readonly kind: 'message';
  readonly from: Upid;
  readonly name: string;
  readonly body: unknown;
  readonly remote: boolean;
  readonly answer: Answer | undefined;
}

/** `abandon` is there where somebody outside of the process waits for the outcome, and hears of it if it never runs. */
export interface DispatchEvent extends Linked {
  readonly kind: 'dispatch';
  readonly run: () => unknown;
  readonly abandon: ((error: Error) => void) | undefined;
}

/** What waits in a mailbox. */
export type ProcessEvent =
  | (Linked & { readonly kind: 'initialize' })
  | MessageEvent
  | DispatchEvent
  | (Linked & { readonly kind: 'exited'; readonly pid: Upid; readonly reason: ExitReason })
  /** A process that this one spawned failed, and its failure is to be this one's too. */
  | (Linked & { readonly kind: 'escalated'; readonly error: Error })
  | (Linked & { readonly kind: 'terminate' });
