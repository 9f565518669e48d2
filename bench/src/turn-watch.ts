import { performance } from 'node:perf_hooks';

/** How often to look, in ms: turns shorter than that are seen as one, which nobody minds. */
const everyMs = 1;

/**
 * Finds the longest turn of this process' event loop: the time between two rounds of timers that was not spent waiting
 * for input. Counted in time on a core where that is less, because a turn that waits for a core that another process has
 * is not long. A monitorEventLoopDelay cannot tell the two apart.
 */
export class TurnWatch {
  #timer: NodeJS.Timeout | undefined;
  #at = 0;
  #idle = 0;
  #cpu = 0;
  #longestMs = 0;

  begin(): void {
    this.end();
    this.#longestMs = 0;
    this.#mark();
    this.#timer = setInterval(() => this.#look(), everyMs);
    this.#timer.unref();
  }

  /** The longest turn since {@link begin}, in ms. */
  end(): number {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
    return this.#longestMs;
  }

  #look(): void {
    const [at, idle, cpu] = [this.#at, this.#idle, this.#cpu];
    this.#mark();
    const busyMs = this.#at - at - (this.#idle - idle);
    this.#longestMs = Math.max(this.#longestMs, Math.min(busyMs, this.#cpu - cpu));
  }

  #mark(): void {
    this.#at = performance.now();
    this.#idle = performance.nodeTiming.idleTime;
    const { user, system } = process.cpuUsage();
    this.#cpu = (user + system) / 1_000;
  }
}
