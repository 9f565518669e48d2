import { type ExitReason, NoSuchProcessError, Process, type Timer, type Upid } from '@mesos-ts/process';
import {
  type Demand,
  type ExecutorId,
  ExecutorToFramework,
  ExitedExecutor,
  epochOf,
  type Filters,
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  FrameworkToExecutor,
  KillTask,
  LostSlave,
  type MasterInfo,
  type Offer,
  type OfferId,
  ReconcileTasks,
  RegisterFramework,
  RequestResources,
  ReregisterFramework,
  RescindResourceOffer,
  ResourceOffer,
  ReviveOffers,
  type SlaveId,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
  UnregisterFramework,
} from '@mesos-ts/protocol';
import { addressedTo, ElectionClosed, EpochFence, type Leader } from '@mesos-ts/zk-election';
import { answersFor } from './answers-for.js';
import { DriverEndedError, FrameworkRefusedError, messageOf } from './errors.js';
import { type Connected, HeldOffers } from './held-offers.js';
import { OpenDemands } from './open-demands.js';
import { registrationPauseMsMax } from './registration-backoff.js';
import type { SchedulerHost } from './scheduler-host.js';
import { SuppressedRoles } from './suppressed-roles.js';

/** How long to wait before a detector that failed is asked again, in ms. */
const detectAgainMs = 1_000;
/** What a master may say before it is the one that we are registered with. */
const firstWords: ReadonlySet<string> = new Set([
  FrameworkRegistered.name,
  FrameworkReregistered.name,
  FrameworkError.name,
]);

/**
 * Speaks with the leading master for a {@link SchedulerDriver} (Mesos facts 2.1, 2.2, 7.1). Only the leader that the
 * detector names is listened to, and, once it has answered, only that incarnation of it.
 */
export class SchedulerProcess extends Process {
  readonly #host: SchedulerHost;
  #framework: FrameworkInfo;
  /** Take over from another scheduler with our id: only the first time that we come with one. */
  #failover: boolean;
  readonly #fence = new EpochFence();
  #leader: Leader | undefined;
  /** The master that we are registered with; undefined while disconnected. */
  #master: Upid | undefined;
  /** Attempts to register since the leader was found or lost. */
  #attempts = 0;
  #nextAttempt: Timer | undefined;
  /** The link to the leader broke after the last attempt: to the leader we may be disconnected, whatever it answered. */
  #missed = false;
  readonly #offers: HeldOffers;
  readonly #suppressed: SuppressedRoles;
  readonly #demands = new OpenDemands();
  /** No callback is made any more: what is offered is handed back. */
  #silenced = false;

  constructor(id: string, framework: FrameworkInfo, host: SchedulerHost) {
    super(id);
    this.#host = host;
    this.#framework = framework;
    this.#failover = framework.id !== undefined;
    this.#suppressed = new SuppressedRoles(framework);
    this.#offers = new HeldOffers({
      ...{ host, demands: this.#demands },
      wallTime: () => this.clock.wallTime(),
      connected: () => this.#connected,
      send: (to, type, body) => this.send(to, type, body),
      dropped: (call) => this.#dropped(call),
    });
  }

  // What the driver is asked for. Each runs as an event of this process.

  launch(offerIds: readonly OfferId[], tasks: readonly TaskInfo[], filters: Filters): void {
    this.#offers.launch(offerIds, tasks, filters);
  }

  decline(offerIds: readonly OfferId[], filters: Filters): void {
    this.#offers.decline(offerIds, filters);
  }

  kill(taskId: TaskId): void {
    this.#tell('killTask', (master, frameworkId) => this.send(master, KillTask, { frameworkId, taskId }));
  }

  /** @param roles none: all. */
  revive(roles: readonly string[], keepFilters: boolean): void {
    this.#suppressed.revive(roles);
    const body = { ...named(roles), ...(keepFilters ? { keepFilters } : {}) };
    this.#tell('reviveOffers', (master, frameworkId) => this.send(master, ReviveOffers, { frameworkId, ...body }));
  }

  /** @param roles none: all. */
  suppress(roles: readonly string[]): void {
    this.#suppressed.suppress(roles);
    const body = named(roles);
    this.#tell('suppressOffers', (master, frameworkId) => this.send(master, SuppressOffers, { frameworkId, ...body }));
  }

  /** @param demands undefined: whatever there is. */
  request(demands: readonly Demand[] | undefined): void {
    this.#demands.say(demands);
    this.#tellDemands();
  }

  /** While nobody is there to hear it, the next registration says it. */
  #tellDemands(): void {
    const connected = this.#connected;
    if (connected === undefined) return;
    const { master, frameworkId } = connected;
    this.send(master, RequestResources, { frameworkId, ...this.#demands.body });
  }

  acknowledge({ taskId, slaveId, uuid }: TaskStatus): void {
    if (uuid === undefined || slaveId === undefined) {
      this.log.debug({ taskId }, 'acknowledgement ignored: the update has no uuid, so nobody waits for one');
      return;
    }
    this.#tell('acknowledgeStatusUpdate', (master, frameworkId) =>
      this.send(master, StatusUpdateAcknowledgement, { slaveId, frameworkId, taskId, uuid }),
    );
  }

  sendFrameworkMessage(executorId: ExecutorId, slaveId: SlaveId, data: Uint8Array): void {
    this.#tell('sendFrameworkMessage', (master, frameworkId) =>
      this.send(master, FrameworkToExecutor, { slaveId, frameworkId, executorId, data }),
    );
  }

  reconcile(named: ReconcileTasks['statuses']): void {
    const statuses = named.map(({ taskId, slaveId }) => (slaveId === undefined ? { taskId } : { taskId, slaveId }));
    this.#tell('reconcileTasks', (master, frameworkId) => this.send(master, ReconcileTasks, { frameworkId, statuses }));
  }

  /** No more callbacks, no more offers, no more attempts to register; tasks go on. */
  abort(): void {
    this.#silenced = true;
    this.#nextAttempt?.cancel();
    if (this.#master === undefined) return;
    this.suppress([]);
    this.#offers.declineAll({ refuseSeconds: 0 });
  }

  /** @param failover leave the tasks to a successor. */
  stop(failover: boolean): void {
    const connected = this.#connected;
    if (connected !== undefined && !failover)
      this.send(connected.master, UnregisterFramework, { frameworkId: connected.frameworkId });
    this.terminate();
  }

  // What happens

  protected override initialize(): void {
    this.install(FrameworkRegistered, (from, { frameworkId, master }) =>
      this.#registered(from, frameworkId, master, false),
    );
    this.install(FrameworkReregistered, (from, { frameworkId, master }) =>
      this.#registered(from, frameworkId, master, true),
    );
    this.install(FrameworkError, (_from, { message }) => this.#refused(message));
    this.install(ResourceOffer, (_from, { offers }) => this.#offered(offers));
    this.install(RescindResourceOffer, (_from, { offerId }) => this.#offers.rescinded(offerId));
    this.install(StatusUpdate, (_from, update) => this.#updated(update));
    this.#installLosses();
    this.#follow();
  }

  #installLosses(): void {
    const { scheduler, driver, callbacks } = this.#host;
    this.install(ExecutorToFramework, (_from, { executorId, slaveId, data }) =>
      callbacks.push(() => scheduler.frameworkMessage?.(driver, executorId, slaveId, data)),
    );
    this.install(LostSlave, (_from, { slaveId }) => callbacks.push(() => scheduler.slaveLost?.(driver, slaveId)));
    this.install(ExitedExecutor, (_from, { executorId, slaveId, status }) =>
      callbacks.push(() => scheduler.executorLost?.(driver, executorId, slaveId, status)),
    );
  }

  /** Only the leader is heard, and nobody once a later one is known, of which the sender is told. */
  protected override admits(from: Upid, name: string, body: unknown): boolean {
    const epoch = epochOf(body);
    const verdict = this.#fence.judge(epoch, this.#isLeader(from, name));
    if (verdict === 'stale') {
      const { highest } = this.#fence;
      this.node.counters.increment('messages_from_stale_leaders');
      this.log.warn({ from, message: name, epoch, highest }, 'message dropped: a later leader is known');
      this.send(from, StaleLeader, { epoch: highest });
    }
    return verdict === 'take';
  }

  #isLeader(from: Upid, name: string): boolean {
    if (this.#master !== undefined) return from === this.#master;
    return this.#leader !== undefined && firstWords.has(name) && answersFor(this.#leader.pid, from);
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    if (this.#leader === undefined || !answersFor(this.#leader.pid, pid)) return;
    if (this.#master === undefined) {
      // The next attempt links anew: to attempt it here would be a loop without a pause.
      this.#missed = true;
      return;
    }
    this.log.warn({ master: this.#master, reason }, 'disconnected from the master');
    this.#disconnect();
    this.#register();
  }

  protected override finalize(): void {
    this.#host.ended();
  }

  // The leader, and being registered with it

  #follow(): void {
    this.defer(
      this.#host.detector.detect(this.#leader),
      (leader) => {
        this.#detected(leader);
        this.#follow();
      },
      (error) => this.#undetected(error),
    );
  }

  #detected(leader: Leader | undefined): void {
    this.log.info(
      { leader: leader?.pid, epoch: leader?.epoch },
      leader === undefined ? 'no master leads' : 'a master leads',
    );
    this.#disconnect();
    this.#leader = leader;
    if (leader !== undefined) this.#fence.raise(leader.epoch);
    this.#register();
  }

  #undetected(error: unknown): void {
    if (error instanceof ElectionClosed) {
      this.#host.abort(new DriverEndedError('the detector was closed while the driver was running', { cause: error }));
      return;
    }
    this.log.error({ err: error }, 'the leading master cannot be detected; trying again');
    this.delay(detectAgainMs, () => this.#follow());
  }

  #disconnect(): void {
    this.#nextAttempt?.cancel();
    this.#attempts = 0;
    if (this.#master === undefined) return;
    this.#master = undefined;
    this.#offers.forgetAll();
    const { callbacks, scheduler, driver } = this.#host;
    callbacks.push(() => scheduler.disconnected?.(driver));
  }

  #register(): void {
    if (this.#leader === undefined || this.#silenced) return;
    const { pid } = this.#leader;
    this.#missed = false;
    this.link(pid);
    const framework = this.#suppressed.tell(this.#framework);
    const registration = { ...addressedTo(this.#leader), framework, ...this.#demands.tell() };
    if (framework.id === undefined) this.send(pid, RegisterFramework, registration);
    else this.send(pid, ReregisterFramework, { ...registration, failover: this.#failover });
    const { failoverTimeoutMs } = framework;
    const backoff = { factorMs: this.#host.registrationBackoffMs, failoverTimeoutMs };
    const pauseMsMax = registrationPauseMsMax(backoff, this.#attempts++);
    // Not at once: an answer takes its time.
    const pauseMs = (pauseMsMax * (1 + this.random.fraction())) / 2;
    this.#nextAttempt = this.delay(pauseMs, () => this.#register());
  }

  #registered(from: Upid, frameworkId: FrameworkId, master: MasterInfo, again: boolean): void {
    if (this.#silenced || this.#leader === undefined) return;
    if (this.#master !== undefined) {
      // The master has taken an earlier attempt for another registration: what it offered in between is void, and it may have
      // held this framework to be away when it took that back.
      if (again && from === this.#master) this.#offers.rescindedAll();
      return;
    }
    if (this.#framework.id !== undefined && this.#framework.id !== frameworkId) {
      this.log.error(
        { from, frameworkId, own: this.#framework.id },
        'registration ignored: it is for another framework',
      );
      return;
    }
    this.#nextAttempt?.cancel();
    if (this.#missed) {
      this.#register();
      return;
    }
    this.#master = from;
    this.#framework = { ...this.#framework, id: frameworkId };
    this.#failover = false;
    this.log.info({ master: from, frameworkId }, again ? 're-registered' : 'registered');
    const { revived, suppressed } = this.#suppressed.answered();
    if (revived.length > 0) this.revive(revived, true);
    if (suppressed.length > 0) this.suppress(suppressed);
    if (this.#demands.answered()) this.#tellDemands();
    const { callbacks, scheduler, driver } = this.#host;
    if (again) callbacks.push(() => scheduler.reregistered?.(driver, master));
    else callbacks.push(() => scheduler.registered?.(driver, frameworkId, master));
  }

  #refused(message: string): void {
    const { callbacks, scheduler, driver } = this.#host;
    this.log.error({ message }, 'the master refuses the framework');
    this.#nextAttempt?.cancel();
    this.#silenced = true;
    this.#master = undefined;
    if (scheduler.error === undefined) this.#host.abort(new FrameworkRefusedError(message));
    else
      callbacks.push(
        () => scheduler.error?.(driver, message),
        () => this.#host.abort(),
      );
  }

  // Offers and tasks

  #offered(offers: readonly Offer[]): void {
    this.#offers.offered(offers);
    if (this.#silenced) {
      this.#offers.declineAll({ refuseSeconds: 0 });
      return;
    }
    const { callbacks, scheduler, driver } = this.#host;
    callbacks.push(() => scheduler.resourceOffers(driver, offers));
  }

  #updated({ status, pid }: StatusUpdate): void {
    const { callbacks, scheduler, driver, implicitAcknowledgements } = this.#host;
    // Without a pid nobody waits for an acknowledgement, so nobody shall be led to send one (Mesos facts 2.2).
    const told = pid === undefined ? withoutUuid(status) : status;
    callbacks.push(
      () => scheduler.statusUpdate(driver, told),
      () => {
        if (implicitAcknowledgements && told.uuid !== undefined) this.#later(() => this.acknowledge(told));
      },
    );
  }

  /** The master that we are registered with, and who we are there. */
  get #connected(): Connected | undefined {
    const frameworkId = this.#framework.id;
    return this.#master === undefined || frameworkId === undefined ? undefined : { master: this.#master, frameworkId };
  }

  #tell(call: string, say: (master: Upid, frameworkId: FrameworkId) => void): void {
    const connected = this.#connected;
    if (connected === undefined) this.#dropped(call);
    else say(connected.master, connected.frameworkId);
  }

  #dropped(call: string): void {
    this.log.warn({ call }, 'call dropped: disconnected from the master');
  }

  /** Runs `work` as an event of this process, from outside of one. */
  #later(work: () => void): void {
    this.dispatch(work).catch((error: unknown) => {
      if (!(error instanceof NoSuchProcessError)) this.log.error({ why: messageOf(error) }, 'a call failed');
    });
  }
}

/** Those roles, or none where all are meant. */
function named(roles: readonly string[]): { readonly roles?: readonly string[] } {
  return roles.length === 0 ? {} : { roles };
}

function withoutUuid({ uuid: _uuid, ...status }: TaskStatus): TaskStatus {
  return status;
}
