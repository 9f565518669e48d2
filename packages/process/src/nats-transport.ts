import type { ConnectionOptions, Msg, NatsConnection } from 'nats';
import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import { NameError, TransportError } from './errors.js';
import { Inflow } from './inflow.js';
import { lastingConnection } from './lasting-connection.js';
import { NameClaim } from './name-claim.js';
import { natsSocket } from './nats-socket.js';
import { Outflow, type Outgoing, type WhileDisconnected } from './outflow.js';
import { Random } from './random.js';
import type { Transport, TransportSink } from './transport.js';
import { nodeNamePattern } from './upid.js';
import { Watchdog } from './watchdog.js';

export interface NatsTransportOptions {
  /** One or more addresses of one NATS system. Default `nats://127.0.0.1:4222`. */
  readonly servers?: string | readonly string[];
  /** The first token of every subject: clusters of different names share a server and never meet. Default `mesos`. */
  readonly cluster?: string;
  /** What else the client is to know, such as user and password. */
  readonly connection?: ConnectionOptions;
  readonly log?: Logger;
  /**
   * What becomes of what is sent while the connection is down: `refuse` (default) drops it, told and counted;
   * `{ hold: { bytes, ms } }` keeps up to so many bytes for so long, and sends them in order before anything new.
   */
  readonly whileDisconnected?: WhileDisconnected;
  /**
   * Whether to listen to what a configured server says of connections that end, on `<cluster>.conn.*`: a Node's death is
   * then known within milliseconds. For the few who watch many; it costs a message for each connection that comes or goes.
   * Default false.
   */
  readonly connectionEvents?: boolean;
}

/** Where a Node's frames go, and where the server says that nobody takes them. */
interface Route {
  readonly subject: string;
  readonly noResponders: { readonly reply: string };
}

/** How many Nodes' subjects are kept ready, in each direction. */
const routesMax = 10_000;
/** Subjects under these are not those of a Node: what the server says of connections, and the registers. */
const reservedNames: ReadonlySet<string> = new Set(['conn', 'kv']);
const nothing = new Uint8Array();
const encoder = new TextEncoder();
/** How long our own event loop may have stood still before a lost connection is put down to that, in ms. */
const stallMs = 1_000;
/** How many frames wait at most until it is sure that the name is ours. */
const earlyMax = 1_000;

/**
 * Frames between machines, on plain NATS without JetStream. A Node `n` subscribes to `<cluster>.n.>` and publishes to
 * `<cluster>.<other>.n`, so that the server's permissions can prove who sent what. `<cluster>.n.i.<other>` is where the
 * server itself answers "no responders" when nobody takes the frames for `<other>`.
 */
export class NatsTransport implements Transport {
  readonly #options: NatsTransportOptions;
  readonly #cluster: string;
  #connection: NatsConnection | undefined;
  #outflow: Outflow | undefined;
  #inflow: Inflow | undefined;
  #watchdog: Watchdog | undefined;
  #connected = false;
  #own = '';
  #claim: NameClaim | undefined;
  /** What came before the name was ours; none waits afterwards. */
  #early: (readonly [from: string, frame: Uint8Array])[] | undefined = [];
  /** Where to publish for each Node, and who sends under each subject: what is put together once is not for each frame. */
  readonly #routes = new Map<string, Route>();
  readonly #senders = new Map<string, string>();
  frameBytesMax = 1024 * 1024;

  constructor(options: NatsTransportOptions = {}) {
    this.#options = options;
    this.#cluster = options.cluster ?? 'mesos';
    if (!nodeNamePattern.test(this.#cluster))
      throw new NameError(`${JSON.stringify(this.#cluster)} cannot be a cluster's name: use letters, digits, - and _`);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get connectionId(): string {
    const info = this.#connection?.info;
    return info === undefined ? '' : connectionIdOf(info.server_id, info.client_id);
  }

  async start(node: string, sink: TransportSink, clock: Clock): Promise<void> {
    if (reservedNames.has(node))
      throw new NameError(`the name ${node} is not for Nodes: its subjects serve other ends`);
    this.#own = node;
    const connection = await this.#connect(clock);
    this.#connection = connection;
    this.frameBytesMax = connection.info?.max_payload ?? this.frameBytesMax;
    const claim = this.#claimOn(connection, clock);
    const outflow = new Outflow(
      {
        write: (outgoing) => this.#publish(outgoing),
        flush: () => connection.flush(),
        dropped: (to, frames) => sink.dropped(to, frames),
      },
      clock,
      this.#options.whileDisconnected ?? 'refuse',
    );
    this.#outflow = outflow;
    this.#inflow = new Inflow(clock, () => natsSocket(connection));
    this.#subscribe(connection, `${this.#cluster}.${node}.>`, (message) => this.#take(message, sink));
    if (this.#options.connectionEvents === true)
      this.#subscribe(connection, `${this.#cluster}.conn.*`, (message) => takeConnectionEvent(message, sink));
    if (!(await claim.win())) await this.#refuse(connection);
    this.#connected = true;
    outflow.connected();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const [from, frame] of early) sink.frame(from, frame);
    this.#watchdog = new Watchdog(clock, () => connection.flush(), {
      stuck: () => {
        sink.stuck();
        // Its reader is dead, so the client would not notice: this makes it connect anew.
        connection.reconnect().catch(() => undefined); // it was closed meanwhile
      },
    });
    void this.#follow(connection, sink, outflow, this.#watchdog);
  }

  reaches(): boolean {
    return true;
  }

  send(node: string, frame: Uint8Array, expectReceiver: boolean, left?: () => void): boolean {
    if (this.#connection === undefined || this.#connection.isClosed()) return false;
    // What is published while the client reconnects is lost in part, without a word: better to know.
    return this.#outflow?.send({ node, frame, expectReceiver, left }) ?? false;
  }

  look(node: string): void {
    // Behind what waits it would come late, and what waits asks the same.
    if (this.#connected) this.#publish({ node, frame: nothing, expectReceiver: true });
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#watchdog?.stop();
    if (connection !== undefined && !connection.isClosed()) {
      await this.#outflow?.emptied();
      if (this.#connected) await connection.flush().catch(() => undefined);
      this.#connected = false;
      this.#outflow?.close();
      await connection.close();
    }
    this.#connection = undefined;
  }

  #publish({ node, frame, expectReceiver }: Outgoing): void {
    const { subject, noResponders } = this.#routes.get(node) ?? this.#addRoute(node);
    if (expectReceiver) this.#connection?.publish(subject, frame, noResponders);
    else this.#connection?.publish(subject, frame);
  }

  #addRoute(node: string): Route {
    const subject = `${this.#cluster}.${node}.${this.#own}`;
    const route = { subject, noResponders: { reply: `${this.#cluster}.${this.#own}.i.${node}` } };
    if (this.#routes.size >= routesMax) this.#routes.clear();
    this.#routes.set(node, route);
    return route;
  }

  #subscribe(connection: NatsConnection, subject: string, take: (message: Msg) => void): void {
    connection.subscribe(subject, {
      callback: (error, message) => {
        // An exception here would end the client's reader for good, silently (nats 2.29).
        try {
          if (error === null) take(message);
        } catch (thrown) {
          this.#options.log?.error({ err: thrown }, 'taking a message threw');
        }
      },
    });
  }

  async #connect(clock: Clock): Promise<NatsConnection> {
    const servers = this.#options.servers ?? 'nats://127.0.0.1:4222';
    const list = typeof servers === 'string' ? servers.split(',') : [...servers];
    try {
      return await lastingConnection({
        clock,
        random: Random.system(),
        servers: list,
        connection: {
          noAsyncTraces: true,
          ...this.#options.connection,
          name: this.#own,
          // Who asks for a name must not be the one that answers.
          noEcho: true,
        },
      });
    } catch (cause) {
      throw new TransportError(natsUnreachable(list, cause as Error), { cause });
    }
  }

  #claimOn(connection: NatsConnection, clock: Clock): NameClaim {
    const [subject, inbox] = [`${this.#cluster}.${this.#own}.${this.#own}`, this.#claimInbox];
    this.#claim = new NameClaim(
      {
        ask: (question) => connection.publish(subject, encoder.encode(question), { reply: inbox }),
        answer: (text) => connection.publish(inbox, encoder.encode(text)),
      },
      clock,
      this.connectionId,
    );
    return this.#claim;
  }

  /** Where everybody who asks for our name hears the answers. */
  get #claimInbox(): string {
    return `${this.#cluster}.${this.#own}.i.${this.#own}`;
  }

  async #refuse(connection: NatsConnection): Promise<never> {
    await connection.close();
    throw new NameError(
      `a Node named ${this.#own} is already in the cluster ${this.#cluster}: give this one another name, or end that one first`,
    );
  }

  #take(message: Msg, sink: TransportSink): void {
    const { subject } = message;
    const known = this.#senders.get(subject);
    if (known !== undefined) {
      // Nothing is what one sends who only looks whether anybody is there.
      if (message.data.byteLength > 0) this.#hand(known, message.data, sink);
      return;
    }
    const tokens = subject.split('.');
    if (tokens.length === 4 && tokens[2] === 'i') {
      const node = tokens[3];
      if (node === this.#own && this.#claim !== undefined) takeAnswer(message, this.#claim);
      else if (node !== undefined && isNoResponders(message)) sink.absent(node, false);
      return;
    }
    const from = tokens[2];
    if (tokens.length !== 3 || from === undefined || !nodeNamePattern.test(from)) return;
    if (from === this.#own) {
      this.#claim?.asked(message.string());
      return;
    }
    if (this.#senders.size >= routesMax) this.#senders.clear();
    this.#senders.set(subject, from);
    this.#take(message, sink);
  }

  #hand(from: string, frame: Uint8Array, sink: TransportSink): void {
    this.#inflow?.took(frame.byteLength);
    if (this.#early === undefined) sink.frame(from, frame);
    else if (this.#early.length < earlyMax) this.#early.push([from, frame]);
  }

  async #follow(connection: NatsConnection, sink: TransportSink, outflow: Outflow, watchdog: Watchdog): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') {
        this.#connected = false;
        this.#options.log?.warn({ server: String(status.data) }, 'disconnected from the NATS server; reconnecting');
        if (watchdog.stalledMs() > stallMs) sink.slowConsumer('');
        sink.connectionLost();
        outflow.disconnected();
      } else if (status.type === 'reconnect') {
        this.#connected = true;
        outflow.connected();
        this.frameBytesMax = connection.info?.max_payload ?? this.frameBytesMax;
        this.#options.log?.info({ server: String(status.data) }, 'reconnected to the NATS server');
      } else if (status.type === 'error')
        this.#options.log?.error({ error: String(status.data) }, 'the NATS server refused something');
    }
  }
}

/** What comes where the answers to who asks for our name do. */
function takeAnswer(message: Msg, claim: NameClaim): void {
  if (isNoResponders(message)) claim.free();
  else claim.answered(message.string());
}

/** What the server says of a connection that ended; anything else under that subject is passed over. */
function takeConnectionEvent(message: Msg, sink: TransportSink): void {
  if (!message.subject.endsWith('.DISCONNECT')) return;
  const { server, client, reason } = message.json() as Partial<Record<string, unknown>>;
  const [serverId, clientId] = [(server as { id?: unknown })?.id, (client as { id?: unknown })?.id];
  if (typeof serverId !== 'string' || typeof clientId !== 'number') return;
  const id = connectionIdOf(serverId, clientId);
  if (typeof reason === 'string' && reason.startsWith('Slow Consumer')) sink.slowConsumer(id);
  sink.disconnected(id);
}

/** A client chooses its name itself, but not these. */
function connectionIdOf(serverId: string, clientId: number): string {
  return `${serverId}/${clientId}`;
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
