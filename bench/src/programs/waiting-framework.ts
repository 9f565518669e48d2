import { fileURLToPath } from 'node:url';
import { frameworkInfo, type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import { NatsTransport, Node, Random, SystemClock } from '@mesos-ts/process';
import { type ExecutorId, type Offer, parseResources, type TaskId, type TaskStatus } from '@mesos-ts/protocol';
import { createDetector, type Detector, type Leader } from '@mesos-ts/zk-election';
import { Gate } from '../gate.js';
import { sharedNowMs } from '../load.js';
import { serve } from '../operations.js';

/*
 * A framework that keeps the offers of the leader that it has, and has a task for the one that comes after it.
 */

/** When it came to what, on the clock that all OS processes of a machine share, in ms. */
export interface Recovery {
  /** The detector named the next leader. */
  readonly detectedAt: number;
  /** That leader took the framework in. */
  readonly registeredAt: number;
  /** The first offer came, and with it the launch. */
  readonly offeredAt: number;
  /** TASK_RUNNING came. */
  readonly runningAt: number;
}

type Moments = { -readonly [K in keyof Recovery]?: number };

const program = fileURLToPath(new URL('./waiting-executor.js', import.meta.url));
const taskResources = parseResources('cpus:0.1;mem:32');

class Waiting implements Scheduler {
  readonly registering = new Gate<void>();
  #driver: SchedulerDriver | undefined;
  #tasks = 0;
  #taskId: TaskId | undefined;
  #moments: Moments = {};
  #waiting = false;
  #running = new Gate<Recovery>();
  #ending = new Gate<void>();

  /** The next leader's first offer is to be used. */
  arm(): void {
    this.#taskId = undefined;
    this.#moments = {};
    this.#running = new Gate();
    this.#ending = new Gate();
    this.#waiting = true;
  }

  /** Resolves once the task for the next leader runs. */
  recovered(): Promise<Recovery> {
    return this.#running.promise;
  }

  /** Ends the task, and its executor with it. */
  end(): Promise<void> {
    if (this.#taskId !== undefined) this.#driver?.killTask(this.#taskId);
    return this.#ending.promise;
  }

  detected(): void {
    if (this.#waiting) this.#moments.detectedAt ??= sharedNowMs();
  }

  registered(): void {
    this.registering.open();
  }

  reregistered(): void {
    if (this.#waiting) this.#moments.registeredAt ??= sharedNowMs();
  }

  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void {
    const [offer] = offers;
    if (offer === undefined || !this.#waiting || this.#moments.registeredAt === undefined) return;
    this.#waiting = false;
    this.#driver = driver;
    this.#moments.offeredAt = sharedNowMs();
    const taskId = `t${++this.#tasks}` as TaskId;
    this.#taskId = taskId;
    const executor = {
      executorId: taskId as string as ExecutorId,
      name: taskId,
      command: { value: process.execPath, arguments: [program] },
      resources: [],
    };
    const task = { taskId, name: taskId, slaveId: offer.slaveId, resources: taskResources, executor };
    driver.launchTasks([offer.id], [task], { refuseSeconds: 0 });
  }

  statusUpdate(_driver: SchedulerDriver, { taskId, state, message }: TaskStatus): void {
    if (taskId !== this.#taskId) return;
    if (state === 'TASK_RUNNING') this.#running.open({ ...(this.#moments as Recovery), runningAt: sharedNowMs() });
    else if (state === 'TASK_KILLED') this.#ending.open();
    else if (state === 'TASK_DROPPED')
      this.#waiting = true; // on the next offer, as frameworks do
    else this.#running.refuse(new Error(`${taskId} is ${state}: ${message ?? ''}`));
  }
}

const waiting = new Waiting();
let leader: Leader | undefined;

async function follow(detector: Detector): Promise<never> {
  for (;;) {
    leader = await detector.detect(leader);
    if (leader !== undefined) waiting.detected();
  }
}

const operations = {
  /** Resolves once it is registered. @param election where to look for the leader. */
  async start(servers: string, cluster: string, election: string): Promise<void> {
    const detector = createDetector(election, { clock: new SystemClock(), random: Random.system() });
    void follow(detector);
    const node = await Node.start({ transports: [new NatsTransport({ servers, cluster })] });
    new SchedulerDriver(waiting, frameworkInfo('waiting'), { node, detector }).start();
    await waiting.registering.promise;
  },
  /** Who leads, as far as it knows. */
  leader: (): { readonly pid: string; readonly epoch: number } | undefined => leader,
  arm: (): void => waiting.arm(),
  recovered: (): Promise<Recovery> => waiting.recovered(),
  end: (): Promise<void> => waiting.end(),
};
export type WaitingOperations = typeof operations;
serve(operations);
