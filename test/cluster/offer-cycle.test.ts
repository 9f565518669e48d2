import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EstimateFile, type RunningAgent, type StartAgentOptions, startAgent } from '@mesos-ts/agent';
import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { type RunningMaster, startMaster } from '@mesos-ts/master';
import { message, NatsTransport, Node, Random, SystemClock, upid } from '@mesos-ts/process';
import {
  addResources,
  type ExecutorId,
  formatResources,
  KillTask,
  LaunchTasks,
  type Offer,
  type OfferId,
  Shutdown,
  type SlaveId,
  type TaskId,
  type TaskStatus,
  UnregisterFramework,
  UnregisterSlave,
} from '@mesos-ts/protocol';
import { createContender, createDetector } from '@mesos-ts/zk-election';
import { Type } from '@sinclair/typebox';
import { connect } from 'nats';
import t from 'tap';
import { eventually, isAlive } from '../support/command.js';
import { obedient, TestFramework, taskOn } from '../support/framework.js';

/** A real nats-server without JetStream, a standalone master, an agent with real executors, and a Node for frameworks. */
class Scene {
  readonly #detectors: { close(): Promise<void> }[] = [];

  static async start(resources: string, agentOptions: Partial<StartAgentOptions> = {}): Promise<Scene> {
    const nats = await startNatsServer({ jetstream: false });
    const folder = mkdtempSync(join(tmpdir(), 'mesos-test-'));
    const election = { clock: new SystemClock(), random: Random.system() };
    const transports = (): [NatsTransport] => [new NatsTransport({ servers: nats.url })];
    const master = await startMaster({
      node: { name: 'm1', transports: transports() },
      contender: createContender('standalone', election),
      hostname: 'localhost',
    });
    const agent = await startAgent({
      node: { name: 'a1', transports: transports() },
      detector: createDetector('master@m1', election),
      resources,
      workDir: folder,
      hostname: 'localhost',
      ...agentOptions,
    });
    const node = await Node.start({ name: 'frameworks', transports: transports() });
    return new Scene(nats, folder, master, agent, node);
  }

  private constructor(
    readonly nats: NatsServer,
    readonly folder: string,
    readonly master: RunningMaster,
    readonly agent: RunningAgent,
    readonly node: Node,
  ) {}

  framework(name: string, info: ConstructorParameters<typeof TestFramework>[3] = {}): TestFramework {
    const detector = createDetector(upid('master', 'm1'), { clock: new SystemClock(), random: Random.system() });
    this.#detectors.push(detector);
    return new TestFramework(name, this.node, detector, info);
  }

  async stop(): Promise<void> {
    for (const detector of this.#detectors) await detector.close();
    await this.node.stop();
    await this.agent.stop();
    await this.master.stop();
    await this.nats.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

t.test('the textbook scene: two tasks on 4 CPUs and 4 GB, and the rest goes to a second framework', async (t) => {
  const scene = await Scene.start('cpus:4;mem:4096;disk:0;ports:[1-1]');
  t.teardown(() => scene.stop());
  const first = scene.framework('first');
  const [offer] = await first.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  t.equal(formatResources(offer.resources), 'cpus:4;mem:4096;ports:[1-1]', 'all of the agent is offered');

  const executor = obedient('worker');
  first.driver.launchTasks(
    [offer.id],
    [
      taskOn(offer.slaveId, 'large', 'cpus:2;mem:1024', executor),
      taskOn(offer.slaveId, 'small', 'cpus:1;mem:2048', executor),
    ],
    { refuseSeconds: 600 },
  );
  await first.status('large', 'TASK_RUNNING');
  await first.status('small', 'TASK_RUNNING');

  const second = scene.framework('second');
  const [rest] = await second.offers();
  t.equal(rest && formatResources(rest.resources), 'cpus:1;mem:1024;ports:[1-1]', 'the remainder');

  first.driver.sendFrameworkMessage('worker' as ExecutorId, offer.slaveId, Buffer.from('large'));
  const finished = await first.status('large', 'TASK_FINISHED');
  t.equal(Buffer.from(finished.data ?? []).toString(), 'did large', "the executor's data came along");
  const [freed] = await second.offers();
  t.equal(freed && formatResources(freed.resources), 'cpus:2;mem:1024', 'what is freed goes at once to who has less');

  first.driver.sendFrameworkMessage('worker' as ExecutorId, offer.slaveId, Buffer.from('echo hello'));
  t.equal((await first.next('message')).text, 'hello');

  first.driver.killTask('small' as TaskId);
  await first.status('small', 'TASK_KILLED');
  t.notOk(first.events.some(({ kind }) => kind === 'error'));
});

t.test('a launch is checked against its offer, task by task', async (t) => {
  const scene = await Scene.start('cpus:4;mem:4096;disk:0;ports:[31000-31009]');
  t.teardown(() => scene.stop());
  const framework = scene.framework('checked');
  const [offer] = await framework.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  const executor = obedient('worker', 'cpus:0.5;mem:64');
  framework.driver.launchTasks(
    [offer.id],
    [
      taskOn(offer.slaveId, 'good', 'cpus:1;mem:512;ports:[31000-31001]', executor),
      taskOn(offer.slaveId, 'greedy', 'cpus:3;mem:512', executor),
      taskOn(offer.slaveId, 'good', 'cpus:1;mem:512', executor),
      taskOn('elsewhere' as SlaveId, 'lost', 'cpus:1;mem:512', executor),
      taskOn(offer.slaveId, 'port-thief', 'cpus:0.5;ports:[31001-31001]', executor),
      taskOn(offer.slaveId, 'also-good', 'cpus:2.5;mem:512', executor),
    ],
  );
  const greedy = await framework.status('greedy', 'TASK_ERROR');
  t.match(greedy.message, /greedy needs cpus:3;mem:512, but only cpus:2\.5;mem:3520;ports:\[31002-31009\] is left/);
  t.match((await framework.status('good', 'TASK_ERROR')).message, /task id good is in use/);
  t.match((await framework.status('lost', 'TASK_ERROR')).message, /names agent elsewhere/);
  t.match((await framework.status('port-thief', 'TASK_ERROR')).message, /ports:\[31001-31001\]/);
  await framework.next('status', ({ status }) => status.state === 'TASK_RUNNING');
  await framework.next('status', ({ status }) => status.state === 'TASK_RUNNING');
  const running = framework.events.filter((event) => event.kind === 'status' && event.status.state === 'TASK_RUNNING');
  t.same(
    running.map((event) => event.kind === 'status' && event.status.taskId).sort(),
    ['also-good', 'good'],
    'everything else in the call is unharmed',
  );

  framework.driver.launchTasks([offer.id], [taskOn(offer.slaveId, 'late', 'cpus:1', executor)]);
  const late = await framework.status('late', 'TASK_DROPPED');
  t.match(late.message, new RegExp(`offer ${offer.id}`));
  framework.driver.launchTasks(['nonsense' as OfferId], [taskOn(offer.slaveId, 'later', 'cpus:1', executor)]);
  await framework.status('later', 'TASK_DROPPED');
});

t.test('what an agent lends is used by who can do with losing it, until the file says that it is less', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mesos-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'estimate');
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  write('cpus:2');
  const options = { estimator: new EstimateFile(path), oversubscribedIntervalMs: 50 };
  const scene = await Scene.start('cpus:1;mem:1024;disk:0;ports:[]', options);
  t.teardown(() => scene.stop());
  const batch = scene.framework('batch', { capabilities: ['REVOCABLE_RESOURCES'] });
  const held: OfferId[] = [];
  /** The offer of just that; what comes in parts is given back, until it comes as one. */
  const offerOf = async (resources: string): Promise<Offer> => {
    for (;;) {
      const offers = await batch.offers();
      const found = offers.find((one) => formatResources(one.resources) === resources);
      held.push(...offers.map(({ id }) => id));
      if (found !== undefined) return found;
      if (held.length > 1) batch.driver.declineOffer(held.splice(0), { refuseSeconds: 0 });
    }
  };
  const offer = await offerOf('cpus:1;cpus{REV}:2;mem:1024');
  const task = taskOn(offer.slaveId, 'lent', 'cpus{REV}:1;mem:24', obedient('worker', 'cpus{REV}:0.5'));
  batch.driver.launchTasks([offer.id], [task], { refuseSeconds: 0 });
  const left = offerOf('cpus:1;cpus{REV}:0.5;mem:1000');
  await batch.status('lent', 'TASK_RUNNING');
  const rest = await left;
  write('cpus:1');
  await batch.next('rescinded', ({ offerId }) => offerId === rest.id);
  await offerOf('cpus:1;mem:1000');
  batch.driver.sendFrameworkMessage('worker' as ExecutorId, offer.slaveId, Buffer.from('lent'));
  const freed = offerOf('cpus:1;cpus{REV}:0.5;mem:1024');
  await batch.status('lent', 'TASK_FINISHED');
  await freed;
  t.notOk(
    batch.events.some(({ kind }) => kind === 'executorLost'),
    'the executor goes on with what it uses',
  );
});

t.test('an executor that is killed with -9 fails its tasks and gives its resources back', async (t) => {
  const scene = await Scene.start('cpus:4;mem:4096;disk:0;ports:[1-1]');
  t.teardown(() => scene.stop());
  const framework = scene.framework('killed');
  const [offer] = await framework.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  const executor = obedient('victim', 'cpus:1;mem:256');
  framework.driver.launchTasks([offer.id], [taskOn(offer.slaveId, 'doomed', 'cpus:3;mem:1024;ports:[1-1]', executor)], {
    refuseSeconds: 600,
  });
  process.kill(pidOf(await framework.status('doomed', 'TASK_RUNNING')), 'SIGKILL');
  const failed = await framework.status('doomed', 'TASK_FAILED');
  t.equal(failed.reason, 'REASON_EXECUTOR_TERMINATED');
  t.match(failed.message, /SIGKILL/);
  t.equal((await framework.next('executorLost')).executorId, 'victim');
  // The task's and the executor's may come in one offer or in two, depending on what the agent tells first.
  const backAgain = (): string => formatResources(framework.offered().slice(1).reduce(addResources, []));
  while (backAgain() !== 'cpus:4;mem:4096;ports:[1-1]') await framework.next('offers');
});

t.test('executors are told nothing of NATS and leave their output in their sandbox', async (t) => {
  const scene = await Scene.start('cpus:1;mem:512;disk:0;ports:[1-1]');
  t.teardown(() => scene.stop());
  const framework = scene.framework('curious');
  const [offer] = await framework.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  framework.driver.launchTasks([offer.id], [taskOn(offer.slaveId, 'one', 'cpus:0.5', obedient('worker'))]);
  const running = await framework.status('one', 'TASK_RUNNING');
  const environment = readFileSync(`/proc/${pidOf(running)}/environ`, 'utf8');
  t.notMatch(environment, /NATS_/);
  t.match(environment, /MESOS_SANDBOX=/);
  const sandbox = /MESOS_SANDBOX=([^\0]+)/.exec(environment)?.[1] ?? '';
  t.ok(sandbox.startsWith(scene.folder));
  t.equal(readFileSync(join(sandbox, 'stdout'), 'utf8'), '');
  t.equal(readFileSync(join(sandbox, 'stderr'), 'utf8'), '');
});

t.test('a framework that is gone for longer than its failover timeout is removed with its tasks', async (t) => {
  const scene = await Scene.start('cpus:1;mem:512;disk:0;ports:[1-1]');
  t.teardown(() => scene.stop());
  const framework = scene.framework('brief', { failoverTimeoutMs: 300 });
  const [offer] = await framework.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  framework.driver.launchTasks([offer.id], [taskOn(offer.slaveId, 'orphan', 'cpus:1', obedient('worker'))]);
  const pid = pidOf(await framework.status('orphan', 'TASK_RUNNING'));
  framework.driver.stop(true);
  await eventually('the executor of the removed framework ends', () => !isAlive(pid));
  const next = scene.framework('next');
  const roomForNext = (): string => formatResources(next.offered().reduce(addResources, []));
  while (roomForNext() !== 'cpus:1;mem:512;ports:[1-1]') await next.next('offers');
  t.pass('all of it is offered to another');
});

/** The process id that the obedient executor said. */
function pidOf(running: TaskStatus): number {
  return Number(Buffer.from(running.data ?? []).toString());
}

t.test('junk and strangers on the wire are counted and harm nobody, while a task runs', async (t) => {
  const scene = await Scene.start('cpus:2;mem:512;disk:0;ports:[1-1]');
  t.teardown(() => scene.stop());
  const framework = scene.framework('undisturbed');
  const [offer] = await framework.offers();
  if (offer === undefined) throw new Error('an offer without offers');
  framework.driver.launchTasks([offer.id], [taskOn(offer.slaveId, 'one', 'cpus:2', obedient('worker'))]);
  await framework.status('one', 'TASK_RUNNING');

  const raw = await connect({ servers: scene.nats.url });
  const random = new Random('junk');
  for (const node of ['m1', 'a1'])
    for (let i = 0; i < 500; i++) {
      const bytes = Uint8Array.from({ length: random.integer(200) }, () => random.integer(256));
      raw.publish(`mesos.${node}.vandal`, bytes);
    }
  raw.publish('mesos.m1.vandal', new Uint8Array(1_000_000));
  await raw.drain();

  const stranger = await Node.start({ name: 'stranger', transports: [new NatsTransport({ servers: scene.nats.url })] });
  const { frameworkId } = offer;
  const { pid: master } = scene.master;
  const { pid: agent } = scene.agent;
  stranger.send(master, KillTask, { frameworkId, taskId: 'one' as TaskId });
  stranger.send(master, UnregisterFramework, { frameworkId });
  stranger.send(master, UnregisterSlave, { slaveId: offer.slaveId });
  stranger.send(master, LaunchTasks, { frameworkId, offerIds: [offer.id], tasks: [], filters: { refuseSeconds: 1 } });
  stranger.send(master, message('NoSuchMessage', {}), {});
  stranger.send(master, message('RegisterFramework', { framework: Type.String() }), { framework: 'x' });
  stranger.send(agent, KillTask, { frameworkId, taskId: 'one' as TaskId });
  stranger.send(agent, Shutdown, { epoch: 1, message: 'you are dismissed' });
  stranger.send(upid('master', 'm1', 'anotherlife'), UnregisterFramework, { frameworkId });
  await eventually('the master has counted them', () => {
    const counted = scene.master.node.counters;
    return (
      counted.get('frames_malformed') > 400 &&
      counted.get('messages_from_strangers') === 4 &&
      counted.get('messages_unknown') === 1 &&
      counted.get('messages_invalid') === 1 &&
      counted.get('messages_dead_incarnation') === 1
    );
  });
  await eventually('the agent, too', () => scene.agent.node.counters.get('messages_not_admitted') === 2);
  await stranger.stop();

  framework.driver.sendFrameworkMessage('worker' as ExecutorId, offer.slaveId, Buffer.from('one'));
  const finished = await framework.status('one', 'TASK_FINISHED');
  t.equal(Buffer.from(finished.data ?? []).toString(), 'did one');
});
