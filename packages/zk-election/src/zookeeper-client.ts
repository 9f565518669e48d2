import type { Clock, Random } from '@mesos-ts/process';
import type { Logger } from 'pino';
import { match } from 'ts-pattern';
import { Alarm } from './alarm.js';
import {
  type ConnectZookeeper,
  type SessionTicket,
  type ZookeeperConnection,
  ZookeeperProblem,
  type ZookeeperServerAddress,
  type ZookeeperUser,
} from './zookeeper-connection.js';
import { type SessionEffect, type SessionInput, ZookeeperSession } from './zookeeper-session.js';

/** What happens to a {@link ZookeeperClient}. */
export interface ZookeeperClientListener {
  /** Requests are taken, for a session that lasts `timeoutMs` without a connection. Watches of before are gone. */
  up(timeoutMs: number): void;
  /** Requests are refused until it is up again. */
  down(why: string): void;
  /** The last: the session is over, with all that lived as long, or no server could be reached to begin it. */
  over(why: string): void;
}

/** What a session is held with. */
export interface ZookeeperClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly connect: ConnectZookeeper;
  readonly servers: readonly ZookeeperServerAddress[];
  readonly user?: ZookeeperUser;
  readonly timeoutMs: number;
  /** After which part of the timeout the server is asked for a sign. */
  readonly pingPart: number;
}

/** What was answered, and what follows from that. */
export interface ZookeeperAnswer<T> {
  readonly value: T;
  /** If it was a write: when the leader of the ensemble has certainly heard of the session, by the clock. */
  readonly provenAt: number;
}

/** One session with an ensemble, over as many connections as it takes; carries out what {@link ZookeeperSession} decides. */
export class ZookeeperClient {
  readonly #options: ZookeeperClientOptions;
  readonly #listener: ZookeeperClientListener;
  readonly #servers: readonly ZookeeperServerAddress[];
  readonly #session: ZookeeperSession;
  readonly #alarm: Alarm;
  #number = 0;
  #connection: ZookeeperConnection | undefined;
  #up = false;
  #waited = false;
  #ticket: SessionTicket | undefined;
  /** Resolves when nothing more is done. */
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => {};

  /** Does nothing before {@link start}. */
  constructor(options: ZookeeperClientOptions, listener: ZookeeperClientListener) {
    this.#options = options;
    this.#listener = listener;
    this.#alarm = new Alarm(options.clock, () => this.#step({ type: 'tick' }));
    this.#servers = shuffled(options.servers, options.random);
    this.#session = new ZookeeperSession(this.#servers.length, options.timeoutMs, options.pingPart);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  start(): void {
    this.#step({ type: 'start' });
  }

  /** Ends the session on the server, too, as far as one can be reached within a third of its timeout. Never rejects. */
  end(): Promise<void> {
    this.#step({ type: 'end' });
    return this.ended;
  }

  /**
   * One request, or several that end with the one that counts.
   *
   * @throws {ZookeeperProblem} also when there is no connection.
   */
  async request<T>(ask: (connection: ZookeeperConnection) => Promise<T>): Promise<ZookeeperAnswer<T>> {
    const [connection, number, sentAt] = [this.#connection, this.#number, this.#options.clock.now()];
    if (connection === undefined || !this.#up) throw new ZookeeperProblem('connection', 'there is no connection');
    try {
      const value = await ask(connection);
      this.#answered(number, sentAt);
      return { value, provenAt: number === this.#number ? this.#session.provenBy(sentAt) : Number.NEGATIVE_INFINITY };
    } catch (error) {
      if (error instanceof ZookeeperProblem && error.fault !== 'connection') this.#answered(number, sentAt);
      throw error;
    }
  }

  #answered(connection: number, sentAt: number): void {
    this.#step({ type: 'answered', connection, sentAt });
  }

  #step(input: Unstamped): void {
    const now = this.#options.clock.now();
    for (const effect of this.#session.step({ ...input, now })) this.#carryOut(effect);
    this.#alarm.set(this.#session.wakeAt);
  }

  #carryOut(effect: SessionEffect): void {
    match(effect)
      .with({ type: 'connect' }, ({ connection, server }) => this.#connect(connection, server))
      .with({ type: 'drop' }, () => this.#drop())
      .with({ type: 'ping' }, () => this.#ping())
      .with({ type: 'up' }, ({ timeoutMs }) => {
        this.#up = true;
        this.#listener.up(timeoutMs);
      })
      .with({ type: 'down' }, ({ why }) => {
        this.#up = false;
        this.#options.log.warn({ why }, 'the connection to ZooKeeper was lost');
        this.#listener.down(why);
      })
      .with({ type: 'waiting' }, () => {
        if (!this.#waited) this.#options.log.warn('ZooKeeper has no leader yet, or is none: waiting for it');
        this.#waited = true;
      })
      .with({ type: 'endSession' }, () => this.#connection?.endSession())
      .with({ type: 'over' }, ({ why }) => {
        this.#up = false;
        this.#resolveEnded();
        this.#listener.over(why);
      })
      .exhaustive();
  }

  #connect(number: number, index: number): void {
    const { connect, user, timeoutMs } = this.#options;
    const server = this.#servers[index] as ZookeeperServerAddress;
    const ticket = this.#ticket;
    this.#number = number;
    this.#connection = connect(
      { server, timeoutMs, ...(ticket === undefined ? {} : { ticket }), ...(user === undefined ? {} : { user }) },
      {
        attached: (negotiatedMs) => this.#attached(number, negotiatedMs),
        expired: () => this.#step({ type: 'expired', connection: number }),
        closed: (why, wordless = false) => {
          this.#keepTicket(number);
          this.#step({ type: 'closed', connection: number, why, wordless });
        },
      },
    );
  }

  #attached(connection: number, timeoutMs: number): void {
    if (connection !== this.#number) return;
    this.#ticket = this.#connection?.ticket();
    this.#step({ type: 'attached', connection, timeoutMs });
  }

  #drop(): void {
    this.#keepTicket(this.#number);
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.drop();
  }

  /** As it is at the end of a connection: what was seen until then. */
  #keepTicket(number: number): void {
    if (number === this.#number && this.#ticket !== undefined)
      this.#ticket = this.#connection?.ticket() ?? this.#ticket;
  }

  #ping(): void {
    const [connection, number, sentAt] = [this.#connection, this.#number, this.#options.clock.now()];
    connection?.exists('/').then(
      () => this.#answered(number, sentAt),
      () => {}, // the connection has ended, which is told elsewhere
    );
  }
}

type Unstamped = SessionInput extends infer I ? (I extends unknown ? Omit<I, 'now'> : never) : never;

/** So that the clients of an ensemble spread over it. */
function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  return items
    .map((item) => ({ item, lot: random.fraction() }))
    .sort((a, b) => a.lot - b.lot)
    .map(({ item }) => item);
}
