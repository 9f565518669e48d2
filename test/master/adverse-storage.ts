import {
  MemoryStorage,
  type RegistryStorage,
  type StorageContent,
  type StorageOutcome,
  type StoredRecord,
} from '@mesos-ts/master';
import type { Clock, Random } from '@mesos-ts/process';

/** A write that was taken, with its number. */
export interface Taken extends StoredRecord {
  readonly seq: number;
}

/** The storage at the far end: what it took, in order, and whoever is told of it. */
export class FarStorage {
  readonly log: Taken[] = [];
  readonly #memory = new MemoryStorage();
  readonly #onTaken: (taken: Taken) => void;
  conflicts = 0;

  constructor(onTaken: (taken: Taken) => void = () => {}) {
    this.#onTaken = onTaken;
  }

  read(): Promise<StorageContent> {
    return this.#memory.read();
  }

  newest(key: string): ReturnType<RegistryStorage['newest']> {
    return this.#memory.newest(key);
  }

  async write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    const outcome = await this.#memory.write(record, expectedSeq);
    if (outcome.type === 'conflict') this.conflicts++;
    else {
      const taken = { ...record, seq: outcome.seq };
      this.log.push(taken);
      this.#onTaken(taken);
    }
    return outcome;
  }

  /** What it held when it had taken so many. */
  contentAt(seq: number): ReadonlyMap<string, string> {
    return new Map(this.log.slice(0, seq).map(({ key, value }) => [key, value]));
  }
}

const usualMs = 15;
const lateMsMax = 1_500;

/**
 * One leader's way to the storage. In fair weather requests arrive in the order of their sending, and answers too; else
 * both overtake one another, are held back for seconds, or are lost. What is lost is told of as a failure, or not at all.
 */
export class AdverseStorage implements RegistryStorage {
  readonly #far: FarStorage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #arrivals = { there: 0, back: 0 };
  #foulUntil = 0;
  #lossFraction = 0;

  constructor(far: FarStorage, clock: Clock, random: Random) {
    this.#far = far;
    this.#clock = clock;
    this.#random = random;
  }

  /** Nothing that is sent from now on arrives before that; what is sent while it is held may come in any order. */
  hold(ms: number): void {
    const until = this.#clock.now() + ms;
    this.#arrivals.there = Math.max(this.#arrivals.there, until);
    if (this.#random.fraction() < 0.5) this.#foulUntil = until;
  }

  /** Foul weather, in which one of twenty is lost. */
  storm(ms: number): void {
    this.#foulUntil = this.#clock.now() + ms;
    this.#lossFraction = 0.05;
  }

  read(): Promise<StorageContent> {
    return this.#carry(() => this.#far.read());
  }

  newest(key: string): ReturnType<RegistryStorage['newest']> {
    return this.#carry(() => this.#far.newest(key));
  }

  write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    return this.#carry(() => this.#far.write(record, expectedSeq));
  }

  async discard(): Promise<void> {}

  async close(): Promise<void> {}

  #carry<T>(request: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#deliver('there', reject, () => {
        void request().then((answer) => this.#deliver('back', reject, () => resolve(answer)));
      });
    });
  }

  #deliver(way: 'there' | 'back', reject: (error: Error) => void, arrive: () => void): void {
    const now = this.#clock.now();
    const foul = now < this.#foulUntil;
    const at = Math.max(this.#arrivals[way], now + this.#random.integer(usualMs));
    if (foul && this.#random.fraction() < this.#lossFraction) {
      if (this.#random.fraction() < 0.5) this.#clock.timer(at - now, () => reject(new Error('lost on the way')));
      return;
    }
    if (!foul) this.#arrivals[way] = at;
    this.#clock.timer(at - now + (foul ? this.#random.integer(lateMsMax) : 0), arrive);
  }
}
