import type { Registry, RegistryOperation } from '@mesos-ts/master';

/** What the change leaves behind, as whoever reads the registry next must find it. Absent: nothing that can be told. */
const effects: Readonly<Partial<Record<RegistryOperation['type'], (registry: Registry, id: never) => boolean>>> = {
  'admit-agent': ({ agents }, id) => agents.has(id),
  'mark-reachable': ({ agents }, id) => agents.has(id),
  'mark-unreachable': ({ agents }, id) => !agents.has(id),
  'remove-agent': ({ agents }, id) => !agents.has(id),
  'admit-framework': ({ frameworks }, id) => frameworks.has(id),
  'remove-framework': ({ frameworks }, id) => !frameworks.has(id),
};

/** What leaders were told to be stored: every later leader reads it. */
export class RegistryLedger {
  /** Of each agent and framework, the last change that anybody tried, and whether it was told to be stored. */
  readonly #last = new Map<string, { readonly operation: RegistryOperation; stored: boolean }>();
  /** How many changes were stored. */
  count = 0;

  /** @returns to be called when it is told to be stored. */
  tried(operation: RegistryOperation): () => void {
    if (effects[operation.type] === undefined) return () => undefined;
    const change = { operation, stored: false };
    this.#last.set(operation.id, change);
    return () => {
      this.count++;
      change.stored = true;
    };
  }

  recovered(epoch: number, registry: Registry): void {
    for (const { operation, stored } of this.#last.values()) {
      const { type, id } = operation;
      if (stored && effects[type]?.(registry, id as never) === false)
        throw new Error(`registry: ${type} of ${id} was stored, and the leader of epoch ${epoch} does not find it`);
    }
  }
}
