import { Process, type Timer } from '@mesos-ts/process';
import type { Filters, FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import type {
  Allocation,
  Allocator,
  Demand,
  FrameworkDescription,
  Quantities,
  Quota,
  SlaveDescription,
  Usage,
} from './allocator.js';
import { AllocatorCore, type AllocatorCoreOptions } from './allocator-core.js';
import type { AllocationQuestion, ExplanationSlice, RoleExplanation } from './explained.js';

export type AllocatorProcessOptions = Omit<AllocatorCoreOptions, 'random'>;

/** For how long it goes on without looking at what else there is to do, in ms. */
const sliceMs = 8;
/** The same of explanations, which are in no hurry. */
const explainedMs = 2;
/** How many agents may go by between two looks at the clock. */
const agentsPerLook = 8;

/** What there is to say at once, and then agents, slice by slice: anything may happen between two of them. */
export interface SlicedExplanation {
  readonly roles: readonly RoleExplanation[];
  /** How many more it has than are explained at once. */
  readonly rolesLeftOut: number;
  /** Undefined: those were all. */
  next(): Promise<ExplanationSlice | undefined>;
}

/**
 * The allocator as a process: keeps the pure core's time and order. Everything that happens in one turn leads to one
 * allocation, in slices between which messages are served; nothing waits for a batch, and freed resources are offered at
 * once.
 */
export class AllocatorProcess extends Process implements Allocator {
  readonly #options: AllocatorProcessOptions;
  readonly #allocated: (allocations: readonly Allocation[]) => void;
  #made: AllocatorCore | undefined;
  /** Agents whose books contradicted themselves: nothing of them is offered until they are added anew. */
  readonly #quarantined = new Set<SlaveId>();
  #scheduled = false;
  /** How often it was paused more than it was resumed. */
  #pauses = 0;
  #expiry: Timer | undefined;
  #expiresAt = Number.POSITIVE_INFINITY;

  /** @param allocated called with what is to be offered; never empty. */
  constructor(
    id: string,
    allocated: (allocations: readonly Allocation[]) => void,
    options: AllocatorProcessOptions = {},
  ) {
    super(id);
    this.#allocated = allocated;
    this.#options = options;
  }

  addSlave(slaveId: SlaveId, slave: SlaveDescription, used: readonly Usage[]): void {
    this.#change(slaveId, (core) => {
      this.#quarantined.delete(slaveId);
      core.addSlave(slaveId, slave, used);
    });
  }

  removeSlave(slaveId: SlaveId): void {
    this.#change(slaveId, (core) => {
      this.#quarantined.delete(slaveId);
      core.removeSlave(slaveId);
    });
  }

  updateOversubscribed(slaveId: SlaveId, oversubscribed: Resources): void {
    this.#change(slaveId, (core) => core.updateOversubscribed(slaveId, oversubscribed));
  }

  activateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, (core) => (this.#quarantined.has(slaveId) ? undefined : core.activateSlave(slaveId)));
  }

  deactivateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, (core) => core.deactivateSlave(slaveId));
  }

  addFramework(frameworkId: FrameworkId, framework: FrameworkDescription): void {
    this.#change(undefined, (core) => core.addFramework(frameworkId, framework));
  }

  removeFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, (core) => core.removeFramework(frameworkId));
  }

  activateFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, (core) => core.activateFramework(frameworkId));
  }

  deactivateFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, (core) => core.deactivateFramework(frameworkId));
  }

  recoverResources(
    frameworkId: FrameworkId,
    slaveId: SlaveId,
    role: string,
    resources: Resources,
    filters?: Filters,
  ): void {
    this.#change(slaveId, (core) =>
      core.recoverResources(frameworkId, slaveId, role, resources, this.clock.now(), filters),
    );
  }

  releaseResources(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    this.#change(slaveId, (core) => core.releaseResources(frameworkId, slaveId, role, resources));
  }

  used(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void {
    this.#change(slaveId, (core) => core.used(frameworkId, slaveId, role, resources));
  }

  suppressOffers(frameworkId: FrameworkId, roles: readonly string[]): void {
    this.#change(undefined, (core) => core.suppressOffers(frameworkId, roles));
  }

  reviveOffers(frameworkId: FrameworkId, roles: readonly string[], keepFilters?: boolean): void {
    this.#change(undefined, (core) => core.reviveOffers(frameworkId, roles, keepFilters));
  }

  requestResources(frameworkId: FrameworkId, demands: readonly Demand[] | undefined): void {
    this.#change(undefined, (core) => core.requestResources(frameworkId, demands));
  }

  updateWeights(weights: Quantities): void {
    this.#change(undefined, (core) => core.updateWeights(weights));
  }

  updateQuota(quotas: readonly Quota[]): void {
    this.#change(undefined, (core) => core.updateQuota(quotas));
  }

  updateWhitelist(hosts: readonly string[] | undefined): void {
    this.#change(undefined, (core) => core.updateWhitelist(hosts));
  }

  /** Allocates nothing until {@link resume} was called as often; keeps its books. */
  pause(): void {
    this.enqueue(() => {
      this.#pauses++;
    });
  }

  resume(): void {
    this.#change(undefined, () => {
      this.#pauses--;
    });
  }

  /** Why somebody is not offered more; see {@link SlicedExplanation}. No roles: the framework is not known, or not in that. */
  async explain(question: AllocationQuestion): Promise<SlicedExplanation> {
    const explanation = await this.dispatch(() => this.#core.explain(question));
    return {
      ...{ roles: explanation.roles, rolesLeftOut: explanation.rolesLeftOut },
      next: () => this.dispatch(() => explanation.next(this.clock.now(), this.#sliceEnds(explainedMs))),
    };
  }

  /** Chance is known only to who was spawned. */
  get #core(): AllocatorCore {
    this.#made ??= new AllocatorCore({ ...this.#options, random: this.random });
    return this.#made;
  }

  #change(slaveId: SlaveId | undefined, change: (core: AllocatorCore) => void): void {
    this.enqueue(() => {
      this.#apply(slaveId, change);
      this.#schedule();
    });
  }

  /** A contradiction in the books of one agent takes that agent out of the offers, and nothing else down. */
  #apply(slaveId: SlaveId | undefined, change: (core: AllocatorCore) => void): void {
    try {
      change(this.#core);
    } catch (error) {
      this.node.counters.increment('allocator_contradictions');
      this.log.error(
        { err: error, slaveId },
        'the books of this agent contradict themselves: nothing of it is offered',
      );
      if (slaveId === undefined) return;
      this.#quarantined.add(slaveId);
      this.#core.deactivateSlave(slaveId);
    }
  }

  /** Behind whatever else waits in the mailbox by now: several changes, one allocation. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.enqueue(() => this.#allocate());
  }

  #allocate(): void {
    this.#scheduled = false;
    if (this.#pauses > 0) return;
    const core = this.#core;
    const allocations = core.allocate(this.clock.now(), this.#sliceEnds(sliceMs));
    if (allocations.length > 0) this.#allocated(allocations);
    if (core.pending) this.#schedule();
    this.#awaitExpiry(core.nextExpiry() ?? Number.POSITIVE_INFINITY);
  }

  /** Asked after each agent whether it has been long enough. */
  #sliceEnds(ms: number): () => boolean {
    const end = this.clock.now() + ms;
    let agents = 0;
    return () => ++agents % agentsPerLook === 0 && this.clock.now() >= end;
  }

  #awaitExpiry(at: number): void {
    if (at === this.#expiresAt) return;
    this.#expiry?.cancel();
    this.#expiresAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    this.#expiry = this.delay(Math.max(0, at - this.clock.now()), () => {
      this.#expiresAt = Number.POSITIVE_INFINITY;
      this.#allocate();
    });
  }
}
