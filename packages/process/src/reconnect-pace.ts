import type { Clock } from './clock.js';
import type { Random } from './random.js';

/** Makes a client of NATS dial whatever its own clock says: it compares wall times, and dials when this much is over. */
const atOnce = Number.MIN_SAFE_INTEGER;

/**
 * When a client of NATS may dial a server again: `reconnectDelayHandler` of its options. Between two attempts at least
 * `waitMs` go by, and up to `jitterMs` more.
 *
 * By itself the client measures that by the wall clock: when that is set back by an hour, it would stay cut off for an
 * hour. With this it is measured by the monotonic clock. A server that was not dialed for as long is dialed at once.
 */
export function reconnectPace(clock: Clock, random: Random, waitMs: number, jitterMs: number): () => number {
  let nextAt = Number.NEGATIVE_INFINITY;
  return () => {
    const restMs = nextAt - clock.now();
    if (restMs > 0) return Math.ceil(restMs);
    nextAt = clock.now() + waitMs + random.fraction() * jitterMs;
    return atOnce;
  };
}
