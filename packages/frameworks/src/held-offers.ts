import type { BodyOf, Upid } from '@mesos-ts/process';
import {
  DeclineResourceOffer,
  type Filters,
  type FrameworkId,
  LaunchTasks,
  type Offer,
  type OfferId,
  type Reason,
  RequestResources,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { OpenDemands } from './open-demands.js';
import type { SchedulerHost } from './scheduler-host.js';

/** The master that a scheduler is registered with, and who it is there. */
export interface Connected {
  readonly master: Upid;
  readonly frameworkId: FrameworkId;
}

/** What can be said about offers. */
type OfferMessage = typeof LaunchTasks | typeof DeclineResourceOffer | typeof RequestResources;

export interface HeldOffersOptions {
  readonly host: SchedulerHost;
  readonly demands: OpenDemands;
  /** In ms. */
  wallTime(): number;
  /** Undefined while disconnected. */
  connected(): Connected | undefined;
  send<M extends OfferMessage>(to: Upid, type: M, body: BodyOf<M>): void;
  /** A call that does nothing, because of the disconnection. */
  dropped(call: string): void;
}

/** The offers that a scheduler was made and that are neither used, declined nor rescinded; and what becomes of them. */
export class HeldOffers {
  readonly #options: HeldOffersOptions;
  /** With their roles. */
  readonly #offers = new Map<OfferId, string>();

  constructor(options: HeldOffersOptions) {
    this.#options = options;
  }

  // What the scheduler does with them

  launch(offerIds: readonly OfferId[], tasks: readonly TaskInfo[], filters: Filters): void {
    const connected = this.#options.connected();
    if (connected === undefined) {
      const message = 'the scheduler is disconnected from the master';
      this.#answer(tasks, 'TASK_DROPPED', 'REASON_MASTER_DISCONNECTED', message);
      return;
    }
    const role = this.#offers.get(offerIds[0] ?? ('' as OfferId));
    const known = this.#take(offerIds);
    if (known.length < offerIds.length || role === undefined) {
      this.#answer(tasks, 'TASK_DROPPED', 'REASON_INVALID_OFFERS', whyVoid(offerIds, known));
      this.#giveBack(known, filters);
      return;
    }
    const { master, frameworkId } = connected;
    const body = { frameworkId, offerIds, tasks, filters };
    // The master would drop what does not check without a word to anybody but its log.
    if (!LaunchTasks.check(body)) {
      this.#answer(tasks, 'TASK_ERROR', 'REASON_TASK_INVALID', `malformed launch: ${LaunchTasks.explain(body)}`);
      this.#giveBack(known, filters);
      return;
    }
    const { demands, send } = this.#options;
    // First, lest what these offers were made for is offered again.
    if (demands.launched(role, tasks)) send(master, RequestResources, { frameworkId, ...demands.body });
    send(master, LaunchTasks, body);
  }

  decline(offerIds: readonly OfferId[], filters: Filters): void {
    this.#giveBack(this.#take(offerIds), filters);
  }

  declineAll(filters: Filters): void {
    this.decline([...this.#offers.keys()], filters);
  }

  // What the master does with them

  offered(offers: readonly Offer[]): void {
    for (const { id, role } of offers) this.#offers.set(id, role);
  }

  rescinded(offerId: OfferId): void {
    this.#offers.delete(offerId);
    const { callbacks, scheduler, driver } = this.#options.host;
    callbacks.push(() => scheduler.offerRescinded?.(driver, offerId));
  }

  rescindedAll(): void {
    for (const offerId of [...this.#offers.keys()]) this.rescinded(offerId);
  }

  /** The master that made them is lost, and its offers with it: nobody is told of each. */
  forgetAll(): void {
    this.#offers.clear();
  }

  /** Those of the list that are still good; they are used up by this. */
  #take(offerIds: readonly OfferId[]): OfferId[] {
    return offerIds.filter((offerId) => this.#offers.delete(offerId));
  }

  #giveBack(offerIds: readonly OfferId[], filters: Filters): void {
    if (offerIds.length === 0) return;
    const connected = this.#options.connected();
    if (connected === undefined) {
      this.#options.dropped('declineOffer');
      return;
    }
    const { master, frameworkId } = connected;
    this.#options.send(master, DeclineResourceOffer, { frameworkId, offerIds, filters });
  }

  /** Says in the master's name what becomes of tasks that are never sent to it (Mesos facts 7.1). */
  #answer(tasks: readonly TaskInfo[], state: TaskState, reason: Reason, message: string): void {
    const { callbacks, scheduler, driver } = this.#options.host;
    for (const { taskId, slaveId } of tasks) {
      const timestamp = this.#options.wallTime();
      const status: TaskStatus = { taskId, slaveId, state, source: 'SOURCE_MASTER', reason, message, timestamp };
      callbacks.push(() => scheduler.statusUpdate(driver, status));
    }
  }
}

function whyVoid(offerIds: readonly OfferId[], known: readonly OfferId[]): string {
  if (offerIds.length === 0) return 'the launch names no offer';
  const first = offerIds.find((offerId) => !known.includes(offerId));
  return `offer ${first ?? '?'} is void: it was used, declined, rescinded, or made before the master was lost`;
}
