import { type AnyMessageType, type BodyOf, Random } from '@mesos-ts/process';
import {
  type FrameworkId,
  KillTask,
  type Reason,
  RunTask,
  type SlaveId,
  type SlaveReregistered,
  type StatusUpdateAcknowledgement,
  type TaskInfo,
  type TaskState,
} from '@mesos-ts/protocol';
import { match } from 'ts-pattern';
import type { AgentActs } from './agent-acts.js';
import type { AgentOptions } from './agent-options.js';
import { Executor } from './executor.js';
import type { ExecutorRunner } from './executor-runner.js';
import type { Framework, Frameworks, TaskRecord } from './frameworks.js';
import type { MasterContact } from './master-contact.js';
import type { StatusUpdates } from './status-updates.js';
import { judgeKillTask, judgeRunTask } from './task-rules.js';

const tokenCharacters = 25;

export interface TaskLifecycleOptions extends Pick<AgentOptions, 'executorToken' | 'sandboxes'> {
  readonly frameworks: Frameworks;
  readonly updates: StatusUpdates;
  readonly runner: ExecutorRunner;
  readonly contact: MasterContact;
  /** The agent ends: nothing new is begun. */
  isEnding(): boolean;
}

/**
 * What becomes of tasks on this agent, from RunTask until the last word on them is acknowledged (Mesos facts 5.3): handed to
 * an executor that is there, or waiting for one that is launched for them. What to do is decided in task-rules.ts.
 */
export class TaskLifecycle {
  readonly #acts: AgentActs;
  readonly #options: TaskLifecycleOptions;
  readonly #frameworks: Frameworks;
  readonly #updates: StatusUpdates;
  readonly #runner: ExecutorRunner;
  readonly #contact: MasterContact;

  constructor(acts: AgentActs, options: TaskLifecycleOptions) {
    this.#acts = acts;
    this.#options = options;
    this.#frameworks = options.frameworks;
    this.#updates = options.updates;
    this.#runner = options.runner;
    this.#contact = options.contact;
  }

  /** The master holds these to be here. What is known here goes its own way. */
  reconcile(slaveId: SlaveId, expected: BodyOf<typeof SlaveReregistered>['reconciliations']): void {
    for (const { frameworkId, taskId } of expected) {
      if (this.#frameworks.get(frameworkId)?.tasks.has(taskId) || this.#updates.has(frameworkId, taskId)) continue;
      this.#updates.tellOwn(frameworkId, {
        taskId,
        slaveId,
        state: 'TASK_DROPPED',
        reason: 'REASON_SLAVE_REREGISTERED',
        message: 'the agent has no such task: it never reached it',
      });
    }
  }

  /** A task has come for this agent. */
  run({ framework: info, task, role, launchExecutor }: BodyOf<typeof RunTask>): void {
    const { slaveId } = this.#contact;
    const frameworkId = info.id;
    if (slaveId === undefined || frameworkId === undefined || this.#options.isEnding()) {
      this.#acts.log.warn(
        { framework: frameworkId, task: task.taskId },
        'RunTask ignored: no framework id, or the agent ends',
      );
      return;
    }
    const known = this.#updates.has(frameworkId, task.taskId);
    const verdict = judgeRunTask(task, launchExecutor, slaveId, this.#frameworks.get(frameworkId), known);
    if (verdict.kind === 'ignore') {
      this.#acts.log.warn({ framework: frameworkId, task: task.taskId, why: verdict.why }, 'RunTask ignored');
      return;
    }
    const framework = this.#frameworks.obtain(frameworkId, info);
    const record = framework.add(task, role);
    this.#acts.log.info(
      { framework: frameworkId, task: task.taskId, executor: record.about.executorId },
      'task arrived',
    );
    match(verdict)
      .with({ kind: 'drop' }, ({ reason, why }) => this.end(framework, record, 'TASK_DROPPED', reason, why))
      .with({ kind: 'launch' }, () => this.#launch(framework, task, role, slaveId))
      .with({ kind: 'queue' }, () => undefined)
      .with({ kind: 'deliver' }, ({ executor }) => this.#deliver(framework, executor, record))
      .exhaustive();
  }

  #launch(framework: Framework, task: TaskInfo, role: string, slaveId: SlaveId): void {
    const { executorId } = task.executor;
    const owner = { slaveId, frameworkId: framework.id, executorId, containerId: this.#acts.random.uuid() };
    const token = this.#options.executorToken?.() ?? Random.system().token(tokenCharacters);
    const sandboxPath = this.#options.sandboxes.pathOf(owner);
    const executor = new Executor(owner, task.executor, role, `executor-${token}`, sandboxPath);
    this.#frameworks.addExecutor(framework, executor);
    this.#runner.launch(executor);
  }

  /** The executor has registered: what waits for it is handed over. */
  deliverAll(framework: Framework, executor: Executor): void {
    for (const record of framework.liveTasksOf(executor.id)) this.#deliver(framework, executor, record);
  }

  #deliver(framework: Framework, executor: Executor, record: TaskRecord): void {
    const { queued: task, about } = record;
    if (task === undefined) return;
    this.#sendTo(executor, RunTask, { framework: framework.info, task, role: about.role, launchExecutor: false });
    record.queued = undefined;
  }

  kill({ frameworkId, taskId }: BodyOf<typeof KillTask>): void {
    const known = this.#updates.has(frameworkId, taskId);
    match(judgeKillTask(taskId, this.#frameworks.get(frameworkId), known))
      .with({ kind: 'ignore' }, () => this.#acts.log.info({ framework: frameworkId, task: taskId }, 'KillTask ignored'))
      .with({ kind: 'gone' }, () => this.#tellGone({ frameworkId, taskId }))
      .with({ kind: 'unqueue' }, ({ framework, record }) => this.#killQueued(framework, record))
      .with({ kind: 'relay' }, ({ executor }) => this.#sendTo(executor, KillTask, { frameworkId, taskId }))
      .exhaustive();
  }

  #killQueued(framework: Framework, record: TaskRecord): void {
    const reason = 'REASON_TASK_KILLED_DURING_LAUNCH';
    this.end(framework, record, 'TASK_KILLED', reason, 'killed before its executor had it');
    const executor = framework.executors.get(record.about.executorId);
    // It was launched for tasks that nobody wants any more.
    if (executor !== undefined && framework.liveTasksOf(executor.id).length === 0) this.#runner.shutDown(executor);
  }

  #tellGone({ frameworkId, taskId }: BodyOf<typeof KillTask>): void {
    const { slaveId } = this.#contact;
    if (slaveId === undefined) return;
    this.#updates.tellOwn(frameworkId, {
      taskId,
      slaveId,
      state: 'TASK_GONE',
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'the agent has no such task to kill',
    });
  }

  /** The agent itself ends a task, and says so. */
  end(framework: Framework, record: TaskRecord, state: TaskState, reason: Reason, message: string): void {
    record.state = state;
    record.queued = undefined;
    const { taskId, slaveId, executorId } = record.about;
    this.#updates.tellOwn(framework.id, { taskId, slaveId, executorId, state, reason, message });
  }

  acknowledged({ slaveId, frameworkId, taskId, uuid }: BodyOf<typeof StatusUpdateAcknowledgement>): void {
    if (slaveId !== this.#contact.slaveId || !this.#updates.acknowledge(frameworkId, taskId, uuid)) return;
    const framework = this.#frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.tasks.delete(taskId);
    this.forgetIfDone(framework);
  }

  shutDownFramework(frameworkId: FrameworkId): void {
    this.#updates.closeFramework(frameworkId);
    const framework = this.#frameworks.get(frameworkId);
    if (framework === undefined) return;
    this.#acts.log.info({ framework: frameworkId }, 'shutting a framework down');
    framework.terminating = true;
    for (const executor of framework.executors.values()) this.#runner.shutDown(executor);
    this.forgetIfDone(framework);
  }

  /** Nothing is left of it, and nobody waits for a word of it. */
  forgetIfDone(framework: Framework): void {
    if (framework.executors.size === 0 && (framework.terminating || framework.tasks.size === 0))
      this.#frameworks.remove(framework);
  }

  /** Nothing, before it has registered. */
  #sendTo<M extends AnyMessageType>(executor: Executor, type: M, body: BodyOf<M>): void {
    if (executor.pid !== undefined) this.#acts.send(executor.pid, type, body);
  }
}
