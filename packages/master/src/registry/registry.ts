import type { FrameworkId, FrameworkInfo, Quota, SlaveId, SlaveInfo, Weight } from '@mesos-ts/protocol';
import { match } from 'ts-pattern';
import type { RegistryRecord } from './registry-record.js';

/** An agent that was let in, and is neither unreachable nor gone. */
export interface AdmittedAgent {
  readonly id: SlaveId;
  readonly info: SlaveInfo;
  /** By the wall clock of the master that let it in, in ms since 1970. */
  readonly admittedAt: number;
}

export interface AdmittedFramework {
  readonly id: FrameworkId;
  readonly info: FrameworkInfo;
  /** By the wall clock of the master that saw its scheduler go, in ms since 1970; undefined while it is connected. */
  readonly disconnectedSince?: number | undefined;
}

/** Since when somebody is what the map says of it: by the wall clock of the master that wrote it, in ms since 1970. */
export interface Since<Id> {
  readonly id: Id;
  readonly since: number;
}

/**
 * What cannot be learned again from those who register with a new leader (Mesos facts 3.2): the agents that were let in
 * and what became of them, and, which the original does not keep, the frameworks. An agent is in one map at most, and so is a
 * framework.
 */
export interface Registry {
  readonly agents: ReadonlyMap<SlaveId, AdmittedAgent>;
  /** Did not answer, and may come back. */
  readonly unreachable: ReadonlyMap<SlaveId, Since<SlaveId>>;
  /** Are never to come back. */
  readonly gone: ReadonlyMap<SlaveId, Since<SlaveId>>;
  readonly frameworks: ReadonlyMap<FrameworkId, AdmittedFramework>;
  /** Are done: nobody may use their ids again. */
  readonly removedFrameworks: ReadonlyMap<FrameworkId, Since<FrameworkId>>;
  /** By role: what operators have set, and none that promises or limits nothing. */
  readonly quotas: ReadonlyMap<string, Quota>;
  /** By role, in thousandths; those not named have 1,000. */
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * A change of the registry. Each one is about one agent or framework, or about all quotas or weights, and so one record: of
 * several quotas that are changed together none is stored without the others. `at`: ms since 1970.
 */
export type RegistryOperation =
  | { readonly type: 'admit-agent'; readonly id: SlaveId; readonly info: SlaveInfo; readonly at: number }
  | { readonly type: 'update-agent'; readonly id: SlaveId; readonly info: SlaveInfo }
  | { readonly type: 'mark-unreachable'; readonly id: SlaveId; readonly at: number }
  | { readonly type: 'mark-reachable'; readonly id: SlaveId; readonly info: SlaveInfo; readonly at: number }
  /** Forgets it: it may come back as one that nobody knows. */
  | { readonly type: 'remove-agent'; readonly id: SlaveId }
  | { readonly type: 'mark-gone'; readonly id: SlaveId; readonly at: number }
  | { readonly type: 'admit-framework'; readonly id: FrameworkId; readonly info: FrameworkInfo }
  | { readonly type: 'update-framework'; readonly id: FrameworkId; readonly info: FrameworkInfo }
  | { readonly type: 'framework-disconnected'; readonly id: FrameworkId; readonly at: number }
  | { readonly type: 'framework-connected'; readonly id: FrameworkId }
  | { readonly type: 'remove-framework'; readonly id: FrameworkId; readonly at: number }
  /** Forgets that it was removed. */
  | { readonly type: 'forget-framework'; readonly id: FrameworkId }
  /** These and no others. */
  | { readonly type: 'set-quotas'; readonly id: 'quotas'; readonly quotas: readonly Quota[] }
  /** These and no others. */
  | { readonly type: 'set-weights'; readonly id: 'weights'; readonly weights: readonly Weight[] };

/** A {@link Registry} that can be changed: by the records that were read, and by operations. Pure. */
export class MutableRegistry implements Registry {
  readonly agents = new Map<SlaveId, AdmittedAgent>();
  readonly unreachable = new Map<SlaveId, Since<SlaveId>>();
  readonly gone = new Map<SlaveId, Since<SlaveId>>();
  readonly frameworks = new Map<FrameworkId, AdmittedFramework>();
  readonly removedFrameworks = new Map<FrameworkId, Since<FrameworkId>>();
  readonly quotas = new Map<string, Quota>();
  readonly weights = new Map<string, number>();

  /**
   * Makes the change and says what is to be written for it; undefined where nothing changes: the operation was carried out
   * before, or is about something that the registry does not hold.
   */
  apply(operation: RegistryOperation): RegistryRecord | undefined {
    const record = this.#recordOf(operation);
    if (record !== undefined) this.take(record);
    return record;
  }

  /** Holds what the record says, and nothing else of whom it is about. */
  take(record: RegistryRecord): void {
    match(record)
      .with({ kind: 'agent' }, ({ id, value }) => {
        for (const map of [this.agents, this.unreachable, this.gone]) map.delete(id);
        match(value)
          .with({ state: 'admitted' }, ({ info, at }) => this.agents.set(id, { id, info, admittedAt: at }))
          .with({ state: 'unreachable' }, ({ at }) => this.unreachable.set(id, { id, since: at }))
          .with({ state: 'gone' }, ({ at }) => this.gone.set(id, { id, since: at }))
          .with({ state: 'forgotten' }, () => {})
          .exhaustive();
      })
      .with({ kind: 'framework' }, ({ id, value }) => {
        this.frameworks.delete(id);
        this.removedFrameworks.delete(id);
        match(value)
          .with({ state: 'admitted' }, ({ info, disconnectedSince }) =>
            this.frameworks.set(id, { id, info, disconnectedSince }),
          )
          .with({ state: 'removed' }, ({ at }) => this.removedFrameworks.set(id, { id, since: at }))
          .with({ state: 'forgotten' }, () => {})
          .exhaustive();
      })
      .with({ kind: 'settings', id: 'quotas' }, ({ value }) => {
        this.quotas.clear();
        for (const quota of value.state === 'set' ? value.quotas : []) this.quotas.set(quota.role, quota);
      })
      .with({ kind: 'settings', id: 'weights' }, ({ value }) => {
        this.weights.clear();
        for (const { role, weight } of value.state === 'set' ? value.weights : []) this.weights.set(role, weight);
      })
      .exhaustive();
  }

  /** What it holds now, whatever becomes of it. */
  copy(): Registry {
    return {
      agents: new Map(this.agents),
      unreachable: new Map(this.unreachable),
      gone: new Map(this.gone),
      frameworks: new Map(this.frameworks),
      removedFrameworks: new Map(this.removedFrameworks),
      quotas: new Map(this.quotas),
      weights: new Map(this.weights),
    };
  }

  /** The records of all that it holds. */
  *records(): IterableIterator<RegistryRecord> {
    for (const { id, info, admittedAt: at } of this.agents.values())
      yield { kind: 'agent', id, value: { state: 'admitted', info, at } };
    for (const { id, since: at } of this.unreachable.values())
      yield { kind: 'agent', id, value: { state: 'unreachable', at } };
    for (const { id, since: at } of this.gone.values()) yield { kind: 'agent', id, value: { state: 'gone', at } };
    for (const framework of this.frameworks.values()) yield frameworkRecord(framework);
    for (const { id, since: at } of this.removedFrameworks.values())
      yield { kind: 'framework', id, value: { state: 'removed', at } };
    if (this.quotas.size > 0) yield quotasRecord(this.quotas.values());
    if (this.weights.size > 0) yield weightsRecord(weightsOf(this.weights));
  }

  #recordOf(operation: RegistryOperation): RegistryRecord | undefined {
    return match(operation)
      .returnType<RegistryRecord | undefined>()
      .with({ type: 'admit-agent' }, { type: 'mark-reachable' }, ({ id, info, at }) => ({
        kind: 'agent',
        id,
        value: { state: 'admitted', info, at },
      }))
      .with({ type: 'update-agent' }, ({ id, info }) => this.#updatedAgent(id, info))
      .with({ type: 'mark-unreachable' }, ({ id, at }) =>
        this.unreachable.has(id) || this.gone.has(id)
          ? undefined
          : { kind: 'agent', id, value: { state: 'unreachable', at } },
      )
      .with({ type: 'mark-gone' }, ({ id, at }) =>
        this.gone.has(id) ? undefined : { kind: 'agent', id, value: { state: 'gone', at } },
      )
      .with({ type: 'remove-agent' }, ({ id }) =>
        this.#knowsAgent(id) ? { kind: 'agent', id, value: { state: 'forgotten' } } : undefined,
      )
      .with({ type: 'admit-framework' }, ({ id, info }) => frameworkRecord({ id, info }))
      .with({ type: 'update-framework' }, ({ id, info }) => this.#changedFramework(id, { info }))
      .with({ type: 'framework-disconnected' }, ({ id, at }) => this.#changedFramework(id, { disconnectedSince: at }))
      .with({ type: 'framework-connected' }, ({ id }) => this.#changedFramework(id, { disconnectedSince: undefined }))
      .with({ type: 'remove-framework' }, ({ id, at }) =>
        this.removedFrameworks.has(id) ? undefined : { kind: 'framework', id, value: { state: 'removed', at } },
      )
      .with({ type: 'forget-framework' }, ({ id }) =>
        this.removedFrameworks.has(id) ? { kind: 'framework', id, value: { state: 'forgotten' } } : undefined,
      )
      .with({ type: 'set-quotas' }, ({ quotas }) => changed(quotasRecord(quotas), quotasRecord(this.quotas.values())))
      .with({ type: 'set-weights' }, ({ weights }) =>
        changed(weightsRecord(weights), weightsRecord(weightsOf(this.weights))),
      )
      .exhaustive();
  }

  #knowsAgent(id: SlaveId): boolean {
    return this.agents.has(id) || this.unreachable.has(id) || this.gone.has(id);
  }

  #updatedAgent(id: SlaveId, info: SlaveInfo): RegistryRecord | undefined {
    const known = this.agents.get(id);
    return known === undefined
      ? undefined
      : { kind: 'agent', id, value: { state: 'admitted', info, at: known.admittedAt } };
  }

  #changedFramework(id: FrameworkId, change: Partial<AdmittedFramework>): RegistryRecord | undefined {
    const known = this.frameworks.get(id);
    return known === undefined ? undefined : frameworkRecord({ ...known, ...change });
  }
}

function frameworkRecord({ id, info, disconnectedSince }: AdmittedFramework): RegistryRecord {
  const away = disconnectedSince === undefined ? {} : { disconnectedSince };
  return { kind: 'framework', id, value: { state: 'admitted', info, ...away } };
}

/** Sorted by role, so that the same quotas are the same record. */
function quotasRecord(quotas: Iterable<Quota>): RegistryRecord {
  const sorted = [...quotas].sort(byRole);
  const value = sorted.length === 0 ? { state: 'forgotten' as const } : { state: 'set' as const, quotas: sorted };
  return { kind: 'settings', id: 'quotas', value };
}

function weightsRecord(weights: Iterable<Weight>): RegistryRecord {
  const sorted = [...weights].sort(byRole);
  const value = sorted.length === 0 ? { state: 'forgotten' as const } : { state: 'set' as const, weights: sorted };
  return { kind: 'settings', id: 'weights', value };
}

/** As a list, which is how they are stored and said. */
export function weightsOf(weights: ReadonlyMap<string, number>): Weight[] {
  return [...weights].map(([role, weight]) => ({ role, weight }));
}

function byRole(one: { readonly role: string }, other: { readonly role: string }): number {
  if (one.role === other.role) return 0;
  return one.role < other.role ? -1 : 1;
}

function changed(after: RegistryRecord, before: RegistryRecord): RegistryRecord | undefined {
  return JSON.stringify(after) === JSON.stringify(before) ? undefined : after;
}
