import type { Client, ConnectionManager, Failure, Stat, ZookeeperModule } from 'node-zookeeper-client';

/** One server of an ensemble. */
export interface ZookeeperServerAddress {
  readonly host: string;
  readonly port: number;
}

/** What another connection needs to carry on a session. Whoever has it has the session: not for logs. */
export interface SessionTicket {
  readonly id: Buffer;
  readonly password: Buffer;
  /** The last change that the session has seen: a server that is behind does not take it. */
  readonly seen: Buffer;
}

/** What happens to a connection, each in a later turn than the call that led to it. */
export interface ZookeeperListener {
  /** It carries the session now, which lasts `timeoutMs` without it, as the server has decided. */
  attached(timeoutMs: number): void;
  /** The server knows that the session is over. */
  expired(): void;
  /**
   * The connection has ended, with the reason in words; called once, and nothing is called after it. `wordless`: the server
   * took it and ended it before it said anything, as one does whose ensemble has no leader.
   */
  closed(why: string, wordless?: boolean): void;
}

/** How an operation failed. `connection`: it may have been done, or not. */
export type ZookeeperFault = 'noNode' | 'nodeExists' | 'noAuth' | 'connection' | 'other';

export class ZookeeperProblem extends Error {
  override readonly name = 'ZookeeperProblem';

  constructor(
    readonly fault: ZookeeperFault,
    message: string,
  ) {
    super(message);
  }
}

/** What went wrong, whatever it was that was thrown. */
export function faultOf(error: unknown): ZookeeperFault {
  return error instanceof ZookeeperProblem ? error.fault : 'other';
}

/** What a node holds. */
export interface ZookeeperNode {
  readonly data: Uint8Array;
  /** The number of the transaction that made it: later nodes have higher ones. */
  readonly czxid: number;
}

/**
 * One connection to one server, for one session; it ends and is never made again. Operations reject with
 * {@link ZookeeperProblem}. A watch fires once, at the first change after the answer, if the connection lives that long.
 */
export interface ZookeeperConnection {
  /** How to carry on the session; once attached. */
  ticket(): SessionTicket;
  exists(path: string, watch?: () => void): Promise<boolean>;
  /** Makes a node that stays. */
  makeFolder(path: string): Promise<void>;
  /** Makes a node that lives as long as the session, named by `prefix` and ten digits; resolves with its path. */
  makeMember(prefix: string, data: Uint8Array): Promise<string>;
  children(path: string, watch: () => void): Promise<readonly string[]>;
  get(path: string, watch?: () => void): Promise<ZookeeperNode>;
  /** Resolves with the number of the transaction that made the node. */
  set(path: string, data: Uint8Array): Promise<number>;
  /** Ends the session, with all that lives as long, and then the connection. */
  endSession(): void;
  /** Ends the connection at once; the session goes on without it. */
  drop(): void;
}

/** Who to be on a server: digest authentication. */
export interface ZookeeperUser {
  readonly user: string;
  readonly password: string;
}

export interface ZookeeperConnectionOptions {
  readonly server: ZookeeperServerAddress;
  /** Asked for; the server has the last word. */
  readonly timeoutMs: number;
  /** The session to carry on; a new one without it. */
  readonly ticket?: SessionTicket;
  readonly user?: ZookeeperUser;
}

/** Begins a connection; what becomes of it is told to the listener. */
export type ConnectZookeeper = (
  options: ZookeeperConnectionOptions,
  listener: ZookeeperListener,
) => ZookeeperConnection;

/** More than a list of many thousand children; what announces more is no ZooKeeper. */
const answerBytesMax = 4 * 1024 * 1024;
/** The library wants to be told servers, and is kept from ever asking which: it is given one by hand. */
const noServers = 'nowhere';
/** A change of any version. */
const anyVersion = -1;

/** Loaded when it is first wanted: whoever holds no election over ZooKeeper does not pay for it. */
export async function loadZookeeper(): Promise<ConnectZookeeper> {
  const { default: library } = await import('node-zookeeper-client');
  return (options, listener) => new LibraryConnection(library, options, listener);
}

/**
 * A connection by the npm package node-zookeeper-client, kept to what that does well: to encode, to decode, and to match
 * answers with requests. By itself it would connect again for ever without saying why it could not, with what was left
 * of a half answer before the new one; would wait for ever for a server that takes connections and answers nothing;
 * would throw to nobody at an answer that makes no sense; and would forget the requests that it had not sent yet. So
 * each connection is a client of its own, which is kept from connecting again.
 */
class LibraryConnection implements ZookeeperConnection {
  readonly #library: ZookeeperModule;
  readonly #client: Client;
  readonly #acl: unknown[];
  readonly #listener: ZookeeperListener;
  readonly #waiting = new Set<(error: Error) => void>();
  #why = 'the server hung up';
  /** What became of the connection until now. */
  #stage: 'begun' | 'taken' | 'answered' = 'begun';
  #closed = false;

  constructor(library: ZookeeperModule, options: ZookeeperConnectionOptions, listener: ZookeeperListener) {
    const { server, timeoutMs, ticket, user } = options;
    this.#library = library;
    this.#listener = listener;
    const { OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, CREATOR_ALL_ACL } = library.ACL;
    this.#acl = user === undefined ? OPEN_ACL_UNSAFE : [...READ_ACL_UNSAFE, ...CREATOR_ALL_ACL];
    const resumed = ticket === undefined ? {} : { sessionId: ticket.id, sessionPassword: ticket.password };
    this.#client = library.createClient(noServers, { sessionTimeout: timeoutMs, retries: 0, ...resumed });
    if (user !== undefined) this.#client.addAuthInfo('digest', Buffer.from(`${user.user}:${user.password}`));
    this.#tame(this.#client.connectionManager, server, ticket);
    this.#client.on('connected', () => this.#tell(() => listener.attached(this.#client.getSessionTimeout())));
    this.#client.on('expired', () => this.#tell(() => listener.expired()));
    this.#client.on('authenticationFailed', () => this.#end('the server refused the credentials'));
    this.#client.connect();
    this.#client.connectionManager.connect = () => {};
  }

  ticket(): SessionTicket {
    const client = this.#client;
    return {
      id: client.getSessionId(),
      password: client.getSessionPassword(),
      seen: Buffer.from(client.connectionManager.zxid),
    };
  }

  exists(path: string, watch?: () => void): Promise<boolean> {
    return this.#ask<boolean>((done) => {
      const answer = (error: Failure, stat: Stat | null): void => done(error, stat !== null && stat !== undefined);
      if (watch === undefined) this.#client.exists(path, answer);
      else this.#client.exists(path, () => this.#tell(watch), answer);
    });
  }

  makeFolder(path: string): Promise<void> {
    const { PERSISTENT } = this.#library.CreateMode;
    return this.#ask((done) =>
      this.#client.create(path, Buffer.alloc(0), this.#acl, PERSISTENT, (error) => done(error, undefined)),
    );
  }

  makeMember(prefix: string, data: Uint8Array): Promise<string> {
    const { EPHEMERAL_SEQUENTIAL } = this.#library.CreateMode;
    return this.#ask((done) => this.#client.create(prefix, Buffer.from(data), this.#acl, EPHEMERAL_SEQUENTIAL, done));
  }

  children(path: string, watch: () => void): Promise<readonly string[]> {
    return this.#ask((done) => this.#client.getChildren(path, () => this.#tell(watch), done));
  }

  get(path: string, watch?: () => void): Promise<ZookeeperNode> {
    return this.#ask((done) => {
      const answer = (error: Failure, data?: Buffer, stat?: Stat): void =>
        done(error, { data: data ?? new Uint8Array(), czxid: czxidOf(stat) });
      if (watch === undefined) this.#client.getData(path, answer);
      else this.#client.getData(path, () => this.#tell(watch), answer);
    });
  }

  set(path: string, data: Uint8Array): Promise<number> {
    return this.#ask((done) =>
      this.#client.setData(path, Buffer.from(data), anyVersion, (error, stat) => done(error, czxidOf(stat))),
    );
  }

  endSession(): void {
    if (!this.#closed) this.#client.close();
  }

  drop(): void {
    this.#end('dropped');
  }

  #tame(manager: ConnectionManager, server: ZookeeperServerAddress, ticket: SessionTicket | undefined): void {
    if (ticket !== undefined) manager.zxid = ticket.seen;
    manager.servers = [server];
    manager.findNextServer = (use) => use(server);
    const { onSocketConnected, onSocketData, onSocketError, onSocketClosed } = manager;
    manager.onSocketConnected = () => {
      this.#stage = 'taken';
      onSocketConnected.call(manager);
    };
    manager.onSocketData = (data) => {
      if (this.#closed) return;
      this.#stage = 'answered';
      try {
        onSocketData.call(manager, data);
        if ((manager.pendingBuffer?.length ?? 0) > answerBytesMax) this.#end('the server says too much at once');
      } catch {
        this.#end('the server does not speak as ZooKeeper does');
      }
    };
    manager.onSocketError = (error) => {
      this.#why = (error as NodeJS.ErrnoException).code ?? error.message;
      onSocketError.call(manager, error);
    };
    manager.onSocketClosed = (hadError) => {
      onSocketClosed.call(manager, hadError);
      this.#end(this.#why, this.#stage === 'taken');
    };
  }

  /** Later and one after the other: the library must not be called from within itself, nor catch what we throw. */
  #tell(act: () => void): void {
    queueMicrotask(() => {
      if (!this.#closed) act();
    });
  }

  #end(why: string, wordless = false): void {
    if (this.#closed) return;
    this.#closed = true;
    const { connectTimeoutHandler, socket } = this.#client.connectionManager;
    if (connectTimeoutHandler !== null) clearTimeout(connectTimeoutHandler);
    socket?.destroy();
    for (const reject of this.#waiting) reject(new ZookeeperProblem('connection', why));
    this.#waiting.clear();
    queueMicrotask(() => this.#listener.closed(why, wordless));
  }

  #ask<T>(begin: (done: (error: Failure, value: T) => void) => void): Promise<T> {
    if (this.#closed) return Promise.reject(new ZookeeperProblem('connection', 'the connection has ended'));
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      begin((error, value) => {
        this.#waiting.delete(reject);
        if (error) reject(this.#problem(error));
        else resolve(value);
      });
    });
  }

  #problem(error: NonNullable<Failure>): ZookeeperProblem {
    const { NO_NODE, NODE_EXISTS, NO_AUTH, CONNECTION_LOSS, SESSION_EXPIRED, AUTH_FAILED } = this.#library.Exception;
    const faults = new Map<number | undefined, ZookeeperFault>([
      [NO_NODE, 'noNode'],
      [NODE_EXISTS, 'nodeExists'],
      [NO_AUTH, 'noAuth'],
      [AUTH_FAILED, 'noAuth'],
      [CONNECTION_LOSS, 'connection'],
      [SESSION_EXPIRED, 'connection'],
    ]);
    return new ZookeeperProblem(faults.get(error.getCode?.()) ?? 'other', error.message);
  }
}

/** The number of the transaction that made a node: 32 bits of the ensemble's own elections and 32 of its changes. */
function czxidOf(stat: Stat | undefined): number {
  return stat === undefined ? 0 : Number(stat.czxid.readBigInt64BE());
}
