import type { ExecutorExit, ExecutorLauncher, ExecutorProcess, LaunchRequest } from '@mesos-ts/agent';
import { type Clock, MemoryNetwork, Node, Process, Random, type Transport, type Upid } from '@mesos-ts/process';
import {
  type ExecutorId,
  type FrameworkId,
  KillTask,
  RegisterExecutor,
  RunTask,
  ShutdownExecutor,
  StatusUpdate,
  type TaskId,
  type TaskState,
} from '@mesos-ts/protocol';

/** Without a disk. */
export const noSandboxes = { pathOf: () => '/sandbox', create: async () => undefined, lastWords: async () => '' };

/**
 * The executors of one agent, in this OS process: each says of every task that it runs, ends where it is shut down, and
 * says else what a test has it say. Nothing that breaks between Nodes breaks between them and their agent.
 */
export class VirtualExecutors implements ExecutorLauncher {
  /** The tasks that executors were given, and those that they were told to kill, in order. */
  readonly runs: TaskId[] = [];
  readonly kills: TaskId[] = [];
  readonly #clock: Clock;
  readonly #machine = new MemoryNetwork();
  readonly #living = new Map<ExecutorId, VirtualExecutor>();
  readonly #nodes: Node[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** For the agent's Node, before its others. */
  transport(): Transport {
    return { ...this.#machine.transport(), reaches: (node) => node.startsWith('executor-') };
  }

  get ids(): ExecutorId[] {
    return [...this.#living.keys()];
  }

  /** The executor of the task says so. */
  async tell(executorId: string, taskId: string, state: TaskState): Promise<void> {
    const executor = this.#living.get(executorId as ExecutorId);
    await executor?.dispatch(() => executor.tell(taskId as TaskId, state));
  }

  async end(executorId: string, exitCode: number): Promise<void> {
    const executor = this.#living.get(executorId as ExecutorId);
    await executor?.dispatch(() => executor.end(exitCode));
  }

  async stop(): Promise<void> {
    for (const node of this.#nodes.splice(0)) await node.stop();
  }

  async launch({ environment }: LaunchRequest): Promise<ExecutorProcess> {
    const id = environment.MESOS_EXECUTOR_ID as ExecutorId;
    const name = environment.MESOS_EXECUTOR_NODE ?? '';
    const node = await Node.start({
      name,
      clock: this.#clock,
      random: new Random(`${id} ${this.#nodes.length}`),
      transports: [this.#machine.transport()],
      probeMs: 1e9,
      silentMs: 1e10,
    });
    this.#nodes.push(node);
    let exit: (exit: ExecutorExit) => void = () => undefined;
    const exited = new Promise<ExecutorExit>((resolve) => {
      exit = (how) => {
        this.#living.delete(id);
        resolve(how);
      };
    });
    const executor = new VirtualExecutor(environment, this, exit);
    this.#living.set(id, executor);
    node.spawn(executor);
    const kill = async (): Promise<void> => {
      await node.stop();
      exit({ signal: 'SIGKILL' });
    };
    return { osPid: 1, exited, kill: () => void kill(), destroy: kill };
  }
}

class VirtualExecutor extends Process {
  readonly #environment: LaunchRequest['environment'];
  readonly #all: VirtualExecutors;
  readonly #exit: (exit: ExecutorExit) => void;

  constructor(environment: LaunchRequest['environment'], all: VirtualExecutors, exit: (exit: ExecutorExit) => void) {
    super('executor');
    this.#environment = environment;
    this.#all = all;
    this.#exit = exit;
  }

  protected override initialize(): void {
    this.install(RunTask, (_from, { task }) => {
      this.#all.runs.push(task.taskId);
      this.tell(task.taskId, 'TASK_RUNNING');
    });
    this.install(KillTask, (_from, { taskId }) => {
      this.#all.kills.push(taskId);
      this.tell(taskId, 'TASK_KILLED');
    });
    this.install(ShutdownExecutor, () => this.end(0));
    const executorId = this.#environment.MESOS_EXECUTOR_ID as ExecutorId;
    this.send(this.#agent, RegisterExecutor, { frameworkId: this.#frameworkId, executorId });
  }

  tell(taskId: TaskId, state: TaskState): void {
    const uuid = `${taskId} ${state}`;
    const status = { taskId, state, source: 'SOURCE_EXECUTOR' as const, timestamp: 0, uuid };
    this.send(this.#agent, StatusUpdate, { frameworkId: this.#frameworkId, status });
  }

  end(exitCode: number): void {
    void this.node.stop().then(() => this.#exit({ exitCode }));
  }

  get #agent(): Upid {
    return this.#environment.MESOS_SLAVE_PID as Upid;
  }

  get #frameworkId(): FrameworkId {
    return this.#environment.MESOS_FRAMEWORK_ID as FrameworkId;
  }
}
