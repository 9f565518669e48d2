import type { ElectionError } from './errors.js';
import type { LeaseRecord, RegisterValue } from './lease-record.js';

/** What the register held, as a watch tells it. */
export interface Observation {
  /** The sequence number of the last write; what the next write must expect. 0: never written. */
  readonly seq: number;
  readonly value: RegisterValue;
}

/** What the register held, as a read tells it. */
export interface Reading extends Observation {
  /** Differs when the register was lost and made anew, which starts the sequence again. */
  readonly stream: string;
}

/** What became of a write, for certain; everything uncertain is a rejection. */
export type WriteOutcome = { readonly type: 'acknowledged'; readonly seq: number } | { readonly type: 'conflict' };

/** A connection as its server calls it. */
export interface ConnectionId {
  readonly server: string;
  readonly client: number;
}

/** One shared place that holds one value and takes compare-and-set on the number of its last write. */
export interface Register {
  /** The present content. Rejects when it could not be told in time; settles always. */
  read(): Promise<Reading>;
  /**
   * Writes if `expectedSeq` is the number of the register's last write. A rejection says nothing: the write may have
   * been taken, may be taken later, or never.
   */
  write(record: LeaseRecord, expectedSeq: number): Promise<WriteOutcome>;
  /**
   * Whether who can be looked for under this name (`here` of its record) is connected. Rejects when that could not be
   * told; settles always. Absent where nobody can be looked for; records then have no `here`.
   */
  present?(here: string): Promise<boolean>;
  /** Releases everything. Never rejects. */
  close(): Promise<void>;
}

/** What a register reports by itself, from its opening to its closing. */
export interface RegisterListener {
  /** The register was written. A hint: may be lost or late, and anybody may forge one who may publish. */
  changed(observation: Observation): void;
  /** The connection is lost: nothing is known of the register, and for others we are gone. */
  cutOff?(): void;
  /** A connection ended, perhaps the holder's. A hint, as {@link changed}. */
  departed?(connection: ConnectionId): void;
  /** The connection is back: changes may have been missed, and answers lost. */
  reconnected(): void;
  /** The register will never work again. */
  failed(error: ElectionError): void;
}

/**
 * Opens a register and its watch, for the candidate of this name (letters and digits), which can be looked for from then
 * on, or for one who only looks on. Rejects with an {@link ElectionError} where that cannot be; where it only cannot be yet, it
 * is waited for, until the signal ends that.
 */
export type OpenRegister = (listener: RegisterListener, candidate?: string, signal?: AbortSignal) => Promise<Register>;
