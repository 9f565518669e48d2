import type { MasterInfo } from '@mesos-ts/protocol';
import { match } from 'ts-pattern';
import { HolderWatch } from './holder-watch.js';
import { isRenewal, type LeaseRecord } from './lease-record.js';
import type { Observation, Reading } from './lease-register.js';
import type { LeaseEffect, LeaseInput } from './lease-step.js';
import type { LeaseTiming } from './lease-timing.js';
import { ReadPlan } from './read-plan.js';
import { type SentWrite, SentWrites } from './sent-writes.js';
import { Turn } from './turn.js';

type Role = 'idle' | 'candidate' | 'leader' | 'withdrawing';

/**
 * One candidate of an observed lease: decides when to write the register and whether it leads. Pure: no I/O, no clock,
 * no chance; the same inputs give the same effects.
 *
 * **Why at most one leads.** A leader relies on a write for `leaseMs` less a margin from when it *sent* it; the others
 * wait `leaseMs` and a margin from when they *saw* the register change, which is later. So whoever takes over does so
 * after the old leader has stopped, however the two clocks are set, as long as their rates differ by less than the two
 * margins. Two that take over together are told apart by compare-and-set. What a leader does after it stopped (it was
 * suspended between its check and its act) is what the epoch is for.
 *
 * **Hints.** A holder whose connection is gone is not waited for that long: once looks have found, for `graceMs`, that
 * the server knows no connection of it ({@link HolderWatch}), a candidate may write. A frozen holder is connected, and
 * keeps its lease. A holder that lives and learns that its own connection is gone is not sure any more from that moment,
 * until a write of its own was taken that it sent when it was connected again; what a candidate would write that had seen
 * it gone before is then refused. So at most one is sure, as long as a holder learns in less than `graceMs` that it is cut
 * off. It does where the server or its machine closes the connection. It may not where the server has given up
 * a connection over a network that is silent, as others give it up after seconds, or where the holder is suspended at the
 * time: for what it does before it reads the news, there is the epoch. It learns of its successor by the watch, or by a
 * refused renewal, whichever is first. A hint says nothing of a register that was lost or holds garbage.
 *
 * **When a candidate may write** is said by {@link Turn}.
 *
 * **What a leader does.** It renews by the same compare-and-set. Another's record in the register ends it at once, even
 * though its lease still runs. Garbage or nothing in place of its record it writes over, as long as its lease lasts:
 * everybody else waits a lease when they see that, just as after a renewal. If it was cut off meanwhile, they may hide the
 * record of a successor, and it gives up.
 *
 * **A write whose answer does not come** may be taken later, even after a reconnection. It is known by its nonce
 * wherever it turns up, and counts from when it was sent; meanwhile the next one may be sent, expecting the same
 * sequence number, of which at most one is taken.
 *
 * **Epochs.** One more than the highest ever read or heard of, which a resigning leader leaves behind for its successor.
 * Where the register holds no record to tell the last one, at least the sequence number of the write as well, which is as
 * high as any epoch that this register gave out.
 */
export class Lease {
  readonly #timing: LeaseTiming;
  readonly #reads: ReadPlan;
  readonly #writes: SentWrites;
  readonly #holderWatch: HolderWatch;
  readonly #turn: Turn;
  #now = 0;
  #effects: LeaseEffect[] = [];
  /** Whether this very step brought the register's present content, asked for no more than half a lease ago. */
  #confirmed = false;

  #role: Role = 'idle';
  #holder: MasterInfo | null = null;
  #highestEpoch = 0;
  /** The register as last seen, by whatever way. */
  #seen: Reading | undefined;
  /** Holds back every write for a while after one that failed at once. */
  #writeNotBefore = Number.NEGATIVE_INFINITY;
  /** What was seen is known to be old: no write before the next read. */
  #outdated = false;
  #epoch = 0;
  #validUntil = Number.NEGATIVE_INFINITY;
  /** Whether no one can have seen our connection gone since our last write that was taken. */
  #certain = false;
  /** Only writes sent since this confer leadership: Infinity while we are cut off. */
  #connectedAt = Number.NEGATIVE_INFINITY;
  #renewAt = Number.POSITIVE_INFINITY;

  /** @param token differs between any two candidates, also of one machine over time; at most 64 characters. */
  constructor(token: string, timing: LeaseTiming) {
    this.#writes = new SentWrites(token);
    this.#timing = timing;
    this.#holderWatch = new HolderWatch(timing);
    this.#reads = new ReadPlan(timing);
    this.#turn = new Turn(timing);
  }

  /** Takes one input. A leader whose lease has run out by then has lost it, whatever the input says. */
  step(input: LeaseInput): readonly LeaseEffect[] {
    this.#now = input.now;
    this.#effects = [];
    this.#confirmed = false;
    this.#expire();
    this.#take(input);
    this.#act();
    return this.#effects;
  }

  /** Until when this candidate certainly leads; undefined where it does not. */
  get validUntil(): number | undefined {
    return this.#role === 'leader' && this.#certain ? this.#validUntil : undefined;
  }

  /** When the next tick is due; Infinity where only another input can bring anything. */
  get wakeAt(): number {
    if (this.#role === 'idle') return Number.POSITIVE_INFINITY;
    const { inFlight } = this.#writes;
    const writeAt = inFlight === undefined ? this.#wakeToWriteAt() : this.#writeTimesOutAt(inFlight);
    const expiresAt = this.#role === 'leader' ? this.#validUntil : Number.POSITIVE_INFINITY;
    const lookAt = this.#role === 'candidate' ? this.#holderWatch.wakeAt : Number.POSITIVE_INFINITY;
    return Math.min(this.#reads.wakeAt, writeAt, expiresAt, lookAt);
  }

  #take(input: LeaseInput): void {
    match(input)
      .with({ type: 'contend' }, ({ holder }) => this.#contend(holder))
      .with({ type: 'withdraw' }, () => this.#withdraw())
      .with({ type: 'tick' }, () => {})
      .with({ type: 'heard' }, ({ epoch }) => this.#hear(epoch))
      .with({ type: 'cutOff' }, () => this.#onCutOff())
      .with({ type: 'reconnected' }, () => this.#onReconnected())
      .with({ type: 'departed' }, ({ connection }) => this.#holderWatch.departed(connection, this.#now))
      .with({ type: 'looked' }, ({ number, present, jitterMs }) => this.#onLooked(number, present, jitterMs))
      .with({ type: 'read' }, ({ number, reading, jitterMs }) => this.#onRead(number, reading, jitterMs))
      .with({ type: 'readFailed' }, ({ number }) => this.#reads.failed(number, this.#now))
      .with({ type: 'watched' }, ({ observation, jitterMs }) => this.#onWatched(observation, jitterMs))
      .with({ type: 'acknowledged' }, ({ nonce, seq }) => this.#onAcknowledged(nonce, seq))
      .with({ type: 'conflict' }, ({ nonce }) => this.#onConflict(nonce))
      .with({ type: 'writeFailed' }, ({ nonce }) => this.#onWriteFailed(nonce))
      .exhaustive();
  }

  // What falls due.

  #act(): void {
    if (this.#role === 'idle') return;
    this.#timeOut();
    if (this.#role === 'withdrawing') this.#concludeWithdrawal();
    if (this.#writes.inFlight === undefined && this.#now >= this.#writeAt()) this.#writeOrConfirm();
    const number = this.#reads.due(this.#now);
    if (number !== undefined) this.#effects.push({ type: 'read', number });
    if (this.#role === 'candidate') this.#lookForHolder();
  }

  #lookForHolder(): void {
    const { here } = this.#holderWatch;
    const number = this.#holderWatch.due(this.#now);
    if (here !== undefined && number !== undefined) this.#effects.push({ type: 'look', number, here });
  }

  #expire(): void {
    if (this.#role === 'leader' && this.#now >= this.#validUntil) this.#lose('no renewal was acknowledged in time');
  }

  #writeTimesOutAt({ sentAt }: SentWrite): number {
    return sentAt + this.#timing.writeTimeoutMs;
  }

  /** A candidate that waits for a read is woken by its answer. */
  #wakeToWriteAt(): number {
    const waiting = this.#role === 'candidate' && (this.#reads.pending || this.#reads.wanted);
    return waiting ? Number.POSITIVE_INFINITY : this.#writeAt();
  }

  #timeOut(): void {
    const { inFlight } = this.#writes;
    if (inFlight === undefined || this.#now < this.#writeTimesOutAt(inFlight)) return;
    this.#writes.stopWaiting();
    this.#reads.want(this.#now);
  }

  /**
   * A candidate writes only upon an answer that shows the register as it saw it. The expected sequence alone would not
   * do: a register that was lost and made anew comes by the same number again, and a candidate that was cut off or
   * suspended may have missed all that.
   */
  #writeOrConfirm(): void {
    if (this.#role !== 'candidate' || this.#confirmed) this.#write();
    else if (!this.#reads.pending) this.#reads.want(this.#now);
  }

  /** When the next write is due if none is under way. */
  #writeAt(): number {
    if (this.#seen === undefined || this.#outdated) return Number.POSITIVE_INFINITY;
    const at = match(this.#role)
      .with('idle', () => Number.POSITIVE_INFINITY)
      .with('candidate', () => this.#turn.at)
      .with('leader', () => this.#renewAt)
      .with('withdrawing', () => (this.#reads.pending ? Number.POSITIVE_INFINITY : this.#now))
      .exhaustive();
    return Math.max(at, this.#writeNotBefore);
  }

  #write(): void {
    const content = {
      holder: this.#role === 'withdrawing' ? null : this.#holder,
      epoch: this.#epochToWrite(),
      leaseMs: this.#timing.leaseMs,
    };
    const { record, expectedSeq } = this.#writes.send(content, this.#seen?.seq ?? 0, this.#now);
    this.#renewAt = this.#now + this.#timing.renewMs;
    this.#effects.push({ type: 'write', record, expectedSeq });
  }

  #epochToWrite(): number {
    if (this.#role === 'leader') return this.#epoch;
    const seen = this.#seen;
    if (seen?.value.type === 'record')
      return this.#role === 'withdrawing' ? this.#highestEpoch : this.#highestEpoch + 1;
    return Math.max(this.#highestEpoch + 1, (seen?.seq ?? 0) + 1);
  }

  // What the owner wants.

  #contend(holder: MasterInfo): void {
    if (this.#role === 'withdrawing') this.#leave();
    if (this.#role !== 'idle') throw new Error(`election: contend while ${this.#role}`);
    this.#role = 'candidate';
    this.#holder = holder;
    this.#outdated = true;
    this.#reads.restart(this.#now);
  }

  #withdraw(): void {
    if (this.#role === 'leader') this.#effects.push({ type: 'lost', epoch: this.#epoch, why: 'resigned' });
    if (this.#role === 'idle') this.#effects.push({ type: 'withdrawn' });
    else this.#role = 'withdrawing';
  }

  /** Ends the withdrawal unless the register names us, which {@link #write} undoes, or soon may. */
  #concludeWithdrawal(): void {
    const value = this.#seen?.value;
    if (value?.type === 'record' && this.#writes.isOurs(value.record) && value.record.holder !== null) return;
    const asking = this.#writes.inFlight !== undefined || this.#outdated || this.#reads.pending || this.#reads.wanted;
    if (this.#writes.anyUnanswered && asking) return;
    this.#leave();
  }

  /** Whatever of its writes is still taken confers nothing any more. */
  #leave(): void {
    this.#role = 'idle';
    this.#writes.forget();
    this.#effects.push({ type: 'withdrawn' });
  }

  #hear(epoch: number): void {
    this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
  }

  // What the register says.

  #onCutOff(): void {
    this.#connectedAt = Number.POSITIVE_INFINITY;
    if (this.#role === 'leader') this.#effects.push({ type: 'doubted', epoch: this.#epoch });
    this.#certain = false;
  }

  #onReconnected(): void {
    // The answer to a write of the old connection will not come: the next one need not wait for it.
    this.#writes.stopWaiting();
    this.#connectedAt = this.#now;
    if (this.#role === 'leader') this.#renewAt = this.#now;
    this.#reads.restart(this.#now);
    this.#holderWatch.reconnected(this.#now);
    this.#turn.unhint();
  }

  #onLooked(number: number, present: boolean, jitterMs: number): void {
    const gone = this.#holderWatch.looked(number, present, this.#now);
    if (gone === false) this.#turn.unhint();
    else if (gone) this.#turn.hint(this.#now + jitterMs);
  }

  #onRead(number: number, reading: Reading, jitterMs: number): void {
    const recent = this.#reads.ageMs(this.#now) <= this.#timing.readEveryMs;
    const answer = this.#reads.answered(number, this.#now);
    if (answer === 'ignore') return;
    this.#confirmed = recent && answer === 'current' && !this.#reads.wanted;
    const news = this.#isNews(reading) && (answer === 'current' || this.#isLater(reading));
    if (this.#outdated && !news) this.#writeNotBefore = this.#now + this.#timing.retryMs;
    if (news) this.#look(reading, jitterMs);
    // Without news from a read that another is to follow: it may be from before whatever outdated us.
    this.#outdated &&= this.#reads.wanted;
  }

  #isNews(reading: Reading): boolean {
    const seen = this.#seen;
    return (
      seen === undefined ||
      seen.stream !== reading.stream ||
      seen.seq !== reading.seq ||
      seen.value.type !== reading.value.type
    );
  }

  #isLater(reading: Reading): boolean {
    return this.#seen === undefined || this.#seen.stream !== reading.stream || reading.seq > this.#seen.seq;
  }

  /** Only a plain renewal is believed; whatever else a watch says is read, since anybody may have said it. */
  #onWatched(observation: Observation, jitterMs: number): void {
    this.#reads.heard(this.#now);
    const { seq, value } = observation;
    if (seq === this.#seen?.seq || (value.type === 'record' && this.#writes.isOurs(value.record))) return;
    if (this.#seen !== undefined && seq > this.#seen.seq && isRenewal(this.#seen.value, value))
      this.#look({ ...observation, stream: this.#seen.stream }, jitterMs);
    else this.#reads.want(this.#now);
  }

  #onAcknowledged(nonce: string, seq: number): void {
    this.#reads.heard(this.#now);
    const write = this.#writes.find(nonce);
    if (write === undefined || this.#seen === undefined) return;
    this.#look({ stream: this.#seen.stream, seq, value: { type: 'record', record: write.record } }, 0);
  }

  #onConflict(nonce: string): void {
    if (!this.#writes.refused(nonce)) return;
    this.#outdated = true;
    this.#reads.want(this.#now);
  }

  #onWriteFailed(nonce: string): void {
    if (!this.#writes.failed(nonce)) return;
    this.#writeNotBefore = this.#now + this.#timing.retryMs;
    this.#reads.want(this.#now);
  }

  /** The register has changed: what that means for us. */
  #look(reading: Reading, jitterMs: number): void {
    const before = this.#seen;
    this.#seen = reading;
    this.#outdated = false;
    this.#reads.overtake();
    const landed = this.#writes.settle(reading, before);
    this.#judge(reading, before, jitterMs);
    if (landed !== undefined) this.#onLanded(landed);
    else if (this.#role === 'leader') this.#onChallenged(reading);
    if (reading.value.type === 'foreign')
      this.#effects.push({ type: 'warn', text: `the register holds no record: ${reading.value.why}` });
  }

  /** Learns from what was seen: the epoch, when our turn comes, and whom to look for. */
  #judge(reading: Reading, before: Reading | undefined, jitterMs: number): void {
    const { value } = reading;
    const ours = value.type === 'record' && this.#writes.isOurs(value.record);
    if (value.type === 'record') this.#hear(value.record.epoch);
    this.#turn.saw(reading, before, ours, this.#now, jitterMs);
    const another = value.type === 'record' && value.record.holder !== null && !ours;
    this.#holderWatch.follow(another ? value.record : undefined, this.#now);
  }

  // What becomes of leadership.

  /** A write of ours was taken. */
  #onLanded({ record, sentAt }: SentWrite): void {
    const validUntil = sentAt + this.#timing.leaseMs - this.#timing.leaseMs * this.#timing.margin;
    this.#renewAt = sentAt + this.#timing.renewMs;
    const certain = sentAt >= this.#connectedAt;
    if (this.#role === 'leader') this.#renew(validUntil, certain);
    else if (this.#role === 'candidate' && validUntil > this.#now && certain) this.#win(record.epoch, validUntil);
    // What it wrote before it was cut off: only another makes it sure.
    if (!this.#certain && this.#now >= this.#connectedAt) this.#renewAt = this.#now;
  }

  #win(epoch: number, validUntil: number): void {
    this.#role = 'leader';
    this.#epoch = epoch;
    this.#validUntil = validUntil;
    this.#certain = true;
    this.#effects.push({ type: 'elected', epoch, validUntil });
  }

  #renew(validUntil: number, certain: boolean): void {
    this.#validUntil = Math.max(this.#validUntil, validUntil);
    this.#certain ||= certain;
    if (!this.#certain) return;
    this.#effects.push({ type: 'renewed', epoch: this.#epoch, validUntil: this.#validUntil });
  }

  /** We lead, and the register holds something else than our last write. */
  #onChallenged({ value }: Reading): void {
    const ours = value.type === 'record' && this.#writes.isOurs(value.record);
    if (value.type === 'record' && !ours) this.#lose(successor(value.record));
    else if (!ours && !this.#certain) this.#lose('it was cut off, and its record is gone');
    else this.#renewAt = this.#now;
  }

  #lose(why: string): void {
    this.#effects.push({ type: 'lost', epoch: this.#epoch, why });
    this.#role = 'idle';
    // Should one of these still be taken, it must not revive a leadership that was called lost.
    this.#writes.forget();
  }
}

function successor({ holder, epoch }: LeaseRecord): string {
  return holder === null ? `somebody resigned in our place (epoch ${epoch})` : `${holder.pid} leads (epoch ${epoch})`;
}
