import type { StorageContent, StoredRecord } from '@mesos-ts/master';
import { message, Process } from '@mesos-ts/process';
import type { Storage } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';
import type { FenceLedger } from './fence-ledger.js';

const RecordSchema = Type.Object({ key: Type.String(), value: Type.String() });

export const ReadRegistry = message(
  'ReadRegistry',
  {},
  { reply: message('RegistryContent', { records: Type.Array(RecordSchema), lastSeq: Type.Integer() }) },
);

export const ReadNewest = message(
  'ReadNewest',
  { key: Type.String() },
  { reply: message('NewestRecord', { lastSeq: Type.Integer(), record: Type.Optional(RecordSchema) }) },
);

/** Compare-and-set on the number of the last write; answered with the new number, or -1 where that was another. */
export const WriteRecord = message(
  'WriteRecord',
  { record: RecordSchema, expectedSeq: Type.Integer() },
  { reply: message('RecordWritten', { seq: Type.Integer() }) },
);

/** Not answered. */
export const DiscardRecord = message('DiscardRecord', { key: Type.String(), uptoSeq: Type.Integer() });

export const registryServerId = 'registry';
const seqKey = 'registry: last';
const recordPrefix = 'registry record ';

interface Kept {
  readonly record: StoredRecord;
  readonly seq: number;
}

/** The storage of the registry, on a disk that outlives crashes. */
export class RegistryServer extends Process {
  readonly #storage: Storage;
  readonly #ledger: FenceLedger;
  readonly #observe: (check: () => void) => void;
  readonly #fences: boolean;
  readonly #records = new Map<string, Kept>();
  #lastSeq: number;

  /** @param fences false: takes every write, whatever number it expects, as a storage without compare-and-set does. */
  constructor(storage: Storage, ledger: FenceLedger, observe: (check: () => void) => void, fences: boolean) {
    super(registryServerId);
    this.#storage = storage;
    this.#ledger = ledger;
    this.#observe = observe;
    this.#fences = fences;
    this.#lastSeq = (storage.get(seqKey) ?? 0) as number;
    const keys = storage.keys().filter((key) => key.startsWith(recordPrefix));
    const kept = keys.map((key) => storage.get(key) as Kept).sort((a, b) => a.seq - b.seq);
    for (const one of kept) this.#records.set(one.record.key, one);
  }

  protected override initialize(): void {
    this.install(ReadRegistry, () => this.reply(ReadRegistry.replyType, this.#content));
    this.install(ReadNewest, (_from, { key }) => {
      const record = this.#records.get(key)?.record;
      const lastSeq = this.#lastSeq;
      this.reply(ReadNewest.replyType, record === undefined ? { lastSeq } : { lastSeq, record });
    });
    this.install(WriteRecord, (_from, { record, expectedSeq }) => {
      const taken = expectedSeq === this.#lastSeq || !this.#fences;
      if (taken) this.#put(record);
      this.reply(WriteRecord.replyType, { seq: taken ? expectedSeq + 1 : -1 });
    });
    this.install(DiscardRecord, (_from, { key, uptoSeq }) => {
      if ((this.#records.get(key)?.seq ?? Number.POSITIVE_INFINITY) > uptoSeq) return;
      this.#records.delete(key);
      this.#storage.delete(recordPrefix + key);
    });
  }

  get #content(): StorageContent {
    return { records: [...this.#records.values()].map(({ record }) => record), lastSeq: this.#lastSeq };
  }

  #put(record: StoredRecord): void {
    this.#lastSeq++;
    this.#observe(() => this.#ledger.taken(record));
    const kept: Kept = { record, seq: this.#lastSeq };
    this.#records.delete(record.key);
    this.#records.set(record.key, kept);
    this.#storage.put(recordPrefix + record.key, kept);
    this.#storage.put(seqKey, this.#lastSeq);
  }
}
