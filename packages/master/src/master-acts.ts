import type { AnyMessageType, BodyOf, Clock, Counters, Handler, Timer, Upid } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import type { Logger } from 'pino';
import type { Framework } from './frameworks.js';

/** What the parts of the master do through its process: all of it as events of that process, and ending with it. */
export interface MasterActs {
  readonly info: MasterInfo;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counters: Counters;
  /** Whether it leads at this moment; false as soon as its lease may have run out. */
  readonly leads: boolean;
  /** It leads for so short a time that agents may still be on their way to it. */
  readonly recovering: boolean;
  install<M extends AnyMessageType>(type: M, handler: Handler<M>): void;
  /** Sends nothing while the master does not lead. */
  send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void;
  /** Sends to the framework's scheduler, if there is one and it is connected. */
  tell<M extends AnyMessageType>(framework: Framework | undefined, type: M, body: BodyOf<M>): void;
  link(pid: Upid): void;
  delay(delayMs: number, work: () => void): Timer;
  /** Runs `work` behind what waits in the mailbox, if the master is still there by then. */
  later(work: () => void): void;
}
