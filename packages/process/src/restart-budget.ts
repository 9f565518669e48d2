import type { RestartOptions } from './spawn-options.js';

/** Beyond these a delay does not double any more: twice infinity is no number where there is no delay. */
const doublingsMax = 64;

/** Decides whether a process that failed begins anew, and when. Knows no clock: it is told what time it is. */
export class RestartBudget {
  readonly restartsMax: number;
  readonly withinMs: number;
  readonly #delayMs: number;
  readonly #delayMsMax: number;
  /** When those of the last {@link withinMs} were granted. */
  #granted: number[] = [];

  /** @throws {RangeError} naming the option that cannot be. */
  constructor(options: RestartOptions) {
    this.restartsMax = checked('restartsMax', options.restartsMax ?? 5);
    this.withinMs = checked('withinMs', options.withinMs ?? 60_000);
    this.#delayMs = checked('delayMs', options.delayMs ?? 100);
    this.#delayMsMax = checked('delayMsMax', options.delayMsMax ?? 10_000);
  }

  /** Grants one more restart: in how many ms; undefined when there were enough. */
  grant(nowMs: number): number | undefined {
    this.#granted = this.#granted.filter((at) => nowMs - at < this.withinMs);
    if (this.#granted.length >= this.restartsMax) return undefined;
    const delayMs = Math.min(this.#delayMs * 2 ** Math.min(this.#granted.length, doublingsMax), this.#delayMsMax);
    this.#granted.push(nowMs);
    return delayMs;
  }
}

function checked(option: string, value: number): number {
  if (!(value >= 0)) throw new RangeError(`${option} must be 0 or more, not ${value}`);
  return value;
}
