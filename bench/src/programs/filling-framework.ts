import { frameworkInfo, type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import { NatsTransport, Node, Random, SystemClock } from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  type Offer,
  parseResources,
  type SlaveId,
  type TaskId,
  type TaskInfo,
} from '@mesos-ts/protocol';
import { createDetector } from '@mesos-ts/zk-election';
import { sharedNowMs } from '../load.js';
import { serve } from '../operations.js';

/*
 * A framework that launches tasks on every agent once, and then counts the agents of which a leader offers something.
 */
const taskResources = parseResources('cpus:0.1;mem:32');

class Filling implements Scheduler {
  readonly #filled = new Set<SlaveId>();
  #seen = new Set<SlaveId>();
  #waiting: { readonly agents: number; resolve(atMs: number): void } | undefined;

  constructor(private readonly tasksPerAgent: number) {}

  /** Resolves with when so many agents were offered since the last leader left. */
  offered(agents: number): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting = { agents, resolve };
      this.#look();
    });
  }

  registered(): void {}

  disconnected(): void {
    this.#seen = new Set();
  }

  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) {
      if (this.#filled.has(offer.slaveId)) this.#seen.add(offer.slaveId);
      else this.#fill(driver, offer);
    }
    this.#look();
  }

  statusUpdate(): void {}

  /** What is left of the offer comes back at once, and counts then. */
  #fill(driver: SchedulerDriver, { id, slaveId }: Offer): void {
    this.#filled.add(slaveId);
    const tasks = Array.from({ length: this.tasksPerAgent }, (_, i) => task(slaveId, i));
    driver.launchTasks([id], tasks, { refuseSeconds: 0 });
  }

  #look(): void {
    if (this.#waiting === undefined || this.#seen.size < this.#waiting.agents) return;
    this.#waiting.resolve(sharedNowMs());
    this.#waiting = undefined;
  }
}

function task(slaveId: SlaveId, i: number): TaskInfo {
  const taskId = `${slaveId}-${i}` as TaskId;
  const executor: ExecutorInfo = {
    executorId: 'e' as ExecutorId,
    name: 'stand-in',
    command: { value: 'true', arguments: [] },
    resources: [],
  };
  return { taskId, name: taskId, slaveId, resources: taskResources, executor };
}

let filling: Filling | undefined;

const operations = {
  async start(servers: string, cluster: string, tasksPerAgent: number): Promise<void> {
    const detector = createDetector(`${servers}/${cluster}`, { clock: new SystemClock(), random: Random.system() });
    const node = await Node.start({ transports: [new NatsTransport({ servers, cluster })] });
    filling = new Filling(tasksPerAgent);
    new SchedulerDriver(filling, frameworkInfo('filling'), { node, detector }).start();
  },
  /** When so many agents had been offered, on the clock that all OS processes of a machine share. */
  offered: (agents: number): Promise<number> => filling?.offered(agents) ?? Promise.resolve(0),
};
export type FillingOperations = typeof operations;
serve(operations);
