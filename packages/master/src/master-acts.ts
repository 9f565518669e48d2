import type { AnyMessageType, Clock, Counters, Handler, Timer, Upid } from '@mesos-ts/process';
import type { LeaderMessageType, MasterInfo, WithoutEpoch } from '@mesos-ts/protocol';
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
  /** Of the leadership that it has, or had; 0 before the first. */
  readonly epoch: number;
  /** Somebody whom it answers for has seen a later leader than this one. */
  stale(epoch: number): void;
  /** Whether the registry outlives this master, so that who is in neither is not known to anybody. */
  readonly remembers: boolean;
  /** Gives this leadership up, for a reason in words: everything in the books is forgotten. */
  stepDown(why: string): void;
  /** It leads for so short a time that agents of which nothing is known may still be on their way to it. */
  readonly recovering: boolean;
  install<M extends AnyMessageType>(type: M, handler: Handler<M>): void;
  /** Sends it with the epoch of this leadership; nothing while the master does not lead. */
  send<M extends LeaderMessageType>(to: Upid, type: M, body: WithoutEpoch<M>): void;
  /** Sends to the framework's scheduler, if there is one and it is connected. */
  tell<M extends LeaderMessageType>(framework: Framework | undefined, type: M, body: WithoutEpoch<M>): void;
  /**
   * What answers the message that is being handled, now or later, with the epoch of this leadership; nothing where the
   * master does not lead any more by then.
   */
  answer<M extends LeaderMessageType>(type: M): (body: WithoutEpoch<M>) => void;
  link(pid: Upid): void;
  delay(delayMs: number, work: () => void): Timer;
  /** Runs `work` behind what waits in the mailbox, if the master is still there by then. */
  later(work: () => void): void;
}
