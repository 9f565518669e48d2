import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '@mesos-ts/cli';
import { Random, SystemClock, type Upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import {
  type Contender,
  createContender,
  createDetector,
  type Detector,
  type ElectionOptions,
  type Leader,
  type Leadership,
} from '@mesos-ts/zk-election';
import { type ConnectionOptions, connect, type NatsConnection } from 'nats';
import type t from 'tap';

export const clock = new SystemClock();
export const leaseMs = 1_500;
export const lease = { leaseMs };
/** For what should take milliseconds: only a failure lasts that long. */
export const patienceMs = 20_000;

export const master = (name: string): MasterInfo => ({
  id: `${name}-id` as MasterId,
  pid: `master@${name}#1` as Upid,
  hostname: name,
  version: '0',
});

/** What one test uses, torn down in the reverse order. */
export class World {
  readonly #ends: (() => unknown)[] = [];
  readonly server: NatsServer;

  private constructor(server: NatsServer) {
    this.server = server;
  }

  static async with(t: Tap, options: NatsServerOptions = {}): Promise<World> {
    const server = await startNatsServer(options);
    const world = new World(server);
    t.teardown(async () => {
      for (const end of world.#ends.reverse()) await end();
      await server.stop();
    });
    return world;
  }

  get address(): string {
    return `${this.server.url}/test`;
  }

  onEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  options(more: Partial<ElectionOptions> = {}): ElectionOptions {
    return { clock, random: Random.system(), lease, ...more };
  }

  contender(more: Partial<ElectionOptions> = {}): Contender {
    const contender = createContender(this.address, this.options(more));
    this.onEnd(() => contender.close());
    return contender;
  }

  detector(more: Partial<ElectionOptions> = {}): Detector {
    const detector = createDetector(this.address, this.options(more));
    this.onEnd(() => detector.close());
    return detector;
  }

  async connection(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const connection = await connect({ ...options, servers: this.server.url });
    this.onEnd(() => connection.close());
    return connection;
  }

  candidate(name: string, leaseMsOfIt = leaseMs): CandidateProcess {
    return this.candidateAt(this.address, name, leaseMsOfIt);
  }

  candidateAt(address: string, name: string, leaseMsOfIt: number): CandidateProcess {
    const candidate = new CandidateProcess(address, name, leaseMsOfIt);
    this.onEnd(() => candidate.kill('SIGKILL'));
    return candidate;
  }
}

type Tap = Pick<typeof t, 'teardown'>;

/** A candidate in an OS process of its own. */
export class CandidateProcess {
  readonly contending: Promise<void>;
  /** The epoch with which it leads. */
  readonly elected: Promise<number>;
  /** Why it does not lead any more. */
  readonly lost: Promise<string>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>;

  constructor(
    address: string,
    readonly name: string,
    leaseMsOfIt = leaseMs,
  ) {
    const program = fileURLToPath(new URL('programs/contender.js', import.meta.url));
    const child = spawn(process.execPath, [program, address, name, String(leaseMsOfIt)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.on('error', () => {}); // it has ended
    this.#lines = createInterface({ input: child.stdout });
    const line = (start: string): Promise<string> =>
      new Promise((resolve) => {
        this.#lines.on('line', (text) => text.startsWith(start) && resolve(text.slice(start.length)));
      });
    this.contending = line('contending').then(() => {});
    this.elected = line('elected ').then(Number);
    this.lost = line('lost ');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What it says when asked whether it is sure of leading: `sure`, `unsure`, or `lost ...` when that comes first. */
  async ask(): Promise<string> {
    const answer = new Promise<string>((resolve) => this.#lines.once('line', resolve));
    this.#child.stdin.write('?\n');
    return answer;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.exited;
  }
}

/** Waits for what must come, and says what did not. */
export async function within<T>(what: string, promise: Promise<T>, ms = patienceMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The first leader that satisfies `wanted`, following every change. */
export async function leaderThat(
  detector: Detector,
  wanted: (leader: Leader | undefined) => boolean,
  previous?: Leader,
) {
  let leader = previous;
  do leader = await within('a change of leader', detector.detect(leader));
  while (!wanted(leader));
  return leader;
}

/** A contender in this process that stands again whenever it loses. */
export class Standing {
  readonly epochs: number[] = [];
  #leadership: Leadership | undefined;
  #closed = false;
  #holds = false;

  constructor(
    private readonly contender: Contender,
    name: string,
  ) {
    this.#stand(name).catch((error) => {
      if (!this.#closed) throw error;
    });
  }

  /** Whether it is sure of leading. */
  leads(): boolean {
    return this.#leadership?.isValid() ?? false;
  }

  /** Whether its leadership is not over, though it may not be sure of it. */
  holds(): boolean {
    return this.#holds;
  }

  get lost(): Promise<string> {
    return this.#leadership?.lost ?? Promise.reject(new Error('does not lead'));
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.contender.close();
  }

  async #stand(name: string): Promise<void> {
    while (!this.#closed) {
      this.#leadership = await this.contender.contend(master(name));
      this.epochs.push(this.#leadership.epoch);
      this.#holds = true;
      await this.#leadership.lost;
      this.#holds = false;
    }
  }
}
