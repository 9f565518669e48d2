import type { Timer, Upid } from '@mesos-ts/process';
import {
  type ExecutorId,
  type FrameworkId,
  type Reason,
  type SlaveId,
  StatusUpdate,
  type TaskId,
  type TaskState,
} from '@mesos-ts/protocol';
import type { AgentActs } from './agent-acts.js';
import {
  type Forward,
  type IdentifiedStatus,
  StatusUpdateManager,
  type StatusUpdateManagerOptions,
  type UpdateVerdict,
} from './status-update-manager.js';

/** What the agent itself says of a task. */
export interface AgentStatus {
  readonly taskId: TaskId;
  readonly slaveId: SlaveId;
  readonly executorId?: ExecutorId;
  readonly state: TaskState;
  readonly reason: Reason;
  readonly message: string;
}

/** Carries out what the {@link StatusUpdateManager} decides: sends updates to the master and keeps its timer. */
export class StatusUpdates {
  readonly #acts: AgentActs;
  readonly #manager: StatusUpdateManager;
  #master: Upid | undefined;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(acts: AgentActs, options: StatusUpdateManagerOptions) {
    this.#acts = acts;
    this.#manager = new StatusUpdateManager(options);
  }

  /** As {@link StatusUpdateManager.has}. */
  has(frameworkId: FrameworkId, taskId: TaskId): boolean {
    return this.#manager.has(frameworkId, taskId);
  }

  /** Tells what an executor says. */
  tell(frameworkId: FrameworkId, status: IdentifiedStatus): UpdateVerdict {
    const { verdict, forward } = this.#manager.update(this.#acts.clock.now(), frameworkId, status);
    this.#forward(forward);
    return verdict;
  }

  /** Tells what the agent itself says. */
  tellOwn(frameworkId: FrameworkId, status: AgentStatus): void {
    this.#acts.log.info({ framework: frameworkId, ...status }, 'the agent says how a task ended');
    const { clock, random } = this.#acts;
    this.tell(frameworkId, { ...status, source: 'SOURCE_SLAVE', timestamp: clock.wallTime(), uuid: random.uuid() });
  }

  /** @returns whether the task is done with: its terminal update is acknowledged. */
  acknowledge(frameworkId: FrameworkId, taskId: TaskId, uuid: string): boolean {
    const { verdict, forward } = this.#manager.acknowledge(this.#acts.clock.now(), frameworkId, taskId, uuid);
    if (verdict === 'unexpected') {
      this.#acts.counters.increment('acknowledgements_unexpected');
      this.#acts.log.debug({ framework: frameworkId, task: taskId, uuid }, 'unexpected acknowledgement ignored');
    }
    this.#forward(forward);
    return verdict === 'closed';
  }

  /** There is a master: it gets all that is outstanding. */
  resume(master: Upid): void {
    this.#master = master;
    this.#forward(this.#manager.resume(this.#acts.clock.now()));
  }

  /** The framework has a scheduler anew: it gets what is outstanding of its tasks. */
  resend(frameworkId: FrameworkId): void {
    this.#forward(this.#manager.resend(this.#acts.clock.now(), frameworkId));
  }

  /** There is no master to send to. */
  pause(): void {
    this.#master = undefined;
    this.#manager.pause();
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }

  /** Sends what waits behind something unacknowledged, once: nobody will be here to acknowledge to. */
  sendLast(): void {
    for (const forward of this.#manager.unsent()) this.#send(forward);
  }

  /** As {@link StatusUpdateManager.closeFramework}. */
  closeFramework(frameworkId: FrameworkId): void {
    this.#manager.closeFramework(frameworkId);
  }

  #forward(forwards: readonly Forward[]): void {
    for (const forward of forwards) this.#send(forward);
    this.#schedule();
  }

  #send({ frameworkId, status, latestState }: Forward): void {
    if (this.#master !== undefined)
      this.#acts.send(this.#master, StatusUpdate, { frameworkId, status, latestState, pid: this.#acts.pid });
  }

  #schedule(): void {
    const at = this.#manager.nextRetryAt;
    if (at === undefined || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const timer = this.#acts.delay(Math.max(0, at - this.#acts.clock.now()), () => this.#expire());
    this.#timer = { at, timer };
  }

  #expire(): void {
    this.#timer = undefined;
    this.#forward(this.#manager.expire(this.#acts.clock.now()));
  }
}
