import type { Clock, Random } from '@mesos-ts/process';
import type { Logger } from 'pino';
import type { ZookeeperAddress } from './address.js';
import { type ElectionError, ZookeeperRefused, ZookeeperUnreachable } from './errors.js';
import { ZookeeperClient, type ZookeeperClientListener } from './zookeeper-client.js';
import {
  type ConnectZookeeper,
  faultOf,
  loadZookeeper,
  type ZookeeperConnection,
  type ZookeeperFault,
} from './zookeeper-connection.js';

/** What a contender or detector over ZooKeeper is made of. */
export interface OverZookeeperOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  readonly address: Omit<ZookeeperAddress, 'type'>;
  /** How long ZooKeeper keeps a session that it does not hear of, in ms; it may decide otherwise. Default 10 s. */
  readonly sessionTimeoutMs?: number;
  /** How connections are made; default: by the client library. */
  readonly connect?: ConnectZookeeper;
}

/** For those who have to know at any time that their session lasts, and for those who can wait for that. */
export const candidatePingPart = 1 / 10;
export const observerPingPart = 1 / 3;

const sessionTimeoutMsDefault = 10_000;

/** The sessions of one contender or detector: one at a time, and nothing is heard of those before. */
export class ZookeeperSessions {
  readonly #options: OverZookeeperOptions & { readonly log: Logger };
  readonly #pingPart: number;
  #connect: ConnectZookeeper | undefined;
  #client: ZookeeperClient | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(options: OverZookeeperOptions & { readonly log: Logger }, pingPart: number) {
    this.#options = options;
    this.#pingPart = pingPart;
    this.#connect = options.connect;
  }

  /** The session that was opened last, unless it was ended. */
  get client(): ZookeeperClient | undefined {
    return this.#client;
  }

  /** Loads what {@link open} needs. */
  async load(): Promise<void> {
    this.#connect ??= await loadZookeeper();
  }

  open(listener: ZookeeperClientListener): void {
    const { clock, random, log, address, sessionTimeoutMs = sessionTimeoutMsDefault } = this.#options;
    if (this.#connect === undefined) throw new Error('zookeeper: opened before it was loaded');
    const { servers, user } = address;
    const told =
      <A>(tell: (argument: A) => void) =>
      (argument: A): void => {
        if (this.#client === client) tell(argument);
      };
    const client: ZookeeperClient = new ZookeeperClient(
      {
        clock,
        random,
        log,
        connect: this.#connect,
        servers,
        timeoutMs: sessionTimeoutMs,
        pingPart: this.#pingPart,
        ...(user === undefined ? {} : { user }),
      },
      {
        up: told((timeoutMs) => listener.up(timeoutMs)),
        down: told((why) => listener.down(why)),
        over: told((why) => {
          this.#client = undefined;
          listener.over(why);
        }),
      },
    );
    this.#client = client;
    client.start();
  }

  /** The same, but it does nothing any more once the session that is open now is not the one any more. */
  inThisSession<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    const client = this.#client;
    return (...args) => {
      if (this.#client === client) act(...args);
    };
  }

  /**
   * One request in the session that is open; nothing is told of it once that session is not the one any more.
   * @param taken is told the answer, and since when it is proven that the session lasted.
   */
  request<T>(
    ask: (connection: ZookeeperConnection) => Promise<T>,
    taken: (value: T, provenAt: number) => void,
    failed: (fault: ZookeeperFault, why: string) => void,
  ): void {
    const [tell, tellFailed] = [this.inThisSession(taken), this.inThisSession(failed)];
    this.#client?.request(ask).then(
      ({ value, provenAt }) => tell(value, provenAt),
      (error) => tellFailed(faultOf(error), String(error?.message ?? error)),
    );
  }

  /** Ends the session that is open, if there is one, without waiting for it. */
  end(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    const ending = client.end().then(() => {
      this.#ending.delete(ending);
    });
    this.#ending.add(ending);
  }

  /** Resolves when all sessions that were ended have ended, or have been given up. */
  async ended(): Promise<void> {
    await Promise.all(this.#ending);
  }

  /** What to tell who waits for the election that it cannot be held. */
  refusal({ unreachable, why }: { readonly unreachable: boolean; readonly why: string }): ElectionError {
    const { servers, path } = this.#options.address;
    if (!unreachable) return new ZookeeperRefused(path, why);
    return new ZookeeperUnreachable(
      servers.map(({ host, port }) => `${host}:${port}`),
      why,
    );
  }
}
