import type {
  Attribute,
  AttributeConstraint,
  Demand,
  FaultDomain,
  Filters,
  FrameworkId,
  Quantities,
  Resources,
  SlaveId,
} from '@mesos-ts/protocol';

export type { Attribute, AttributeConstraint, Demand, Quantities };

/** Resources of one agent that go to one framework, in one of its roles: the master makes an offer of it. */
export interface Allocation {
  readonly frameworkId: FrameworkId;
  readonly slaveId: SlaveId;
  readonly role: string;
  readonly resources: Resources;
}

/** What a framework or an executor of it holds on an agent, in one of its roles, when the allocator first hears of that agent. */
export type Usage = Omit<Allocation, 'slaveId'>;

/** An agent, as far as it matters for what is offered of it. */
export interface SlaveDescription {
  readonly total: Resources;
  /** What it lends on top of that: all of it revocable. Default nothing. */
  readonly oversubscribed?: Resources;
  readonly hostname: string;
  /** A name may stand there several times. Default none. */
  readonly attributes?: readonly Attribute[];
  /** Default: that of the master. */
  readonly domain?: FaultDomain;
}

/** Of several groups one must hold, and of a group all (Mesos facts 4.6). No groups: anything. */
export type OfferConstraints = readonly (readonly AttributeConstraint[])[];

/** A framework, as far as it matters for what it is offered. */
export interface FrameworkDescription {
  /** At least one. */
  readonly roles: readonly string[];
  /** Those among its roles in which it is offered nothing for now. Default none. */
  readonly suppressedRoles?: readonly string[];
  /** By role: of these alternatives, an offer holds one at least. Default: 0.01 cpus or 32 MB of mem. */
  readonly minAllocatable?: Readonly<Record<string, readonly Quantities[]>>;
  /** By role. Default: any agent. */
  readonly constraints?: Readonly<Record<string, OfferConstraints>>;
  /** Whether it is offered agents with gpus. Default false. */
  readonly gpuResources?: boolean;
  /** Whether it is offered agents of other regions than the master's. Default false. */
  readonly regionAware?: boolean;
  /** Whether it is offered what is revocable, where it has not said what it waits for. Default false. */
  readonly revocableResources?: boolean;
}

/** What a role and those below it are promised, and may have at most. A name without a limit is unlimited. */
export interface Quota {
  readonly role: string;
  readonly guarantees: Quantities;
  readonly limits: Quantities;
}

/** Why a framework is not offered something of an agent in a role. */
export type Hindrance =
  | { readonly why: 'agent-inactive' }
  | { readonly why: 'not-whitelisted' }
  | { readonly why: 'framework-inactive' }
  | { readonly why: 'suppressed' }
  /** The first that does not hold, of the first group. */
  | { readonly why: 'constraint'; readonly constraint: AttributeConstraint }
  | { readonly why: 'gpus' }
  | { readonly why: 'region'; readonly region: string }
  /** By how much what is free there falls short of what it needs at least. */
  | { readonly why: 'short'; readonly by: Quantities }
  /** By how much the whole agent does, were it idle. */
  | { readonly why: 'too-small'; readonly by: Quantities }
  /** By how much the limit of that role falls short of it. */
  | { readonly why: 'limit'; readonly role: string; readonly by: Quantities }
  /** By how much what is left falls short of it, when that is held back which is promised to others. */
  | { readonly why: 'guarantees'; readonly by: Quantities }
  /** It holds as much in offers as it may. */
  | { readonly why: 'cap' }
  /** It has declared what it waits for, and that is nothing more. */
  | { readonly why: 'no-demand' }
  /** It has declared several demands, and one that it named before takes what there is. */
  | { readonly why: 'earlier-demand' }
  /** It refused that, and for so much longer, in ms. */
  | { readonly why: 'filtered'; readonly forMs: number }
  /** Nothing hinders it: it is offered that in a moment. */
  | { readonly why: 'next' };

/**
 * Decides who is offered what. The master tells it of everything that comes, goes and is given back, and turns what it
 * allocates into offers; the allocator never talks to anyone else (Mesos facts 4.1). All calls return at once; what is
 * allocated comes back through the callback that the allocator was made with.
 *
 * Resources are free, or allocated to a framework in one of its roles: from the moment at which they are offered until
 * {@link recoverResources} or {@link releaseResources} gives them back.
 */
export interface Allocator {
  /** An agent that it knows is forgotten first, with what was allocated on it. */
  addSlave(slaveId: SlaveId, slave: SlaveDescription, used: readonly Usage[]): void;
  /** What was allocated on it is forgotten, too. */
  removeSlave(slaveId: SlaveId): void;
  /** From now on it lends that: all of it revocable. What is held of what it lent before stays so until it is given back. */
  updateOversubscribed(slaveId: SlaveId, oversubscribed: Resources): void;
  /** Offer of it again. */
  activateSlave(slaveId: SlaveId): void;
  /** Offer nothing of it for now; what is allocated stays so. */
  deactivateSlave(slaveId: SlaveId): void;
  /** It is offered nothing before it is activated. One that it knows is described anew; its filters stay where its roles do. */
  addFramework(frameworkId: FrameworkId, framework: FrameworkDescription): void;
  /** What is still allocated to it stays so until it is recovered. */
  removeFramework(frameworkId: FrameworkId): void;
  /** Its filters are forgotten. */
  activateFramework(frameworkId: FrameworkId): void;
  deactivateFramework(frameworkId: FrameworkId): void;
  /** Gives back what was offered. With filters, the framework is not offered it again for their time in that role. */
  recoverResources(
    frameworkId: FrameworkId,
    slaveId: SlaveId,
    role: string,
    resources: Resources,
    filters?: Filters,
  ): void;
  /** Gives back what was used: a task or an executor has ended. */
  releaseResources(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void;
  /** What was offered is used now: it no longer counts to what the framework holds in offers. */
  used(frameworkId: FrameworkId, slaveId: SlaveId, role: string, resources: Resources): void;
  /** In these roles, none for all of them. Idempotent. */
  suppressOffers(frameworkId: FrameworkId, roles: readonly string[]): void;
  /** Offers to it again in these roles, none for all of them; forgets its filters there unless they are to be kept. */
  reviveOffers(frameworkId: FrameworkId, roles: readonly string[], keepFilters?: boolean): void;
  /**
   * From now on the framework is offered what it waits for, and nothing else: all that it said before is replaced.
   * Undefined: it is offered whatever there is. What it holds in offers counts as had, what it uses does not: it says itself
   * what is left.
   */
  requestResources(frameworkId: FrameworkId, demands: readonly Demand[] | undefined): void;
  /** In thousandths, by role; those not named have 1,000. Replaces all. */
  updateWeights(weights: Quantities): void;
  /** Replaces all. */
  updateQuota(quotas: readonly Quota[]): void;
  /** Offer only agents on these hosts; undefined: on all. */
  updateWhitelist(hosts: readonly string[] | undefined): void;
}
