import { type Clock, lastingConnection, type Random } from '@mesos-ts/process';
import { type ConnectionOptions, ErrorCode, Events, type Msg, type NatsConnection, NatsError } from 'nats';
import { type Logger, pino } from 'pino';
import {
  type ElectionError,
  JetStreamMissing,
  NatsConnectionEnded,
  NatsRefused,
  NatsUnreachable,
  RegisterUnusable,
} from './errors.js';
import {
  JetStreamStream,
  outcomeOf,
  type StreamConfiguration,
  StreamError,
  type StreamState,
} from './jetstream-stream.js';
import { decodeRecord, encodeRecord, type LeaseRecord, type RegisterValue } from './lease-record.js';
import type { OpenRegister, Reading, Register, RegisterListener, WriteOutcome } from './lease-register.js';
import { NatsPresence } from './nats-presence.js';
import { whenReady } from './when-ready.js';

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

const requestTimeoutMsDefault = 3_000;

/** An {@link OpenRegister} over NATS. */
export function natsRegister(options: NatsRegisterOptions): OpenRegister {
  return (listener, candidate, signal) => NatsRegister.open(options, listener, candidate, signal);
}

/**
 * A register in a JetStream stream of its own, on a connection of its own, which reconnects for ever.
 *
 * The stream `EL_<cluster>` has the one subject `el.<cluster>.leader`. What it took is sent again on
 * `kv.el.<cluster>.leader` to whoever listens; unlike the watch of a KV bucket that needs no consumer and is back at once
 * after a restart, but as all of core NATS it may lose messages. Reads go to the stream's leader, never to a replica.
 */
class NatsRegister implements Register {
  readonly #connection: NatsConnection;
  readonly #options: NatsRegisterOptions;
  readonly #listener: RegisterListener;
  readonly #log: Logger;
  readonly #stream: JetStreamStream;
  readonly #subject: string;
  #closed = false;
  #watchRefused: NatsError | undefined;
  #presence: NatsPresence | undefined;

  private constructor(connection: NatsConnection, options: NatsRegisterOptions, listener: RegisterListener) {
    this.#connection = connection;
    this.#options = options;
    this.#listener = listener;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#subject = `el.${options.cluster}.leader`;
    this.#stream = new JetStreamStream({
      name: `EL_${options.cluster}`,
      ask: (subject, payload) => connection.request(subject, payload, { timeout: this.#requestTimeoutMs() }),
      configuration: options.create ? this.#configuration() : undefined,
    });
  }

  /** Connects, begins to watch, and reads the stream, as soon as JetStream is ready for that. */
  static async open(
    options: NatsRegisterOptions,
    listener: RegisterListener,
    candidate: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<NatsRegister> {
    const register = new NatsRegister(await connectTo(options), options, listener);
    try {
      if (candidate !== undefined) register.#show(candidate);
      register.#watch();
      const { clock, watchOnly } = options;
      const first = (): Promise<unknown> => (watchOnly === undefined ? register.read() : register.#connection.flush());
      await whenReady(first, { clock, log: register.#log, signal });
      // A refused watch alone only makes what is read late.
      if (watchOnly !== undefined && register.#watchRefused !== undefined) throw register.#watchRefused;
      return register;
    } catch (error) {
      await register.close();
      throw register.#electionError(error);
    }
  }

  async read(): Promise<Reading> {
    const { created: stream, messages, lastSeq } = await this.#state();
    const newest = messages === 0 ? undefined : await this.#stream.newest(this.#subject);
    if (newest === undefined) return { stream, seq: lastSeq, value: { type: 'empty' } };
    return { stream, seq: newest.seq, value: decodeRecord(newest.data) };
  }

  async write(record: LeaseRecord, expectedSeq: number): Promise<WriteOutcome> {
    const shown = { ...record, ...this.#presence?.shown };
    const answer = await this.#connection.request(this.#subject, encodeRecord(shown), {
      timeout: this.#requestTimeoutMs(),
      headers: this.#stream.expectations(expectedSeq),
    });
    const outcome = outcomeOf(answer);
    return outcome.type === 'taken' ? { type: 'acknowledged', seq: outcome.seq } : outcome;
  }

  async present(here: string): Promise<boolean> {
    if (this.#presence === undefined) throw new Error('election: who only looks on looks for nobody');
    return this.#presence.present(here);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close().catch(() => {}); // then it was closed already
  }

  /** A stream that is missing and not to be made was never written. */
  async #state(): Promise<StreamState> {
    try {
      return await this.#stream.state();
    } catch (error) {
      if (error instanceof StreamError && error.reason === 'no-stream') return { created: '', messages: 0, lastSeq: 0 };
      throw error;
    }
  }

  #configuration(): StreamConfiguration {
    return {
      subjects: [this.#subject],
      discard: 'old',
      num_replicas: this.#options.replicas ?? 1,
      deny_purge: true,
      republish: { src: this.#subject, dest: this.#republished() },
    };
  }

  #republished(): string {
    return `kv.${this.#subject}`;
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

  #watch(): void {
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
    const server = this.#connection.getServer();
    const missing =
      error instanceof StreamError
        ? error.reason === 'no-jetstream'
        : error instanceof NatsError && error.code === ErrorCode.NoResponders;
    if (missing) return new JetStreamMissing(server, { cause: error });
    if (!(error instanceof StreamError || error instanceof NatsError)) return error as Error;
    return new RegisterUnusable(this.#stream.name, error.message, { cause: error });
  }
}

async function connectTo({ servers, nats = {}, cluster, clock, random }: NatsRegisterOptions): Promise<NatsConnection> {
  const connection = { name: `election ${cluster}`, ...nats, ignoreAuthErrorAbort: true };
  try {
    return await lastingConnection({ clock, random, servers, connection });
  } catch (error) {
    throw connectError(servers, error);
  }
}

function connectError(servers: readonly string[], cause: unknown): ElectionError {
  const refused = cause instanceof NatsError && (cause.isAuthError() || cause.isAuthTimeout());
  return refused ? new NatsRefused(servers, { cause }) : new NatsUnreachable(servers, { cause });
}
