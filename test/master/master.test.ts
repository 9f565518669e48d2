import type { MessageType } from '@mesos-ts/process';
import {
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
  type OfferId,
  PingSlave,
  PongSlave,
  parseResources,
  ReconcileTasks,
  RegisterFramework,
  RegisterSlave,
  ReregisterFramework,
  ReregisterSlave,
  RescindResourceOffer,
  type Resource,
  ResourceOffer,
  ReviveOffers,
  RunTask,
  Shutdown,
  ShutdownFramework,
  type SlaveId,
  SlaveRegistered,
  SlaveReregistered,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  SuppressOffers,
  type TaskId,
  UnregisterFramework,
  UnregisterSlave,
  UpdateFramework,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { executor, Rig, reported, type Scheduler, ScriptedAgent, task } from './rig.js';

/** A framework that runs `task` on an agent, whose update to TASK_RUNNING it has acknowledged. */
async function running(
  rig: Rig,
  info: Partial<FrameworkInfo> = {},
): Promise<{ agent: ScriptedAgent; scheduler: Scheduler }> {
  const agent = await rig.agent('cpus:4;mem:4096');
  const scheduler = await rig.scheduler(info);
  await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1;mem:1024', executor('e', 'cpus:0.5'))], 3600);
  await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u1' });
  await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u1' });
  agent.forgetAll();
  scheduler.forgetAll();
  return { agent, scheduler };
}

t.test('The textbook scene: what one framework leaves of an offer goes to the next', async (t) => {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus:4;mem:4096');
  const one = await rig.scheduler();
  t.same(one.offered, ['cpus:4;mem:4096']);
  t.match(one.offer, {
    slaveId: agent.slaveId,
    frameworkId: one.frameworkId,
    hostname: agent.hostname,
    executorIds: [],
  });
  const two = await rig.scheduler();
  t.same(two.offered, [], 'everything is offered to the first');
  const by = executor('e');
  await one.launch(
    [one.offer.id],
    [task('t1', agent, 'cpus:2;mem:1024', by), task('t2', agent, 'cpus:1;mem:2048', by)],
  );
  const told = agent.take(RunTask);
  t.same(
    told.map((message) => message.task),
    [task('t1', agent, 'cpus:2;mem:1024', by), task('t2', agent, 'cpus:1;mem:2048', by)],
  );
  t.equal(told[0]?.framework.id, one.frameworkId);
  t.same(
    told.map((message) => message.launchExecutor),
    [true, false],
    'its resources are counted once',
  );
  t.same(two.offered, ['cpus:1;mem:1024']);
  t.same(one.offered, [], 'the first has the higher share now');
});

t.test('Offers', async (t) => {
  t.test('of several agents come in one message, but never so many that it could not be carried', async (t) => {
    const rig = await Rig.start(t);
    for (let i = 0; i < 3; i++) await rig.agent('cpus:1');
    const scheduler = await rig.newScheduler();
    await scheduler.register();
    t.equal(scheduler.takeOne(ResourceOffer).offers.length, 3);
    const crowd = await rig.scheduler();
    const agents = await Promise.all(Array.from({ length: 220 }, () => rig.newAgent('cpus:1')));
    const quiet = { frameworkId: scheduler.frameworkId };
    await scheduler.say(rig.pid, SuppressOffers, quiet);
    await crowd.tell(SuppressOffers, {});
    for (const agent of agents) await agent.register();
    await crowd.tell(ReviveOffers, {});
    const sizes = crowd.take(ResourceOffer).map(({ offers }) => offers.length);
    t.same(sizes, [100, 100, 20]);
  });

  t.test('are rescinded when their agent is lost, and made anew when it is back', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    const { id } = scheduler.offer;
    agent.end();
    await rig.settle();
    t.same(scheduler.takeOne(RescindResourceOffer), { offerId: id });
    t.same(scheduler.offered, []);
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offered, [], 'nothing of a disconnected agent is offered');
    const back = await rig.reborn(agent);
    await back.reregister();
    t.same(scheduler.offered, ['cpus:4']);
    await scheduler.launch([id], [task('t1', agent, 'cpus:1')]);
    t.same(scheduler.statuses(), ['t1 TASK_DROPPED REASON_INVALID_OFFERS'], 'the old offer is void');
    t.same(back.tasks(), []);
  });

  t.test('are not made of an agent that was disconnected while they were on their way', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const { frameworkId } = scheduler;
    // More than the master handles in one turn: the allocator gives the task's resources away before the agent's end.
    await agent.dispatch(() => {
      const status = {
        taskId: 't1' as TaskId,
        state: 'TASK_FINISHED',
        source: 'SOURCE_EXECUTOR',
        timestamp: 0,
      } as const;
      agent.sayNow(rig.pid, StatusUpdate, { frameworkId, status });
      for (let i = 0; i < 200; i++) agent.sayNow(rig.pid, PongSlave, {});
      agent.end();
    });
    await rig.settle();
    t.same(scheduler.names, ['StatusUpdate'], 'neither an offer nor its rescission');
    const back = await rig.reborn(agent);
    await back.reregister();
    t.same(scheduler.offered, ['cpus:4;mem:4096']);
  });

  t.test('that are declined come back after exactly the time of the refusal', async (t) => {
    const rig = await Rig.start(t);
    await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    await scheduler.decline([scheduler.offer.id], 30);
    await rig.advance(29_999);
    t.same(scheduler.offered, []);
    await rig.advance(1);
    t.same(scheduler.offered, ['cpus:4']);
    await scheduler.decline([scheduler.offer.id], 0);
    t.same(scheduler.offered, ['cpus:4'], 'no time: at once');
    await scheduler.launch([scheduler.offer.id], [], 7);
    await rig.advance(6_999);
    t.same(scheduler.offered, [], 'LaunchTasks without tasks is a decline');
    await rig.advance(1);
    t.same(scheduler.offered, ['cpus:4']);
  });

  t.test('that are refused by one go to the other; a revival ends the refusal at once', async (t) => {
    const rig = await Rig.start(t);
    await rig.agent('cpus:4');
    const one = await rig.scheduler();
    const two = await rig.scheduler();
    await one.declineAll(3600);
    t.same(two.offered, ['cpus:4']);
    await two.declineAll(3600);
    t.same([...one.offered, ...two.offered], []);
    await one.tell(ReviveOffers, {});
    t.same(one.offered, ['cpus:4']);
  });

  t.test('are not made to a framework that suppresses them until it revives', async (t) => {
    const rig = await Rig.start(t);
    const scheduler = await rig.scheduler();
    await scheduler.tell(SuppressOffers, {});
    const agent = await rig.agent('cpus:4');
    await rig.advance(3_600_000);
    t.same(scheduler.offered, []);
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offered, ['cpus:4']);
    await scheduler.tell(SuppressOffers, {});
    t.same(scheduler.offered, ['cpus:4'], 'what is out stays');
    t.same(
      scheduler.names.filter((name) => name === 'RescindResourceOffer'),
      [],
    );
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1')]);
    t.equal(agent.tasks().length, 1, 'and may be used');
  });

  t.test('follow the end of a task without any time passing', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const other = await rig.scheduler();
    await other.declineAll(3600);
    const before = rig.clock.now();
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    t.same([...scheduler.offered, ...other.offered], ['cpus:3.5;mem:4096'], 'all but what the executor has');
    t.equal(rig.clock.now(), before);
  });

  t.test('name the executors of the framework that run on the agent, and no others', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offer.executorIds, ['e']);
    await scheduler.declineAll(3600);
    const other = await rig.scheduler();
    t.same(other.offer.executorIds, []);
    t.equal(other.offer.slaveId, agent.slaveId);
  });

  t.test('that a framework declines twice in one message are given back once', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    await scheduler.launch([scheduler.offer.id], [task('big', agent, 'cpus:1.5;mem:1536', executor('e', 'cpus:0.5'))]);
    const { id } = scheduler.offer;
    t.same(scheduler.offered, ['cpus:1;mem:1536']);
    await scheduler.decline([id, id]);
    t.same(scheduler.offered, ['cpus:1;mem:1536'], 'the resources of its task are not offered');
    t.equal(rig.count('allocator_contradictions'), 0);
    await scheduler.decline([scheduler.offer.id, id]);
    t.same(scheduler.offered, ['cpus:1;mem:1536']);
  });

  t.test(
    'of reserved resources go to the role; a framework that comes back in another role loses the old',
    async (t) => {
      const rig = await Rig.start(t);
      await rig.agent('cpus:4;cpus(ads):2;cpus(web):1');
      const scheduler = await rig.scheduler({ roles: ['ads'] });
      t.same(scheduler.offered, ['cpus:4;cpus(ads):2']);
      await scheduler.reregister(scheduler.frameworkId, false, { roles: ['web'] });
      t.same(scheduler.offered, ['cpus:4;cpus(web):1']);
    },
  );
});

t.test("An executor's own resources", async (t) => {
  t.test('are taken once for all its tasks, and given back at its end', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4;mem:4096');
    const scheduler = await rig.scheduler();
    const by = executor('e', 'cpus:1;mem:1024');
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1', by), task('t2', agent, 'cpus:1', by)]);
    t.same(scheduler.offered, ['cpus:1;mem:3072']);
    await scheduler.launch([scheduler.offer.id], [task('t3', agent, 'cpus:1', by)]);
    t.same(
      agent.tasks().map(({ taskId }) => taskId),
      ['t1', 't2', 't3'],
      'paid for already',
    );
    t.same(scheduler.offered, ['mem:3072']);
    for (const id of ['t1', 't2', 't3']) await agent.update(scheduler, id, 'TASK_FINISHED', { uuid: id });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3;mem:3072']);
    const { frameworkId } = scheduler;
    const { executorId } = by;
    await agent.tell(ExitedExecutor, { slaveId: 'another' as SlaveId, frameworkId, executorId, status: 137 });
    t.same(scheduler.takeOne(ExitedExecutor), { slaveId: agent.slaveId, frameworkId, executorId, status: 137 });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:4;mem:4096']);
    await agent.executorExited(scheduler);
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:4;mem:4096'], 'a second end of it gives nothing');
    t.same(scheduler.take(ExitedExecutor), []);
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('are free when the only task that would have started it was dropped, and not if another waits', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    const by = executor('e', 'cpus:1');
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1', by), task('t2', agent, 'cpus:1', by)]);
    await agent.update(scheduler, 't1', 'TASK_DROPPED');
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:2']);
    await agent.update(scheduler, 't2', 'TASK_DROPPED');
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:4']);
  });

  t.test('stay taken when a task is dropped that a running one did not want', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    await scheduler.launch([scheduler.offer.id], [task('t2', agent, 'cpus:1', executor('e', 'cpus:0.5'))]);
    await agent.update(scheduler, 't1', 'TASK_FINISHED');
    await agent.update(scheduler, 't2', 'TASK_DROPPED');
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3.5;mem:4096']);
  });
});

t.test('LaunchTasks with offers that cannot be used is TASK_DROPPED, and what is valid is given back', async (t) => {
  const rig = await Rig.start(t);
  const first = await rig.agent('cpus:4');
  const second = await rig.agent('cpus:8');
  const one = await rig.scheduler();
  const offerOf = (scheduler: Scheduler, agent: ScriptedAgent): OfferId => {
    const offer = [...scheduler.held.values()].find(({ slaveId }) => slaveId === agent.slaveId);
    t.ok(offer, 'an offer of that agent is out');
    return offer?.id ?? ('none' as OfferId);
  };
  const used = offerOf(one, first);
  await one.decline([used]);
  const two = await rig.scheduler();
  await one.decline([offerOf(one, second)], 3600);
  const foreign = offerOf(two, second);

  const check = async (t: Test, offerIds: readonly OfferId[], message: RegExp): Promise<void> => {
    one.forgetAll();
    for (const id of offerIds) if (one.held.get(id)?.slaveId === first.slaveId) t.pass('a valid offer is among them');
    const before = new Set(one.held.keys());
    await one.launch(offerIds, [task('x', first, 'cpus:1'), task('y', first, 'cpus:1')]);
    const told = one.take(StatusUpdate);
    t.same(
      told.map(({ status }) => [status.taskId, status.state, status.reason, status.source, status.slaveId]),
      ['x', 'y'].map((id) => [id, 'TASK_DROPPED', 'REASON_INVALID_OFFERS', 'SOURCE_MASTER', first.slaveId]),
    );
    for (const { status, pid } of told) {
      t.match(status.message, message);
      t.same([status.uuid, pid], [undefined, undefined], 'there is nothing to acknowledge');
    }
    t.same([...first.tasks(), ...second.tasks()], []);
    if (offerIds.some((id) => before.has(id)))
      t.equal(one.offered.includes('cpus:4'), true, 'the valid one is made anew');
  };
  await check(t, ['m1-O99' as OfferId], /offer m1-O99 is not valid/);
  await check(t, [used], new RegExp(`offer ${used} is not valid: it was used, declined, rescinded or never made`));
  await check(t, [offerOf(one, first), used], new RegExp(`offer ${used} is not valid`));
  await check(t, [foreign], new RegExp(`offer ${foreign} was made to another framework`));
  await check(t, [offerOf(one, first), foreign], new RegExp(`offer ${foreign} was made to another framework`));
  const twice = offerOf(one, first);
  await check(t, [twice, twice], /an offer is named twice/);
  t.ok(two.held.has(foreign), "the other framework's offer is unharmed");
  t.same(two.take(RescindResourceOffer), []);
  await two.tell(SuppressOffers, {});
  await two.declineAll();
  await one.tell(ReviveOffers, {});
  const [o1, o2] = [offerOf(one, first), offerOf(one, second)];
  await check(t, [o1, o2], new RegExp(`offers of two agents, ${first.slaveId} and ${second.slaveId}, cannot be used`));
  t.same(one.offered.sort(), ['cpus:4', 'cpus:8'], 'both are made anew');
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('Several offers of one agent may be used together', async (t) => {
  const rig = await Rig.start(t);
  const { agent, scheduler } = await running(rig);
  await scheduler.tell(ReviveOffers, {});
  await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
  t.same(scheduler.offered, ['cpus:2.5;mem:3072', 'cpus:1;mem:1024']);
  await scheduler.launch(
    [...scheduler.held.keys()],
    [task('t2', agent, 'cpus:3.5;mem:4096', executor('e', 'cpus:0.5'))],
  );
  t.same(
    agent.tasks().map(({ taskId }) => taskId),
    ['t2'],
  );
});

t.test('LaunchTasks with a task that makes no sense is TASK_ERROR for that task alone', async (t) => {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus:8;mem:8192;ports:[1-100]');
  const other = await rig.agent('cpus(nobody):1');
  const scheduler = await rig.scheduler();
  const by = executor('e', 'cpus:0.5');
  await scheduler.launch([scheduler.offer.id], [task('live', agent, 'cpus:0.5', by)]);
  agent.forgetAll();
  const unsorted: Resource[] = [...parseResources('mem:1'), ...parseResources('cpus:0.5')];
  const split: Resource[] = [...parseResources('cpus:0.25'), ...parseResources('cpus:0.25')];
  const clash: Resource[] = [
    { name: 'cpus', role: '*', scalar: 1 },
    { name: 'cpus', role: '*', ranges: [[1, 2]] },
  ];
  const backwards: Resource[] = [{ name: 'ports', role: '*', ranges: [[9, 1]] }];
  const odd = Array.from({ length: 20_000 }, (_, i) => [2 * i + 1000, 2 * i + 1000] as const);
  await scheduler.launch(
    [scheduler.offer.id],
    [
      task('good1', agent, 'cpus:1;ports:[1-10]', by),
      task('greedy', agent, 'cpus:6.5', by),
      task('more than is left', agent, 'ports:[10-11]', by),
      task('live', agent, 'cpus:0.5', by),
      task('good1', agent, 'cpus:0.5', by),
      task('elsewhere', other, 'cpus:0.5', by),
      task('nothing', agent, '', by),
      task('other executor', agent, 'cpus:0.5', executor('e', 'cpus:0.6')),
      task('new executor', agent, 'cpus:3;mem:8000', executor('big', 'mem:200')),
      { ...task('clash', agent, ''), resources: clash },
      { ...task('backwards', agent, ''), resources: backwards },
      { ...task('many ports', agent, '', by), resources: [{ name: 'ports', role: '*', ranges: odd }] },
      { ...task('executor clash', agent, 'cpus:1', { ...executor('f'), resources: clash }) },
      { ...task('kinds', agent, 'cpus:1', { ...executor('g'), resources: [{ name: 'cpus', role: '*', set: ['a'] }] }) },
      task('reserved', agent, 'cpus(ads):1', by),
      { ...task('good2', agent, '', by), resources: unsorted },
      { ...task('good3', agent, '', { ...by, resources: split }), resources: split },
      task('good4', agent, 'cpus:1;mem:1', executor('second', 'cpus:1')),
      task('good5', agent, 'cpus:1;mem:1', executor('second', 'cpus:1')),
      task('late', agent, 'cpus:1', executor('second', 'cpus:2')),
    ],
    3600,
  );
  t.same(
    agent.tasks().map(({ taskId, resources, executor }) => [taskId, resources, executor.resources]),
    [
      ['good1', parseResources('cpus:1;ports:[1-10]'), parseResources('cpus:0.5')],
      ['good2', parseResources('cpus:0.5;mem:1'), parseResources('cpus:0.5')],
      ['good3', parseResources('cpus:0.5'), parseResources('cpus:0.5')],
      ['good4', parseResources('cpus:1;mem:1'), parseResources('cpus:1')],
      ['good5', parseResources('cpus:1;mem:1'), parseResources('cpus:1')],
    ],
    'the good ones are launched, with lists in canonical form',
  );
  const messages = new Map<string, string>();
  for (const { status } of scheduler.take(StatusUpdate)) {
    t.same([status.state, status.reason, status.uuid], ['TASK_ERROR', 'REASON_TASK_INVALID', undefined], status.taskId);
    t.notOk(messages.has(status.taskId) && status.taskId !== 'good1', 'one status of each');
    messages.set(status.taskId, status.message ?? '');
  }
  const expected: Record<string, RegExp> = {
    greedy: /task greedy needs cpus:6.5, but only cpus:6;mem:8192;ports:\[11-100\] is left of the offer/,
    'more than is left': /needs ports:\[10-11\], but only/,
    live: /task id live is in use/,
    good1: /task id good1 is in use/,
    elsewhere: new RegExp(`names agent ${other.slaveId}, but the offer is of ${agent.slaveId}`),
    nothing: /asks for no resources/,
    'other executor': /executor e already runs on agent \S+ with another description/,
    'new executor': /needs cpus:3;mem:8200 with its executor, but only/,
    clash: /task clash: resources: .*cpus is a/,
    backwards: /ends before it begins/,
    'many ports': /needs ports:\[1000-1000,1002-1002/,
    'executor clash': /task executor clash: resources/,
    kinds: /resources: cpus is a/,
    reserved: /needs cpus\(ads\):1, but only/,
    late: /executor second already runs on agent \S+ with another description/,
  };
  t.same([...messages.keys()].sort(), Object.keys(expected).sort());
  for (const [id, message] of Object.entries(expected)) t.match(messages.get(id), message, id);
  await scheduler.tell(ReviveOffers, {});
  t.same(scheduler.offered, ['cpus:2;mem:8189;ports:[11-100]'], '8 less live, good1 to good5 and three executors');
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('An update of a task', async (t) => {
  t.test("goes to its framework with the agent's address, and its acknowledgement to the agent", async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await agent.update(scheduler, 't1', 'TASK_KILLING', { uuid: 'u2', latestState: 'TASK_KILLING' });
    const update = scheduler.takeOne(StatusUpdate);
    t.match(update, { pid: agent.pid, status: { taskId: 't1', state: 'TASK_KILLING', uuid: 'u2' } });
    t.same(agent.take(StatusUpdateAcknowledgement), []);
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u2' });
    t.same(agent.takeOne(StatusUpdateAcknowledgement), {
      slaveId: agent.slaveId,
      frameworkId: scheduler.frameworkId,
      taskId: 't1',
      uuid: 'u2',
    });
  });

  t.test('frees the resources when the latest state is terminal, whatever is still to be told', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u2', latestState: 'TASK_FAILED' });
    await scheduler.tell(ReviveOffers, {});
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3.5;mem:4096']);
    await agent.update(scheduler, 't1', 'TASK_FAILED', { uuid: 'u3', latestState: 'TASK_FAILED' });
    t.same(scheduler.offered, ['cpus:3.5;mem:4096'], 'once');
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('keeps the id in use until the terminal one is acknowledged', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    const again = async (): Promise<string[]> => {
      await scheduler.launch([...scheduler.held.keys()], [task('t1', agent, 'cpus:1', executor('e', 'cpus:0.5'))]);
      return scheduler.statuses();
    };
    await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u2', latestState: 'TASK_FINISHED' });
    scheduler.forgetAll();
    t.same(await again(), ['t1 TASK_ERROR REASON_TASK_INVALID']);
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u2' });
    t.same(await again(), ['t1 TASK_ERROR REASON_TASK_INVALID'], 'what was acknowledged was not its end');
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u3' });
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u2' });
    scheduler.forgetAll();
    t.same(await again(), ['t1 TASK_ERROR REASON_TASK_INVALID'], 'nor is that a second time');
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u3' });
    t.same(await again(), []);
    t.equal(agent.tasks().length, 1);
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u4' });
    t.equal(scheduler.takeOne(StatusUpdate).status.uuid, 'u4', 'the new one is a task as any other');
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u4' });
    await scheduler.declineAll(3600);
    const other = await rig.agent('cpus:9');
    const offer = [...scheduler.held.values()].find(({ slaveId }) => slaveId === other.slaveId);
    await scheduler.launch([offer?.id ?? ('none' as OfferId)], [task('t1', other, 'cpus:1')]);
    await agent.reregister();
    scheduler.forgetAll();
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(
      scheduler.statuses(),
      ['t1 TASK_STAGING REASON_RECONCILIATION'],
      'its first agent knows nothing of it any more',
    );
  });

  t.test('of an unknown framework is answered with ShutdownFramework', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:1');
    const frameworkId = 'gone' as FrameworkId;
    await agent.update({ frameworkId }, 't1', 'TASK_RUNNING', { uuid: 'u1' });
    t.same(agent.takeOne(ShutdownFramework), { frameworkId });
  });

  t.test('from another agent than its own does not touch it', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const other = await rig.agent('cpus(x):1');
    await other.update(scheduler, 't1', 'TASK_FAILED', { uuid: 'u2' });
    await scheduler.acknowledge({ slaveId: other.slaveId, taskId: 't1', uuid: 'u2' });
    scheduler.forgetAll();
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offered, ['cpus:2.5;mem:3072'], 'it has its resources');
    t.same(agent.names, []);
  });

  t.test('does not lead back from a terminal state', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await agent.update(scheduler, 't1', 'TASK_FAILED', { uuid: 'u2' });
    await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u3' });
    scheduler.forgetAll();
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), [], 'it is not among those that live');
    await scheduler.tell(ReviveOffers, {});
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u4' });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3.5;mem:4096'], 'freed once');
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('that is terminal is the end, even if it calls something else the latest state', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2', latestState: 'TASK_RUNNING' });
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u2' });
    await scheduler.tell(ReviveOffers, {});
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3.5;mem:4096']);
  });

  t.test('of a disconnected framework is not told, nor is the task forgotten by an old acknowledgement', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig, { failoverTimeoutMs: 3_600_000 });
    scheduler.end();
    await rig.settle();
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    const successor = await rig.newScheduler();
    await successor.reregister(scheduler.frameworkId, true);
    await successor.acknowledge({ slaveId: agent.slaveId, taskId: 't1', uuid: 'u2' });
    t.same(successor.take(StatusUpdate), []);
    t.same(agent.take(StatusUpdateAcknowledgement), [], 'nor is its agent told, which would not say it again');
    const by = executor('e', 'cpus:0.5');
    await successor.launch([successor.offer.id], [task('t1', agent, 'cpus:1', by)], 3600);
    t.same(successor.statuses(), ['t1 TASK_ERROR REASON_TASK_INVALID'], 'the task is not forgotten');
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    t.match(successor.takeOne(StatusUpdate).status, { taskId: 't1', uuid: 'u2' }, 'the agent says it again');
  });
});

t.test('Messages between framework and executor pass the master with the address that it knows', async (t) => {
  const rig = await Rig.start(t);
  const { agent, scheduler } = await running(rig);
  const { slaveId } = agent;
  const { frameworkId } = scheduler;
  const message = { slaveId, frameworkId, executorId: executor().executorId, data: new Uint8Array([1, 2, 3]) };
  await scheduler.say(rig.pid, FrameworkToExecutor, message);
  await rig.settle();
  t.same([...agent.takeOne(FrameworkToExecutor).data], [1, 2, 3]);
  await agent.tell(ExecutorToFramework, { ...message, slaveId: 'another' as SlaveId });
  t.equal(scheduler.takeOne(ExecutorToFramework).slaveId, slaveId);
});

t.test('KillTask', async (t) => {
  t.test('goes to the agent of the task', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(KillTask, { taskId: 't1' as TaskId });
    t.same(agent.takeOne(KillTask), { frameworkId: scheduler.frameworkId, taskId: 't1' });
  });

  t.test('of an unknown task is answered as a reconciliation of it', async (t) => {
    const rig = await Rig.start(t, { agentReregisterTimeoutMs: 1_000 });
    const scheduler = await rig.scheduler();
    await scheduler.tell(KillTask, { taskId: 'x' as TaskId });
    t.same(scheduler.statuses(), [], 'its agent may still come');
    await rig.advance(1_000);
    await scheduler.tell(KillTask, { taskId: 'x' as TaskId });
    t.same(scheduler.statuses(), ['x TASK_UNKNOWN REASON_RECONCILIATION']);
  });

  t.test('for a disconnected agent is sent when it is back, once, and for each framework that asked', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const other = await rig.scheduler();
    await other.launch([other.offer.id], [task('t1', agent, 'cpus:1')], 3600);
    await agent.update(other, 't1', 'TASK_RUNNING');
    rig.network.interrupt();
    await rig.settle();
    for (const one of [scheduler, other]) {
      await one.reregister(one.frameworkId);
      await one.tell(KillTask, { taskId: 't1' as TaskId });
      await one.tell(KillTask, { taskId: 't1' as TaskId });
    }
    t.same(agent.take(KillTask), []);
    const tasks = [scheduler, other].map((one) => reported(one, task('t1', agent, 'cpus:1')));
    await agent.reregister({ tasks });
    t.same(agent.names.slice(-3), ['SlaveReregistered', 'KillTask', 'KillTask']);
    t.same(
      agent.take(KillTask).map(({ frameworkId }) => frameworkId),
      [scheduler.frameworkId, other.frameworkId],
    );
    await agent.reregister({ tasks });
    t.same(agent.take(KillTask), []);
  });
});

t.test('Reconciliation', async (t) => {
  t.test('of named tasks answers with what is known, row by row', async (t) => {
    const rig = await Rig.start(t, { agentReregisterTimeoutMs: 300_000 });
    const { agent, scheduler } = await running(rig);
    const lost = await rig.agent('cpus:1');
    lost.silent = true;
    await rig.advance(95_000);
    t.same(scheduler.takeOne(LostSlave), { slaveId: lost.slaveId });
    await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u2', latestState: 'TASK_FINISHED' });
    scheduler.forgetAll();
    const named = (taskId: string, slaveId?: SlaveId) =>
      ({ taskId: taskId as TaskId, ...(slaveId === undefined ? {} : { slaveId }) }) as const;
    const statuses = [
      named('t1'),
      named('a', agent.slaveId),
      named('b', lost.slaveId),
      named('c', 'another' as SlaveId),
      named('d'),
    ];
    await scheduler.tell(ReconcileTasks, { statuses });
    const first = scheduler.take(StatusUpdate);
    t.same(
      first.map(({ status }) => `${status.taskId} ${status.state}`),
      ['t1 TASK_RUNNING', 'a TASK_GONE', 'b TASK_UNREACHABLE'],
      'nothing of agents that may still come; t1 as it was last told, not as it is',
    );
    for (const { status, pid } of first)
      t.match({ ...status, pid }, { reason: 'REASON_RECONCILIATION', source: 'SOURCE_MASTER', pid: undefined });
    t.match(first[0]?.status, { slaveId: agent.slaveId, executorId: 'e', uuid: undefined });
    await rig.advance(300_000 - 95_000 - 1);
    await scheduler.tell(ReconcileTasks, { statuses: [named('d')] });
    t.same(scheduler.statuses(), []);
    await rig.advance(1);
    await scheduler.tell(ReconcileTasks, { statuses: statuses.slice(3) });
    t.same(scheduler.statuses(), ['c TASK_UNKNOWN REASON_RECONCILIATION', 'd TASK_UNKNOWN REASON_RECONCILIATION']);
  });

  t.test('of nothing in particular lists every task of the framework that is not done', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:8');
    const scheduler = await rig.scheduler();
    const ids = ['a', 'b', 'c'];
    await scheduler.launch(
      [scheduler.offer.id],
      ids.map((id) => task(id, agent, 'cpus:1')),
      3600,
    );
    const other = await rig.scheduler();
    await other.launch([other.offer.id], [task('z', agent, 'cpus:1')]);
    await agent.update(scheduler, 'b', 'TASK_RUNNING', { uuid: 'u' });
    await agent.update(scheduler, 'c', 'TASK_FINISHED', { uuid: 'v' });
    scheduler.forgetAll();
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), ['a TASK_STAGING REASON_RECONCILIATION', 'b TASK_RUNNING REASON_RECONCILIATION']);
  });
});

t.test('Registration', async (t) => {
  t.test('of an agent that repeats itself is acknowledged again under the same id', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    const { slaveId, hostname, resources } = agent;
    await agent.tell(RegisterSlave, { slave: { hostname, resources }, version: '0' });
    t.same(agent.takeOne(SlaveRegistered), { slaveId, totalPingTimeoutMs: 75_000, expectedAgents: 1 });
    t.same(scheduler.offered, ['cpus:4'], 'what is offered stays so');
  });

  t.test('of a framework that repeats itself is acknowledged again, and what it is offered stays so', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    const { frameworkId, offer } = scheduler;
    await scheduler.tell(RegisterFramework, { framework: scheduler.info } as never);
    t.match(scheduler.takeOne(FrameworkRegistered), { frameworkId, master: { id: 'm1', pid: rig.pid } });
    t.same(scheduler.offer, offer, 'there is no other');
    await scheduler.launch([offer.id], [task('t1', agent, 'cpus:1')]);
    t.equal(agent.tasks().length, 1);
  });

  t.test(
    'of a framework that repeats itself while it is held to be away tells it that its offers are void',
    async (t) => {
      const rig = await Rig.start(t);
      const scheduler = await rig.scheduler();
      const { frameworkId } = scheduler;
      rig.network.interrupt();
      await rig.settle();
      await scheduler.tell(RegisterFramework, { framework: scheduler.info } as never);
      t.match(scheduler.takeOne(FrameworkRegistered), { frameworkId });
      t.match(scheduler.takeOne(FrameworkReregistered), { frameworkId });
    },
  );

  t.test(
    'of a framework that was there all the time makes its offers anew and rescinds those from before',
    async (t) => {
      const rig = await Rig.start(t);
      await rig.agent('cpus:4');
      const scheduler = await rig.scheduler();
      const { frameworkId, offer, info } = scheduler;
      await scheduler.say(rig.pid, ReregisterFramework, { framework: { ...info, id: frameworkId }, failover: false });
      await rig.settle();
      t.same(scheduler.take(RescindResourceOffer), [{ offerId: offer.id }]);
      t.not(scheduler.offer.id, offer.id, 'and it holds nothing else');
      t.same(scheduler.offered, ['cpus:4']);
    },
  );

  t.test('of a framework must carry no id, and that of a returning one must', async (t) => {
    const rig = await Rig.start(t);
    const scheduler = await rig.newScheduler();
    const framework = { ...scheduler.info, id: 'mine' as FrameworkId };
    await scheduler.say(rig.pid, RegisterFramework, { framework });
    await rig.settle();
    t.match(scheduler.takeOne(FrameworkError).message, /RegisterFramework carries no framework id/);
    await scheduler.reregister(undefined as unknown as FrameworkId);
    t.match(scheduler.takeOne(FrameworkError).message, /needs a framework id/);
    const agent = await rig.newAgent('cpus:1');
    await agent.reregister({ slave: { hostname: 'h', resources: [] } });
    t.match(agent.takeOne(Shutdown).message, /needs an agent id/);
  });

  t.test('mints ids that begin with the id of the master', async (t) => {
    const rig = await Rig.start(t);
    const agents = [await rig.agent('cpus:1'), await rig.agent('cpus:1')];
    const schedulers = [await rig.scheduler(), await rig.scheduler()];
    t.same(
      agents.map(({ slaveId }) => slaveId),
      ['m1-S0', 'm1-S1'],
    );
    t.same(
      schedulers.map(({ frameworkId }) => frameworkId),
      ['m1-0000', 'm1-0001'],
    );
    t.same([...(schedulers[0]?.held.keys() ?? [])].sort(), ['m1-O0', 'm1-O1']);
  });
});

t.test('An agent', async (t) => {
  t.test('that was started anew on its Node takes the place of the one before, whose tasks are lost', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const bystander = await rig.scheduler();
    rig.network.crash(agent.hostname);
    const node = await rig.newNode(agent.hostname, 'anew');
    const successor = new ScriptedAgent('slave', rig, agent.hostname, agent.resources);
    node.spawn(successor);
    await successor.register();
    t.not(successor.slaveId, agent.slaveId);
    t.same(scheduler.statuses(), ['t1 TASK_LOST REASON_SLAVE_REMOVED']);
    for (const one of [scheduler, bystander]) t.same(one.takeOne(LostSlave), { slaveId: agent.slaveId });
    await scheduler.tell(ReviveOffers, {});
    t.same([...scheduler.offered, ...bystander.offered], ['cpus:4;mem:4096'], 'of the new one alone');
    await scheduler.launch([...scheduler.held.keys()], []);
    t.same(scheduler.take(RescindResourceOffer), []);
  });

  t.test('that unregisters is removed with its tasks and offers', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    await scheduler.launch([scheduler.offer.id], [task('t2', agent, 'cpus:1', executor('e', 'cpus:0.5'))]);
    await agent.update(scheduler, 't2', 'TASK_FINISHED', { uuid: 'u2' });
    t.same(scheduler.statuses(), ['t2 TASK_FINISHED']);
    scheduler.forgetAll();
    const ids = [...scheduler.held.keys()];
    await agent.tell(UnregisterSlave, { slaveId: agent.slaveId });
    t.same(
      scheduler.take(RescindResourceOffer).map(({ offerId }) => offerId),
      ids,
    );
    t.same(scheduler.statuses(), ['t1 TASK_LOST REASON_SLAVE_REMOVED']);
    t.same(scheduler.takeOne(LostSlave), { slaveId: agent.slaveId });
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), []);
  });

  t.test('that a new master hears of brings its tasks, executors and frameworks', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.newAgent('cpus:8;mem:8192');
    agent.slaveId = 'old-S7' as SlaveId;
    const frameworkId = 'old-0000' as FrameworkId;
    const scheduler = await rig.newScheduler({ failoverTimeoutMs: 1_000 });
    const by = executor('e', 'cpus:1');
    const tasks = [
      reported({ frameworkId }, task('t1', agent, 'cpus:1', by)),
      reported({ frameworkId }, task('t2', agent, 'cpus:1', by), 'TASK_FINISHED'),
    ];
    const idle = await rig.scheduler();
    const frameworks = [{ ...scheduler.info, id: frameworkId }];
    await agent.reregister({ tasks, executors: [{ frameworkId, executor: by, role: '*' }], frameworks });
    t.same(agent.takeOne(SlaveReregistered), {
      slaveId: 'old-S7',
      totalPingTimeoutMs: 75_000,
      expectedAgents: 1,
      reconciliations: [],
    });
    t.same(idle.offered, ['cpus:6;mem:8192'], 'a task that has ended holds nothing');
    await rig.advance(9_999);
    await scheduler.reregister(frameworkId);
    t.match(scheduler.takeOne(FrameworkReregistered), { frameworkId, master: { id: 'm1' } });
    await rig.advance(60_000);
    t.same(agent.take(ShutdownFramework), [], 'it is back');
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
    await idle.tell(SuppressOffers, {});
    await idle.declineAll();
    t.match(scheduler.offer, { resources: parseResources('cpus:6;mem:8192'), executorIds: ['e'] });
    await scheduler.launch(
      [scheduler.offer.id],
      [task('t3', agent, 'cpus:6', { ...by }), task('t1', agent, 'mem:1', by)],
    );
    t.same(
      agent.tasks().map(({ taskId }) => taskId),
      ['t3'],
      'its executor is paid for',
    );
    t.same(scheduler.statuses(), ['t1 TASK_ERROR REASON_TASK_INVALID']);
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u' });
    await agent.executorExited(scheduler);
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:2;mem:8192']);
  });

  t.test('that brings a framework which does not come back sees it shut down after its time', async (t) => {
    for (const [failoverTimeoutMs, after] of [
      [0, 10_000],
      [50_000, 50_000],
    ] as const) {
      const rig = await Rig.start(t);
      const agent = await rig.newAgent('cpus:8');
      agent.slaveId = 'old-S7' as SlaveId;
      const frameworkId = 'old-0000' as FrameworkId;
      const late = await rig.newScheduler({ failoverTimeoutMs });
      const by = executor('e', 'cpus:1');
      const info = task('t1', agent, 'cpus:1', by);
      const report = {
        tasks: [reported({ frameworkId }, info)],
        executors: [{ frameworkId, executor: by, role: '*' }],
        frameworks: [{ ...late.info, id: frameworkId }],
      };
      await agent.reregister(report);
      await rig.advance(after - 1);
      await agent.reregister(report);
      t.same(agent.take(ShutdownFramework), []);
      await rig.advance(1);
      t.same(agent.takeOne(ShutdownFramework), { frameworkId });
      await late.reregister(frameworkId);
      t.match(late.takeOne(FrameworkError).message, /has been removed/);
      const idle = await rig.scheduler();
      t.same(idle.offered, ['cpus:6'], 'the task and its executor may still run');
      await agent.executorExited({ frameworkId });
      t.same(idle.offered, ['cpus:6', 'cpus:2']);
    }
  });

  t.test('that has what the master shut down is told so again, and its resources stay taken', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const { frameworkId } = scheduler;
    await agent.tell(UnregisterSlave, { slaveId: agent.slaveId });
    await scheduler.tell(UnregisterFramework, {});
    const by = executor('e', 'cpus:0.5');
    const info = task('t1', agent, 'cpus:1;mem:1024', by);
    await agent.reregister({
      tasks: [
        reported({ frameworkId }, info),
        reported({ frameworkId }, { ...info, taskId: 't2' as TaskId }, 'TASK_FAILED'),
      ],
      executors: [{ frameworkId, executor: by, role: '*' }],
      frameworks: [{ ...scheduler.info, id: frameworkId }],
    });
    t.same(agent.takeOne(ShutdownFramework), { frameworkId });
    const idle = await rig.scheduler();
    t.same(idle.offered, ['cpus:2.5;mem:3072']);
    await agent.executorExited({ frameworkId });
    t.same(idle.offered, ['cpus:2.5;mem:3072', 'cpus:1.5;mem:1024']);
  });

  t.test('that is back is asked about the tasks that it does not name', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    const by = executor('e2', 'cpus:0.25');
    await scheduler.launch([scheduler.offer.id], [task('t2', agent, 'cpus:1', by)], 3600);
    const known = reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', executor('e', 'cpus:0.5')));
    const executors = [{ frameworkId: scheduler.frameworkId, executor: executor('e', 'cpus:0.5'), role: '*' }];
    await agent.reregister({ tasks: [known], executors });
    t.same(agent.takeOne(SlaveReregistered).reconciliations, [{ frameworkId: scheduler.frameworkId, taskId: 't2' }]);
    await scheduler.tell(ReviveOffers, {});
    t.same(
      scheduler.offered,
      ['cpus:1.25;mem:3072'],
      'the task may be on its way: it and its executor are still counted',
    );
    await agent.update(scheduler, 't2', 'TASK_DROPPED', { uuid: 'u9' });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:2.5;mem:3072'], 'the executor was never started');
    await scheduler.acknowledge({ slaveId: agent.slaveId, taskId: 't2', uuid: 'u9' });
    await agent.reregister({ tasks: [known], executors });
    t.same(agent.takeOne(SlaveReregistered).reconciliations, []);
    await agent.reregister({});
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3;mem:3072'], 'an executor that ran and is not named any more has ended');
    await agent.update(scheduler, 't1', 'TASK_FAILED', { uuid: 'u10' });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:4;mem:4096']);
    await agent.reregister({});
    t.same(agent.take(SlaveReregistered).at(-1)?.reconciliations, [], 'what has ended and is not named is forgotten');
    await scheduler.launch([...scheduler.held.keys()], [task('t1', agent, 'cpus:1', by)]);
    t.equal(agent.tasks().length, 2, 'so its id may be used again');
    await agent.reregister({ executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }] });
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:2.75;mem:4096']);
    await agent.reregister({});
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:3;mem:4096'], 'an executor that was named once and is not any more has ended');
  });

  t.test('that is back tells the newest states with its report', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const by = executor('e', 'cpus:0.5');
    const ended = reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', by), 'TASK_FAILED');
    await agent.reregister({
      tasks: [ended],
      executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }],
    });
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offered, ['cpus:3.5;mem:4096']);
  });

  t.test('whose report makes no sense is told to end, and leaves nothing behind', async (t) => {
    const rig = await Rig.start(t);
    const scheduler = await rig.scheduler();
    const agent = await rig.newAgent('cpus:8');
    const clash: Resource[] = [
      { name: 'cpus', role: '*', scalar: 1 },
      { name: 'cpus', role: '*', set: ['a'] },
    ];
    await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: clash }, version: '0' });
    t.match(agent.takeOne(Shutdown).message, /report cannot be used: resources: cpus is a scalar/);
    agent.slaveId = 'old-S7' as SlaveId;
    const good = reported(scheduler, task('t1', agent, 'cpus:1'));
    await agent.reregister({ tasks: [good, { ...good, taskId: 't2' as TaskId, resources: clash }] });
    t.match(agent.takeOne(Shutdown).message, /report cannot be used/);
    await agent.reregister({
      tasks: [good],
      executors: [{ frameworkId: scheduler.frameworkId, executor: { ...executor(), resources: clash }, role: '*' }],
    });
    t.match(agent.takeOne(Shutdown).message, /report cannot be used/);
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), [], 'none of its tasks is known');
    await rig.advance(600_000);
    t.same(agent.pings, [], 'nor is it');
    t.same(
      scheduler.names.filter((name) => name !== 'FrameworkRegistered'),
      [],
    );
    await agent.reregister({ tasks: [good], executors: [] });
    t.same(scheduler.offered, ['cpus:7'], 'it may mend its ways');
  });

  t.test('that reports more in use than it has is let in, but nothing of it is offered, also later', async (t) => {
    const rig = await Rig.start(t);
    const scheduler = await rig.scheduler();
    const agent = await rig.newAgent('cpus:2;mem:64;ports:[1-2]');
    agent.slaveId = 'old-S7' as SlaveId;
    const by = executor('e', 'cpus:1');
    const tasks = ['a', 'b', 'c'].map((id) => reported(scheduler, task(id, agent, 'cpus:1;ports:[1-1]', by)));
    const report = { tasks, executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }] };
    await agent.reregister(report);
    t.equal(rig.count('allocator_contradictions'), 1);
    rig.network.interrupt();
    await rig.settle();
    await scheduler.reregister(scheduler.frameworkId);
    await agent.reregister(report);
    await agent.update(scheduler, 'a', 'TASK_FINISHED');
    t.same(scheduler.offered, []);
    // Its framework ends with two tasks on the same port: the books of the others go on.
    await scheduler.tell(UnregisterFramework, {});
    await agent.executorExited(scheduler);
    const sane = await rig.agent('cpus:3');
    const other = await rig.scheduler();
    t.same(
      [...other.held.values()].map(({ slaveId }) => slaveId),
      [sane.slaveId],
    );
  });

  t.test('whose task has an id that is used again by now keeps its resources, and the other its state', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    agent.silent = true;
    await rig.advance(95_000);
    t.same(scheduler.statuses(), ['t1 TASK_UNREACHABLE REASON_SLAVE_REMOVED']);
    const second = await rig.agent('cpus:3');
    await scheduler.launch([scheduler.offer.id], [task('t1', second, 'cpus:2')], 3600);
    await second.update(scheduler, 't1', 'TASK_RUNNING');
    const by = executor('e', 'cpus:0.5');
    agent.silent = false;
    await agent.reregister({
      tasks: [reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', by))],
      executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }],
    });
    t.same(scheduler.offered, ['cpus:2.5;mem:3072']);
    await second.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u' });
    await scheduler.tell(ReviveOffers, {});
    t.same(scheduler.offered, ['cpus:2.5;mem:3072', 'cpus:3'], 'all of the second agent is free');
    await agent.executorExited(scheduler);
    t.same(scheduler.offered.at(-1), 'cpus:1.5;mem:1024', 'its executor gives back what both of them had');
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('that was removed is not offered by what the allocator gave away before it heard of it', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    const { slaveId, hostname, resources } = agent;
    const { frameworkId } = scheduler;
    // All in one turn, and more than the master handles in one: the allocator runs between the first and the last.
    await agent.dispatch(() => {
      const status = {
        taskId: 't1' as TaskId,
        state: 'TASK_FINISHED',
        source: 'SOURCE_EXECUTOR',
        timestamp: 0,
      } as const;
      agent.sayNow(rig.pid, StatusUpdate, { frameworkId, status });
      for (let i = 0; i < 200; i++) agent.sayNow(rig.pid, PongSlave, {});
      agent.sayNow(rig.pid, UnregisterSlave, { slaveId });
      agent.sayNow(rig.pid, ReregisterSlave, {
        slave: { id: slaveId, hostname, resources },
        version: '0',
        tasks: [],
        executors: [],
        frameworks: [],
      });
    });
    await rig.settle();
    t.same(scheduler.offered, [], 'while its removal is being stored, it is not let in');
    await agent.reregister();
    t.same(scheduler.offered, ['cpus:4;mem:4096'], 'all of it, and not more');
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:4;mem:4096']);
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('that takes another name than it had leaves nobody behind under the old one', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const other = await rig.agent('cpus:2');
    await other.tell(UnregisterSlave, { slaveId: other.slaveId });
    await rig.settle();
    scheduler.forgetAll();
    const second = await rig.agent('cpus:3');
    second.end();
    await rig.settle();
    agent.slaveId = second.slaveId;
    const { slaveId: id, hostname, resources } = second;
    await agent.reregister({ slave: { id, hostname, resources } });
    t.same(scheduler.statuses(), ['t1 TASK_LOST REASON_SLAVE_REMOVED']);
  });
});

t.test('The health of an agent', async (t) => {
  t.test('that misses five pings in a row: its tasks are unreachable, it is lost, and may come back', async (t) => {
    const rig = await Rig.start(t, { offerTimeoutMs: 0 });
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    const { id } = scheduler.offer;
    scheduler.forgetAll();
    agent.silent = true;
    await rig.advance(89_999);
    t.equal(agent.pings.length, 5);
    t.same(scheduler.names, []);
    await rig.advance(1);
    t.same(scheduler.names, ['RescindResourceOffer', 'StatusUpdate', 'LostSlave']);
    t.same(scheduler.takeOne(RescindResourceOffer), { offerId: id });
    const { status } = scheduler.takeOne(StatusUpdate);
    t.match(status, { state: 'TASK_UNREACHABLE', reason: 'REASON_SLAVE_REMOVED', slaveId: agent.slaveId });
    t.match(status.message, /unreachable: it missed 5 pings in a row/);
    t.same(scheduler.takeOne(LostSlave), { slaveId: agent.slaveId });
    await rig.advance(60_000);
    t.equal(agent.pings.length, 5, 'it is not pinged any more');
    const before = rig.count('messages_from_strangers');
    await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u2' });
    t.same(scheduler.statuses(), []);
    t.equal(rig.count('messages_from_strangers'), before + 1);

    agent.silent = false;
    const by = executor('e', 'cpus:0.5');
    await agent.reregister({
      tasks: [reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', by))],
      executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }],
    });
    t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_SLAVE_REREGISTERED'], 'its framework hears that it lives');
    t.same(scheduler.offered, ['cpus:2.5;mem:3072']);
    await agent.reregister({ tasks: [reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', by))] });
    t.same(scheduler.statuses(), [], 'once');
    await rig.advance(600_000);
    t.same(
      scheduler.names.filter((name) => name === 'LostSlave'),
      [],
    );
  });

  t.test('is counted from its last registration', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    agent.silent = true;
    await rig.advance(75_000);
    agent.end();
    await rig.settle();
    const back = await rig.reborn(agent);
    await back.reregister();
    back.silent = true;
    await rig.advance(89_999);
    t.same(scheduler.take(LostSlave), []);
    await rig.advance(1);
    t.equal(scheduler.take(LostSlave).length, 1);
  });

  t.test('is good again with a single pong', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    agent.silent = true;
    await rig.advance(75_000);
    await agent.tell(PongSlave, {});
    await rig.advance(89_999);
    t.same(scheduler.names, []);
    await rig.advance(1);
    t.ok(scheduler.names.includes('LostSlave'));
  });

  t.test('that is disconnected: it is told so by the pings, and is given time to register again', async (t) => {
    const rig = await Rig.start(t, { agentReregisterTimeoutMs: 40_000 });
    const { agent, scheduler } = await running(rig, { failoverTimeoutMs: 3_600_000 });
    rig.network.interrupt();
    await rig.settle();
    await scheduler.reregister(scheduler.frameworkId);
    scheduler.forgetAll();
    t.same(scheduler.offered, []);
    await rig.advance(30_000);
    t.same(agent.pings, [false, false]);
    await rig.advance(9_999);
    t.same(scheduler.names, []);
    await rig.advance(1);
    t.same(scheduler.statuses(), ['t1 TASK_UNREACHABLE REASON_SLAVE_REMOVED']);
    t.same(scheduler.takeOne(LostSlave), { slaveId: agent.slaveId });
  });

  t.test('that is back in time is as if it had never been away', async (t) => {
    const rig = await Rig.start(t, { agentReregisterTimeoutMs: 40_000, offerTimeoutMs: 0 });
    const { agent, scheduler } = await running(rig, { failoverTimeoutMs: 3_600_000 });
    rig.network.interrupt();
    await rig.settle();
    await scheduler.reregister(scheduler.frameworkId);
    await rig.advance(39_999);
    const by = executor('e', 'cpus:0.5');
    const report = {
      tasks: [reported(scheduler, task('t1', agent, 'cpus:1;mem:1024', by))],
      executors: [{ frameworkId: scheduler.frameworkId, executor: by, role: '*' }],
    };
    scheduler.forgetAll();
    await agent.reregister(report);
    t.same(scheduler.offered, ['cpus:2.5;mem:3072']);
    t.same(scheduler.names, ['ResourceOffer']);
    agent.pings = [];
    await rig.advance(60_000);
    t.same(scheduler.names, ['ResourceOffer']);
    t.same(new Set(agent.pings), new Set([true]));
  });
});

t.test('A framework', async (t) => {
  t.test('that fails over with force takes everything, and the old scheduler is told and cut off', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const { frameworkId } = scheduler;
    await scheduler.tell(ReviveOffers, {});
    const old = scheduler.offer.id;
    const successor = await rig.newScheduler();
    await successor.reregister(frameworkId, true);
    t.match(scheduler.takeOne(FrameworkError).message, /failed over/);
    t.equal(successor.takeOne(FrameworkReregistered).frameworkId, frameworkId);
    t.same(successor.offered, ['cpus:2.5;mem:3072']);
    t.not(successor.offer.id, old);
    const before = rig.count('messages_from_strangers');
    await scheduler.tell(KillTask, { taskId: 't1' as TaskId });
    await scheduler.tell(UnregisterFramework, {});
    t.equal(rig.count('messages_from_strangers'), before + 2);
    t.same(agent.takeOne(UpdateFramework), { frameworkId }, 'its agents send what the successor may have missed');
    t.same(agent.names, []);
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    t.same(successor.statuses(), ['t1 TASK_FINISHED']);
    t.same(scheduler.names, ['ResourceOffer']);
    scheduler.end();
    await rig.advance(600_000);
    t.same(agent.take(ShutdownFramework), [], 'the end of the old one is nobody any more');
  });

  t.test('that fails over without force is refused, and the old scheduler goes on', async (t) => {
    const rig = await Rig.start(t);
    const { scheduler } = await running(rig);
    const newcomer = await rig.newScheduler();
    await newcomer.reregister(scheduler.frameworkId, false);
    t.match(newcomer.takeOne(FrameworkError).message, new RegExp(`registered as ${scheduler.frameworkId}`));
    t.same(newcomer.names, []);
    t.same(scheduler.names, []);
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
  });

  t.test('that unregisters has its executors shut down, and is refused by its id', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    await scheduler.tell(ReviveOffers, {});
    const { frameworkId } = scheduler;
    const other = await rig.scheduler();
    t.same(other.offered, []);
    await scheduler.tell(UnregisterFramework, {});
    t.same(agent.takeOne(ShutdownFramework), { frameworkId });
    t.same(other.offered, ['cpus:2.5;mem:3072'], 'what its task and its executor have is not free before they end');
    await scheduler.reregister(frameworkId, true);
    t.match(scheduler.takeOne(FrameworkError).message, new RegExp(`Framework ${frameworkId} has been removed`));
    await agent.update(scheduler, 't1', 'TASK_KILLED', { uuid: 'u2' });
    t.same(agent.takeOne(ShutdownFramework), { frameworkId });
    t.same(other.offered, ['cpus:2.5;mem:3072'], 'also not by a word of the task');
    await agent.executorExited(scheduler);
    await other.declineAll();
    t.same(other.offered, ['cpus:4;mem:4096']);
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('that is disconnected gives its offers back; its tasks go on until its time is over', async (t) => {
    for (const failoverTimeoutMs of [0, 60_000]) {
      const rig = await Rig.start(t);
      const { agent, scheduler } = await running(rig, { failoverTimeoutMs });
      await scheduler.tell(ReviveOffers, {});
      const other = await rig.scheduler();
      scheduler.end();
      await rig.settle();
      t.same(other.offered, ['cpus:2.5;mem:3072']);
      if (failoverTimeoutMs > 0) {
        await rig.advance(failoverTimeoutMs - 1);
        t.same(agent.take(ShutdownFramework), []);
        await rig.advance(1);
      }
      t.same(agent.takeOne(ShutdownFramework), { frameworkId: scheduler.frameworkId });
    }
  });

  t.test('that is back in time goes on, and is not removed later', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    scheduler.end();
    await rig.advance(59_999);
    const successor = await rig.newScheduler();
    await successor.reregister(scheduler.frameworkId, true);
    await rig.advance(600_000);
    t.same(agent.take(ShutdownFramework), []);
    await successor.tell(ReconcileTasks, { statuses: [] });
    t.same(successor.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
  });

  t.test('that comes back from the same scheduler has its offers voided and made anew', async (t) => {
    const rig = await Rig.start(t);
    await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    const { id } = scheduler.offer;
    await scheduler.reregister(scheduler.frameworkId);
    t.same(scheduler.offered, ['cpus:4']);
    t.not(scheduler.offer.id, id);
    t.same(scheduler.take(FrameworkError), []);
  });

  t.test('whose scheduler speaks for another one now is left to its failover timeout', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const first = scheduler.frameworkId;
    await scheduler.reregister('second' as FrameworkId);
    t.equal(scheduler.takeOne(FrameworkReregistered).frameworkId, 'second');
    await rig.advance(60_000);
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: first });
    scheduler.end();
    await rig.advance(60_000);
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: 'second' }, 'its end is noticed all the same');
  });
});

t.test('A master that does not lead', async (t) => {
  t.test('drops everything, and counts it', async (t) => {
    const { rig, master } = await Rig.standby(t);
    const agent = await rig.newAgent('cpus:4');
    const scheduler = await rig.newScheduler();
    await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: agent.resources }, version: '0' });
    await scheduler.say(rig.pid, RegisterFramework, { framework: scheduler.info });
    await rig.advance(60_000);
    t.same([...agent.names, ...scheduler.names], []);
    t.equal(rig.count('messages_not_admitted'), 2);
    await rig.elect(master);
    await agent.register();
    await scheduler.register();
    t.same(scheduler.offered, ['cpus:4']);
  });

  t.test('any more is silent, whatever it hears and whatever falls due', async (t) => {
    const rig = await Rig.start(t, { agentReregisterTimeoutMs: 1_000 });
    const { agent, scheduler } = await running(rig);
    const other = await rig.scheduler();
    other.forgetAll();
    const deserter = await rig.agent('cpus(x):1');
    deserter.end();
    await rig.settle();
    rig.leadership.valid = false;
    const before = rig.count('messages_not_admitted');
    await scheduler.tell(ReviveOffers, {});
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u2' });
    t.equal(rig.count('messages_not_admitted'), before + 2);
    other.end();
    agent.end();
    await rig.advance(600_000);
    t.same([...scheduler.names, ...other.names], [], 'no offer, no rescission, no lost agent');
    t.same(agent.names, []);
  });
});

t.test('Strangers and nonsense', async (t) => {
  t.test('are dropped and counted, and harm nobody', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const thief = await rig.scheduler();
    const stranger = await rig.stranger();
    const { frameworkId } = scheduler;
    const { slaveId } = agent;
    const taskId = 't1' as TaskId;
    const filters = { refuseSeconds: 0 };
    const before = rig.count('messages_from_strangers');
    for (const one of [thief, stranger]) {
      await one.say(rig.pid, KillTask, { frameworkId, taskId });
      await one.say(rig.pid, UnregisterFramework, { frameworkId });
      await one.say(rig.pid, StatusUpdateAcknowledgement, { frameworkId, taskId, slaveId, uuid: 'u1' });
      await one.say(rig.pid, ReconcileTasks, { frameworkId, statuses: [] });
      await one.say(rig.pid, SuppressOffers, { frameworkId });
      await one.say(rig.pid, LaunchTasks, { frameworkId, offerIds: [thief.offer.id], tasks: [], filters });
      await one.say(rig.pid, UnregisterSlave, { slaveId });
      await one.say(rig.pid, PongSlave, {});
      await one.say(rig.pid, ExitedExecutor, { frameworkId, slaveId, executorId: executor().executorId, status: 0 });
      await one.say(rig.pid, StatusUpdate, {
        frameworkId,
        status: { taskId, state: 'TASK_FAILED', source: 'SOURCE_EXECUTOR', timestamp: 0, uuid: 'u2' },
      });
    }
    await rig.settle();
    t.equal(rig.count('messages_from_strangers'), before + 20);
    const asked = stranger.take(PingSlave).map(({ connected }) => connected);
    t.same(asked, [false, false], 'who tells of tasks as an agent does is asked to register');
    t.same([...agent.names, ...scheduler.names, ...stranger.names], []);
    t.same(thief.offered, ['cpus:2.5;mem:3072']);
    await scheduler.tell(ReconcileTasks, { statuses: [] });
    t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION']);
  });

  t.test(
    'that register with another leadership, however late that comes, are not registered with this one',
    async (t) => {
      const rig = await Rig.start(t);
      const { agent, scheduler } = await running(rig);
      const { epoch } = rig.leadership;
      const slave = { id: agent.slaveId, hostname: 'h', resources: [] };
      const framework = { ...scheduler.info, id: scheduler.frameworkId };
      const stranger = await rig.stranger();
      const before = rig.count('registrations_for_other_leaders');
      for (const leaderEpoch of [epoch - 1, epoch + 1]) {
        await agent.say(rig.pid, ReregisterSlave, {
          ...{ leaderEpoch, slave, version: '0' },
          ...{ tasks: [], executors: [], frameworks: [] },
        });
        await stranger.say(rig.pid, RegisterSlave, {
          leaderEpoch,
          slave: { hostname: 'h', resources: [] },
          version: '0',
        });
        await stranger.say(rig.pid, RegisterFramework, { leaderEpoch, framework: scheduler.info });
        await stranger.say(rig.pid, ReregisterFramework, { leaderEpoch, framework, failover: true });
      }
      await rig.settle();
      t.equal(rig.count('registrations_for_other_leaders'), before + 8);
      t.same([...agent.names, ...scheduler.names, ...stranger.names], []);
      await scheduler.tell(ReconcileTasks, { statuses: [] });
      t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_RECONCILIATION'], 'an old report takes nothing back');
      await stranger.say(rig.pid, ReregisterFramework, { leaderEpoch: epoch, framework, failover: true });
      await rig.settle();
      t.same(scheduler.take(FrameworkError).length, 1, 'with its own epoch it is taken');
    },
  );

  t.test('do not decline what another was offered', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:4');
    const one = await rig.scheduler();
    const two = await rig.scheduler();
    await two.decline([one.offer.id]);
    t.same(two.offered, []);
    await one.launch([one.offer.id], [task('t1', agent, 'cpus:4')]);
    t.equal(agent.tasks().length, 1, 'it is still good');
  });

  t.test('in the form of malformed messages are counted', async (t) => {
    const rig = await Rig.start(t);
    const { agent, scheduler } = await running(rig);
    const { frameworkId } = scheduler;
    const bad: [MessageType, unknown][] = [
      [KillTask as never, { frameworkId }],
      [KillTask as never, { frameworkId, taskId: '../x' }],
      [LaunchTasks as never, { frameworkId, offerIds: [], tasks: [], filters: { refuseSeconds: 0 } }],
      [LaunchTasks as never, { frameworkId, offerIds: ['x'], tasks: [], filters: { refuseSeconds: -1 } }],
      [RegisterFramework as never, { framework: { ...scheduler.info, roles: ['..'] } }],
      [RegisterSlave as never, { slave: { hostname: 'h', resources: [{ name: 'cpus', role: '*', scalar: 0.5 }] } }],
      [ReregisterSlave as never, null],
    ];
    for (const [type, body] of bad) await scheduler.say(rig.pid, type, body as never);
    await rig.settle();
    t.equal(rig.count('messages_invalid'), bad.length);
    t.same([...agent.names, ...scheduler.names], []);
    await scheduler.tell(KillTask, { taskId: 't1' as TaskId });
    t.equal(agent.take(KillTask).length, 1, 'the master lives');
  });
});
