import { match } from 'ts-pattern';
import { type Leader, sameLeader } from './election.js';
import { isRenewal, type LeaseRecord } from './lease-record.js';
import type { Observation } from './lease-register.js';
import { type LeaseTiming, waitOutMs } from './lease-timing.js';
import { ReadPlan } from './read-plan.js';
import { Succession } from './succession.js';

/** What happens to an observer. Each carries `now`, in ms of one monotonic clock. */
export type ObserverInput = { readonly now: number } & (
  | { readonly type: 'start' }
  | { readonly type: 'tick' }
  | { readonly type: 'reconnected' }
  | { readonly type: 'read'; readonly number: number; readonly observation: Observation }
  | { readonly type: 'readFailed'; readonly number: number }
  | { readonly type: 'watched'; readonly observation: Observation }
);

/** What is to be done, in order. */
export type ObserverEffect =
  | { readonly type: 'read'; readonly number: number }
  | { readonly type: 'leader'; readonly leader: Leader | undefined };

/**
 * Who leads, for one who only looks on. Pure, as the candidate's core is.
 *
 * A leader is believed from the first sight of its record, however old that is, until `leaseMs` and a margin have gone
 * by without a change of the register: until then it may lead, afterwards another may. An observer that is cut off
 * therefore ends with nobody, and finds its leader again when it is back. Garbage in the register changes nothing until
 * the lease of the leader last seen is over.
 *
 * One that cannot read the register has only its watch, which must then be proven: it believes every record, and waits a
 * whole lease and a margin for the first before it says that nobody leads.
 */
export class Observer {
  readonly #timing: LeaseTiming;
  readonly #reads: ReadPlan;
  readonly #mayRead: boolean;
  #now = 0;
  #effects: ObserverEffect[] = [];
  #seen: Observation | undefined;
  #leader: Leader | undefined;
  readonly #succession = new Succession();
  #believedUntil = Number.POSITIVE_INFINITY;
  /** Whether anything was said of the leader. */
  #told = false;

  /** @param mayRead false where there is only the watch, and nobody but the register can be heard on it. */
  constructor(timing: LeaseTiming, mayRead = true) {
    this.#timing = timing;
    this.#mayRead = mayRead;
    this.#reads = new ReadPlan(timing);
  }

  step(input: ObserverInput): readonly ObserverEffect[] {
    this.#now = input.now;
    this.#effects = [];
    this.#take(input);
    if (this.#now >= this.#believedUntil) this.#conclude(undefined, Number.POSITIVE_INFINITY);
    const number = this.#reads.due(this.#now);
    if (number !== undefined) this.#effects.push({ type: 'read', number });
    return this.#effects;
  }

  /** When the next tick is due. */
  get wakeAt(): number {
    return Math.min(this.#reads.wakeAt, this.#believedUntil);
  }

  #take(input: ObserverInput): void {
    match(input)
      .with({ type: 'start' }, () => this.#start())
      .with({ type: 'tick' }, () => {})
      .with({ type: 'reconnected' }, () => this.#mayRead && this.#reads.restart(this.#now))
      .with({ type: 'read' }, ({ number, observation }) => this.#onRead(number, observation))
      .with({ type: 'readFailed' }, ({ number }) => this.#reads.failed(number, this.#now))
      .with({ type: 'watched' }, ({ observation }) => this.#onWatched(observation))
      .exhaustive();
  }

  #start(): void {
    if (this.#mayRead) this.#reads.want(this.#now);
    else this.#believedUntil = this.#now + waitOutMs(this.#timing.leaseMs, this.#timing);
  }

  #onRead(number: number, observation: Observation): void {
    const answer = this.#reads.answered(number, this.#now);
    if (answer === 'ignore') return;
    const { seq, value } = observation;
    if (seq === this.#seen?.seq && value.type === this.#seen.value.type) return;
    if (answer === 'current' || seq > (this.#seen?.seq ?? -1)) this.#look(observation);
  }

  /** Only a renewal of the leader that is known is believed; whatever else a watch says is read, where that is possible. */
  #onWatched(observation: Observation): void {
    if (!this.#mayRead) {
      if (observation.value.type === 'record') this.#believe(observation.value.record);
      return;
    }
    this.#reads.heard(this.#now);
    const { seq, value } = observation;
    if (this.#seen === undefined || seq === this.#seen.seq) return;
    if (seq > this.#seen.seq && isRenewal(this.#seen.value, value)) this.#look(observation);
    else this.#reads.want(this.#now);
  }

  #look(observation: Observation): void {
    this.#seen = observation;
    this.#reads.overtake();
    const { value } = observation;
    if (value.type === 'record') this.#believe(value.record);
    else this.#conclude(this.#leader, this.#believedUntil);
  }

  #believe(record: LeaseRecord): void {
    const { holder, epoch, leaseMs } = record;
    const leader =
      holder === null ? undefined : this.#succession.follow({ pid: holder.pid, epoch, info: holder }, this.#now);
    this.#conclude(leader, this.#now + waitOutMs(leaseMs, this.#timing));
  }

  #conclude(leader: Leader | undefined, believedUntil: number): void {
    this.#believedUntil = leader === undefined ? Number.POSITIVE_INFINITY : believedUntil;
    if (this.#told && sameLeader(leader, this.#leader)) return;
    this.#told = true;
    this.#leader = leader;
    this.#effects.push({ type: 'leader', leader });
  }
}
