import { type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import type { Node, Random } from '@mesos-ts/process';
import type { Storage } from '@mesos-ts/process/testing';
import {
  containsResources,
  type ExecutorId,
  type FrameworkId,
  type FrameworkInfo,
  isTerminal,
  type Offer,
  type OfferId,
  parseResources,
  type Resources,
  type SlaveId,
  subtractResources,
  type TaskId,
  type TaskInfo,
  type TaskState,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import type { TaskLedger } from './task-ledger.js';

/** What a framework knows of a task of its own. */
export interface TaskOnDisk {
  readonly slaveId: SlaveId;
  readonly state: TaskState;
}

export interface FrameworkStage {
  readonly node: Node;
  readonly storage: Storage;
  readonly detector: Detector;
  readonly ledger: TaskLedger;
  /** Keeps offers for long, unused. It is the one that can do with losing what it has. */
  readonly hoards: boolean;
  readonly failoverTimeoutMs: number;
  /** No new tasks any more. */
  readonly calm: () => boolean;
  /** Acknowledges what it has not stored yet: how many have built one, and a bug. */
  readonly acknowledgesFirst: boolean;
  /** Tells the simulation of a violation. */
  readonly observe: (check: () => void) => void;
  /** Its id was refused for good. */
  readonly refused: (message: string) => void;
}

/** How long it takes until something is on the disk, in ms. */
const storingMs = 20;
/** One more task is wanted about this often, in ms. */
const wantEveryMs = 6_000;
/** How often what is not done is asked for, in ms. */
const reconcileEveryMs = 15_000;
const heldMsMax = 2_000;
const hoardedMsMax = 200_000;
const executorResources = parseResources('cpus:0.1;mem:32');
/** What a task takes, and what it needs with its executor: of what an agent lends first. */
const shapes = [
  { takes: parseResources('cpus{REV}:1;mem:100'), needs: parseResources('cpus:0.1;cpus{REV}:1;mem:132') },
  { takes: parseResources('cpus:1;mem:100'), needs: parseResources('cpus:1.1;mem:132') },
];
/** The key in the storage; tasks have keys of their own. */
const idKey = 'framework id';
const taskPrefix = 'task ';

/** Of a storage, what is known of all tasks. */
export function tasksOnDisk(storage: Storage): Map<TaskId, TaskOnDisk> {
  const keys = storage.keys().filter((key) => key.startsWith(taskPrefix));
  return new Map(keys.map((key) => [key.slice(taskPrefix.length) as TaskId, storage.get(key) as TaskOnDisk]));
}

/**
 * A framework as they should be: notes a task before it launches it, and what it hears before it acknowledges that; goes
 * on from its notes after a crash; asks for what it has not heard of. Now and then it kills a task, and keeps offers.
 */
export class SimulatedFramework implements Scheduler {
  readonly #stage: FrameworkStage;
  /** In all its lives, until it is refused for good. */
  readonly name: string;
  readonly #random: Random;
  readonly #driver: SchedulerDriver;
  readonly #open = new Map<TaskId, TaskOnDisk>();
  readonly held = new Map<OfferId, Offer>();
  #wanted = 0;
  #suppressed = false;
  #launched = 0;
  connected = false;

  /** Begins at once. */
  constructor(name: string, stage: FrameworkStage) {
    this.#stage = stage;
    this.name = name;
    this.#random = stage.node.random;
    const { node, detector, storage, failoverTimeoutMs } = stage;
    for (const [taskId, task] of tasksOnDisk(storage)) if (!isTerminal(task.state)) this.#open.set(taskId, task);
    const id = storage.get(idKey) as FrameworkId | undefined;
    const info: FrameworkInfo = {
      ...{ name, user: 'nobody', hostname: name, roles: ['*'], failoverTimeoutMs },
      ...(stage.hoards ? { capabilities: ['REVOCABLE_RESOURCES'] } : {}),
    };
    this.#driver = new SchedulerDriver(this, id === undefined ? info : { ...info, id }, {
      node,
      detector,
      implicitAcknowledgements: false,
    });
    this.#driver.start();
    this.#wantMore();
    this.#reconcileLater();
  }

  registered(_driver: SchedulerDriver, id: FrameworkId): void {
    this.#stage.storage.put(idKey, id);
    this.#connected();
  }

  reregistered(): void {
    this.#connected();
  }

  disconnected(): void {
    this.connected = false;
    this.held.clear();
  }

  error(_driver: SchedulerDriver, message: string): void {
    this.connected = false;
    this.#stage.refused(message);
  }

  resourceOffers(_driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) this.#consider(offer);
  }

  offerRescinded(_driver: SchedulerDriver, offerId: OfferId): void {
    this.held.delete(offerId);
  }

  async statusUpdate(driver: SchedulerDriver, status: TaskStatus): Promise<void> {
    const { observe, ledger, acknowledgesFirst } = this.#stage;
    observe(() => ledger.told(status));
    if (status.uuid === undefined) {
      this.#store(status);
      return;
    }
    if (acknowledgesFirst) driver.acknowledgeStatusUpdate(status);
    await new Promise<void>((resolve) => this.#stage.node.clock.timer(storingMs, resolve));
    this.#store(status);
    if (!acknowledgesFirst) driver.acknowledgeStatusUpdate(status);
  }

  #connected(): void {
    this.connected = true;
    this.held.clear();
    // A master that is new does not know of it.
    if (this.#suppressed) this.#driver.suppressOffers();
    this.#reconcile();
  }

  #consider(offer: Offer): void {
    const { clock } = this.#stage.node;
    this.held.set(offer.id, offer);
    if (this.#wanted > 0 && this.#random.integer(2) === 0) {
      this.#use(offer.id);
      return;
    }
    const hoarded = this.#stage.hoards && this.#random.integer(3) === 0;
    clock.timer(this.#random.integer(hoarded ? hoardedMsMax : heldMsMax), () => this.#use(offer.id));
  }

  /** Launches on it as much as is wanted and fits; no task: all is declined. */
  #use(offerId: OfferId): void {
    const offer = this.held.get(offerId);
    if (offer === undefined || !this.held.delete(offerId)) return;
    const tasks: TaskInfo[] = [];
    let left = offer.resources;
    for (;;) {
      const shape = shapes.find(({ needs }) => containsResources(left, needs));
      if (this.#wanted === 0 || shape === undefined) break;
      left = subtractResources(left, shape.needs);
      tasks.push(this.#newTask(offer, shape.takes));
      this.#wanted--;
    }
    const { observe, ledger } = this.#stage;
    for (const { taskId } of tasks) observe(() => ledger.launched(taskId, this.name));
    this.#driver.launchTasks([offerId], tasks, { refuseSeconds: 20 });
    if (this.#wanted === 0 && !this.#stage.hoards && !this.#suppressed) {
      this.#suppressed = true;
      this.#driver.suppressOffers();
    }
  }

  #newTask({ slaveId }: Offer, resources: Resources): TaskInfo {
    const taskId = `${this.name}-${this.#random.token(6)}-${this.#launched++}` as TaskId;
    this.#note(taskId, { slaveId, state: 'TASK_STAGING' });
    const executor = {
      executorId: `executor of ${this.name}`.replaceAll(' ', '-') as ExecutorId,
      name: this.name,
      command: { value: 'simulated', arguments: [] },
      resources: executorResources,
    };
    if (this.#random.integer(10) === 0)
      this.#stage.node.clock.timer(this.#random.integer(10_000), () => void this.#driver.killTask(taskId));
    return { taskId, name: taskId, slaveId, resources, executor };
  }

  #store({ taskId, state }: TaskStatus): void {
    const known = this.#open.get(taskId);
    if (known !== undefined && known.state !== state) this.#note(taskId, { ...known, state });
  }

  #note(taskId: TaskId, task: TaskOnDisk): void {
    this.#stage.storage.put(taskPrefix + taskId, task);
    if (isTerminal(task.state)) this.#open.delete(taskId);
    else this.#open.set(taskId, task);
  }

  #wantMore(): void {
    this.#stage.node.clock.timer(this.#random.integer(2 * wantEveryMs), () => {
      if (this.#stage.calm()) return;
      this.#wanted++;
      const [held] = this.held.keys();
      if (held !== undefined) this.#use(held);
      else if (this.#suppressed) {
        this.#suppressed = false;
        this.#driver.reviveOffers();
      }
      this.#wantMore();
    });
  }

  #reconcileLater(): void {
    this.#stage.node.clock.timer(reconcileEveryMs, () => {
      this.#reconcile();
      this.#reconcileLater();
    });
  }

  /** By name, since a master that is new knows only what others tell it. */
  #reconcile(): void {
    if (this.connected && this.#open.size > 0)
      this.#driver.reconcileTasks([...this.#open].map(([taskId, { slaveId }]) => ({ taskId, slaveId })));
  }
}
