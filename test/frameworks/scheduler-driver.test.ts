import {
  CallbackError,
  DriverEndedError,
  FrameworkRefusedError,
  registrationPauseMsMax,
  type Scheduler,
  SchedulerDriver,
  type SchedulerDriverOptions,
} from '@mesos-ts/frameworks';
import { type AnyMessageType, MemoryNetwork, Node, Random, type Upid, VirtualClock } from '@mesos-ts/process';
import {
  DeclineResourceOffer,
  type ExecutorId,
  ExecutorToFramework,
  ExitedExecutor,
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  FrameworkToExecutor,
  KillTask,
  LaunchTasks,
  LostSlave,
  type MasterId,
  type MasterInfo,
  type Offer,
  type OfferId,
  ReconcileTasks,
  RegisterFramework,
  RequestResources,
  ReregisterFramework,
  RescindResourceOffer,
  ResourceOffer,
  ReviveOffers,
  type SlaveId,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
  UnregisterFramework,
  type WithoutEpoch,
} from '@mesos-ts/protocol';
import { StandaloneDetector } from '@mesos-ts/zk-election';
import t, { type Test } from 'tap';
import { ScriptedProcess } from './scripted-process.js';

const fromSchedulers: readonly AnyMessageType[] = [
  RegisterFramework,
  ReregisterFramework,
  UnregisterFramework,
  LaunchTasks,
  DeclineResourceOffer,
  ReviveOffers,
  SuppressOffers,
  ReconcileTasks,
  KillTask,
  StatusUpdateAcknowledgement,
  FrameworkToExecutor,
  StaleLeader,
  RequestResources,
];

const frameworkId = 'm1-0000' as FrameworkId;
const slaveId = 'm1-S0' as SlaveId;
const offerId = (id: string) => id as OfferId;
const taskId = (id: string) => id as TaskId;
const executorId = 'e' as ExecutorId;
const framework: FrameworkInfo = { name: 'f', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 10_000 };

function masterInfo(pid: Upid): MasterInfo {
  return { id: 'm1' as MasterId, pid, hostname: 'h', version: '1' };
}

function offer(id: string): Offer {
  const resources = [{ name: 'cpus', role: '*', scalar: 4_000 }];
  return { id: offerId(id), frameworkId, slaveId, hostname: 'h', role: '*', resources, executorIds: [] };
}

function task(id: string): TaskInfo {
  const executor = { executorId, name: 'e', command: { value: 'true', arguments: [] }, resources: [] };
  return { taskId: taskId(id), name: id, slaveId, resources: [{ name: 'cpus', role: '*', scalar: 1_000 }], executor };
}

function status(id: string, uuid?: string): TaskStatus {
  const about = {
    taskId: taskId(id),
    state: 'TASK_RUNNING',
    source: 'SOURCE_EXECUTOR',
    slaveId,
    timestamp: 1,
  } as const;
  return uuid === undefined ? about : { ...about, uuid };
}

/** Registers whoever comes. */
function welcoming(id = 'master'): ScriptedProcess {
  return new ScriptedProcess(id, fromSchedulers, ({ name, from, body }, self) => {
    const master = masterInfo(self.pid);
    if (name === RegisterFramework.name) self.say(from, FrameworkRegistered, { frameworkId, master });
    if (name === ReregisterFramework.name) {
      const { framework } = body as { framework: FrameworkInfo };
      self.say(from, FrameworkReregistered, { frameworkId: framework.id ?? frameworkId, master });
    }
  });
}

/** A scheduler whose callbacks are written down, one word each and what they were about. */
class Recorder implements Required<Scheduler> {
  readonly told: string[] = [];
  readonly statuses: TaskStatus[] = [];
  onStatus: (driver: SchedulerDriver, status: TaskStatus) => void | Promise<void> = () => undefined;
  onOffers: (driver: SchedulerDriver, offers: readonly Offer[]) => void | Promise<void> = () => undefined;

  registered(_driver: SchedulerDriver, id: FrameworkId, master: MasterInfo): void {
    this.told.push(`registered ${id} ${master.id}`);
  }
  reregistered(_driver: SchedulerDriver, master: MasterInfo): void {
    this.told.push(`reregistered ${master.id}`);
  }
  disconnected(): void {
    this.told.push('disconnected');
  }
  resourceOffers(driver: SchedulerDriver, offers: readonly Offer[]): void | Promise<void> {
    this.told.push(`offers ${offers.map(({ id }) => id).join(' ')}`);
    return this.onOffers(driver, offers);
  }
  offerRescinded(_driver: SchedulerDriver, id: OfferId): void {
    this.told.push(`rescinded ${id}`);
  }
  statusUpdate(driver: SchedulerDriver, status: TaskStatus): void | Promise<void> {
    this.told.push(`status ${[status.taskId, status.state, status.reason ?? ''].join(' ').trim()}`);
    this.statuses.push(status);
    return this.onStatus(driver, status);
  }
  frameworkMessage(_driver: SchedulerDriver, executor: ExecutorId, slave: SlaveId, data: Uint8Array): void {
    this.told.push(`message ${executor} ${slave} ${Buffer.from(data).toString()}`);
  }
  slaveLost(_driver: SchedulerDriver, slave: SlaveId): void {
    this.told.push(`slaveLost ${slave}`);
  }
  executorLost(_driver: SchedulerDriver, executor: ExecutorId, slave: SlaveId, status: number): void {
    this.told.push(`executorLost ${executor} ${slave} ${status}`);
  }
  error(_driver: SchedulerDriver, message: string): void {
    this.told.push(`error ${message}`);
  }
}

/** One scheduler and the masters that a test adds, each on a Node of its own, under one virtual clock. */
class Stage {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork();
  readonly detector = new StandaloneDetector();
  readonly recorder = new Recorder();
  readonly #nodes: Node[] = [];
  readonly #masters: ScriptedProcess[] = [];
  node!: Node;
  driver!: SchedulerDriver;
  #epoch = 0;

  static async open(
    t: Test,
    options: Partial<SchedulerDriverOptions> & { framework?: FrameworkInfo; scheduler?: Scheduler } = {},
  ): Promise<Stage> {
    const stage = new Stage();
    stage.node = await stage.addNode('s1');
    const { framework: info = framework, scheduler = stage.recorder, ...more } = options;
    stage.driver = new SchedulerDriver(scheduler, info, { node: stage.node, detector: stage.detector, ...more });
    t.teardown(async () => {
      stage.driver.stop();
      await stage.detector.close();
      for (const node of stage.#nodes) await node.stop();
    });
    return stage;
  }

  async addNode(name: string): Promise<Node> {
    const random = new Random(`${name} ${this.#nodes.length}`);
    const node = await Node.start({ name, transports: [this.network.transport()], clock: this.clock, random });
    this.#nodes.push(node);
    return node;
  }

  async addMaster(name: string, master = welcoming()): Promise<ScriptedProcess> {
    (await this.addNode(name)).spawn(master);
    this.#masters.push(master);
    master.epoch = Math.max(1, this.#epoch);
    await this.clock.settle();
    return master;
  }

  appoint(pid: Upid | undefined): Promise<void> {
    this.detector.appoint(pid === undefined ? undefined : { pid, epoch: ++this.#epoch });
    for (const master of this.#masters) if (pid !== undefined && master.pid.startsWith(pid)) master.epoch = this.#epoch;
    return this.clock.settle();
  }

  /** The pid of the driver's process, as the master saw it. */
  scheduler(master: ScriptedProcess): Upid {
    const [first] = master.arrivals;
    if (first === undefined) throw new Error('the scheduler did not come to this master');
    return first.from;
  }

  /** With a registered driver. */
  static async registered(t: Test, options: Parameters<typeof Stage.open>[1] = {}): Promise<RegisteredStage> {
    const stage = await Stage.open(t, options);
    const master = await stage.addMaster('m1');
    await stage.appoint(master.pid);
    stage.driver.start();
    await stage.clock.settle();
    const pid = stage.scheduler(master);
    const say: RegisteredStage['say'] = (type, body) => {
      master.say(pid, type, body);
      return stage.clock.settle();
    };
    return { stage, master, pid, say, driver: stage.driver, told: stage.recorder.told, recorder: stage.recorder };
  }
}

interface RegisteredStage {
  readonly stage: Stage;
  readonly master: ScriptedProcess;
  readonly pid: Upid;
  readonly driver: SchedulerDriver;
  readonly recorder: Recorder;
  readonly told: string[];
  /** Says it to the driver's process, as the master, and lets the consequences run. */
  say<M extends AnyMessageType>(type: M, body: WithoutEpoch<M>): Promise<void>;
}

t.test('registers with the leader at once, and only once it is known', async (t) => {
  const stage = await Stage.open(t);
  t.equal(stage.driver.status, 'DRIVER_NOT_STARTED');
  t.equal(stage.driver.killTask(taskId('t')), 'DRIVER_NOT_STARTED', 'calls before the start do nothing');
  t.equal(await stage.driver.join(), 'DRIVER_NOT_STARTED');
  t.equal(stage.driver.start(), 'DRIVER_RUNNING');
  t.equal(stage.driver.start(), 'DRIVER_RUNNING');
  await stage.clock.advance(60_000);
  t.same(stage.recorder.told, []);
  const master = await stage.addMaster('m1');
  await stage.appoint(master.pid);
  t.same(stage.recorder.told, ['registered m1-0000 m1']);
  t.same(
    master.arrivals.map(({ name, atMs }) => [name, atMs]),
    [['RegisterFramework', 60_000]],
  );
  t.same(master.bodies(RegisterFramework), [{ framework }]);
  await stage.clock.advance(120_000);
  t.equal(master.arrivals.length, 1, 'and does not register again');
});

t.test('a registration is for the leadership that the detector told', async (t) => {
  const stage = await Stage.open(t);
  stage.driver.start();
  const master = await stage.addMaster('m1');
  const info = { id: 'm' as MasterId, pid: master.pid, hostname: 'h', version: '0' };
  const appoint = async (epoch: number): Promise<void> => {
    master.epoch = epoch;
    stage.detector.appoint({ pid: master.pid, epoch, info });
    await stage.clock.advance(60_000);
  };
  await appoint(7);
  t.same(master.bodies(RegisterFramework), [{ leaderEpoch: 7, framework }]);
  await appoint(8);
  t.match(master.bodies(ReregisterFramework), [{ leaderEpoch: 8, failover: false }]);
});

t.test('a registration is repeated after random pauses that grow', async (t) => {
  const bounds = (failoverTimeoutMs: number, count: number) =>
    Array.from({ length: count }, (_, attempt) =>
      registrationPauseMsMax({ factorMs: 2_000, failoverTimeoutMs }, attempt),
    );
  t.same(
    bounds(0, 10),
    [2_000, 2_000, 2_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000],
    'the first are the same',
  );
  t.same(bounds(200_000, 8).slice(3), [2_000, 4_000, 8_000, 16_000, 20_000], 'a tenth of the failover timeout');
  t.same(bounds(10_000, 3), [2_000, 2_000, 2_000], 'but never less than the factor');
  t.equal(registrationPauseMsMax({ factorMs: 2_000, failoverTimeoutMs: 0 }, 5_000), 60_000);

  const stage = await Stage.open(t, {
    framework: { ...framework, failoverTimeoutMs: 0 },
    registrationBackoffMs: 2_000,
  });
  const deaf = await stage.addMaster('m1', new ScriptedProcess('master', fromSchedulers));
  stage.driver.start();
  await stage.appoint(deaf.pid);
  await stage.clock.advance(300_000);
  const times = deaf.arrivals.map(({ atMs }) => atMs);
  t.equal(times[0], 0);
  const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  t.ok(pauses.length >= 6, `${pauses.length} attempts`);
  t.ok(new Set(pauses.map((pause, index) => pause / (bounds(0, index + 1)[index] ?? 1))).size > 3, 'at random');
  for (const [index, pause] of pauses.entries())
    t.ok(pause <= (bounds(0, index + 1)[index] ?? 0), `pause ${index}: ${pause} ms`);
  for (const [index, pause] of pauses.entries())
    t.ok(pause >= (bounds(0, index + 1)[index] ?? 0) / 2, 'and not before an answer can have come');
  t.ok(Math.max(...pauses) > 4_000, 'they do grow');
  t.equal(new Set(deaf.arrivals.map(({ name }) => name)).size, 1, 'without an id it is always RegisterFramework');
});

t.test('only the leader is listened to, and only in the incarnation that answered', async (t) => {
  const stage = await Stage.open(t);
  const silent = new ScriptedProcess('master', fromSchedulers);
  const master = await stage.addMaster('m1', silent);
  const impostor = await stage.addMaster('m2', new ScriptedProcess('master', fromSchedulers));
  stage.driver.start();
  await stage.appoint('master@m1' as Upid);
  const pid = stage.scheduler(master);
  impostor.say(pid, FrameworkRegistered, { frameworkId: 'evil' as FrameworkId, master: masterInfo(impostor.pid) });
  master.say(pid, ResourceOffer, { offers: [offer('too-early')] });
  await stage.clock.settle();
  t.same(stage.recorder.told, [], 'neither another, nor the leader before it has answered');
  master.say(pid, FrameworkRegistered, { frameworkId, master: masterInfo(master.pid) });
  master.say(pid, FrameworkRegistered, { frameworkId, master: masterInfo(master.pid) });
  await stage.clock.settle();
  t.same(stage.recorder.told, ['registered m1-0000 m1'], 'and the answer to a repeated registration is no news');
  impostor.say(pid, ResourceOffer, { offers: [offer('evil')] });
  impostor.say(pid, FrameworkError, { message: 'evil' });
  const sameNode = new ScriptedProcess('another', []);
  (await stage.addNode('m3')).spawn(sameNode);
  sameNode.say(pid, LostSlave, { slaveId });
  await stage.clock.settle();
  t.equal(stage.recorder.told.length, 1);
  t.equal(stage.node.counters.get('messages_not_admitted'), 5);
});

t.test('a lost master costs the offers, and its successor under the same name is found', async (t) => {
  const { stage, master, driver, told, recorder, say } = await Stage.registered(t);
  await stage.appoint('master@m1' as Upid);
  t.same(told.splice(0), ['registered m1-0000 m1', 'disconnected', 'reregistered m1']);
  await say(ResourceOffer, { offers: [offer('o1'), offer('o2')] });
  told.length = 0;
  stage.network.crash('m1');
  await stage.clock.advance(2_000);
  t.same(told.splice(0), ['disconnected'], 'once');
  driver.launchTasks([offerId('o1')], [task('t1'), task('t2')]);
  driver.killTask(taskId('t1'));
  driver.declineOffer([offerId('o2')]);
  await stage.clock.settle();
  t.same(told.splice(0), [
    'status t1 TASK_DROPPED REASON_MASTER_DISCONNECTED',
    'status t2 TASK_DROPPED REASON_MASTER_DISCONNECTED',
  ]);
  t.match(recorder.statuses[0], { source: 'SOURCE_MASTER', slaveId, timestamp: stage.clock.wallTime() });
  t.notOk('uuid' in (recorder.statuses[0] ?? {}));
  const successor = await stage.addMaster('m1');
  await stage.clock.advance(30_000);
  t.same(told.splice(0), ['reregistered m1']);
  t.same(successor.bodies(ReregisterFramework), [{ framework: { ...framework, id: frameworkId }, failover: false }]);
  driver.launchTasks([offerId('o1')], [task('t3')]);
  await stage.clock.settle();
  t.same(told.splice(0), ['status t3 TASK_DROPPED REASON_INVALID_OFFERS'], 'offers of the former master are void');
  t.same(successor.bodies(LaunchTasks), []);
  t.same(master.bodies(KillTask), [], 'what was called meanwhile is dropped');
  t.same(successor.bodies(KillTask), []);
});

t.test('follows the detector from leader to leader', async (t) => {
  const { stage, master, pid, told, say } = await Stage.registered(t);
  const next = await stage.addMaster('m2');
  await stage.appoint(next.pid);
  t.same(told.splice(0), ['registered m1-0000 m1', 'disconnected', 'reregistered m1']);
  t.same(next.bodies(ReregisterFramework), [{ framework: { ...framework, id: frameworkId }, failover: false }]);
  await say(ResourceOffer, { offers: [offer('old')] });
  t.same(told, [], 'the former leader has no say any more');
  const third = await stage.addMaster('m3');
  await stage.appoint(third.pid);
  t.same(told.splice(0), ['disconnected', 'reregistered m1']);
  stage.network.crash('m2');
  await stage.clock.advance(2_000);
  t.same(told, [], 'its end is no news either');
  await stage.appoint(undefined);
  t.same(told.splice(0), ['disconnected']);
  await stage.clock.advance(60_000);
  t.same(told, [], 'without a leader it waits');
  await stage.appoint(master.pid);
  t.same(told, ['reregistered m1']);
  master.say(pid, ResourceOffer, { offers: [offer('new')] });
  await stage.clock.settle();
  t.same(told, ['reregistered m1', 'offers new']);
});

/** Everything that a master may say to a scheduler, in a form that would show. */
const everything: readonly [AnyMessageType, object][] = [
  [FrameworkRegistered, { frameworkId, master: masterInfo('master@m1' as Upid) }],
  [FrameworkReregistered, { frameworkId, master: masterInfo('master@m1' as Upid) }],
  [ResourceOffer, { offers: [offer('evil')] }],
  [RescindResourceOffer, { offerId: offerId('o1') }],
  [StatusUpdate, { frameworkId, status: status('t1', 'u1') }],
  [ExecutorToFramework, { slaveId, frameworkId, executorId, data: Buffer.from('evil') }],
  [ExitedExecutor, { slaveId, frameworkId, executorId, status: 1 }],
  [LostSlave, { slaveId }],
  [FrameworkError, { message: 'evil' }],
];

t.test(
  'what a leader says whom another has followed is dropped, counted, and answered with the later epoch',
  async (t) => {
    const { stage, master: old, pid, told } = await Stage.registered(t);
    const next = await stage.addMaster('m2');
    await stage.appoint(next.pid);
    told.length = 0;
    for (const [type, body] of everything) old.say(pid, type, body as never);
    for (const [type, body] of everything) next.say(pid, type, { ...body, epoch: 1 } as never);
    await stage.clock.settle();
    t.same(told, [], 'also when it comes from where the leader is');
    t.equal(stage.node.counters.get('messages_from_stale_leaders'), 2 * everything.length);
    for (const master of [old, next])
      t.same(
        master.bodies(StaleLeader),
        everything.map(() => ({ epoch: 2 })),
      );
    next.say(pid, LostSlave, { slaveId });
    await stage.clock.settle();
    t.same(told, ['slaveLost m1-S0'], 'and the leader is heard');
  },
);

t.test(
  'a leader is not heard any more as soon as the detector names another, which may not have answered yet',
  async (t) => {
    const { stage, master, told, say } = await Stage.registered(t);
    const deaf = await stage.addMaster('m2', new ScriptedProcess('master', fromSchedulers));
    await stage.appoint(deaf.pid);
    told.length = 0;
    await say(FrameworkError, { message: 'evil' });
    t.same(told, []);
    t.same(master.bodies(StaleLeader), [{ epoch: 2 }]);
  },
);

t.test('what comes without an epoch, or with one that is none, is dropped', async (t) => {
  const { stage, master, pid, told } = await Stage.registered(t);
  told.length = 0;
  const none = [undefined, null, '1', 1.5, Number.NaN, Number.POSITIVE_INFINITY, [1], {}];
  for (const epoch of none) for (const [type, body] of everything) master.say(pid, type, { ...body, epoch } as never);
  await stage.clock.settle();
  t.same(told, []);
  t.equal(stage.node.counters.get('messages_not_admitted'), none.length * everything.length);
  t.same(master.bodies(StaleLeader), [], 'of which nobody is told');
});

t.test('a leader of a lower epoch than was seen is told so, and followed once its epoch is higher', async (t) => {
  const { stage, master, told } = await Stage.registered(t);
  stage.detector.appoint({ pid: master.pid, epoch: 900 });
  master.epoch = 900;
  await stage.clock.settle();
  const reborn = await stage.addMaster('m2');
  told.length = 0;
  stage.detector.appoint({ pid: reborn.pid, epoch: 3 });
  reborn.epoch = 3;
  await stage.clock.settle();
  t.same(told.splice(0), ['disconnected']);
  t.same(reborn.bodies(StaleLeader), [{ epoch: 900 }]);
  stage.detector.appoint({ pid: reborn.pid, epoch: 901 });
  reborn.epoch = 901;
  await stage.clock.settle();
  t.same(told, ['reregistered m1']);
});

t.test('an update is acknowledged through the leader of the moment, or not at all', async (t) => {
  const { stage, master, recorder, say, pid } = await Stage.registered(t);
  const finish: (() => void)[] = [];
  recorder.onStatus = () => new Promise<void>((resolve) => finish.push(resolve));
  await say(StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: master.pid });
  await say(StatusUpdate, { frameworkId, status: status('t2', 'u2'), pid: master.pid });
  await stage.appoint(undefined);
  finish[0]?.();
  await stage.clock.settle();
  const next = await stage.addMaster('m2');
  await stage.appoint(next.pid);
  t.same([...master.bodies(StatusUpdateAcknowledgement), ...next.bodies(StatusUpdateAcknowledgement)], []);
  finish[1]?.();
  await stage.clock.settle();
  next.say(pid, StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: next.pid });
  await stage.clock.settle();
  for (const done of finish) done();
  await stage.clock.settle();
  t.same(master.bodies(StatusUpdateAcknowledgement), [], 'the one of before is not told');
  t.same(
    next.bodies(StatusUpdateAcknowledgement).map(({ uuid }) => uuid),
    ['u2', 'u1'],
    'and what could not be acknowledged is, when it comes again',
  );
});

t.test('an interrupted connection means disconnected, and back at once', async (t) => {
  const { stage, told } = await Stage.registered(t);
  stage.network.interrupt();
  await stage.clock.settle();
  t.same(told, ['registered m1-0000 m1', 'disconnected', 'reregistered m1']);
});

t.test(
  'an answer of a master that may have lost us since is not believed: the scheduler registers again',
  async (t) => {
    const stage = await Stage.open(t);
    const master = await stage.addMaster('m1', new ScriptedProcess('master', fromSchedulers));
    stage.driver.start();
    await stage.appoint(master.pid);
    stage.network.interrupt();
    await stage.clock.settle();
    const answer = { frameworkId, master: masterInfo(master.pid) };
    master.say(stage.scheduler(master), FrameworkRegistered, answer);
    await stage.clock.settle();
    t.same(stage.recorder.told, [], 'to that master we may be disconnected');
    t.equal(master.bodies(RegisterFramework).length, 2, 'at once');
    master.say(stage.scheduler(master), FrameworkRegistered, answer);
    await stage.clock.settle();
    t.same(stage.recorder.told, ['registered m1-0000 m1']);
    stage.network.crash('m1');
    await stage.clock.advance(2_000);
    t.same(stage.recorder.told, ['registered m1-0000 m1', 'disconnected'], 'the new link holds');
  },
);

t.test('a driver that is made with an id takes over, the first time', async (t) => {
  const id = 'm9-0007' as FrameworkId;
  const { stage, master, told } = await Stage.registered(t, { framework: { ...framework, id } });
  t.same(told, ['reregistered m1']);
  t.same(
    master.bodies(ReregisterFramework).map(({ failover }) => failover),
    [true],
  );
  const next = await stage.addMaster('m2');
  await stage.appoint(next.pid);
  t.same(
    next.bodies(ReregisterFramework).map(({ failover }) => failover),
    [false],
  );
});

t.test('offers are used, declined and rescinded', async (t) => {
  const { stage, master, driver, told, say } = await Stage.registered(t);
  await say(ResourceOffer, { offers: ['o1', 'o2', 'o3', 'o4', 'o5'].map(offer) });
  await say(RescindResourceOffer, { offerId: offerId('o3') });
  driver.launchTasks([offerId('o1')], [task('t1')]);
  driver.declineOffer([offerId('o2'), offerId('o3'), offerId('unknown')]);
  driver.launchTasks([offerId('o1'), offerId('o4')], [task('t2')]);
  driver.launchTasks([], [task('t3')]);
  driver.launchTasks([offerId('o5')], [{ ...task('t4'), name: 7 as unknown as string }], { refuseSeconds: 9 });
  await stage.clock.settle();
  t.same(told, [
    'registered m1-0000 m1',
    'offers o1 o2 o3 o4 o5',
    'rescinded o3',
    'status t2 TASK_DROPPED REASON_INVALID_OFFERS',
    'status t3 TASK_DROPPED REASON_INVALID_OFFERS',
    'status t4 TASK_ERROR REASON_TASK_INVALID',
  ]);
  const filters = { refuseSeconds: 5 };
  t.same(master.bodies(LaunchTasks), [{ frameworkId, offerIds: ['o1'], tasks: [task('t1')], filters }]);
  t.same(
    master.bodies(DeclineResourceOffer),
    [
      { frameworkId, offerIds: ['o2'], filters },
      { frameworkId, offerIds: ['o4'], filters },
      { frameworkId, offerIds: ['o5'], filters: { refuseSeconds: 9 } },
    ],
    'what was given with a bad launch goes back',
  );
});

t.test('what was offered before a later answer to a registration is void, and the scheduler is told', async (t) => {
  const { stage, master, driver, told, say } = await Stage.registered(t);
  told.length = 0;
  const answer = { frameworkId, master: { id: 'm1' as MasterId, pid: master.pid, hostname: 'h', version: '0' } };
  await say(ResourceOffer, { offers: ['o1', 'o2'].map(offer) });
  await say(FrameworkRegistered, answer);
  t.same(told, ['offers o1 o2'], 'an answer to the first registration voids nothing');
  await say(FrameworkReregistered, answer);
  await say(ResourceOffer, { offers: [offer('o3')] });
  driver.launchTasks([offerId('o1')], [task('t1')]);
  await stage.clock.settle();
  t.same(told, [
    'offers o1 o2',
    'rescinded o1',
    'rescinded o2',
    'offers o3',
    'status t1 TASK_DROPPED REASON_INVALID_OFFERS',
  ]);
});

t.test('every other call and callback goes its way', async (t) => {
  const { stage, master, driver, told, say } = await Stage.registered(t);
  told.length = 0;
  const data = Buffer.from('hello');
  await say(ExecutorToFramework, { slaveId, frameworkId, executorId, data });
  await say(LostSlave, { slaveId });
  await say(ExitedExecutor, { slaveId, frameworkId, executorId, status: 137 });
  t.same(told, ['message e m1-S0 hello', 'slaveLost m1-S0', 'executorLost e m1-S0 137']);
  t.equal(driver.killTask(taskId('t1')), 'DRIVER_RUNNING');
  driver.suppressOffers();
  driver.reviveOffers();
  driver.sendFrameworkMessage(executorId, slaveId, data);
  driver.reconcileTasks([{ taskId: taskId('t1'), slaveId }, { taskId: taskId('t2') }]);
  await stage.clock.settle();
  t.same(
    master.arrivals.slice(1).map(({ name }) => name),
    ['KillTask', 'SuppressOffers', 'ReviveOffers', 'FrameworkToExecutor', 'ReconcileTasks'],
  );
  t.same(master.bodies(KillTask), [{ frameworkId, taskId: 't1' }]);
  t.same(master.bodies(ReconcileTasks), [{ frameworkId, statuses: [{ taskId: 't1', slaveId }, { taskId: 't2' }] }]);
});

t.test('offers are suppressed, revived and asked for in roles of the framework', async (t) => {
  const roles = ['eng', 'ads'];
  const { stage, master, driver } = await Stage.registered(t, { framework: { ...framework, roles } });
  driver.suppressOffers(['ads']);
  driver.suppressOffers();
  driver.reviveOffers({ roles: ['eng'], keepFilters: true });
  driver.reviveOffers();
  const demands = [{ role: 'eng', shape: { cpus: 500 }, count: 2 }];
  driver.requestResources(demands);
  driver.requestResources([]);
  driver.requestResources(undefined);
  await stage.clock.settle();
  t.strictSame(master.bodies(SuppressOffers), [{ frameworkId, roles: ['ads'] }, { frameworkId }]);
  t.strictSame(master.bodies(ReviveOffers), [{ frameworkId, roles: ['eng'], keepFilters: true }, { frameworkId }]);
  t.strictSame(master.bodies(RequestResources), [
    { frameworkId, demands },
    { frameworkId, demands: [] },
    { frameworkId },
  ]);
});

t.test('a role that is not its own, or a demand that makes no sense, is told to the caller', async (t) => {
  const { stage, master, driver } = await Stage.registered(t, { framework: { ...framework, roles: ['eng'] } });
  const foreign = { name: 'TypeError', message: '"ads" is none of the framework\'s roles eng' };
  t.throws(() => driver.suppressOffers(['eng', 'ads']), foreign);
  t.throws(() => driver.reviveOffers({ roles: ['ads'] }), foreign);
  t.throws(() => driver.requestResources([{ role: 'ads', shape: { cpus: 1 }, count: 1 }]), foreign);
  t.throws(() => driver.requestResources([{ role: 'eng', shape: {}, count: 1 }]), {
    name: 'TypeError',
    message: 'malformed demand: /demands/0/shape: Expected object to have at least 1 properties',
  });
  t.throws(() => driver.requestResources([{ role: 'eng', shape: { cpus: 0.5 }, count: 1 }]), {
    name: 'TypeError',
    message: 'malformed demand: /demands/0/shape/cpus: Expected integer',
  });
  t.throws(() => driver.requestResources([{ role: 'eng', shape: { cpus: 1 }, count: 0 }]), { name: 'TypeError' });
  await stage.clock.settle();
  t.equal(master.arrivals.length, 1, 'nothing of that reaches the master');
});

t.test('a later leader is told which roles are suppressed', async (t) => {
  const roles = ['eng', 'ads', 'web'];
  const { stage, driver } = await Stage.registered(t, {
    framework: { ...framework, roles, suppressedRoles: ['web'] },
  });
  driver.suppressOffers(['ads']);
  await stage.clock.settle();
  const suppressed = (master: ScriptedProcess) =>
    master.bodies(ReregisterFramework).map(({ framework: { suppressedRoles } }) => suppressedRoles);
  const second = await stage.addMaster('m2');
  await stage.appoint(second.pid);
  t.strictSame(suppressed(second), [['web', 'ads']]);
  t.strictSame(second.arrivals.length, 1, 'and no more has to be said');
  driver.reviveOffers();
  await stage.clock.settle();
  const third = await stage.addMaster('m3');
  await stage.appoint(third.pid);
  t.strictSame(suppressed(third), [undefined]);
  t.strictSame(third.arrivals.length, 1, 'nor here');
});

t.test('what is suppressed or revived while nobody leads, or has answered yet, is told with or after it', async (t) => {
  const roles = ['eng', 'ads', 'web'];
  const stage = await Stage.open(t, { framework: { ...framework, roles, suppressedRoles: ['ads'] } });
  stage.driver.start();
  stage.driver.suppressOffers(['eng']);
  // It answers when the test has it answer.
  const master = await stage.addMaster('m1', new ScriptedProcess('master', fromSchedulers));
  await stage.appoint(master.pid);
  stage.driver.reviveOffers({ roles: ['ads'] });
  stage.driver.suppressOffers(['web']);
  await stage.clock.advance(100);
  const told = master.bodies(RegisterFramework).map(({ framework: { suppressedRoles } }) => suppressedRoles);
  t.strictSame(told.slice(0, 2), [
    ['ads', 'eng'],
    ['eng', 'web'],
  ]);
  await stage.clock.settle();
  master.say(stage.scheduler(master), FrameworkRegistered, { frameworkId, master: masterInfo(master.pid) });
  await stage.clock.settle();
  t.strictSame(
    master.bodies(ReviveOffers),
    [{ frameworkId, roles: ['ads'], keepFilters: true }],
    'the first registration may be the one that is answered',
  );
  t.strictSame(master.bodies(SuppressOffers), [{ frameworkId, roles: ['web'] }]);
});

const ofOne = { role: '*', shape: { cpus: 1_000, mem: 64_000 } };
const ofTwo = { role: '*', shape: { cpus: 2_000, mem: 64_000 } };

/** What a master was told of what the scheduler waits for, in order: by registrations, and by itself. */
function demanded(master: ScriptedProcess): unknown[] {
  const telling: readonly string[] = [RegisterFramework.name, ReregisterFramework.name, RequestResources.name];
  return master.arrivals
    .filter(({ name }) => telling.includes(name))
    .map(({ body }) => (body as { demands?: unknown }).demands);
}

t.test('what is waited for is told with the first registration, and to every later leader', async (t) => {
  const stage = await Stage.open(t);
  stage.driver.start();
  stage.driver.requestResources([{ ...ofOne, count: 2 }]);
  stage.driver.requestResources([{ ...ofOne, count: 3 }]);
  const first = await stage.addMaster('m1');
  await stage.appoint(first.pid);
  t.strictSame(demanded(first), [[{ ...ofOne, count: 3 }]], 'the last word, and no more has to be said');
  await stage.appoint(undefined);
  stage.driver.requestResources([{ ...ofTwo, count: 1 }]);
  const second = await stage.addMaster('m2');
  await stage.appoint(second.pid);
  stage.driver.requestResources(undefined);
  await stage.clock.settle();
  stage.network.interrupt();
  await stage.clock.advance(1_000);
  const [once, ...afterwards] = demanded(second);
  t.strictSame(once, [{ ...ofTwo, count: 1 }]);
  t.ok(afterwards.length >= 2 && afterwards.every((one) => one === undefined), 'also after a link that broke');
});

t.test('what is said to be waited for while a registration is under way is told once it is answered', async (t) => {
  const stage = await Stage.open(t);
  stage.driver.start();
  stage.driver.requestResources([{ ...ofOne, count: 1 }]);
  // It answers when the test has it answer.
  const master = await stage.addMaster('m1', new ScriptedProcess('master', fromSchedulers));
  await stage.appoint(master.pid);
  stage.driver.requestResources([{ ...ofOne, count: 2 }]);
  await stage.clock.advance(60);
  t.strictSame(demanded(master).slice(0, 2), [[{ ...ofOne, count: 1 }], [{ ...ofOne, count: 2 }]]);
  const scheduler = stage.scheduler(master);
  master.arrivals.length = 0;
  master.say(scheduler, FrameworkRegistered, { frameworkId, master: masterInfo(master.pid) });
  await stage.clock.settle();
  t.strictSame(demanded(master), [[{ ...ofOne, count: 2 }]], 'the first one may be the one that was answered');
  stage.network.interrupt();
  await stage.clock.advance(10);
  t.strictSame(demanded(master).at(-1), [{ ...ofOne, count: 2 }]);
});

t.test('a task that is launched is not waited for any more, which the master hears first', async (t) => {
  const { stage, master, driver, say } = await Stage.registered(t);
  const launch = async (id: string, tasks: TaskInfo[]) => {
    await say(ResourceOffer, { offers: [offer(id)] });
    master.arrivals.length = 0;
    driver.launchTasks([offerId(id)], tasks);
    await stage.clock.settle();
    return master.arrivals.map(({ name, body }) => (name === RequestResources.name ? (body as object) : name));
  };
  const large = (id: string): TaskInfo => ({ ...task(id), resources: [{ name: 'cpus', role: '*', scalar: 1_001 }] });
  t.same(await launch('o0', [task('t0')]), ['LaunchTasks'], 'nothing was said');
  driver.requestResources([
    { ...ofTwo, count: 1 },
    { ...ofOne, count: 3 },
  ]);
  const left = (...demands: unknown[]) => [{ frameworkId, demands }, 'LaunchTasks'];
  t.same(
    await launch('o1', [task('t1'), task('t2')]),
    left({ ...ofTwo, count: 1 }, { ...ofOne, count: 1 }),
    'each is one of the smallest shape that holds it',
  );
  t.same(await launch('o2', [large('t3')]), left({ ...ofOne, count: 1 }), 'only the larger one did');
  t.same(await launch('o3', [large('t4')]), ['LaunchTasks'], 'was not waited for');
  t.same(await launch('o4', [task('t5')]), left());
  t.same(await launch('o5', [task('t6')]), ['LaunchTasks']);
  driver.launchTasks([offerId('none')], [task('t7')]);
  driver.requestResources([{ ...ofOne, count: 1 }]);
  driver.launchTasks([offerId('none')], [task('t8')]);
  await stage.clock.settle();
  t.same(demanded(master).at(-1), [{ ...ofOne, count: 1 }], 'what never left does not count');
});

t.test('of what is waited for in a role, only tasks on offers in that role count off', async (t) => {
  const { stage, master, driver, say } = await Stage.registered(t, { framework: { ...framework, roles: ['a', 'b'] } });
  driver.requestResources(['a', 'b'].map((role) => ({ ...ofOne, role, count: 1 })));
  await say(ResourceOffer, { offers: [{ ...offer('o1'), role: 'b' }] });
  driver.launchTasks([offerId('o1')], [task('t1')]);
  await stage.clock.settle();
  t.same(demanded(master).at(-1), [{ ...ofOne, role: 'a', count: 1 }]);
});

t.test('an update is acknowledged when its callback is done, if anyone waits for it', async (t) => {
  const { stage, master, driver, recorder, say } = await Stage.registered(t);
  let finish = (): void => undefined;
  recorder.onStatus = () => new Promise<void>((resolve) => (finish = resolve));
  await say(StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: master.pid });
  t.same(master.bodies(StatusUpdateAcknowledgement), [], 'not while the callback is under way');
  finish();
  await stage.clock.settle();
  t.same(master.bodies(StatusUpdateAcknowledgement), [{ frameworkId, slaveId, taskId: 't1', uuid: 'u1' }]);
  recorder.onStatus = () => undefined;
  await say(StatusUpdate, { frameworkId, status: status('t2') });
  await say(StatusUpdate, { frameworkId, status: status('t3', 'u3') });
  t.equal(master.bodies(StatusUpdateAcknowledgement).length, 1, 'none without a uuid, none without a pid');
  t.equal(recorder.statuses.at(-1)?.uuid, undefined, 'whom nobody waits for has no uuid to the scheduler either');
  t.throws(() => driver.acknowledgeStatusUpdate(status('t1', 'u1')), TypeError);
});

t.test('with explicit acknowledgements, the scheduler alone says when', async (t) => {
  const { stage, master, driver, recorder, say } = await Stage.registered(t, { implicitAcknowledgements: false });
  await say(StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: master.pid });
  t.equal(recorder.statuses[0]?.uuid, 'u1');
  t.same(master.bodies(StatusUpdateAcknowledgement), []);
  driver.acknowledgeStatusUpdate(status('t1', 'u1'));
  driver.acknowledgeStatusUpdate(status('t2'));
  await stage.clock.settle();
  t.same(master.bodies(StatusUpdateAcknowledgement), [{ frameworkId, slaveId, taskId: 't1', uuid: 'u1' }]);
});

t.test('callbacks come one at a time, and a slow one delays nothing but them', async (t) => {
  const { stage, master, driver, recorder, told, say } = await Stage.registered(t);
  told.length = 0;
  let finish = (): void => undefined;
  recorder.onOffers = () => new Promise<void>((resolve) => (finish = resolve));
  await say(ResourceOffer, { offers: [offer('o1')] });
  await say(StatusUpdate, { frameworkId, status: status('t1') });
  await say(LostSlave, { slaveId });
  t.same(told, ['offers o1']);
  driver.launchTasks([offerId('o1')], [task('t1')]);
  await stage.clock.settle();
  t.equal(master.bodies(LaunchTasks).length, 1, 'a call takes effect while a callback is under way');
  finish();
  await stage.clock.settle();
  t.same(told, ['offers o1', 'status t1 TASK_RUNNING', 'slaveLost m1-S0']);
});

t.test('what waits behind a slow callback is not called after the end', async (t) => {
  for (const end of ['stop', 'abort'] as const) {
    const { stage, master, driver, recorder, told, say } = await Stage.registered(t);
    told.length = 0;
    let finish = (): void => undefined;
    recorder.onStatus = () => new Promise<void>((resolve) => (finish = resolve));
    await say(StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: master.pid });
    await say(LostSlave, { slaveId });
    driver[end]();
    finish();
    await stage.clock.settle();
    t.same(told, ['status t1 TASK_RUNNING']);
    t.same(master.bodies(StatusUpdateAcknowledgement), [], 'nor is the update acknowledged');
  }
});

t.test('a callback that throws aborts the driver, and who joins learns the cause', async (t) => {
  for (const fail of [
    () => {
      throw new TypeError('a bug');
    },
    () => Promise.reject(new TypeError('a bug')),
  ]) {
    const { stage, master, driver, recorder, told, say } = await Stage.registered(t);
    await say(ResourceOffer, { offers: [offer('o1')] });
    recorder.onStatus = fail;
    await say(StatusUpdate, { frameworkId, status: status('t1', 'u1'), pid: master.pid });
    t.equal(driver.status, 'DRIVER_ABORTED');
    await t.rejects(driver.join(), { name: 'CallbackError', code: 'CALLBACK_THREW', cause: { message: 'a bug' } });
    await t.rejects(driver.join(), CallbackError);
    const before = told.length;
    await say(ResourceOffer, { offers: [offer('o2')] });
    await say(LostSlave, { slaveId });
    t.equal(told.length, before, 'no more callbacks');
    t.equal(driver.killTask(taskId('t1')), 'DRIVER_ABORTED');
    t.equal(driver.stop(), 'DRIVER_ABORTED');
    await stage.clock.settle();
    t.same(
      master.arrivals.slice(1).map(({ name }) => name),
      ['SuppressOffers', 'DeclineResourceOffer', 'DeclineResourceOffer', 'UnregisterFramework'],
      'nothing is acknowledged, offers go back, and stop still unregisters',
    );
    t.same(
      master.bodies(DeclineResourceOffer).map(({ offerIds }) => offerIds),
      [['o1'], ['o2']],
    );
    t.equal(driver.status, 'DRIVER_STOPPED');
  }
});

t.test('a refused framework is told, and then its driver is aborted', async (t) => {
  const { stage, driver, told, say, master } = await Stage.registered(t);
  await say(FrameworkError, { message: 'Framework failed over' });
  t.same(told, ['registered m1-0000 m1', 'error Framework failed over']);
  t.equal(await driver.join(), 'DRIVER_ABORTED');
  await stage.clock.advance(120_000);
  t.equal(master.arrivals.length, 1, 'it does not come again');

  const mute: Scheduler = { resourceOffers: () => undefined, statusUpdate: () => undefined };
  const other = await Stage.open(t, { scheduler: mute });
  const refusing = new ScriptedProcess('master', fromSchedulers, ({ from }, self) =>
    self.say(from, FrameworkError, { message: 'no such role' }),
  );
  await other.appoint((await other.addMaster('m1', refusing)).pid);
  const run = other.driver.run();
  await t.rejects(run, { name: 'FrameworkRefusedError', reason: 'no such role' });
  await t.rejects(run, FrameworkRefusedError, 'what no callback was told, the join tells');
});

t.test('stop lets what was called before leave, and unregisters unless another takes over', async (t) => {
  for (const failover of [false, true]) {
    const { stage, master, driver, told, say } = await Stage.registered(t);
    master.watch(stage.scheduler(master));
    driver.killTask(taskId('t1'));
    driver.reviveOffers();
    t.equal(driver.stop(failover), 'DRIVER_STOPPED');
    t.equal(driver.killTask(taskId('t2')), 'DRIVER_STOPPED');
    t.equal(await driver.join(), 'DRIVER_STOPPED');
    await say(LostSlave, { slaveId });
    t.same(
      master.arrivals.slice(1).map(({ name }) => name),
      ['KillTask', 'ReviveOffers', ...(failover ? [] : ['UnregisterFramework'])],
    );
    t.same(told, ['registered m1-0000 m1']);
    t.same(stage.node.processes(), [], 'its process is gone');
    t.equal(driver.stop(), 'DRIVER_STOPPED');
    t.equal(driver.start(), 'DRIVER_STOPPED', 'it cannot be started again');
  }
});

t.test('stop leaves no timer behind, also in the middle of registering', async (t) => {
  const stage = await Stage.open(t);
  const deaf = await stage.addMaster('m1', new ScriptedProcess('master', fromSchedulers));
  await stage.appoint(deaf.pid);
  stage.driver.start();
  await stage.clock.settle();
  t.ok(stage.clock.timersPending > 0);
  stage.driver.stop();
  await stage.driver.join();
  // The Node looks once more after the link that nobody holds any longer.
  await stage.clock.advance(250);
  t.equal(stage.clock.timersPending, 0);
  t.equal(deaf.arrivals.length, 1);
});

t.test('a driver that loses its ground says so', async (t) => {
  const one = await Stage.registered(t);
  await one.stage.node.stop();
  await t.rejects(one.driver.join(), DriverEndedError);
  t.equal(one.driver.status, 'DRIVER_ABORTED');
  const other = await Stage.registered(t);
  await other.stage.detector.close();
  await t.rejects(other.driver.join(), /detector was closed/);
});

t.test('a detector that fails is asked again', async (t) => {
  let asked = 0;
  const stage = await Stage.open(t, {
    detector: {
      detect: () => {
        asked++;
        return asked === 1 ? Promise.reject(new Error('unreachable')) : stage.detector.detect();
      },
      close: async () => undefined,
    },
  });
  stage.driver.start();
  await stage.clock.settle();
  t.equal(asked, 1, 'not at once');
  await stage.clock.advance(1_000);
  t.equal(asked, 2);
  t.equal(stage.driver.status, 'DRIVER_RUNNING');
});
