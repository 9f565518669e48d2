import type { Clock, Timer } from '@mesos-ts/process';
import { type Logger, pino } from 'pino';
import { match } from 'ts-pattern';
import type { Detector, Leader } from './election.js';
import { LeaderBoard } from './leader-board.js';
import { type ZookeeperConnection, ZookeeperProblem } from './zookeeper-connection.js';
import { decodeMember } from './zookeeper-member.js';
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
  #state: 'idle' | 'observing' | 'closed' = 'idle';
  #timer: Timer | undefined;

  /** @param closely see {@link ZookeeperObserver}. */
  constructor(options: OverZookeeperOptions, closely = false) {
    this.#observer = new ZookeeperObserver(closely);
    const log = options.log ?? pino({ level: 'silent' });
    this.#clock = options.clock;
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
    this.#timer?.cancel();
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
    this.#timer?.cancel();
    const { wakeAt } = this.#observer;
    if (wakeAt === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.timer(Math.max(0, wakeAt - now), () => this.#step({ type: 'tick' }));
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
    const changed = this.#ofThisSession(() => this.#step({ type: 'changed' }));
    this.#do(
      'list',
      (connection) => listOrWait(connection, this.#path, changed),
      (names) => ({ type: 'listed', names }),
    );
  }

  #look(name: string, watch: boolean): void {
    const written = watch ? this.#ofThisSession(() => this.#step({ type: 'written', name })) : undefined;
    this.#do(
      'look',
      (connection) => connection.get(`${this.#path}/${name}`, written).catch(goneIfNone),
      (node) => ({ type: 'looked', name, member: node === 'gone' ? node : decodeMember(name, node.data) }),
    );
  }

  #ofThisSession<A extends unknown[]>(act: (...args: A) => void): (...args: A) => void {
    const { client } = this.#sessions;
    return (...args) => {
      if (this.#sessions.client === client) act(...args);
    };
  }

  #do<T>(
    what: 'list' | 'look',
    ask: (connection: ZookeeperConnection) => Promise<T>,
    input: (value: T) => Unstamped,
  ): void {
    const tell = this.#ofThisSession((told: Unstamped) => this.#step(told));
    this.#sessions.client?.request(ask).then(
      ({ value }) => tell(input(value)),
      (error) => {
        const fault = error instanceof ZookeeperProblem ? error.fault : 'other';
        tell({ type: 'failed', what, fault, why: String(error?.message ?? error) });
      },
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
    if (!(error instanceof ZookeeperProblem && error.fault === 'noNode')) throw error;
    if (await connection.exists(path, changed)) changed();
    return [];
  }
}

function goneIfNone(error: unknown): 'gone' {
  if (error instanceof ZookeeperProblem && error.fault === 'noNode') return 'gone';
  throw error;
}
