import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type NatsConnection, nkeyAuthenticator } from 'nats';
import type t from 'tap';
import { MesosCommand, type Outcome } from '../support/command.js';

type Tap = Pick<typeof t, 'teardown' | 'testdir'>;

/** How long what takes milliseconds may take: only a failure lasts that long. */
const patienceMs = 10_000;

/** `mesos nats --secure` as a process of its own, and clients of it that do what no Node of ours does. */
export class SecureServer {
  readonly folder: string;
  readonly url: string;
  readonly #command: MesosCommand;
  readonly #connections: NatsConnection[] = [];

  private constructor(folder: string, url: string, command: MesosCommand) {
    this.folder = folder;
    this.url = url;
    this.#command = command;
  }

  /** Starts it on a free port and stops it after the test, or before. */
  static async start(t: Tap, args: readonly string[] = [], folder = join(t.testdir(), 'nats')): Promise<SecureServer> {
    const command = new MesosCommand(['nats', '--secure', '--port', '0', '--config-dir', folder, ...args]);
    const line = await command.line(/listens on/);
    const server = new SecureServer(folder, /listens on (\S+)/.exec(line)?.[1] ?? '', command);
    t.teardown(() => server.stop());
    return server;
  }

  fileOf(name: string): string {
    return join(this.folder, `${name}.creds.json`);
  }

  /** The environment in which a command speaks for `name`. */
  environmentOf(name: string): Record<string, string> {
    return { NATS_URL: this.url, MESOS_CREDENTIALS: this.fileOf(name) };
  }

  /** A client with the credentials of a Node. */
  client(name: string, options: ConnectionOptions = {}): Promise<NatsConnection> {
    return this.#connect({ ...options, authenticator: nkeyAuthenticator(seed(this.#secrets(name).nkey)) });
  }

  /** A client with the credentials that a master has for the election. */
  candidate(name: string): Promise<NatsConnection> {
    const { election } = this.#secrets(name);
    const authenticator = nkeyAuthenticator(seed(election?.nkey ?? ''));
    return this.#connect({ authenticator, inboxPrefix: election?.inboxPrefix ?? '' });
  }

  async stop(): Promise<Outcome> {
    for (const connection of this.#connections) await connection.close();
    this.#command.child.kill('SIGTERM');
    return this.#command.outcome;
  }

  #secrets(name: string): {
    readonly nkey: string;
    readonly election?: { readonly nkey: string; readonly inboxPrefix: string };
  } {
    return JSON.parse(readFileSync(this.fileOf(name), 'utf8'));
  }

  async #connect(options: ConnectionOptions): Promise<NatsConnection> {
    const connection = await connect({ servers: this.url, reconnect: false, ...options });
    this.#connections.push(connection);
    return connection;
  }
}

/** Does something, and resolves with what the server says that it does not permit: `publish to x` or `subscription to x`. */
export async function refusal(client: NatsConnection, what: string, act: () => void): Promise<string> {
  const refused = permissionViolation(client);
  act();
  await client.flush();
  // What the server has to say to it comes before its answer to the flush.
  const said = await within(refused, `the server did not refuse: ${what}`);
  return said;
}

async function permissionViolation(client: NatsConnection): Promise<string> {
  for await (const { permissionContext } of client.status())
    if (permissionContext !== undefined) return `${permissionContext.operation} to ${permissionContext.subject}`;
  throw new Error('the connection was closed');
}

export async function within<T>(promise: Promise<T>, otherwise: string, ms = patienceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} (within ${ms} ms)`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function seed(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
