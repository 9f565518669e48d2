import { openSync, readSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** How often to look, in ms: turns shorter than that are seen as one, which nobody minds. */
const everyMs = 1;

/**
 * Finds the longest turn of this process' event loop: the time between two rounds of timers that was not spent waiting
 * for input. Counted in time on a core where that is less, because a turn that waits for a core that another process has
 * is not long. A monitorEventLoopDelay cannot tell the two apart. Where the kernel says so, it is the time of the event
 * loop's own thread: the threads that compile and collect garbage beside it do not hold it.
 */
export class TurnWatch {
  #timer: NodeJS.Timeout | undefined;
  #at = 0;
  #idle = 0;
  #cpu = 0;
  #onCore = 0;
  #longestMs = 0;
  readonly #thread = new ThreadTime();

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
    const [at, idle, cpu, onCore] = [this.#at, this.#idle, this.#cpu, this.#onCore];
    this.#mark();
    const busyMs = this.#at - at - (this.#idle - idle);
    this.#longestMs = Math.max(this.#longestMs, Math.min(busyMs, this.#cpu - cpu, this.#onCore - onCore));
  }

  #mark(): void {
    this.#at = performance.now();
    this.#idle = performance.nodeTiming.idleTime;
    const { user, system } = process.cpuUsage();
    this.#cpu = (user + system) / 1_000;
    // After cpuUsage, for which the kernel brings its count up to date: else that may be a tick behind.
    this.#onCore = this.#thread.ms();
  }
}

/** How long the thread of the event loop was on a core, as the kernel counts it. */
class ThreadTime {
  readonly #file = openedOrUndefined(`/proc/self/task/${process.pid}/schedstat`);
  readonly #text = Buffer.alloc(64);

  /** In ms; for want of such a kernel, the time that has passed. */
  ms(): number {
    if (this.#file === undefined) return performance.now();
    const length = readSync(this.#file, this.#text, 0, this.#text.length, 0);
    return Number.parseInt(this.#text.toString('latin1', 0, length), 10) / 1e6;
  }
}

function openedOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}
