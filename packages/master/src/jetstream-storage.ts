import type { Clock } from '@mesos-ts/process';
import {
  type ConnectionOptions,
  connect,
  createInbox,
  ErrorCode,
  Events,
  headers,
  type Msg,
  type NatsConnection,
  NatsError,
} from 'nats';
import { type Logger, pino } from 'pino';
import { RegistryUnreadable } from './registry-errors.js';
import type { RegistryStorage, StorageContent, StorageOutcome, StoredRecord } from './registry-storage.js';
import { StreamReader } from './stream-reader.js';

export interface JetStreamStorageOptions {
  readonly clock: Clock;
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
}

/** The part of JetStream's answers that we use; the server is trusted to send what it documents. */
interface ApiAnswer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly message?: { readonly subject: string; readonly data?: string };
  readonly seq?: number;
}

interface Pending {
  resolve(outcome: StorageOutcome): void;
  reject(error: Error): void;
}

/** JetStream's error codes (`err_code`). */
const streamNotFound = 10059;
const messageNotFound = 10037;
const wrongLastSequence = 10071;
const notEnabled: readonly number[] = [10039, 10076];

const requestTimeoutMs = 5_000;
const connectTimeoutMs = 5_000;

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
 * to expect, the only compare-and-set that holds on a replicated stream of nats-server 2.9.10 and the only one that fences.
 *
 * What was under way when the connection broke has an unknown fate. What is written while it is broken waits for it: the
 * client would lose that without a word.
 */
export class JetStreamStorage implements RegistryStorage {
  readonly #connection: NatsConnection;
  readonly #options: JetStreamStorageOptions;
  readonly #log: Logger;
  readonly #stream: string;
  readonly #subject: string;
  /** Answers to writes come to it, with the number of the write as the last token. */
  readonly #answers: string;
  readonly #pending = new Map<string, Pending>();
  /** Each rejects a request that is under way. */
  readonly #asking = new Set<(error: Error) => void>();
  /** Of every write; the client encodes them before it returns. */
  readonly #expectations = headers();
  #written = 0;
  /** Go on with what was asked for while there was no connection; undefined while there is one. */
  #held: (() => void)[] | undefined;

  private constructor(connection: NatsConnection, options: JetStreamStorageOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#stream = registryStream(options.cluster);
    this.#subject = registrySubject(options.cluster);
    this.#answers = createInbox(options.nats?.inboxPrefix);
    this.#expectations.set('Nats-Expected-Stream', this.#stream);
  }

  /**
   * Connects, and makes the stream where it is missing.
   * @throws {RegistryUnreadable} saying what to do.
   */
  static async open(options: JetStreamStorageOptions): Promise<JetStreamStorage> {
    const storage = new JetStreamStorage(await connectTo(options), options);
    try {
      storage.#listen();
      await storage.#streamInfo();
      return storage;
    } catch (error) {
      await storage.close();
      throw storage.#openError(error);
    }
  }

  async read(): Promise<StorageContent> {
    const { messages } = await this.#streamInfo();
    const reader = new StreamReader(this.#connection, this.#options.clock, {
      stream: this.#stream,
      inboxPrefix: this.#options.nats?.inboxPrefix,
    });
    const records: StoredRecord[] = [];
    if (messages > 0)
      await reader.read((subject, value) => records.push({ key: subject.slice(this.#subject.length + 1), value }));
    const { last_seq: lastSeq } = await this.#streamInfo();
    return { records, lastSeq };
  }

  async newest(key: string): Promise<{ readonly lastSeq: number; readonly record: StoredRecord | undefined }> {
    const { last_seq: lastSeq } = await this.#streamInfo();
    const answer = await this.#api('STREAM.MSG.GET', { last_by_subj: `${this.#subject}.${key}` });
    if (answer.error?.err_code === messageNotFound) return { lastSeq, record: undefined };
    const { message } = this.#checked(answer);
    const value = Buffer.from(message?.data ?? '', 'base64').toString();
    return { lastSeq, record: { key, value } };
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
    this.#expectations.set('Nats-Expected-Last-Sequence', String(expectedSeq));
    const options = { reply: `${this.#answers}.${token}`, headers: this.#expectations };
    try {
      this.#connection.publish(`${this.#subject}.${key}`, value, options);
    } catch (error) {
      this.#settle(token)?.reject(error as Error);
    }
  }

  async discard(key: string, uptoSeq: number): Promise<void> {
    // Up to that number, without it.
    this.#checked(await this.#api('STREAM.PURGE', { filter: `${this.#subject}.${key}`, seq: uptoSeq + 1 }));
  }

  /** Releases the connection. Never rejects. */
  async close(): Promise<void> {
    this.#loseAll('the storage was closed');
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
      const { error, seq } = message.json<ApiAnswer>();
      if (error?.err_code === wrongLastSequence) pending.resolve({ type: 'conflict' });
      else if (error === undefined && typeof seq === 'number') pending.resolve({ type: 'stored', seq });
      else pending.reject(new Error(error?.description ?? 'JetStream answered something unknown'));
    } catch {
      // "No responders" comes without a body.
      pending.reject(new Error('JetStream does not answer'));
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
        this.#loseAll('the connection to NATS broke');
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
  #loseAll(why: string): void {
    const lost = [...[...this.#pending.values()].map(({ reject }) => reject), ...this.#asking];
    this.#pending.clear();
    this.#asking.clear();
    for (const reject of lost) reject(new Error(why));
  }

  // JetStream

  /** Makes the stream where it is missing: two that do so at once get the same one, since they ask for the same. */
  async #streamInfo(): Promise<NonNullable<ApiAnswer['state']>> {
    const info = await this.#api('STREAM.INFO');
    const missing = info.error?.err_code === streamNotFound && this.#options.create !== false;
    const answer = missing ? await this.#api('STREAM.CREATE', this.#configuration()) : info;
    return this.#checked(answer).state ?? { messages: 0, last_seq: 0 };
  }

  #configuration(): object {
    return {
      name: this.#stream,
      subjects: [`${this.#subject}.>`],
      storage: 'file',
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      num_replicas: this.#options.replicas ?? 1,
      allow_direct: false,
      // What was forgotten is purged by its subject and number; nothing else is ever taken out.
      deny_delete: true,
      deny_purge: false,
    };
  }

  async #api(call: string, body?: object): Promise<ApiAnswer> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const subject = `$JS.API.${call}.${this.#stream}`;
    const answer = await this.#request(subject, payload);
    return answer.json<ApiAnswer>();
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

  #checked(answer: ApiAnswer): ApiAnswer {
    const { error } = answer;
    if (error === undefined) return answer;
    if (notEnabled.includes(error.err_code ?? 0)) throw this.#withoutJetStream();
    if (error.err_code === streamNotFound)
      throw new RegistryUnreadable(`there is no stream ${this.#stream}: no master has led this cluster yet`);
    throw new Error(`the stream ${this.#stream}: ${error.description ?? `error ${error.code}`}`);
  }

  #withoutJetStream(options: ErrorOptions = {}): RegistryUnreadable {
    return new RegistryUnreadable(
      `the NATS server at ${this.#connection.getServer()} has no JetStream: start it with \`nats-server -js\` or ` +
        '`mesos nats`, or do without by --registry=in_memory',
      options,
    );
  }

  #openError(error: unknown): unknown {
    if (!(error instanceof NatsError)) return error;
    if (error.code === ErrorCode.NoResponders) return this.#withoutJetStream({ cause: error });
    return new RegistryUnreadable(`the stream ${this.#stream}: ${error.message}`, { cause: error });
  }
}

async function connectTo({ servers, nats = {}, cluster }: JetStreamStorageOptions): Promise<NatsConnection> {
  try {
    return await connect({
      name: `registry ${cluster}`,
      timeout: connectTimeoutMs,
      pingInterval: 2_000,
      maxPingOut: 2,
      reconnectTimeWait: 150,
      reconnectJitter: 100,
      ...nats,
      servers: [...servers],
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      waitOnFirstConnect: false,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason given';
    throw new RegistryUnreadable(
      `no NATS server at ${servers.join(' or ')} lets us in (${why}): start one with \`mesos nats\`, or correct address or credentials`,
      { cause: error },
    );
  }
}
