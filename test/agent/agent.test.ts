import { chmod, mkdtemp, readdir, readFile, readlink, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunningAgent, type StartAgentOptions, startAgent, WorkDirInUseError } from '@mesos-ts/agent';
import {
  type AnyMessageType,
  type BodyOf,
  MemoryNetwork,
  message,
  Node,
  type NodeOptions,
  Process,
  RefusedError,
  SocketClientTransport,
  type Upid,
  upid,
  VirtualClock,
} from '@mesos-ts/process';
import {
  type ExecutorId,
  type ExecutorInfo,
  ExecutorToFramework,
  ExitedExecutor,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkToExecutor,
  KillTask,
  PingSlave,
  PongSlave,
  parseResources,
  RegisterExecutor,
  RegisterSlave,
  ReregisterSlave,
  RunTask,
  Shutdown,
  ShutdownExecutor,
  ShutdownFramework,
  type SlaveId,
  SlaveReregistered,
  StatusUpdate,
  type TaskId,
  UnregisterSlave,
  UpdateFramework,
  type WithoutEpoch,
} from '@mesos-ts/protocol';
import { StandaloneDetector } from '@mesos-ts/zk-election';
import { Type } from '@sinclair/typebox';
import t, { type Test } from 'tap';
import type { Command, Report } from './programs/scripted-executor.js';
import { ScriptedMaster } from './scripted-master.js';

const program = fileURLToPath(new URL('./programs/scripted-executor.js', import.meta.url));
const frameworkId = 'M-0000' as FrameworkId;
const slaveId = 'M-S0' as SlaveId;
const framework: FrameworkInfo = {
  id: frameworkId,
  name: 'tests',
  user: 'nobody',
  hostname: 'here',
  roles: ['*'],
  failoverTimeoutMs: 0,
};

function executorInfo(id: string, mode = 'obedient', more: Partial<ExecutorInfo> = {}): ExecutorInfo {
  return {
    executorId: id as ExecutorId,
    name: id,
    command: { value: process.execPath, arguments: [program, mode], environment: { GREETING: 'hello' } },
    resources: [],
    ...more,
  };
}

/** An agent with a master that a test plays, on a network of their own. */
class Stage {
  readonly network = new MemoryNetwork();
  readonly detector = new StandaloneDetector();
  readonly nodes: Node[] = [];
  /** Executors that the master has started. */
  readonly #launched = new Set<string>();
  workDir = '';
  running!: RunningAgent;
  master!: ScriptedMaster;

  static async set(
    t: Test,
    options: Partial<StartAgentOptions> = {},
    prepare?: (stage: Stage) => void,
    node: NodeOptions = {},
  ): Promise<Stage> {
    const stage = new Stage();
    // Resolved, as an executor sees its working folder.
    stage.workDir = await realpath(await mkdtemp(join(tmpdir(), 'agent-test-')));
    t.teardown(() => stage.clear());
    stage.master = await stage.addMaster('m1');
    prepare?.(stage);
    stage.detector.appoint({ pid: stage.master.pid, epoch: 1 });
    stage.running = await startAgent({
      workDir: stage.workDir,
      detector: stage.detector,
      node: { name: 'a1', transports: [stage.network.transport()], ...node },
      resources: 'cpus:4;mem:1024;disk:0;ports:[]',
      hostname: 'agent-1',
      environment: {
        ...process.env,
        NATS_URL: 'nats://secret@host',
        MESOS_WORK_DIR: '/x',
        SECRET_TOKEN: 'x',
        TZ: 'UTC',
      },
      registrationBackoffMs: 20,
      shutdownGracePeriodMs: 10_000,
      ...options,
    });
    if (stage.master.answering) await stage.master.next(RegisterSlave);
    return stage;
  }

  async addNode(name: string): Promise<Node> {
    const node = await Node.start({ name, transports: [this.network.transport()] });
    this.nodes.push(node);
    return node;
  }

  async addMaster(node: string): Promise<ScriptedMaster> {
    const master = new ScriptedMaster('master');
    (await this.addNode(node)).spawn(master);
    return master;
  }

  get agent(): Upid {
    return this.running.pid;
  }

  say<M extends AnyMessageType>(type: M, body: WithoutEpoch<M>): void {
    this.master.say(this.agent, type, body);
  }

  /** As a master does: the first task of an executor starts it. */
  run(taskId: string, executor: ExecutorInfo = executorInfo('e1'), launchExecutor = this.#isNew(executor)): void {
    const resources = parseResources('cpus:1');
    const task = { taskId: taskId as TaskId, name: taskId, slaveId, resources, executor };
    this.say(RunTask, { framework, task, role: '*', launchExecutor });
  }

  /** As a master does that has heard of its end. */
  forgetLaunched(executorId: string): void {
    this.#launched.delete(executorId);
  }

  #isNew({ executorId }: ExecutorInfo): boolean {
    const isNew = !this.#launched.has(executorId);
    this.#launched.add(executorId);
    return isNew;
  }

  command(command: Command, executorId = 'e1'): void {
    const data = Buffer.from(JSON.stringify(command));
    this.say(FrameworkToExecutor, { slaveId, frameworkId, executorId: executorId as ExecutorId, data });
  }

  async report<S extends Report['saw']>(saw: S, executorId = 'e1'): Promise<Extract<Report, { saw: S }>> {
    const read = (data: Uint8Array) => JSON.parse(Buffer.from(data).toString()) as Report;
    const { body } = await this.master.next(
      ExecutorToFramework,
      (body) => body.executorId === executorId && read(body.data).saw === saw,
    );
    return read(body.data) as Extract<Report, { saw: S }>;
  }

  /** Runs a task until it is running and that is acknowledged, and tells of its executor. */
  async running1(taskId = 't1', executor = executorInfo('e1')): Promise<Extract<Report, { saw: 'registered' }>> {
    this.run(taskId, executor);
    const registered = await this.report('registered', executor.executorId);
    const { body } = await this.update(taskId, 'TASK_RUNNING');
    this.master.acknowledge(this.agent, body);
    return registered;
  }

  update(taskId: string, state: string) {
    return this.master.next(StatusUpdate, ({ status }) => status.taskId === taskId && status.state === state);
  }

  ping(connected = true): void {
    this.say(PingSlave, { connected, expectedAgents: this.master.expectedAgents });
  }

  /** Resolves when the agent has handled all that was sent to it over the network of this stage. */
  async settled(): Promise<void> {
    this.ping();
    await this.master.next(PongSlave);
  }

  sandboxes(executorId: string): string {
    return join(this.workDir, 'slaves', slaveId, 'frameworks', frameworkId, 'executors', executorId, 'runs');
  }

  async clear(): Promise<void> {
    await this.running?.stop();
    await this.detector.close();
    for (const node of this.nodes) await node.stop();
    await chmod(this.workDir, 0o700);
    await rm(this.workDir, { recursive: true, force: true });
  }
}

/** A process that only speaks. */
class Speaker extends Process {
  say<M extends AnyMessageType>(to: Upid, type: M, body: WithoutEpoch<M>): void {
    this.send(to, type, { epoch: 1, ...body } as unknown as BodyOf<M>);
  }
}

async function hasEnded(osPid: number): Promise<boolean> {
  const text = await readFile(`/proc/${osPid}/stat`, 'utf8').catch(() => undefined);
  // A zombie has ended; whoever adopted it may take its time to notice.
  return text === undefined || text.slice(text.lastIndexOf(')') + 2).startsWith('Z');
}

/** The end of a process that is not ours to wait for. */
async function ended(osPid: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await hasEnded(osPid)))
    if (performance.now() > deadline) throw new Error(`the OS process ${osPid} still runs after 20 s`);
}

t.test('an agent registers until it is answered, says what it has, and answers pings', async (t) => {
  const stage = await Stage.set(t, {}, ({ master }) => {
    master.answering = false;
  });
  const { master } = stage;
  await master.next(RegisterSlave);
  await master.next(RegisterSlave);
  master.answering = true;
  const { from, body } = await master.next(RegisterSlave);
  t.equal(from, stage.agent);
  t.strictSame(body.slave, { hostname: 'agent-1', resources: parseResources('cpus:4;mem:1024') }, 'no id yet');
  await stage.settled();
});

t.test('a master that restarts is found under its name, and its successor is the one that is heard', async (t) => {
  const stage = await Stage.set(t);
  stage.master.epoch = 2;
  stage.detector.appoint({ pid: upid('master', 'm1'), epoch: 2 });
  await stage.master.next(ReregisterSlave);
  await stage.settled();
  stage.network.crash('m1');
  const old = stage.master.pid;
  stage.master = await stage.addMaster('m1');
  stage.master.epoch = 2;
  const { body } = await stage.master.next(ReregisterSlave);
  t.equal(body.slave.id, slaveId);
  await stage.settled();
  t.not(stage.master.pid, old);
});

t.test('what others than the pinned master say is dropped and counted', async (t) => {
  const stage = await Stage.set(t);
  const stranger = new Speaker('master');
  (await stage.addNode('m2')).spawn(stranger);
  const impostor = new Speaker('other');
  stage.nodes[0]?.spawn(impostor);
  const before = stage.running.node.counters.get('messages_not_admitted');
  for (const speaker of [stranger, impostor]) {
    speaker.say(stage.agent, Shutdown, { message: 'away with you' });
    speaker.say(stage.agent, PingSlave, { connected: false, expectedAgents: 0 });
    speaker.say(stage.agent, SlaveReregistered, {
      slaveId: 'X-S1' as SlaveId,
      totalPingTimeoutMs: 1,
      expectedAgents: 0,
      reconciliations: [],
    });
  }
  await stage.settled();
  t.equal(stage.running.node.counters.get('messages_not_admitted') - before, 6);
  t.equal(stage.master.heard(PongSlave), 0);
  t.equal(stage.running.agent.end, undefined);
});

t.test('malformed bodies are dropped and counted', async (t) => {
  const stage = await Stage.set(t);
  const wrong = message('RunTask', { task: Type.Any() });
  stage.say(wrong, { task: { taskId: '../../etc' } });
  stage.say(message('KillTask', { frameworkId: Type.Any() }), { frameworkId: 7 });
  await stage.settled();
  t.equal(stage.running.node.counters.get('messages_invalid'), 2);
});

t.test('a task is run by an OS process in a sandbox, with what it is to know and none of the secrets', async (t) => {
  const stage = await Stage.set(t);
  stage.run('t1');
  stage.run('t2');
  stage.run('t1');
  const { environment, cwd, osPid } = await stage.report('registered');
  t.equal((await stage.report('run')).taskId, 't1', 'in order');
  t.equal((await stage.report('run')).taskId, 't2');
  const runs = stage.sandboxes('e1');
  t.equal(cwd, join(runs, await readlink(join(runs, 'latest'))));
  t.equal((await readdir(runs)).length, 2, 'one run, and the link to it');
  t.strictSame((await readdir(cwd)).sort(), ['stderr', 'stdout']);
  t.match(environment, {
    GREETING: 'hello',
    TZ: 'UTC',
    PATH: process.env.PATH ?? '',
    MESOS_FRAMEWORK_ID: frameworkId,
    MESOS_EXECUTOR_ID: 'e1',
    MESOS_SLAVE_ID: slaveId,
    MESOS_SLAVE_PID: stage.agent,
    MESOS_DIRECTORY: cwd,
    MESOS_SANDBOX: cwd,
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '10000ms',
    MESOS_AGENT_SOCKET: stage.running.socketPath,
    MESOS_EXECUTOR_NODE: /^executor-[a-z0-9]{25}$/,
  });
  for (const name of ['NATS_URL', 'MESOS_WORK_DIR', 'SECRET_TOKEN']) t.notOk(name in environment, `no ${name}`);
  t.equal(stage.running.socketPath, join(stage.workDir, 'agent.sock'));
  stage.run('t3');
  t.equal((await stage.report('run')).taskId, 't3', 'one that comes later goes to the same executor');
  const group = (await readFile(`/proc/${osPid}/stat`, 'utf8')).split(' ')[4];
  t.equal(Number(group), osPid, 'it leads a process group of its own');
  stage.run('t2');
  await stage.settled();
  t.equal(stage.master.heard(ExecutorToFramework) < 20, true);
});

t.test(
  'updates are sent again until acknowledged, one of a task at a time; the executor is told at once',
  async (t) => {
    const stage = await Stage.set(t, { statusUpdateRetryMs: 20 });
    await stage.settled();
    stage.run('t1');
    const first = await stage.update('t1', 'TASK_RUNNING');
    t.match(first.body, {
      frameworkId,
      latestState: 'TASK_RUNNING',
      pid: stage.agent,
      status: { slaveId, executorId: 'e1', source: 'SOURCE_EXECUTOR' },
    });
    t.equal((await stage.report('acknowledged')).uuid, first.body.status.uuid);
    stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED', uuid: 'u1' });
    stage.command({ do: 'update', taskId: 't1', state: 'TASK_FAILED', uuid: 'u2' });
    stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED', uuid: 'u1' });
    t.equal((await stage.report('acknowledged')).uuid, 'u1');
    const repeated = await stage.master.next(StatusUpdate, ({ latestState }) => latestState === 'TASK_FINISHED');
    t.equal(repeated.body.status.uuid, first.body.status.uuid, 'the first, with the newest state');
    stage.master.acknowledge(stage.agent, repeated.body);
    const last = await stage.update('t1', 'TASK_FINISHED');
    t.equal(last.body.status.uuid, 'u1');
    await stage.update('t1', 'TASK_FINISHED');
    stage.master.acknowledge(stage.agent, last.body);
    await stage.settled();
    stage.master.answering = false;
    stage.ping(false);
    const { body } = await stage.master.next(ReregisterSlave);
    t.strictSame(body.tasks, [], 'a task whose end is acknowledged is forgotten');
    t.match(body, { executors: [{ frameworkId, executor: { executorId: 'e1' } }], frameworks: [{ id: frameworkId }] });
  },
);

t.test('what an agent is started with is what its master hears of it', async (t) => {
  const place = { attributes: [{ name: 'rack', text: 'a' }], domain: { region: 'eu', zone: 'eu-1' } };
  const stage = await Stage.set(t, place);
  stage.ping(false);
  t.match((await stage.master.next(ReregisterSlave)).body.slave, { hostname: 'agent-1', ...place });
});

t.test('a framework whose scheduler is there anew gets at once what it has not acknowledged', async (t) => {
  const stage = await Stage.set(t);
  stage.run('t1');
  const running = await stage.update('t1', 'TASK_RUNNING');
  stage.say(UpdateFramework, { frameworkId });
  t.same((await stage.update('t1', 'TASK_RUNNING')).body, running.body);
});

t.test('a new master learns all that there is, and then gets what is not acknowledged', async (t) => {
  const stage = await Stage.set(t);
  stage.run('t1');
  const running = await stage.update('t1', 'TASK_RUNNING');
  stage.run('t2');
  stage.master.acknowledge(stage.agent, (await stage.update('t2', 'TASK_RUNNING')).body);
  await stage.settled();
  stage.detector.appoint(undefined);
  const old = stage.master;
  stage.master = await stage.addMaster('m2');
  stage.master.reconciliations = [
    { frameworkId, taskId: 't1' as TaskId },
    { frameworkId, taskId: 't9' as TaskId },
  ];
  stage.master.epoch = 2;
  stage.detector.appoint({ pid: stage.master.pid, epoch: 2 });
  const { body } = await stage.master.next(ReregisterSlave);
  t.match(body, {
    slave: { id: slaveId, hostname: 'agent-1' },
    tasks: [
      { taskId: 't1', state: 'TASK_RUNNING', executorId: 'e1', frameworkId, slaveId },
      { taskId: 't2', state: 'TASK_RUNNING' },
    ],
    executors: [{ frameworkId, executor: { executorId: 'e1' } }],
    frameworks: [{ id: frameworkId, name: 'tests' }],
  });
  t.equal((await stage.update('t1', 'TASK_RUNNING')).body.status.uuid, running.body.status.uuid);
  const dropped = await stage.update('t9', 'TASK_DROPPED');
  t.match(dropped.body.status, { reason: 'REASON_SLAVE_REREGISTERED', source: 'SOURCE_SLAVE', slaveId });
  await stage.settled();
  t.equal(stage.master.heard(StatusUpdate), 0, 'what was acknowledged is not sent again');
  const before = stage.running.node.counters.get('messages_not_admitted');
  old.say(stage.agent, KillTask, { frameworkId, taskId: 't1' as TaskId });
  await stage.settled();
  stage.say(KillTask, { frameworkId, taskId: 't1' as TaskId });
  t.equal((await stage.report('kill')).taskId, 't1');
  t.equal(stage.running.node.counters.get('messages_not_admitted') - before, 1, 'the old master has no say any more');
});

t.test('a broken connection, a missing ping, or a master that says so, make the agent register again', async (t) => {
  const stage = await Stage.set(t);
  await stage.running1();
  stage.network.interrupt();
  t.equal((await stage.master.next(ReregisterSlave)).body.tasks.length, 1, 'the task goes on');
  await stage.settled();
  stage.ping(false);
  await stage.master.next(ReregisterSlave);
  stage.master.totalPingTimeoutMs = 30;
  await stage.settled();
  stage.ping(false);
  await stage.master.next(ReregisterSlave);
  await stage.master.next(ReregisterSlave);
  stage.master.totalPingTimeoutMs = 60_000;
  await stage.master.next(ReregisterSlave);
  stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED' });
  await stage.update('t1', 'TASK_FINISHED');
});

t.test('kill -9 of an executor fails its tasks and tells the master', async (t) => {
  const stage = await Stage.set(t);
  const { osPid, cwd } = await stage.running1();
  process.kill(osPid, 'SIGKILL');
  const { body } = await stage.update('t1', 'TASK_FAILED');
  t.match(body.status, {
    reason: 'REASON_EXECUTOR_TERMINATED',
    source: 'SOURCE_SLAVE',
    executorId: 'e1',
    message: `the executor e1 was killed by SIGKILL; it wrote nothing to stderr; its sandbox: ${cwd}`,
  });
  t.strictSame((await stage.master.next(ExitedExecutor)).body, { slaveId, frameworkId, executorId: 'e1', status: 137 });
  stage.run('t-late', executorInfo('e1'), false);
  const late = await stage.update('t-late', 'TASK_DROPPED');
  t.match(late.body.status, { reason: 'REASON_EXECUTOR_TERMINATED', message: /has ended meanwhile/ });
  stage.forgetLaunched('e1');
  await stage.running1('t2');
  stage.run('t-twice', executorInfo('e1'), true);
  t.match((await stage.update('t-twice', 'TASK_DROPPED')).body.status, { message: /runs here already/ });
  t.equal((await readdir(stage.sandboxes('e1'))).length, 3, 'the next task starts it anew, in a new sandbox');
});

t.test('the end of an executor is told with its exit code and its last words', async (t) => {
  const stage = await Stage.set(t);
  stage.run('t1', executorInfo('e1', 'crash'));
  const { body } = await stage.update('t1', 'TASK_FAILED');
  t.match(body.status.message, /exited with code 3; .*first line \| the flux capacitor \| is missing; its sandbox: /);
  t.equal((await stage.master.next(ExitedExecutor)).body.status, 3);
});

t.test('what an executor says right before it exits comes before its end', async (t) => {
  const stage = await Stage.set(t);
  await stage.running1();
  stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED' });
  stage.command({ do: 'exit', code: 0 });
  t.equal((await stage.master.next(ExitedExecutor)).body.status, 0);
  await stage.update('t1', 'TASK_FINISHED');
  await stage.settled();
  t.equal(stage.master.heard(StatusUpdate), 0);
});

t.test('an executor that cannot be started fails its tasks with the reason', async (t) => {
  const stage = await Stage.set(t);
  const command = (value: string) => ({ command: { value, arguments: [] } });
  const notExecutable = join(stage.workDir, 'plain-file');
  await writeFile(notExecutable, 'x');
  for (const [id, value, why] of [
    ['e1', 'no-such-program', /no such program on the agent's PATH/],
    ['e2', '/no/such/file', /no such file/],
    ['e3', notExecutable, /may not execute it/],
    ['e4', 'a\0b', /cannot start "a\\u0000b"/],
  ] as const) {
    stage.run(`t-${id}`, executorInfo(id, '', command(value)));
    const { body } = await stage.update(`t-${id}`, 'TASK_FAILED');
    t.match(body.status, { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: why });
    t.equal((await stage.master.next(ExitedExecutor)).body.status, -1);
  }
  await rm(join(stage.workDir, 'slaves'), { recursive: true });
  await writeFile(join(stage.workDir, 'slaves'), 'in the way');
  stage.run('t5', executorInfo('e5'));
  const { body } = await stage.update('t5', 'TASK_FAILED');
  t.match(body.status, { reason: 'REASON_CONTAINER_LAUNCH_FAILED', message: /cannot make the sandbox .*ENOTDIR/ });
  await stage.settled();
});

t.test('an executor that does not register in time is killed, and its tasks fail', async (t) => {
  const stage = await Stage.set(t, { executorRegistrationTimeoutMs: 100 });
  stage.run('t1', executorInfo('e1', 'mute'));
  stage.run('t2', executorInfo('e1', 'mute'));
  for (const task of ['t1', 't2']) {
    const { body } = await stage.update(task, 'TASK_FAILED');
    t.match(body.status, { reason: 'REASON_EXECUTOR_REGISTRATION_TIMEOUT', message: /did not register within 100 ms/ });
  }
  t.equal((await stage.master.next(ExitedExecutor)).body.status, 137);
});

t.test('a task that is killed before its executor has it never runs, nor does an executor without tasks', async (t) => {
  const stage = await Stage.set(t);
  stage.run('t1', executorInfo('e1', 'mute'));
  stage.run('t2', executorInfo('e1', 'mute'));
  for (const task of ['t1', 't2']) {
    stage.say(KillTask, { frameworkId, taskId: task as TaskId });
    const { body } = await stage.update(task, 'TASK_KILLED');
    t.equal(body.status.reason, 'REASON_TASK_KILLED_DURING_LAUNCH');
  }
  await stage.master.next(ExitedExecutor);
  stage.say(KillTask, { frameworkId, taskId: 'never-heard-of' as TaskId });
  t.equal((await stage.update('never-heard-of', 'TASK_GONE')).body.status.source, 'SOURCE_SLAVE');
});

t.test('a task for an executor of another description, or one that ends, is dropped', async (t) => {
  const stage = await Stage.set(t);
  await stage.running1('t1', executorInfo('e1', 'stubborn'));
  stage.run('t2', executorInfo('e1', 'stubborn', { name: 'another' }));
  t.equal((await stage.update('t2', 'TASK_DROPPED')).body.status.reason, 'REASON_TASK_INVALID');
  stage.say(ShutdownExecutor, { frameworkId, executorId: 'e1' as ExecutorId });
  stage.run('t3', executorInfo('e1', 'stubborn'));
  t.equal((await stage.update('t3', 'TASK_DROPPED')).body.status.reason, 'REASON_EXECUTOR_TERMINATED');
  stage.command({ do: 'exit', code: 0 });
  await stage.master.next(ExitedExecutor);
});

t.test('shutting a framework down ends its executors, by force if need be, and all that they started', async (t) => {
  const stage = await Stage.set(t);
  const stubborn = executorInfo('e1', 'stubborn', { shutdownGracePeriodMs: 200 });
  const { osPid, environment } = await stage.running1('t1', stubborn);
  t.equal(environment.MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD, '200ms');
  await stage.running1('t2', executorInfo('e2'));
  stage.command({ do: 'spawn' });
  const child = (await stage.report('spawned')).osPid;
  t.notOk(await hasEnded(child));
  stage.say(ShutdownFramework, { frameworkId });
  await stage.report('shutdown', 'e1');
  await stage.report('shutdown', 'e2');
  t.equal((await stage.master.next(ExitedExecutor, (body) => body.executorId === 'e2')).body.status, 0);
  t.equal((await stage.master.next(ExitedExecutor, (body) => body.executorId === 'e1')).body.status, 137);
  await ended(osPid);
  await ended(child);
  stage.ping(false);
  const { body } = await stage.master.next(ReregisterSlave);
  t.match(body, { tasks: [], executors: [], frameworks: [] });
});

t.test('an executor whose connection breaks is killed', async (t) => {
  const stage = await Stage.set(t, { disconnectGraceMs: 50 });
  await stage.running1();
  stage.command({ do: 'leave' });
  t.equal((await stage.master.next(ExitedExecutor)).body.status, 137);
  await stage.update('t1', 'TASK_FAILED');
});

t.test('an executor that answers nothing for a minute, but keeps its connection, lives', async (t) => {
  const clock = new VirtualClock();
  const patient = ({ master }: Stage) => {
    master.totalPingTimeoutMs = 1_000_000;
  };
  const stage = await Stage.set(t, {}, patient, { clock });
  const { osPid } = await stage.running1();
  process.kill(osPid, 'SIGSTOP');
  await clock.advance(59_000);
  process.kill(osPid, 'SIGCONT');
  stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED' });
  const { body } = await stage.update('t1', 'TASK_FINISHED');
  await clock.advance(9_900);
  t.equal(stage.master.heard(StatusUpdate), 0);
  await clock.advance(100);
  t.equal((await stage.update('t1', 'TASK_FINISHED')).body.status.uuid, body.status.uuid, 'again after 10 s');
});

t.test('nobody speaks for an executor but itself', async (t) => {
  const stage = await Stage.set(t);
  await stage.running1('t1', executorInfo('e1'));
  await stage.running1('t2', executorInfo('e2'));
  const counters = stage.running.node.counters;

  const onNetwork = new Speaker('executor');
  (await stage.addNode('executor-guessed')).spawn(onNetwork);
  const onSocket = new Speaker('executor');
  const node = await Node.start({
    name: 'executor-nobody',
    transports: [new SocketClientTransport(stage.running.socketPath)],
  });
  stage.nodes.push(node);
  node.spawn(onSocket);
  const status = {
    taskId: 't1' as TaskId,
    state: 'TASK_FINISHED' as const,
    source: 'SOURCE_EXECUTOR' as const,
    timestamp: 0,
    uuid: 'forged',
  };
  for (const speaker of [onNetwork, onSocket]) {
    speaker.say(stage.agent, RegisterExecutor, { frameworkId, executorId: 'e1' as ExecutorId });
    speaker.say(stage.agent, StatusUpdate, { frameworkId, status });
  }
  // An answer to what nobody handles comes behind all that was sent before it.
  const unknown = message('Unknown', {}, { reply: message('Never', {}) });
  await t.rejects(node.ask(stage.agent, unknown, {}, { deadlineMs: 20_000 }), { name: RefusedError.name });
  await stage.settled();
  t.equal(counters.get('messages_not_admitted'), 4);

  stage.command({ do: 'pretend', executorId: 'e2' }, 'e1');
  stage.command({ do: 'update', taskId: 't2', state: 'TASK_FINISHED' }, 'e1');
  stage.command({ do: 'update', taskId: 'no-such', state: 'TASK_FINISHED' }, 'e1');
  stage.command({ do: 'update', taskId: 't1', state: 'TASK_FINISHED' }, 'e1');
  await stage.update('t1', 'TASK_FINISHED');
  t.equal(counters.get('executor_messages_refused'), 3);
  t.equal(stage.master.heard(StatusUpdate), 0);
  stage.command({ do: 'update', taskId: 't1', state: 'TASK_STAGING' }, 'e1');
  await stage.report('shutdown', 'e1');
});

t.test('stop ends the executors, passes on their last updates, and leaves nothing behind', async (t) => {
  const stage = await Stage.set(t, { shutdownGracePeriodMs: 200 });
  const obedient = await stage.running1('t1', executorInfo('e1'));
  stage.run('t2', executorInfo('e2', 'stubborn'));
  const stubborn = await stage.report('registered', 'e2');
  await stage.update('t2', 'TASK_RUNNING');
  stage.run('t3', executorInfo('e3', 'mute'));
  await stage.settled();
  await stage.running.stop();
  await stage.update('t1', 'TASK_FAILED');
  const killed = await stage.update('t2', 'TASK_FAILED');
  t.equal(killed.body.latestState, 'TASK_FAILED', 'also what waited behind something unacknowledged');
  await stage.update('t3', 'TASK_FAILED');
  t.equal((await stage.master.next(UnregisterSlave)).body.slaveId, slaveId);
  t.ok(await hasEnded(obedient.osPid));
  t.ok(await hasEnded(stubborn.osPid));
  await t.rejects(stat(stage.running.socketPath), { code: 'ENOENT' });
  t.equal((await stage.running.ended).kind, 'stopped');
  await stage.running.stop();
});

t.test('a master that will not have the agent ends it', async (t) => {
  const stage = await Stage.set(t);
  const { osPid } = await stage.running1();
  stage.say(Shutdown, { message: 'you are gone' });
  t.match(await stage.running.ended, { kind: 'shut-down', why: /you are gone/ });
  t.ok(await hasEnded(osPid));
  t.equal(stage.master.heard(UnregisterSlave), 0);
});

t.test('an agent that is registered as another than it is ends', async (t) => {
  const stage = await Stage.set(t);
  stage.master.slaveId = 'M-S7' as SlaveId;
  stage.ping(false);
  t.match(await stage.running.ended, { kind: 'failed', why: /M-S7.*M-S0/ });
});

t.test('the death of the agent process takes its executors along', async (t) => {
  const stage = await Stage.set(t);
  const { osPid } = await stage.running1();
  stage.running.node.terminate(stage.agent);
  t.equal((await stage.running.ended).kind, 'failed');
  t.ok(await hasEnded(osPid));
});

t.test('the socket is where nobody else can come: else in a folder of its own', async (t) => {
  const stage = await Stage.set(t);
  await t.rejects(
    startAgent({
      workDir: stage.workDir,
      detector: stage.detector,
      node: { name: 'a2', transports: [stage.network.transport()] },
    }),
    { name: WorkDirInUseError.name },
  );
  await stage.running.stop();
  await chmod(stage.workDir, 0o755);
  // What an agent that was killed leaves behind is in nobody's way.
  await writeFile(join(stage.workDir, 'agent.sock'), '');
  const again = async (workDir: string) => {
    const running = await startAgent({
      workDir,
      detector: stage.detector,
      node: { name: 'a2', transports: [stage.network.transport()] },
    });
    const path = running.socketPath;
    t.equal((await stat(join(path, '..'))).mode & 0o077, 0);
    await running.stop();
    await t.rejects(stat(path), { code: 'ENOENT' });
    return path;
  };
  t.not(await again(stage.workDir), join(stage.workDir, 'agent.sock'), 'others may enter the work folder');
  t.not(await again(join(stage.workDir, 'x'.repeat(100))), stage.workDir, 'the path is too long');
  await chmod(stage.workDir, 0o700);
  t.equal(await again(stage.workDir), join(stage.workDir, 'agent.sock'));
});
