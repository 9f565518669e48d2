import type { Filters, FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';

/** Resources of one agent that go to one framework: the master makes an offer of it. */
export interface Allocation {
  readonly frameworkId: FrameworkId;
  readonly slaveId: SlaveId;
  readonly resources: Resources;
}

/** What a framework or an executor of it holds on an agent when the allocator first hears of that agent. */
export interface Usage {
  readonly frameworkId: FrameworkId;
  readonly resources: Resources;
}

/**
 * Decides who is offered what. The master tells it of everything that comes, goes and is given back, and turns what it
 * allocates into offers; the allocator never talks to anyone else (Mesos facts 4.1). All calls return at once; what is
 * allocated comes back through the callback that the allocator was made with.
 *
 * Resources are free, or allocated to a framework: from the moment at which they are offered until
 * {@link recoverResources} gives them back.
 */
export interface Allocator {
  /** An agent that it knows is forgotten first, with what was allocated on it. */
  addSlave(slaveId: SlaveId, total: Resources, used: readonly Usage[]): void;
  /** What was allocated on it is forgotten, too. */
  removeSlave(slaveId: SlaveId): void;
  /** Offer of it again. */
  activateSlave(slaveId: SlaveId): void;
  /** Offer nothing of it for now; what is allocated stays so. */
  deactivateSlave(slaveId: SlaveId): void;
  addFramework(frameworkId: FrameworkId, role: string): void;
  /** What is still allocated to it stays so until it is recovered. */
  removeFramework(frameworkId: FrameworkId): void;
  activateFramework(frameworkId: FrameworkId): void;
  deactivateFramework(frameworkId: FrameworkId): void;
  /** Gives back what was allocated. With filters, the framework is not offered it again for their time. */
  recoverResources(frameworkId: FrameworkId, slaveId: SlaveId, resources: Resources, filters?: Filters): void;
  suppressOffers(frameworkId: FrameworkId): void;
  /** Forgets the framework's filters and offers to it again. */
  reviveOffers(frameworkId: FrameworkId): void;
}
