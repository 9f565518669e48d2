import type { MasterOptions } from '@mesos-ts/master';
import {
  FrameworkError,
  FrameworkRegistered,
  FrameworkReregistered,
  KillTask,
  LostSlave,
  PongSlave,
  ReconcileTasks,
  RegisterFramework,
  RegisterSlave,
  ReregisterFramework,
  ReregisterSlave,
  ReviveOffers,
  Shutdown,
  ShutdownFramework,
  SlaveRegistered,
  SlaveReregistered,
  StatusUpdate,
  type TaskId,
  UnregisterFramework,
  UnregisterSlave,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { Rig, reported, type Scheduler, type ScriptedAgent, task } from './rig.js';
import { ScriptedRegistrar } from './scripted-registrar.js';

/*
 * What a leader writes to the registry, and that nobody is told of it, and nothing of it is in the books, before it is
 * stored. The registry is held here, so that there is a time between.
 */

interface Stage {
  readonly rig: Rig;
  readonly registrar: ScriptedRegistrar;
}

async function stage(t: Test, options: MasterOptions = {}): Promise<Stage> {
  const registrar = new ScriptedRegistrar();
  return { rig: await Rig.start(t, options, registrar), registrar };
}

/** With a task that runs, and everything heard and stored. */
async function running(t: Test, options: MasterOptions = {}) {
  const { rig, registrar } = await stage(t, options);
  const agent = await rig.agent('cpus:4');
  const scheduler = await rig.scheduler();
  const info = task('t1', agent, 'cpus:1');
  await scheduler.launch([scheduler.offer.id], [info], 3600);
  await agent.update(scheduler, 't1', 'TASK_RUNNING');
  agent.forgetAll();
  scheduler.forgetAll();
  registrar.written();
  return { rig, registrar, agent, scheduler, info };
}

async function release({ rig, registrar }: Stage): Promise<void> {
  registrar.release();
  await rig.settle();
}

function registerNow({ rig }: Stage, agent: ScriptedAgent): Promise<void> {
  const { hostname, resources } = agent;
  return agent.tell(RegisterSlave, { slave: { hostname, resources }, version: '0' }).then(() => rig.settle());
}

async function askReconciliation(scheduler: Scheduler): Promise<string[]> {
  await scheduler.tell(ReconcileTasks, { statuses: [{ taskId: 't1' as TaskId }] });
  return scheduler.statuses();
}

t.test('The admission of an agent', async (t) => {
  t.test('is stored before it is told, once however often it asks, while others are served', async (t) => {
    const { rig, registrar, agent: served, scheduler } = await running(t);
    const at = { rig, registrar };
    const agent = await rig.newAgent('cpus:2');
    registrar.hold();
    for (let i = 0; i < 3; i++) await registerNow(at, agent);
    t.same(agent.names, []);
    t.same(scheduler.offered, []);
    t.same(registrar.written(), ['admit-agent m1-S1']);
    t.same(await askReconciliation(scheduler), ['t1 TASK_RUNNING REASON_RECONCILIATION'], 'the mailbox is not held');
    await served.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    t.same(scheduler.statuses(), ['t1 TASK_FINISHED']);
    await release(at);
    t.equal(agent.takeOne(SlaveRegistered).slaveId, 'm1-S1');
    t.match(registrar.registry.agents.get(agent.slaveId), { info: { hostname: agent.hostname } });
  });

  t.test('is in the books all the same if it ends meanwhile, as disconnected', async (t) => {
    const { rig, registrar } = await running(t, { agentReregisterTimeoutMs: 1_000 });
    const agent = await rig.newAgent('cpus:2');
    const watcher = await rig.scheduler();
    watcher.forgetAll();
    registrar.written();
    registrar.hold();
    await registerNow({ rig, registrar }, agent);
    agent.end();
    await rig.settle();
    await release({ rig, registrar });
    t.same(watcher.offered, ['cpus:3'], 'nothing of it is offered');
    await rig.advance(1_000);
    t.same(registrar.written(), ['admit-agent m1-S1', 'mark-unreachable m1-S1']);
    t.same(watcher.take(LostSlave), [{ slaveId: 'm1-S1' }]);
  });

  t.test('of one that is started anew during it is followed by the removal of the first', async (t) => {
    const { rig, registrar, scheduler } = await running(t);
    const first = await rig.newAgent('cpus:2');
    registrar.hold();
    await registerNow({ rig, registrar }, first);
    const second = await rig.restarted(first);
    await registerNow({ rig, registrar }, second);
    await release({ rig, registrar });
    t.same(registrar.written(), ['admit-agent m1-S1', 'admit-agent m1-S2', 'remove-agent m1-S1']);
    t.equal(second.takeOne(SlaveRegistered).slaveId, 'm1-S2');
    t.same(scheduler.take(LostSlave), [{ slaveId: 'm1-S1' }]);
    t.same([...registrar.registry.agents.keys()], ['m1-S0', 'm1-S2']);
  });
});

t.test('The return of an agent', async (t) => {
  t.test('that is in the books as it says is not stored; what is new of it is, before it is told', async (t) => {
    const { rig, registrar, agent, scheduler, info } = await running(t);
    const { frameworkId } = scheduler;
    const tasks = [reported({ frameworkId }, info)];
    const report = { tasks, executors: [{ frameworkId, executor: info.executor, role: '*' }] };
    await agent.reregister(report);
    t.same(registrar.written(), []);
    t.same(agent.takeOne(SlaveReregistered).reconciliations, []);
    const { hostname, resources, slaveId: id } = agent;
    const slave = { id, hostname, resources: [...resources, ...(await rig.newAgent('mem:7')).resources] };
    registrar.hold();
    await agent.reregister({ ...report, slave });
    await agent.reregister({ ...report, slave });
    t.same(agent.names, []);
    t.same(registrar.written(), ['update-agent m1-S0']);
    await release({ rig, registrar });
    t.equal(agent.take(SlaveReregistered).length, 1);
    t.same(registrar.registry.agents.get(id)?.info.resources, slave.resources);
    t.same(scheduler.offered, ['cpus:3;mem:7'], 'what it has now, less what runs');
  });

  t.test('from another host than its own is refused', async (t) => {
    const { registrar, agent } = await running(t);
    const { resources, slaveId: id } = agent;
    await agent.reregister({ slave: { id, hostname: 'elsewhere', resources } });
    t.match(agent.takeOne(Shutdown), { message: /is registered on agent-1, and cannot come from elsewhere/ });
    t.same(registrar.written(), []);
  });

  t.test('with tasks and executors that are not in the books brings them', async (t) => {
    const { rig, agent, scheduler, info } = await running(t);
    const { frameworkId } = scheduler;
    const more = task('t2', agent, 'cpus:1.5');
    await agent.reregister({
      tasks: [reported({ frameworkId }, info), reported({ frameworkId }, more)],
      executors: [{ frameworkId, executor: info.executor, role: '*' }],
    });
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses().sort(), [
      't1 TASK_RUNNING REASON_RECONCILIATION',
      't2 TASK_RUNNING REASON_RECONCILIATION',
    ]);
    await rig.settle();
    t.same(scheduler.offered, ['cpus:1.5'], 'what they use is not offered');
  });
});

t.test('What the allocator gave away of an agent before its report brought more is offered to nobody', async (t) => {
  const { rig, agent, scheduler, info } = await running(t);
  const { frameworkId, slaveId, hostname, resources } = { ...scheduler, ...agent };
  await scheduler.tell(ReviveOffers, {});
  scheduler.held.clear();
  // All in one turn, and more than the master handles in one: the allocator runs between the first and the last.
  await agent.dispatch(() => {
    const status = { taskId: info.taskId, state: 'TASK_FINISHED', source: 'SOURCE_EXECUTOR', timestamp: 0 } as const;
    agent.sayNow(rig.pid, StatusUpdate, { frameworkId, status });
    for (let i = 0; i < 200; i++) agent.sayNow(rig.pid, PongSlave, {});
    agent.sayNow(rig.pid, ReregisterSlave, {
      slave: { id: slaveId, hostname, resources },
      version: '0',
      tasks: [reported({ frameworkId }, task('t2', agent, 'cpus:1.5'))],
      executors: [{ frameworkId, executor: info.executor, role: '*' }],
      frameworks: [],
    });
  });
  await rig.settle();
  t.same(scheduler.offered, ['cpus:2.5']);
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('That an agent is unreachable', async (t) => {
  t.test('is stored before frameworks are told, and nothing of it is offered meanwhile', async (t) => {
    const { rig, registrar, agent, scheduler } = await running(t);
    const other = await rig.scheduler();
    t.same(other.offered, ['cpus:3']);
    other.forgetAll();
    registrar.written();
    registrar.hold();
    agent.silent = true;
    await rig.advance(6 * 15_000);
    t.same(registrar.written(), ['mark-unreachable m1-S0']);
    t.same(other.offered, [], 'rescinded');
    t.same(scheduler.names, []);
    await agent.reregister();
    t.same(agent.take(SlaveReregistered), [], 'who is being marked is not let in');
    await release({ rig, registrar });
    t.same(scheduler.statuses(), ['t1 TASK_UNREACHABLE REASON_SLAVE_REMOVED']);
    t.same(scheduler.take(LostSlave), [{ slaveId: agent.slaveId }]);
    t.same([...registrar.registry.unreachable.keys()], ['m1-S0']);
    await agent.reregister();
    t.same(registrar.written(), ['mark-reachable m1-S0']);
    t.equal(agent.take(SlaveReregistered).length, 1);
    t.same([...registrar.registry.unreachable.keys()], []);
  });

  t.test('is not taken from one that is registering again at that moment', async (t) => {
    const { rig, registrar, agent } = await running(t, { agentReregisterTimeoutMs: 1_000 });
    const successor = await rig.restarted(agent);
    await rig.advance(999);
    registrar.hold();
    const { hostname, resources, slaveId: id } = agent;
    await successor.reregister({ slave: { id, hostname, resources: [...resources, ...resources] } });
    await rig.advance(1_000);
    t.same(registrar.written(), ['update-agent m1-S0']);
    await release({ rig, registrar });
    t.equal(successor.take(SlaveReregistered).length, 1);
    await rig.advance(60_000);
    t.same(registrar.written(), []);
  });
});

t.test('The end of an agent is stored before its frameworks are told', async (t) => {
  const { rig, registrar, agent, scheduler } = await running(t);
  registrar.hold();
  await agent.tell(UnregisterSlave, { slaveId: agent.slaveId });
  t.same(registrar.written(), ['remove-agent m1-S0']);
  t.same(scheduler.names, []);
  await release({ rig, registrar });
  t.same(scheduler.statuses(), ['t1 TASK_LOST REASON_SLAVE_REMOVED']);
  t.same([...registrar.registry.agents.keys()], []);
});

t.test('The admission of a framework is stored before it is told, once however often it asks', async (t) => {
  const { rig, registrar } = await running(t);
  const scheduler = await rig.newScheduler();
  registrar.hold();
  for (let i = 0; i < 3; i++) await scheduler.say(rig.pid, RegisterFramework, { framework: scheduler.info });
  await rig.settle();
  t.same(registrar.written(), ['admit-framework m1-0001']);
  t.same(scheduler.names, []);
  await release({ rig, registrar });
  t.equal(scheduler.takeOne(FrameworkRegistered).frameworkId, 'm1-0001');
  t.match(registrar.registry.frameworks.get(scheduler.frameworkId), { info: scheduler.info });
});

t.test('A framework that is away', async (t) => {
  t.test('is stored so with the time, and so is its return, before it is told', async (t) => {
    const { rig, registrar, scheduler } = await running(t);
    const { frameworkId: id } = scheduler;
    scheduler.end();
    await rig.settle();
    t.same(registrar.written(), [`framework-disconnected ${id}`]);
    t.equal(registrar.registry.frameworks.get(id)?.disconnectedSince, rig.clock.wallTime());
    const successor = await rig.newScheduler(scheduler.info);
    registrar.hold();
    await successor.reregister(id, true);
    t.same(successor.names, []);
    await successor.reregister(id, true);
    t.same(registrar.written().filter((one) => one.startsWith('framework-connected')).length, 1);
    await release({ rig, registrar });
    t.equal(successor.take(FrameworkReregistered).length, 1);
    t.equal(registrar.registry.frameworks.get(id)?.disconnectedSince, undefined);
  });

  t.test('only while its new scheduler is being stored is stored as connected in the end', async (t) => {
    const { rig, registrar, scheduler } = await running(t);
    const { frameworkId: id } = scheduler;
    const successor = await rig.newScheduler({ ...scheduler.info, name: 'anew' });
    registrar.hold();
    await successor.reregister(id, true);
    scheduler.end();
    await rig.settle();
    await release({ rig, registrar });
    t.same(registrar.written().slice(0, 2), [`update-framework ${id}`, `framework-disconnected ${id}`]);
    t.equal(successor.take(FrameworkReregistered).length, 1);
    t.equal(registrar.registry.frameworks.get(id)?.disconnectedSince, undefined);
    await rig.advance(60_000);
    t.ok(registrar.registry.frameworks.has(id), 'it is not removed');
  });

  t.test('and comes back as its time is over is not removed', async (t) => {
    const { rig, registrar, scheduler } = await running(t);
    const { frameworkId: id } = scheduler;
    scheduler.end();
    await rig.settle();
    await rig.advance(59_999);
    const successor = await rig.newScheduler(scheduler.info);
    registrar.hold();
    await successor.reregister(id, true);
    await rig.advance(10);
    await release({ rig, registrar });
    t.equal(successor.take(FrameworkReregistered).length, 1);
    await rig.advance(60_000);
    t.ok(registrar.registry.frameworks.has(id));
  });
});

t.test('The removal of a framework', async (t) => {
  t.test('is stored before its executors are shut down; meanwhile it is not let in', async (t) => {
    const { rig, registrar, agent, scheduler } = await running(t);
    const { frameworkId: id } = scheduler;
    registrar.hold();
    await scheduler.tell(UnregisterFramework, {});
    t.same(agent.names, []);
    await scheduler.reregister(id);
    t.same(scheduler.names, []);
    await release({ rig, registrar });
    t.same(registrar.written(), [`remove-framework ${id}`]);
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: id });
    t.same([...registrar.registry.removedFrameworks.keys()], [id]);
    await scheduler.reregister(id);
    t.match(scheduler.takeOne(FrameworkError), { message: /has been removed/ });
  });

  t.test('that was asked for while something about it is being stored follows that', async (t) => {
    const { rig, registrar, agent, scheduler } = await running(t);
    const { frameworkId: id } = scheduler;
    registrar.hold();
    await scheduler.reregister(id, false, { name: 'anew' });
    await scheduler.tell(UnregisterFramework, {});
    await release({ rig, registrar });
    t.same(registrar.written(), [`update-framework ${id}`, `remove-framework ${id}`]);
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: id });
  });
});

t.test('A write that fails ends the leadership: nothing is said or heard any more', async (t) => {
  const { rig, registrar, agent, scheduler } = await running(t);
  const newcomer = await rig.newAgent('cpus:1');
  registrar.fail(new Error('the disk is full'));
  await registerNow({ rig, registrar }, newcomer);
  t.match(rig.steppedDown, [/the registry could not be written: the disk is full/]);
  t.equal(rig.count('registry_failures'), 1);
  const dropped = rig.count('messages_not_admitted');
  await scheduler.tell(KillTask, { taskId: 't1' as TaskId });
  t.same([...newcomer.names, ...agent.names, ...scheduler.names], []);
  t.equal(rig.count('messages_not_admitted'), dropped + 1);
  await registerNow({ rig, registrar }, newcomer);
  t.equal(rig.steppedDown.length, 1, 'it says so once');
});

t.test('What is stored only after leadership was lost is told to nobody', async (t) => {
  const { rig, registrar, agent, scheduler } = await running(t);
  const newcomer = await rig.newAgent('cpus:1');
  const framework = await rig.newScheduler();
  registrar.hold();
  await registerNow({ rig, registrar }, newcomer);
  await framework.say(rig.pid, RegisterFramework, { framework: framework.info });
  await agent.tell(UnregisterSlave, { slaveId: agent.slaveId });
  rig.leadership.lose('somebody else leads');
  await release({ rig, registrar });
  t.same([...newcomer.names, ...framework.names, ...scheduler.names], []);
});

t.test('Reports that cannot be used are refused before anything is written', async (t) => {
  const { rig, registrar } = await running(t);
  const agent = await rig.newAgent('cpus:1');
  const nonsense = [...agent.resources, { ...agent.resources[0], type: 'SET', set: ['x'] }] as never;
  await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: nonsense }, version: '0' });
  const slave = { id: 'old-S1' as never, hostname: 'h', resources: nonsense };
  await agent.tell(ReregisterSlave, { slave, version: '0', tasks: [], executors: [], frameworks: [] });
  t.same(registrar.written(), []);
  t.notOk(agent.names.includes(SlaveRegistered.name));
  await agent.tell(ReregisterFramework, { framework: { name: 'x' } as never, failover: false });
  t.same(registrar.written(), []);
});
