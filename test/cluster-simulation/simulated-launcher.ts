import {
  type ExecutorExit,
  type ExecutorLauncher,
  type ExecutorProcess,
  LaunchError,
  type LaunchRequest,
  type Sandboxes,
} from '@mesos-ts/agent';
import { ExecutorDriver } from '@mesos-ts/frameworks';
import { type Clock, type Node, Random } from '@mesos-ts/process';
import type { TaskId, TaskInfo } from '@mesos-ts/protocol';
import type { LocalSockets } from './local-sockets.js';
import { SimulatedExecutor } from './simulated-executor.js';

/** Told of what really runs. */
export interface RunningTasks {
  started(task: TaskInfo): void;
  ended(taskId: TaskId): void;
}

/** What one executor has of its world. */
export interface ExecutorStage extends RunningTasks {
  readonly clock: Clock;
  readonly random: Random;
  /** Ends its OS process at once. */
  crash(): void;
}

/** One in so many launches fails. */
const failing = 50;
const startMsMax = 400;

/**
 * Starts executors within the simulated world: each is a real driver on a Node of its own, which reaches the agent's
 * Node through a local socket in memory. Ends with the life of the machine,
 * whose clock it has.
 */
export class SimulatedLauncher implements ExecutorLauncher {
  readonly #node: Node;
  readonly #sockets: LocalSockets;
  readonly #tasks: RunningTasks;

  constructor(node: Node, sockets: LocalSockets, tasks: RunningTasks) {
    this.#node = node;
    this.#sockets = sockets;
    this.#tasks = tasks;
  }

  async launch(request: LaunchRequest): Promise<ExecutorProcess> {
    const { clock, random } = this.#node;
    await new Promise<void>((resolve) => clock.timer(random.integer(startMsMax), resolve));
    if (random.integer(failing) === 0) throw new LaunchError('no such program in this world');
    return new SimulatedProcess(request, clock, new Random(random.token(8)), this.#sockets, this.#tasks);
  }
}

class SimulatedProcess implements ExecutorProcess {
  readonly osPid = 1;
  readonly exited: Promise<ExecutorExit>;
  readonly #sockets: LocalSockets;
  readonly #nodeName: string;
  readonly #executor: SimulatedExecutor;
  #exit: ((exit: ExecutorExit) => void) | undefined;

  constructor(
    { environment }: LaunchRequest,
    clock: Clock,
    random: Random,
    sockets: LocalSockets,
    tasks: RunningTasks,
  ) {
    this.#sockets = sockets;
    this.#nodeName = environment.MESOS_EXECUTOR_NODE ?? '';
    this.exited = new Promise((resolve) => {
      this.#exit = resolve;
    });
    this.#executor = new SimulatedExecutor({
      clock,
      random,
      started: (task) => tasks.started(task),
      ended: (taskId) => tasks.ended(taskId),
      crash: () => this.#end({ exitCode: 70 }),
    });
    const driver = new ExecutorDriver(this.#executor, {
      environment,
      transport: sockets.client(),
      clock,
      random,
      exit: (exitCode) => this.#end({ exitCode }),
    });
    const leave = (): void => this.#end({ exitCode: 0 });
    driver.run().then(leave, leave);
  }

  kill(signal: NodeJS.Signals): void {
    this.#end({ signal });
  }

  async destroy(): Promise<void> {
    this.kill('SIGKILL');
  }

  #end(exit: ExecutorExit): void {
    if (this.#exit === undefined) return;
    this.#executor.stop();
    this.#sockets.cut(this.#nodeName);
    this.#exit(exit);
    this.#exit = undefined;
  }
}

/** Sandboxes that are names only. */
export const namedSandboxes: Sandboxes = {
  pathOf: ({ containerId }) => `/${containerId}`,
  create: async () => undefined,
  lastWords: async () => '',
};
