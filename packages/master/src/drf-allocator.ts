import { Process, type Timer } from '@mesos-ts/process';
import { type Filters, type FrameworkId, type Resources, type SlaveId, unreservedRole } from '@mesos-ts/protocol';
import type { Allocation, Allocator, FrameworkDescription, SlaveDescription, Usage } from './allocator.js';
import { Drf } from './drf.js';

/**
 * The allocator as a process: keeps the pure core's time and order. Everything that happens in one turn leads to one
 * allocation; nothing waits for a batch, and freed resources are offered at once. Of a framework's roles it heeds the first
 * alone.
 */
export class DrfAllocator extends Process implements Allocator {
  readonly #drf = new Drf();
  readonly #allocated: (allocations: readonly Allocation[]) => void;
  /** Agents whose books contradicted themselves: nothing of them is offered until they are added anew. */
  readonly #quarantined = new Set<SlaveId>();
  #scheduled = false;
  #expiry: Timer | undefined;

  /** @param allocated called with what is to be offered; never empty. */
  constructor(id: string, allocated: (allocations: readonly Allocation[]) => void) {
    super(id);
    this.#allocated = allocated;
  }

  addSlave(slaveId: SlaveId, { total }: SlaveDescription, used: readonly Usage[]): void {
    this.#change(slaveId, () => {
      this.#quarantined.delete(slaveId);
      this.#drf.addSlave(slaveId, total, used);
    });
  }

  removeSlave(slaveId: SlaveId): void {
    this.#change(slaveId, () => {
      this.#quarantined.delete(slaveId);
      this.#drf.removeSlave(slaveId);
    });
  }

  activateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, () => this.#drf.setSlaveActive(slaveId, !this.#quarantined.has(slaveId)));
  }

  deactivateSlave(slaveId: SlaveId): void {
    this.#change(slaveId, () => this.#drf.setSlaveActive(slaveId, false));
  }

  addFramework(frameworkId: FrameworkId, { roles }: FrameworkDescription): void {
    const [role = unreservedRole] = roles;
    this.#change(undefined, () => this.#drf.addFramework(frameworkId, role));
  }

  removeFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, () => this.#drf.removeFramework(frameworkId));
  }

  activateFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, () => this.#drf.setFrameworkActive(frameworkId, true));
  }

  deactivateFramework(frameworkId: FrameworkId): void {
    this.#change(undefined, () => this.#drf.setFrameworkActive(frameworkId, false));
  }

  recoverResources(
    frameworkId: FrameworkId,
    slaveId: SlaveId,
    _role: string,
    resources: Resources,
    filters?: Filters,
  ): void {
    this.#change(slaveId, () => this.#drf.recover(frameworkId, slaveId, resources, this.clock.now(), filters));
  }

  suppressOffers(frameworkId: FrameworkId): void {
    this.#change(undefined, () => this.#drf.suppress(frameworkId));
  }

  reviveOffers(frameworkId: FrameworkId): void {
    this.#change(undefined, () => this.#drf.revive(frameworkId));
  }

  // It knows nothing of all this.
  used(): void {}
  requestResources(): void {}
  updateWeights(): void {}
  updateQuota(): void {}
  updateWhitelist(): void {}

  #change(slaveId: SlaveId | undefined, change: () => void): void {
    this.enqueue(() => {
      this.#apply(slaveId, change);
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Behind whatever else waits in the mailbox by now: several changes, one allocation.
      this.enqueue(() => this.#allocate());
    });
  }

  /** A contradiction in the books of one agent takes that agent out of the offers, and nothing else down. */
  #apply(slaveId: SlaveId | undefined, change: () => void): void {
    try {
      change();
    } catch (error) {
      this.node.counters.increment('allocator_contradictions');
      this.log.error(
        { err: error, slaveId },
        'the books of this agent contradict themselves: nothing of it is offered',
      );
      if (slaveId === undefined) return;
      this.#quarantined.add(slaveId);
      this.#drf.setSlaveActive(slaveId, false);
    }
  }

  #allocate(): void {
    this.#scheduled = false;
    const now = this.clock.now();
    const allocations = this.#drf.allocate(now, this.random);
    if (allocations.length > 0) this.#allocated(allocations);
    this.#expiry?.cancel();
    const next = this.#drf.nextExpiry(now);
    this.#expiry = next === undefined ? undefined : this.delay(next - now, () => this.#allocate());
  }
}
