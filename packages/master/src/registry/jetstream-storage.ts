import { type Clock, lastingConnection, type Random } from '@mesos-ts/process';
import { JetStreamStream, outcomeOf, type StreamConfiguration, StreamError, whenReady } from '@mesos-ts/zk-election';
import { type ConnectionOptions, createInbox, ErrorCode, Events, type Msg, type NatsConnection, NatsError } from 'nats';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import { RegistryUnreadable } from './registry-errors.js';
import type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry-storage.js';
import { StreamReader } from './stream-reader.js';

export interface JetStreamStorageOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Such as `nats://127.0.0.1:4222`; any one of them will do. */
  readonly servers: readonly string[];
  readonly cluster: string;
  /** How many servers of a NATS cluster keep a copy: 1, 3 or 5. Counts when the stream is made. Default 1. */
  readonly replicas?: number;
  /** Whether to make the stream where it is missing. Default true. */
  readonly create?: boolean;
  /** Merged over our own settings, except for the servers: credentials, TLS, inbox prefix. */
  readonly nats?: ConnectionOptions;
  /** Default: silent. */
  readonly log?: Logger;
  /** Ends the waiting for a JetStream that is not ready yet, with its reason. */
  readonly signal?: AbortSignal;
}

interface Pending {
  resolve(outcome: StorageOutcome): void;
  reject(error: Error): void;
}

const requestTimeoutMs = 5_000;

/** The subject whose last token is the key, and the stream that keeps the last message of each. */
export function registrySubject(cluster: string): string {
  return `reg.${cluster}`;
}

export function registryStream(cluster: string): string {
  return `REG_${cluster}`;
}

/**
 * The registry in a JetStream stream of its own, in files, on a connection of its own that reconnects for ever.
 *
 * The stream keeps the last message of each subject, which is a record; its last sequence is the number that every write has
 * to expect, which is what fences.
 *
 * What was under way when the connection broke has an unknown fate. What is written while it is broken waits for it: the
 * client would lose that without a word.
 */
export class JetStreamStorage implements RegistryStorage {
  readonly #connection: NatsConnection;
  readonly #options: JetStreamStorageOptions;
  readonly #log: Logger;
  readonly #stream: JetStreamStream;
  readonly #subject: string;
  /** Answers to writes come to it, with the number of the write as the last token. */
  readonly #answers: string;
  readonly #pending = new Map<string, Pending>();
  /** Each rejects a request that is under way. */
  readonly #asking = new Set<(error: Error) => void>();
  #written = 0;
  /** Go on with what was asked for while there was no connection; undefined while there is one. */
  #held: (() => void)[] | undefined;

  private constructor(connection: NatsConnection, options: JetStreamStorageOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#subject = registrySubject(options.cluster);
    this.#answers = createInbox(options.nats?.inboxPrefix);
    this.#stream = new JetStreamStream({
      name: registryStream(options.cluster),
      ask: (subject, payload) => this.#request(subject, payload),
      configuration: options.create === false ? undefined : this.#configuration(),
    });
  }

  /**
   * Connects, and makes the stream where it is missing, as soon as JetStream is ready for that.
   * @throws {RegistryUnreadable} saying what to do.
   */
  static async open(options: JetStreamStorageOptions): Promise<JetStreamStorage> {
    const storage = new JetStreamStorage(await connectTo(options), options);
    try {
      storage.#listen();
      const { clock, signal } = options;
      await whenReady(() => storage.#stream.state(), { clock, log: storage.#log, signal });
      return storage;
    } catch (error) {
      await storage.close();
      throw storage.#openError(error);
    }
  }

  async read(): Promise<StorageContent> {
    const { messages } = await this.#asked(this.#stream.state());
    const reader = new StreamReader(this.#connection, this.#options.clock, {
      stream: this.#stream.name,
      inboxPrefix: this.#options.nats?.inboxPrefix,
    });
    const records: StoredRecord[] = [];
    if (messages > 0)
      await reader.read((subject, value) => records.push({ key: subject.slice(this.#subject.length + 1), value }));
    const { lastSeq } = await this.#asked(this.#stream.state());
    return { records, lastSeq };
  }

  async newest(key: string): Promise<{ readonly lastSeq: number; readonly record: StoredRecord | undefined }> {
    const { lastSeq } = await this.#asked(this.#stream.state());
    const newest = await this.#asked(this.#stream.newest(`${this.#subject}.${key}`));
    return { lastSeq, record: newest && { key, value: newest.data.toString() } };
  }

  write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    return new Promise((resolve, reject) => {
      const token = String(++this.#written);
      this.#pending.set(token, { resolve, reject });
      if (this.#held === undefined) this.#send(token, record, expectedSeq);
      else this.#held.push(() => this.#send(token, record, expectedSeq));
    });
  }

  #send(token: string, { key, value }: StoredRecord, expectedSeq: number): void {
    const options = { reply: `${this.#answers}.${token}`, headers: this.#stream.expectations(expectedSeq) };
    try {
      this.#connection.publish(`${this.#subject}.${key}`, value, options);
    } catch (error) {
      this.#settle(token)?.reject(error as Error);
    }
  }

  async discard(key: string, uptoSeq: number): Promise<void> {
    await this.#asked(this.#stream.purge(`${this.#subject}.${key}`, uptoSeq));
  }

  /** Releases the connection. Never rejects. */
  async close(): Promise<void> {
    this.#loseAll('the storage was closed', ErrorCode.ConnectionClosed);
    await this.#connection.close().catch(() => {}); // then it was closed already
    this.#release(); // to be told that
  }

  // The connection

  #listen(): void {
    // An exception out of this callback would end the client's reader for good, and silently.
    const callback = (error: NatsError | null, message: Msg): void => {
      try {
        if (error === null) this.#answered(message);
        else this.#log.error({ err: error }, 'answers of the registry are not heard');
      } catch (caught) {
        this.#log.error({ err: caught }, 'an answer of the registry was not understood');
      }
    };
    this.#connection.subscribe(`${this.#answers}.*`, { callback });
    this.#followStatus().catch((error) => this.#log.error({ err: error }, 'the status of NATS is not followed'));
  }

  #answered(message: Msg): void {
    const pending = this.#settle(message.subject.slice(this.#answers.length + 1));
    if (pending === undefined) return;
    try {
      const outcome = outcomeOf(message);
      pending.resolve(outcome.type === 'taken' ? { type: 'stored', seq: outcome.seq } : outcome);
    } catch (error) {
      // "No responders" comes without a body.
      pending.reject(error instanceof StreamError ? error : new Error('JetStream does not answer', { cause: error }));
    }
  }

  #settle(token: string): Pending | undefined {
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    return pending;
  }

  async #followStatus(): Promise<void> {
    for await (const { type, data } of this.#connection.status()) {
      if (type === Events.Disconnect) {
        this.#log.warn({ server: data }, 'the registry is cut off from NATS');
        this.#held ??= [];
        this.#loseAll('the connection to NATS broke', ErrorCode.Disconnect);
      }
      if (type === Events.Reconnect) {
        this.#log.info({ server: data }, 'the registry is connected to NATS again');
        this.#release();
      }
    }
  }

  /** Goes on with what waited for the connection. */
  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const goOn of held) goOn();
  }

  /** Nobody knows what became of what was sent. */
  #loseAll(why: string, code: ErrorCode): void {
    const lost = [...[...this.#pending.values()].map(({ reject }) => reject), ...this.#asking];
    this.#pending.clear();
    this.#asking.clear();
    for (const reject of lost) reject(new NatsError(why, code));
  }

  // JetStream

  #configuration(): StreamConfiguration {
    return {
      subjects: [`${this.#subject}.>`],
      discard: 'new',
      num_replicas: this.#options.replicas ?? 1,
      // What was forgotten is purged by its subject and number; nothing else is ever taken out.
      deny_purge: false,
    };
  }

  /** Waits for the connection where it is broken, and fails when it breaks: nobody has to wait for the time-out then. */
  async #request(subject: string, payload: string): Promise<Msg> {
    const held = this.#held;
    if (held !== undefined) await new Promise<void>((resolve) => held.push(resolve));
    return new Promise((resolve, reject) => {
      this.#asking.add(reject);
      this.#connection
        .request(subject, payload, { timeout: requestTimeoutMs })
        .then(resolve, reject)
        .finally(() => this.#asking.delete(reject));
    });
  }

  async #asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#registryError(error);
    }
  }

  #registryError(error: unknown): unknown {
    if (!(error instanceof StreamError)) return error;
    const { name } = this.#stream;
    return match(error.reason)
      .with('no-jetstream', () => this.#withoutJetStream({ cause: error }))
      .with('no-stream', () => new RegistryUnreadable(`there is no stream ${name}: no master has led this cluster yet`))
      .with('refused', 'not-ready', () => new Error(`the stream ${name}: ${error.message}`, { cause: error }))
      .exhaustive();
  }

  #withoutJetStream(options: ErrorOptions = {}): RegistryUnreadable {
    return new RegistryUnreadable(
      `the NATS server at ${this.#connection.getServer()} has no JetStream: start it with \`nats-server -js\` or ` +
        '`mesos nats`, or do without by --registry=in_memory',
      options,
    );
  }

  #notPermitted(cause: NatsError): RegistryUnreadable {
    const { operation, subject } = cause.permissionContext ?? { operation: 'this', subject: '' };
    return new RegistryUnreadable(
      `the NATS server at ${this.#connection.getServer()} does not permit it to these credentials (${operation} to ${subject}): ` +
        'in a secure cluster only masters may read and write it, so take the credentials of one: --credentials m1.creds.json',
      { cause },
    );
  }

  #openError(error: unknown): unknown {
    if (!(error instanceof NatsError)) return this.#registryError(error);
    if (error.code === ErrorCode.NoResponders) return this.#withoutJetStream({ cause: error });
    if (error.code === ErrorCode.PermissionsViolation) return this.#notPermitted(error);
    return new RegistryUnreadable(`the stream ${this.#stream.name}: ${error.message}`, { cause: error });
  }
}

async function connectTo(options: JetStreamStorageOptions): Promise<NatsConnection> {
  const { clock, random, servers, cluster, nats } = options;
  const connection = { name: `registry ${cluster}`, ...nats, ignoreAuthErrorAbort: true };
  try {
    return await lastingConnection({ clock, random, servers, connection });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason given';
    throw new RegistryUnreadable(
      `no NATS server at ${servers.join(' or ')} lets us in (${why}): start one with \`mesos nats\`, or correct address or credentials`,
      { cause: error },
    );
  }
}
