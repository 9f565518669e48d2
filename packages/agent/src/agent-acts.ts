import type { AnyMessageType, BodyOf, Clock, Counters, Random, Timer, Upid } from '@mesos-ts/process';
import type { Logger } from 'pino';

/** What the parts of the agent do through its process: all of it as events of that process, and ending with it. */
export interface AgentActs {
  readonly pid: Upid;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly counters: Counters;
  send<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void;
  link(pid: Upid): void;
  delay(delayMs: number, work: () => void): Timer;
  defer<T>(promise: Promise<T>, then: (value: T) => void, failed?: (error: unknown) => void): void;
}
