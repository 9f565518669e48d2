/**
 * Where time comes from. Everything in the cluster that waits, expires or measures asks a Clock that was handed to it,
 * so that a test can drive hours in milliseconds and a failure replays. Mirrors libprocess' `Clock` (Mesos facts 1.6).
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; never steps back. Use it for every duration and deadline. */
  now(): number;
  /** Milliseconds since 1970 in UTC; may step. Only for people to read: logs and timestamps in messages. */
  wallTime(): number;
  /** Calls `callback` once, `delayMs` (>= 0) from now, never before. */
  timer(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` in a later turn of the event loop, so that input and output get their share before it. */
  nextTurn(callback: () => void): void;
}

/** A pending call of a {@link Clock}. */
export interface Timer {
  /** The callback will not run after this. Cancelling twice, or after it ran, does nothing. */
  cancel(): void;
}

/** The longest delay that the platform's timers take in one go: 2^31 - 1 ms, about 24 days. */
const delayMsMax = 2 ** 31 - 1;

/** The machine's own time. */
export class SystemClock implements Clock {
  now(): number {
    return performance.now();
  }

  wallTime(): number {
    return Date.now();
  }

  timer(delayMs: number, callback: () => void): Timer {
    const deadline = this.now() + delayMs;
    let handle: NodeJS.Timeout;
    // The platform's timers count in whole ms of a coarser clock, so they may come early, too.
    const look = (): void => {
      const left = deadline - this.now();
      if (left <= 0) callback();
      else handle = setTimeout(look, Math.min(left, delayMsMax));
    };
    handle = setTimeout(look, Math.min(Math.max(0, delayMs), delayMsMax));
    return { cancel: () => clearTimeout(handle) };
  }

  nextTurn(callback: () => void): void {
    setImmediate(callback);
  }
}
