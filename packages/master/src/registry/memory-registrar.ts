import type { Clock, Counters } from '@mesos-ts/process';
import type { Logger } from 'pino';
import { MemoryStorage } from './memory-storage.js';
import { type Registrar, StoredRegistrar } from './registrar.js';

/** `--registry=in_memory`: what a leader writes is forgotten with it, so whoever comes to the next one is let in. */
export function memoryRegistrar(options: {
  readonly clock: Clock;
  readonly log?: Logger;
  readonly counters?: Counters;
}): Registrar {
  return new StoredRegistrar({ ...options, storage: new MemoryStorage(), remembers: false });
}
