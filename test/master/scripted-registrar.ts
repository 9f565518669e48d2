import {
  emptyRegistry,
  memoryRegistrar,
  type Registrar,
  type Registry,
  type RegistryOperation,
} from '@mesos-ts/master';

/**
 * A registry in memory whose writes a test holds, lets through, or has fail. What it held when its registrar is closed is
 * lost. Several may share one registry: those of one leader after the other.
 */
export class ScriptedRegistrar implements Registrar {
  readonly remembers = true;
  readonly #registrar: Registrar;
  readonly #held: (() => void)[] = [];
  readonly #operations: RegistryOperation[] = [];
  #holds = false;
  #failure: Error | undefined;
  closed = false;

  constructor(readonly registry: Registry = emptyRegistry()) {
    this.#registrar = memoryRegistrar(registry, true);
  }

  recover(leader: Parameters<Registrar['recover']>[0]): Promise<Registry> {
    return this.#failure === undefined ? this.#registrar.recover(leader) : Promise.reject(this.#failure);
  }

  apply(operation: RegistryOperation): Promise<void> {
    this.#operations.push(operation);
    return new Promise((resolve, reject) => {
      const carryOut = (): void => {
        if (this.#failure === undefined) this.#registrar.apply(operation).then(resolve, reject);
        else reject(this.#failure);
      };
      if (this.#holds) this.#held.push(carryOut);
      else carryOut();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#registrar.close();
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
    return this.#operations.splice(0).map((operation) => `${operation.type} ${operation.id}`);
  }
}
