import type { LeaseRecord, RegisterValue } from './lease-record.js';
import type { Observation, OpenRegister, Reading, RegisterListener, WriteOutcome } from './lease-register.js';

/** A register in memory, for many contenders and detectors in one OS process: for tests and simulations. */
export class MemoryRegister {
  #reading: Reading = { stream: '1', seq: 0, value: { type: 'empty' } };
  readonly #listeners = new Set<RegisterListener>();

  /** Opens it for one contender or detector. Answers come in a later turn, never within the call. */
  readonly open: OpenRegister = async (listener) => {
    this.#listeners.add(listener);
    return {
      read: async () => this.#reading,
      write: async (record, expectedSeq) => this.#write(record, expectedSeq),
      close: async () => {
        this.#listeners.delete(listener);
      },
    };
  };

  /** Puts anything into it, whatever it holds. */
  put(value: RegisterValue): void {
    this.#reading = { ...this.#reading, seq: this.#reading.seq + 1, value };
    const observation: Observation = this.#reading;
    for (const listener of this.#listeners) queueMicrotask(() => listener.changed(observation));
  }

  #write(record: LeaseRecord, expectedSeq: number): WriteOutcome {
    if (expectedSeq !== this.#reading.seq) return { type: 'conflict' };
    this.put({ type: 'record', record });
    return { type: 'acknowledged', seq: this.#reading.seq };
  }
}
