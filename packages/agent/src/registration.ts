import { parseUpid, type Upid } from '@mesos-ts/process';
import type { SlaveId } from '@mesos-ts/protocol';
import { addressedTo, type Leader } from '@mesos-ts/zk-election';

/** What the agent is to do next. Of `attempt` and of `await-ping`, a later one takes the place of an earlier one. */
export type RegistrationEffect =
  /** Link to the master and send it a RegisterSlave, or a ReregisterSlave where the agent has an id. */
  | { readonly kind: 'register'; readonly to: Upid; readonly leaderEpoch?: number }
  /** Call {@link Registration.attempt} after a random time between the two. */
  | { readonly kind: 'attempt'; readonly fromMs: number; readonly toMs: number }
  /** Call {@link Registration.pingMissed} after `withinMs`. */
  | { readonly kind: 'await-ping'; readonly withinMs: number }
  /** From now on there is a master to send to. */
  | { readonly kind: 'connected'; readonly master: Upid; readonly slaveId: SlaveId }
  /** From now on there is none. */
  | { readonly kind: 'disconnected'; readonly why: string }
  /** The agent must end. */
  | { readonly kind: 'end'; readonly why: string };

export interface RegistrationOptions {
  /**
   * The wait after each of the first three attempts that were not answered, in ms: a new leader hears nothing while it
   * recovers. After each further one it is twice as long as before. Of all waits a random part, up to half, is left out:
   * not more, as an answer takes its time. Default 100; longer where there are so many agents that this would be a flood.
   */
  readonly backoffMs?: number;
  /** The most that this may grow to, in ms. Default 60,000. */
  readonly backoffMsMax?: number;
}

/** So far apart, in the mean, are the first registrations with a new leader, in ms. */
const msPerAgent = 0.1;
/** After so many attempts without an answer the waits begin to grow. */
const equalWaits = 3;
/** At least this long is the time over which agents come back to a leader whose connection they lost, in ms. */
const reconnectMsMin = 50;

type Effects = readonly RegistrationEffect[];

/**
 * Decides when to register with whom (Mesos facts 5.2). The first answer of a leader pins the master: from then on only
 * that incarnation speaks for it. The master stays pinned while its connection is broken, until it answers anew, another
 * incarnation answers in its place, or the detector names another leader.
 *
 * All agents hear of a new leader at once, so their first registrations are spread over 0.1 ms for each agent that the last
 * leader knew of; an agent that does not know of any, such as one that has just started, comes at once.
 *
 * Pure: it waits for nothing and draws no lots, it says how long to wait.
 */
export class Registration {
  readonly #backoffMs: number;
  readonly #backoffMsMax: number;
  #leader: Leader | undefined;
  #master: Upid | undefined;
  #slaveId: SlaveId | undefined;
  #registered = false;
  #attempts = 0;
  #pingTimeoutMs = 0;
  /** As the last leader told; 0 before the first. */
  #expectedAgents = 0;

  constructor(options: RegistrationOptions = {}) {
    this.#backoffMs = options.backoffMs ?? 100;
    this.#backoffMsMax = options.backoffMsMax ?? 60_000;
  }

  /** The pinned master, connected or not. */
  get master(): Upid | undefined {
    return this.#master;
  }

  /** The id that a master gave to this agent; it never changes. */
  get slaveId(): SlaveId | undefined {
    return this.#slaveId;
  }

  /** Whether there is a master to send to. */
  get isRegistered(): boolean {
    return this.#registered;
  }

  /** Whether `from` may answer for the leader: its address, in any incarnation where the detector left that open. */
  speaksForLeader(from: Upid): boolean {
    if (this.#leader === undefined) return false;
    const leader = parseUpid(this.#leader.pid);
    if (leader.incarnation !== '') return from === this.#leader.pid;
    const { id, node } = parseUpid(from);
    return id === leader.id && node === leader.node;
  }

  /** The detector names a leader, or nobody. */
  follow(leader: Leader | undefined): Effects {
    const why = leader === undefined ? 'nobody leads' : `the leader is now ${leader.pid}`;
    const left = this.#registered ? this.#disconnect(why) : [];
    this.#leader = leader;
    this.#master = undefined;
    this.#attempts = 0;
    return [...left, ...this.#firstAttempt(this.#spreadMs)];
  }

  /** The time of an attempt has come. Does nothing once registered. */
  attempt(): Effects {
    if (this.#leader === undefined || this.#registered) return [];
    return [{ kind: 'register', to: this.#leader.pid, ...addressedTo(this.#leader) }, this.#retry()];
  }

  /** A master that {@link speaksForLeader} answered a registration. */
  answered(from: Upid, slaveId: SlaveId, totalPingTimeoutMs: number, expectedAgents: number): Effects {
    if (this.#slaveId !== undefined && this.#slaveId !== slaveId)
      return [{ kind: 'end', why: `${from} registered this agent as ${slaveId}, but it is ${this.#slaveId}` }];
    const known = this.#registered && this.#master === from;
    this.#slaveId = slaveId;
    this.#master = from;
    this.#registered = true;
    this.#pingTimeoutMs = totalPingTimeoutMs;
    this.#expectedAgents = expectedAgents;
    const expect = this.#expectPing();
    return known ? [expect] : [{ kind: 'connected', master: from, slaveId }, expect];
  }

  /** The master pinged, and says whether it holds this agent to be connected. */
  pinged(connected: boolean, expectedAgents: number): Effects {
    if (!this.#registered) return [];
    this.#expectedAgents = expectedAgents;
    return connected ? [this.#expectPing()] : this.#startOver('the master holds this agent to be disconnected');
  }

  /** The time for a ping has passed without one. */
  pingMissed(): Effects {
    return this.#registered ? this.#startOver(`no ping came within ${this.#pingTimeoutMs} ms`) : [];
  }

  /** The link to a process broke. Only the end of the pinned master matters, and only while registered with it. */
  exited(pid: Upid, reason: string): Effects {
    return this.#registered && pid === this.#master ? this.#startOver(`the link to the master broke: ${reason}`) : [];
  }

  /** Registers again with the same leader, not at once: a connection that breaks again and again would be a loop. */
  #startOver(why: string): Effects {
    this.#attempts = 0;
    return [...this.#disconnect(why), ...this.#firstAttempt(Math.max(reconnectMsMin, this.#spreadMs))];
  }

  #disconnect(why: string): Effects {
    this.#registered = false;
    return [{ kind: 'disconnected', why }];
  }

  #firstAttempt(withinMs: number): Effects {
    return withinMs === 0 ? this.attempt() : [{ kind: 'attempt', fromMs: 0, toMs: withinMs }];
  }

  /** What all agents together need, to come one after the other. */
  get #spreadMs(): number {
    return Math.min(this.#expectedAgents * msPerAgent, this.#backoffMsMax);
  }

  #retry(): RegistrationEffect {
    const backoffMs = Math.max(this.#backoffMs, 2 * this.#spreadMs);
    const doublings = Math.max(0, this.#attempts - equalWaits + 1);
    const toMs = Math.min(backoffMs * 2 ** doublings, this.#backoffMsMax);
    this.#attempts++;
    return { kind: 'attempt', fromMs: toMs / 2, toMs };
  }

  #expectPing(): RegistrationEffect {
    return { kind: 'await-ping', withinMs: this.#pingTimeoutMs };
  }
}
