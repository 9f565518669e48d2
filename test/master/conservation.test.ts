import assert from 'node:assert/strict';
import type { AnyMessageType, BodyOf } from '@mesos-ts/process';
import {
  addResources,
  containsResources,
  type ExecutorInfo,
  ExitedExecutor,
  equalResources,
  type FrameworkId,
  type FrameworkInfo,
  formatResources,
  isTerminal,
  KillTask,
  type OfferId,
  type Resources,
  ReviveOffers,
  RunTask,
  ShutdownFramework,
  SlaveReregistered,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskId,
  type TaskInfo,
  type TaskState,
  UnregisterFramework,
  UnregisterSlave,
} from '@mesos-ts/protocol';
import fc from 'fast-check';
import t from 'tap';
import { executor, Rig, reported, type Scheduler, ScriptedAgent, task } from './rig.js';

/*
 * Random histories of a whole cluster. At every step, what is offered of an agent, and what lives on it, must fit into it;
 * at the end, when all that ran has ended, all of every agent must be offered again: nothing promised twice, nothing lost.
 */

interface LiveTask {
  readonly frameworkId: FrameworkId;
  readonly info: TaskInfo;
  readonly role: string;
  state: TaskState;
}

interface LiveExecutor {
  readonly frameworkId: FrameworkId;
  readonly info: ExecutorInfo;
  readonly role: string;
}

/** An agent that does what agents do, except to end tasks and executors by itself. */
class HonestAgent extends ScriptedAgent {
  readonly kept = new Map<string, LiveTask>();
  readonly executors = new Map<string, LiveExecutor>();
  readonly frameworks = new Map<FrameworkId, FrameworkInfo>();
  /** Frameworks whose executors are being shut down. */
  readonly dying = new Set<FrameworkId>();
  /** What runs while its RunTask and the like are lost. */
  deaf = false;
  #uuids = 0;

  protected override heard(type: AnyMessageType, body: unknown): void {
    super.heard(type, body);
    if (type === SlaveReregistered) {
      for (const one of (body as BodyOf<typeof SlaveReregistered>).reconciliations)
        if (!this.kept.has(`${one.frameworkId}/${one.taskId}`)) this.#tell(one, 'TASK_DROPPED');
    } else if (this.deaf) return;
    else if (type === RunTask) this.#run(body as BodyOf<typeof RunTask>);
    else if (type === KillTask) {
      const { frameworkId, taskId } = body as BodyOf<typeof KillTask>;
      this.#end(`${frameworkId}/${taskId}`, 'TASK_KILLED');
    } else if (type === ShutdownFramework) this.dying.add((body as BodyOf<typeof ShutdownFramework>).frameworkId);
    else if (type === StatusUpdateAcknowledgement) {
      const { frameworkId, taskId } = body as BodyOf<typeof StatusUpdateAcknowledgement>;
      const known = this.kept.get(`${frameworkId}/${taskId}`);
      if (known !== undefined && isTerminal(known.state)) this.kept.delete(`${frameworkId}/${taskId}`);
    }
  }

  /** What uses its resources, whatever the master thinks of it. */
  get living(): Resources[] {
    return [
      ...[...this.kept.values()].filter(({ state }) => !isTerminal(state)).map(({ info }) => info.resources),
      ...[...this.executors.values()].map(({ info }) => info.resources),
    ];
  }

  get liveTasks(): string[] {
    return [...this.kept].filter(([, { state }]) => !isTerminal(state)).map(([key]) => key);
  }

  startTask(which: number): Promise<void> {
    return this.dispatch(() => {
      const one = this.kept.get(pick(this.liveTasks, which) ?? '');
      if (one === undefined) return;
      one.state = 'TASK_RUNNING';
      this.#tell({ frameworkId: one.frameworkId, taskId: one.info.taskId }, 'TASK_RUNNING');
    });
  }

  endTask(which: number): Promise<void> {
    return this.dispatch(() => this.#end(pick(this.liveTasks, which) ?? '', 'TASK_FINISHED'));
  }

  endExecutor(which: number): Promise<void> {
    return this.dispatch(() => this.#endExecutor(pick([...this.executors.keys()], which) ?? ''));
  }

  endAllExecutors(): Promise<void> {
    return this.dispatch(() => {
      for (const key of [...this.executors.keys()]) this.#endExecutor(key);
    });
  }

  endDying(): Promise<void> {
    return this.dispatch(() => {
      for (const [key, { frameworkId }] of [...this.executors]) if (this.dying.has(frameworkId)) this.#endExecutor(key);
      for (const [key, { frameworkId }] of this.kept) if (this.dying.has(frameworkId)) this.kept.delete(key);
    });
  }

  /** As `kill -9` of all of it. */
  forgetEverything(): void {
    for (const books of [this.kept, this.executors, this.frameworks, this.dying]) books.clear();
  }

  return(): Promise<void> {
    return this.reregister({
      tasks: [...this.kept.values()].map((one) => reported(one, one.info, one.state, one.role)),
      executors: [...this.executors.values()].map(({ frameworkId, info, role }) => ({
        frameworkId,
        executor: info,
        role,
      })),
      frameworks: [...this.frameworks.values()],
    });
  }

  #run({ framework, task: info, role, launchExecutor }: BodyOf<typeof RunTask>): void {
    const frameworkId = framework.id as FrameworkId;
    if (this.kept.has(`${frameworkId}/${info.taskId}`)) return;
    this.frameworks.set(frameworkId, framework);
    this.kept.set(`${frameworkId}/${info.taskId}`, { frameworkId, info, role, state: 'TASK_STAGING' });
    const executorKey = `${frameworkId}/${info.executor.executorId}`;
    if (launchExecutor === this.executors.has(executorKey)) this.#end(`${frameworkId}/${info.taskId}`, 'TASK_DROPPED');
    else this.executors.set(executorKey, { frameworkId, info: info.executor, role });
  }

  #end(key: string, state: TaskState): void {
    const one = this.kept.get(key);
    if (one === undefined || isTerminal(one.state)) return;
    one.state = state;
    this.#tell({ frameworkId: one.frameworkId, taskId: one.info.taskId }, state);
  }

  #endExecutor(key: string): void {
    const ended = this.executors.get(key);
    if (ended === undefined) return;
    const { frameworkId, info } = ended;
    this.executors.delete(key);
    for (const [taskKey, one] of this.kept)
      if (one.frameworkId === frameworkId && one.info.executor.executorId === info.executorId)
        this.#end(taskKey, 'TASK_FAILED');
    const { slaveId } = this;
    this.sayNow(this.rig.pid, ExitedExecutor, { slaveId, frameworkId, executorId: info.executorId, status: 1 });
  }

  #tell({ frameworkId, taskId }: { frameworkId: FrameworkId; taskId: TaskId }, state: TaskState): void {
    const { slaveId } = this;
    const uuid = `${this.hostname}-${this.#uuids++}`;
    const status = { taskId, state, source: 'SOURCE_EXECUTOR', timestamp: 0, slaveId, uuid } as const;
    this.sayNow(this.rig.pid, StatusUpdate, { frameworkId, status, latestState: state });
  }
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % Math.max(1, items.length)];
}

/** What the frameworks begin with, and may come back with. */
const roleSets = [['*'], ['ads/web', '*'], ['eng', 'ads']];
/** In one of its first roles, or in all. */
function inSome({ info: { roles } }: Scheduler, which: number): { roles?: readonly string[] } {
  return which % 2 === 0 ? {} : { roles: roles.slice(0, 1) };
}

const totals = ['cpus:4;mem:4096;ports:[1-20]', 'cpus:2;mem:8192', 'cpus:3;cpus(ads):2;mem:1024;mem(eng):512'];
const sizes = [
  'cpus:0.5;mem:100',
  'cpus:1',
  'cpus:2;mem:2048',
  'mem:500',
  'cpus:0.1;ports:[3-5]',
  'cpus:9',
  'cpus(ads):0.5',
];
const executors = [executor('e', 'cpus:0.2;mem:50'), executor('f'), executor('g', 'mem:900')];

const small = fc.nat(50);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('launch' as const),
      who: small,
      offer: small,
      tasks: fc.array(fc.record({ size: small, by: small, again: fc.boolean() }), { minLength: 1, maxLength: 4 }),
      seconds: fc.constantFrom(0, 0, 1, 5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('decline' as const),
      who: small,
      offer: small,
      times: fc.constantFrom(1, 1, 2),
      seconds: fc.constantFrom(0, 1, 5),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('startTask' as const, 'endTask' as const, 'endExecutor' as const),
      who: small,
      which: small,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['endTask', 'endTask', 'acknowledge', 'kill', 'revive', 'suppress', 'stale', 'steal'] as const),
        ...(['unregister', 'failOver', 'comeBack', 'reap', 'deafen', 'restart', 'vanish', 'blip', 'wait'] as const),
      ),
      who: small,
      which: small,
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class Cluster {
  readonly agents: HonestAgent[] = [];
  readonly schedulers: Scheduler[] = [];
  readonly stale: OfferId[] = [];
  launched = 0;
  #tasks = 0;
  #reused = false;

  constructor(readonly rig: Rig) {}

  async begin(): Promise<void> {
    for (const [index, resources] of totals.entries()) {
      const agent = await this.rig.newAgent(resources, HonestAgent);
      this.agents.push(agent);
      await agent.register();
      assert.ok(agent.slaveId.endsWith(`S${index}`));
    }
    for (const roles of roleSets) this.schedulers.push(await this.#join(roles));
  }

  async take(one: Step): Promise<void> {
    const scheduler = pick(this.schedulers, one.who) as Scheduler;
    const agent = pick(this.agents, one.who) as HonestAgent;
    switch (one.do) {
      case 'launch':
        await this.#launch(scheduler, one);
        break;
      case 'decline': {
        const id = pick([...scheduler.held.keys()], one.offer);
        if (id !== undefined) await scheduler.decline(Array(one.times).fill(id), one.seconds);
        break;
      }
      case 'startTask':
        await agent.startTask(one.which);
        break;
      case 'endTask':
        await agent.endTask(one.which);
        break;
      case 'endExecutor':
        await agent.endExecutor(one.which);
        break;
      case 'acknowledge':
        await this.#acknowledge(scheduler);
        break;
      case 'kill':
        await scheduler.tell(KillTask, { taskId: `t${one.which % (this.#tasks + 1)}` as TaskId });
        break;
      case 'revive':
        await scheduler.tell(ReviveOffers, { ...inSome(scheduler, one.which), keepFilters: one.which % 3 === 0 });
        break;
      case 'suppress':
        await scheduler.tell(SuppressOffers, inSome(scheduler, one.which));
        break;
      case 'stale':
        await scheduler.decline([pick(this.stale, one.which) ?? ('x' as OfferId)]);
        await scheduler.launch(
          [pick(this.stale, one.which) ?? ('x' as OfferId), ...[...scheduler.held.keys()].slice(0, 1)],
          [task(`t${this.#tasks++}`, agent, 'cpus:1')],
        );
        break;
      case 'steal': {
        const victim = pick(this.schedulers, one.who + 1);
        const id = pick([...(victim?.held.keys() ?? [])], one.which);
        if (victim === scheduler || id === undefined) break;
        await scheduler.decline([id]);
        await scheduler.launch([id], [task(`t${this.#tasks++}`, agent, 'cpus:1')]);
        break;
      }
      case 'unregister':
        await scheduler.tell(UnregisterFramework, {});
        this.schedulers[this.schedulers.indexOf(scheduler)] = await this.#join(scheduler.info.roles);
        break;
      case 'failOver': {
        const successor = await this.rig.newScheduler(scheduler.info);
        await successor.reregister(scheduler.frameworkId, true);
        this.schedulers[this.schedulers.indexOf(scheduler)] = successor;
        break;
      }
      case 'comeBack':
        await scheduler.reregister(scheduler.frameworkId, false, { roles: pick(roleSets, one.which) ?? [] });
        break;
      case 'reap':
        await agent.endDying();
        break;
      case 'deafen':
        agent.deaf = true;
        break;
      case 'restart':
        await agent.tell(UnregisterSlave, { slaveId: agent.slaveId });
        agent.forgetEverything();
        await agent.register();
        break;
      case 'vanish':
        agent.silent = true;
        await this.rig.advance(95_000);
        agent.silent = false;
        agent.deaf = false;
        await agent.return();
        break;
      case 'blip':
        await this.blip();
        break;
      case 'wait':
        await this.rig.advance(1_000 * (1 + (one.which % 5)));
    }
    await this.rig.settle();
  }

  /** Every connection breaks, and everybody comes back. */
  async blip(): Promise<void> {
    this.rig.network.interrupt();
    await this.rig.settle();
    for (const scheduler of this.schedulers) scheduler.held.clear();
    for (const agent of this.agents) {
      agent.deaf = false;
      await agent.return();
    }
    for (const scheduler of this.schedulers) await scheduler.reregister(scheduler.frameworkId);
  }

  /** What is offered of an agent and what lives there must fit into it together. */
  check(): void {
    for (const agent of this.agents) {
      const promised = this.#promised(agent);
      assert.ok(
        containsResources(agent.resources, promised),
        `${agent.slaveId} has ${formatResources(agent.resources)}, but ${formatResources(promised)} is promised`,
      );
    }
    for (const name of ['allocator_contradictions', 'processes_failed', 'messages_invalid'])
      assert.equal(this.rig.count(name), 0, name);
  }

  /** When nobody else takes offers, somebody who takes all of them is offered everything that nothing uses. */
  async settleAccounts(): Promise<void> {
    await this.blip();
    for (const scheduler of this.schedulers) {
      await scheduler.tell(SuppressOffers, {});
      await scheduler.declineAll();
    }
    const sinks = [await this.#join(['*']), await this.#join(['ads', 'eng'])];
    this.schedulers.push(...sinks);
    // Otherwise, a task whose id was used again is counted to its executor, which may outlive it.
    if (!this.#reused) this.#checkNothingIdle();
    for (const agent of this.agents) {
      await agent.endAllExecutors();
      agent.forgetEverything();
    }
    await this.rig.settle();
    for (const sink of sinks) {
      await sink.tell(SuppressOffers, {});
      await sink.declineAll();
    }
    for (const sink of sinks) await sink.tell(ReviveOffers, {});
    this.#checkNothingIdle();
  }

  #checkNothingIdle(): void {
    this.check();
    for (const agent of this.agents) {
      const promised = this.#promised(agent);
      assert.ok(
        equalResources(agent.resources, promised),
        `of ${agent.slaveId}'s ${formatResources(agent.resources)} only ${formatResources(promised)} is in use or offered`,
      );
    }
  }

  #promised(agent: HonestAgent): Resources {
    const offers = this.schedulers.flatMap((scheduler) => [...scheduler.held.values()]);
    const offered = offers.filter(({ slaveId }) => slaveId === agent.slaveId).map(({ resources }) => resources);
    // Throws where one port is promised twice.
    return [...offered, ...agent.living].reduce<Resources>(addResources, []);
  }

  async #launch(scheduler: Scheduler, one: Extract<Step, { do: 'launch' }>): Promise<void> {
    const offer = pick([...scheduler.held.values()], one.offer);
    if (offer === undefined) return;
    const tasks = one.tasks.map(({ size, by, again }) => {
      const used = again && this.#tasks > 0;
      this.#reused ||= used;
      const id = used ? `t${Math.max(0, this.#tasks - 1 - (size % 4))}` : `t${this.#tasks++}`;
      return task(id, offer, pick(sizes, size) ?? '', pick(executors, by));
    });
    this.stale.push(offer.id);
    await scheduler.launch([offer.id], tasks, one.seconds);
    this.launched += tasks.length;
  }

  async #acknowledge(scheduler: Scheduler): Promise<void> {
    for (const { status } of scheduler.take(StatusUpdate))
      if (status.uuid !== undefined && status.slaveId !== undefined)
        await scheduler.acknowledge({ slaveId: status.slaveId, taskId: status.taskId, uuid: status.uuid });
  }

  async #join(roles: readonly string[]): Promise<Scheduler> {
    return await this.rig.scheduler({ roles, failoverTimeoutMs: 1e9 });
  }
}

t.test('Random histories of a cluster: nothing is promised twice, and nothing is lost', async (t) => {
  let launched = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const cluster = new Cluster(await Rig.start(t));
      try {
        await cluster.begin();
        for (const one of steps) {
          await cluster.take(one);
          cluster.check();
        }
        await cluster.settleAccounts();
        launched += cluster.launched;
      } finally {
        await cluster.rig.stop();
      }
    }),
    { numRuns: 120, seed: 19_690_720 },
  );
  t.ok(launched > 500, `${launched} tasks were to be launched`);
});
