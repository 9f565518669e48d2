import { nextTick } from 'node:process';
import { SystemClock } from '../clock.js';
import { Random } from '../random.js';
import { type Latency, uniformLatency } from './latency.js';
import { type Boot, Machine, type MachineOptions } from './machine.js';
import { MessageFilters } from './message-filters.js';
import { SimulatedNetwork } from './simulated-network.js';
import { Timeline, type TimelineEvent } from './timeline.js';
import { Trace, type TraceOptions } from './trace.js';

export interface SimulationOptions {
  /** Everything that happens by chance follows from it. */
  readonly seed: string | number;
  /** How long frames take. Default: uniform from 0.1 to 2 ms. */
  readonly latency?: Latency;
  /** What happened, line by line. Costs about as much time as the rest. Default: true. */
  readonly trace?: boolean | TraceOptions;
}

/** A condition that a simulated world was to come to, and did not. */
export class NotReachedError extends Error {
  override readonly name = 'NotReachedError';
  readonly code = 'NOT_REACHED';
}

/** Its callbacks are microtasks, at half the price of `queueMicrotask`, which makes an async resource of each. */
const settled = Promise.resolve();
/** How many events happen before the platform's event loop gets a turn: other tests, output, Ctrl-C. */
const eventsPerTurn = 10_000;

/**
 * A world in one OS process: machines with a Node each, on a simulated network, under one virtual time. It stands still
 * until it is told to move. Everything happens in one order, by time and, at the same time, by what was planned first;
 * whatever promises an event set off has run before the next event. So a seed gives one history, byte for byte.
 *
 * Nothing in it may await the outside: no real timer, file or socket.
 */
export class Simulation {
  readonly seed: string;
  /** For the choices of the test itself; drawing from it changes nothing else. */
  readonly random: Random;
  /** Await, hold and lose single messages. */
  readonly filters = new MessageFilters();
  readonly #trace: Trace | undefined;
  readonly #timeline = new Timeline();
  readonly #network: SimulatedNetwork;
  readonly #machines = new Map<string, Machine>();
  readonly #invariants: (() => void)[] = [];
  readonly #turns = new SystemClock();
  #failure: { readonly error: unknown } | undefined;
  #driven = false;
  #events = 0;

  constructor(options: SimulationOptions) {
    this.seed = String(options.seed);
    this.random = new Random(`${this.seed}/test`);
    const { trace = true } = options;
    if (trace !== false) this.#trace = new Trace(() => this.#timeline.now, trace === true ? {} : trace);
    this.#network = new SimulatedNetwork({
      timeline: this.#timeline,
      random: new Random(`${this.seed}/network`),
      latency: options.latency ?? uniformLatency(0.1, 2),
      filters: this.filters,
      trace: this.#trace,
      door: (name) => this.#machines.get(name)?.door,
    });
  }

  /** The world's time, in ms since its beginning. No Node sees it. */
  get now(): number {
    return this.#timeline.now;
  }

  /** How many events have happened. */
  get events(): number {
    return this.#events;
  }

  /** @throws {TypeError} where it was switched off. */
  get trace(): Trace {
    if (this.#trace === undefined) throw new TypeError('this simulation keeps no trace: leave out `trace: false`');
    return this.#trace;
  }

  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** Adds a machine and starts it; it is up after the next {@link settle} or {@link advance}. */
  machine(name: string, boot: Boot, options: MachineOptions = {}): Machine {
    if (this.#machines.has(name)) throw new TypeError(`there is a machine ${name} already`);
    const machine = new Machine(name, boot, options, {
      seed: this.seed,
      timeline: this.#timeline,
      network: this.#network,
      trace: this.#trace,
      failed: (error) => this.#fail(error),
    });
    this.#machines.set(name, machine);
    return machine;
  }

  /**
   * Loses all frames between two groups of machines, without telling anyone, until the returned function is called.
   * @param options `oneWay`: only those from the first group to the second.
   */
  partition(
    a: readonly Machine[],
    b: readonly Machine[],
    { oneWay = false }: { readonly oneWay?: boolean } = {},
  ): () => void {
    const [from, to] = [a, b].map((group) => group.map(({ name }) => name)) as [string[], string[]];
    const where = `${from.join(' ')} ${oneWay ? '-/>' : '</>'} ${to.join(' ')}`;
    this.note(`partition ${where}`);
    const heals = [this.#network.cut(from, to), ...(oneWay ? [] : [this.#network.cut(to, from)])];
    return () => {
      this.note(`partition ${where} heals`);
      for (const heal of heals) heal();
    };
  }

  /**
   * Holds up what is sent from one group of machines to another by `byMs`, until the returned function is called. What was
   * sent by then still arrives as late, and what is sent afterwards does not overtake it.
   */
  slow(from: readonly Machine[], to: readonly Machine[], byMs: number): () => void {
    const [senders, receivers] = [from, to].map((group) => group.map(({ name }) => name)) as [string[], string[]];
    const where = `${senders.join(' ')} -> ${receivers.join(' ')}`;
    this.note(`slow by ${byMs} ms: ${where}`);
    const heal = this.#network.slow(senders, receivers, byMs);
    return () => {
      this.note(`slow no more: ${where}`);
      heal();
    };
  }

  /** Writes a line of the test's own into the trace. */
  note(what: string): void {
    this.#trace?.add('(world)', what);
  }

  /** Does something at a later moment of the world's time. */
  after(delayMs: number, work: () => void): void {
    this.#timeline.plan(this.now + delayMs, undefined, work);
  }

  /** Looks after every event; what it throws ends the run. For what must hold at every moment. */
  invariant(check: () => void): void {
    this.#invariants.push(check);
  }

  /** Looks once, from within a process: what it throws ends the run instead of the process. */
  observe(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Moves the world on by `ms`. Rejects with what an invariant, a boot function or a timer threw. */
  advance(ms: number): Promise<void> {
    return this.#drive(this.now + ms);
  }

  /** Lets everything happen that is due now, and what follows from it without any time passing. */
  settle(): Promise<void> {
    return this.#drive(this.now);
  }

  /** Moves the world on until the condition holds. @throws {NotReachedError} naming `what` if it never does in time. */
  async until(what: string, condition: () => boolean, { withinMs }: { readonly withinMs: number }): Promise<void> {
    const startedAt = this.now;
    await this.#drive(this.now + withinMs, condition);
    if (!condition())
      throw new NotReachedError(
        `not within ${withinMs} ms from ${startedAt.toFixed(3)} on, seed ${this.seed}: ${what}`,
      );
  }

  /** Moves the world on until the promise settles, and does as it does. */
  async outcome<T>(promise: Promise<T>, { withinMs = 60_000 }: { readonly withinMs?: number } = {}): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.until('the awaited promise settles', () => settled, { withinMs });
    return promise;
  }

  async #drive(until: number, stop?: () => boolean): Promise<void> {
    if (this.#driven) throw new TypeError('this simulation is being moved already: await that first');
    this.#driven = true;
    try {
      await new Promise<void>((resolve) => this.#loop(until, stop, resolve));
    } finally {
      this.#driven = false;
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * The platform runs a tick only when no promise is left to run, and a tick that a promise asked for only after all of
   * them. So each event meets a world in which everything that went before has had all of its consequences. That is
   * several times cheaper than a turn of the event loop for each.
   */
  #loop(until: number, stop: (() => boolean) | undefined, done: () => void): void {
    let left = eventsPerTurn;
    const tick = (): void => nextTick(step);
    const step = (): void => {
      for (const check of this.#invariants) this.observe(check);
      if (this.#failure !== undefined || stop?.() === true) done();
      else if (!this.#next(until)) done();
      else if (--left > 0) void settled.then(tick);
      else {
        left = eventsPerTurn;
        this.#turns.nextTurn(step);
      }
    };
    void settled.then(tick);
  }

  /** Lets the next event happen. False when there is none until then. */
  #next(until: number): boolean {
    for (;;) {
      const event = this.#timeline.take(until);
      if (event === undefined) {
        this.#timeline.moveTo(until);
        return false;
      }
      const { owner } = event;
      if (owner === undefined || (owner.alive && !owner.stalled)) {
        this.#perform(event);
        return true;
      }
      if (owner.alive) owner.postpone(event);
    }
  }

  #perform(event: TimelineEvent): void {
    this.#events++;
    this.observe(event.run);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.note(`failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
