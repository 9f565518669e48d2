import { Random } from '@mesos-ts/process';
import type { Machine, Simulation } from '@mesos-ts/process/testing';

export type Fault =
  | 'crash'
  /** Ends in an orderly manner, and is started again. */
  | 'stop'
  | 'stall'
  | 'disconnect'
  | 'partition'
  | 'one-way partition'
  /** All that it says arrives late, or all that it is told: renewals and writes of a leader after it was replaced. */
  | 'slow'
  | 'wall clock';

/** Who may be hit, and how often in comparison. */
export interface Victims {
  readonly weight: number;
  /** Asked when a fault begins. */
  readonly machines: () => readonly Machine[];
  /** The shortest fault, in ms. Default 10. */
  readonly atLeastMs?: number;
  /** The longest fault, in ms. */
  readonly lastMs: number;
  /** One of these; one that is named twice is as likely again. Default: all, and crashes, stalls and disconnects twice. */
  readonly kinds?: readonly Fault[];
  /** Ends a machine's program in an orderly manner and starts it again after a while. Default: such a fault does nothing. */
  readonly stop?: (machine: Machine, forMs: number) => void;
}

export const usualKinds: readonly Fault[] = [
  'crash',
  'crash',
  'stall',
  'stall',
  'disconnect',
  'disconnect',
  'partition',
  'one-way partition',
  'slow',
  'wall clock',
];

const everyMs = 8_000;
const slowMsMax = 20_000;
const wallStepMsMax = 20_000;

/** Faults of all kinds, most of them short, at random moments until the storm is over; then none lasts. */
export class Storm {
  readonly #simulation: Simulation;
  readonly #victims: readonly Victims[];
  readonly #random: Random;
  readonly #endsAt: number;
  /** How many faults there were. */
  count = 0;

  /** Begins at once. */
  constructor(simulation: Simulation, victims: readonly Victims[], forMs: number) {
    this.#simulation = simulation;
    this.#victims = victims;
    this.#random = new Random(`${simulation.seed}/storm`);
    this.#endsAt = simulation.now + forMs;
    this.#next();
  }

  #next(): void {
    this.#simulation.after(2 * everyMs * this.#random.fraction(), () => {
      if (this.#simulation.now >= this.#endsAt) return;
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const { machines, atLeastMs = 10, lastMs, kinds = usualKinds, stop } = this.#pickVictims();
    const candidates = machines();
    const victim = candidates[this.#random.integer(candidates.length)];
    const kind = kinds[this.#random.integer(kinds.length)];
    // Of all lengths alike: as many shorter than a second as longer than ten.
    const forMs = Math.min(
      atLeastMs * (lastMs / atLeastMs) ** this.#random.fraction(),
      this.#endsAt - this.#simulation.now,
    );
    if (victim === undefined || kind === undefined) return;
    this.count++;
    switch (kind) {
      case 'crash':
        victim.restart({ afterMs: forMs });
        break;
      case 'stop':
        stop?.(victim, forMs);
        break;
      case 'stall':
        victim.stall(Math.ceil(forMs));
        break;
      case 'disconnect':
        victim.disconnect({ forMs, unnoticedMs: forMs * this.#random.fraction() });
        break;
      case 'partition':
      case 'one-way partition':
        this.#divide(victim, kind === 'one-way partition', forMs);
        break;
      case 'slow':
        this.#hold(victim, forMs);
        break;
      case 'wall clock':
        victim.stepWallClock(this.#random.integer(2 * wallStepMsMax) - wallStepMsMax);
    }
  }

  /** Alone on its side, or with about half of all others. */
  #divide(victim: Machine, oneWay: boolean, forMs: number): void {
    const [side, rest]: [Machine[], Machine[]] = [[victim], []];
    const alone = this.#random.integer(2) === 0;
    for (const machine of this.#simulation.machines)
      if (machine !== victim) (!alone && this.#random.integer(2) === 0 ? side : rest).push(machine);
    const swap = oneWay && this.#random.integer(2) === 0;
    const heal = this.#simulation.partition(swap ? rest : side, swap ? side : rest, { oneWay });
    this.#simulation.after(forMs, heal);
  }

  #hold(victim: Machine, forMs: number): void {
    const others = this.#simulation.machines.filter((machine) => machine !== victim);
    const [from, to] = this.#random.integer(2) === 0 ? [[victim], others] : [others, [victim]];
    const heal = this.#simulation.slow(from, to, this.#random.integer(slowMsMax));
    this.#simulation.after(forMs, heal);
  }

  #pickVictims(): Victims {
    let lot = this.#random.integer(this.#victims.reduce((sum, { weight }) => sum + weight, 0));
    for (const victims of this.#victims) {
      lot -= victims.weight;
      if (lot < 0) return victims;
    }
    throw new RangeError('a storm needs victims');
  }
}
