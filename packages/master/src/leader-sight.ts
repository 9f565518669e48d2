import type { Clock } from '@mesos-ts/process';
import { type Detector, ElectionClosed, type Leader } from '@mesos-ts/zk-election';
import type { Logger } from 'pino';

/** How long to wait before asking a detector again that failed, in ms. */
const askAgainMs = 1_000;

/** Who leads, as a detector says: kept at hand for those who ask a master. */
export class LeaderSight {
  readonly #detector: Detector;
  readonly #clock: Clock;
  readonly #log: Logger;
  #leader: Leader | undefined;
  #closed = false;

  /** Looks from now on. */
  constructor(detector: Detector, clock: Clock, log: Logger) {
    this.#detector = detector;
    this.#clock = clock;
    this.#log = log;
    this.#look(undefined);
  }

  /** Undefined while nobody leads, as far as can be seen from here. */
  get leader(): Leader | undefined {
    return this.#leader;
  }

  /** Closes the detector, too. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#detector.close();
  }

  #look(previous: Leader | undefined): void {
    this.#detector.detect(previous).then(
      (leader) => {
        this.#leader = leader;
        this.#look(leader);
      },
      (error: unknown) => {
        if (this.#closed || error instanceof ElectionClosed) return;
        this.#log.warn({ err: error }, 'cannot see who leads; looking again');
        this.#leader = undefined;
        this.#clock.timer(askAgainMs, () => (this.#closed ? undefined : this.#look(undefined)));
      },
    );
  }
}
