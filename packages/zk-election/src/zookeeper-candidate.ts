import { match } from 'ts-pattern';
import type { ZookeeperFault } from './zookeeper-connection.js';
import { ZookeeperGroup } from './zookeeper-group.js';
import type { Member } from './zookeeper-member.js';

/** What happens to a candidate. Each carries `now`, in ms of one monotonic clock. */
export type ZookeeperCandidateInput = { readonly now: number } & (
  | { readonly type: 'contend' }
  /** Leadership, if it is held, is given up, and so is the candidacy. */
  | { readonly type: 'withdraw'; readonly why: string }
  | { readonly type: 'heard'; readonly epoch: number }
  | { readonly type: 'tick' }
  // Of the session that was opened last:
  | { readonly type: 'up'; readonly timeoutMs: number }
  | { readonly type: 'down' }
  | { readonly type: 'over'; readonly why: string }
  // What became of what was to be done, in that session:
  | { readonly type: 'created'; readonly name: string }
  | { readonly type: 'listed'; readonly names: readonly string[] }
  | { readonly type: 'looked'; readonly name: string; readonly member: Member | 'gone' }
  /** `provenAt`: when the ensemble's leader heard of the session for certain; `czxid`: of what made the node. */
  | { readonly type: 'stamped'; readonly provenAt: number; readonly czxid: number }
  | { readonly type: 'failed'; readonly what: Task; readonly fault: ZookeeperFault; readonly why: string }
  /** The watch of the list fired. */
  | { readonly type: 'changed' }
);

type Task = 'create' | 'list' | 'look' | 'stamp';

/** What is to be done, in order. */
export type ZookeeperCandidateEffect =
  | { readonly type: 'openSession' }
  /** End the session, and so remove its node; what comes of it after this must not be told. */
  | { readonly type: 'endSession' }
  /** Make a node that lives as long as the session. */
  | { readonly type: 'create' }
  /** List the nodes and watch the list. */
  | { readonly type: 'list' }
  | { readonly type: 'look'; readonly name: string }
  /** Write our own node, with the epoch where there is one. */
  | { readonly type: 'stamp'; readonly name: string; readonly epoch: number | undefined }
  | { readonly type: 'elected'; readonly epoch: number; readonly validUntil: number }
  | { readonly type: 'renewed'; readonly validUntil: number }
  | { readonly type: 'lost'; readonly epoch: number; readonly why: string }
  /** The contest could not be entered, and is not contended for any more. */
  | { readonly type: 'refused'; readonly unreachable: boolean; readonly why: string }
  | { readonly type: 'warn'; readonly text: string };

/** How long a leader relies on a proof of its session, how often it asks for one; parts of the session's timeout. */
const relyPart = 5 / 6;
const stampPart = 1 / 8;
/** The pause before what failed is tried again (Mesos facts 6.2). */
const retryMs = 2_000;

/**
 * One candidate of an election over ZooKeeper. Pure: knows no network and no clock. Has at most one session, and that has
 * at most one node: whatever is uncertain, such as whether a node was made when the connection was lost, is settled by
 * ending the session and beginning another.
 *
 * The member with the lowest number leads, as in the original. There it relies on answers to its pings, which says too
 * much: a server that was cut off from the others answers pings while they end the session. Here a leader relies on
 * writes, which need a majority: it leads once it has written its epoch into its own node after it saw itself first, and
 * goes on writing every eighth of the session's timeout. A write tells when the leader of the ensemble has certainly heard
 * of the session ({@link ZookeeperSession.provenBy}); the session ends one timeout after that at the earliest, and the
 * leadership is relied upon for five sixths of it: the rest is for clocks whose rates differ. Who is suspended or cut off
 * so knows that it leads no more before another can.
 *
 * The epoch is the number of the transaction that made the node, so it grows with every change of hands, or one more than
 * the highest that was heard of, where ZooKeeper has lost its data and counts anew.
 */
export class ZookeeperCandidate {
  #now = 0;
  #effects: ZookeeperCandidateEffect[] = [];
  #contending = false;
  /** Whether any session was ever taken by a server: until then nobody waits for one. */
  #reached = false;
  #session: 'none' | 'down' | 'up' = 'none';
  #sessionWasUp = false;
  #openAt = 0;
  #timeoutMs = 0;
  #retryAt = 0;
  readonly #busy = new Set<Task>();
  #name: string | undefined;
  #czxid: number | undefined;
  #group: ZookeeperGroup | undefined;
  #listWanted = false;
  /** What is being written into our node, or was last. */
  #stamp: { readonly at: number; readonly epoch: number | undefined } | undefined;
  #epochHeard = 0;
  #leading: { readonly epoch: number; validUntil: number } | undefined;

  step(input: ZookeeperCandidateInput): readonly ZookeeperCandidateEffect[] {
    this.#now = input.now;
    this.#effects = [];
    // Before all else: what comes to one that was suspended came too late.
    if (this.#leading !== undefined && this.#now >= this.#leading.validUntil)
      this.#lose('no write to ZooKeeper was confirmed in time');
    this.#take(input);
    if (this.#contending) this.#proceed();
    return this.#effects;
  }

  /** Until when it relies on its leadership, if it leads. */
  get validUntil(): number | undefined {
    return this.#leading?.validUntil;
  }

  /** When the next tick is due. */
  get wakeAt(): number {
    if (!this.#contending) return Number.POSITIVE_INFINITY;
    if (this.#session === 'none') return this.#openAt;
    const limit = this.#leading?.validUntil ?? Number.POSITIVE_INFINITY;
    if (this.#session !== 'up') return limit;
    if (this.#retryAt > this.#now) return Math.min(limit, this.#retryAt);
    return this.#leading === undefined || this.#busy.has('stamp') ? limit : Math.min(limit, this.#stampDue());
  }

  #take(input: ZookeeperCandidateInput): void {
    match(input)
      .with({ type: 'contend' }, () => this.#contend())
      .with({ type: 'withdraw' }, ({ why }) => this.#withdraw(why))
      .with({ type: 'heard' }, ({ epoch }) => this.#heard(epoch))
      .with({ type: 'tick' }, () => {})
      .otherwise((told) => this.#contending && this.#session !== 'none' && this.#takeOfSession(told));
  }

  #takeOfSession(input: ZookeeperCandidateInput): void {
    match(input)
      .with({ type: 'up' }, ({ timeoutMs }) => this.#up(timeoutMs))
      .with({ type: 'down' }, () => this.#down())
      .with({ type: 'over' }, ({ why }) => this.#over(why))
      .with({ type: 'created' }, ({ name }) => this.#created(name))
      .with({ type: 'listed' }, ({ names }) => this.#listed(names))
      .with({ type: 'looked' }, ({ name, member }) => this.#looked(name, member))
      .with({ type: 'stamped' }, ({ provenAt, czxid }) => this.#stamped(provenAt, czxid))
      .with({ type: 'failed' }, ({ what, fault, why }) => this.#failed(what, fault, why))
      .with({ type: 'changed' }, () => {
        this.#listWanted = true;
      })
      .otherwise(() => {});
  }

  #contend(): void {
    if (this.#contending) return;
    this.#contending = true;
    this.#openAt = this.#now;
  }

  #withdraw(why: string): void {
    if (this.#leading !== undefined) this.#lose(why);
    else if (this.#contending) this.#stop();
  }

  #heard(epoch: number): void {
    this.#epochHeard = Math.max(this.#epochHeard, epoch);
  }

  #up(timeoutMs: number): void {
    this.#session = 'up';
    this.#reached = true;
    this.#sessionWasUp = true;
    this.#timeoutMs = timeoutMs;
    this.#listWanted = true;
    this.#retryAt = this.#now;
    // A leader proves that it still leads.
    if (this.#stamp !== undefined) this.#stamp = { ...this.#stamp, at: Number.NEGATIVE_INFINITY };
  }

  #down(): void {
    this.#session = 'down';
    const creating = this.#busy.has('create');
    this.#busy.clear();
    if (creating) this.#renew();
  }

  #over(why: string): void {
    if (this.#leading !== undefined) {
      this.#lose(why);
      return;
    }
    if (!this.#reached) {
      this.#refuse(true, why);
      return;
    }
    this.#effects.push({ type: 'warn', text: `the session with ZooKeeper is over: ${why}` });
    const wait = this.#sessionWasUp ? 0 : retryMs;
    this.#forget();
    this.#openAt = this.#now + wait;
  }

  #created(name: string): void {
    this.#busy.delete('create');
    this.#name = name;
    this.#group = new ZookeeperGroup((text) => this.#effects.push({ type: 'warn', text }), name);
    this.#listWanted = true;
  }

  #listed(names: readonly string[]): void {
    this.#busy.delete('list');
    this.#group?.list(names);
    if (this.#name !== undefined && !names.includes(this.#name)) this.#vanished();
  }

  #looked(name: string, member: Member | 'gone'): void {
    this.#busy.delete('look');
    this.#group?.saw(name, member);
    if (member !== 'gone' && member.type === 'ours') this.#heard(member.epoch ?? 0);
  }

  #stamped(provenAt: number, czxid: number): void {
    this.#busy.delete('stamp');
    this.#czxid = czxid;
    const epoch = this.#stamp?.epoch;
    const validUntil = provenAt + this.#timeoutMs * relyPart;
    if (!Number.isSafeInteger(this.#nextEpoch())) {
      this.#refuse(false, `no epoch can be made of ${czxid}`);
      return;
    }
    if (epoch === undefined || this.#now >= validUntil) return;
    if (this.#leading === undefined) {
      this.#elected(epoch, validUntil);
      return;
    }
    this.#leading.validUntil = Math.max(this.#leading.validUntil, validUntil);
    this.#effects.push({ type: 'renewed', validUntil: this.#leading.validUntil });
  }

  #elected(epoch: number, validUntil: number): void {
    // What was heard while the epoch was on its way makes it too low: it is written again.
    if (epoch < this.#nextEpoch()) return;
    this.#leading = { epoch, validUntil };
    this.#heard(epoch);
    this.#effects.push({ type: 'elected', epoch, validUntil });
  }

  #failed(what: Task, fault: ZookeeperFault, why: string): void {
    this.#busy.delete(what);
    if (what === 'list') this.#listWanted = true;
    if (fault === 'noNode' && what !== 'create') {
      this.#vanished();
      return;
    }
    if (fault === 'noAuth' && what === 'create') {
      this.#refuse(false, why);
      return;
    }
    if (fault === 'connection') {
      if (what === 'create') this.#renew();
      return;
    }
    this.#effects.push({ type: 'warn', text: `ZooKeeper could not ${what} a node, which is tried again: ${why}` });
    this.#retryAt = this.#now + retryMs;
  }

  /** Somebody has removed our node, though the session goes on. */
  #vanished(): void {
    const why = 'our node in ZooKeeper was removed';
    if (this.#leading !== undefined) {
      this.#lose(why);
      return;
    }
    this.#effects.push({ type: 'warn', text: why });
    this.#renew();
  }

  #proceed(): void {
    if (this.#session === 'none' && this.#now >= this.#openAt) this.#open();
    if (this.#session !== 'up' || this.#now < this.#retryAt) return;
    if (this.#name === undefined) {
      this.#begin('create', { type: 'create' });
      return;
    }
    if (this.#listWanted && !this.#busy.has('list')) {
      this.#listWanted = false;
      this.#begin('list', { type: 'list' });
    }
    if (!this.#busy.has('stamp')) this.#stampIfDue(this.#name);
    const position = this.#group?.position;
    if (!this.#busy.has('list') && position?.type === 'look')
      this.#begin('look', { type: 'look', name: position.name });
  }

  #stampIfDue(name: string): void {
    // A list that is old shows too many before us, never too few.
    const position = this.#group?.position;
    const isFirst = position?.type === 'first' && position.member === 'self';
    if (this.#leading !== undefined) {
      if (this.#now >= this.#stampDue()) this.#write(name, this.#leading.epoch);
    } else if (this.#czxid === undefined) this.#write(name, undefined);
    else if (isFirst) this.#write(name, this.#nextEpoch());
  }

  #write(name: string, epoch: number | undefined): void {
    this.#stamp = { at: this.#now, epoch };
    this.#begin('stamp', { type: 'stamp', name, epoch });
  }

  #stampDue(): number {
    return (this.#stamp?.at ?? this.#now) + this.#timeoutMs * stampPart;
  }

  #nextEpoch(): number {
    return Math.max(this.#czxid ?? 0, this.#epochHeard + 1);
  }

  #begin(task: Task, effect: ZookeeperCandidateEffect): void {
    if (this.#busy.has(task)) return;
    this.#busy.add(task);
    this.#effects.push(effect);
  }

  #open(): void {
    this.#session = 'down';
    this.#sessionWasUp = false;
    this.#effects.push({ type: 'openSession' });
  }

  /** Another session, at once. */
  #renew(): void {
    this.#effects.push({ type: 'endSession' });
    this.#forget();
    this.#openAt = this.#now;
  }

  #lose(why: string): void {
    const epoch = this.#leading?.epoch ?? 0;
    this.#leading = undefined;
    this.#effects.push({ type: 'lost', epoch, why });
    this.#stop();
  }

  #refuse(unreachable: boolean, why: string): void {
    if (this.#leading !== undefined) {
      this.#lose(why);
      return;
    }
    this.#effects.push({ type: 'refused', unreachable, why });
    this.#stop();
  }

  #stop(): void {
    this.#contending = false;
    if (this.#session !== 'none') this.#effects.push({ type: 'endSession' });
    this.#forget();
  }

  #forget(): void {
    this.#session = 'none';
    this.#busy.clear();
    this.#name = undefined;
    this.#czxid = undefined;
    this.#group = undefined;
    this.#stamp = undefined;
    this.#listWanted = false;
  }
}
