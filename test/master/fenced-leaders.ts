import { FencedStorage, fenceKey, RegistryError, type StorageContent } from '@mesos-ts/master';
import type { Clock, Random, Timer } from '@mesos-ts/process';
import { AdverseStorage, FarStorage } from './adverse-storage.js';

/** Of one history: what is needed to see that it was one worth having. */
export interface History {
  /** Leaders that fenced and read. */
  readonly recovered: number;
  /** Writes that a leader was told to be stored. */
  readonly told: number;
  /** Writes that came from a leader after a later one had recovered, and were not taken. */
  readonly refused: number;
}

const leaders = 4;
const termMs = 400;
const stormMs = 3_000;
/** Longer than an opening may take. */
const calmMs = 70_000;
const stepMs = 5;
const burstMax = 400;
const keys = 9;

/** Time that moves in steps, so that much happens at the same moment, and one wait lets all of it have its consequences. */
class SteppedClock implements Clock {
  #now = 0;
  #due = new Map<number, (() => void)[]>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  timer(delayMs: number, callback: () => void): Timer {
    const at = this.#now + Math.max(1, Math.ceil(delayMs / stepMs)) * stepMs;
    let cancelled = false;
    const due = this.#due.get(at) ?? [];
    this.#due.set(at, due);
    due.push(() => {
      if (!cancelled) callback();
    });
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }

  nextTurn(callback: () => void): void {
    setImmediate(callback);
  }

  /** Fires what is due next, one after the other, each with what follows from it. False: nothing is left. */
  async step(): Promise<boolean> {
    if (this.#due.size === 0) return false;
    this.#now = Math.min(...this.#due.keys());
    const due = this.#due.get(this.#now) ?? [];
    this.#due.delete(this.#now);
    for (const fire of due) fire();
    await new Promise<void>((resolve) => setImmediate(resolve));
    return true;
  }
}

/**
 * Four leaders one after the other, none of whom ever hears of another: each writes until the registry ends it, over a
 * storage that is slow, forgetful and out of order. Throws where the fence does not hold.
 */
export async function leadOneAfterTheOther(random: Random): Promise<History> {
  return new Leaders(random).run();
}

class Leaders {
  readonly #random: Random;
  readonly #clock = new SteppedClock();
  readonly #far = new FarStorage(({ key, value, seq }) => this.#onTaken(key, value, seq));
  /** The epoch of the latest leader that recovered. */
  #latest = 0;
  #recovered = 0;
  #told = 0;
  /** The number of the last write that anybody was told to be stored. */
  #lastTold = 0;
  /** Of each epoch, as what its first write was taken: that of its fence. */
  readonly #firstTaken = new Map<number, number>();
  /** Of each epoch, the number of the last write of its own that was taken. */
  readonly #lastTaken = new Map<number, number>();
  #conflictsBefore = 0;
  #trouble: Error | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  async run(): Promise<History> {
    let previous: AdverseStorage | undefined;
    for (let epoch = 1; epoch <= leaders; epoch++) {
      const storage = new AdverseStorage(this.#far, this.#clock, this.#random);
      const predecessor = previous;
      this.#clock.timer((epoch - 1) * termMs + this.#random.integer(termMs), () => {
        // What it sends from now on comes when its successor leads.
        if (this.#random.fraction() < 0.7) predecessor?.hold(200 + this.#random.integer(1_000));
        void this.#lead(epoch, storage).catch((error) => this.#fail(error));
      });
      previous = storage;
    }
    while (this.#trouble === undefined && this.#clock.now() < stormMs + calmMs && (await this.#clock.step()));
    if (this.#trouble !== undefined) throw this.#trouble;
    return { recovered: this.#recovered, told: this.#told, refused: this.#far.conflicts - this.#conflictsBefore };
  }

  async #lead(epoch: number, storage: AdverseStorage): Promise<void> {
    const fenced = new FencedStorage({ clock: this.#clock, storage, storeTimeoutMs: 2_500 });
    const toldBefore = this.#lastTold;
    try {
      this.#check(epoch, await fenced.open(epoch, `leader ${epoch}`), toldBefore);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return;
    }
    const told = { next: 0 };
    for (let written = 0; this.#clock.now() < stormMs; ) {
      if (this.#random.fraction() < 0.02) storage.storm(this.#random.integer(100));
      const burst = 1 + this.#random.integer(burstMax);
      for (let i = 0; i < burst; i++) this.#write(fenced, epoch, written++, told);
      const ended = await this.#pause(50 + this.#random.integer(150), fenced);
      if (ended) return;
    }
    fenced.close();
  }

  #write(fenced: FencedStorage, epoch: number, number: number, told: { next: number }): void {
    const record = { key: `k${this.#random.integer(keys)}`, value: JSON.stringify({ epoch, number }) };
    fenced.write(record).then(
      (seq) => {
        const taken = this.#far.log[seq - 1];
        if (taken?.value !== record.value || taken.key !== record.key)
          this.#fail(new Error(`write ${number} of epoch ${epoch} was told to be stored as ${seq}, and is not`));
        if (number !== told.next++) this.#fail(new Error(`epoch ${epoch} was told of write ${number} out of order`));
        this.#told++;
        this.#lastTold = Math.max(this.#lastTold, seq);
      },
      () => {},
    );
  }

  /** True once nothing can be written any more. */
  async #pause(ms: number, fenced: FencedStorage): Promise<boolean> {
    await new Promise<void>((resolve) => this.#clock.timer(ms, resolve));
    let ended = false;
    void fenced.flushed().catch(() => {
      ended = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    return ended;
  }

  #check(epoch: number, { records, lastSeq }: StorageContent, toldBefore: number): void {
    // The answer to what it read before a later one raised its fence may come after that has recovered: it can write no more.
    if (epoch < this.#latest && lastSeq >= (this.#firstTaken.get(this.#latest) ?? 0))
      throw new Error(`epoch ${epoch} recovered after ${this.#latest}, with what that had written`);
    if (lastSeq < toldBefore)
      throw new Error(`epoch ${epoch} read ${lastSeq} writes of ${toldBefore} that were stored`);
    const expected = this.#far.contentAt(lastSeq);
    const read = new Map(records.map(({ key, value }) => [key, value]));
    for (const [key, value] of expected)
      if (key !== fenceKey && read.get(key) !== value)
        throw new Error(`epoch ${epoch} read ${read.get(key)} of ${key}: it is ${value}`);
    if (this.#latest === 0) this.#conflictsBefore = this.#far.conflicts;
    this.#latest = Math.max(this.#latest, epoch);
    this.#recovered++;
  }

  #onTaken(key: string, value: string, seq: number): void {
    const { epoch, number } = JSON.parse(value) as { readonly epoch: number; readonly number?: number };
    if (epoch < this.#latest)
      this.#fail(new Error(`${key} of epoch ${epoch} was taken as ${seq} after ${this.#latest} had recovered`));
    if (!this.#firstTaken.has(epoch)) this.#firstTaken.set(epoch, seq);
    if (key === fenceKey || number === undefined) return;
    // Some may be missing of which nobody was told: a fence that was begun and broke may have the numbers they expected.
    const last = this.#lastTaken.get(epoch) ?? -1;
    if (number <= last) this.#fail(new Error(`epoch ${epoch}: write ${number} was taken after ${last}`));
    this.#lastTaken.set(epoch, number);
  }

  #fail(error: Error): void {
    this.#trouble ??= error;
  }
}
