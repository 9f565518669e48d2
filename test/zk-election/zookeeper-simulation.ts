import { type Clock, Random, type Timer, type Upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import { type Leader, type Leadership, ZookeeperContender, ZookeeperDetector } from '@mesos-ts/zk-election';
import { type ClientMachine, type EnsembleWorld, SimulatedEnsemble } from './simulated-ensemble.js';

/** How one run ended; `trouble` is undefined when all was well. */
export interface ZookeeperOutcome {
  readonly elections: number;
  readonly trouble: string | undefined;
}

/** The time in which things go wrong, and that in which they must come right, in ms of true time. */
const stormMs = 120_000;
const calmMs = 60_000;
const candidateCount = 3;
const sessionTimeoutMs = 10_000;

/**
 * Candidates and a detector, as they are in a master, over a {@link SimulatedEnsemble}: each machine has a clock of its
 * own rate and start, is suspended, cut off and started anew; servers crash, lose each other and elect anew; others
 * leave garbage in the group. Then calm. Looks after every event whether two candidates are sure of leading.
 */
export function simulateZookeeper(seed: number | string): Promise<ZookeeperOutcome> {
  return new World(new Random(seed)).run();
}

class World implements EnsembleWorld {
  now = 0;
  readonly random: Random;
  readonly ensemble: SimulatedEnsemble;
  readonly #machines: Machine[];
  readonly #watcher: Machine;
  #leader: Leader | undefined;
  #queue: { readonly at: number; readonly act: () => void }[] = [];
  #elections = 0;
  #epochMax = 0;
  #trouble: string | undefined;

  constructor(random: Random) {
    this.random = random;
    this.ensemble = new SimulatedEnsemble(this);
    this.#machines = Array.from({ length: candidateCount }, (_, index) => new Machine(this, `m${index}`));
    this.#watcher = new Machine(this, 'watcher');
  }

  get calm(): boolean {
    return this.now >= stormMs;
  }

  async run(): Promise<ZookeeperOutcome> {
    for (const machine of this.#machines) this.after(this.random.integer(2_000), () => machine.start());
    void this.#watch();
    for (let at = 1_000; at < stormMs; at += 1_000) this.after(at, () => this.#mischief());
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined || next.at > stormMs + calmMs || this.#trouble !== undefined) break;
      this.now = next.at;
      next.act();
      await settled();
      this.#look();
    }
    if (this.#trouble === undefined) this.#judge();
    return { elections: this.#elections, trouble: this.#trouble };
  }

  after(delayMs: number, act: () => void): void {
    const at = this.now + delayMs;
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1]?.at ?? 0) > at) index--;
    this.#queue.splice(index, 0, { at, act });
  }

  elected(epoch: number): void {
    this.#elections += 1;
    if (epoch <= this.#epochMax) this.#trouble ??= `epoch ${epoch} at ${this.now} is not above ${this.#epochMax}`;
    this.#epochMax = Math.max(this.#epochMax, epoch);
  }

  failed(who: string, error: unknown): void {
    this.#trouble ??= `${who} failed at ${this.now}: ${error}`;
  }

  #look(): void {
    const sure = this.#machines.filter((machine) => machine.isSure);
    if (sure.length > 1) this.#trouble ??= `${sure.map(({ name }) => name).join(' and ')} both lead at ${this.now}`;
  }

  #judge(): void {
    const sure = this.#machines.filter((machine) => machine.isSure);
    if (sure.length !== 1) this.#trouble = `${sure.length} lead after the calm`;
    else if (this.#leader?.epoch !== sure[0]?.epoch)
      this.#trouble = `the detector says ${this.#leader?.pid} epoch ${this.#leader?.epoch} after the calm`;
  }

  /** Asks who leads, again and again, as an agent does. */
  async #watch(): Promise<void> {
    for (;;) {
      const detector = this.#watcher.detector();
      try {
        for (;;) this.#leader = await detector.detect(this.#leader);
      } catch {
        // ZooKeeper could not be reached at first: tried again
        await new Promise<void>((resolve) => this.after(1_000, resolve));
      }
    }
  }

  #mischief(): void {
    const { random } = this;
    const any = this.#machines[random.integer(candidateCount)];
    const leader = this.#machines.find((machine) => machine.isSure);
    const victim = (random.fraction() < 0.6 ? leader : undefined) ?? any;
    const lot = random.integer(30);
    const ms = random.integer(15_000);
    if (lot < 3) victim?.suspend(ms);
    else if (lot < 6) victim?.cut(ms);
    else if (lot < 8) victim?.crash(ms);
    else if (lot === 8) void victim?.resign();
    else if (lot === 9) this.ensemble.electAnew(random.integer(3_000));
    else if (lot === 10) this.ensemble.crash(random.integer(3), ms);
    else if (lot < 13) this.ensemble.isolate(random.integer(3), ms);
    else if (lot === 13) this.#watcher.cut(ms);
    else if (lot === 14) this.ensemble.litter('json.info_', 'rubbish');
    else if (lot === 15) this.ensemble.litter('log_', '{}');
  }
}

/** One machine, with a clock of its own, whose master starts again when it has crashed. */
class Machine {
  readonly name: string;
  readonly #world: World;
  readonly #rate: number;
  readonly #start: number;
  #life: Life;
  #contender: ZookeeperContender | undefined;
  #leadership: Leadership | undefined;

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
    // Clocks that differ by up to 12 % from that of the ensemble.
    this.#rate = 0.88 + world.random.fraction() * 0.24;
    this.#start = world.random.fraction() * 1_000_000;
    this.#life = this.#newLife();
  }

  /** Whether it would say, asked right now, that it leads; one that is suspended cannot act, but might be about to. */
  get isSure(): boolean {
    return this.#leadership?.isValid() === true && !this.#life.dead;
  }

  get epoch(): number | undefined {
    return this.#leadership?.epoch;
  }

  start(): void {
    this.#life = this.#newLife();
    this.#contender = new ZookeeperContender(this.#options());
    void this.#contendForEver(this.#life, this.#contender);
  }

  detector(): ZookeeperDetector {
    return new ZookeeperDetector(this.#options());
  }

  crash(downMs: number): void {
    if (this.#contender === undefined) return;
    this.#life.dead = true;
    this.#contender = undefined;
    this.#leadership = undefined;
    this.#world.after(downMs, () => this.start());
  }

  suspend(ms: number): void {
    this.#life.suspendedUntil = this.#world.now + ms;
  }

  cut(ms: number): void {
    this.#life.cutUntil = this.#world.now + ms;
  }

  async resign(): Promise<void> {
    if (this.#life.suspendedUntil <= this.#world.now) await this.#contender?.resign();
  }

  #newLife(): Life {
    return new Life(this.#world, () => this.#start + this.#world.now * this.#rate, this.#rate);
  }

  #options() {
    const { ensemble, random } = this.#world;
    const address = { servers: ensemble.addresses, path: ensemble.path };
    return { clock: this.#life, random, address, sessionTimeoutMs, connect: ensemble.connectFrom(this.#life) };
  }

  async #contendForEver(life: Life, contender: ZookeeperContender): Promise<void> {
    while (!life.dead) {
      try {
        const leadership = await contender.contend(masterInfo(this.name));
        if (life.dead) return;
        this.#leadership = leadership;
        this.#world.elected(leadership.epoch);
        await leadership.lost;
      } catch (error) {
        if ((error as { code?: string }).code !== 'ELECTION_ZOOKEEPER_UNREACHABLE')
          this.#world.failed(this.name, error);
      }
      await new Promise<void>((resolve) => life.timer(1_000, resolve));
    }
  }
}

/** From one start to the next. */
class Life implements Clock, ClientMachine {
  dead = false;
  suspendedUntil = 0;
  cutUntil = 0;
  readonly #world: World;
  readonly now: () => number;
  readonly #rate: number;

  constructor(world: World, now: () => number, rate: number) {
    this.#world = world;
    this.now = now;
    this.#rate = rate;
  }

  wallTime(): number {
    return 0;
  }

  timer(delayMs: number, callback: () => void): Timer {
    let cancelled = false;
    const fire = (): void => {
      const late = this.suspendedUntil - this.#world.now;
      if (late > 0) this.#world.after(late, fire);
      else if (!cancelled && !this.dead) callback();
    };
    this.#world.after(delayMs / this.#rate + 0.001, fire);
    return {
      cancel: () => {
        cancelled = true;
      },
    };
  }

  nextTurn(callback: () => void): void {
    this.timer(0, callback);
  }
}

/** All that was promised has happened: each `await` is one step of a chain of promises. */
async function settled(): Promise<void> {
  for (let steps = 0; steps < 12; steps++) await undefined;
}

function masterInfo(name: string): MasterInfo {
  return { id: name as MasterId, pid: `master@${name}#1` as Upid, hostname: name, version: '0' };
}
