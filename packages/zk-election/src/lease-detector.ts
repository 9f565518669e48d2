import type { Clock } from '@mesos-ts/process';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import { Alarm } from './alarm.js';
import type { Detector, Leader } from './election.js';
import { ElectionClosed, type ElectionError } from './errors.js';
import { LeaderBoard } from './leader-board.js';
import type { OverRegisterOptions } from './lease-contender.js';
import type { OpenRegister, Register, RegisterListener } from './lease-register.js';
import { leaseTiming } from './lease-timing.js';
import { Observer, type ObserverEffect, type ObserverInput } from './observer.js';

/** Tells who leads by an {@link Observer} of any register; carries out what that decides. */
export class LeaseDetector implements Detector {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #observer: Observer;
  readonly #board = new LeaderBoard();
  readonly #alarm: Alarm;
  readonly #open: OpenRegister;
  #opening: Promise<Register> | undefined;
  #register: Register | undefined;
  #closing: Promise<void> | undefined;
  readonly #waiting = new AbortController();
  #troubled = false;

  /** `mayRead` false: there is only the watch, and nobody but the register can be heard on it. Default true. */
  constructor(options: OverRegisterOptions & { readonly mayRead?: boolean }) {
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#step({ type: 'tick', now: this.#clock.now() }));
    this.#log = options.log ?? pino({ level: 'silent' });
    this.#observer = new Observer(leaseTiming(options.lease), options.mayRead);
    this.#open = options.open;
  }

  detect(previous?: Leader): Promise<Leader | undefined> {
    const answer = this.#board.detect(previous);
    if (this.#closing === undefined && this.#opening === undefined) this.#start();
    return answer;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#board.end();
    this.#waiting.abort(new ElectionClosed('detector'));
    const register = await this.#opening?.catch(() => undefined);
    this.#end();
    await register?.close();
  }

  #start(): void {
    const listener: RegisterListener = {
      changed: (observation) => this.#step({ type: 'watched', now: this.#clock.now(), observation }),
      reconnected: () => this.#step({ type: 'reconnected', now: this.#clock.now() }),
      failed: (error) => this.#fail(error),
    };
    const opening = this.#open(listener, undefined, this.#waiting.signal).then((register) => this.#opened(register));
    this.#opening = opening;
    opening.catch((error) => {
      this.#opening = undefined;
      this.#board.refuse(error);
    });
  }

  #opened(register: Register): Register {
    if (this.#closing !== undefined) return register;
    this.#register = register;
    this.#step({ type: 'start', now: this.#clock.now() });
    return register;
  }

  #fail(error: ElectionError): void {
    this.#log.error({ err: error }, 'the leader cannot be detected any more');
    this.#board.end(error);
    this.#end();
  }

  #end(): void {
    this.#alarm.cancel();
    this.#register = undefined;
  }

  #step(input: ObserverInput): void {
    if (this.#register === undefined) return;
    for (const effect of this.#observer.step(input)) this.#carryOut(effect);
    this.#alarm.set(this.#observer.wakeAt);
  }

  #carryOut(effect: ObserverEffect): void {
    match(effect)
      .with({ type: 'read' }, ({ number }) => this.#read(number))
      .with({ type: 'leader' }, ({ leader }) => this.#post(leader))
      .exhaustive();
  }

  #post(leader: Leader | undefined): void {
    this.#log.info({ leader: leader?.pid, epoch: leader?.epoch }, leader === undefined ? 'nobody leads' : 'who leads');
    this.#board.post(leader);
  }

  #read(number: number): void {
    this.#register?.read().then(
      (observation) => {
        this.#troubled = false;
        this.#step({ type: 'read', now: this.#clock.now(), number, observation });
      },
      (error) => {
        this.#complain(error);
        this.#step({ type: 'readFailed', now: this.#clock.now(), number });
      },
    );
  }

  /** Warns once until reading works again: this is retried several times a second. */
  #complain(error: unknown): void {
    if (this.#register === undefined) return;
    this.#log[this.#troubled ? 'debug' : 'warn']({ err: error }, 'the register could not be read');
    this.#troubled = true;
  }
}
