import type { Clock, Timer } from '@mesos-ts/process';
import { type RegistryError, RegistryLost, RegistryUnreadable } from './registry-errors.js';
import type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry-storage.js';

export interface FencedStorageOptions {
  readonly clock: Clock;
  readonly storage: RegistryStorage;
  /** How long opening may take, in ms. Default 60,000, as `--registry_fetch_timeout`. */
  readonly fetchTimeoutMs?: number;
  /** How long one write may take, in ms. Default 20,000, as `--registry_store_timeout`. */
  readonly storeTimeoutMs?: number;
}

/** What a leader finds in it, but for the fence. */
export interface OpenedStorage extends StorageContent {
  /** It was made anew and {@link FencedStorage.complete} never called: what it does not hold may have been lost with another. */
  readonly incomplete: boolean;
}

/** Every fence is written under it: the form of the records, and the epoch of the leader. */
export const fenceKey = 'fence';
/** Of the form of what is stored. Who finds a later one does not touch it. */
export const registryVersion = 1;
/** How many writes may be without an answer. */
export const windowMax = 256;
/** How many writes may wait for their answer or their turn: more than any cluster asks for at once. */
const writesMax = 200_000;
/** How long to wait before the fence is tried again, in ms. */
const fenceAgainMs = 50;
/** How long one attempt to fence and read may take, in ms. */
const attemptMsMax = 10_000;

class Write {
  /** With its number. */
  readonly stored: Promise<number>;
  sentAt = 0;
  /** Once it was answered. */
  seq: number | undefined;
  resolve: (seq: number) => void = () => {};
  reject: (error: RegistryError) => void = () => {};

  constructor(readonly record: StoredRecord) {
    this.stored = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/**
 * Sees to it that of all who write to one storage, the leader of the latest epoch that was opened is the only one whose
 * writes are taken.
 *
 * **The chain.** Each write expects to follow the one before it: it names the number that this one will have, without
 * waiting for the answer. If one is not taken, none behind it should be.
 *
 * **Why that alone does not fence.** The numbers are guesses. A leader that has written number n may have `windowMax` (W)
 * writes under way, which expect n to n + W - 1, and any of them may be late. A new leader's write becomes number n + 1, and
 * then a late one that expects n + 1 would be taken.
 *
 * **The fence.** So a new leader writes W + 1 records without anything in between, before it reads or writes anything else.
 * Let the last number before the first of them be s, and the last of them s + W + 1. What an older leader was told to be
 * stored has a number of at most s, so what it has under way expects at most s + W - 1, now and for ever, as it is told of
 * nothing more. From the fence on, only the new leader's writes are taken; until one who comes later builds a fence.
 *
 * **Two that build at once** disturb each other: a fence with anything in between is none, and is begun anew. The fence's
 * record says whose it is. Who finds a later epoch there gives up; who finds an earlier one goes on.
 *
 * **Fates.** A write is told to be stored when it and all before it are. A conflict, a number that is not the expected
 * one, a failure, or an answer that does not come in time end it all: every write that has not been told to be stored is
 * rejected and each of them may be stored or not. Nothing is tried again, so nothing is written twice or out of order.
 */
export class FencedStorage {
  readonly #clock: Clock;
  readonly #storage: RegistryStorage;
  readonly #fetchTimeoutMs: number;
  readonly #storeTimeoutMs: number;
  /** In the order of the calls: those sent, of which the first has no answer yet, and then those that wait. */
  #writes: Write[] = [];
  /** How many of them were sent. */
  #sent = 0;
  /** What the next write must expect; undefined until the fence stands. */
  #nextSeq: number | undefined;
  /** As it stands in the storage. */
  #fence: Fence | undefined;
  /** Why nothing can be written any more. */
  #end: RegistryError | undefined;
  #timer: Timer | undefined;
  /** Ends what opening waits for. */
  #giveUp: (why: Error) => void = () => {};

  constructor(options: FencedStorageOptions) {
    this.#clock = options.clock;
    this.#storage = options.storage;
    this.#fetchTimeoutMs = options.fetchTimeoutMs ?? 60_000;
    this.#storeTimeoutMs = options.storeTimeoutMs ?? 20_000;
  }

  /**
   * Fences all others out, and reads what there is. To be called once, before anything else.
   * @param epoch of the leadership. An equal one may have been here: without an election all are equal.
   * @param by the leader, for people who look at the fence.
   * @throws {RegistryUnreadable} when that does not succeed in time, and {RegistryLost} when a later epoch has been here.
   */
  async open(epoch: number, by: string): Promise<OpenedStorage> {
    let trouble: unknown;
    const timeout = this.#clock.timer(this.#fetchTimeoutMs, () =>
      this.#fail(new RegistryUnreadable(`${this.#fetchTimeoutMs} ms were not enough`, { cause: trouble })),
    );
    try {
      for (;;) {
        if (this.#end !== undefined) throw this.#end;
        try {
          const content = await this.#unlessGivenUp(this.#tryOpen(epoch, by));
          this.#nextSeq = content.lastSeq;
          return content;
        } catch (error) {
          trouble = error;
          if (error instanceof RegistryUnreadable || error instanceof RegistryLost) this.#fail(error);
          else await this.#unlessGivenUp(this.#pause(fenceAgainMs));
        }
      }
    } finally {
      timeout.cancel();
    }
  }

  /**
   * Stores a record, after all that were to be stored before.
   * @returns its number. @throws {RegistryLost}
   */
  write(record: StoredRecord): Promise<number> {
    if (this.#writes.length >= writesMax) this.#fail(new RegistryLost(`${writesMax} writes wait for the storage`));
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const write = new Write(record);
    this.#writes.push(write);
    this.#send();
    return write.stored;
  }

  /** Resolves when all is stored that is to be stored by now. @throws {RegistryLost} */
  async flushed(): Promise<void> {
    if (this.#end !== undefined) throw this.#end;
    await this.#writes.at(-1)?.stored;
  }

  /**
   * Stores that whatever is not in it is not known to anybody: whoever opens it from then on is told so.
   * @throws {RegistryLost}
   */
  async complete(): Promise<void> {
    if (this.#fence?.incomplete !== true) return this.flushed();
    this.#fence = { ...this.#fence, incomplete: false };
    await this.write(fenceRecord(this.#fence));
  }

  /** Frees the room of a record that was written with this number, unless there is a newer one. */
  discard(key: string, seq: number): Promise<void> {
    return this.#storage.discard(key, seq);
  }

  /** Rejects what is under way, and whatever is asked for from now on. */
  close(): void {
    this.#fail(new RegistryLost('it was closed'));
  }

  // The fence

  async #tryOpen(epoch: number, by: string): Promise<OpenedStorage> {
    const { lastSeq, record } = await this.#storage.newest(fenceKey);
    // After the number, which a fence that is built from now on makes a wrong one.
    const incomplete = checkFence(record, epoch)?.incomplete ?? true;
    this.#fence = { epoch, by, incomplete };
    const fence = fenceRecord(this.#fence);
    const last = await this.#buildFence(fence, lastSeq);
    const content = await this.#storage.read();
    const newest = content.records.at(-1);
    if (content.lastSeq !== last) throw new Error('somebody else wrote behind the fence');
    if (newest?.key !== fence.key || newest.value !== fence.value)
      throw new Error('what was read is older than the fence');
    return { records: content.records.slice(0, -1), lastSeq: last, incomplete };
  }

  /** @returns the number of its last write. */
  async #buildFence(record: StoredRecord, lastSeq: number): Promise<number> {
    const writes: Promise<boolean>[] = [];
    for (let written = 0; written <= windowMax; written++) {
      // Never more than the window.
      if (written === windowMax) await writes[0];
      const expectedSeq = lastSeq + written;
      writes.push(
        this.#storage.write(record, expectedSeq).then(
          (outcome) => isStored(outcome, expectedSeq),
          () => false,
        ),
      );
    }
    const taken = await Promise.all(writes);
    if (taken.includes(false)) throw new Error('a part of the fence is missing');
    return lastSeq + taken.length;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.timer(ms, resolve));
  }

  /**
   * A storage may owe an answer for ever: an attempt is given up after {@link attemptMsMax}, and at the end of everything at
   * once. What was sent for it and comes late expects a number that the next fence makes a wrong one.
   */
  #unlessGivenUp<T>(attempt: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.timer(attemptMsMax, () => giveUp(new Error(`no answer within ${attemptMsMax} ms`)));
      const giveUp = (why: Error): void => {
        timer.cancel();
        reject(why);
      };
      this.#giveUp = giveUp;
      attempt.then((value) => {
        timer.cancel();
        resolve(value);
      }, giveUp);
    });
  }

  // Writes

  #send(): void {
    while (this.#nextSeq !== undefined && this.#sent < windowMax) {
      const next = this.#writes[this.#sent];
      if (next === undefined) break;
      this.#sent++;
      this.#sendOne(next, this.#nextSeq++);
    }
    this.#timer ??= this.#arm();
  }

  #sendOne(write: Write, expectedSeq: number): void {
    write.sentAt = this.#clock.now();
    this.#storage.write(write.record, expectedSeq).then(
      (outcome) => this.#answered(write, outcome, expectedSeq),
      (error: unknown) => this.#fail(new RegistryLost('the fate of a write is unknown', { cause: error })),
    );
  }

  #answered(write: Write, outcome: StorageOutcome, expectedSeq: number): void {
    if (this.#end !== undefined) return;
    if (!isStored(outcome, expectedSeq)) {
      this.#fail(new RegistryLost('somebody else has written to it'));
      return;
    }
    write.seq = expectedSeq + 1;
    let settled = 0;
    for (const first of this.#writes) {
      if (first.seq === undefined) break;
      first.resolve(first.seq);
      settled++;
    }
    if (settled === 0) return;
    this.#writes.splice(0, settled);
    this.#sent -= settled;
    this.#send();
  }

  /** For the first one, which is the oldest under way. Whoever is first when the timer ends is looked at then. */
  #arm(): Timer | undefined {
    const oldest = this.#sent === 0 ? undefined : this.#writes[0];
    if (oldest === undefined) return undefined;
    const leftMs = oldest.sentAt + this.#storeTimeoutMs - this.#clock.now();
    if (leftMs <= 0) this.#fail(new RegistryLost(`a write was not answered within ${this.#storeTimeoutMs} ms`));
    if (this.#end !== undefined) return undefined;
    return this.#clock.timer(leftMs, () => {
      this.#timer = this.#arm();
    });
  }

  #fail(why: RegistryError): void {
    if (this.#end !== undefined) return;
    this.#end = why;
    this.#timer?.cancel();
    this.#giveUp(why);
    const unsettled = this.#writes;
    this.#writes = [];
    for (const write of unsettled) write.reject(why);
  }
}

function isStored(outcome: StorageOutcome, expectedSeq: number): boolean {
  return outcome.type === 'stored' && outcome.seq === expectedSeq + 1;
}

/**
 * @returns the fence that was there, if one was.
 * @throws {RegistryLost} for that of a later epoch, {RegistryUnreadable} for that of a later build.
 */
function checkFence(record: StoredRecord | undefined, epoch: number): Fence | undefined {
  const fence = parseFence(record);
  if (fence === undefined || fence.epoch <= epoch) return fence;
  throw new RegistryLost(`the leader of epoch ${fence.epoch} has it, which is later than ${epoch}`, {
    laterEpoch: fence.epoch,
  });
}

/** Who writes to a registry. */
export interface Fence {
  readonly epoch: number;
  /** The leader, for people. */
  readonly by: string;
  /** It was made anew, and no leader has yet led with it for so long that all must have come who were in a former one. */
  readonly incomplete: boolean;
}

function fenceRecord({ epoch, by, incomplete }: Fence): StoredRecord {
  const value = { version: registryVersion, epoch, by, ...(incomplete ? { incomplete } : {}) };
  return { key: fenceKey, value: JSON.stringify(value) };
}

/**
 * What the fence says, if there is one.
 * @throws {RegistryUnreadable} for that of a later build, and what is none.
 */
export function parseFence(record: StoredRecord | undefined): Fence | undefined {
  if (record === undefined) return undefined;
  let fence: Readonly<Partial<Record<keyof Fence | 'version', unknown>>> | null;
  try {
    fence = JSON.parse(record.value);
  } catch {
    fence = null;
  }
  if (fence === null || !Number.isSafeInteger(fence.version) || !Number.isSafeInteger(fence.epoch))
    throw new RegistryUnreadable(
      `the record ${fenceKey} says neither version nor epoch: ${record.value.slice(0, 100)}`,
    );
  if (Number(fence.version) > registryVersion)
    throw new RegistryUnreadable(
      `it was written by a later build (version ${fence.version}, known here is ${registryVersion})`,
    );
  return { epoch: Number(fence.epoch), by: String(fence.by), incomplete: fence.incomplete === true };
}
