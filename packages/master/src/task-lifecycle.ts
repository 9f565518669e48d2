import type { BodyOf } from '@mesos-ts/process';
import {
  ExitedExecutor,
  isTerminal,
  KillTask,
  type Reason,
  type ReconcileTasks,
  ShutdownFramework,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskId,
  type TaskState,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';
import { reconcile } from './reconciliation.js';
import { masterStatus, type TaskSubject, taskKey } from './tasks.js';

/**
 * Tasks and their executors from the launch on: passes status updates and their acknowledgements on, kills, reconciles,
 * and says what the master itself has to say of a task (Mesos facts 3.8 to 3.10).
 *
 * Updates are passed on, not kept: the agent repeats one until its acknowledgement comes by here.
 */
export class TaskLifecycle {
  readonly #acts: MasterActs;
  readonly #books: Books;

  constructor(acts: MasterActs, books: Books) {
    this.#acts = acts;
    this.#books = books;
  }

  /** An agent tells how a task is. */
  updated(agent: Agent, update: BodyOf<typeof StatusUpdate>): void {
    const framework = this.#books.frameworks.get(update.frameworkId);
    if (framework === undefined) {
      this.#acts.send(agent.pid, ShutdownFramework, { frameworkId: update.frameworkId });
      return;
    }
    const { status } = update;
    const record = framework.tasks.get(status.taskId);
    if (record !== undefined && record.task.slaveId === agent.id) {
      this.#books.update(agent, record, isTerminal(status.state) ? status.state : (update.latestState ?? status.state));
      if (status.uuid !== undefined && framework.connected)
        record.forwarded = { uuid: status.uuid, state: status.state };
    }
    this.#acts.tell(framework, StatusUpdate, { ...update, pid: agent.pid });
  }

  /** The framework has an update; with a terminal one, its task is done. */
  acknowledge(framework: Framework, message: BodyOf<typeof StatusUpdateAcknowledgement>): void {
    const agent = this.#books.agents.get(message.slaveId);
    // Without its agent, the acknowledgement is in vain: the agent sends the update again when it is back.
    if (!agent?.connected) return;
    const record = framework.tasks.get(message.taskId);
    if (record !== undefined) {
      const { forwarded } = record;
      if (forwarded?.uuid !== message.uuid) {
        // Of what another leader told: passed on, it would end the repetition, and nothing would end the task here.
        this.#acts.counters.increment('acknowledgements_unexpected');
        return;
      }
      if (isTerminal(forwarded.state)) this.#books.forget(framework, record);
    }
    this.#acts.send(agent.pid, StatusUpdateAcknowledgement, message);
  }

  /** Asks the task's agent to kill it, now or as soon as it is back; what is not known is answered as a reconciliation. */
  kill(framework: Framework, taskId: TaskId): void {
    const record = framework.tasks.get(taskId);
    const agent = record === undefined ? undefined : this.#books.agents.get(record.task.slaveId);
    if (agent === undefined) this.reconcile(framework, [{ taskId }]);
    else if (agent.connected) this.#acts.send(agent.pid, KillTask, { frameworkId: framework.id, taskId });
    else agent.kills.set(taskKey(framework.id, taskId), { frameworkId: framework.id, taskId });
  }

  /** Answers as {@link reconcile} decides. */
  reconcile(framework: Framework, statuses: BodyOf<typeof ReconcileTasks>['statuses']): void {
    const view = {
      agents: this.#books.agents,
      recovering: this.#acts.recovering,
      remembers: this.#acts.remembers,
      timestamp: this.#acts.clock.wallTime(),
    };
    for (const status of reconcile(framework, statuses, view)) this.#tell(framework, status);
  }

  /** An executor's process has ended; its framework is told once. */
  executorExited(agent: Agent, message: BodyOf<typeof ExitedExecutor>): void {
    const { frameworkId, executorId } = message;
    if (this.#books.executorEnded(agent, frameworkId, executorId))
      this.#acts.tell(this.#books.frameworks.get(frameworkId), ExitedExecutor, { ...message, slaveId: agent.id });
  }

  /** Tells what the master itself knows of a task. It is said once: nobody acknowledges it. */
  tellOwn(framework: Framework, about: TaskSubject, state: TaskState, reason: Reason, message: string): void {
    this.#tell(framework, masterStatus(about, state, reason, message, this.#acts.clock.wallTime()));
  }

  #tell(framework: Framework, status: TaskStatus): void {
    this.#acts.tell(framework, StatusUpdate, { frameworkId: framework.id, status });
  }
}
