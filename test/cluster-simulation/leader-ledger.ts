import type { Machine } from '@mesos-ts/process/testing';
import type { Leadership } from '@mesos-ts/zk-election';

interface Term {
  readonly machine: Machine;
  /** A leadership ends with the OS process that held it. */
  readonly incarnation: string;
  readonly leadership: Leadership;
}

/** Who would act as the leader at any moment: by its own right, at most one master at a time, and epochs only grow. */
export class LeaderLedger {
  #terms: Term[] = [];
  #highest = 0;
  /** How many terms there were. */
  count = 0;

  began(machine: Machine, leadership: Leadership): void {
    const { epoch } = leadership;
    if (epoch <= this.#highest)
      throw new Error(`leaders: ${machine.name} leads with epoch ${epoch}, and ${this.#highest} was there before`);
    this.#highest = epoch;
    this.count++;
    this.#terms = this.#terms.filter((term) => isValid(term));
    this.#terms.push({ machine, incarnation: machine.node.incarnation, leadership });
  }

  /** Those who lead right now. */
  get leading(): Machine[] {
    return this.#terms.filter(isValid).map(({ machine }) => machine);
  }

  check(): void {
    if (this.#terms.length < 2) return;
    const valid = this.#terms.filter(isValid);
    if (valid.length < 2) return;
    const who = valid.map(({ machine, leadership }) => `${machine.name} (epoch ${leadership.epoch})`);
    throw new Error(`leaders: ${who.join(' and ')} are both sure to lead`);
  }
}

function isValid({ machine, incarnation, leadership }: Term): boolean {
  return machine.up && machine.node.incarnation === incarnation && leadership.isValid();
}
