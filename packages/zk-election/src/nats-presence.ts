import { createInbox, type Msg, type NatsConnection, type NatsError } from 'nats';
import type { Logger } from 'pino';
import type { ConnectionId } from './lease-register.js';

/** What the presence of candidates is made of. */
export interface NatsPresenceOptions {
  readonly connection: NatsConnection;
  readonly cluster: string;
  /** Under what name we are looked for: one token of a subject. */
  readonly candidate: string;
  /** What the subjects begin with on which we may hear the server's answers; default: the client's own. */
  readonly inboxPrefix: string | undefined;
  readonly log: Logger;
  /** Told of every connection that ends, where the server is configured to tell. */
  readonly onDeparted: (connection: ConnectionId) => void;
}

const nothing = new Uint8Array();
const noResponders = 503;

/**
 * Who of the candidates is connected, by the server's word alone: each subscribes to `el.<cluster>.here.<name>`, nobody
 * answers there, and the server says "no responders" where the subscription is gone with its connection. A frozen
 * candidate stays subscribed.
 *
 * Where the server tells of connections on `<cluster>.conn.DISCONNECT`, that is passed on. On a server that trusts
 * everybody anybody may say so; it is a reason to look, and nothing else.
 */
export class NatsPresence {
  readonly #options: NatsPresenceOptions;
  readonly #inbox: string;
  #refused = false;
  #looks = 0;
  /** The last look that found nobody. */
  #missed = 0;

  /** Begins to be there, and to listen; whether the server lets us is known after the connection's next flush. */
  constructor(options: NatsPresenceOptions) {
    this.#options = options;
    const { cluster, candidate, inboxPrefix } = options;
    this.#inbox = createInbox(inboxPrefix);
    this.#listen(this.#subject(candidate), () => {});
    this.#listen(`${this.#inbox}.*`, (message) => this.#onAnswer(message));
    this.#listen(`${cluster}.conn.DISCONNECT`, (message) => this.#onDisconnect(message), false);
  }

  /** What others may rely on: nothing where the server did not let us subscribe, as we would look gone. */
  get shown(): { readonly here?: string; readonly connection?: ConnectionId } {
    if (this.#refused) return {};
    const { info } = this.#options.connection;
    const here = this.#options.candidate;
    return info === undefined ? { here } : { here, connection: { server: info.server_id, client: info.client_id } };
  }

  /** Whether anybody is subscribed under the name. Rejects when the connection is lost meanwhile. */
  async present(here: string): Promise<boolean> {
    const { connection } = this.#options;
    const number = ++this.#looks;
    connection.publish(this.#subject(here), nothing, { reply: `${this.#inbox}.${number}` });
    // The server does one after the other: "no responders" comes before the answer to this, or not at all.
    await connection.flush();
    return this.#missed !== number;
  }

  #subject(name: string): string {
    return `el.${this.#options.cluster}.here.${name}`;
  }

  #onAnswer(message: Msg): void {
    if (message.headers?.code !== noResponders) return;
    this.#missed = Number(message.subject.slice(this.#inbox.length + 1));
  }

  #onDisconnect(message: Msg): void {
    const event = message.json<{ server?: { id?: unknown }; client?: { id?: unknown } } | null>();
    const [server, client] = [event?.server?.id, event?.client?.id];
    if (typeof server === 'string' && typeof client === 'number') this.#options.onDeparted({ server, client });
  }

  /** @param needed whether we are as good as not there when the server refuses this. */
  #listen(subject: string, take: (message: Msg) => void, needed = true): void {
    // An exception out of this callback would end the client's reader for good, and silently.
    const callback = (error: NatsError | null, message: Msg): void => {
      try {
        if (error === null) take(message);
        else this.#onRefused(subject, error, needed);
      } catch (caught) {
        this.#options.log.debug({ err: caught, subject }, 'not understood, and passed over');
      }
    };
    this.#options.connection.subscribe(subject, { callback });
  }

  #onRefused(subject: string, error: NatsError, needed: boolean): void {
    this.#refused ||= needed;
    this.#options.log.warn({ err: error, subject }, 'the server refuses what makes a change of leaders quick');
  }
}
