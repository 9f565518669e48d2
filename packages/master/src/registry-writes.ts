import type { MasterActs } from './master-acts.js';
import type { Registrar } from './registry/registrar.js';
import type { RegistryOperation } from './registry/registry.js';

/** Whom a write is about: an agent or a framework by its id, or a process that has no id yet by its PID. */
export type Subject = string;

/**
 * What this leader writes to the registry. Nothing of it is in the books before it is stored (Mesos facts 3.2), and the
 * mailbox is not held meanwhile: others are served.
 *
 * About one subject there is one write at a time: what else it asks for is ignored, since it repeats itself, or waits where
 * it would not. Writes are begun, and their consequences drawn, in one order for all subjects. A write that fails ends this
 * leadership: what was stored is known to whoever reads the registry next.
 */
export class RegistryWrites {
  readonly #acts: MasterActs;
  /** With what waits for the end of the write. */
  readonly #busy = new Map<Subject, (() => void)[]>();
  #registrar: Registrar | undefined;

  constructor(acts: MasterActs) {
    this.#acts = acts;
  }

  /** From now on it is written there. */
  open(registrar: Registrar): void {
    this.#registrar = registrar;
  }

  /** See {@link Registrar.remembers}. */
  get remembers(): boolean {
    return this.#registrar?.remembers === true;
  }

  isBusy(subject: Subject): boolean {
    return this.#busy.has(subject);
  }

  /**
   * Stores the operations and then does `then` as an event of the master, if that is still there by then. Without
   * operations it does so at once.
   * @returns false, having done nothing, while something about one of the subjects is being written.
   */
  begin(subjects: readonly Subject[], operations: readonly RegistryOperation[], then: () => void): boolean {
    if (subjects.some((subject) => this.isBusy(subject))) {
      this.#acts.counters.increment('registry_write_in_flight');
      return false;
    }
    if (operations.length === 0) {
      then();
      return true;
    }
    for (const subject of subjects) this.#busy.set(subject, []);
    this.#store(operations, () => {
      const waiting = subjects.flatMap((subject) => this.#free(subject));
      then();
      for (const work of waiting) work();
    });
    return true;
  }

  /** Does `work` as soon as nothing about the subject is being written: for what nobody asks for a second time. */
  whenFree(subject: Subject, work: () => void): void {
    const waiting = this.#busy.get(subject);
    if (waiting === undefined) work();
    else waiting.push(() => this.whenFree(subject, work));
  }

  /** Stores what has happened already and cannot be refused. Whatever is begun later is stored later. */
  note(operation: RegistryOperation): void {
    this.#store([operation], () => undefined);
  }

  /** Stores that the registry is complete: see {@link Registrar.complete}. */
  complete(): void {
    this.#registrar?.complete().catch((error: unknown) => this.#acts.later(() => this.#failed(error)));
  }

  #free(subject: Subject): (() => void)[] {
    const waiting = this.#busy.get(subject) ?? [];
    this.#busy.delete(subject);
    return waiting;
  }

  #store(operations: readonly RegistryOperation[], stored: () => void): void {
    const registrar = this.#registrar;
    if (registrar === undefined) throw new Error('written to the registry before the election');
    Promise.all(operations.map((operation) => registrar.apply(operation))).then(
      () => this.#acts.later(stored),
      (error: unknown) => this.#acts.later(() => this.#failed(error)),
    );
  }

  #failed(error: unknown): void {
    this.#acts.counters.increment('registry_failures');
    this.#acts.log.error({ err: error }, 'the registry could not be written: stepping down');
    this.#acts.stepDown(`the registry could not be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
