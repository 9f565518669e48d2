/**
 * What `zookeeper-connection.ts` uses of the ZooKeeper client: parts of its interface, and the manager of its connection,
 * which that file tames. The version is pinned in package.json.
 */
declare module 'node-zookeeper-client' {
  import type { Socket } from 'node:net';

  export interface Stat {
    readonly czxid: Buffer;
    readonly ephemeralOwner: Buffer;
  }
  /** An error of the server has a code; see {@link Exception}. */
  export type Failure = (Error & { getCode?(): number }) | null | undefined;

  export interface ConnectionManager {
    servers: { readonly host: string; readonly port: number }[];
    zxid: Buffer;
    readonly socket?: Socket;
    readonly connectTimeoutHandler: NodeJS.Timeout | null;
    readonly pendingBuffer: Buffer | null;
    connect(): void;
    findNextServer(use: (server: { readonly host: string; readonly port: number }) => void): void;
    onSocketConnected(): void;
    onSocketData(data: Buffer): void;
    onSocketError(error: Error): void;
    onSocketClosed(hadError: boolean): void;
  }

  export interface Client {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    close(): void;
    on(event: 'connected' | 'expired' | 'authenticationFailed', listener: () => void): this;
    getSessionId(): Buffer;
    getSessionPassword(): Buffer;
    getSessionTimeout(): number;
    addAuthInfo(scheme: string, auth: Buffer): void;
    create(path: string, data: Buffer, acl: unknown[], mode: number, done: (e: Failure, path: string) => void): void;
    exists(path: string, watcher: () => void, done: (error: Failure, stat: Stat | null) => void): void;
    exists(path: string, done: (error: Failure, stat: Stat | null) => void): void;
    getChildren(path: string, watcher: () => void, done: (error: Failure, children: string[]) => void): void;
    getData(path: string, watcher: () => void, done: (error: Failure, data?: Buffer, stat?: Stat) => void): void;
    getData(path: string, done: (error: Failure, data?: Buffer, stat?: Stat) => void): void;
    setData(path: string, data: Buffer, version: number, done: (error: Failure, stat: Stat) => void): void;
  }

  export interface ZookeeperModule {
    createClient(
      servers: string,
      options: {
        readonly sessionTimeout: number;
        readonly retries: number;
        readonly sessionId?: Buffer;
        readonly sessionPassword?: Buffer;
      },
    ): Client;
    readonly CreateMode: { readonly PERSISTENT: number; readonly EPHEMERAL_SEQUENTIAL: number };
    readonly ACL: {
      readonly OPEN_ACL_UNSAFE: unknown[];
      readonly READ_ACL_UNSAFE: unknown[];
      readonly CREATOR_ALL_ACL: unknown[];
    };
    readonly Exception: Readonly<Record<string, number>>;
  }
  const module: ZookeeperModule;
  export default module;
}
