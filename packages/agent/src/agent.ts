import { type AnyMessageType, type BodyOf, type ExitReason, Process, type Upid } from '@mesos-ts/process';
import {
  ExecutorRegistered,
  ExecutorToFramework,
  ExitedExecutor,
  FrameworkToExecutor,
  KillTask,
  PingSlave,
  PongSlave,
  RegisterExecutor,
  RunTask,
  Shutdown,
  ShutdownExecutor,
  ShutdownFramework,
  type SlaveId,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskState,
  UnregisterSlave,
  UpdateFramework,
  UpdateSlave,
} from '@mesos-ts/protocol';
import type { FenceVerdict } from '@mesos-ts/zk-election';
import type { AgentActs } from './agent-acts.js';
import { type AgentOptions, agentTimingDefaults } from './agent-options.js';
import type { Executor } from './executor.js';
import { type ExecutorEnding, ExecutorRunner } from './executor-runner.js';
import { Frameworks } from './frameworks.js';
import { MasterContact } from './master-contact.js';
import { Oversubscription } from './oversubscription.js';
import { StatusUpdates } from './status-updates.js';
import { TaskLifecycle } from './task-lifecycle.js';

/** Why an agent ended. */
export interface AgentEnd {
  /** `stopped`: it was asked to; `shut-down`: by the master; `failed`: it could not go on. */
  readonly kind: 'stopped' | 'shut-down' | 'failed';
  /** For people. */
  readonly why: string;
}

const executorMessages: ReadonlySet<string> = new Set([StatusUpdate.name, ExecutorToFramework.name]);
/** What only a master may say of a task, or nobody. */
const notForExecutors: ReadonlySet<TaskState> = new Set(['TASK_STAGING', 'TASK_UNREACHABLE', 'TASK_UNKNOWN']);

/**
 * The agent of one machine (Mesos facts 5): registers with the leading master, runs executors as it is told, and forwards
 * what they say of their tasks until it is acknowledged. While there is no master, executors and tasks go on.
 *
 * Nothing of it outlives its end: neither an executor nor what it knows.
 */
export class Agent extends Process {
  readonly #options: AgentOptions;
  readonly #contact: MasterContact;
  readonly #frameworks = new Frameworks();
  readonly #updates: StatusUpdates;
  readonly #runner: ExecutorRunner;
  readonly #tasks: TaskLifecycle;
  readonly #oversubscription: Oversubscription | undefined;
  #end: AgentEnd | undefined;

  constructor(options: AgentOptions) {
    super('slave(1)');
    this.#options = options;
    const timings = { ...agentTimingDefaults, ...options };
    const acts = this.#acts();
    this.#updates = new StatusUpdates(acts, {
      retryMs: timings.statusUpdateRetryMs,
      retryMsMax: timings.statusUpdateRetryMsMax,
    });
    this.#runner = new ExecutorRunner(acts, {
      ...options,
      timings,
      onEnded: (executor, ending) => this.#executorEnded(executor, ending),
    });
    this.#contact = new MasterContact(acts, {
      detector: options.detector,
      registrationBackoffMs: timings.registrationBackoffMs,
      describe: (slaveId) => this.#info(slaveId),
      report: (slaveId) => this.#frameworks.report(slaveId),
      onConnected: (master) => {
        this.#oversubscription?.connected();
        this.#updates.resume(master);
      },
      onDisconnected: () => this.#updates.pause(),
      onEnd: (why) => this.#beginEnd({ kind: 'failed', why }),
    });
    this.#tasks = new TaskLifecycle(acts, {
      ...options,
      ...{ frameworks: this.#frameworks, updates: this.#updates, runner: this.#runner, contact: this.#contact },
      isEnding: () => this.#end !== undefined,
    });
    const { estimator, resources } = options;
    if (estimator !== undefined)
      this.#oversubscription = new Oversubscription(acts, {
        ...{ estimator, resources, intervalMs: timings.oversubscribedIntervalMs },
        tell: (oversubscribed) => this.#contact.tell(UpdateSlave, { oversubscribed }),
      });
  }

  /** Why it ended, or is ending; undefined before. */
  get end(): AgentEnd | undefined {
    return this.#end;
  }

  /** Shuts the executors down, passes their last updates on, unregisters, and ends. Resolves when that has begun. */
  stop(): Promise<void> {
    return this.dispatch(() => this.#beginEnd({ kind: 'stopped', why: 'it was asked to stop' }));
  }

  protected override initialize(): void {
    this.#installForMasters();
    this.#installForExecutors();
    // Recovering what an earlier run has left comes here: only when books and updates are complete may it register.
    this.#oversubscription?.start();
    this.#contact.start();
  }

  protected override finalize(): Promise<void> {
    this.#end ??= { kind: 'failed', why: 'its process ended before it was asked to stop' };
    return this.#runner.destroyAll();
  }

  /** Masters are heard only as the pinned one, executors only as the ones that were launched. */
  protected override admits(from: Upid, name: string, body: unknown): boolean {
    const verdict = this.#judge(from, name, body);
    if (verdict === 'refuse') this.log.warn({ from, message: name }, 'message dropped: its sender has no say here');
    return verdict === 'take';
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    const executor = this.#frameworks.executorAt(pid);
    if (executor === undefined) this.#contact.exited(pid, reason);
    else this.#runner.connectionBroke(executor);
  }

  #judge(from: Upid, name: string, body: unknown): FenceVerdict {
    if (executorMessages.has(name)) return this.#frameworks.executorAt(from) === undefined ? 'refuse' : 'take';
    if (name === RegisterExecutor.name)
      return this.#frameworks.executorLaunchedAs(from) === undefined ? 'refuse' : 'take';
    return this.#contact.judge(from, name, body);
  }

  // Registration

  #installForMasters(): void {
    this.install(SlaveRegistered, (from, { slaveId, totalPingTimeoutMs, expectedAgents }) => {
      this.#contact.answered(from, slaveId, totalPingTimeoutMs, expectedAgents);
    });
    this.install(SlaveReregistered, (from, { slaveId, totalPingTimeoutMs, expectedAgents, reconciliations }) => {
      if (this.#contact.answered(from, slaveId, totalPingTimeoutMs, expectedAgents))
        this.#tasks.reconcile(slaveId, reconciliations);
    });
    this.install(PingSlave, (_from, { connected, expectedAgents }) => {
      this.reply(PongSlave, {});
      this.#contact.pinged(connected, expectedAgents);
    });
    this.install(RunTask, (_from, message) => this.#tasks.run(message));
    this.install(KillTask, (_from, body) => this.#tasks.kill(body));
    this.install(StatusUpdateAcknowledgement, (_from, body) => this.#tasks.acknowledged(body));
    this.install(FrameworkToExecutor, (_from, body) => this.#relayToExecutor(body));
    this.install(ShutdownExecutor, (_from, { frameworkId, executorId }) => {
      const executor = this.#frameworks.get(frameworkId)?.executors.get(executorId);
      if (executor !== undefined) this.#runner.shutDown(executor);
    });
    this.install(UpdateFramework, (_from, { frameworkId }) => this.#updates.resend(frameworkId));
    this.install(ShutdownFramework, (_from, { frameworkId }) => this.#tasks.shutDownFramework(frameworkId));
    this.install(Shutdown, (from, { message }) =>
      this.#beginEnd({ kind: 'shut-down', why: `the master ${from} shut it down: ${message}` }),
    );
  }

  #info(id: SlaveId | undefined): SlaveInfo {
    const { hostname, resources, attributes, domain } = this.#options;
    return {
      ...(id === undefined ? {} : { id }),
      ...{ hostname, resources },
      ...(attributes === undefined ? {} : { attributes }),
      ...(domain === undefined ? {} : { domain }),
    };
  }

  // Executors

  #installForExecutors(): void {
    this.install(RegisterExecutor, (from, body) => this.#registerExecutor(from, body));
    this.install(StatusUpdate, (from, body) => this.#statusUpdate(from, body));
    this.install(ExecutorToFramework, (from, body) => this.#relayToFramework(from, body));
  }

  #registerExecutor(from: Upid, { frameworkId, executorId }: BodyOf<typeof RegisterExecutor>): void {
    const executor = this.#frameworks.executorLaunchedAs(from);
    const framework = this.#frameworks.get(frameworkId);
    if (executor === undefined || framework?.executors.get(executorId) !== executor || !mayRegister(executor, from)) {
      this.#refuse(from, RegisterExecutor, 'it is not who it says it is, or is ending');
      return;
    }
    const first = executor.pid === undefined;
    if (first) {
      this.#frameworks.bind(executor, from);
      this.#runner.registered(executor, from);
      // Without its address, which is its secret.
      this.log.info({ framework: frameworkId, executor: executorId }, 'executor registered');
    }
    this.send(from, ExecutorRegistered, {
      executor: executor.info,
      framework: framework.info,
      slave: this.#info(executor.owner.slaveId),
    });
    if (first) this.#tasks.deliverAll(framework, executor);
  }

  #statusUpdate(from: Upid, { frameworkId, status }: BodyOf<typeof StatusUpdate>): void {
    const executor = this.#frameworks.executorAt(from);
    const framework = this.#frameworks.get(frameworkId);
    const record = framework?.tasks.get(status.taskId);
    const { uuid } = status;
    const own = executor?.frameworkId === frameworkId && record?.about.executorId === executor.id;
    if (framework === undefined || record === undefined || !own || record.queued !== undefined || uuid === undefined) {
      this.#refuse(from, StatusUpdate, 'it is not about a task of its own, or has no uuid');
      return;
    }
    if (notForExecutors.has(status.state)) {
      this.#refuse(from, StatusUpdate, `no executor may say ${status.state}: it is shut down`);
      this.#runner.shutDown(executor);
      return;
    }
    const { slaveId } = executor.owner;
    if (!framework.terminating) {
      const stamped = { ...status, uuid, slaveId, executorId: executor.id, source: 'SOURCE_EXECUTOR' as const };
      const verdict = this.#updates.tell(frameworkId, stamped);
      if (verdict === 'taken') record.state = status.state;
      else
        this.log.warn(
          { framework: frameworkId, task: status.taskId, state: status.state, verdict },
          'update not taken',
        );
      if (verdict === 'too-many') return;
    }
    // Checkpointing the update comes before this: an acknowledged one may not be forgotten.
    this.send(from, StatusUpdateAcknowledgement, { slaveId, frameworkId, taskId: status.taskId, uuid });
  }

  #relayToExecutor(body: BodyOf<typeof FrameworkToExecutor>): void {
    const executor = this.#frameworks.get(body.frameworkId)?.executors.get(body.executorId);
    if (executor?.connected && executor.pid !== undefined) this.send(executor.pid, FrameworkToExecutor, body);
    else this.node.counters.increment('framework_messages_dropped');
  }

  #relayToFramework(from: Upid, body: BodyOf<typeof ExecutorToFramework>): void {
    const executor = this.#frameworks.executorAt(from);
    if (executor?.frameworkId !== body.frameworkId || executor.id !== body.executorId)
      this.#refuse(from, ExecutorToFramework, 'it speaks for another executor');
    else if (!this.#contact.tell(ExecutorToFramework, { ...body, slaveId: executor.owner.slaveId }))
      this.node.counters.increment('framework_messages_dropped');
  }

  #executorEnded(executor: Executor, { status, reason, message }: ExecutorEnding): void {
    const framework = this.#frameworks.get(executor.frameworkId);
    if (framework === undefined) return;
    this.#frameworks.removeExecutor(framework, executor);
    if (!framework.terminating)
      for (const record of framework.liveTasksOf(executor.id))
        this.#tasks.end(framework, record, 'TASK_FAILED', reason, message);
    const { slaveId, frameworkId, executorId } = executor.owner;
    this.#contact.tell(ExitedExecutor, { slaveId, frameworkId, executorId, status });
    this.#tasks.forgetIfDone(framework);
    this.#endIfDone();
  }

  #refuse(from: Upid, type: AnyMessageType, why: string): void {
    this.node.counters.increment('executor_messages_refused');
    this.log.warn({ from, message: type.name, why }, 'message of an executor refused');
  }

  // The end

  #beginEnd(end: AgentEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.log[end.kind === 'failed' ? 'error' : 'info']({ why: end.why }, 'the agent ends: shutting executors down');
    this.#contact.end();
    for (const executor of this.#frameworks.executors()) this.#runner.shutDown(executor);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#end === undefined || this.#frameworks.executors().length > 0) return;
    const { slaveId } = this.#contact;
    if (this.#end.kind === 'stopped' && slaveId !== undefined) {
      this.#updates.sendLast();
      this.#contact.tell(UnregisterSlave, { slaveId });
    }
    this.terminate();
  }

  /** Lazily what only a spawned process has. */
  #acts(): AgentActs {
    const pid = () => this.pid;
    const clock = () => this.clock;
    const random = () => this.random;
    const log = () => this.log;
    const counters = () => this.node.counters;
    return {
      get pid() {
        return pid();
      },
      get clock() {
        return clock();
      },
      get random() {
        return random();
      },
      get log() {
        return log();
      },
      get counters() {
        return counters();
      },
      send: (to, type, body) => this.send(to, type, body),
      link: (to) => this.link(to),
      delay: (delayMs, work) => this.delay(delayMs, work),
      defer: (promise, then, failed) => this.defer(promise, then, failed),
    };
  }
}

/** The first to come under the name of the executor's Node is it, until it ends. */
function mayRegister(executor: Executor, from: Upid): boolean {
  return executor.pid === undefined ? executor.state === 'registering' : executor.pid === from;
}
