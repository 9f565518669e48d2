import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { natsServerGuard } from '../nats-server-guard.js';
import { zookeeperSoftware } from './zookeeper-software.js';

/** What a {@link ZookeeperServer} may be told; everything has a default. */
export interface ZookeeperServerOptions {
  /** Sessions last 2 to 20 ticks. Default 100 ms, so that a session may be as short as 200 ms. */
  readonly tickTimeMs?: number;
  /** The smallest session in ms, where it is not two ticks. */
  readonly minSessionTimeoutMs?: number;
  readonly maxSessionTimeoutMs?: number;
}

/** Where the members of an ensemble find each other: for clients, for each other, for their elections. */
interface Member {
  readonly client: number;
  readonly peer: number;
  readonly election: number;
}

const readyMsMax = 60_000;
const endMsMax = 30_000;
const shellMsMax = 60_000;
const starts = 3;

/** A real ZooKeeper on a loopback port, which ends when this process does. Its data outlives {@link kill}. */
export class ZookeeperServer {
  /** For clients: `127.0.0.1:port`. */
  readonly address: string;
  readonly #folder: string;
  readonly #port: number;
  #guard: ChildProcess | undefined;
  #pid = 0;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
  }

  /** One server; resolves when it takes clients. */
  static async start(options: ZookeeperServerOptions = {}): Promise<ZookeeperServer> {
    for (let tries = 1; ; tries++) {
      const [server] = ZookeeperServer.#configured([await freePort()], options);
      try {
        await server?.start();
        return server as ZookeeperServer;
      } catch (error) {
        // Somebody may have taken the port meanwhile.
        await server?.stop();
        if (tries === starts) throw error;
      }
    }
  }

  /** Servers that keep what a majority of them holds; resolves when all of them take clients. */
  static async ensemble(size: number, options: ZookeeperServerOptions = {}): Promise<ZookeeperServer[]> {
    const ports = await freePorts(size * 3);
    const servers = ZookeeperServer.#configured(ports, options);
    try {
      await Promise.all(servers.map((server) => server.start()));
      return servers;
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      throw error;
    }
  }

  static #configured(ports: readonly number[], options: ZookeeperServerOptions): ZookeeperServer[] {
    const size = ports.length === 1 ? 1 : ports.length / 3;
    const members: Member[] = Array.from({ length: size }, (_, index) => ({
      client: ports[index] ?? 0,
      peer: ports[size + index] ?? 0,
      election: ports[2 * size + index] ?? 0,
    }));
    return members.map(({ client }, index) => {
      const folder = mkdtempSync(join(tmpdir(), 'mesos-zookeeper-'));
      mkdirSync(join(folder, 'data'));
      writeFileSync(join(folder, 'data', 'myid'), `${index + 1}\n`);
      writeFileSync(join(folder, 'zoo.cfg'), configuration(folder, client, members, options));
      return new ZookeeperServer(folder, client);
    });
  }

  /** The process id of the server itself. */
  get pid(): number {
    return this.#pid;
  }

  /** Starts it on the same port with the data that it had; resolves when it takes clients. */
  async start(): Promise<void> {
    const { java, classPath } = await zookeeperSoftware();
    const scratch = mkdtempSync(join(this.#folder, 'run-'));
    const options = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    const log = `-Dorg.slf4j.simpleLogger.logFile=${this.#logFile}`;
    const command = [java, ...options, log, '-cp', classPath, main, join(this.#folder, 'zoo.cfg')];
    const guard = spawn('/bin/sh', ['-c', natsServerGuard, 'zookeeper-guard', scratch, '0', ...command], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    guard.stdin?.on('error', () => undefined); // the guard ended first: `#ended` says so
    this.#guard = guard;
    this.#ended = new Promise((resolve) => guard.once('close', resolve));
    if (guard.stdout !== null)
      createInterface({ input: guard.stdout }).once('line', (line) => {
        this.#pid = Number(line);
      });
    await this.#ready();
  }

  /** Sends a signal to the server: SIGKILL for a crash, SIGSTOP for a hang. A killed one has ended when this resolves. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.#pid, signal);
    if (signal === 'SIGKILL') await this.#end();
  }

  /** Ends it and removes its data; resolves when that is done. Stopping twice is fine. */
  async stop(): Promise<void> {
    if (this.#pid !== 0) this.#thaw();
    this.#guard?.stdin?.end();
    await this.#end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    const ended = new AbortController();
    const late = sleep(endMsMax, undefined, { signal: ended.signal }).then(
      () => Promise.reject(new Error(`ZooKeeper does not end:\n${this.lastLines(15)}`)),
      () => undefined, // it has ended
    );
    await Promise.race([this.#ended, late]).finally(() => ended.abort());
  }

  /** One that is frozen would not take the signal to end. */
  #thaw(): void {
    try {
      process.kill(this.#pid, 'SIGCONT');
    } catch {
      // it has ended already
    }
  }

  get #logFile(): string {
    return join(this.#folder, 'log');
  }

  async #ready(): Promise<void> {
    const giveUpAt = performance.now() + readyMsMax;
    let ended = false;
    void this.#ended.then(() => {
      ended = true;
    });
    while (!(await serves(this.#port))) {
      if (ended || performance.now() > giveUpAt)
        throw new Error(`ZooKeeper ${ended ? 'ended at its start' : 'does not serve'}:\n${this.lastLines(15)}`);
      await sleep(25);
    }
  }

  /** The end of its log, for an error message. */
  lastLines(count: number): string {
    try {
      return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
    } catch {
      return '(it logged nothing)';
    }
  }
}

function configuration(
  folder: string,
  clientPort: number,
  members: readonly Member[],
  { tickTimeMs = 100, minSessionTimeoutMs, maxSessionTimeoutMs }: ZookeeperServerOptions,
): string {
  const servers = members.map(({ peer, election }, index) => `server.${index + 1}=127.0.0.1:${peer}:${election}`);
  return [
    `tickTime=${tickTimeMs}`,
    'initLimit=100',
    'syncLimit=20',
    `dataDir=${join(folder, 'data')}`,
    'clientPortAddress=127.0.0.1',
    `clientPort=${clientPort}`,
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=srvr',
    ...(minSessionTimeoutMs === undefined ? [] : [`minSessionTimeout=${minSessionTimeoutMs}`]),
    ...(maxSessionTimeoutMs === undefined ? [] : [`maxSessionTimeout=${maxSessionTimeoutMs}`]),
    ...(members.length === 1 ? [] : servers),
    '',
  ].join('\n');
}

/** Whether the server on that port says that it serves clients. */
function serves(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('srvr'));
    let text = '';
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(/^Mode: /m.test(text)));
  });
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] ?? 0;
}

/** Ports that were free a moment ago, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** What ZooKeeper's own shell prints for one command, such as `ls /mesos`: a client that has nothing to do with ours. */
export async function zookeeperShell(server: ZookeeperServer, ...command: readonly string[]): Promise<string> {
  const { java, classPath } = await zookeeperSoftware();
  const silent = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off';
  const main = ['org.apache.zookeeper.ZooKeeperMain', '-server', server.address];
  const options = ['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', silent, '-cp', classPath, ...main];
  const child = spawn(java, [...options, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: shellMsMax,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  const signal = await new Promise((resolve) => child.once('close', (_code, killedBy) => resolve(killedBy)));
  if (signal !== null)
    throw new Error(`ZooKeeper's shell did not do \`${command.join(' ')}\`; it printed:\n${printed}`);
  return printed;
}
