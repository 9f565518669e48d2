/** A value under its key: JSON, less than 1 MiB. A key is made of tokens with dots between, of characters that NATS takes. */
export interface StoredRecord {
  readonly key: string;
  readonly value: string;
}

/** All that a storage holds at one moment. */
export interface StorageContent {
  /** The newest record of each key, in the order of their writing. */
  readonly records: readonly StoredRecord[];
  /** The number of the last write that was taken, whatever became of its record; 0: none. */
  readonly lastSeq: number;
}

/** What became of a write, for certain; everything uncertain is a rejection. */
export type StorageOutcome = { readonly type: 'stored'; readonly seq: number } | { readonly type: 'conflict' };

/**
 * Where the registry is kept: records by key, and one number that grows by one with each write that is taken. That is all
 * that is asked of a storage; that only one leader writes is seen to by `FencedStorage`. Serves one leadership after the
 * other; whoever opened it closes it.
 */
export interface RegistryStorage {
  /**
   * All of it, not older than the call. Rejects with a {@link RegistryUnreadable} that says what to do where trying again
   * is in vain.
   */
  read(): Promise<StorageContent>;
  /** The number of the last write that was taken, not older than the call; and the record of one key, not older than that. */
  newest(key: string): Promise<{ readonly lastSeq: number; readonly record: StoredRecord | undefined }>;
  /**
   * Writes if `expectedSeq` is the number of the last write that was taken. Writes are sent in the order of the calls, but
   * may arrive in another. A rejection says nothing: the write may have been taken, may be taken later, or never.
   */
  write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome>;
  /** Frees the room of a record that was written by that number or an earlier one. May do nothing; newer ones stay. */
  discard(key: string, uptoSeq: number): Promise<void>;
}
