import type { Clock } from '@mesos-ts/process';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import { Alarm } from './alarm.js';
import type { Detector, Leader } from './election.js';
import { LeaderBoard } from './leader-board.js';
import { faultOf, type ZookeeperConnection } from './zookeeper-connection.js';
import { readMember } from './zookeeper-member.js';
import { ZookeeperObserver, type ZookeeperObserverEffect, type ZookeeperObserverInput } from './zookeeper-observer.js';
import { type OverZookeeperOptions, observerPingPart, ZookeeperSessions } from './zookeeper-sessions.js';

/** Tells who leads by what is in ZooKeeper; carries out what {@link ZookeeperObserver} decides. */
export class ZookeeperDetector implements Detector {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #path: string;
  readonly #sessions: ZookeeperSessions;
  readonly #observer: ZookeeperObserver;
  readonly #board = new LeaderBoard();
  readonly #alarm: Alarm;
  #state: 'idle' | 'observing' | 'closed' = 'idle';

  /** @param closely see {@link ZookeeperObserver}. */
  constructor(options: OverZookeeperOptions, closely = false) {
    this.#observer = new ZookeeperObserver(closely);
    const log = options.log ?? pino({ level: 'silent' });
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => this.#step({ type: 'tick' }));
    this.#log = log;
    this.#path = options.address.path;
    this.#sessions = new ZookeeperSessions({ ...options, log }, observerPingPart);
  }

  detect(previous?: Leader): Promise<Leader | undefined> {
    const answer = this.#board.detect(previous);
    if (this.#state === 'idle') {
      this.#state = 'observing';
      this.#sessions.load().then(
        () => this.#step({ type: 'start' }),
        (error) => this.#refuse(error),
      );
    }
    return answer;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#board.end();
    this.#alarm.cancel();
    this.#sessions.end();
    await this.#sessions.ended();
  }

  #refuse(error: Parameters<LeaderBoard['refuse']>[0]): void {
    if (this.#state === 'closed') return;
    this.#state = 'idle';
    this.#board.refuse(error);
  }

  #step(input: Unstamped): void {
    if (this.#state !== 'observing') return;
    const now = this.#clock.now();
    for (const effect of this.#observer.step({ ...input, now })) this.#carryOut(effect);
    this.#alarm.set(this.#observer.wakeAt);
  }

  #carryOut(effect: ZookeeperObserverEffect): void {
    match(effect)
      .with({ type: 'openSession' }, () => this.#open())
      .with({ type: 'list' }, () => this.#list())
      .with({ type: 'look' }, ({ name, watch }) => this.#look(name, watch))
      .with({ type: 'leader' }, ({ leader }) => this.#post(leader))
      .with({ type: 'refused' }, (refusal) => this.#refuse(this.#sessions.refusal(refusal)))
      .with({ type: 'warn' }, ({ text }) => this.#log.warn(text))
      .exhaustive();
  }

  #post(leader: Leader | undefined): void {
    this.#log.info({ leader: leader?.pid, epoch: leader?.epoch }, leader === undefined ? 'nobody leads' : 'who leads');
    this.#board.post(leader);
  }

  #open(): void {
    this.#sessions.open({
      up: () => this.#step({ type: 'up' }),
      down: () => this.#step({ type: 'down' }),
      over: (why) => this.#step({ type: 'over', why }),
    });
  }

  #list(): void {
    const changed = this.#sessions.inThisSession(() => this.#step({ type: 'changed' }));
    this.#do(
      'list',
      (connection) => listOrWait(connection, this.#path, changed),
      (names) => ({ type: 'listed', names }),
    );
  }

  #look(name: string, watch: boolean): void {
    const written = watch ? this.#sessions.inThisSession(() => this.#step({ type: 'written', name })) : undefined;
    this.#do(
      'look',
      (connection) => readMember(connection, this.#path, name, written),
      (member) => ({ type: 'looked', name, member }),
    );
  }

  #do<T>(
    what: 'list' | 'look',
    ask: (connection: ZookeeperConnection) => Promise<T>,
    input: (value: T) => Unstamped,
  ): void {
    this.#sessions.request(
      ask,
      (value) => this.#step(input(value)),
      (fault, why) => this.#step({ type: 'failed', what, fault, why }),
    );
  }
}

type Unstamped = ZookeeperObserverInput extends infer I ? (I extends unknown ? Omit<I, 'now'> : never) : never;

/** The children; nobody where the node is not there, whose coming is watched for then. Makes nothing: it only looks. */
async function listOrWait(
  connection: ZookeeperConnection,
  path: string,
  changed: () => void,
): Promise<readonly string[]> {
  try {
    return await connection.children(path, changed);
  } catch (error) {
    if (faultOf(error) !== 'noNode') throw error;
    if (await connection.exists(path, changed)) changed();
    return [];
  }
}
