import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { findNatsServer } from './nats-server-binary.js';
import { natsServerGuard } from './nats-server-guard.js';

/** A nats-server was started and ended, or never answered; the message has its last log lines and what to do. */
export class NatsServerStartError extends Error {
  override readonly name = 'NatsServerStartError';
  readonly code = 'NATS_SERVER_START';
}

/** What {@link startNatsServer} may be told; everything has a default. */
export interface NatsServerOptions {
  /** The port for clients; default: a free one that the server itself picks. */
  readonly port?: number;
  /** The address it listens on; default 127.0.0.1, reachable from this machine only. */
  readonly host?: string;
  /** Default true: elections and the replicated registry need it. */
  readonly jetstream?: boolean;
  /** Where JetStream keeps its streams; default: a fresh temporary folder that is removed when the server has ended. */
  readonly storeDir?: string;
  /** The path of the binary; default: what {@link findNatsServer} finds. */
  readonly binary?: string;
  /** Further lines of nats-server's configuration, such as `accounts`. */
  readonly config?: string;
  /** Let the server log every connection and what happens to it. */
  readonly debug?: boolean;
  /** Told in one line what is being done whenever it takes more than a moment. */
  readonly onProgress?: (line: string) => void;
  /** Given each line of the server's log. */
  readonly onLogLine?: (line: string) => void;
}

/** How a server ended: with an exit code or by a signal, the other one is null. */
export interface NatsServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A nats-server that runs as long as this process does, unless it is stopped before or dies. */
export interface NatsServer {
  /** For clients, such as `nats://127.0.0.1:4222`. */
  readonly url: string;
  readonly port: number;
  /** The process id of nats-server itself. */
  readonly pid: number;
  /** Where JetStream keeps its streams; undefined without JetStream. */
  readonly storeDir: string | undefined;
  /** The last lines of its log, at most 500. */
  logLines(): readonly string[];
  /** Resolves when the server has ended, by itself or not, and its temporary folder is gone; never rejects. */
  readonly exited: Promise<NatsServerExit>;
  /** Ends the server with TERM, with KILL 2 s later; resolves as {@link exited} does. Stopping twice is fine. */
  stop(): Promise<void>;
  /** Sends a signal to nats-server itself: SIGKILL for a crash, SIGSTOP for a hang. Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
}

const readyMsMax = 20_000;
const termSeconds = 2;
const logLinesMax = 500;

/**
 * Starts a nats-server and resolves when it takes clients. It ends with this process, also when that is killed with -9,
 * and it does not see a terminal's Ctrl-C. It keeps this process alive until it has ended.
 *
 * @throws {NatsServerNotFoundError} where there is no binary.
 * @throws {NatsServerStartError} where the server did not come up, such as when the port is in use.
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = options.binary ?? (await findNatsServer({ onProgress: options.onProgress }));
  const launched = new LaunchedServer(binary, options);
  try {
    await launched.ready();
    return launched;
  } catch (error) {
    await launched.stop();
    throw error;
  }
}

type Guard = ChildProcessByStdio<Writable, Readable, Readable> & ChildProcess;

class LaunchedServer implements NatsServer {
  readonly exited: Promise<NatsServerExit>;
  readonly storeDir: string | undefined;
  port = 0;
  pid = 0;
  readonly #name: string;
  readonly #host: string;
  readonly #wantedPort: number | undefined;
  readonly #guard: Guard;
  readonly #pidKnown: Promise<void>;
  readonly #listening: Promise<void>;
  readonly #log: string[] = [];
  #ended = false;

  constructor(binary: string, options: NatsServerOptions) {
    // Everything up to the spawn is synchronous: a signal to us cannot leave the folder behind without its guard.
    const scratch = mkdtempSync(join(tmpdir(), 'mesos-nats-'));
    this.#name = basename(scratch);
    this.#host = options.host ?? '127.0.0.1';
    this.#wantedPort = options.port;
    if (options.jetstream ?? true) this.storeDir = resolve(options.storeDir ?? join(scratch, 'jetstream'));
    const configFile = join(scratch, 'nats-server.conf');
    writeFileSync(configFile, configuration(this.#name, this.#host, this.storeDir, options));
    const command = [binary, '-c', configFile];
    this.#guard = spawn('/bin/sh', ['-c', natsServerGuard, 'nats-guard', scratch, String(termSeconds), ...command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#guard.stdin.on('error', () => {}); // the guard ended first: its exit says so
    this.#pidKnown = this.#watchPid();
    this.#listening = this.#watchLog(options.onLogLine);
    this.exited = this.#watchExit(scratch);
  }

  get url(): string {
    return `nats://${clientHost(this.#host)}:${this.port}`;
  }

  logLines(): readonly string[] {
    return [...this.#log];
  }

  async stop(): Promise<void> {
    this.#guard.stdin.end();
    await this.exited;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ended || this.pid === 0) return;
    try {
      process.kill(this.pid, signal);
    } catch {
      // it ended a moment ago
    }
  }

  /** Resolves once a client that connects is greeted by this very server. */
  async ready(): Promise<void> {
    const late = new AbortController();
    const timeOut = sleep(readyMsMax, undefined, { signal: late.signal }).then(() => {
      throw this.#startError(`did not take clients within ${readyMsMax / 1_000} s`);
    });
    const died = this.exited.then(({ code, signal }) => {
      throw this.#startError(`ended at its start with ${signal ?? `code ${code}`}`);
    });
    const greeted = this.#pidKnown
      .then(() => this.#listening)
      .then(() => greeting(clientHost(this.#host), this.port, this.#name));
    try {
      await Promise.race([greeted, died, timeOut]);
    } finally {
      late.abort();
      for (const promise of [greeted, died, timeOut]) promise.catch(() => {});
    }
  }

  #watchPid(): Promise<void> {
    return new Promise((known) => {
      createInterface({ input: this.#guard.stdout }).once('line', (line) => {
        this.pid = Number(line);
        known();
      });
    });
  }

  /** Resolves when the log says which port it is: the server picks a free one itself, so nobody can snatch it. */
  #watchLog(onLogLine: (line: string) => void = () => {}): Promise<void> {
    return new Promise((listening) => {
      createInterface({ input: this.#guard.stderr }).on('line', (line) => {
        this.#log.push(line);
        if (this.#log.length > logLinesMax) this.#log.shift();
        const port = /Listening for client connections on .*:(\d+)$/.exec(line)?.[1];
        if (port !== undefined) {
          this.port = Number(port);
          listening();
        }
        onLogLine(line);
      });
    });
  }

  #watchExit(scratch: string): Promise<NatsServerExit> {
    const removeScratch = (): void => rmSync(scratch, { recursive: true, force: true });
    return new Promise((exited) => {
      this.#guard.once('error', (error) => {
        this.#log.push(`/bin/sh: ${error.message}`);
        removeScratch();
        exited({ code: null, signal: null });
      });
      // Somebody killed the guard: its work falls to us. The server's end then closes the last stream.
      this.#guard.once('exit', (_code, signal) => {
        if (signal === null) return;
        this.kill('SIGKILL');
        this.#guard.stdin.destroy();
      });
      this.#guard.once('close', (code, signal) => {
        this.#ended = true;
        if (signal !== null) removeScratch();
        exited(exitOf(code, signal));
      });
    });
  }

  #startError(what: string): NatsServerStartError {
    const lines = complaints(this.#log).slice(-8);
    const text = lines.length === 0 ? '  (it logged nothing)' : lines.map((line) => `  ${line}`).join('\n');
    return new NatsServerStartError(`nats-server ${what}. ${advice(text, this.#wantedPort, this.storeDir)}\n${text}`);
  }
}

/** The sizes are those of a cluster's registry and its elections, with room; the limits keep a mistake off the disk. */
function configuration(
  name: string,
  host: string,
  storeDir: string | undefined,
  { port = -1, debug = false, config = '' }: NatsServerOptions,
): string {
  const jetstream = `jetstream { store_dir: ${JSON.stringify(storeDir)}, max_mem: 256MB, max_file: 4GB }`;
  return [
    `server_name: ${JSON.stringify(name)}`,
    `host: ${JSON.stringify(host)}`,
    `port: ${port}`,
    'max_payload: 1MB',
    ...(debug ? ['debug: true'] : []),
    ...(storeDir === undefined ? [] : [jetstream]),
    config,
    '',
  ].join('\n');
}

/** The address to connect to where the server listens on all of them. */
function clientHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** Connects and reads the server's first line, `INFO {...}`, which must name the server that we started. */
function greeting(host: string, port: number, serverName: string): Promise<void> {
  return new Promise((greeted, fail) => {
    const socket = connect(port, host);
    let text = '';
    socket.on('error', fail);
    socket.on('close', () => fail(new NatsServerStartError(`nats-server on port ${port} hung up on a client`)));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (!text.includes('\r\n')) return;
      socket.destroy();
      if (text.startsWith('INFO ') && text.includes(JSON.stringify(serverName))) greeted();
      else fail(new NatsServerStartError(`Something else than our nats-server answers on port ${port}`));
    });
  });
}

/** What the log says beside the chatter of a normal start, if anything. */
function complaints(log: readonly string[]): readonly string[] {
  const lines = log.filter((line) => !/\[(INF|DBG|TRC)\]/.test(line));
  return lines.length > 0 ? lines : log;
}

function advice(log: string, port: number | undefined, storeDir: string | undefined): string {
  if (/address already in use/.test(log))
    return `Port ${port} is in use, perhaps by another nats-server: choose another port, or connect to that one.`;
  if (/storage directory|store dir/i.test(log)) return `The store folder ${storeDir} cannot be used: choose another.`;
  if (/^ *nats-guard:/.test(log)) return 'Is it an executable of this kind of machine? NATS_SERVER can name another.';
  if (/permission denied/i.test(log)) return `Port ${port} is not for everybody: choose one above 1023.`;
  return 'Its last log lines:';
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): NatsServerExit {
  if (code === null || code <= 128) return { code, signal };
  const name = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return name === undefined ? { code, signal } : { code: null, signal: name as NodeJS.Signals };
}
