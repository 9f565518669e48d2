import { readFileSync, statSync } from 'node:fs';
import { lent, parseResources, type Resources } from '@mesos-ts/protocol';

/** Says how much of a machine may be lent on top of what its agent has (Mesos facts 4.7, the ResourceEstimator). */
export interface ResourceEstimator {
  /**
   * All that may be lent now, in canonical form and revocable. Asked when the agent starts, and then at regular times.
   * @throws {EstimateUnusable} where that cannot be told: what was said before holds.
   */
  oversubscribable(): Resources;
}

/** An estimate that cannot be used: the message says which, and what is wrong with it. */
export class EstimateUnusable extends Error {
  override readonly name = 'EstimateUnusable';
  readonly code = 'ESTIMATE_UNUSABLE';
}

/** What may be lent as people write it: `cpus:2;mem:512`. @throws {ResourcesError} where it is no list of amounts. */
function parseEstimate(text: string): Resources {
  return lent(parseResources(text));
}

/** Always the same, which the operator knows. */
export class FixedEstimator implements ResourceEstimator {
  readonly #resources: Resources;

  /** @throws {ResourcesError} as {@link parseEstimate}. */
  constructor(text: string) {
    this.#resources = parseEstimate(text);
  }

  oversubscribable(): Resources {
    return this.#resources;
  }
}

/** Of the file, in bytes: far more names than anybody has. */
const bytesMax = 64 * 1024;

/** What a file says, which somebody who watches the machine writes: read each time. */
export class EstimateFile implements ResourceEstimator {
  readonly path: string;

  /** @throws {EstimateUnusable} where it cannot be used from the start. */
  constructor(path: string) {
    this.path = path;
    this.oversubscribable();
  }

  oversubscribable(): Resources {
    try {
      const stat = statSync(this.path);
      // A pipe, or a device without an end, would hold the agent up for ever.
      if (!stat.isFile()) throw new TypeError('it is no regular file');
      if (stat.size > bytesMax)
        throw new RangeError(`it has ${stat.size} bytes, and ${bytesMax} are enough for an estimate`);
      return parseEstimate(readFileSync(this.path, 'utf8').trim());
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'there is no such file' : message;
      throw new EstimateUnusable(`the estimate in ${this.path} cannot be used: ${why}`);
    }
  }
}
