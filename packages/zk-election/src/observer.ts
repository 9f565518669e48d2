import { match } from 'ts-pattern';
import { type Leader, sameLeader } from './election.js';
import type { LeaseRecord } from './lease-record.js';
import type { Observation } from './lease-register.js';
import type { LeaseTiming } from './lease-timing.js';
import { ReadPlan } from './read-plan.js';

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
  /** Who led last, which may be the leader, and when there was a sign of it. */
  #last: { readonly leader: Leader; seenAt: number } | undefined;
  #believedUntil = Number.POSITIVE_INFINITY;
  /** Whether anything was said of the leader. */
  #told = false;

  /** @param mayRead false where there is only the watch, and nobody but the register can be heard on it. */
  constructor(timing: LeaseTiming, mayRead = true) {
    this.#timing = timing;
    this.#mayRead = mayRead;
    this.#reads = new ReadPlan({
      everyMs: timing.readEveryMs,
      timeoutMs: timing.readTimeoutMs,
      retryMs: timing.retryMs,
    });
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
    else this.#believedUntil = this.#now + this.#waitMs(this.#timing.leaseMs);
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
    const record = this.#seen.value.type === 'record' ? this.#seen.value.record : undefined;
    const renewal =
      value.type === 'record' &&
      value.record.epoch === record?.epoch &&
      value.record.holder?.pid === record.holder?.pid;
    if (renewal && seq > this.#seen.seq) this.#look(observation);
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
    const leader = leaderOf(record);
    this.#conclude(leader === undefined ? undefined : this.#follow(leader), this.#now + this.#waitMs(record.leaseMs));
  }

  /** With whom it follows; of one that was known already, nothing new is said. */
  #follow(leader: Leader): Leader {
    const last = this.#last;
    this.#last = { leader, seenAt: this.#now };
    if (last === undefined || sameLeader(last.leader, leader)) return leader;
    const { pid, epoch } = last.leader;
    return { ...leader, after: { pid, epoch, silentMs: this.#now - last.seenAt } };
  }

  /** A lease and a margin: how long silence says nothing. */
  #waitMs(leaseMs: number): number {
    return leaseMs + leaseMs * this.#timing.margin;
  }

  #conclude(leader: Leader | undefined, believedUntil: number): void {
    this.#believedUntil = leader === undefined ? Number.POSITIVE_INFINITY : believedUntil;
    if (this.#told && sameLeader(leader, this.#leader)) return;
    this.#told = true;
    this.#leader = leader;
    this.#effects.push({ type: 'leader', leader });
  }
}

function leaderOf({ holder, epoch }: LeaseRecord): Leader | undefined {
  return holder === null ? undefined : { pid: holder.pid, epoch, info: holder };
}
