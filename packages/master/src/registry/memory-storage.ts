import type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry-storage.js';

/** A storage that lasts as long as this object: for `--registry=in_memory`, and for tests. */
export class MemoryStorage implements RegistryStorage {
  readonly #records = new Map<string, { readonly record: StoredRecord; readonly seq: number }>();
  #lastSeq = 0;

  async read(): Promise<StorageContent> {
    return { records: [...this.#records.values()].map(({ record }) => record), lastSeq: this.#lastSeq };
  }

  async newest(key: string): Promise<{ readonly lastSeq: number; readonly record: StoredRecord | undefined }> {
    return { lastSeq: this.#lastSeq, record: this.#records.get(key)?.record };
  }

  async write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    if (expectedSeq !== this.#lastSeq) return { type: 'conflict' };
    this.#lastSeq++;
    this.#records.delete(record.key);
    this.#records.set(record.key, { record, seq: this.#lastSeq });
    return { type: 'stored', seq: this.#lastSeq };
  }

  async discard(key: string, uptoSeq: number): Promise<void> {
    if ((this.#records.get(key)?.seq ?? Number.POSITIVE_INFINITY) <= uptoSeq) this.#records.delete(key);
  }
}
