import { hostname, userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import type { Node } from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  type FrameworkId,
  type FrameworkInfo,
  type Offer,
  parseResources,
  type Resources,
  type SlaveId,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';

/** Everything that a scheduler may be told, as one line of events that a test waits for. */
export type SchedulerEvent =
  | { readonly kind: 'registered'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'reregistered' | 'disconnected' }
  | { readonly kind: 'offers'; readonly offers: readonly Offer[] }
  | { readonly kind: 'rescinded'; readonly offerId: string }
  | { readonly kind: 'status'; readonly status: TaskStatus }
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'slaveLost'; readonly slaveId: SlaveId }
  | { readonly kind: 'executorLost'; readonly executorId: ExecutorId; readonly status: number }
  | { readonly kind: 'error'; readonly message: string };

/** A framework that a test plays: it records what it is told, and does nothing by itself. */
export class TestFramework {
  readonly driver: SchedulerDriver;
  readonly events: SchedulerEvent[] = [];
  readonly #waiting: {
    readonly wants: (event: SchedulerEvent) => boolean;
    readonly resolve: (event: SchedulerEvent) => void;
  }[] = [];
  #taken = 0;

  constructor(name: string, node: Node, detector: Detector, info: Partial<FrameworkInfo> = {}) {
    const framework: FrameworkInfo = {
      name,
      user: userInfo().username,
      hostname: hostname() || 'localhost',
      roles: ['*'],
      failoverTimeoutMs: 10_000,
      ...info,
    };
    this.driver = new SchedulerDriver(this.#scheduler(), framework, { node, detector, registrationBackoffMs: 200 });
    this.driver.start();
  }

  /** The next event of that kind which no earlier call has taken, now or later; what comes before it is passed over. */
  async next<K extends SchedulerEvent['kind']>(
    kind: K,
    wants: (event: Extract<SchedulerEvent, { kind: K }>) => boolean = () => true,
    withinMs = 30_000,
  ): Promise<Extract<SchedulerEvent, { kind: K }>> {
    const matches = (event: SchedulerEvent): boolean =>
      event.kind === kind && wants(event as Extract<SchedulerEvent, { kind: K }>);
    const index = this.events.findIndex((event, at) => at >= this.#taken && matches(event));
    if (index >= 0) {
      this.#taken = index + 1;
      return this.events[index] as Extract<SchedulerEvent, { kind: K }>;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`no ${kind} within ${withinMs} ms; seen: ${JSON.stringify(this.events.slice(-10))}`)),
        withinMs,
      );
      this.#waiting.push({
        wants: matches,
        resolve: (event) => {
          clearTimeout(timer);
          this.#taken = this.events.length;
          resolve(event as Extract<SchedulerEvent, { kind: K }>);
        },
      });
    });
  }

  async status(taskId: string, state: TaskStatus['state']): Promise<TaskStatus> {
    return (await this.next('status', ({ status }) => status.taskId === taskId && status.state === state)).status;
  }

  /** The next offers, as one flat list. */
  async offers(): Promise<readonly Offer[]> {
    return (await this.next('offers')).offers;
  }

  /** What every offer so far held, in the order of their arrival. */
  offered(): Resources[] {
    return this.events.flatMap((event) =>
      event.kind === 'offers' ? event.offers.map(({ resources }) => resources) : [],
    );
  }

  #seen(event: SchedulerEvent): void {
    this.events.push(event);
    const index = this.#waiting.findIndex(({ wants }) => wants(event));
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.resolve(event);
  }

  #scheduler(): Scheduler {
    return {
      registered: (_driver, frameworkId) => this.#seen({ kind: 'registered', frameworkId }),
      reregistered: () => this.#seen({ kind: 'reregistered' }),
      disconnected: () => this.#seen({ kind: 'disconnected' }),
      resourceOffers: (_driver, offers) => this.#seen({ kind: 'offers', offers }),
      offerRescinded: (_driver, offerId) => this.#seen({ kind: 'rescinded', offerId }),
      statusUpdate: (_driver, status) => this.#seen({ kind: 'status', status }),
      frameworkMessage: (_driver, _executorId, _slaveId, data) =>
        this.#seen({ kind: 'message', text: Buffer.from(data).toString() }),
      slaveLost: (_driver, slaveId) => this.#seen({ kind: 'slaveLost', slaveId }),
      executorLost: (_driver, executorId, _slaveId, status) => this.#seen({ kind: 'executorLost', executorId, status }),
      error: (_driver, message) => this.#seen({ kind: 'error', message }),
    };
  }
}

const obedientExecutor = fileURLToPath(new URL('../cluster/programs/obedient-executor.js', import.meta.url));

/** The executor of programs/obedient-executor.ts; `resources` in text form, none by default. */
export function obedient(executorId: string, resources = ''): ExecutorInfo {
  return {
    executorId: executorId as ExecutorId,
    name: executorId,
    command: { value: process.execPath, arguments: [obedientExecutor] },
    resources: parseResources(resources),
  };
}

export function taskOn(slaveId: SlaveId, taskId: string, resources: string, executor: ExecutorInfo): TaskInfo {
  return { taskId: taskId as TaskId, name: taskId, slaveId, resources: parseResources(resources), executor };
}
