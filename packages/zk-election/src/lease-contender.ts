import type { Clock, Random } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import { Alarm } from './alarm.js';
import type { Contender, Leadership } from './election.js';
import { AlreadyContending, ElectionClosed, type ElectionError } from './errors.js';
import { HeldLeadership } from './held-leadership.js';
import { Lease } from './lease.js';
import type { LeaseRecord } from './lease-record.js';
import type { Observation, OpenRegister, Register, RegisterListener } from './lease-register.js';
import type { LeaseEffect, LeaseInput } from './lease-step.js';
import { type LeaseOptions, type LeaseTiming, leaseTiming } from './lease-timing.js';

/** What a contender or detector over a register is made of. */
export interface OverRegisterOptions {
  readonly clock: Clock;
  /** Opens the register; called at the first use, and again at the next one if it failed. */
  readonly open: OpenRegister;
  /** Default: silent. */
  readonly log?: Logger;
  readonly lease?: LeaseOptions;
}

interface Pending {
  resolve(leadership: Leadership): void;
  reject(error: ElectionError): void;
}

const tokenLength = 16;

/** A candidate that competes by the observed lease of {@link Lease}, over any register; carries out what that decides. */
export class LeaseContender implements Contender {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #timing: LeaseTiming;
  /** Names this candidate in its writes, and is what others look for. */
  readonly #token: string;
  readonly #lease: Lease;
  readonly #alarm: Alarm;
  readonly #open: OpenRegister;
  #opening: Promise<Register> | undefined;
  #register: Register | undefined;
  #pending: Pending | undefined;
  #leadership: HeldLeadership | undefined;
  #withdrawn: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  readonly #waiting = new AbortController();
  #failure: ElectionError | undefined;
  #troubled = false;

  constructor(options: OverRegisterOptions & { readonly random: Random }) {
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#step({ type: 'tick', now: this.#clock.now() }));
    this.#random = options.random;
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#timing = leaseTiming(options.lease);
    this.#token = options.random.token(tokenLength);
    this.#lease = new Lease(this.#token, this.#timing);
    this.#open = options.open;
  }

  contend(info: MasterInfo, onEntered?: () => void): Promise<Leadership> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing !== undefined) return Promise.reject(new ElectionClosed('contender'));
    if (this.#pending !== undefined || this.#leadership !== undefined) return Promise.reject(new AlreadyContending());
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#enter(info, onEntered).catch((error) => this.#refuse(error));
    });
  }

  heard(epoch: number): void {
    this.#step({ type: 'heard', now: this.#clock.now(), epoch });
  }

  resign(): Promise<void> {
    return this.#leadership === undefined || this.#closing !== undefined ? Promise.resolve() : this.#withdraw();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #enter(info: MasterInfo, onEntered?: () => void): Promise<void> {
    this.#opening ??= this.#open(this.#listener(), this.#token, this.#waiting.signal);
    try {
      this.#register = await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
    if (this.#closing !== undefined) return;
    onEntered?.();
    this.#step({ type: 'contend', now: this.#clock.now(), holder: info });
  }

  #listener(): RegisterListener {
    const now = () => this.#clock.now();
    return {
      changed: (observation) => this.#changed(observation),
      cutOff: () => this.#stepIfOpen({ type: 'cutOff', now: now() }),
      reconnected: () => this.#stepIfOpen({ type: 'reconnected', now: now() }),
      departed: (connection) => this.#stepIfOpen({ type: 'departed', now: now(), connection }),
      failed: (error) => this.#fail(error),
    };
  }

  #refuse(error: ElectionError): void {
    this.#pending?.reject(error);
    this.#pending = undefined;
  }

  async #close(): Promise<void> {
    const closed = new ElectionClosed('contender');
    this.#refuse(closed);
    this.#waiting.abort(closed);
    const register = await this.#opening?.catch(() => undefined);
    if (register === undefined) return;
    if (this.#failure === undefined) await this.#withdraw();
    this.#end();
    await register.close();
  }

  /** Resigns or withdraws; gives up after a part of the lease, since the lease then does the same. */
  #withdraw(): Promise<void> {
    const before = this.#withdrawn;
    return new Promise((resolve) => {
      const limit = this.#clock.timer(this.#timing.leaseMs / 3, () => this.#withdrawn?.());
      this.#withdrawn = () => {
        limit.cancel();
        this.#withdrawn = undefined;
        before?.();
        resolve();
      };
      this.#step({ type: 'withdraw', now: this.#clock.now() });
    });
  }

  #fail(error: ElectionError): void {
    this.#log.error({ err: error }, 'the election cannot go on');
    this.#failure = error;
    this.#refuse(error);
    this.#over(error.message);
    this.#withdrawn?.();
    this.#end();
  }

  /** Nothing more is decided or carried out. */
  #end(): void {
    this.#alarm.cancel();
    this.#register = undefined;
  }

  #step(input: LeaseInput): void {
    for (const effect of this.#lease.step(input)) this.#carryOut(effect);
    this.#alarm.set(this.#register === undefined ? Number.POSITIVE_INFINITY : this.#lease.wakeAt);
  }

  #carryOut(effect: LeaseEffect): void {
    match(effect)
      .with({ type: 'read' }, ({ number }) => this.#read(number))
      .with({ type: 'write' }, ({ record, expectedSeq }) => this.#write(record, expectedSeq))
      .with({ type: 'look' }, ({ number, here }) => this.#look(number, here))
      .with({ type: 'elected' }, ({ epoch, validUntil }) => this.#elected(epoch, validUntil))
      .with({ type: 'renewed' }, ({ validUntil }) => this.#leadership?.prolong(validUntil))
      .with({ type: 'doubted' }, () => this.#leadership?.doubt())
      .with({ type: 'lost' }, ({ why }) => this.#over(why))
      .with({ type: 'withdrawn' }, () => this.#withdrawn?.())
      .with({ type: 'warn' }, ({ text }) => this.#log.warn(text))
      .exhaustive();
  }

  #read(number: number): void {
    this.#register?.read().then(
      (reading) => {
        this.#troubled = false;
        this.#stepIfOpen({ type: 'read', now: this.#clock.now(), number, reading, jitterMs: this.#jitterMs() });
      },
      (error) => {
        this.#complain(error, 'the register could not be read');
        this.#stepIfOpen({ type: 'readFailed', now: this.#clock.now(), number });
      },
    );
  }

  /** Looks that fail say nothing, and another follows. */
  #look(number: number, here: string): void {
    this.#register?.present?.(here).then(
      (present) =>
        this.#stepIfOpen({ type: 'looked', now: this.#clock.now(), number, present, jitterMs: this.#jitterMs() }),
      (error) => this.#log.debug({ err: error }, 'the leader could not be looked for'),
    );
  }

  #write(record: LeaseRecord, expectedSeq: number): void {
    const { nonce } = record;
    this.#register?.write(record, expectedSeq).then(
      (outcome) => this.#stepIfOpen({ ...outcome, now: this.#clock.now(), nonce }),
      (error) => {
        this.#complain(error, 'the register could not be written');
        this.#stepIfOpen({ type: 'writeFailed', now: this.#clock.now(), nonce });
      },
    );
  }

  /** Warns once until reading works again: this is retried several times a second. */
  #complain(error: unknown, what: string): void {
    if (this.#register === undefined) return;
    this.#log[this.#troubled ? 'debug' : 'warn']({ err: error }, what);
    this.#troubled = true;
  }

  #changed(observation: Observation): void {
    this.#stepIfOpen({ type: 'watched', now: this.#clock.now(), observation, jitterMs: this.#jitterMs() });
  }

  #stepIfOpen(input: LeaseInput): void {
    if (this.#register !== undefined) this.#step(input);
  }

  #jitterMs(): number {
    return this.#random.fraction() * this.#timing.jitterMs;
  }

  #elected(epoch: number, validUntil: number): void {
    this.#log.info({ epoch }, 'elected');
    this.#leadership = new HeldLeadership(epoch, validUntil, this.#clock);
    this.#pending?.resolve(this.#leadership);
    this.#pending = undefined;
  }

  #over(why: string): void {
    if (this.#leadership === undefined) return;
    this.#log.info({ epoch: this.#leadership.epoch, why }, 'leadership is over');
    this.#leadership.end(why);
    this.#leadership = undefined;
  }
}
