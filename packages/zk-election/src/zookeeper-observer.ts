import { match } from 'ts-pattern';
import { type Leader, sameLeader } from './election.js';
import { Succession } from './succession.js';
import type { ZookeeperFault } from './zookeeper-connection.js';
import { ZookeeperGroup } from './zookeeper-group.js';
import type { Member } from './zookeeper-member.js';

/** What happens to an observer. Each carries `now`, in ms of one monotonic clock. */
export type ZookeeperObserverInput = { readonly now: number } & (
  | { readonly type: 'start' }
  | { readonly type: 'tick' }
  // Of the session that was opened last:
  | { readonly type: 'up' }
  | { readonly type: 'down' }
  | { readonly type: 'over'; readonly why: string }
  // What became of what was to be done, in that session:
  | { readonly type: 'listed'; readonly names: readonly string[] }
  | { readonly type: 'looked'; readonly name: string; readonly member: Member | 'gone' }
  | { readonly type: 'failed'; readonly what: 'list' | 'look'; readonly fault: ZookeeperFault; readonly why: string }
  /** The watch of the list fired. */
  | { readonly type: 'changed' }
  /** The watch of that node fired. */
  | { readonly type: 'written'; readonly name: string }
);

/** What is to be done, in order. */
export type ZookeeperObserverEffect =
  | { readonly type: 'openSession' }
  /** List the nodes and watch the list, or watch for the group to come where there is none. */
  | { readonly type: 'list' }
  | { readonly type: 'look'; readonly name: string; readonly watch: boolean }
  | { readonly type: 'leader'; readonly leader: Leader | undefined }
  /** Nothing can be observed, and nothing more is tried. */
  | { readonly type: 'refused'; readonly unreachable: boolean; readonly why: string }
  | { readonly type: 'warn'; readonly text: string };

/** The pause before what failed is tried again (Mesos facts 6.2). */
const retryMs = 2_000;

/**
 * Who leads, for one who only looks on. Pure, as the candidate's core is.
 *
 * The leader is the first member of the group that has written its epoch: one that is first and has not done so does not
 * know yet that it leads, or will never. A master of the original that is first leads, but nobody here can speak to it,
 * so for us nobody does. What was seen last is believed while the connection is lost, until the session is over: until
 * then the leader, who has heard of ZooKeeper more lately than that, may lead.
 */
export class ZookeeperObserver {
  readonly #closely: boolean;
  #now = 0;
  #effects: ZookeeperObserverEffect[] = [];
  #started = false;
  #reached = false;
  #session: 'none' | 'down' | 'up' = 'none';
  #sessionWasUp = false;
  #openAt = 0;
  #retryAt = 0;
  readonly #group = new ZookeeperGroup((text) => this.#warn(text));
  #listWanted = false;
  #busy: 'list' | 'look' | undefined;
  /** The node that is watched until it has an epoch. */
  #watched: string | undefined;
  #written = false;
  #leader: Leader | undefined;
  readonly #succession = new Succession();
  #told = false;
  #stranger: string | undefined;

  /** @param closely whether to read each sign of life of the leader, so that its end is told from the last of them. */
  constructor(closely = false) {
    this.#closely = closely;
  }

  step(input: ZookeeperObserverInput): readonly ZookeeperObserverEffect[] {
    this.#now = input.now;
    this.#effects = [];
    this.#take(input);
    if (this.#started) this.#proceed();
    return this.#effects;
  }

  /** When the next tick is due. */
  get wakeAt(): number {
    if (!this.#started) return Number.POSITIVE_INFINITY;
    if (this.#session === 'none') return this.#openAt;
    return this.#session === 'up' && this.#retryAt > this.#now ? this.#retryAt : Number.POSITIVE_INFINITY;
  }

  #take(input: ZookeeperObserverInput): void {
    match(input)
      .with({ type: 'start' }, () => {
        this.#started = true;
      })
      .with({ type: 'tick' }, () => {})
      .with({ type: 'up' }, () => this.#up())
      .with({ type: 'down' }, () => this.#down())
      .with({ type: 'over' }, ({ why }) => this.#over(why))
      .with({ type: 'listed' }, ({ names }) => {
        this.#busy = undefined;
        this.#group.list(names);
      })
      .with({ type: 'looked' }, ({ name, member }) => {
        this.#busy = undefined;
        this.#group.saw(name, member);
        if (this.#closely && this.#written && member !== 'gone') this.#sawLeader();
        this.#written = false;
      })
      .with({ type: 'failed' }, ({ what, fault, why }) => this.#failed(what, fault, why))
      .with({ type: 'changed' }, () => {
        if (!this.#closely) this.#sawLeader();
        this.#listWanted = true;
      })
      .with({ type: 'written' }, ({ name }) => {
        if (this.#watched !== name) return;
        this.#watched = undefined;
        // Or removed, which the next look tells.
        this.#written = true;
      })
      .exhaustive();
  }

  #up(): void {
    this.#session = 'up';
    this.#reached = true;
    this.#sessionWasUp = true;
    this.#listWanted = true;
    this.#retryAt = this.#now;
  }

  #down(): void {
    if (this.#session === 'up' && !this.#closely) this.#sawLeader();
    this.#session = 'down';
    this.#busy = undefined;
    this.#watched = undefined;
    this.#written = false;
  }

  #over(why: string): void {
    this.#down();
    this.#session = 'none';
    if (!this.#reached) {
      this.#started = false;
      this.#effects.push({ type: 'refused', unreachable: true, why });
      return;
    }
    this.#conclude(undefined);
    this.#openAt = this.#now + (this.#sessionWasUp ? 0 : retryMs);
  }

  #failed(what: 'list' | 'look', fault: ZookeeperFault, why: string): void {
    this.#busy = undefined;
    this.#watched = undefined;
    if (what === 'list') this.#listWanted = true;
    if (fault === 'connection') return;
    this.#warn(
      `ZooKeeper could not ${what === 'list' ? 'list the nodes' : 'read a node'}, which is tried again: ${why}`,
    );
    this.#retryAt = this.#now + retryMs;
  }

  #proceed(): void {
    if (this.#session === 'none' && this.#now >= this.#openAt) {
      this.#session = 'down';
      this.#sessionWasUp = false;
      this.#effects.push({ type: 'openSession' });
    }
    if (this.#session !== 'up' || this.#busy !== undefined || this.#now < this.#retryAt) return;
    if (this.#listWanted) {
      this.#listWanted = false;
      this.#busy = 'list';
      this.#effects.push({ type: 'list' });
    } else this.#judge();
  }

  #judge(): void {
    const { position } = this.#group;
    if (position.type === 'empty') {
      this.#conclude(undefined);
      return;
    }
    if (position.type === 'look') {
      this.#look(position.name, false);
      return;
    }
    const { name, member } = position;
    if (member === 'self') return;
    if (member.type === 'ours' && member.epoch !== undefined) {
      this.#conclude({ pid: member.info.pid, epoch: member.epoch, info: member.info });
      if (this.#closely) this.#look(name, true);
      return;
    }
    this.#conclude(undefined);
    if (member.type === 'ours') this.#look(name, true);
    else if (member.type === 'mesos') this.#meet(name, member.where);
  }

  /** Reads a node; watched once, it is read again when it is written. */
  #look(name: string, watch: boolean): void {
    if (this.#watched === name) return;
    if (watch) this.#watched = name;
    this.#busy = 'look';
    this.#effects.push({ type: 'look', name, watch });
  }

  #meet(name: string, where: string): void {
    if (this.#stranger === name) return;
    this.#stranger = name;
    this.#warn(`a master of another kind leads, and cannot be spoken to: ${where}`);
  }

  #conclude(leader: Leader | undefined): void {
    if (this.#told && sameLeader(leader, this.#leader)) {
      if (!this.#closely) this.#sawLeader();
      return;
    }
    this.#told = true;
    this.#leader = leader;
    this.#effects.push({
      type: 'leader',
      leader: leader === undefined ? undefined : this.#succession.follow(leader, this.#now),
    });
  }

  /**
   * Its node was there until now: a list says so, or the end of a watch in which nothing had changed; or, for who observes
   * closely, it has just been written.
   */
  #sawLeader(): void {
    if (this.#leader !== undefined) this.#succession.saw(this.#now);
  }

  #warn(text: string): void {
    this.#effects.push({ type: 'warn', text });
  }
}
