import { match } from 'ts-pattern';

/** What happens to a session. Each carries `now`, in ms of one monotonic clock. */
export type SessionInput = { readonly now: number } & (
  | { readonly type: 'start' }
  | { readonly type: 'tick' }
  /** The server took the connection, and the session lasts so long without it. */
  | { readonly type: 'attached'; readonly connection: number; readonly timeoutMs: number }
  /** A request that was sent then has been answered, whatever the answer. */
  | { readonly type: 'answered'; readonly connection: number; readonly sentAt: number }
  | { readonly type: 'expired'; readonly connection: number }
  | { readonly type: 'closed'; readonly connection: number; readonly why: string; readonly wordless?: boolean }
  /** The session shall end on the server, too. */
  | { readonly type: 'end' }
);

/** What is to be done, in order. */
export type SessionEffect =
  /** Connect to that server of the list; `connection` numbers the connections of this session. */
  | { readonly type: 'connect'; readonly connection: number; readonly server: number }
  | { readonly type: 'drop' }
  /** Ask the server anything. */
  | { readonly type: 'ping' }
  | { readonly type: 'up'; readonly timeoutMs: number }
  | { readonly type: 'down'; readonly why: string }
  /** All servers were tried, and one took the connection and hung up: they will soon be tried again. */
  | { readonly type: 'waiting' }
  /** Ask the server to end the session. */
  | { readonly type: 'endSession' }
  /** The last effect: the session is over, or it is so long ago that it was heard of that it may be. */
  | { readonly type: 'over'; readonly why: string };

/** How the time of a session is divided; all are parts of its timeout. */
const silencePart = 1 / 4;
const connectPart = 1 / 3;
const endPart = 1 / 3;
/**
 * Within half a tick a server tells the leader of the ensemble whom it has heard of, and two ticks are the least that a
 * session lasts.
 */
const relayPart = 1 / 4;
/** Connecting takes a while on a busy machine, however short the session is. */
const connectMsMin = 500;
/** The pause after all servers were tried (Mesos facts 6.2), or a part of the session where that is less. */
const pauseMsMax = 2_000;
const pausePart = 1 / 10;

/**
 * Keeps one ZooKeeper session alive over one connection after the other. Pure: knows no network and no clock.
 *
 * The server ends a session when it has heard nothing for its timeout. It heard us for certain when we sent what it
 * answered, so the time is counted from that sending, and when the timeout is over the session is given up here without
 * asking (Mesos facts 6.2): whoever is cut off, or was suspended, does not go on in a session that may be over. A server
 * that answers nothing for a quarter of the timeout is left for the next one, as its silence would else cost the session.
 */
export class ZookeeperSession {
  readonly #servers: number;
  readonly #pingPart: number;
  #timeoutMs: number;
  #now = 0;
  #effects: SessionEffect[] = [];
  #state: 'new' | 'pausing' | 'connecting' | 'up' | 'over' = 'new';
  #connection = 0;
  /** How many servers were tried since the last that took us. */
  #tried = 0;
  /** Whether one of them is there and has no leader yet: it hung up without a word. */
  #electing = false;
  #nextServer = 0;
  #connectSentAt = 0;
  #pauseUntil = 0;
  /** When the latest request that was answered was sent; undefined until the server took us once. */
  #provenAt: number | undefined;
  #pingSentAt = 0;
  /** Of this connection: the requests that were answered within the timeout, and at least one before them. */
  #answered: { readonly sentAt: number; readonly answeredAt: number }[] = [];
  #endBy: number | undefined;

  /**
   * @param timeoutMs as it will be asked for; the server has the last word.
   * @param pingPart after which part of the timeout the server is asked for a sign.
   */
  constructor(servers: number, timeoutMs: number, pingPart: number) {
    this.#servers = servers;
    this.#timeoutMs = timeoutMs;
    this.#pingPart = pingPart;
  }

  /** When the session may be over on the server; undefined until it took us once. */
  get expiresAt(): number | undefined {
    return this.#provenAt === undefined ? undefined : this.#provenAt + this.#timeoutMs;
  }

  /**
   * For a write that was sent then, over the connection that there is, and has been answered: when the leader of the
   * ensemble has heard of the session at the earliest, and certainly has. A server answers most by itself, and what it
   * has not yet told the leader is lost with it. But it took the session from the leader; the write went by way of the
   * leader; and whatever had been answered a while before the write was passed on ahead of it.
   */
  provenBy(writeSentAt: number): number {
    const limit = writeSentAt - this.#timeoutMs * relayPart;
    const passedOn = this.#answered.filter(({ answeredAt }) => answeredAt <= limit).map(({ sentAt }) => sentAt);
    return Math.max(...passedOn);
  }

  step(input: SessionInput): readonly SessionEffect[] {
    this.#now = input.now;
    this.#effects = [];
    // Before all else: what comes to one that was suspended came too late.
    if (this.#now >= (this.expiresAt ?? Number.POSITIVE_INFINITY))
      this.#over(`nothing was heard of ZooKeeper for the ${this.#timeoutMs} ms of the session`);
    if (this.#state !== 'over') this.#take(input);
    this.#look();
    return this.#effects;
  }

  /** When the next tick is due. */
  get wakeAt(): number {
    if (this.#state === 'over' || this.#state === 'new') return Number.POSITIVE_INFINITY;
    const limits = [this.expiresAt, this.#endBy].map((at) => at ?? Number.POSITIVE_INFINITY);
    return Math.min(...limits, this.#dueAt());
  }

  /** When the state that it is in ends, if nothing comes. */
  #dueAt(): number {
    return match(this.#state)
      .with('pausing', () => this.#pauseUntil)
      .with('connecting', () => this.#connectSentAt + this.#connectMs())
      .with('up', () => this.#pingSentAt + this.#timeoutMs * (this.#isPinging() ? silencePart : this.#pingPart))
      .with('new', 'over', () => Number.POSITIVE_INFINITY)
      .exhaustive();
  }

  #take(input: SessionInput): void {
    if ('connection' in input && input.connection !== this.#connection) return;
    match(input)
      .with({ type: 'start' }, () => this.#connect())
      .with({ type: 'tick' }, () => {})
      .with({ type: 'attached' }, ({ timeoutMs }) => this.#attached(timeoutMs))
      .with({ type: 'answered' }, ({ sentAt }) => this.#wasAnswered(sentAt))
      .with({ type: 'expired' }, () => this.#over('ZooKeeper says that the session has expired'))
      .with({ type: 'closed' }, ({ why, wordless }) => {
        this.#electing ||= wordless === true;
        this.#lostConnection(why);
      })
      .with({ type: 'end' }, () => this.#end())
      .exhaustive();
  }

  #wasAnswered(sentAt: number): void {
    this.#provenAt = Math.max(this.#provenAt ?? sentAt, sentAt);
    this.#answered.push({ sentAt, answeredAt: this.#now });
    const old = this.#now - this.#timeoutMs;
    while ((this.#answered[1]?.answeredAt ?? Number.POSITIVE_INFINITY) < old) this.#answered.shift();
  }

  #look(): void {
    if (this.#state === 'over') return;
    if (this.#now >= (this.#endBy ?? Number.POSITIVE_INFINITY)) this.#over('ended, though no server confirms it');
    else if (this.#now >= this.#dueAt()) this.#due();
  }

  #due(): void {
    if (this.#state === 'pausing') this.#connect();
    else if (this.#state === 'up' && !this.#isPinging()) this.#ping();
    else {
      const why = this.#state === 'up' ? 'the server answers nothing' : 'the server did not answer in time';
      this.#effects.push({ type: 'drop' });
      this.#lostConnection(why);
    }
  }

  #connect(): void {
    this.#state = 'connecting';
    this.#connection += 1;
    this.#tried += 1;
    this.#connectSentAt = this.#now;
    this.#effects.push({ type: 'connect', connection: this.#connection, server: this.#nextServer });
    this.#nextServer = (this.#nextServer + 1) % this.#servers;
  }

  #attached(timeoutMs: number): void {
    this.#state = 'up';
    this.#tried = 0;
    this.#timeoutMs = timeoutMs;
    this.#provenAt = Math.max(this.#provenAt ?? this.#connectSentAt, this.#connectSentAt);
    this.#answered = [{ sentAt: this.#connectSentAt, answeredAt: Number.NEGATIVE_INFINITY }];
    if (this.#endBy !== undefined) this.#effects.push({ type: 'endSession' });
    else this.#effects.push({ type: 'up', timeoutMs });
    this.#ping();
  }

  #ping(): void {
    this.#pingSentAt = this.#now;
    this.#effects.push({ type: 'ping' });
  }

  /** Answers come in the order of the requests, so anything that was sent later and answered does for a ping. */
  #isPinging(): boolean {
    return this.#pingSentAt > (this.#provenAt ?? Number.NEGATIVE_INFINITY);
  }

  #lostConnection(why: string): void {
    const wasUp = this.#state === 'up';
    const wasTaken = this.#provenAt !== undefined;
    if (this.#endBy !== undefined && (wasUp || !wasTaken)) this.#over('ended');
    else {
      if (wasUp) this.#effects.push({ type: 'down', why });
      if (this.#tried < this.#servers) this.#connect();
      else if (wasTaken || this.#electing) this.#pause(wasTaken);
      else this.#over(why);
    }
  }

  #pause(wasTaken: boolean): void {
    if (!wasTaken) this.#effects.push({ type: 'waiting' });
    this.#state = 'pausing';
    this.#tried = 0;
    this.#electing = false;
    this.#pauseUntil = this.#now + Math.min(pauseMsMax, this.#timeoutMs * pausePart);
  }

  #end(): void {
    if (this.#endBy !== undefined) return;
    this.#endBy = this.#now + this.#timeoutMs * endPart;
    if (this.#state === 'up') this.#effects.push({ type: 'endSession' });
    else if (this.#provenAt === undefined) this.#over('ended');
  }

  #over(why: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#effects.push({ type: 'drop' }, { type: 'over', why });
  }

  #connectMs(): number {
    return Math.max(connectMsMin, (this.#timeoutMs * connectPart) / this.#servers);
  }
}
