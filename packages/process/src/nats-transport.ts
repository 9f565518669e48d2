import type { ConnectionOptions, Msg, NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { NameError, TransportError } from './errors.js';
import type { Transport, TransportSink } from './transport.js';
import { nodeNamePattern } from './upid.js';

export interface NatsTransportOptions {
  /** One or more addresses of one NATS system. Default `nats://127.0.0.1:4222`. */
  readonly servers?: string | readonly string[];
  /** The first token of every subject: clusters of different names share a server and never meet. Default `mesos`. */
  readonly cluster?: string;
  /** What else the client is to know, such as user and password. */
  readonly connection?: ConnectionOptions;
  readonly log?: Logger;
}

/** How long a server may take to let us in, in ms. */
const connectTimeoutMs = 5_000;
/** How long a Node of the same name may take to answer before we call it frozen, in ms. */
const nameCheckMs = 2_000;

/**
 * Frames between machines, on plain NATS without JetStream. A Node `n` subscribes to `<cluster>.n.>` and publishes to
 * `<cluster>.<other>.n`, so that the server's permissions can prove who sent what. `<cluster>.n.i.<other>` is where the
 * server itself answers "no responders" when nobody takes the frames for `<other>`.
 */
export class NatsTransport implements Transport {
  readonly #options: NatsTransportOptions;
  readonly #cluster: string;
  #connection: NatsConnection | undefined;
  #connected = false;
  #own = '';
  frameBytesMax = 1024 * 1024;

  constructor(options: NatsTransportOptions = {}) {
    this.#options = options;
    this.#cluster = options.cluster ?? 'mesos';
    if (!nodeNamePattern.test(this.#cluster))
      throw new NameError(`${JSON.stringify(this.#cluster)} cannot be a cluster's name: use letters, digits, - and _`);
  }

  async start(node: string, sink: TransportSink): Promise<void> {
    this.#own = node;
    const connection = await this.#connect();
    this.#connection = connection;
    this.frameBytesMax = connection.info?.max_payload ?? this.frameBytesMax;
    await this.#refuseTakenName(connection);
    connection.subscribe(`${this.#cluster}.${node}.>`, {
      callback: (error, message) => {
        // An exception here would end the client's reader for good, silently (nats 2.29).
        try {
          if (error === null) this.#take(message, sink);
        } catch (thrown) {
          this.#options.log?.error({ err: thrown }, 'taking a frame threw');
        }
      },
    });
    await connection.flush();
    this.#connected = true;
    void this.#follow(connection, sink);
  }

  reaches(): boolean {
    return true;
  }

  send(node: string, frame: Uint8Array, expectReceiver: boolean): boolean {
    const connection = this.#connection;
    // What is published while the client reconnects is lost in part, without a word: better to know.
    if (connection === undefined || !this.#connected || connection.isClosed()) return false;
    const subject = `${this.#cluster}.${node}.${this.#own}`;
    if (expectReceiver) connection.publish(subject, frame, { reply: `${this.#cluster}.${this.#own}.i.${node}` });
    else connection.publish(subject, frame);
    return true;
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined || connection.isClosed()) return;
    if (this.#connected) await connection.flush().catch(() => undefined);
    this.#connected = false;
    await connection.close();
  }

  async #connect(): Promise<NatsConnection> {
    const servers = this.#options.servers ?? 'nats://127.0.0.1:4222';
    const list = typeof servers === 'string' ? servers.split(',') : [...servers];
    // Only here, because executors never connect to NATS and start faster without it.
    const { connect } = await import('nats');
    try {
      return await connect({
        timeout: connectTimeoutMs,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 100,
        pingInterval: 2_000,
        maxPingOut: 2,
        noAsyncTraces: true,
        ...this.#options.connection,
        servers: list,
        name: this.#own,
      });
    } catch (cause) {
      throw new TransportError(natsUnreachable(list, cause as Error), { cause });
    }
  }

  /** A frame to our own name comes back as "no responders" when the name is free. */
  async #refuseTakenName(connection: NatsConnection): Promise<void> {
    const inbox = `${this.#cluster}.${this.#own}.i.${this.#own}`;
    const free = await new Promise<boolean>((resolve) => {
      const subscription = connection.subscribe(inbox, {
        max: 1,
        timeout: nameCheckMs,
        callback: (error, message) => {
          subscription.unsubscribe();
          resolve(error === null && isNoResponders(message));
        },
      });
      connection.publish(`${this.#cluster}.${this.#own}.${this.#own}`, undefined, { reply: inbox });
    });
    if (free) return;
    await connection.close();
    throw new NameError(
      `a Node named ${this.#own} is already in the cluster ${this.#cluster}: give this one another name, or end that one first`,
    );
  }

  #take(message: Msg, sink: TransportSink): void {
    const tokens = message.subject.split('.');
    if (tokens.length === 4 && tokens[2] === 'i') {
      const node = tokens[3];
      if (node !== undefined && node !== this.#own && isNoResponders(message)) sink.absent(node, false);
      return;
    }
    const from = tokens[2];
    if (tokens.length !== 3 || from === undefined || !nodeNamePattern.test(from)) return;
    // Somebody starts under our name and asks whether it is free: any answer says no.
    if (from === this.#own) message.respond();
    else sink.frame(from, message.data);
  }

  async #follow(connection: NatsConnection, sink: TransportSink): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.#options.log?.warn({ server: String(status.data) }, 'disconnected from the NATS server; reconnecting');
        sink.connectionLost();
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        this.frameBytesMax = connection.info?.max_payload ?? this.frameBytesMax;
        this.#options.log?.info({ server: String(status.data) }, 'reconnected to the NATS server');
      } else if (status.type === 'error')
        this.#options.log?.error({ error: String(status.data) }, 'the NATS server refused something');
    }
  }
}

function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === 503;
}

/** One sentence for a person whose NATS server is not there, or does not let us in. */
export function natsUnreachable(servers: readonly string[], cause: Error): string {
  const where = servers.join(', ');
  const code = (cause as { code?: string }).code ?? cause.message;
  if (code === 'CONNECTION_REFUSED' || code === 'TIMEOUT' || code === 'CONNECTION_TIMEOUT')
    return `no NATS server answers at ${where}: start one with \`mesos nats\`, or say with NATS_URL or --nats where it is`;
  return `cannot connect to the NATS server at ${where}: ${cause.message}`;
}
