import type { AnyMessageType, BodyOf, Timer, Upid } from '@mesos-ts/process';
import {
  epochOf,
  RegisterSlave,
  ReregisterSlave,
  Shutdown,
  type SlaveId,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
  StaleLeader,
  version,
} from '@mesos-ts/protocol';
import { type Detector, ElectionClosed, EpochFence, type FenceVerdict, type Leader } from '@mesos-ts/zk-election';
import { match } from 'ts-pattern';
import type { AgentActs } from './agent-acts.js';
import { Registration, type RegistrationEffect } from './registration.js';

export interface MasterContactOptions {
  readonly detector: Detector;
  readonly registrationBackoffMs: number;
  /** What the agent tells of itself when it registers; called with its id once it has one. */
  readonly describe: (slaveId: SlaveId | undefined) => SlaveInfo;
  /** All that runs, for a master to learn. */
  readonly report: (slaveId: SlaveId) => Omit<ReregisterSlave, 'slave' | 'version'>;
  readonly onConnected: (master: Upid) => void;
  readonly onDisconnected: () => void;
  /** The agent cannot go on. */
  readonly onEnd: (why: string) => void;
}

/** The longest wait before a detector that failed is asked again, in ms. */
const detectAgainMsMax = 1_000;
/** What a leader may send before it is pinned: its answer to a registration, of which the last refuses the agent. */
const firstWords: ReadonlySet<string> = new Set([SlaveRegistered.name, SlaveReregistered.name, Shutdown.name]);

/** Carries out what {@link Registration} decides: follows the detector, registers, and keeps the timers. */
export class MasterContact {
  readonly #acts: AgentActs;
  readonly #options: MasterContactOptions;
  readonly #registration: Registration;
  readonly #fence = new EpochFence();
  #attemptTimer: Timer | undefined;
  #pingTimer: Timer | undefined;
  #ended = false;

  constructor(acts: AgentActs, options: MasterContactOptions) {
    this.#acts = acts;
    this.#options = options;
    this.#registration = new Registration({ backoffMs: options.registrationBackoffMs });
  }

  /** As {@link Registration.slaveId}. */
  get slaveId(): SlaveId | undefined {
    return this.#registration.slaveId;
  }

  /**
   * What to make of a message that only a leader may send, which is taken from the pinned master, or as an answer to a
   * registration from whoever may answer for the leader; and from nobody once a later leader is known, of which the sender
   * is told.
   */
  judge(from: Upid, name: string, body: unknown): FenceVerdict {
    const isLeaders = this.#isMaster(from) || (firstWords.has(name) && this.#registration.speaksForLeader(from));
    const epoch = epochOf(body);
    const verdict = this.#fence.judge(epoch, isLeaders);
    if (verdict === 'stale') {
      const { highest } = this.#fence;
      this.#acts.counters.increment('messages_from_stale_leaders');
      this.#acts.log.warn({ from, message: name, epoch, highest }, 'message dropped: a later leader is known');
      this.#acts.send(from, StaleLeader, { epoch: highest });
    }
    return verdict;
  }

  #isMaster(from: Upid): boolean {
    return from === this.#registration.master;
  }

  /** Finds out who leads, and registers; from now on. */
  start(): void {
    this.#detect(undefined);
  }

  /** Registers with nobody any more; what is registered stays so. */
  end(): void {
    this.#ended = true;
    this.#attemptTimer?.cancel();
  }

  /** Sends to the master where there is one. @returns false where there is none, and nothing was sent. */
  tell<M extends AnyMessageType>(type: M, body: BodyOf<M>): boolean {
    const { master, isRegistered } = this.#registration;
    if (!isRegistered || master === undefined) return false;
    this.#acts.send(master, type, body);
    return true;
  }

  /** A registration was answered. @returns whether the agent is that master's now. */
  answered(from: Upid, slaveId: SlaveId, totalPingTimeoutMs: number, expectedAgents: number): boolean {
    this.#carryOut(this.#registration.answered(from, slaveId, totalPingTimeoutMs, expectedAgents));
    return this.#isMaster(from);
  }

  pinged(connected: boolean, expectedAgents: number): void {
    this.#carryOut(this.#registration.pinged(connected, expectedAgents));
  }

  exited(pid: Upid, reason: string): void {
    this.#carryOut(this.#registration.exited(pid, reason));
  }

  #detect(previous: Leader | undefined): void {
    this.#acts.defer(
      this.#options.detector.detect(previous),
      (leader) => {
        this.#acts.log.info({ leader: leader?.pid, epoch: leader?.epoch }, 'who leads has changed');
        if (leader !== undefined) this.#fence.raise(leader.epoch);
        this.#carryOut(this.#registration.follow(leader));
        this.#detect(leader);
      },
      (error) => this.#notDetected(previous, error),
    );
  }

  #notDetected(previous: Leader | undefined, error: unknown): void {
    const { log, random } = this.#acts;
    if (error instanceof ElectionClosed) {
      log.info('the detector was closed: the agent stays with the master that it knows');
      return;
    }
    log.warn({ err: error }, 'cannot tell who leads; trying again');
    this.#acts.delay(random.fraction() * detectAgainMsMax, () => this.#detect(previous));
  }

  #carryOut(effects: readonly RegistrationEffect[]): void {
    for (const effect of effects)
      match(effect)
        .with({ kind: 'register' }, ({ kind: _, to, ...addressed }) => this.#register(to, addressed))
        .with({ kind: 'attempt' }, ({ fromMs, toMs }) => this.#scheduleAttempt(fromMs, toMs))
        .with({ kind: 'await-ping' }, ({ withinMs }) => this.#awaitPing(withinMs))
        .with({ kind: 'connected' }, ({ master, slaveId }) => this.#connected(master, slaveId))
        .with({ kind: 'disconnected' }, ({ why }) => this.#disconnected(why))
        .with({ kind: 'end' }, ({ why }) => this.#options.onEnd(why))
        .exhaustive();
  }

  #register(to: Upid, addressed: { readonly leaderEpoch?: number }): void {
    if (this.#ended) return;
    const { slaveId } = this.#registration;
    const slave = this.#options.describe(slaveId);
    this.#acts.log.debug({ to, slave: slaveId }, 'registering');
    this.#acts.link(to);
    if (slaveId === undefined) this.#acts.send(to, RegisterSlave, { ...addressed, slave, version });
    else this.#acts.send(to, ReregisterSlave, { ...addressed, slave, version, ...this.#options.report(slaveId) });
  }

  #scheduleAttempt(fromMs: number, toMs: number): void {
    this.#attemptTimer?.cancel();
    if (this.#ended) return;
    const delayMs = fromMs + this.#acts.random.fraction() * (toMs - fromMs);
    this.#attemptTimer = this.#acts.delay(delayMs, () => this.#carryOut(this.#registration.attempt()));
  }

  #awaitPing(withinMs: number): void {
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#acts.delay(withinMs, () => this.#carryOut(this.#registration.pingMissed()));
  }

  #connected(master: Upid, slaveId: SlaveId): void {
    this.#attemptTimer?.cancel();
    this.#acts.link(master);
    this.#acts.log.info({ master, slave: slaveId }, 'registered');
    this.#options.onConnected(master);
  }

  #disconnected(why: string): void {
    this.#pingTimer?.cancel();
    this.#acts.log.warn({ why }, 'disconnected from the master');
    this.#options.onDisconnected();
  }
}
