import type { MasterInfo } from '@mesos-ts/protocol';
import type { LeaseRecord } from './lease-record.js';
import type { ConnectionId, Observation, Reading } from './lease-register.js';

/** What happens to a candidate. Each carries `now`, in ms of one monotonic clock. */
export type LeaseInput = { readonly now: number } & (
  | { readonly type: 'contend'; readonly holder: MasterInfo }
  | { readonly type: 'withdraw' }
  | { readonly type: 'tick' }
  | { readonly type: 'heard'; readonly epoch: number }
  /** Our own connection is lost, */
  | { readonly type: 'cutOff' }
  /** and back. */
  | { readonly type: 'reconnected' }
  /** The server says that a connection ended. */
  | { readonly type: 'departed'; readonly connection: ConnectionId }
  /** The answer to the look effect of this number: whether who was looked for is connected. */
  | { readonly type: 'looked'; readonly number: number; readonly present: boolean; readonly jitterMs: number }
  /** The answer to the read effect of this number. `jitterMs`: chance, for when this makes the candidate wait. */
  | { readonly type: 'read'; readonly number: number; readonly reading: Reading; readonly jitterMs: number }
  | { readonly type: 'readFailed'; readonly number: number }
  | { readonly type: 'watched'; readonly observation: Observation; readonly jitterMs: number }
  /** The three answers to a write effect; `writeFailed` says nothing about whether it was taken. */
  | { readonly type: 'acknowledged'; readonly nonce: string; readonly seq: number }
  | { readonly type: 'conflict'; readonly nonce: string }
  | { readonly type: 'writeFailed'; readonly nonce: string }
);

/** What is to be done, in order. */
export type LeaseEffect =
  | { readonly type: 'read'; readonly number: number }
  | { readonly type: 'write'; readonly record: LeaseRecord; readonly expectedSeq: number }
  /** Is who goes by this name connected? An answer that cannot be had need not be given. */
  | { readonly type: 'look'; readonly number: number; readonly here: string }
  | { readonly type: 'elected'; readonly epoch: number; readonly validUntil: number }
  | { readonly type: 'renewed'; readonly epoch: number; readonly validUntil: number }
  /** Leadership is not certain until `renewed`: we are cut off, and others may see that. */
  | { readonly type: 'doubted'; readonly epoch: number }
  | { readonly type: 'lost'; readonly epoch: number; readonly why: string }
  | { readonly type: 'withdrawn' }
  /** Something odd that people should read of. */
  | { readonly type: 'warn'; readonly text: string };
