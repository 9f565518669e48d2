import type { Upid } from './upid.js';

/**
 * Why a linked process is gone, or no longer known to be there (Mesos facts 1.4):
 * - `ended`: it was terminated; `failed`: one of its handlers threw;
 * - `absent`: there was no such process when the link was made;
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

/** How an ask is answered: by whichever of the two comes first. */
export interface Answer {
  reply(name: string, body: unknown): void;
  noProcess(): void;
}

/** What waits in a mailbox. */
export type ProcessEvent =
  | { readonly kind: 'initialize' }
  | {
      readonly kind: 'message';
      readonly from: Upid;
      readonly name: string;
      readonly body: unknown;
      readonly remote: boolean;
      readonly answer: Answer | undefined;
    }
  | { readonly kind: 'dispatch'; readonly run: () => unknown; readonly abandon: (() => void) | undefined }
  | { readonly kind: 'exited'; readonly pid: Upid; readonly reason: ExitReason }
  | { readonly kind: 'terminate' };
