import { Random } from '../random.js';
import type { Machine } from './machine.js';
import type { Simulation } from './simulation.js';

/** What may go wrong: `wipe` is a crash that takes the storage with it. */
export type Fault = 'crash' | 'wipe' | 'stall' | 'disconnect' | 'partition' | 'one-way partition';

export interface RandomFaultsOptions {
  /** One fault begins about this often, in ms. */
  readonly everyMs: number;
  /** How long a fault lasts at most, in ms. */
  readonly lastMs: number;
  /** Default: all but `wipe`, which few systems are to survive. */
  readonly kinds?: readonly Fault[];
  /** Who may be hit. Default: every machine that there is when a fault begins. */
  readonly machines?: readonly Machine[];
}

const kindsByDefault: readonly Fault[] = ['crash', 'stall', 'disconnect', 'partition', 'one-way partition'];

/** Faults at random moments, of random kinds and lengths, as the seed of the simulation wants them. Each one ends. */
export class RandomFaults {
  readonly #simulation: Simulation;
  readonly #options: RandomFaultsOptions;
  readonly #random: Random;
  #stopped = false;

  /** Begins at once. */
  constructor(simulation: Simulation, options: RandomFaultsOptions) {
    this.#simulation = simulation;
    this.#options = options;
    this.#random = new Random(`${simulation.seed}/faults`);
    this.#planNext();
  }

  /** No new fault begins; those that last still end in their time: at the latest after `lastMs`. */
  stop(): void {
    this.#stopped = true;
  }

  #planNext(): void {
    this.#simulation.after(2 * this.#options.everyMs * this.#random.fraction(), () => {
      if (this.#stopped) return;
      this.#begin();
      this.#planNext();
    });
  }

  #begin(): void {
    const machines = this.#options.machines ?? this.#simulation.machines;
    const kind = this.#pick(this.#options.kinds ?? kindsByDefault);
    const victim = this.#pick(machines);
    const forMs = Math.ceil(this.#random.fraction() * this.#options.lastMs);
    switch (kind) {
      case 'crash':
        victim.restart({ afterMs: forMs });
        break;
      case 'wipe':
        victim.restart({ afterMs: forMs, storage: 'lost' });
        break;
      case 'stall':
        victim.stall(forMs);
        break;
      case 'disconnect':
        victim.disconnect({ forMs, unnoticedMs: Math.floor(this.#random.fraction() * forMs) });
        break;
      case 'partition':
      case 'one-way partition':
        this.#divide(machines, victim, kind === 'one-way partition', forMs);
        break;
    }
  }

  /** Every other machine falls to either side by chance. */
  #divide(machines: readonly Machine[], victim: Machine, oneWay: boolean, forMs: number): void {
    const side = [victim];
    const rest: Machine[] = [];
    for (const machine of machines) if (machine !== victim) (this.#random.integer(2) === 0 ? side : rest).push(machine);
    const heal = this.#simulation.partition(side, rest, { oneWay });
    this.#simulation.after(forMs, heal);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.integer(from.length)] as T;
  }
}
