import type { BodyOf } from '@mesos-ts/process';
import {
  type DeclineResourceOffer,
  type FrameworkId,
  formatResources,
  type LaunchTasks,
  type Offer,
  RescindResourceOffer,
  ResourceOffer,
  RunTask,
  type SlaveId,
} from '@mesos-ts/protocol';
import type { Allocation } from './allocator/allocator.js';
import type { AllocatorProcess } from './allocator/allocator-process.js';
import type { Books } from './books.js';
import type { Framework } from './frameworks.js';
import { checkLaunch, offeredTogether, type Refused, refuseAll, whyOffersInvalid } from './launch.js';
import type { MasterActs } from './master-acts.js';
import { OfferLease, type OfferLeaseOptions } from './offer-lease.js';
import type { TaskLifecycle } from './task-lifecycle.js';

/** A message that is larger than the transport carries would be lost, and its offers with it. */
const offersPerMessage = 100;

export interface OfferLifecycleOptions extends Pick<OfferLeaseOptions, 'offerTimeoutMs'> {
  readonly allocator: AllocatorProcess;
  readonly tasks: TaskLifecycle;
}

/**
 * What becomes of allocated resources: they are offered, and an offer is declined, rescinded or used to launch tasks
 * (Mesos facts 3.6). Which launches are refused is decided in launch.ts.
 */
export class OfferLifecycle {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #allocator: AllocatorProcess;
  readonly #tasks: TaskLifecycle;
  readonly #lease: OfferLease;
  /** Agents that were removed, until the allocator has heard of it. */
  readonly #departed = new Map<SlaveId, symbol>();

  constructor(acts: MasterActs, books: Books, options: OfferLifecycleOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#allocator = options.allocator;
    this.#tasks = options.tasks;
    const { offerTimeoutMs } = options;
    this.#lease = new OfferLease(acts, books, { offerTimeoutMs, rescind: (offers) => this.rescind(offers) });
  }

  /** Offers what was allocated, to each framework all of it together. */
  offer(allocations: readonly Allocation[]): void {
    const offersByFramework = new Map<FrameworkId, Offer[]>();
    for (const allocation of allocations) {
      const { frameworkId, slaveId } = allocation;
      const offer = this.#departed.has(slaveId) ? undefined : this.#books.makeOffer(allocation);
      if (offer === undefined) continue;
      const offers = offersByFramework.get(frameworkId);
      if (offers === undefined) offersByFramework.set(frameworkId, [offer]);
      else offers.push(offer);
    }
    for (const [frameworkId, offers] of offersByFramework) {
      this.#lease.begin(offers);
      // A new leader offers all of a cluster at once: that is described only for who reads it.
      if (this.#acts.log.isLevelEnabled('debug'))
        this.#acts.log.debug({ framework: frameworkId, offers: offers.map(describeOffer) }, 'offering');
      for (let first = 0; first < offers.length; first += offersPerMessage)
        this.#acts.tell(this.#books.frameworks.get(frameworkId), ResourceOffer, {
          offers: offers.slice(first, first + offersPerMessage),
        });
    }
  }

  /** Offers of others, and those that are out no more, are passed over. */
  decline(framework: Framework, { offerIds, filters }: BodyOf<typeof DeclineResourceOffer>): void {
    for (const offer of this.#books.offers.all(new Set(offerIds)))
      if (offer.frameworkId === framework.id) this.#books.takeBack(offer, filters);
  }

  /** Uses offers for tasks. What is left of them goes back; each task that is not launched is answered with a status. */
  launch(framework: Framework, { offerIds, tasks, filters }: BodyOf<typeof LaunchTasks>): void {
    const offers = this.#books.offers.all(new Set(offerIds)).filter((offer) => offer.frameworkId === framework.id);
    const invalid = whyOffersInvalid(framework, offerIds, (id) => this.#books.offers.get(id));
    const [first] = offers;
    const agent = first === undefined ? undefined : this.#books.agents.get(first.slaveId);
    if (invalid !== undefined || first === undefined || agent === undefined) {
      for (const offer of offers) this.#books.takeBack(offer);
      this.#tellRefused(
        framework,
        refuseAll(tasks, 'REASON_INVALID_OFFERS', invalid ?? 'the agent of the offer is gone'),
      );
      return;
    }
    const { role } = first;
    for (const offer of offers) this.#books.consume(offer);
    const { accepted, refused, remaining } = checkLaunch(framework, agent, offeredTogether(role, offers), tasks);
    for (const task of accepted) {
      this.#books.launch(framework, agent, role, task);
      this.#acts.send(agent.pid, RunTask, {
        framework: framework.info,
        task: task.info,
        role,
        launchExecutor: task.startsExecutor,
      });
    }
    this.#books.giveBack(framework.id, agent.id, { role, resources: remaining }, filters);
    this.#tellRefused(framework, refused);
  }

  /** Tells the frameworks of offers that are void; they are out of the books by now. */
  rescind(offers: readonly Offer[]): void {
    for (const offer of offers)
      this.#acts.tell(this.#books.frameworks.get(offer.frameworkId), RescindResourceOffer, { offerId: offer.id });
  }

  /**
   * Takes back the offers that are out, and those still to come of what was allocated before the allocator heard of what it
   * was told at last; nothing of what it decides from then on. It decides only when it has all of that back.
   */
  rescindEarlier(concerned: (offer: Offer) => boolean): void {
    this.rescindFound(() => [...this.#books.offers].filter(concerned));
  }

  /** As {@link rescindEarlier}, those that are found when all of them have come. */
  rescindFound(find: () => readonly Offer[]): void {
    this.#allocator.pause();
    this.#whenAllocatorHeard(() => {
      const offers = find();
      for (const offer of offers) this.#books.takeBack(offer);
      this.rescind(offers);
      this.#allocator.resume();
    });
  }

  /**
   * What the allocator gave away of an agent before it heard of its removal is void, also where the agent is back by
   * then: its resources have been counted anew.
   */
  voidAllocationsOf(slaveId: SlaveId): void {
    const departure = Symbol(slaveId);
    this.#departed.set(slaveId, departure);
    const arrived = (): void => {
      if (this.#departed.get(slaveId) === departure) this.#departed.delete(slaveId);
    };
    this.#whenAllocatorHeard(arrived);
  }

  /** Behind all that it has allocated before it heard of what it was told until now. */
  #whenAllocatorHeard(work: () => void): void {
    this.#allocator.dispatch(() => this.#acts.later(work)).catch(() => undefined); // this master's term is over
  }

  #tellRefused(framework: Framework, refused: readonly Refused[]): void {
    for (const { info, state, reason, message } of refused) {
      this.#acts.log.warn({ framework: framework.id, task: info.taskId, state, why: message }, 'task not launched');
      const about = { taskId: info.taskId, slaveId: info.slaveId, executorId: info.executor.executorId };
      this.#tasks.tellOwn(framework, about, state, reason, message);
    }
  }
}

function describeOffer({ id, slaveId, role, resources }: Offer): string {
  return `${id} of ${slaveId} in ${role}: ${formatResources(resources)}`;
}
