import type { Random } from '../random.js';

/** How long one frame is under way, in ms; drawn anew for every frame. Order within a pair of Nodes is kept regardless. */
export type Latency = (random: Random) => number;

/** Always the same. */
export function fixedLatency(ms: number): Latency {
  return () => ms;
}

/** Anything between the two, each as likely. */
export function uniformLatency(minMs: number, maxMs: number): Latency {
  return (random) => minMs + (maxMs - minMs) * random.fraction();
}

/**
 * Mostly close to the minimum, seldom up to the maximum: half of all frames take less than 0.4 % of the range above it,
 * one in a hundred more than 92 %. Only multiplication, so that every machine draws the same.
 */
export function longTailLatency(minMs: number, maxMs: number): Latency {
  return (random) => {
    const first = random.fraction();
    const second = first * first;
    const fourth = second * second;
    return minMs + (maxMs - minMs) * fourth * fourth;
  };
}
