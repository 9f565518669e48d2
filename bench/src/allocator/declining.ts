import type { Allocation, AllocatorCore } from '@mesos-ts/master';
import type { Filters, FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import { agentId, type ClusterSpec, frameworkId, rolesOf, taskResources } from './cluster.js';
import { heapBytes } from './heap.js';

/** What it takes when everybody declines everything. */
export interface Declined {
  /** The allocation of each round, in ms; the last one finds that nobody wants anything. */
  readonly roundMs: readonly number[];
  readonly bytesPerFilter: number;
}

/** For how long everything is declined, in ms. */
export const declinedMs = 3_600_000;
const hour: Filters = { refuseSeconds: declinedMs / 1_000 };

/** A cluster with a small task on every agent ({@link ClusterSpec.tasks}), in which all that is free is declined by all. */
export class Declining {
  readonly #core: AllocatorCore;
  readonly #spec: ClusterSpec;
  readonly #role: string;
  readonly #task = taskResources();
  /** Whose task runs on an agent. */
  readonly #holders: FrameworkId[];
  /** The agent that changes next. */
  #next = 0;
  /** What is free of an agent beside the task. */
  #rest: Resources = [];

  constructor(core: AllocatorCore, spec: ClusterSpec) {
    this.#core = core;
    this.#spec = spec;
    this.#role = rolesOf(spec)[0] as string;
    this.#holders = Array.from({ length: spec.agents }, (_, i) => frameworkId(i % spec.frameworks));
  }

  /** @param now on the clock of the core, in ms. */
  declineAll(now: number): Declined {
    // What the core makes only once does not count to the filters.
    for (const allocation of this.#core.allocate(now)) this.#giveBack(allocation, now);
    const before = heapBytes();
    const roundMs: number[] = [];
    let filters = 0;
    for (let offered = -1; offered !== 0; filters += offered) {
      const startedAt = performance.now();
      const allocations = this.#core.allocate(now);
      roundMs.push(performance.now() - startedAt);
      for (const allocation of allocations) this.#giveBack(allocation, now, hour);
      offered = allocations.length;
      this.#rest = allocations[0]?.resources ?? this.#rest;
    }
    const { agents, frameworks } = this.#spec;
    if (filters !== agents * frameworks) throw new Error(`${filters} offers were declined, not ${agents * frameworks}`);
    return { roundMs, bytesPerFilter: (heapBytes() - before) / filters };
  }

  /**
   * A batch in which so many agents change: their tasks end, so that more is free there than was declined, and is
   * offered; who gets it launches such a task again and declines the rest, so that everything is declined as before.
   */
  change(agents: number, now: number): number {
    const changed = Array.from({ length: agents }, () => this.#next++ % this.#spec.agents);
    const startedAt = performance.now();
    for (const i of changed)
      this.#core.recoverResources(this.#holders[i] as FrameworkId, agentId(i), this.#role, this.#task, now);
    const offered = this.#core.allocate(now);
    const holders = new Map<SlaveId, FrameworkId>();
    for (const { frameworkId: id, slaveId } of offered) {
      this.#core.used(id, slaveId, this.#role, this.#task);
      this.#core.recoverResources(id, slaveId, this.#role, this.#rest, now, hour);
      holders.set(slaveId, id);
    }
    const more = this.#core.allocate(now);
    const ms = performance.now() - startedAt;
    if (offered.length !== agents || more.length > 0)
      throw new Error(`${offered.length} offers and then ${more.length}, where ${agents} agents changed`);
    for (const i of changed) this.#holders[i] = holders.get(agentId(i)) as FrameworkId;
    return ms;
  }

  #giveBack({ frameworkId: id, slaveId, role, resources }: Allocation, now: number, filters?: Filters): void {
    this.#core.recoverResources(id, slaveId, role, resources, now, filters);
  }
}
