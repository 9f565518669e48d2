import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  beginSumTask,
  CallbackError,
  ComputingExecutor,
  DriverEndedError,
  decodeSumResult,
  type Executor,
  ExecutorDriver,
  ExecutorEnvironmentError,
  encodeIntegrateTask,
  encodeSumTask,
  parseExpression,
  readExecutorEnvironment,
  Slicer,
  type TaskUpdate,
} from '@mesos-ts/frameworks';
import {
  type Clock,
  MemoryNetwork,
  Node,
  Random,
  SocketServerTransport,
  type Upid,
  VirtualClock,
} from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  ExecutorRegistered,
  ExecutorToFramework,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkToExecutor,
  KillTask,
  RegisterExecutor,
  RunTask,
  ShutdownExecutor,
  type SlaveId,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskId,
  type TaskInfo,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { ScriptedProcess } from './scripted-process.js';

const frameworkId = 'f1' as FrameworkId;
const executorId = 'e1' as ExecutorId;
const slaveId = 's1' as SlaveId;
const framework: FrameworkInfo = {
  id: frameworkId,
  name: 'f',
  user: 'u',
  hostname: 'h',
  roles: ['*'],
  failoverTimeoutMs: 0,
};
const executorInfo: ExecutorInfo = {
  executorId,
  name: 'e',
  command: { value: 'e', arguments: [] },
  resources: [],
};
const slave = { id: slaveId, hostname: 'h', resources: [] };

function taskInfo(taskId: string, data?: Uint8Array): TaskInfo {
  const task = { taskId: taskId as TaskId, name: taskId, slaveId, resources: [], executor: executorInfo };
  return data === undefined ? task : { ...task, data };
}

const goodEnvironment = {
  MESOS_FRAMEWORK_ID: frameworkId,
  MESOS_EXECUTOR_ID: executorId,
  MESOS_SLAVE_ID: slaveId,
  MESOS_SLAVE_PID: 'slave(1)@agent',
  MESOS_AGENT_SOCKET: '/nowhere/agent.sock',
  MESOS_EXECUTOR_NODE: 'executor-1',
  MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '3000ms',
};

const fromExecutors = [RegisterExecutor, StatusUpdate, ExecutorToFramework];

/** An agent that takes executors in and acknowledges updates, as far as it is told to. */
class ScriptedAgent extends ScriptedProcess {
  registers = true;
  acknowledges = true;

  constructor() {
    super('slave(1)', fromExecutors, ({ name, from, body }) => {
      if (name === RegisterExecutor.name && this.registers) this.register(from);
      if (name === StatusUpdate.name && this.acknowledges) this.acknowledge(from, (body as StatusUpdate).status);
    });
  }

  register(executor: Upid): void {
    this.say(executor, ExecutorRegistered, { executor: executorInfo, framework, slave });
  }

  acknowledge(executor: Upid, { taskId, uuid = '' }: StatusUpdate['status']): void {
    this.say(executor, StatusUpdateAcknowledgement, { slaveId, frameworkId, taskId, uuid });
  }

  run(executor: Upid, task: TaskInfo): void {
    this.say(executor, RunTask, { framework, task, role: '*', launchExecutor: false });
  }
}

/** Writes down its callbacks. */
class Recorder implements Required<Executor> {
  readonly told: string[] = [];
  onLaunch: (driver: ExecutorDriver, task: TaskInfo) => void | Promise<void> = () => undefined;
  onShutdown: (driver: ExecutorDriver) => void | Promise<void> = () => undefined;

  registered(_driver: ExecutorDriver, executor: ExecutorInfo, of: FrameworkInfo, on: { hostname: string }): void {
    this.told.push(`registered ${executor.executorId} ${of.name} ${on.hostname}`);
  }
  disconnected(): void {
    this.told.push('disconnected');
  }
  launchTask(driver: ExecutorDriver, task: TaskInfo): void | Promise<void> {
    this.told.push(`launch ${task.taskId}`);
    return this.onLaunch(driver, task);
  }
  killTask(_driver: ExecutorDriver, taskId: TaskId): void {
    this.told.push(`kill ${taskId}`);
  }
  frameworkMessage(_driver: ExecutorDriver, data: Uint8Array): void {
    this.told.push(`message ${Buffer.from(data).toString()}`);
  }
  shutdown(driver: ExecutorDriver): void | Promise<void> {
    this.told.push('shutdown');
    return this.onShutdown(driver);
  }
  error(_driver: ExecutorDriver, message: string): void {
    this.told.push(`error ${message}`);
  }
}

/** A driver and its agent under one virtual clock; the OS process' exits are written down instead of carried out. */
async function stage(t: Test, executor?: Executor) {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const random = new Random('agent');
  const agentNode = await Node.start({ name: 'agent', transports: [network.transport()], clock, random });
  const agent = new ScriptedAgent();
  agentNode.spawn(agent);
  const recorder = new Recorder();
  const exits: [number, number][] = [];
  const driver = new ExecutorDriver(executor ?? recorder, {
    environment: goodEnvironment,
    transport: network.transport(),
    clock,
    random: new Random('executor'),
    exit: (code) => exits.push([code, clock.now()]),
  });
  t.teardown(async () => {
    driver.abort();
    await agentNode.stop();
  });
  const start = async (): Promise<Upid> => {
    driver.start();
    await clock.settle();
    const [first] = agent.arrivals;
    if (first === undefined) throw new Error('the executor did not come to the agent');
    return first.from;
  };
  return { clock, network, agent, agentNode, recorder, told: recorder.told, driver, exits, start };
}

t.test('the environment is that of an agent, or says what is wrong with it', async (t) => {
  t.same(readExecutorEnvironment(goodEnvironment), {
    frameworkId,
    executorId,
    slaveId,
    agent: 'slave(1)@agent',
    socket: '/nowhere/agent.sock',
    node: 'executor-1',
    gracePeriodMs: 3_000,
  });
  const period = (text: string | undefined) =>
    readExecutorEnvironment({ ...goodEnvironment, MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: text }).gracePeriodMs;
  t.same([undefined, '250ms', '5secs', '1.5mins'].map(period), [5_000, 250, 5_000, 90_000]);
  t.throws(() => period('soon'), /MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD is "soon"/);
  t.throws(() => new ExecutorDriver(new Recorder(), { environment: {} }), ExecutorEnvironmentError);
  t.throws(
    () => readExecutorEnvironment({ ...goodEnvironment, MESOS_SLAVE_PID: undefined, MESOS_AGENT_SOCKET: '' }),
    /must be started by an agent.*: MESOS_SLAVE_PID, MESOS_AGENT_SOCKET not set/,
  );
  for (const [name, text] of [
    ['MESOS_FRAMEWORK_ID', 'a/b'],
    ['MESOS_SLAVE_PID', 'somewhere'],
    ['MESOS_EXECUTOR_NODE', 'a.b'],
  ] as const)
    t.throws(() => readExecutorEnvironment({ ...goodEnvironment, [name]: text }), new RegExp(`${name} is "${text}"`));
});

t.test('registers until the agent answers, and keeps what is said before', async (t) => {
  const { clock, agent, driver, told, start } = await stage(t);
  agent.registers = false;
  t.equal(driver.status, 'DRIVER_NOT_STARTED');
  const pid = start();
  t.equal(driver.status, 'DRIVER_RUNNING');
  driver.sendStatusUpdate({ taskId: 't0' as TaskId, state: 'TASK_STARTING' });
  const executor = await pid;
  t.match(executor, /@executor-1#/);
  await clock.advance(2_500);
  t.same(
    agent.arrivals.map(({ name, atMs }) => [name, atMs]),
    [0, 1_000, 2_000].map((atMs) => ['RegisterExecutor', atMs]),
  );
  t.same(agent.bodies(RegisterExecutor)[0], { frameworkId, executorId });
  t.same(told, []);
  agent.register(executor);
  agent.register(executor);
  await clock.advance(5_000);
  t.same(told, ['registered e1 f h'], 'once');
  t.equal(agent.bodies(RegisterExecutor).length, 3);
  t.same(
    agent.bodies(StatusUpdate).map(({ status }) => status.state),
    ['TASK_STARTING'],
  );
});

t.test('an update says where it comes from, and when', async (t) => {
  const { clock, agent, driver, start } = await stage(t);
  const executor = await start();
  await clock.advance(77);
  const data = Buffer.from('result');
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_RUNNING' });
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_FINISHED', message: 'x'.repeat(70_000), data });
  await clock.settle();
  const [running, finished] = agent.bodies(StatusUpdate);
  t.match(running, {
    frameworkId,
    pid: executor,
    status: {
      taskId: 't1',
      state: 'TASK_RUNNING',
      source: 'SOURCE_EXECUTOR',
      executorId,
      slaveId,
      timestamp: clock.wallTime(),
      uuid: /^[0-9a-f-]{36}$/,
    },
  });
  t.equal(finished?.status.message?.length, 65_536, 'a long message is cut, not lost');
  t.same(finished?.status.data, data);
  t.not(running?.status.uuid, finished?.status.uuid);
  for (const state of ['TASK_STAGING', 'TASK_UNREACHABLE', 'TASK_UNKNOWN'] as const)
    t.throws(() => driver.sendStatusUpdate({ taskId: 't1' as TaskId, state }), TypeError);
});

t.test('what the agent says reaches the executor, one at a time; what others say does not', async (t) => {
  const { clock, agent, agentNode, told, recorder, driver, start } = await stage(t);
  const executor = await start();
  let finish = (): void => undefined;
  recorder.onLaunch = () => new Promise<void>((resolve) => (finish = resolve));
  agent.run(executor, taskInfo('t1'));
  agent.say(executor, KillTask, { frameworkId, taskId: 't1' as TaskId });
  agent.say(executor, FrameworkToExecutor, { slaveId, frameworkId, executorId, data: Buffer.from('hi') });
  const stranger = new ScriptedProcess('stranger', []);
  agentNode.spawn(stranger);
  stranger.say(executor, KillTask, { frameworkId, taskId: 'evil' as TaskId });
  stranger.say(executor, ShutdownExecutor, { frameworkId, executorId });
  await clock.settle();
  t.same(told, ['registered e1 f h', 'launch t1']);
  finish();
  await clock.settle();
  t.same(told, ['registered e1 f h', 'launch t1', 'kill t1', 'message hi']);
  driver.sendFrameworkMessage(Buffer.from('there'));
  await clock.settle();
  t.match(agent.bodies(ExecutorToFramework), [{ slaveId, frameworkId, executorId, data: Buffer.from('there') }]);
});

t.test('stop waits until all updates are acknowledged', async (t) => {
  const { clock, agent, driver, start, exits } = await stage(t);
  const executor = await start();
  agent.acknowledges = false;
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_RUNNING' });
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_FINISHED' });
  t.equal(driver.stop(), 'DRIVER_STOPPED');
  let joined = false;
  const join = driver.join().then((status) => {
    joined = true;
    return status;
  });
  await clock.advance(100);
  const updates = agent.bodies(StatusUpdate);
  t.equal(updates.length, 2, 'what was said before the stop still leaves');
  agent.acknowledge(executor, (updates[0] as StatusUpdate).status);
  await clock.advance(100);
  t.notOk(joined);
  agent.acknowledge(executor, (updates[1] as StatusUpdate).status);
  await clock.settle();
  t.ok(joined);
  t.equal(await join, 'DRIVER_STOPPED');
  t.same(exits, [], 'the end of the OS process is left to the program');
  await clock.advance(10_000);
  t.equal(clock.timersPending, 0);
});

t.test('stop does not wait longer than the grace period', async (t) => {
  const { clock, agent, driver, start } = await stage(t);
  await start();
  agent.acknowledges = false;
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_FINISHED' });
  driver.stop();
  let joined = false;
  void driver.join().then(() => (joined = true));
  await clock.advance(2_999);
  t.notOk(joined);
  await clock.advance(1);
  t.ok(joined);
});

t.test('when it is told to shut down, it does so in good order', async (t) => {
  const { clock, agent, driver, told, recorder, exits, start } = await stage(t);
  const executor = await start();
  agent.acknowledges = false;
  let finish = (): void => undefined;
  recorder.onShutdown = async (driver) => {
    await new Promise<void>((resolve) => (finish = resolve));
    driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_KILLED' });
  };
  agent.say(executor, ShutdownExecutor, { frameworkId, executorId });
  agent.say(executor, ShutdownExecutor, { frameworkId, executorId });
  await clock.advance(1_000);
  t.same(told, ['registered e1 f h', 'shutdown']);
  t.equal(driver.status, 'DRIVER_RUNNING');
  finish();
  await clock.advance(500);
  t.equal(driver.status, 'DRIVER_STOPPED');
  t.same(exits, [], 'not before the last update is acknowledged');
  const [update] = agent.bodies(StatusUpdate);
  t.equal(update?.status.state, 'TASK_KILLED');
  agent.acknowledge(executor, (update as StatusUpdate).status);
  await clock.settle();
  t.same(exits, [[0, 1_500]]);
  await clock.advance(60_000);
  t.equal(exits.length, 1);
});

t.test('an executor that does not end in time is made to', async (t) => {
  const { clock, agent, recorder, exits, start } = await stage(t);
  const executor = await start();
  recorder.onShutdown = () => new Promise<void>(() => undefined);
  agent.say(executor, ShutdownExecutor, { frameworkId, executorId });
  await clock.advance(2_999);
  t.same(exits, []);
  await clock.advance(1);
  t.same(exits, [[0, 3_000]]);
});

t.test('an executor does not outlive its agent', async (t) => {
  const { clock, agent, agentNode, told, driver, exits, start } = await stage(t);
  await start();
  agent.acknowledges = false;
  driver.sendStatusUpdate({ taskId: 't1' as TaskId, state: 'TASK_RUNNING' });
  await clock.settle();
  await agentNode.stop();
  await clock.settle();
  t.same(told, ['registered e1 f h', 'disconnected', 'shutdown']);
  t.equal(await driver.join(), 'DRIVER_STOPPED', 'nobody is left to acknowledge');
  await clock.settle();
  t.same(exits, [[1, 0]]);
});

t.test('without an agent there is nothing to do', async (t) => {
  const environment = goodEnvironment;
  const mute: Executor = { launchTask: () => undefined, killTask: () => undefined, shutdown: () => undefined };
  const nowhere = new ExecutorDriver(mute, { environment });
  await t.rejects(nowhere.run(), { name: 'DriverEndedError', message: /cannot be reached.*\/nowhere\/agent\.sock/ });
  t.equal(nowhere.status, 'DRIVER_ABORTED');
  const recorder = new Recorder();
  t.equal(await new ExecutorDriver(recorder, { environment }).run(), 'DRIVER_ABORTED', 'told, so it need not reject');
  t.match(recorder.told, [/^error the agent cannot be reached/]);

  const { clock, agent, driver, start } = await stage(t, mute);
  agent.registers = false;
  await start();
  const join = driver.join();
  join.catch(() => undefined);
  await clock.advance(30_000);
  await t.rejects(join, DriverEndedError);
  await t.rejects(join, /did not answer the executor's registration/);
});

t.test('a callback that throws aborts the driver, and to the agent it is a crash', async (t) => {
  const { clock, agent, recorder, driver, start } = await stage(t);
  const executor = await start();
  agent.watch(executor);
  await clock.settle();
  recorder.onLaunch = () => {
    throw new TypeError('a bug');
  };
  agent.run(executor, taskInfo('t1'));
  await clock.settle();
  t.equal(driver.status, 'DRIVER_ABORTED');
  await t.rejects(driver.join(), { name: 'CallbackError', cause: { message: 'a bug' } });
  await t.rejects(driver.join(), CallbackError);
  t.same(agent.exits, [`${executor} ended`]);
});

t.test('a slice of work is short, however costly its units are', async (t) => {
  let nowMs = 0;
  const clock = { now: () => nowMs, wallTime: () => 0, nextTurn: () => undefined, timer: () => ({ cancel: () => {} }) };
  const slicer = new Slicer(clock);
  let costMs = 1e-6;
  let left = 1e10;
  const longest = { cheap: 0, dear: 0 };
  const computation = {
    fraction: 0,
    result: () => new Uint8Array(),
    step: (units: number) => {
      nowMs += units * costMs;
      left -= units;
      return left <= 0;
    },
  };
  for (let slice = 0; slice < 1_000; slice++) {
    const before = nowMs;
    if (slice === 500) costMs *= 10;
    if (slicer.run(computation)) break;
    if (slice < 500) longest.cheap = Math.max(longest.cheap, nowMs - before);
    else longest.dear = Math.max(longest.dear, nowMs - before);
  }
  t.ok(longest.cheap >= 20 && longest.cheap <= 25, `${longest.cheap} ms`);
  t.ok(longest.dear <= 50, `${longest.dear} ms, also when the units become ten times as costly at once`);
  const dull = new Slicer({ ...clock, now: () => 0 });
  left = 1e30;
  t.notOk(dull.run(computation), 'a clock that stands still does not make it endless');
  t.ok(dull.run(beginSumTask(encodeSumTask({ begin: 0, end: 0 }))), 'no work at all is done at once');
});

t.test('progress is told at most every 200 ms, and work stops with its task', async (t) => {
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const told: string[] = [];
  const messages: number[] = [];
  const clock: Clock = {
    now: () => nowMs,
    wallTime: () => 0,
    nextTurn: (turn) => turns.push(turn),
    timer: () => ({ cancel: () => undefined }),
  };
  const driver = {
    clock,
    status: 'DRIVER_RUNNING',
    sendStatusUpdate: ({ taskId, state }: TaskUpdate) => told.push(`${taskId} ${state}`),
    sendFrameworkMessage: () => messages.push(nowMs),
    stop: () => told.push('stop'),
  } as unknown as ExecutorDriver;
  let steps = 0;
  const executor = new ComputingExecutor(() => ({
    fraction: 0.5,
    result: () => new Uint8Array(),
    step: () => {
      nowMs += 7;
      return ++steps === 150;
    },
  }));
  executor.launchTask(driver, taskInfo('t1'));
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  t.equal(nowMs, 1_050);
  t.equal(messages.length, 4, 'within 1,050 ms');
  for (const [index, at] of messages.entries()) t.ok(at - (messages[index - 1] ?? 0) >= 200);
  t.same(told.splice(0), ['t1 TASK_RUNNING', 't1 TASK_FINISHED', 'stop']);

  steps = 0;
  executor.launchTask(driver, taskInfo('t2'));
  executor.launchTask(driver, taskInfo('t3'));
  turns.shift()?.();
  executor.killTask(driver, 't2' as TaskId);
  t.same(told.splice(0), ['t2 TASK_RUNNING', 't3 TASK_RUNNING', 't2 TASK_KILLED'], 'the other one goes on');
  executor.shutdown(driver);
  const done = steps;
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  t.equal(steps, done, 'nothing is computed for nobody');
  t.same(told, ['t3 TASK_KILLED']);
});

// From here on with executors as they are: OS processes that an agent starts, behind a local socket

const programs = {
  sum: fileURLToPath(new URL('../../../packages/frameworks/build/sum/executor-main.js', import.meta.url)),
  integrate: fileURLToPath(new URL('../../../packages/frameworks/build/integrate/executor-main.js', import.meta.url)),
};

/** What remains of an OS process when it has ended. */
interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

async function realStage(t: Test) {
  // A socket's path may have about 100 bytes: tap's own folders are too deep.
  const folder = mkdtempSync(join(tmpdir(), 'mesos-executor-'));
  const socket = join(folder, 'agent.sock');
  const node = await Node.start({ name: 'agent', transports: [new SocketServerTransport(socket)] });
  const agent = new ScriptedAgent();
  node.spawn(agent);
  const children: ChildProcess[] = [];
  t.teardown(async () => {
    for (const child of children) child.kill('SIGKILL');
    await node.stop();
    rmSync(folder, { recursive: true });
  });
  const launch = async (program: keyof typeof programs) => {
    const name = `executor-${children.length}`;
    const env = {
      PATH: process.env.PATH,
      ...goodEnvironment,
      MESOS_SLAVE_PID: agent.pid,
      MESOS_AGENT_SOCKET: socket,
      MESOS_EXECUTOR_NODE: name,
    };
    const child = spawn(process.execPath, [programs[program]], { env, stdio: ['ignore', 'inherit', 'pipe'] });
    children.push(child);
    let stderr = '';
    child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
    const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, stderr }));
    const { from } = await agent.next(RegisterExecutor);
    return { pid: from, ended };
  };
  const state = async (): Promise<StatusUpdate['status']> => (await agent.next(StatusUpdate)).body.status;
  return { agent, node, launch, state };
}

t.test('an executor of its own OS process computes, and ends when its result is acknowledged', async (t) => {
  const { agent, launch, state } = await realStage(t);
  const { pid, ended } = await launch('sum');
  agent.run(pid, taskInfo('t1', encodeSumTask({ begin: 10, end: 100_000_000 })));
  t.equal((await state()).state, 'TASK_RUNNING');
  const { state: last, data } = await state();
  t.equal(last, 'TASK_FINISHED');
  t.equal(decodeSumResult(data as Uint8Array), 4_999_999_950_000_000n - 45n);
  t.same(await ended, { code: 0, stderr: '' });
});

t.test('a task is killed in the middle of its work, and tells its progress before', async (t) => {
  const { agent, launch, state } = await realStage(t);
  const { pid, ended } = await launch('sum');
  agent.run(pid, taskInfo('t1', encodeSumTask({ begin: 0, end: 2 ** 45 })));
  t.equal((await state()).state, 'TASK_RUNNING');
  const { fraction } = JSON.parse(`{"fraction":${Buffer.from((await agent.next(ExecutorToFramework)).body.data)}}`);
  t.ok(fraction >= 0 && fraction < 1, `${fraction}`);
  agent.say(pid, KillTask, { frameworkId, taskId: 'unknown' as TaskId });
  agent.say(pid, KillTask, { frameworkId, taskId: 't1' as TaskId });
  t.equal((await state()).state, 'TASK_KILLED');
  t.equal((await ended).code, 0);
});

t.test('task data that is malformed or hostile fails the task and nothing else', async (t) => {
  const { agent, launch, state } = await realStage(t);
  const tree = { temporaries: [], value: 'x' };
  const part = { tree, from: 0, to: 1, steps: 10, firstStep: 0, lastStep: 10, rule: 'left' };
  for (const [program, data, message] of [
    ['sum', undefined, /no data/],
    ['sum', Buffer.from('{"begin":0'), /not JSON/],
    ['sum', Buffer.from([0xff, 0xfe]), /not JSON/],
    ['sum', Buffer.from('[1,2]'), /not an object/],
    ['sum', Buffer.from('{"begin":5,"end":"6"}'), /no number end/],
    ['sum', Buffer.from('{"begin":5,"end":1e300}'), /whole number/],
    ['integrate', Buffer.from(JSON.stringify({ ...part, tree: { value: ['constructor', 'x'] } })), /expression tree/],
    ['integrate', Buffer.from(JSON.stringify({ ...part, rule: 'other' })), /no rule/],
    ['integrate', Buffer.from(JSON.stringify({ ...part, lastStep: 11 })), /lastStep/],
  ] as const) {
    const { pid, ended } = await launch(program);
    agent.run(pid, taskInfo('t1', data));
    t.equal((await state()).state, 'TASK_RUNNING');
    const failed = await state();
    t.equal(failed.state, 'TASK_FAILED');
    t.match(failed.message, message);
    t.equal((await ended).code, 0);
  }
});

t.test('an integrand that is not finite fails the task with the place', async (t) => {
  const { agent, launch, state } = await realStage(t);
  const integrate = (expression: string) =>
    encodeIntegrateTask({
      tree: parseExpression(expression).tree,
      from: -1,
      to: 1,
      steps: 4,
      firstStep: 1,
      lastStep: 4,
      rule: 'left',
    });
  const bad = await launch('integrate');
  agent.run(bad.pid, taskInfo('t1', integrate('1/x')));
  t.equal((await state()).state, 'TASK_RUNNING');
  const failed = await state();
  t.equal(failed.state, 'TASK_FAILED');
  t.match(failed.message, /Infinity at x = 0, in step 2 from 0 to 0.5/);
  t.equal((await bad.ended).code, 0);

  const good = await launch('integrate');
  agent.run(good.pid, taskInfo('t2', integrate('2*x + 1')));
  t.equal((await state()).state, 'TASK_RUNNING');
  const { data } = await state();
  t.equal(Buffer.from(data ?? []).toString(), '{"value":1.5}');
});

t.test('the OS process of an executor ends with its agent, also in the middle of its work', async (t) => {
  const { agent, node, launch, state } = await realStage(t);
  const { pid, ended } = await launch('sum');
  agent.run(pid, taskInfo('t1', encodeSumTask({ begin: 0, end: 2 ** 45 })));
  t.equal((await state()).state, 'TASK_RUNNING');
  await node.stop();
  t.same(await ended, { code: 1, stderr: '' });
});

t.test('a program that was not started by an agent says so', async (t) => {
  const child = spawn(process.execPath, [programs.sum], { env: { PATH: process.env.PATH }, stdio: 'pipe' });
  let stderr = '';
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = await once(child, 'close');
  t.equal(code, 1);
  t.match(stderr, /^this program is an executor and must be started by an agent.*not set\n$/);
});
