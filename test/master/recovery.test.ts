import { type MasterOptions, MutableRegistry, type RegistryOperation } from '@mesos-ts/master';
import {
  FrameworkError,
  type FrameworkId,
  FrameworkReregistered,
  KillTask,
  LostSlave,
  parseResources,
  ReconcileTasks,
  Shutdown,
  ShutdownFramework,
  type SlaveId,
  SlaveReregistered,
  type TaskId,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { executor, Rig, reported, type ScriptedAgent, task } from './rig.js';
import { ScriptedRegistrar } from './scripted-registrar.js';

/*
 * A new leader with what an earlier one has left in the registry: whom it waits for, whom it lets in, and what it makes of
 * those that do not come (Mesos facts 3.2, 3.3, 3.5).
 */

const resources = parseResources('cpus:4');
const a1 = 'old-S1' as SlaveId;
const f1 = 'old-0001' as FrameworkId;

/** An agent as an earlier leader has let it in. It lives on the Node of that name once a test starts it. */
function admitted(id: SlaveId, hostname = 'agent-1'): RegistryOperation {
  return { type: 'admit-agent', id, info: { id, hostname, resources }, at: 0 };
}

function framework(id: FrameworkId, failoverTimeoutMs = 60_000): RegistryOperation {
  const info = { id, name: 'framework-1', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs };
  return { type: 'admit-framework', id, info };
}

async function leading(t: Test, before: readonly RegistryOperation[], options: MasterOptions = {}, remembers = true) {
  const registry = new MutableRegistry();
  for (const operation of before) registry.apply(operation);
  const registrar = new ScriptedRegistrar(registry, remembers);
  const rig = await Rig.start(t, options, registrar);
  return { rig, registrar };
}

/** Known to the registry as {@link admitted}. */
async function comesBack(rig: Rig, id: SlaveId = a1): Promise<ScriptedAgent> {
  const agent = await rig.newAgent('cpus:4');
  agent.slaveId = id;
  return agent;
}

t.test('A new leader waits for the agents that the registry knows', async (t) => {
  t.test('and lets them in without a write, with all that they run', async (t) => {
    const { rig, registrar } = await leading(t, [admitted(a1), framework(f1)]);
    const agent = await comesBack(rig);
    const scheduler = await rig.newScheduler({ name: 'framework-1' });
    await scheduler.reregister(f1);
    scheduler.takeOne(FrameworkReregistered);
    const by = executor('e', 'cpus:0.5');
    const running = task('t1', agent, 'cpus:1', by);
    const report = {
      tasks: [reported(scheduler, running)],
      executors: [{ frameworkId: f1, executor: by, role: '*' }],
      frameworks: [scheduler.info],
    };
    await agent.reregister(report);
    t.same(agent.takeOne(SlaveReregistered), {
      slaveId: a1,
      totalPingTimeoutMs: 75_000,
      expectedAgents: 1,
      reconciliations: [],
    });
    t.same(registrar.written(), []);
    t.same(scheduler.offered, ['cpus:2.5']);
    await agent.reregister(report);
    t.equal(agent.take(SlaveReregistered).length, 1, 'said twice, it is answered twice');
    t.same(scheduler.offered, ['cpus:2.5'], 'and counted once');
    await rig.advance(600_000);
    t.same(scheduler.take(LostSlave), [], 'nobody waits for it any more');
  });

  t.test('to one deadline, and marks those as unreachable that did not come', async (t) => {
    const ids = ['old-S1', 'old-S2', 'old-S3'] as SlaveId[];
    const { rig, registrar } = await leading(t, [...ids.map((id, i) => admitted(id, `agent-${i + 1}`)), framework(f1)]);
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    scheduler.forgetAll();
    const ask = async (): Promise<string[]> => {
      const statuses = [...ids, 'old-S9' as SlaveId].map((slaveId, i) => ({ taskId: `t${i + 1}` as TaskId, slaveId }));
      await scheduler.tell(ReconcileTasks, { statuses: [...statuses, { taskId: 'somewhere' as TaskId }] });
      return scheduler.statuses().map((text) => text.replace(' REASON_RECONCILIATION', ''));
    };
    t.same(await ask(), ['t4 TASK_UNKNOWN'], 'of those that may come nothing is said');
    await rig.advance(599_999);
    t.same(scheduler.take(LostSlave), []);
    const agent = await comesBack(rig, 'old-S2' as SlaveId);
    await agent.reregister({ slave: { id: agent.slaveId, hostname: 'agent-2', resources } });
    agent.takeOne(SlaveReregistered);
    await rig.advance(1);
    t.same(registrar.written(), ['mark-unreachable old-S1', 'mark-unreachable old-S3']);
    t.same(scheduler.take(LostSlave), [{ slaveId: 'old-S1' }, { slaveId: 'old-S3' }]);
    t.same(await ask(), [
      't1 TASK_UNREACHABLE',
      't2 TASK_GONE',
      't3 TASK_UNREACHABLE',
      't4 TASK_UNKNOWN',
      'somewhere TASK_UNKNOWN',
    ]);
  });
});

t.test('Those that do not come are marked a part at a time, however many', async (t) => {
  const ids = Array.from({ length: 500 }, (_, i) => `old-S${i}` as SlaveId);
  const { rig, registrar } = await leading(
    t,
    ids.map((id) => admitted(id)),
  );
  registrar.hold();
  await rig.advance(600_000);
  t.equal(registrar.written().length, 64);
  registrar.release();
  await rig.settle();
  t.equal(registrar.registry.unreachable.size, 500);
});

t.test('One that registers while it is being marked is let in when that is stored', async (t) => {
  const { rig, registrar } = await leading(t, [admitted(a1)]);
  const agent = await comesBack(rig);
  registrar.hold();
  await rig.advance(600_000);
  await agent.reregister();
  t.same(agent.names, []);
  registrar.release();
  await rig.settle();
  await agent.reregister();
  agent.takeOne(SlaveReregistered);
  t.same(registrar.written(), ['mark-unreachable old-S1', 'mark-reachable old-S1']);
});

t.test('A leader to which more agents do not come than may be marked at once marks none, and steps down', async (t) => {
  const ids = ['old-S1', 'old-S2', 'old-S3', 'old-S4'] as SlaveId[];
  const known = ids.map((id, i) => admitted(id, `agent-${i + 1}`));
  for (const limit of [50, 49.9]) {
    const { rig, registrar } = await leading(t, known, { recoveryAgentRemovalLimitPercent: limit });
    for (const id of ids.slice(0, 2)) await (await comesBack(rig, id)).reregister();
    registrar.written();
    await rig.advance(600_000);
    if (limit === 50) {
      t.same(rig.steppedDown, []);
      t.equal(registrar.written().length, 2);
    } else {
      t.match(rig.steppedDown, [/2 of 4 agents .* more than the 49.9 % that may be marked unreachable at once/]);
      t.same(registrar.written(), []);
    }
  }
});

t.test('An agent', async (t) => {
  t.test(
    'that was marked unreachable is let in when that is stored, and its frameworks hear of its tasks',
    async (t) => {
      const { rig, registrar } = await leading(t, [
        admitted(a1),
        { type: 'mark-unreachable', id: a1, at: 0 },
        framework(f1),
      ]);
      const scheduler = await rig.newScheduler();
      await scheduler.reregister(f1);
      scheduler.forgetAll();
      const agent = await comesBack(rig);
      await agent.reregister({
        tasks: [reported(scheduler, task('t1', agent, 'cpus:1'))],
        frameworks: [scheduler.info],
      });
      t.same(registrar.written(), ['mark-reachable old-S1']);
      agent.takeOne(SlaveReregistered);
      t.same(scheduler.statuses(), ['t1 TASK_RUNNING REASON_SLAVE_REREGISTERED']);
    },
  );

  t.test('that nobody knows any more is let in, with the frameworks that only it knows', async (t) => {
    const { rig, registrar } = await leading(t, []);
    const agent = await comesBack(rig, 'older-S7' as SlaveId);
    const info = { id: f1, name: 'n', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000 };
    await agent.reregister({
      tasks: [reported({ frameworkId: f1 }, task('t1', agent, 'cpus:1'))],
      frameworks: [info],
    });
    t.same(registrar.written(), ['admit-agent older-S7', 'admit-framework old-0001']);
    agent.takeOne(SlaveReregistered);
    const other = await comesBack(rig, 'older-S8' as SlaveId);
    await other.reregister({ frameworks: [info] });
    t.same(registrar.written(), ['admit-agent older-S8'], 'a framework once');
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    scheduler.takeOne(FrameworkReregistered);
    t.equal(scheduler.held.size, 2);
  });

  t.test('that is gone for good is told to end, whenever it comes', async (t) => {
    const { rig, registrar } = await leading(t, [admitted(a1), { type: 'mark-gone', id: a1, at: 0 }, framework(f1)]);
    const agent = await comesBack(rig);
    await agent.reregister();
    await agent.reregister();
    t.match(agent.take(Shutdown), [{ message: /gone for good/ }, { message: /gone for good/ }]);
    t.same(agent.take(SlaveReregistered), []);
    t.same(registrar.written(), []);
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    await scheduler.tell(ReconcileTasks, { statuses: [{ taskId: 't1' as TaskId, slaveId: a1 }] });
    t.same(scheduler.statuses(), ['t1 TASK_GONE REASON_RECONCILIATION']);
  });

  t.test('that is another by now is let in anew, and the one before is waited for', async (t) => {
    const { rig, registrar } = await leading(t, [admitted(a1)]);
    const agent = await rig.newAgent('cpus:4');
    await agent.register();
    t.same(registrar.written(), ['admit-agent m1-S0']);
    await rig.advance(600_000);
    t.same(registrar.written(), ['mark-unreachable old-S1']);
  });

  t.test('whose description has changed is stored so before it is answered', async (t) => {
    const { rig, registrar } = await leading(t, [admitted(a1)]);
    const agent = await comesBack(rig);
    registrar.hold();
    const slave = { id: a1, hostname: agent.hostname, resources: parseResources('cpus:8') };
    await agent.reregister({ slave });
    t.same(agent.names, []);
    t.same(registrar.written(), ['update-agent old-S1']);
    registrar.release();
    await rig.settle();
    agent.takeOne(SlaveReregistered);
    t.same((await rig.scheduler()).offered, ['cpus:8']);
  });

  t.test('hears of the frameworks that were removed meanwhile', async (t) => {
    const { rig } = await leading(t, [admitted(a1), { type: 'remove-framework', id: f1, at: 0 }]);
    const agent = await comesBack(rig);
    const info = { id: f1, name: 'n', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000 };
    const by = executor('e', 'cpus:0.5');
    await agent.reregister({
      tasks: [reported({ frameworkId: f1 }, task('t1', agent, 'cpus:1', by))],
      executors: [{ frameworkId: f1, executor: by, role: '*' }],
      frameworks: [info],
    });
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: f1 });
    t.same((await rig.scheduler()).offered, ['cpus:2.5'], 'what runs there is in use until it has ended');
  });

  t.test('gets the kills that were asked for while it was away from this leader', async (t) => {
    const { rig } = await leading(t, [admitted(a1), framework(f1)]);
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    const agent = await comesBack(rig);
    const report = { tasks: [reported(scheduler, task('t1', agent, 'cpus:1'))], frameworks: [scheduler.info] };
    await agent.reregister(report);
    agent.end();
    await rig.settle();
    for (let i = 0; i < 2; i++) await scheduler.tell(KillTask, { taskId: 't1' as TaskId });
    const again = await rig.reborn(agent);
    await again.reregister(report);
    t.same(again.take(KillTask), [{ frameworkId: f1, taskId: 't1' }]);
    await again.reregister(report);
    t.same(again.take(KillTask), []);
  });
});

t.test('A framework', async (t) => {
  t.test('that the registry knows comes back without a write, and none but those does', async (t) => {
    const { rig, registrar } = await leading(t, [
      framework(f1),
      { type: 'remove-framework', id: 'old-2' as FrameworkId, at: 0 },
    ]);
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    scheduler.takeOne(FrameworkReregistered);
    const liar = await rig.newScheduler();
    await liar.reregister('invented-0000' as FrameworkId);
    t.match(liar.takeOne(FrameworkError), { message: 'Framework invented-0000 is not known: register as a new one' });
    await liar.reregister('old-2' as FrameworkId);
    t.match(liar.takeOne(FrameworkError), { message: /old-2 has been removed/ });
    t.same(registrar.written(), []);
  });

  t.test('with any id is let in where the registry does not outlive a leader', async (t) => {
    const { rig, registrar } = await leading(t, [], {}, false);
    const scheduler = await rig.newScheduler();
    await scheduler.reregister('whoever-0000' as FrameworkId);
    scheduler.takeOne(FrameworkReregistered);
    t.same(registrar.written(), ['admit-framework whoever-0000']);
  });

  t.test('that never returns is removed when its failover timeout is over, counted from the election', async (t) => {
    const { rig, registrar } = await leading(t, [admitted(a1), framework(f1, 30_000)]);
    const agent = await comesBack(rig);
    await agent.reregister();
    agent.forgetAll();
    await rig.advance(29_999);
    t.same(registrar.written(), []);
    await rig.advance(1);
    t.same(registrar.written(), ['remove-framework old-0001']);
    t.same(agent.takeOne(ShutdownFramework), { frameworkId: f1 });
    const scheduler = await rig.newScheduler();
    await scheduler.reregister(f1);
    t.match(scheduler.takeOne(FrameworkError), { message: /has been removed/ });
  });

  /** How long a framework is waited for that was seen to go at that time, before the election. */
  const waits: readonly (readonly [string, number, number, number])[] = [
    ['had been away for some time gets what is left', 60_000, -20_000, 40_000],
    ['had been away for nearly all of it gets ten seconds', 60_000, -59_000, 10_000],
    ['had been away for longer gets ten seconds, as clocks may differ', 60_000, -3_600_000, 10_000],
    ['went in the future, as clocks differ, gets all of it and no more', 60_000, 3_600_000, 60_000],
    ['does not want its tasks to outlive it gets ten seconds to find the new leader', 0, -1, 10_000],
  ];
  for (const [what, failoverTimeoutMs, wentMs, waitMs] of waits)
    t.test(`that ${what}`, async (t) => {
      const now = new Rig().clock.wallTime();
      const { rig, registrar } = await leading(t, [
        framework(f1, failoverTimeoutMs),
        { type: 'framework-disconnected', id: f1, at: now + wentMs },
      ]);
      await rig.advance(waitMs - 1);
      t.same(registrar.written(), []);
      await rig.advance(1);
      t.same(registrar.written(), ['remove-framework old-0001']);
    });

  t.test('that is back in time is stored as connected before it is answered, and not removed', async (t) => {
    const { rig, registrar } = await leading(t, [framework(f1), { type: 'framework-disconnected', id: f1, at: 0 }]);
    const scheduler = await rig.newScheduler();
    registrar.hold();
    await scheduler.reregister(f1);
    t.same(scheduler.names, []);
    t.same(registrar.written(), ['framework-connected old-0001']);
    registrar.release();
    await rig.settle();
    scheduler.takeOne(FrameworkReregistered);
    await rig.advance(600_000);
    t.same(registrar.written(), []);
  });
});

t.test('An update from an agent that was removed is not taken, and it is asked to register', async (t) => {
  const { rig } = await leading(t, [framework(f1)]);
  const scheduler = await rig.newScheduler();
  await scheduler.reregister(f1);
  const agent = await rig.newAgent('cpus:4');
  await agent.register();
  agent.silent = true;
  await rig.advance(90_000);
  agent.forgetAll();
  agent.pings = [];
  scheduler.forgetAll();
  await agent.update(scheduler, 't1', 'TASK_RUNNING', { uuid: 'u' });
  t.same(scheduler.names, []);
  t.same(agent.pings, [false]);
});
