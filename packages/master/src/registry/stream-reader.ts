import { type Clock, Inflow, natsSocket, type Timer } from '@mesos-ts/process';
import { createInbox, type Msg, type NatsConnection, type NatsError } from 'nats';

export interface StreamReaderOptions {
  readonly stream: string;
  /** What the names of our inboxes begin with. */
  readonly inboxPrefix?: string | undefined;
}

/** How long nothing may come, in ms. The server says something now and then even where it has nothing to say. */
const silenceMsMax = 3_000;
const heartbeatNs = 1_000_000_000;
/** An idle consumer that we could not delete ends by itself. */
const inactiveNs = 10_000_000_000;
const requestTimeoutMs = 5_000;
/** How much is read in one turn of the event loop: each record is small, and costs as much as one that is not. */
const turnBytesMax = 32 * 1024;
/** What a message takes besides its value: its subject, its headers, and its place in the stream. */
const frameBytes = 256;

/**
 * Reads a stream from its beginning to its present end, by a consumer of its own that ends with it. As many messages are
 * under way as the server finds right, so that a large stream overflows nobody; and as few are taken in one turn of the event
 * loop as it takes to stay short.
 */
export class StreamReader {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #options: StreamReaderOptions;
  readonly #inflow: Inflow;

  constructor(connection: NatsConnection, clock: Clock, options: StreamReaderOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#options = options;
    this.#inflow = new Inflow(clock, () => natsSocket(connection), turnBytesMax);
  }

  /**
   * Calls `each` for every message, in their order. The stream must hold one at least. Rejects when a message is missing or
   * the server falls silent: what was read is then not all.
   */
  async read(each: (subject: string, value: string) => void): Promise<void> {
    const inbox = createInbox(this.#options.inboxPrefix);
    let consumer: string | undefined;
    let end: () => void = () => {};
    const whole = new Promise<void>((resolve, reject) => {
      end = this.#follow(inbox, each, resolve, reject);
    });
    whole.catch(() => undefined); // told below, if the consumer could be made
    try {
      consumer = await this.#createConsumer(inbox);
      await whole;
    } finally {
      end();
      if (consumer !== undefined)
        this.#connection.publish(`$JS.API.CONSUMER.DELETE.${this.#options.stream}.${consumer}`);
    }
  }

  /** @returns what ends it. */
  #follow(
    inbox: string,
    each: (subject: string, value: string) => void,
    resolve: () => void,
    reject: (error: Error) => void,
  ): () => void {
    let timer: Timer | undefined;
    let delivered = 0;
    let heardAt = this.#clock.now();
    // Goes on for as long as something comes: a timer for each message would cost as much as the message.
    const wait = (delayMs: number): void => {
      timer = this.#clock.timer(delayMs, () => {
        const left = heardAt + silenceMsMax - this.#clock.now();
        if (left > 0) wait(left);
        else reject(new Error(`${this.#options.stream} is not read any further`));
      });
    };
    const take = (message: Msg): void => {
      heardAt = this.#clock.now();
      this.#inflow.took(message.data.byteLength + frameBytes);
      if (message.headers?.code === 100) {
        keepFlowing(message, this.#connection);
        return;
      }
      const place = placeOf(message.reply ?? '');
      if (place === undefined || place.delivered !== delivered + 1) {
        reject(new Error(`a message of ${this.#options.stream} is missing`));
        return;
      }
      delivered++;
      each(message.subject, message.string());
      if (place.pending === 0) resolve();
    };
    // An exception out of this callback would end the client's reader for good, and silently.
    const callback = (error: NatsError | null, message: Msg): void => {
      try {
        if (error === null) take(message);
        else reject(error);
      } catch (caught) {
        reject(caught as Error);
      }
    };
    const subscription = this.#connection.subscribe(inbox, { callback });
    wait(silenceMsMax);
    return () => {
      timer?.cancel();
      subscription.unsubscribe();
    };
  }

  async #createConsumer(inbox: string): Promise<string> {
    const { stream } = this.#options;
    const body = {
      stream_name: stream,
      config: {
        deliver_subject: inbox,
        deliver_policy: 'all',
        ack_policy: 'none',
        replay_policy: 'instant',
        max_deliver: 1,
        num_replicas: 1,
        mem_storage: true,
        flow_control: true,
        idle_heartbeat: heartbeatNs,
        inactive_threshold: inactiveNs,
      },
    };
    const subject = `$JS.API.CONSUMER.CREATE.${stream}`;
    const answer = await this.#connection.request(subject, JSON.stringify(body), { timeout: requestTimeoutMs });
    const { name, error } = answer.json<{ name?: string; error?: { description?: string } }>();
    if (name === undefined) throw new Error(`${stream} cannot be read: ${error?.description ?? 'unknown answer'}`);
    return name;
  }
}

/** A heartbeat, or a question whether we have taken in what came so far. */
function keepFlowing(message: Msg, connection: NatsConnection): void {
  const stalled = message.headers?.get('Nats-Consumer-Stalled');
  if (message.reply !== undefined && message.reply !== '') message.respond();
  else if (stalled !== undefined && stalled !== '') connection.publish(stalled);
}

/** Of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, maybe with more in front. */
function placeOf(reply: string): { readonly delivered: number; readonly pending: number } | undefined {
  const tokens = reply.split('.');
  if (tokens.length < 9 || tokens[0] !== '$JS') return undefined;
  const [delivered, , pending] = tokens.length === 9 ? tokens.slice(-3) : tokens.slice(-4);
  return { delivered: Number(delivered), pending: Number(pending) };
}
