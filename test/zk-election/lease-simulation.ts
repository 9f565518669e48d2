import { Random, type Upid } from '@mesos-ts/process';
import type { MasterId, MasterInfo } from '@mesos-ts/protocol';
import { Lease, type LeaseEffect, type LeaseInput, leaseTiming, type Reading } from '@mesos-ts/zk-election';

/** How one run ended; `trouble` is undefined when all was well. */
export interface Outcome {
  readonly elections: number;
  readonly trouble: string | undefined;
}

/** The time in which things go wrong, and that in which they must come right, in ms of true time. */
const stormMs = 40_000;
const calmMs = 30_000;
const candidates = 4;
const timing = leaseTiming();

/**
 * Some candidates, each with a clock of its own rate and start, and one register behind a network that delays, loses
 * requests and answers, and cuts candidates off; candidates are suspended, crash and come back with nothing remembered;
 * garbage comes over the record. Connections are closed, which the server knows at once and whoever lives learns a little
 * later; those who stand by look for the holder. In some runs the register is lost and made anew instead of candidates crashing. Then
 * calm. Looks at every moment whether two are sure of leading.
 */
export function simulate(seed: number): Outcome {
  return new World(new Random(seed)).run();
}

class World {
  now = 0;
  readonly random: Random;
  readonly register = { stream: 1, seq: 0, value: { type: 'empty' } as Reading['value'] };
  readonly #candidates: Candidate[];
  #queue: { readonly at: number; readonly act: () => void }[] = [];
  #elections = 0;
  #epochMax = 0;
  #trouble: string | undefined;
  readonly #registerIsLost: boolean;

  constructor(random: Random) {
    this.random = random;
    this.#registerIsLost = random.fraction() < 0.25;
    this.#candidates = Array.from({ length: candidates }, (_, index) => new Candidate(this, index));
  }

  get calm(): boolean {
    return this.now >= stormMs;
  }

  run(): Outcome {
    for (const candidate of this.#candidates) this.after(this.random.integer(2_000), () => candidate.start());
    for (let at = 500; at < stormMs; at += 500) this.after(at, () => this.#mischief());
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined || next.at > stormMs + calmMs || this.#trouble !== undefined) break;
      this.now = next.at;
      next.act();
    }
    const leaders = this.#candidates.filter((candidate) => candidate.isSure()).length;
    if (this.#trouble === undefined && leaders !== 1) this.#trouble = `${leaders} lead after the calm`;
    return { elections: this.#elections, trouble: this.#trouble };
  }

  after(delayMs: number, act: () => void): void {
    const at = this.now + delayMs;
    let index = this.#queue.length;
    while (index > 0 && (this.#queue[index - 1]?.at ?? 0) > at) index--;
    this.#queue.splice(index, 0, { at, act });
  }

  /** Something crosses the network, if it does. */
  cross(candidate: Candidate, act: () => void): void {
    const { random } = this;
    if (!this.calm && (candidate.cutOff || random.fraction() < 0.15)) return;
    const slow = !this.calm && random.fraction() < 0.1 ? 3_000 : 60;
    this.after(random.fraction() * slow, act);
  }

  /** Whether the server knows a connection of the candidate of this token. */
  connected(here: string): boolean {
    return this.#candidates.some((candidate) => candidate.token === here && candidate.connected);
  }

  /** Something is on its way to the register, which is lost with all its connections. */
  reach(candidate: Candidate, act: () => void): void {
    const { stream } = this.register;
    this.cross(candidate, () => stream === this.register.stream && act());
  }

  /** The register takes or refuses a write, and tells everybody who listens. */
  write(record: Extract<LeaseEffect, { type: 'write' }>['record'], expectedSeq: number): number | undefined {
    if (expectedSeq !== this.register.seq) return undefined;
    this.put({ type: 'record', record });
    return this.register.seq;
  }

  put(value: Reading['value']): void {
    this.register.seq += 1;
    this.register.value = value;
    const observation = { seq: this.register.seq, value };
    for (const to of this.#candidates)
      this.cross(to, () => to.take({ type: 'watched', observation, jitterMs: this.random.fraction() * 50 }));
  }

  elected(candidate: Candidate, epoch: number): void {
    this.#elections += 1;
    // Those who know the highest epoch may all be gone when the register is lost.
    if (epoch <= this.#epochMax && !this.#registerIsLost)
      this.#trouble ??= `epoch ${epoch} at ${this.now} is not above ${this.#epochMax}`;
    this.#epochMax = Math.max(this.#epochMax, epoch);
    this.alone(candidate);
  }

  alone(candidate: Candidate): void {
    const other = this.#candidates.find((one) => one !== candidate && one.isSure());
    if (other !== undefined && candidate.isSure())
      this.#trouble ??= `${candidate.name} and ${other.name} both lead at ${this.now}`;
  }

  #mischief(): void {
    const { random } = this;
    const candidate = this.#candidates[random.integer(candidates)];
    const leader = this.#candidates.find((one) => one.isSure());
    const victim = random.fraction() < 0.6 ? (leader ?? candidate) : candidate;
    if (victim === undefined) return;
    const lot = random.integer(28);
    if (lot < 3) victim.suspend(random.integer(8_000));
    else if (lot < 6) victim.cut(random.integer(8_000));
    else if (lot === 6) this.put({ type: 'foreign', why: 'mischief' });
    else if (lot === 7) victim.resign();
    else if (lot < 11 && !this.#registerIsLost) victim.crash(random.integer(4_000));
    else if (lot === 11 && this.#registerIsLost) this.#loseRegister();
    else if (lot >= 24) victim.close(random.integer(lot < 26 ? 400 : 4_000));
  }

  /** Only before the eyes of all: a newcomer cannot tell it from one that was never written, and would not wait. */
  #loseRegister(): void {
    if (this.#candidates.some((candidate) => !candidate.hasLooked)) return;
    this.register.stream += 1;
    this.register.seq = 0;
    this.register.value = { type: 'empty' };
  }
}

class Candidate {
  readonly name: string;
  readonly #world: World;
  readonly #rate: number;
  readonly #start: number;
  #lease: Lease;
  #lives = 0;
  /** Whether it has seen the register at least once in this life. */
  hasLooked = false;
  #lastRead = 0;
  #running = false;
  #contending = false;
  #wake = 0;
  #suspendedUntil = 0;
  #cutUntil = 0;
  #closed = false;
  /** When it learns that its connection was closed, if it is not suspended; Infinity once it has. */
  #learnsAt = Number.POSITIVE_INFINITY;

  constructor(world: World, index: number) {
    this.#world = world;
    this.name = `m${index}`;
    // Clocks whose rates differ by up to 16 %: the two margins of 10 % are there for that.
    this.#rate = 0.92 + world.random.fraction() * 0.16;
    this.#start = world.random.fraction() * 1_000_000;
    this.#lease = new Lease(this.token, timing);
  }

  /** Of this life. */
  get token(): string {
    return `${this.name}life${this.#lives}`;
  }

  /** Whether nothing reaches it, nor comes from it. */
  get cutOff(): boolean {
    return this.#world.now < this.#cutUntil || this.#closed;
  }

  /** As the server sees it: it does not see that the network is silent. */
  get connected(): boolean {
    return this.#running && !this.#closed;
  }

  /** Whether it would say, asked right now, that it leads. */
  isSure(): boolean {
    const { validUntil } = this.#lease;
    // Who was suspended has news to read first: what it does before is what the epoch is for.
    if (this.#world.now > this.#learnsAt) return false;
    return this.#running && validUntil !== undefined && this.#clock() < validUntil;
  }

  start(): void {
    this.#lives += 1;
    this.hasLooked = false;
    this.#closed = false;
    this.#learnsAt = Number.POSITIVE_INFINITY;
    this.#lease = new Lease(this.token, timing);
    this.#running = true;
    this.#contend();
  }

  crash(downMs: number): void {
    if (!this.#running) return;
    this.#running = false;
    this.#contending = false;
    this.#world.after(downMs, () => this.start());
  }

  suspend(ms: number): void {
    this.#suspendedUntil = Math.max(this.#suspendedUntil, this.#world.now + ms);
  }

  cut(ms: number): void {
    this.#cutUntil = this.#world.now + ms;
    this.#world.after(ms, () => !this.#closed && this.take({ type: 'reconnected' }));
  }

  /** Its connection is closed, and made again later. It learns that sooner than any clock says that the grace is over. */
  close(ms: number): void {
    if (this.#closed || !this.#running) return;
    const { random } = this.#world;
    const life = this.#lives;
    this.#closed = true;
    const learnsMs = random.fraction() * timing.graceMs * 0.9;
    this.#learnsAt = this.#world.now + learnsMs;
    this.#world.after(learnsMs, () => life === this.#lives && this.take({ type: 'cutOff' }));
    this.#world.after(Math.max(learnsMs, ms), () => life === this.#lives && this.#comeBack());
  }

  /** As soon as the network lets it. */
  #comeBack(): void {
    const life = this.#lives;
    const waitMs = Math.max(this.#cutUntil, this.#suspendedUntil) - this.#world.now;
    if (waitMs > 0) this.#world.after(waitMs + 1, () => life === this.#lives && this.#comeBack());
    else {
      this.#closed = false;
      this.take({ type: 'reconnected' });
    }
  }

  resign(): void {
    if (!this.#running || !this.isSure()) return;
    this.take({ type: 'withdraw' });
  }

  /** An input arrives: now, or when it wakes up. */
  take(input: Unstamped): void {
    const life = this.#lives;
    const late = this.#suspendedUntil - this.#world.now;
    if (late > 0) this.#world.after(late, () => this.#lives === life && this.take(input));
    else if (this.#running) this.#step(input);
  }

  #contend(): void {
    const life = this.#lives;
    if (this.#contending || !this.#running || life !== this.#lives) return;
    this.#contending = true;
    this.take({ type: 'contend', holder: masterInfo(this.name) });
  }

  #clock(): number {
    return this.#start + this.#world.now * this.#rate;
  }

  #step(input: Unstamped): void {
    if (input.type === 'cutOff') this.#learnsAt = Number.POSITIVE_INFINITY;
    this.hasLooked ||= input.type === 'read' && input.number === this.#lastRead;
    for (const effect of this.#lease.step({ ...input, now: this.#clock() } as LeaseInput)) this.#carryOut(effect);
    const wakeAt = this.#lease.wakeAt;
    const wake = ++this.#wake;
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, (wakeAt - this.#clock()) / this.#rate) + 0.001;
    this.#world.after(delayMs, () => this.#wake === wake && this.take({ type: 'tick' }));
  }

  #carryOut(effect: LeaseEffect): void {
    const world = this.#world;
    if (effect.type === 'elected') world.elected(this, effect.epoch);
    else if (effect.type === 'renewed') world.alone(this);
    else if (effect.type === 'lost' || effect.type === 'withdrawn') this.#again();
    else if (effect.type === 'read') this.#read(effect.number);
    else if (effect.type === 'write') this.#write(effect);
    else if (effect.type === 'look') this.#look(effect);
  }

  /** Contends again a moment after it stopped. */
  #again(): void {
    this.#contending = false;
    const life = this.#lives;
    this.#world.after(this.#world.random.integer(1_000), () => {
      if (life === this.#lives && this.#lease.wakeAt === Number.POSITIVE_INFINITY) this.#contend();
    });
  }

  #read(number: number): void {
    this.#lastRead = number;
    const world = this.#world;
    const life = this.#lives;
    world.reach(this, () => {
      const { stream, seq, value } = world.register;
      const reading: Reading = { stream: String(stream), seq, value };
      world.cross(this, () => this.#answer(life, { type: 'read', number, reading, jitterMs: 0 }));
    });
  }

  #look({ number, here }: Extract<LeaseEffect, { type: 'look' }>): void {
    const world = this.#world;
    const life = this.#lives;
    world.cross(this, () => {
      const present = world.connected(here);
      const jitterMs = world.random.fraction() * 50;
      world.cross(this, () => this.#answer(life, { type: 'looked', number, present, jitterMs }));
    });
  }

  #write({ record, expectedSeq }: Extract<LeaseEffect, { type: 'write' }>): void {
    const world = this.#world;
    const life = this.#lives;
    const { nonce } = record;
    // Some are refused on the spot though they are taken.
    if (!world.calm && world.random.fraction() < 0.05)
      world.after(5, () => this.#answer(life, { type: 'writeFailed', nonce }));
    world.reach(this, () => {
      const seq = world.write({ ...record, here: this.token }, expectedSeq);
      const input: Unstamped = seq === undefined ? { type: 'conflict', nonce } : { type: 'acknowledged', nonce, seq };
      world.cross(this, () => this.#answer(life, input));
    });
  }

  #answer(life: number, input: Unstamped): void {
    if (life === this.#lives) this.take(input);
  }
}

type Unstamped = LeaseInput extends infer I ? (I extends unknown ? Omit<I, 'now'> : never) : never;

function masterInfo(name: string): MasterInfo {
  return { id: name as MasterId, pid: `master@${name}#1` as Upid, hostname: name, version: '0' };
}
