import {
  beginIntegrateTask,
  beginSumTask,
  type Computation,
  type JobProgress,
  type JobRunOptions,
  runIntegrate,
  runJob,
  runSum,
} from '@mesos-ts/frameworks';
import { MemoryNetwork, Node, Random, type Upid, VirtualClock } from '@mesos-ts/process';
import {
  DeclineResourceOffer,
  type ExecutorId,
  ExecutorToFramework,
  FrameworkError,
  type FrameworkId,
  FrameworkRegistered,
  FrameworkReregistered,
  KillTask,
  LaunchTasks,
  type MasterId,
  type OfferId,
  parseResources,
  ReconcileTasks,
  RegisterFramework,
  RequestResources,
  ReregisterFramework,
  ResourceOffer,
  ReviveOffers,
  type SlaveId,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskInfo,
  type TaskStatus,
  UnregisterFramework,
} from '@mesos-ts/protocol';
import { StandaloneDetector } from '@mesos-ts/zk-election';
import t, { type Test } from 'tap';
import { type Arrival, ScriptedProcess } from './scripted-process.js';

const frameworkId = 'm-0000' as FrameworkId;
const slaveId = 'm-S0' as SlaveId;

const types = [
  RegisterFramework,
  ReregisterFramework,
  UnregisterFramework,
  LaunchTasks,
  DeclineResourceOffer,
  ReviveOffers,
  SuppressOffers,
  RequestResources,
  ReconcileTasks,
  KillTask,
  StatusUpdateAcknowledgement,
];

/** A whole cluster in one process: offers what it is told to, and does with each task what `run` says. */
class ClusterInOne extends ScriptedProcess {
  run: (task: TaskInfo, tell: (status: Partial<TaskStatus>) => void) => void = () => undefined;
  #offers = 0;
  scheduler: Upid | undefined;

  constructor(private readonly resources: string) {
    super('master', types, (arrival) => this.arrived(arrival));
  }

  offer(): void {
    if (this.scheduler === undefined) return;
    const id = `o${this.#offers++}` as OfferId;
    const resources = parseResources(this.resources);
    this.say(this.scheduler, ResourceOffer, {
      offers: [{ id, frameworkId, slaveId, hostname: 'h', role: '*', resources, executorIds: [] }],
    });
  }

  tell(task: TaskInfo, status: Partial<TaskStatus>): void {
    if (this.scheduler === undefined) return;
    const { taskId } = task;
    const uuid = `u${this.arrivals.length}`;
    this.say(this.scheduler, StatusUpdate, {
      frameworkId,
      status: { taskId, slaveId, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', timestamp: 0, uuid, ...status },
      pid: this.pid,
    });
  }

  private arrived({ name, from, body }: Arrival): void {
    this.scheduler = from;
    const master = { id: 'm' as MasterId, pid: this.pid, hostname: 'h', version: '1' };
    if (name === RegisterFramework.name) this.say(from, FrameworkRegistered, { frameworkId, master });
    if (name === ReregisterFramework.name) this.say(from, FrameworkReregistered, { frameworkId, master });
    if (name === RegisterFramework.name || name === ReviveOffers.name) this.offer();
    if (name !== LaunchTasks.name) return;
    const { tasks } = body as LaunchTasks;
    for (const task of tasks) this.run(task, (status) => this.tell(task, status));
    this.offer();
  }
}

/** Computes as an executor would, but at once. */
function compute(begin: (data: Uint8Array | undefined) => Computation): ClusterInOne['run'] {
  return ({ data }, tell) => {
    tell({ state: 'TASK_RUNNING' });
    try {
      const computation = begin(data);
      while (!computation.step(1_000_000));
      tell({ state: 'TASK_FINISHED', data: computation.result() });
    } catch (error) {
      tell({ state: 'TASK_FAILED', message: (error as Error).message });
    }
  };
}

async function stage(t: Test, resources = 'cpus:4;mem:4096') {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const addNode = (name: string) =>
    Node.start({ name, transports: [network.transport()], clock, random: new Random(name) });
  const masterNode = await addNode('m1');
  const node = await addNode('s1');
  const master = new ClusterInOne(resources);
  masterNode.spawn(master);
  const detector = new StandaloneDetector({ pid: master.pid });
  t.teardown(async () => {
    await detector.close();
    await node.stop();
    await masterNode.stop();
  });
  const options: JobRunOptions = { node, detector };
  return { clock, network, master, masterNode, node, options };
}

/** Nothing of a job is left on its Node. */
async function leavesNothing(t: Test, { clock, node, master }: Awaited<ReturnType<typeof stage>>): Promise<void> {
  await clock.advance(1_000);
  t.same(node.processes(), [], 'no process is left');
  t.equal(clock.timersPending, 0, 'no timer is left');
  t.equal(master.bodies(UnregisterFramework).length, 1, 'and the framework is unregistered');
}

t.test('sum adds up what the tasks find, and tells how far it is', async (t) => {
  const one = await stage(t);
  const { master, options } = one;
  master.run = compute(beginSumTask);
  const progress: JobProgress[] = [];
  const sum = await runSum({ ...options, count: 1_000_003, tasks: 10, onProgress: (each) => progress.push(each) });
  t.equal(sum, (1_000_003n * 1_000_002n) / 2n);
  const [registration] = master.bodies(RegisterFramework);
  t.match(registration?.framework, { name: 'sum', roles: ['*'], failoverTimeoutMs: 60_000 });
  const launches = master.bodies(LaunchTasks);
  t.same(
    launches.map(({ tasks }) => tasks.length),
    [4, 4, 2],
    'a cpu for each task and its executor',
  );
  t.match(launches[0]?.tasks[0]?.executor.command, { value: process.execPath, arguments: [/sum.executor-main\.js$/] });
  t.same(progress.at(-1), { done: 10, running: 0, total: 10, fraction: 1 });
  t.ok(progress.some(({ running }) => running > 0));
  t.equal(new Set(progress.map((each) => JSON.stringify(each))).size, progress.length, 'told on changes only');
  await leavesNothing(t, one);
  const none = await stage(t);
  t.equal(await runSum({ ...none.options, count: 0 }), 0n);
  t.same(none.master.arrivals, [], 'nothing to add needs no cluster');
});

t.test('integrate adds up in order, and looks at everything before it launches anything', async (t) => {
  const one = await stage(t, 'cpus:100;mem:100000');
  const { master, options } = one;
  master.run = compute(beginIntegrateTask);
  const pi = await runIntegrate({
    ...options,
    expression: '4*sqrt(1-x^2)',
    from: 0,
    to: 1,
    steps: 10_000,
    stepsPerTask: 999,
  });
  t.ok(Math.abs(pi - Math.PI) < 1e-6, `${pi}`);
  t.equal(master.bodies(LaunchTasks)[0]?.tasks.length, 11);
  await leavesNothing(t, one);

  const waiting: (() => void)[] = [];
  const backwards = await stage(t, 'cpus:100;mem:100000');
  backwards.master.run = (task, tell) => {
    waiting.unshift(() => compute(beginIntegrateTask)(task, tell));
    if (waiting.length === 11) for (const each of waiting) each();
  };
  const work = { expression: '4*sqrt(1-x^2)', from: 0, to: 1, steps: 10_000, stepsPerTask: 999 };
  t.equal(await runIntegrate({ ...backwards.options, ...work }), pi, 'the same to the last bit in any order');

  const untouched = await stage(t);
  const run = (more: object) => runIntegrate({ ...untouched.options, ...work, ...more });
  await t.rejects(run({ expression: '4*sqrt(1-y)' }), { name: 'ExpressionError' });
  await t.rejects(run({ to: Number.NaN }), RangeError);
  await t.rejects(run({ steps: 0.5 }), RangeError);
  t.same(untouched.master.arrivals, []);
});

t.test('a task that fails by itself fails the job, which says where', async (t) => {
  const one = await stage(t);
  one.master.run = compute(beginIntegrateTask);
  const job = runIntegrate({
    ...one.options,
    expression: '1/x',
    from: -1,
    to: 1,
    steps: 400,
    rule: 'left',
    stepsPerTask: 100,
  });
  await t.rejects(job, {
    name: 'JobFailedError',
    code: 'JOB_FAILED',
    piece: 'integral from 0 to 0.5',
    message: /^integrate: integral from 0 to 0\.5: TASK_FAILED: the integrand is Infinity at x = 0, in step 200/,
  });
  await leavesNothing(t, one);
});

t.test('a result that is not usable fails the job, by name', async (t) => {
  const one = await stage(t);
  one.master.run = (_task, tell) => tell({ state: 'TASK_FINISHED', data: Buffer.from('{"sum":"12e3"}') });
  await t.rejects(runSum({ ...one.options, count: 10, tasks: 1 }), {
    name: 'JobFailedError',
    message: 'sum: sum of [0, 10): its result is not usable: the result has no sum in decimals',
    cause: { name: 'TaskDataError' },
  });
  await leavesNothing(t, one);
});

t.test('a lost task is launched again, and the sum is right all the same', async (t) => {
  const one = await stage(t);
  const { master, options } = one;
  master.run = (task, tell) => {
    if (task.taskId.endsWith('.0'))
      tell({ state: 'TASK_FAILED', source: 'SOURCE_SLAVE', reason: 'REASON_EXECUTOR_TERMINATED' });
    else {
      compute(beginSumTask)(task, tell);
      compute(beginSumTask)(task, tell);
    }
  };
  t.equal(await runSum({ ...options, count: 1_000, tasks: 3 }), 499_500n, 'also when results come twice');
  t.equal(master.bodies(SuppressOffers).length, 2);
  t.equal(master.bodies(ReviveOffers).length, 1);
  await leavesNothing(t, one);
});

/** How many tasks the master was told that are still to be launched, in order. */
function counts(master: ClusterInOne): (number | undefined)[] {
  return master.arrivals
    .filter(({ body }) => (body as { demands?: unknown }).demands !== undefined)
    .map(({ body }) => (body as { demands: { count: number }[] }).demands[0]?.count);
}

t.test(
  'the cluster is told what is still to be launched, from the first word on, and after a task was lost',
  async (t) => {
    const one = await stage(t);
    const { clock, network, master, options } = one;
    const tasks: TaskInfo[] = [];
    master.run = (task) => tasks.push(task);
    const job = runSum({ ...options, count: 1_000, tasks: 10 });
    await clock.settle();
    t.same(master.bodies(RegisterFramework)[0], {
      framework: master.bodies(RegisterFramework)[0]?.framework,
      demands: [{ role: '*', shape: { cpus: 1_000, mem: 96_000 }, count: 10 }],
    });
    t.same(counts(master), [10, 6, 2, undefined], 'and nothing is said twice');
    master.arrivals.length = 0;
    master.run = compute(beginSumTask);
    const lost = tasks.splice(0, 2);
    for (const task of lost) master.tell(task, { state: 'TASK_LOST', source: 'SOURCE_MASTER' });
    await clock.settle();
    t.same(counts(master).slice(0, 2), [1, 2]);
    master.arrivals.length = 0;
    network.interrupt();
    await clock.settle();
    t.ok(master.bodies(ReregisterFramework).length > 0);
    t.same(new Set(counts(master)), new Set([undefined]), 'the same to whoever leads next');
    for (const task of tasks) compute(beginSumTask)(task, (status) => master.tell(task, status));
    t.equal(await job, 499_500n);
    await leavesNothing(t, one);
  },
);

t.test('a job that needs ports or what is revocable, or is in several roles, waits for what can be said', async (t) => {
  const work = {
    pieces: [1, 2, 3].map((name) => ({ name: `${name}`, data: new Uint8Array() })),
    command: { value: 'x', arguments: [] },
    accept: () => undefined,
  };
  const framework = { name: 'j', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 0 };
  const jobOf = async (resources: string) => {
    const uncountable = await stage(t);
    const job = runJob({ ...uncountable.options, ...work, framework, taskResources: parseResources(resources) });
    await uncountable.clock.settle();
    t.same(
      uncountable.master.bodies(RegisterFramework).map(({ demands }) => demands),
      [undefined],
      resources,
    );
    return [uncountable, job] as const;
  };
  const uncountable = [await jobOf('cpus:1;ports:[1-1]'), await jobOf('cpus{REV}:1')];
  const both = await stage(t, 'cpus:1;mem:96');
  const second = runJob({ ...both.options, ...work, framework: { ...framework, roles: ['*', 'a'] } });
  await both.clock.advance(0);
  const told = both.master.bodies(RequestResources).map(({ demands }) => demands?.map(({ count }) => count));
  t.same(told.at(-1), [], 'nothing in either role, when all are launched');
  t.ok(told.some((each) => each?.join() === '2,2'));
  for (const [{ master }, job] of [...uncountable, [both, second] as const]) {
    master.say(master.scheduler as Upid, FrameworkError, { message: 'enough' });
    await t.rejects(job);
  }
});

t.test('a job without an offer is told to be stalled, once, and again when that comes again', async (t) => {
  const one = await stage(t);
  const { clock, network, master, options } = one;
  const offer = master.offer.bind(master);
  master.offer = () => undefined;
  const stalled: object[] = [];
  const job = runSum({ ...options, count: 10, tasks: 3, onStalled: (each) => stalled.push(each) });
  await clock.advance(9_999);
  t.same(stalled, []);
  await clock.advance(60_000);
  t.same(stalled.splice(0), [{ frameworkId, tasks: 3, forMs: 10_000 }]);
  const tooLittle = { id: 'small' as OfferId, frameworkId, slaveId, hostname: 'h', role: '*', executorIds: [] };
  master.say(master.scheduler as Upid, ResourceOffer, {
    offers: [{ ...tooLittle, resources: parseResources('cpus:0.5') }],
  });
  await clock.advance(60_000);
  t.same(stalled, [], 'nothing has changed by that');
  network.interrupt();
  await clock.advance(11_000);
  t.equal(stalled.splice(0).length, 1, 'by another master');
  const tasks: TaskInfo[] = [];
  master.run = (task, tell) => {
    tasks.push(task);
    tell({ state: 'TASK_RUNNING' });
  };
  offer();
  await clock.advance(60_000);
  t.same(stalled, [], 'while a task runs it is not');
  for (const task of tasks) master.tell(task, { state: 'TASK_LOST', source: 'SOURCE_MASTER' });
  await clock.advance(10_000);
  t.equal(stalled.length, 1);
  master.run = compute(beginSumTask);
  offer();
  t.equal(await job, 45n);
  await leavesNothing(t, one);

  const broken = await stage(t);
  broken.master.offer = () => undefined;
  const wrong = runSum({
    ...broken.options,
    count: 10,
    onStalled: () => {
      throw new TypeError('a bug');
    },
  });
  const rejected = t.rejects(wrong, { message: 'a bug' });
  await broken.clock.advance(10_000);
  await rejected;
  await leavesNothing(t, broken);
});

t.test('a cancelled job unregisters and rejects with the reason', async (t) => {
  const one = await stage(t);
  const cancel = new AbortController();
  const reason = new Error('Ctrl-C');
  const job = runSum({ ...one.options, count: 10, signal: cancel.signal });
  await one.clock.settle();
  t.equal(one.master.bodies(LaunchTasks).length, 3, 'three times four cpus for ten tasks');
  cancel.abort(reason);
  await t.rejects(job, reason);
  await leavesNothing(t, one);
  await t.rejects(runSum({ ...one.options, signal: AbortSignal.abort(reason) }), reason);
  t.equal(one.master.bodies(RegisterFramework).length, 1, 'one that was cancelled before does not begin');
});

t.test('a launch that nothing is heard of is asked about, and launched again when it is unknown', async (t) => {
  const one = await stage(t);
  const { clock, master, options } = one;
  const tasks: TaskInfo[] = [];
  master.run = (task) => tasks.push(task);
  const job = runSum({ ...options, count: 10, tasks: 1, launchTimeoutMs: 3_000 });
  await clock.advance(2_999);
  t.equal(master.bodies(ReconcileTasks).length, 0);
  await clock.advance(1);
  t.same(master.bodies(ReconcileTasks), [{ frameworkId, statuses: [{ taskId: 'sum-0.0', slaveId }] }]);
  await clock.advance(3_000);
  t.equal(master.bodies(ReconcileTasks).length, 2, 'again');
  const [first] = tasks;
  if (first === undefined) throw new Error('nothing was launched');
  master.run = compute(beginSumTask);
  master.tell(first, { state: 'TASK_UNKNOWN', source: 'SOURCE_MASTER', reason: 'REASON_RECONCILIATION' });
  await clock.settle();
  t.equal(await job, 45n);
  t.same(
    master.bodies(LaunchTasks).map(({ tasks }) => tasks[0]?.taskId),
    ['sum-0.0', 'sum-0.1'],
  );
  await leavesNothing(t, one);
});

t.test('a later launch is asked about in time, too', async (t) => {
  const one = await stage(t, 'cpus:1;mem:96');
  const { clock, master, options } = one;
  const tasks: TaskInfo[] = [];
  master.run = (task, tell) => {
    tasks.push(task);
    tell({ state: 'TASK_RUNNING' });
  };
  const offer = master.offer.bind(master);
  let offers = 0;
  master.offer = () => (offers++ === 0 ? offer() : undefined);
  const job = runSum({ ...options, count: 10, tasks: 2 });
  await clock.advance(20_000);
  t.equal(tasks.length, 1);
  t.equal(master.bodies(ReconcileTasks).length, 0);
  master.run = (task) => tasks.push(task);
  offer();
  await clock.advance(9_999);
  t.equal(tasks.length, 2);
  t.equal(master.bodies(ReconcileTasks).length, 0);
  await clock.advance(1);
  t.same(master.bodies(ReconcileTasks), [{ frameworkId, statuses: [{ taskId: 'sum-1.0', slaveId }] }]);
  for (const task of tasks) compute(beginSumTask)(task, (status) => master.tell(task, status));
  t.equal(await job, 45n);
  await leavesNothing(t, one);
});

t.test('after a failover of the master, the tasks under way are asked about', async (t) => {
  const one = await stage(t);
  const { clock, network, master, options } = one;
  const tasks: TaskInfo[] = [];
  master.run = (task, tell) => {
    tasks.push(task);
    tell({ state: 'TASK_RUNNING' });
  };
  const job = runSum({ ...options, count: 10, tasks: 2 });
  await clock.settle();
  network.interrupt();
  await clock.settle();
  t.equal(master.bodies(ReregisterFramework).length, 2, 'again, as the master was lost to us again before it answered');
  t.same(master.bodies(ReconcileTasks), [
    { frameworkId, statuses: ['sum-0.0', 'sum-1.0'].map((taskId) => ({ taskId, slaveId })) },
  ]);
  for (const task of tasks) compute(beginSumTask)(task, (status) => master.tell(task, status));
  t.equal(await job, 45n);
});

t.test('progress of running tasks is shown, whatever executors send', async (t) => {
  const one = await stage(t);
  const { clock, master, options } = one;
  const tasks: TaskInfo[] = [];
  master.run = (task) => tasks.push(task);
  const fractions: number[] = [];
  const job = runSum({ ...options, count: 10, tasks: 2, onProgress: ({ fraction }) => fractions.push(fraction) });
  await clock.settle();
  const executorId = 'sum-0.0' as string as ExecutorId;
  for (const text of ['0.5', 'nonsense', '{"a":', '7', '0.75'])
    master.say(master.scheduler as Upid, ExecutorToFramework, {
      slaveId,
      frameworkId,
      executorId,
      data: Buffer.from(text),
    });
  await clock.settle();
  t.same(fractions, [0, 0.25, 0.375]);
  for (const task of tasks) compute(beginSumTask)(task, (status) => master.tell(task, status));
  t.equal(await job, 45n);
  t.equal(fractions.at(-1), 1);
});

t.test('a job whose driver aborts rejects with the cause', async (t) => {
  const refused = await stage(t);
  const job = runSum({ ...refused.options, count: 10 });
  await refused.clock.settle();
  refused.master.say(refused.master.scheduler as Upid, FrameworkError, { message: 'no such role' });
  await t.rejects(job, { name: 'JobFailedError', message: 'the master refused the framework: no such role' });
  t.same(refused.node.processes(), []);

  const buggy = await stage(t);
  const broken = runJob({
    ...buggy.options,
    framework: { name: 'j', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 0 },
    pieces: [{ name: 'p', data: new Uint8Array() }],
    command: { value: 'x', arguments: [] },
    accept: () => undefined,
    onProgress: () => {
      throw new TypeError('a bug');
    },
  });
  await t.rejects(broken, { name: 'CallbackError', cause: { message: 'a bug' } });
  await leavesNothing(t, buggy);
});
