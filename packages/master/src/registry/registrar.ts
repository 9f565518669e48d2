import type { Clock, Counters, Timer } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import { type Logger, pino } from 'pino';
import { FencedStorage } from './fenced-storage.js';
import { MutableRegistry, type Registry, type RegistryOperation } from './registry.js';
import { registryContent } from './registry-content.js';
import { garbage, type RegistryGarbageOptions, registryGarbageDefaults } from './registry-garbage.js';
import { encodeRegistryRecord } from './registry-record.js';
import type { RegistryStorage, StoredRecord } from './registry-storage.js';

/**
 * The registry of one leader, for the time of its leadership. Mirrors `Registrar` (Mesos facts 3.2), with one small write a
 * change where the original writes all of it, and several of them at a time.
 */
export interface Registrar {
  /**
   * Whether it knows who was let in by an earlier leader: what is written outlives a master, and it is complete. Settled by
   * {@link recover}, and later on by {@link complete}.
   */
  readonly remembers: boolean;
  /**
   * Ends what earlier leaders may write, and reads what they wrote. Once, before any change.
   * @throws {RegistryUnreadable}, {RegistryLost} where a later leader has been here.
   */
  recover(leader: { readonly epoch: number; readonly info: MasterInfo }): Promise<Registry>;
  /**
   * Resolves when the change is stored, and all that was asked for before. Changes are made in the order of the calls.
   * @throws {RegistryLost} and for every later change again: this leader has to step down.
   */
  apply(operation: RegistryOperation): Promise<void>;
  /**
   * All have had the time to come who may be in a registry before this one: it is complete, for this leader and all that
   * follow, as soon as this is stored. @throws {RegistryLost}
   */
  complete(): Promise<void>;
  /** Ends what is under way. Never rejects. */
  close(): Promise<void>;
}

export interface StoredRegistrarOptions extends RegistryGarbageOptions {
  readonly clock: Clock;
  readonly storage: RegistryStorage;
  /** Whether what is written outlives this master. Default true. */
  readonly remembers?: boolean;
  /** Default: silent. */
  readonly log?: Logger;
  readonly counters?: Counters;
  /** How long recovery may take, in ms. Default 60,000. */
  readonly registryFetchTimeoutMs?: number;
  /** How long one write may take, in ms. Default 20,000. */
  readonly registryStoreTimeoutMs?: number;
  /** How often what need not be remembered is forgotten, in ms. Default 900,000. */
  readonly registryGcIntervalMs?: number;
}

/** A {@link Registrar} over any storage. */
export class StoredRegistrar implements Registrar {
  #remembers = false;
  readonly #options: StoredRegistrarOptions;
  readonly #garbageOptions: Required<RegistryGarbageOptions>;
  readonly #log: Logger;
  readonly #storage: FencedStorage;
  /** With what is still under way. */
  readonly #registry = new MutableRegistry();
  #epoch = 0;
  #collecting: Timer | undefined;

  constructor(options: StoredRegistrarOptions) {
    const { clock, storage, registryFetchTimeoutMs, registryStoreTimeoutMs } = options;
    this.#options = options;
    this.#garbageOptions = { ...registryGarbageDefaults, ...options };
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#storage = new FencedStorage({
      clock,
      storage,
      ...(registryFetchTimeoutMs === undefined ? {} : { fetchTimeoutMs: registryFetchTimeoutMs }),
      ...(registryStoreTimeoutMs === undefined ? {} : { storeTimeoutMs: registryStoreTimeoutMs }),
    });
  }

  get remembers(): boolean {
    return this.#remembers;
  }

  async recover({ epoch, info }: { readonly epoch: number; readonly info: MasterInfo }): Promise<Registry> {
    this.#epoch = epoch;
    const { records, lastSeq, incomplete } = await this.#storage.open(epoch, info.pid);
    this.#remembers = !incomplete && this.#outlives;
    if (incomplete && this.#outlives)
      this.#log.info('the registry is a new one: until all have had the time to come, whoever comes is let in');
    for (let first = 0; first < records.length; first += recordsPerTurn) {
      if (first > 0) await this.#turn();
      this.#takeIn(records.slice(first, first + recordsPerTurn), lastSeq);
    }
    this.#collectLater();
    return this.#registry.copy();
  }

  async apply(operation: RegistryOperation): Promise<void> {
    const record = this.#registry.apply(operation);
    if (record === undefined) return this.#storage.flushed();
    const stored = encodeRegistryRecord(record, this.#epoch);
    const seq = await this.#storage.write(stored);
    this.#options.counters?.increment('registry_writes');
    if (record.value.state === 'forgotten') this.#discard(stored.key, seq);
  }

  async complete(): Promise<void> {
    await this.#storage.complete();
    this.#remembers = this.#outlives;
  }

  async close(): Promise<void> {
    this.#collecting?.cancel();
    this.#storage.close();
  }

  get #outlives(): boolean {
    return this.#options.remembers ?? true;
  }

  #takeIn(records: readonly StoredRecord[], lastSeq: number): void {
    const { registry, unreadable, forgotten } = registryContent(records);
    for (const { key, why } of unreadable) this.#passOver(key, why);
    for (const record of registry.records()) this.#registry.take(record);
    for (const key of forgotten) this.#discard(key, lastSeq);
  }

  /** The cluster goes on without it: an agent is let in again when it comes. */
  #passOver(key: string, why: string): void {
    this.#options.counters?.increment('registry_records_unreadable');
    this.#log.error({ key, why }, 'a record of the registry cannot be read, and is passed over');
  }

  #discard(key: string, seq: number): void {
    this.#storage.discard(key, seq).catch((error: unknown) => {
      // Whoever leads next tries again.
      this.#log.debug({ err: error, key }, 'what was forgotten still takes room in the registry');
    });
  }

  /** Lets others have theirs: there may be many records. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.clock.nextTurn(resolve));
  }

  #collectLater(): void {
    this.#collecting = this.#options.clock.timer(this.#options.registryGcIntervalMs ?? gcIntervalMsDefault, () => {
      const now = this.#options.clock.wallTime();
      for (const operation of garbage(this.#registry, now, this.#garbageOptions))
        this.apply(operation).catch(() => undefined); // whoever writes next is told
      this.#collectLater();
    });
  }
}

const gcIntervalMsDefault = 15 * 60_000;
/** So few that reading them holds the event loop for some milliseconds. */
const recordsPerTurn = 100;
