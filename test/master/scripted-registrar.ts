import { MutableRegistry, type Registrar, type Registry, type RegistryOperation } from '@mesos-ts/master';

/**
 * A registry whose writes a test holds, lets through, or has fail. Several may share one registry: those of one leader
 * after the other.
 */
export class ScriptedRegistrar implements Registrar {
  readonly #held: (() => void)[] = [];
  readonly #operations: RegistryOperation[] = [];
  #holds = false;
  #failure: Error | undefined;
  closed = false;

  constructor(
    readonly registry = new MutableRegistry(),
    public remembers = true,
  ) {}

  async recover(): Promise<Registry> {
    if (this.#failure !== undefined) throw this.#failure;
    return this.registry.copy();
  }

  apply(operation: RegistryOperation): Promise<void> {
    this.#operations.push(operation);
    return new Promise((resolve, reject) => {
      const carryOut = (): void => {
        if (this.#failure !== undefined) {
          reject(this.#failure);
          return;
        }
        this.registry.apply(operation);
        resolve();
      };
      if (this.#holds) this.#held.push(carryOut);
      else carryOut();
    });
  }

  async complete(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.remembers = true;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** From now on nothing is stored before {@link release}. */
  hold(): void {
    this.#holds = true;
  }

  /** Stores what was held, in order. */
  release(): void {
    this.#holds = false;
    for (const carryOut of this.#held.splice(0)) carryOut();
  }

  /** From now on nothing can be stored or read. */
  fail(error: Error): void {
    this.#failure = error;
  }

  /** Takes out what was asked for since, as `type id`. */
  written(): string[] {
    return this.#operations.splice(0).map(({ type, id }) => `${type} ${id}`);
  }
}
