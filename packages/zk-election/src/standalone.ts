import type { Clock } from '@mesos-ts/process';
import type { MasterInfo } from '@mesos-ts/protocol';
import type { Contender, Detector, Leader, Leadership } from './election.js';
import { AlreadyContending, ElectionClosed } from './errors.js';
import { HeldLeadership } from './held-leadership.js';
import { LeaderBoard } from './leader-board.js';

/** The epoch of every leadership without an election: it fences nothing, as two masters of one name cannot live. */
const standaloneEpoch = 1;

/** The only candidate: leads as soon as it contends and until it is closed (Mesos facts 6.1, `standalone`). */
export class StandaloneContender implements Contender {
  readonly #clock: Clock;
  #leadership: HeldLeadership | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async contend(_info: MasterInfo, onEntered?: () => void): Promise<Leadership> {
    if (this.#closed) throw new ElectionClosed('contender');
    if (this.#leadership !== undefined) throw new AlreadyContending();
    onEntered?.();
    this.#leadership = new HeldLeadership(standaloneEpoch, Number.POSITIVE_INFINITY, this.#clock);
    return this.#leadership;
  }

  /** Does nothing: without an election there is only one epoch. */
  heard(_epoch: number): void {}

  /** It may lead again at once, as there is nobody else. */
  async resign(): Promise<void> {
    this.#leadership?.end('resigned');
    this.#leadership = undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.resign();
  }
}

/** Says that one fixed master leads, whether or not it lives. Tests may {@link appoint} another. */
export class StandaloneDetector implements Detector {
  readonly #board = new LeaderBoard();

  constructor(leader?: Pick<Leader, 'pid' | 'info'>) {
    this.#board.post(leader === undefined ? undefined : { ...leader, epoch: standaloneEpoch });
  }

  /** Makes `leader` the leader, or nobody. Mirrors `StandaloneMasterDetector::appoint`. */
  appoint(leader: Leader | undefined): void {
    this.#board.post(leader);
  }

  detect(previous?: Leader): Promise<Leader | undefined> {
    return this.#board.detect(previous);
  }

  async close(): Promise<void> {
    this.#board.end();
  }
}
