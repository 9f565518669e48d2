import type { Clock, Timer } from '@mesos-ts/process';
import type { FrameworkId } from '@mesos-ts/protocol';

/** A job none of whose tasks is under way, though a master knows it. */
export interface JobStalled {
  readonly frameworkId: FrameworkId;
  /** How many tasks wait. */
  readonly tasks: number;
  /** For how long it has waited, in ms. */
  readonly forMs: number;
}

/** How long a job waits without a task under way before that is told, in ms. */
export const patienceMs = 10_000;

/** Notes that none of a job's tasks is under way for so long. Told once, until one is. */
export class JobPatience {
  readonly #clock: Clock;
  readonly #stalled: (frameworkId: FrameworkId) => void;
  #timer: Timer | undefined;
  #isTold = false;

  constructor(clock: Clock, stalled: (frameworkId: FrameworkId) => void) {
    this.#clock = clock;
    this.#stalled = stalled;
  }

  /** @param frameworkId of a job that waits; undefined: it does not, or there is no master to wait for. */
  waits(frameworkId: FrameworkId | undefined): void {
    if (frameworkId === undefined) this.end();
    else if (!this.#isTold)
      this.#timer ??= this.#clock.timer(patienceMs, () => {
        this.#timer = undefined;
        this.#isTold = true;
        this.#stalled(frameworkId);
      });
  }

  end(): void {
    this.#isTold = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
