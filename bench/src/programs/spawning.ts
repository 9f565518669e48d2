import { Node, Process } from '@mesos-ts/process';
import { inBursts } from '../load.js';
import { Sample } from '../messages.js';
import { serve } from '../operations.js';

/*
 * Many processes on one Node. Runs with --expose-gc.
 */
let initialized = 0;

class Idle extends Process {
  protected override initialize(): void {
    this.install(Sample, ignore);
    initialized++;
  }
}

function ignore(): void {}

const node = await Node.start({ name: 'bench' });

const operations = {
  /** Until each has handled its first event. */
  async spawn(count: number, prefix: string): Promise<number> {
    initialized = 0;
    const startedAt = performance.now();
    await inBursts(count, (i) => node.spawn(new Idle(`${prefix}${i}`)));
    while (initialized < count) await new Promise((resolve) => setImmediate(resolve));
    return performance.now() - startedAt;
  },
  /** What is in use after a collection, also outside of the heap proper. */
  heapBytes(): number {
    gc?.();
    gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};
export type SpawningOperations = typeof operations;
serve(operations);
