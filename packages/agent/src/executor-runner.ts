import type { Timer, Upid } from '@mesos-ts/process';
import { type Reason, ShutdownExecutor } from '@mesos-ts/protocol';
import type { AgentActs } from './agent-acts.js';
import type { AgentTimings } from './agent-options.js';
import type { Executor } from './executor.js';
import { type Environment, executorEnvironment } from './executor-environment.js';
import { describeExit, type ExecutorExit, exitStatus } from './executor-exit.js';
import type { ExecutorLauncher, ExecutorProcess } from './executor-launcher.js';
import type { Sandboxes } from './sandbox.js';

/** What an executor leaves behind: nothing of it runs any more. */
export interface ExecutorEnding {
  /** As ExitedExecutor tells it; -1 for one that was never started. */
  readonly status: number;
  /** Why those of its tasks failed that had not ended. */
  readonly reason: Reason;
  readonly message: string;
}

export interface ExecutorRunnerOptions {
  readonly launcher: ExecutorLauncher;
  readonly sandboxes: Sandboxes;
  readonly socketPath: string;
  readonly environment: Environment;
  readonly timings: Required<AgentTimings>;
  /** Called once for every executor that was launched, when it has ended. */
  readonly onEnded: (executor: Executor, ending: ExecutorEnding) => void;
}

/** How long to wait for the last messages of an executor whose OS process has ended, in ms; they are in the socket already. */
const lastMessagesMs = 1_000;
const neverStarted = -1;

/**
 * The life of executors as OS processes (Mesos facts 5.3): launches them, watches them, ends them. Whatever becomes of
 * one, it ends exactly once, with its whole process group gone.
 */
export class ExecutorRunner {
  readonly #acts: AgentActs;
  readonly #options: ExecutorRunnerOptions;
  readonly #launches = new Set<Promise<ExecutorProcess>>();
  readonly #processes = new Set<ExecutorProcess>();

  constructor(acts: AgentActs, options: ExecutorRunnerOptions) {
    this.#acts = acts;
    this.#options = options;
  }

  /** Makes the sandbox and starts the program. The time to register runs from now. */
  launch(executor: Executor): void {
    this.#after(executor, this.#options.timings.executorRegistrationTimeoutMs, () => this.#giveUpWaiting(executor));
    const launching = this.#start(executor);
    this.#launches.add(launching);
    this.#acts.defer(
      launching,
      (started) => this.#started(executor, launching, started),
      (error) => this.#notStarted(executor, launching, error as Error),
    );
  }

  /** Its driver registered from `pid`. */
  registered(executor: Executor, pid: Upid): void {
    this.#cancelTimers(executor);
    executor.state = 'running';
    executor.connected = true;
    this.#acts.link(pid);
  }

  /** Asks it to end, and kills it when it has not by the end of its grace period; at once where there is nobody to ask. */
  shutDown(executor: Executor): void {
    if (executor.state === 'terminating') return;
    if (executor.pid === undefined) {
      this.kill(executor);
      return;
    }
    executor.state = 'terminating';
    this.#acts.send(executor.pid, ShutdownExecutor, { frameworkId: executor.frameworkId, executorId: executor.id });
    this.#after(executor, this.#gracePeriodMs(executor), () => this.kill(executor));
  }

  /** Kills its process group; as soon as there is one where it is still being started. */
  kill(executor: Executor): void {
    executor.state = 'terminating';
    executor.process?.kill('SIGKILL');
  }

  /** The link to its driver broke. One that does not end by itself is of no use any more. */
  connectionBroke(executor: Executor): void {
    if (!executor.connected) return;
    executor.connected = false;
    executor.state = 'terminating';
    if (executor.exit === undefined)
      this.#after(executor, this.#options.timings.disconnectGraceMs, () => this.kill(executor));
    else this.#end(executor, executor.exit);
  }

  /** Kills all that runs or is about to, and resolves when nothing does. */
  async destroyAll(): Promise<void> {
    const settled = await Promise.allSettled(this.#launches);
    for (const launch of settled) if (launch.status === 'fulfilled') this.#processes.add(launch.value);
    await Promise.all([...this.#processes].map((running) => running.destroy()));
  }

  async #start(executor: Executor): Promise<ExecutorProcess> {
    const { launcher, sandboxes } = this.#options;
    await sandboxes.create(executor.owner);
    return launcher.launch({
      command: executor.info.command,
      sandboxPath: executor.sandboxPath,
      environment: executorEnvironment(
        executor,
        { pid: this.#acts.pid, socketPath: this.#options.socketPath, environment: this.#options.environment },
        this.#gracePeriodMs(executor),
      ),
    });
  }

  #started(executor: Executor, launching: Promise<ExecutorProcess>, started: ExecutorProcess): void {
    this.#launches.delete(launching);
    this.#processes.add(started);
    executor.process = started;
    this.#acts.log.info(
      { framework: executor.frameworkId, executor: executor.id, osPid: started.osPid, sandbox: executor.sandboxPath },
      'executor launched',
    );
    if (executor.state === 'terminating') started.kill('SIGKILL');
    this.#acts.defer(started.exited, (exit) => this.#exited(executor, started, exit));
  }

  #notStarted(executor: Executor, launching: Promise<ExecutorProcess>, error: Error): void {
    this.#launches.delete(launching);
    this.#finish(executor, {
      status: neverStarted,
      reason: 'REASON_CONTAINER_LAUNCH_FAILED',
      message: error.message,
    });
  }

  #exited(executor: Executor, ended: ExecutorProcess, exit: ExecutorExit): void {
    this.#processes.delete(ended);
    executor.exit = exit;
    executor.state = 'terminating';
    // It may have said how its tasks ended before it did: its connection's end comes behind that.
    if (executor.connected)
      this.#after(executor, lastMessagesMs, () => {
        executor.connected = false;
        this.#end(executor, exit);
      });
    else this.#end(executor, exit);
  }

  #giveUpWaiting(executor: Executor): void {
    this.#acts.log.warn(
      { framework: executor.frameworkId, executor: executor.id },
      'executor did not register in time: killing it',
    );
    executor.neverRegistered = true;
    this.kill(executor);
  }

  #end(executor: Executor, exit: ExecutorExit): void {
    this.#cancelTimers(executor);
    this.#acts.defer(this.#options.sandboxes.lastWords(executor.sandboxPath), (lastWords) =>
      this.#finish(executor, this.#ending(executor, exit, lastWords)),
    );
  }

  #ending(executor: Executor, exit: ExecutorExit, lastWords: string): ExecutorEnding {
    const status = exitStatus(exit);
    const how = describeExit(executor.id, exit, lastWords, executor.sandboxPath);
    if (!executor.neverRegistered) return { status, reason: 'REASON_EXECUTOR_TERMINATED', message: how };
    const waitedMs = this.#options.timings.executorRegistrationTimeoutMs;
    const message = `the executor did not register within ${waitedMs} ms; ${how}`;
    return { status, reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT', message };
  }

  #finish(executor: Executor, ending: ExecutorEnding): void {
    this.#cancelTimers(executor);
    this.#acts.log.info(
      { framework: executor.frameworkId, executor: executor.id, status: ending.status, why: ending.message },
      'executor ended',
    );
    this.#options.onEnded(executor, ending);
  }

  #gracePeriodMs(executor: Executor): number {
    return executor.info.shutdownGracePeriodMs ?? this.#options.timings.shutdownGracePeriodMs;
  }

  #after(executor: Executor, delayMs: number, work: () => void): void {
    const timer: Timer = this.#acts.delay(delayMs, () => {
      executor.timers.delete(timer);
      work();
    });
    executor.timers.add(timer);
  }

  #cancelTimers(executor: Executor): void {
    for (const timer of executor.timers) timer.cancel();
    executor.timers.clear();
  }
}
