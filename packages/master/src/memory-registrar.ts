import type { FrameworkId, FrameworkInfo, MasterInfo, SlaveId, SlaveInfo } from '@mesos-ts/protocol';
import { match } from 'ts-pattern';

/** What outlives a leader; wall clock times in ms. */
export interface Registry {
  readonly agents: Map<SlaveId, { readonly id: SlaveId; readonly info: SlaveInfo }>;
  readonly unreachable: Map<SlaveId, { readonly id: SlaveId; readonly since: number }>;
  readonly gone: Map<SlaveId, { readonly id: SlaveId; readonly since: number }>;
  readonly frameworks: Map<FrameworkId, KnownFramework>;
  readonly removedFrameworks: Map<FrameworkId, { readonly id: FrameworkId; readonly since: number }>;
}

interface KnownFramework {
  readonly id: FrameworkId;
  readonly info: FrameworkInfo;
  readonly disconnectedSince?: number;
}

export type RegistryOperation =
  | {
      readonly type: 'admit-agent' | 'mark-reachable';
      readonly id: SlaveId;
      readonly info: SlaveInfo;
      readonly at: number;
    }
  | { readonly type: 'update-agent'; readonly id: SlaveId; readonly info: SlaveInfo }
  | { readonly type: 'mark-unreachable' | 'mark-gone'; readonly id: SlaveId; readonly at: number }
  | { readonly type: 'remove-agent'; readonly id: SlaveId }
  | { readonly type: 'admit-framework' | 'update-framework'; readonly id: FrameworkId; readonly info: FrameworkInfo }
  | { readonly type: 'framework-disconnected'; readonly id: FrameworkId; readonly at: number }
  | { readonly type: 'framework-connected'; readonly id: FrameworkId }
  | { readonly type: 'remove-framework'; readonly id: FrameworkId; readonly at: number };

export interface Registrar {
  /** Whether what is stored outlives this master. */
  readonly remembers: boolean;
  /** Ends what earlier leaders could still write, and reads what they have written. */
  recover(leader: { readonly epoch: number; readonly info: MasterInfo }): Promise<Registry>;
  /** Resolves when it is stored; in order. */
  apply(operation: RegistryOperation): Promise<void>;
  close(): Promise<void>;
}

/** A registry in memory: nothing of it survives its leader, unless `remembers` has it shared by several. */
export function memoryRegistrar(registry: Registry = emptyRegistry(), remembers = false): Registrar {
  return {
    remembers,
    recover: async () => structuredClone(registry),
    apply: async (operation) => apply(registry, operation),
    close: async () => undefined,
  };
}

export function emptyRegistry(): Registry {
  return {
    agents: new Map(),
    unreachable: new Map(),
    gone: new Map(),
    frameworks: new Map(),
    removedFrameworks: new Map(),
  };
}

function apply(
  { agents, unreachable, gone, frameworks, removedFrameworks }: Registry,
  change: RegistryOperation,
): void {
  match(change)
    .with({ type: 'admit-agent' }, { type: 'mark-reachable' }, ({ id, info }) => {
      unreachable.delete(id);
      agents.set(id, { id, info });
    })
    .with({ type: 'update-agent' }, ({ id, info }) => agents.set(id, { id, info }))
    .with({ type: 'mark-unreachable' }, ({ id, at }) => {
      agents.delete(id);
      unreachable.set(id, { id, since: at });
    })
    .with({ type: 'mark-gone' }, ({ id, at }) => {
      agents.delete(id);
      unreachable.delete(id);
      gone.set(id, { id, since: at });
    })
    .with({ type: 'remove-agent' }, ({ id }) => agents.delete(id))
    .with({ type: 'admit-framework' }, ({ id, info }) => frameworks.set(id, { id, info }))
    .with({ type: 'update-framework' }, ({ id, info }) => frameworks.set(id, { ...frameworks.get(id), id, info }))
    .with({ type: 'framework-disconnected' }, ({ id, at }) => {
      const known = frameworks.get(id);
      if (known !== undefined) frameworks.set(id, { ...known, disconnectedSince: at });
    })
    .with({ type: 'framework-connected' }, ({ id }) => {
      const known = frameworks.get(id);
      if (known !== undefined) frameworks.set(id, { id, info: known.info });
    })
    .with({ type: 'remove-framework' }, ({ id, at }) => {
      frameworks.delete(id);
      removedFrameworks.set(id, { id, since: at });
    })
    .exhaustive();
}
