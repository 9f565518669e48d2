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
import { eventually } from '../support/command.js';
import { within } from '../support/within.js';
import { CandidateProcess } from './candidate-process.js';

export const clock = new SystemClock();
export const leaseMs = 1_500;
export const lease = { leaseMs };

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
      for (const end of [() => server.stop(), ...world.#ends].reverse())
        await within('the end of what the test used', Promise.resolve(end()));
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

/** The one that leads, as soon as it knows it: a detector may know sooner. */
export async function leading(standing: readonly Standing[]): Promise<Standing> {
  await eventually('one of them leads', () => standing.some((one) => one.holds()));
  return standing.find((one) => one.holds()) as Standing;
}
