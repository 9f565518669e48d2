import assert from 'node:assert/strict';
import {
  Master,
  type MasterOptions,
  memoryRegistrar,
  type Registrar,
  type RunningMaster,
  type StartMasterOptions,
  startMaster,
} from '@mesos-ts/master';
import {
  type AnyMessageType,
  type BodyOf,
  type ExitReason,
  MemoryNetwork,
  Node,
  type NodeOptions,
  Process,
  Random,
  type Upid,
  VirtualClock,
} from '@mesos-ts/process';
import * as protocol from '@mesos-ts/protocol';
import {
  DeclineResourceOffer,
  type ExecutorId,
  type ExecutorInfo,
  ExitedExecutor,
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  formatResources,
  LaunchTasks,
  type MasterId,
  type Offer,
  type OfferId,
  PingSlave,
  PongSlave,
  parseResources,
  RegisterFramework,
  RegisterSlave,
  ReregisterFramework,
  ReregisterSlave,
  RescindResourceOffer,
  ResourceOffer,
  type Resources,
  RunTask,
  type SlaveId,
  type SlaveInfo,
  SlaveRegistered,
  SlaveReregistered,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type Task,
  type TaskId,
  type TaskInfo,
  type TaskState,
  type WithoutEpoch,
} from '@mesos-ts/protocol';
import type { Leadership } from '@mesos-ts/zk-election';
import type { Test } from 'tap';

/*
 * A master among scripted schedulers and agents: each on a Node of its own in one memory network, under one virtual clock.
 * They keep what they are told and say what a test has them say; nothing happens by itself, except that an agent answers
 * pings unless it is made silent.
 */

/** Leadership that a test ends, or makes doubtful. */
export class ScriptedLeadership implements Leadership {
  readonly lost: Promise<string>;
  valid = true;
  #lose: (why: string) => void = () => undefined;

  constructor(readonly epoch = 7) {
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  isValid(): boolean {
    return this.valid;
  }

  lose(why: string): void {
    this.valid = false;
    this.#lose(why);
  }
}

const everyMessage: readonly AnyMessageType[] = Object.values(protocol).filter(
  (value) => typeof value === 'object' && 'schema' in value && 'check' in value,
) as readonly AnyMessageType[];

/** A process that keeps whatever it is told by a master. */
export class Scripted extends Process {
  /** Those that the messages came with. */
  readonly epochs = new Set<number | undefined>();
  readonly exits: { pid: Upid; reason: ExitReason }[] = [];
  readonly #inbox: { type: AnyMessageType; body: unknown }[] = [];

  protected override initialize(): void {
    for (const type of everyMessage)
      this.install(type, (_from, { epoch, ...body }) => {
        this.epochs.add(epoch);
        this.#inbox.push({ type, body });
        this.heard(type, body);
      });
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    this.exits.push({ pid, reason });
  }

  protected heard(_type: AnyMessageType, _body: unknown): void {}

  /** Takes out what came of one type since it was last asked for, without the epochs. */
  take<M extends AnyMessageType>(type: M): WithoutEpoch<M>[] {
    const taken = this.#inbox.filter((one) => one.type === type);
    for (const one of taken) this.#inbox.splice(this.#inbox.indexOf(one), 1);
    return taken.map(({ body }) => body as WithoutEpoch<M>);
  }

  /** Takes out the only message of that type. */
  takeOne<M extends AnyMessageType>(type: M): WithoutEpoch<M> {
    const taken = this.take(type);
    assert.equal(taken.length, 1, `${this.id} expected one ${type.name}, and got ${taken.length}`);
    return taken[0] as WithoutEpoch<M>;
  }

  /** The names of what came, in order, and is not taken out yet. */
  get names(): string[] {
    return this.#inbox.map(({ type }) => type.name);
  }

  forgetAll(): void {
    this.#inbox.length = 0;
  }

  say<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): Promise<void> {
    return this.dispatch(() => this.send(to, type, body));
  }

  watch(pid: Upid): Promise<void> {
    return this.dispatch(() => this.link(pid));
  }

  /** As {@link say}, from within a dispatch of its own: for several messages in one turn. */
  sayNow<M extends AnyMessageType>(to: Upid, type: M, body: BodyOf<M>): void {
    this.send(to, type, body);
  }

  end(): void {
    this.terminate();
  }
}

export class Scheduler extends Scripted {
  frameworkId = '' as FrameworkId;
  /** The offers that it holds: it was told of them, and neither used them nor was told that they are void. */
  readonly held = new Map<OfferId, Offer>();

  constructor(
    id: string,
    private readonly rig: Rig,
    readonly info: FrameworkInfo,
  ) {
    super(id);
  }

  async register(): Promise<FrameworkId> {
    await this.say(this.rig.pid, RegisterFramework, { framework: this.info });
    await this.rig.settle();
    this.takeOne(FrameworkRegistered);
    return this.frameworkId;
  }

  async reregister(id: FrameworkId, failover = false, changes: Partial<FrameworkInfo> = {}): Promise<void> {
    this.held.clear();
    await this.say(this.rig.pid, ReregisterFramework, { framework: { ...this.info, ...changes, id }, failover });
    await this.rig.settle();
  }

  protected override heard(type: AnyMessageType, body: unknown): void {
    if (type === FrameworkRegistered || type === FrameworkReregistered)
      this.frameworkId = (body as BodyOf<typeof FrameworkRegistered>).frameworkId;
    if (type === ResourceOffer)
      for (const offer of (body as BodyOf<typeof ResourceOffer>).offers) {
        assert.ok(!this.held.has(offer.id), `the offer ${offer.id} was made twice`);
        this.held.set(offer.id, offer);
      }
    if (type === RescindResourceOffer) this.held.delete((body as BodyOf<typeof RescindResourceOffer>).offerId);
    if (type === FrameworkError) this.held.clear();
  }

  /** What it holds, as texts such as `cpus:4;mem:4096`, in the order of arrival. */
  get offered(): string[] {
    return [...this.held.values()].map(({ resources }) => formatResources(resources));
  }

  /** The only offer that it holds. */
  get offer(): Offer {
    assert.equal(this.held.size, 1, `${this.id} expected to hold one offer, and holds: ${this.offered.join(' | ')}`);
    return [...this.held.values()][0] as Offer;
  }

  async launch(offerIds: readonly OfferId[], tasks: readonly TaskInfo[], refuseSeconds = 0): Promise<void> {
    for (const id of offerIds) this.held.delete(id);
    const { frameworkId } = this;
    await this.say(this.rig.pid, LaunchTasks, { frameworkId, offerIds, tasks, filters: { refuseSeconds } });
    await this.rig.settle();
  }

  async decline(offerIds: readonly OfferId[], refuseSeconds = 0): Promise<void> {
    for (const id of offerIds) this.held.delete(id);
    const { frameworkId } = this;
    await this.say(this.rig.pid, DeclineResourceOffer, { frameworkId, offerIds, filters: { refuseSeconds } });
    await this.rig.settle();
  }

  /** Declines all that it holds. */
  declineAll(refuseSeconds = 0): Promise<void> {
    return this.decline([...this.held.keys()], refuseSeconds);
  }

  /** For a message that carries nothing but the framework's id, and whatever else is given. */
  async tell<M extends AnyMessageType>(type: M, rest: Omit<BodyOf<M>, 'frameworkId'>): Promise<void> {
    await this.say(this.rig.pid, type, { frameworkId: this.frameworkId, ...rest } as unknown as BodyOf<M>);
    await this.rig.settle();
  }

  /** Takes out the statuses that came, as `task STATE REASON`. */
  statuses(): string[] {
    return this.take(StatusUpdate).map(({ status }) =>
      [status.taskId, status.state, status.reason].filter((part) => part !== undefined).join(' '),
    );
  }

  async acknowledge({ slaveId, taskId, uuid }: { slaveId: SlaveId; taskId: string; uuid: string }): Promise<void> {
    await this.tell(StatusUpdateAcknowledgement, { slaveId, taskId: taskId as TaskId, uuid });
  }
}

export class ScriptedAgent extends Scripted {
  slaveId = '' as SlaveId;
  /** What else it says of itself. */
  place: Pick<SlaveInfo, 'attributes' | 'domain'> = {};
  /** Whether it leaves pings unanswered. */
  silent = false;
  pings: boolean[] = [];

  constructor(
    id: string,
    protected readonly rig: Rig,
    readonly hostname: string,
    public resources: Resources,
  ) {
    super(id);
  }

  protected override heard(type: AnyMessageType, body: unknown): void {
    if (type === SlaveRegistered || type === SlaveReregistered)
      this.slaveId = (body as BodyOf<typeof SlaveRegistered>).slaveId;
    if (type !== PingSlave) return;
    this.pings.push((body as BodyOf<typeof PingSlave>).connected);
    if (!this.silent) this.send(this.rig.pid, PongSlave, {});
  }

  async register(): Promise<SlaveId> {
    const { hostname, resources, place } = this;
    await this.say(this.rig.pid, RegisterSlave, { slave: { hostname, resources, ...place }, version: '0' });
    await this.rig.settle();
    this.takeOne(SlaveRegistered);
    return this.slaveId;
  }

  /** As one that has nothing, apart from what is given. */
  async reregister(report: Partial<BodyOf<typeof ReregisterSlave>> = {}): Promise<void> {
    const { hostname, resources, slaveId: id, place } = this;
    await this.say(this.rig.pid, ReregisterSlave, {
      slave: { id, hostname, resources, ...place },
      version: '0',
      tasks: [],
      executors: [],
      frameworks: [],
      ...report,
    });
    await this.rig.settle();
  }

  /** Takes out the tasks that it was told to run. */
  tasks(): TaskInfo[] {
    return this.take(RunTask).map(({ task }) => task);
  }

  async update(
    framework: { readonly frameworkId: FrameworkId },
    taskId: string,
    state: TaskState,
    more: { uuid?: string; latestState?: TaskState; executorId?: string } = {},
  ): Promise<void> {
    await this.say(this.rig.pid, StatusUpdate, {
      frameworkId: framework.frameworkId,
      status: {
        taskId: taskId as TaskId,
        state,
        source: 'SOURCE_EXECUTOR',
        timestamp: 0,
        slaveId: this.slaveId,
        ...(more.uuid === undefined ? {} : { uuid: more.uuid }),
      },
      ...(more.latestState === undefined ? {} : { latestState: more.latestState }),
    });
    await this.rig.settle();
  }

  async executorExited(framework: { readonly frameworkId: FrameworkId }, executorId = 'e'): Promise<void> {
    await this.say(this.rig.pid, ExitedExecutor, {
      slaveId: this.slaveId,
      frameworkId: framework.frameworkId,
      executorId: executorId as ExecutorId,
      status: 0,
    });
    await this.rig.settle();
  }

  async tell<M extends AnyMessageType>(type: M, body: BodyOf<M>): Promise<void> {
    await this.say(this.rig.pid, type, body);
    await this.rig.settle();
  }
}

export class Rig {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork();
  readonly leadership = new ScriptedLeadership();
  readonly nodes: Node[] = [];
  /** Why the master wanted to give its leadership up. */
  readonly steppedDown: string[] = [];
  /** Where the master answers. */
  pid = '' as Upid;
  readonly #listeners: Scripted[] = [];
  #masterNode: Node | undefined;
  #named = 0;

  /** With a master that leads. */
  static async start(t: Test, options: MasterOptions = {}, registrar?: Registrar): Promise<Rig> {
    const { rig, master } = await Rig.standby(t, options);
    await rig.elect(master, registrar);
    t.teardown(() => rig.#everythingHadTheEpoch());
    return rig;
  }

  /** With a master that stands by. */
  static async standby(t: Test, options: MasterOptions = {}): Promise<{ rig: Rig; master: Master }> {
    const rig = new Rig();
    t.teardown(() => rig.stop());
    const master = new Master({ id: 'm1' as MasterId, hostname: 'master.test', version: '0' }, options, {
      steppedDown: (why) => rig.steppedDown.push(why),
    });
    rig.#masterNode = await rig.newNode('master');
    rig.pid = rig.#masterNode.spawn(master);
    await rig.settle();
    return { rig, master };
  }

  /** Has the master lead, with what the registrar knows. */
  async elect(master: Master, registrar: Registrar = memoryRegistrar({ clock: this.clock })): Promise<void> {
    const registry = await registrar.recover({ epoch: this.leadership.epoch, info: master.info });
    await master.elected(this.leadership, { registrar, registry });
    await this.settle();
  }

  /** With a master as it is started in production, but for the election. */
  static async running(
    t: Test,
    options: Omit<StartMasterOptions, 'node' | 'hostname'>,
  ): Promise<{ rig: Rig; running: RunningMaster }> {
    const rig = new Rig();
    t.teardown(() => rig.stop());
    const running = await startMaster({ ...options, node: rig.#nodeOptions('master'), hostname: 'master.test' });
    t.teardown(() => running.stop());
    rig.#masterNode = running.node;
    rig.pid = running.pid;
    await rig.settle();
    return { rig, running };
  }

  async stop(): Promise<void> {
    for (const node of this.nodes.splice(0).reverse()) await node.stop();
  }

  /** A count of the master's Node. */
  count(name: string): number {
    return this.#masterNode?.counters.get(name) ?? 0;
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async newNode(name: string, seed = name): Promise<Node> {
    const node = await Node.start(this.#nodeOptions(name, seed));
    this.nodes.push(node);
    return node;
  }

  /** Probes are rare, so that time may pass quickly: tests break connections by themselves. */
  #nodeOptions(name: string, seed = name): NodeOptions {
    const { clock } = this;
    const transports = [this.network.transport()];
    return { name, clock, transports, random: new Random(seed), probeMs: 1e9, silentMs: 1e10 };
  }

  /** A scheduler that has not registered yet. */
  async newScheduler(info: Partial<FrameworkInfo> = {}): Promise<Scheduler> {
    const name = `framework-${++this.#named}`;
    const framework = { name, user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000, ...info };
    const scheduler = new Scheduler('scheduler', this, framework);
    this.#listen(await this.newNode(name), scheduler);
    return scheduler;
  }

  /** A scheduler that has registered. */
  async scheduler(info: Partial<FrameworkInfo> = {}): Promise<Scheduler> {
    const scheduler = await this.newScheduler(info);
    await scheduler.register();
    return scheduler;
  }

  /** An agent that has not registered yet. */
  async newAgent<A extends ScriptedAgent = ScriptedAgent>(
    resources: string,
    kind: new (...args: ConstructorParameters<typeof ScriptedAgent>) => A = ScriptedAgent as never,
  ): Promise<A> {
    const name = `agent-${++this.#named}`;
    const agent = new kind('slave', this, name, parseResources(resources));
    this.#listen(await this.newNode(name), agent);
    return agent;
  }

  /** The same agent process in a second life, on the same Node; knows its id and nothing else. */
  async reborn(agent: ScriptedAgent): Promise<ScriptedAgent> {
    const successor = new ScriptedAgent('slave', this, agent.hostname, agent.resources);
    successor.slaveId = agent.slaveId;
    const node = this.nodes.find(({ name }) => name === agent.hostname);
    if (node !== undefined) this.#listen(node, successor);
    await this.settle();
    return successor;
  }

  /** The same agent after a restart of its OS process: knows nothing, and is of another incarnation. */
  async restarted(agent: ScriptedAgent): Promise<ScriptedAgent> {
    await this.nodes.find(({ name }) => name === agent.hostname)?.stop();
    const successor = new ScriptedAgent('slave', this, agent.hostname, agent.resources);
    this.#listen(await this.newNode(agent.hostname, `${agent.hostname} again`), successor);
    await this.settle();
    return successor;
  }

  /** An agent that has registered. */
  async agent(resources: string): Promise<ScriptedAgent> {
    const agent = await this.newAgent(resources);
    await agent.register();
    return agent;
  }

  #listen(node: Node, listener: Scripted): void {
    node.spawn(listener);
    this.#listeners.push(listener);
  }

  /** Of every test with a master that leads: a message of any kind without it, or with another, fails the test. */
  #everythingHadTheEpoch(): void {
    for (const { id, epochs } of this.#listeners)
      for (const epoch of epochs)
        assert.equal(epoch, this.leadership.epoch, `${id} heard a message of another epoch, or of none`);
  }

  /** A process that nobody knows. */
  async stranger(): Promise<Scripted> {
    const stranger = new Scripted('stranger');
    this.#listen(await this.newNode(`stranger-${++this.#named}`), stranger);
    return stranger;
  }
}

export function executor(id = 'e', resources = ''): ExecutorInfo {
  return {
    executorId: id as ExecutorId,
    name: id,
    command: { value: 'true', arguments: [] },
    resources: parseResources(resources),
  };
}

export function task(
  id: string,
  agent: { readonly slaveId: SlaveId },
  resources: string,
  by: ExecutorInfo = executor(),
): TaskInfo {
  return {
    taskId: id as TaskId,
    name: id,
    slaveId: agent.slaveId,
    resources: parseResources(resources),
    executor: by,
  };
}

/** The task as an agent reports it that was launched in `role`. */
export function reported(
  { frameworkId }: { readonly frameworkId: FrameworkId },
  info: TaskInfo,
  state: TaskState = 'TASK_RUNNING',
  role = '*',
): Task {
  const { taskId, name, slaveId, resources } = info;
  return { taskId, name, slaveId, role, resources, frameworkId, executorId: info.executor.executorId, state };
}
