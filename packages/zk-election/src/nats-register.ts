import { type Clock, type Random, reconnectPace } from '@mesos-ts/process';
import {
  type ConnectionOptions,
  connect,
  ErrorCode,
  Events,
  headers,
  type Msg,
  type NatsConnection,
  NatsError,
} from 'nats';
import { type Logger, pino } from 'pino';
import {
  type ElectionError,
  JetStreamMissing,
  NatsConnectionEnded,
  NatsRefused,
  NatsUnreachable,
  RegisterUnusable,
} from './errors.js';
import { decodeRecord, encodeRecord, type LeaseRecord, type RegisterValue } from './lease-record.js';
import type { OpenRegister, Reading, Register, RegisterListener, WriteOutcome } from './lease-register.js';
import { NatsPresence } from './nats-presence.js';

/** Where a register lives in NATS, and how to get there. */
export interface NatsRegisterOptions {
  /** Such as `nats://127.0.0.1:4222`; any one of them will do. */
  readonly servers: readonly string[];
  readonly cluster: string;
  /** Whether to make the stream where it is missing, as candidates do; else it reads as never written. */
  readonly create: boolean;
  /**
   * Where the stream cannot be read, as by most users of a secure server: the subject on which what it took is heard all
   * the same. Opening then reads nothing, and fails where that subject may not be heard. Default: the stream is read.
   */
  readonly watchOnly?: string;
  /** How many servers keep the stream, where it is made; default 1. */
  readonly replicas?: number;
  /** When to give up on an answer, in ms; default 3,000. */
  readonly requestTimeoutMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Merged over our own settings, except for the servers: credentials, TLS, inbox prefix, name. */
  readonly nats?: ConnectionOptions;
  /** Default: silent. */
  readonly log?: Logger;
}

/** The part of JetStream's answers that we use; the server is trusted to send what it documents. */
interface ApiAnswer {
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
  readonly created?: string;
  readonly state?: { readonly messages: number; readonly last_seq: number };
  readonly message?: { readonly seq: number; readonly data?: string };
}

/** JetStream's error codes (`err_code`). */
const streamNotFound = 10059;
const messageNotFound = 10037;
const wrongLastSequence = 10071;
const notEnabled: readonly number[] = [10039, 10076];

const requestTimeoutMsDefault = 3_000;
const connectTimeoutMs = 5_000;
const reconnectWaitMs = 150;
const reconnectJitterMs = 100;

/** An {@link OpenRegister} over NATS. */
export function natsRegister(options: NatsRegisterOptions): OpenRegister {
  return (listener, candidate) => NatsRegister.open(options, listener, candidate);
}

/**
 * A register in a JetStream stream of its own, on a connection of its own, which reconnects for ever.
 *
 * The stream `EL_<cluster>` keeps the last message of the one subject `el.<cluster>.leader`, in a file, so that the
 * sequence goes on after a restart of the server. Writes expect the *stream's* last sequence: in nats-server 2.9.10 that
 * is the only compare-and-set that holds on a replicated stream. What the stream took is sent again on
 * `kv.el.<cluster>.leader` to whoever listens; unlike the watch of a KV bucket that needs no consumer and is back at once
 * after a restart, but as all of core NATS it may lose messages. Reads go to the stream's leader, never to a replica.
 */
class NatsRegister implements Register {
  readonly #connection: NatsConnection;
  readonly #options: NatsRegisterOptions;
  readonly #listener: RegisterListener;
  readonly #log: Logger;
  readonly #stream: string;
  readonly #subject: string;
  #closed = false;
  #watchRefused: NatsError | undefined;
  #presence: NatsPresence | undefined;

  private constructor(connection: NatsConnection, options: NatsRegisterOptions, listener: RegisterListener) {
    this.#connection = connection;
    this.#options = options;
    this.#listener = listener;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#stream = `EL_${options.cluster}`;
    this.#subject = `el.${options.cluster}.leader`;
  }

  /** Connects, begins to watch, and tries whether the stream can be read. */
  static async open(
    options: NatsRegisterOptions,
    listener: RegisterListener,
    candidate: string | undefined,
  ): Promise<NatsRegister> {
    const register = new NatsRegister(await connectTo(options), options, listener);
    try {
      if (candidate !== undefined) register.#show(candidate);
      await register.#watch();
      if (options.watchOnly === undefined) await register.read();
      else if (register.#watchRefused !== undefined) throw register.#watchRefused;
      return register;
    } catch (error) {
      await register.close();
      throw register.#electionError(error);
    }
  }

  async read(): Promise<Reading> {
    const info = await this.#streamInfo();
    const { created: stream = '', state = { messages: 0, last_seq: 0 } } = info;
    const empty: Reading = { stream, seq: state.last_seq, value: { type: 'empty' } };
    if (state.messages === 0) return empty;
    const { error, message } = await this.#api('STREAM.MSG.GET', { last_by_subj: this.#subject });
    if (error?.err_code === messageNotFound || message === undefined) return empty;
    return { stream, seq: message.seq, value: decodeRecord(Buffer.from(message.data ?? '', 'base64')) };
  }

  async write(record: LeaseRecord, expectedSeq: number): Promise<WriteOutcome> {
    const expectations = headers();
    expectations.set('Nats-Expected-Stream', this.#stream);
    expectations.set('Nats-Expected-Last-Sequence', String(expectedSeq));
    const shown = { ...record, ...this.#presence?.shown };
    const answer = await this.#connection.request(this.#subject, encodeRecord(shown), {
      timeout: this.#requestTimeoutMs(),
      headers: expectations,
    });
    const { error, seq } = answer.json<ApiAnswer & { readonly seq?: number }>();
    if (error?.err_code === wrongLastSequence) return { type: 'conflict' };
    if (error !== undefined || typeof seq !== 'number') throw this.#unusable(error);
    return { type: 'acknowledged', seq };
  }

  async present(here: string): Promise<boolean> {
    if (this.#presence === undefined) throw new Error('election: who only looks on looks for nobody');
    return this.#presence.present(here);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close().catch(() => {}); // then it was closed already
  }

  /** Makes the stream where it is missing: two that do so at once get the same one, since they ask for the same. */
  async #streamInfo(): Promise<ApiAnswer> {
    const info = await this.#api('STREAM.INFO');
    if (info.error?.err_code !== streamNotFound) return this.#checked(info);
    return this.#options.create ? this.#checked(await this.#api('STREAM.CREATE', this.#configuration())) : {};
  }

  #configuration(): object {
    return {
      name: this.#stream,
      subjects: [this.#subject],
      storage: 'file',
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      num_replicas: this.#options.replicas ?? 1,
      allow_direct: false,
      // An accident must not take the record away under a living leader; deleting the whole stream remains possible.
      deny_delete: true,
      deny_purge: true,
      republish: { src: this.#subject, dest: this.#republished() },
    };
  }

  #republished(): string {
    return `kv.${this.#subject}`;
  }

  async #api(call: string, body?: object): Promise<ApiAnswer> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    const subject = `$JS.API.${call}.${this.#stream}`;
    const answer = await this.#connection.request(subject, payload, { timeout: this.#requestTimeoutMs() });
    return answer.json<ApiAnswer>();
  }

  #checked(answer: ApiAnswer): ApiAnswer {
    if (answer.error === undefined) return answer;
    if (notEnabled.includes(answer.error.err_code ?? 0)) throw new JetStreamMissing(this.#connection.getServer());
    throw this.#unusable(answer.error);
  }

  #unusable(error: ApiAnswer['error']): RegisterUnusable {
    return new RegisterUnusable(this.#stream, error?.description ?? 'JetStream answered something unknown');
  }

  #requestTimeoutMs(): number {
    return this.#options.requestTimeoutMs ?? requestTimeoutMsDefault;
  }

  #show(candidate: string): void {
    this.#presence = new NatsPresence({
      connection: this.#connection,
      cluster: this.#options.cluster,
      candidate,
      inboxPrefix: this.#options.nats?.inboxPrefix,
      log: this.#log,
      onDeparted: (connection) => this.#listener.departed?.(connection),
    });
  }

  async #watch(): Promise<void> {
    // An exception out of this callback would end the client's reader for good, and silently.
    const callback = (error: NatsError | null, message: Msg): void => {
      try {
        if (error !== null) this.#onWatchRefused(error);
        else this.#onChanged(message);
      } catch (caught) {
        this.#log.error({ err: caught }, 'a change of the leader was not understood');
      }
    };
    this.#connection.subscribe(this.#options.watchOnly ?? this.#republished(), { callback });
    this.#followStatus().catch((error) => this.#log.error({ err: error }, 'the status of NATS is not followed'));
    this.#connection.closed().then((error) => this.#onClosed(error));
    await this.#connection.flush();
  }

  #onWatchRefused(error: NatsError): void {
    this.#watchRefused = error;
    this.#log.warn({ err: error }, 'no watch of the leader: changes are seen later');
  }

  #onChanged(message: Msg): void {
    const seq = Number(message.headers?.get('Nats-Sequence') ?? '');
    const value: RegisterValue = decodeRecord(message.data);
    // Without a sequence it is forged; as a hint it may still stand.
    this.#listener.changed({ seq: Number.isSafeInteger(seq) ? seq : 0, value });
  }

  async #followStatus(): Promise<void> {
    for await (const { type, data } of this.#connection.status()) {
      if (type === Events.Disconnect) {
        this.#log.warn({ server: data }, 'the election is cut off from NATS');
        this.#listener.cutOff?.();
      }
      if (type !== Events.Reconnect) continue;
      this.#log.info({ server: data }, 'the election is connected to NATS again');
      this.#listener.reconnected();
    }
  }

  #onClosed(error: unknown): void {
    if (!this.#closed) this.#listener.failed(new NatsConnectionEnded(this.#options.servers, { cause: error }));
  }

  /** What the first request's failure means; later ones are only retried. */
  #electionError(error: unknown): Error {
    if (!(error instanceof NatsError)) return error as Error;
    const server = this.#connection.getServer();
    if (error.code === ErrorCode.NoResponders) return new JetStreamMissing(server, { cause: error });
    const why = error.code === ErrorCode.Timeout ? `${server} does not answer` : error.message;
    return new RegisterUnusable(this.#stream, why, { cause: error });
  }
}

async function connectTo({ servers, nats = {}, cluster, clock, random }: NatsRegisterOptions): Promise<NatsConnection> {
  try {
    return await connect({
      name: `election ${cluster}`,
      timeout: connectTimeoutMs,
      pingInterval: 2_000,
      maxPingOut: 2,
      reconnectDelayHandler: reconnectPace(clock, random, reconnectWaitMs, reconnectJitterMs),
      ...nats,
      servers: [...servers],
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      waitOnFirstConnect: false,
    });
  } catch (error) {
    throw connectError(servers, error);
  }
}

function connectError(servers: readonly string[], cause: unknown): ElectionError {
  const refused = cause instanceof NatsError && (cause.isAuthError() || cause.isAuthTimeout());
  return refused ? new NatsRefused(servers, { cause }) : new NatsUnreachable(servers, { cause });
}
