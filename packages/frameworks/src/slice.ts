import type { Clock } from '@mesos-ts/process';

/** How long one slice goes on beginning further chunks, in ms. */
const sliceMs = 20;
/** How long a chunk should take, in ms: a slice overshoots by at most one. */
const chunkMs = 2;
const unitsFirst = 1_000;
const unitsMax = 2 ** 40;
/** Bounds a slice by a clock that stands still. */
const chunksMax = 1_000;

/** A long computation that can be interrupted between any two of its units. */
export interface Computation {
  /** Does up to `units` (whole, at least 1) more; true when all is done. May throw: then the computation has failed. */
  step(units: number): boolean;
  /** How much is done, 0 to 1. */
  readonly fraction: number;
  /** The result for the scheduler, once all is done. @throws {Error} when there is none after all. */
  result(): Uint8Array;
}

/**
 * Cuts a computation into slices of about 20 ms, so that its OS process gets to other things between them. How many units
 * go into 2 ms is measured all the time: the first chunk is small, and each is at most twice the one before.
 */
export class Slicer {
  readonly #clock: Clock;
  #units = unitsFirst;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One slice; true when the computation is done. */
  run(computation: Computation): boolean {
    const start = this.#clock.now();
    let before = start;
    for (let chunk = 0; chunk < chunksMax && before - start < sliceMs; chunk++) {
      if (computation.step(this.#units)) return true;
      const after = this.#clock.now();
      this.#adapt(after - before);
      before = after;
    }
    return false;
  }

  #adapt(tookMs: number): void {
    const factor = tookMs > 0 ? Math.min(2, chunkMs / tookMs) : 2;
    this.#units = Math.max(1, Math.min(unitsMax, Math.floor(this.#units * factor)));
  }
}
