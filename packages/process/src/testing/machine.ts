import { Node, type NodeOptions } from '../node.js';
import { Random } from '../random.js';
import type { Transport } from '../transport.js';
import { MachineClock } from './machine-clock.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { Storage } from './storage.js';
import type { Owner, Timeline, TimelineEvent } from './timeline.js';
import type { Trace } from './trace.js';

/** What a machine's program is given at each start. */
export interface Booted {
  readonly node: Node;
  readonly storage: Storage;
  /** 1 at the first start, and one more at each restart. */
  readonly life: number;
}

/** The program of a machine: spawns its processes, at each start anew. */
export type Boot = (booted: Booted) => void | Promise<void>;

export interface MachineOptions {
  /** Local milliseconds per millisecond of the world. Default 1. */
  readonly clockRate?: number;
  /** How far its wall clock is ahead at the start, in ms. Default 0. */
  readonly wallOffsetMs?: number;
  /** How its Node reaches what else runs on the machine: made anew at every start, and asked before the network. */
  readonly localTransports?: () => readonly Transport[];
  /** What else its Node is to know. */
  readonly node?: Omit<NodeOptions, 'name' | 'transports' | 'clock' | 'random' | 'log'>;
}

export interface MachineParts {
  readonly seed: string;
  readonly timeline: Timeline;
  readonly network: SimulatedNetwork;
  readonly trace: Trace | undefined;
  failed(error: unknown): void;
}

/** Where the monotonic clock of a life may begin, in ms. */
const clockOriginMax = 1_000_000;

/** From one start to the end of the OS process. */
class Life implements Owner {
  alive = true;
  node: Node | undefined;

  constructor(private readonly machine: Door) {}

  get stalled(): boolean {
    return this.machine.stalled;
  }

  postpone(event: TimelineEvent): void {
    this.machine.postpone(event);
  }
}

/** What comes from outside waits here while the machine is stalled, whoever lives there then. */
class Door implements Owner {
  readonly alive = true;
  stalled = false;
  readonly #postponed: TimelineEvent[] = [];

  postpone(event: TimelineEvent): void {
    this.#postponed.push(event);
  }

  open(timeline: Timeline): void {
    this.stalled = false;
    for (const event of this.#postponed.splice(0)) timeline.putBack(event);
  }
}

/** One computer of the simulated world, with one Node: it can be killed, started, stalled and cut off. */
export class Machine {
  readonly name: string;
  /** @internal */
  readonly door = new Door();
  readonly #parts: MachineParts;
  readonly #boot: Boot;
  readonly #options: MachineOptions;
  readonly #disk = new Map<string, unknown>();
  #life: Life | undefined;
  #lives = 0;
  #stalls = 0;
  #disconnects = 0;
  #wallOffsetMs: number;

  /** @internal Use {@link Simulation.machine}. */
  constructor(name: string, boot: Boot, options: MachineOptions, parts: MachineParts) {
    this.name = name;
    this.#boot = boot;
    this.#options = options;
    this.#parts = parts;
    this.#wallOffsetMs = options.wallOffsetMs ?? 0;
    this.start();
  }

  /** The Node that lives here. @throws {TypeError} while there is none: the machine is down, or about to start. */
  get node(): Node {
    const node = this.#life?.node;
    if (node === undefined) throw new TypeError(`no Node lives on the machine ${this.name} now`);
    return node;
  }

  /** Whether a Node lives here. */
  get up(): boolean {
    return this.#life?.node !== undefined;
  }

  /** Starts it, if it is down, with a new incarnation. `storage`: what it finds of its former lives; default all. */
  start({ storage = 'kept' }: { readonly storage?: 'kept' | 'lost' } = {}): void {
    if (this.#life !== undefined) return;
    if (storage === 'lost') this.#disk.clear();
    const life = new Life(this.door);
    this.#life = life;
    const number = ++this.#lives;
    this.#trace(number === 1 ? 'starts' : `starts again, its storage ${storage}`);
    this.#parts.timeline.plan(this.#parts.timeline.now, life, () => {
      this.#begin(life, number).catch((error: unknown) => this.#parts.failed(error));
    });
  }

  /** As kill -9: its processes are gone without `finalize`, and say nothing any more. Its storage is kept. */
  crash(): void {
    if (this.#life === undefined) return;
    this.#trace('crashes');
    this.#end();
    this.#parts.network.crash(this.name);
  }

  /** {@link crash} and, after a while, {@link start}. */
  restart({
    afterMs = 0,
    storage = 'kept',
  }: {
    readonly afterMs?: number;
    readonly storage?: 'kept' | 'lost';
  } = {}): void {
    this.crash();
    this.#after(afterMs, () => this.start({ storage }));
  }

  /** Stops the Node in an orderly manner; it is down when this resolves. Advance the world meanwhile. */
  async stop(): Promise<void> {
    const life = this.#life;
    await life?.node?.stop();
    if (life === undefined || this.#life !== life) return;
    this.#trace('stopped');
    this.#end();
  }

  /**
   * None of its code runs for a while (SIGSTOP, a long garbage collection), but its clock goes on; then everything that
   * fell due runs, in its order. Without `forMs`, until {@link resume}.
   */
  stall(forMs = Number.POSITIVE_INFINITY): void {
    if (this.#life === undefined) return;
    this.door.stalled = true;
    this.#trace(`stalls${forMs === Number.POSITIVE_INFINITY ? '' : ` for ${forMs} ms`}`);
    const stall = ++this.#stalls;
    if (forMs < Number.POSITIVE_INFINITY) this.#after(forMs, () => stall === this.#stalls && this.resume());
  }

  resume(): void {
    if (!this.door.stalled) return;
    this.#trace('resumes');
    this.door.open(this.#parts.timeline);
  }

  /**
   * Breaks its connection to the server: what is under way to it is lost, and a part of what is under way from it.
   * @param options `forMs`: until {@link reconnect} where left out. `unnoticedMs`: how long it sends into the void before
   * it is told `connectionLost`; what it sends after that is refused. Default 0.
   */
  disconnect({ forMs, unnoticedMs = 0 }: { readonly forMs?: number; readonly unnoticedMs?: number } = {}): void {
    this.#trace('is disconnected');
    this.#parts.network.disconnect(this.name, unnoticedMs);
    const disconnect = ++this.#disconnects;
    if (forMs !== undefined) this.#after(forMs, () => disconnect === this.#disconnects && this.reconnect());
  }

  reconnect(): void {
    this.#parts.network.reconnect(this.name);
  }

  /** Steps the wall clock, as an operator or a time server may; the monotonic one goes on as before. */
  stepWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
    this.#trace(`steps its wall clock by ${byMs} ms`);
  }

  async #begin(life: Life, number: number): Promise<void> {
    const { seed, timeline, network, trace } = this.#parts;
    const random = new Random(`${seed}/${this.name}/${number}`);
    const settings = {
      rate: this.#options.clockRate ?? 1,
      origin: random.integer(clockOriginMax),
      wallOffset: () => this.#wallOffsetMs,
    };
    const node = await Node.start({
      ...this.#options.node,
      name: this.name,
      transports: [...(this.#options.localTransports?.() ?? []), network.transport(life)],
      clock: new MachineClock(timeline, life, settings, trace, this.name),
      random,
      ...(trace === undefined ? {} : { log: trace.logger(this.name) }),
    });
    if (!life.alive) return;
    life.node = node;
    await this.#boot({ node, storage: new Storage(this.#disk, () => life.alive), life: number });
  }

  #end(): void {
    if (this.#life !== undefined) this.#life.alive = false;
    this.#life = undefined;
    this.#stalls++;
    this.door.open(this.#parts.timeline);
  }

  #after(ms: number, work: () => void): void {
    this.#parts.timeline.plan(this.#parts.timeline.now + ms, undefined, work);
  }

  #trace(what: string): void {
    this.#parts.trace?.add(this.name, what);
  }
}
