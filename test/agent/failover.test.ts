import type { AnyMessageType } from '@mesos-ts/process';
import {
  type ExecutorId,
  ExitedExecutor,
  FrameworkToExecutor,
  KillTask,
  PingSlave,
  PongSlave,
  RegisterSlave,
  ReregisterSlave,
  Shutdown,
  ShutdownExecutor,
  ShutdownFramework,
  SlaveRegistered,
  SlaveReregistered,
  StaleLeader,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskId,
  UpdateFramework,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import type { ScriptedMaster } from './scripted-master.js';
import { frameworkId, slaveId, VirtualAgent } from './virtual-agent.js';

const taskId = 't1' as TaskId;
const executorId = 'e1' as ExecutorId;

/** With a running task, of which everything is acknowledged. */
async function running(t: Test): Promise<VirtualAgent> {
  const stage = await VirtualAgent.start(t, { registrationBackoffMs: 100 });
  await stage.run('t1');
  await acknowledge(stage, 't1 TASK_RUNNING');
  return stage;
}

async function acknowledge(stage: VirtualAgent, update: string): Promise<void> {
  const [task = '', uuid = update] = [update.split(' ')[0], update];
  await stage.say(stage.pid, StatusUpdateAcknowledgement, { slaveId, frameworkId, taskId: task as TaskId, uuid });
}

/** Takes out the updates that a master heard, as `task STATE`. */
async function updates({ master, clock }: VirtualAgent): Promise<string[]> {
  await clock.settle();
  const told: string[] = [];
  while (master.heard(StatusUpdate) > 0) {
    const { status } = (await master.next(StatusUpdate)).body;
    told.push(`${status.taskId} ${status.state}`);
  }
  return told;
}

/** Everything that a master may say to an agent, in a form that would show. */
const everything: readonly [AnyMessageType, object][] = [
  [SlaveRegistered, { slaveId, totalPingTimeoutMs: 1, expectedAgents: 1 }],
  [
    SlaveReregistered,
    { slaveId, totalPingTimeoutMs: 1, expectedAgents: 1, reconciliations: [{ frameworkId, taskId: 't9' }] },
  ],
  [PingSlave, { connected: false, expectedAgents: 1 }],
  [KillTask, { frameworkId, taskId }],
  [StatusUpdateAcknowledgement, { slaveId, frameworkId, taskId: 't2', uuid: 't2 TASK_RUNNING' }],
  [FrameworkToExecutor, { slaveId, frameworkId, executorId, data: new Uint8Array() }],
  [ShutdownExecutor, { frameworkId, executorId }],
  [UpdateFramework, { frameworkId }],
  [ShutdownFramework, { frameworkId }],
  [Shutdown, { message: 'away with you' }],
];

/** Nothing of {@link everything} was acted upon. `t2` waits for an acknowledgement. */
async function untouched(t: Test, stage: VirtualAgent): Promise<void> {
  t.same(stage.executors.kills, []);
  t.same(stage.executors.ids, ['e1']);
  t.equal(stage.agent.end, undefined);
  t.equal(stage.count('framework_messages_dropped'), 0);
  t.equal(stage.master.heard(ReregisterSlave), 0, 'it is still registered');
  await stage.clock.advance(10_000);
  t.same(await updates(stage), ['t2 TASK_RUNNING'], 'what was not acknowledged is told again, and nothing else');
}

t.test('What a leader says whom another has followed', async (t) => {
  t.test('is dropped, counted, and answered with the epoch of the later one', async (t) => {
    const stage = await running(t);
    const old = stage.master;
    await stage.succeed('m2', 2);
    await stage.run('t2');
    t.same(await updates(stage), ['t2 TASK_RUNNING']);
    for (const [type, body] of everything) await old.sayTo(stage.pid, type, body as never);
    await stage.clock.settle();
    t.equal(stage.count('messages_from_stale_leaders'), everything.length);
    for (const _message of everything) t.same((await old.next(StaleLeader)).body, { epoch: 2 });
    t.equal(old.heard(PongSlave), 0);
    await untouched(t, stage);
  });

  t.test('is not heard either when it comes from where the leader is', async (t) => {
    const stage = await running(t);
    await stage.succeed('m2', 7);
    await stage.run('t2');
    t.same(await updates(stage), ['t2 TASK_RUNNING']);
    for (const [type, body] of everything) await stage.say(stage.pid, type, { ...body, epoch: 6 } as never);
    t.equal(stage.count('messages_from_stale_leaders'), everything.length);
    await untouched(t, stage);
    t.same((await stage.master.next(StaleLeader)).body, { epoch: 7 });
  });

  t.test('is not heard before the successor has answered', async (t) => {
    const stage = await running(t);
    const old = stage.master;
    const successor = await stage.addMaster('m2', 2);
    successor.answering = false;
    await stage.appoint(successor);
    await old.sayTo(stage.pid, KillTask, { frameworkId, taskId });
    await stage.clock.settle();
    t.same(stage.executors.kills, []);
    t.same((await old.next(StaleLeader)).body, { epoch: 2 });
  });
});

t.test('What comes without an epoch, or with one that is none, is dropped and harms nobody', async (t) => {
  const stage = await running(t);
  await stage.run('t2');
  t.same(await updates(stage), ['t1 TASK_RUNNING', 't2 TASK_RUNNING']);
  const before = stage.count('messages_not_admitted');
  const none = [undefined, null, '1', 1.5, Number.NaN, Number.POSITIVE_INFINITY, [1], {}];
  for (const epoch of none)
    for (const [type, body] of everything) await stage.say(stage.pid, type, { ...body, epoch } as never);
  for (const body of [null, 7, 'x', []])
    await stage.master.dispatch(() => (stage.master as unknown as Raw).send(stage.pid, KillTask, body));
  await stage.clock.settle();
  t.equal(stage.count('messages_not_admitted') - before, none.length * everything.length + 4);
  t.equal(stage.master.heard(StaleLeader), 0, 'of which nobody is told');
  await untouched(t, stage);
});

interface Raw {
  send(to: string, type: AnyMessageType, body: unknown): void;
}

t.test('A stranger with a high epoch is not heard, and does not raise the fence', async (t) => {
  const stage = await running(t);
  const stranger = await stage.addMaster('m9', Number.MAX_SAFE_INTEGER - 1);
  await stranger.sayTo(stage.pid, Shutdown, { message: 'away with you' });
  await stranger.sayTo(stage.pid, SlaveReregistered, {
    slaveId,
    totalPingTimeoutMs: 1,
    expectedAgents: 1,
    reconciliations: [],
  });
  await stage.clock.settle();
  t.equal(stage.agent.end, undefined);
  await stage.say(stage.pid, KillTask, { frameworkId, taskId });
  t.same(stage.executors.kills, ['t1'], 'the leader is heard as before');
});

t.test('A master that stands alone begins again with the same epoch, and is followed', async (t) => {
  const stage = await running(t);
  await stage.appoint(undefined);
  stage.detector.appoint({ pid: 'master@m1' as never, epoch: 1 });
  await stage.clock.settle();
  await stage.master.next(ReregisterSlave);
  stage.network.crash('m1');
  const successor = await stage.addMaster('m1', 1);
  stage.master = successor;
  stage.network.interrupt();
  await stage.clock.advance(5_000);
  t.match((await successor.next(ReregisterSlave)).body, { slave: { id: slaveId }, tasks: [{ taskId: 't1' }] });
  await stage.say(stage.pid, KillTask, { frameworkId, taskId });
  t.same(stage.executors.kills, ['t1']);
});

t.test(
  'A leader of a lower epoch than the agent has seen is told so, and followed once its epoch is higher',
  async (t) => {
    const stage = await running(t);
    await stage.succeed('m2', 900);
    const reborn = await stage.addMaster('m3', 3);
    await stage.appoint(reborn);
    await stage.clock.advance(100);
    t.same((await reborn.next(StaleLeader)).body, { epoch: 900 });
    await reborn.sayTo(stage.pid, KillTask, { frameworkId, taskId });
    await stage.clock.settle();
    t.same(stage.executors.kills, [], 'its answer registers nobody');
    reborn.epoch = 901;
    await stage.appoint(reborn);
    await stage.clock.advance(100);
    await reborn.sayTo(stage.pid, KillTask, { frameworkId, taskId });
    await stage.clock.settle();
    t.same(stage.executors.kills, ['t1']);
  },
);

t.test('A new leader', async (t) => {
  t.test('is come to within 0.1 ms for each agent that the last one told of, and not all at once', async (t) => {
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const stage = await VirtualAgent.start(t, {}, false);
      for (let skipped = 0; skipped < i; skipped++) stage.node.random.fraction();
      stage.master.expectedAgents = 10_000;
      await stage.appoint(stage.master);
      const successor = await stage.addMaster('m2', 2);
      const begin = stage.clock.now();
      await stage.appoint(successor);
      for (let ms = 0; ms < 1_000 && successor.heard(ReregisterSlave) === 0; ms += 10) await stage.clock.advance(10);
      t.equal(successor.heard(ReregisterSlave), 1, 'within a second');
      times.push(stage.clock.now() - begin);
    }
    t.ok(new Set(times).size > 10, `at ${times.join(', ')} ms`);
    t.ok(Math.max(...times) - Math.min(...times) > 500, 'over most of that second');
  });

  t.test('that does not answer yet, as it recovers, is asked again within a tenth of a second', async (t) => {
    const stage = await VirtualAgent.start(t);
    const successor = await stage.addMaster('m2', 2);
    successor.answering = false;
    await stage.appoint(successor);
    await successor.next(ReregisterSlave);
    await stage.clock.advance(100);
    t.ok(successor.heard(ReregisterSlave) > 0);
    successor.answering = true;
    await stage.clock.advance(1_000);
    const heard = successor.heard(ReregisterSlave);
    await stage.clock.advance(50_000);
    t.equal(successor.heard(ReregisterSlave), heard, 'and no more once it has answered');
  });

  t.test('hears of a task that ended and of an executor that is gone since nobody led', async (t) => {
    const stage = await running(t);
    await stage.run('t2', 'e2');
    await acknowledge(stage, 't2 TASK_RUNNING');
    await stage.appoint(undefined);
    await stage.tell('t1', 'TASK_FINISHED');
    await stage.endExecutor(1, 'e2');
    await stage.clock.advance(5_000);
    const { report } = await stage.succeed('m2', 2);
    t.match(report, {
      tasks: [
        { taskId: 't1', state: 'TASK_FINISHED' },
        { taskId: 't2', state: 'TASK_FAILED' },
      ],
      executors: [{ executor: { executorId: 'e1' } }],
    });
    t.equal(report.executors.length, 1);
    t.same(await updates(stage), ['t1 TASK_FINISHED', 't2 TASK_FAILED']);
    t.equal(stage.master.heard(ExitedExecutor), 0);
  });

  t.test('hears in which role each task and each executor uses resources', async (t) => {
    const stage = await running(t);
    await stage.run('t2', 'e2', true, 'eng/prod');
    await stage.run('t3', 'e2', false, 'ads');
    await stage.appoint(undefined);
    const { report } = await stage.succeed('m2', 2);
    t.same(
      report.tasks.map((task) => `${task.taskId} ${task.role}`),
      ['t1 *', 't2 eng/prod', 't3 ads'],
    );
    t.same(
      report.executors.map(({ executor, role }) => `${executor.executorId} ${role}`),
      ['e1 *', 'e2 eng/prod'],
      'an executor in that of the task which it was started for',
    );
  });

  t.test('hears of the agent what the first one heard: what it is like and where it stands', async (t) => {
    const place = { attributes: [{ name: 'rack', text: 'a' }], domain: { region: 'eu', zone: 'eu-1' } };
    const stage = await VirtualAgent.start(t, place);
    t.match((await stage.master.next(RegisterSlave)).body.slave, place);
    await stage.appoint(undefined);
    t.match((await stage.succeed('m2', 2)).report.slave, { id: slaveId, ...place });
    const plain = (await (await VirtualAgent.start(t)).master.next(RegisterSlave)).body.slave;
    t.same(Object.keys(plain).sort(), ['hostname', 'resources'], 'nothing is said where nothing is known');
  });

  t.test('has what was missed meanwhile done: kills, and the end of frameworks, once or twice', async (t) => {
    const stage = await running(t);
    await stage.run('t2');
    await acknowledge(stage, 't2 TASK_RUNNING');
    await stage.succeed('m2', 2);
    for (let time = 0; time < 2; time++) await stage.say(stage.pid, KillTask, { frameworkId, taskId });
    t.same(stage.executors.kills, ['t1'], 'a task that has ended is not killed again');
    t.same(await updates(stage), ['t1 TASK_KILLED']);
    for (let time = 0; time < 2; time++) await stage.say(stage.pid, ShutdownFramework, { frameworkId });
    await stage.clock.advance(10_000);
    t.same(stage.executors.ids, []);
    t.same(await updates(stage), [], 'and of a framework that is gone nothing is told');
    await stage.say(stage.pid, ShutdownFramework, { frameworkId });
    await stage.appoint(undefined);
    const { report } = await stage.succeed('m3', 3);
    t.match(report, { tasks: [], executors: [], frameworks: [] });
  });

  t.test('is told once of a task that it misses, however often it asks', async (t) => {
    const stage = await running(t);
    const reconciliations = [
      { frameworkId, taskId },
      { frameworkId, taskId: 't9' as TaskId },
    ];
    const missing = (master: ScriptedMaster) => {
      master.reconciliations = reconciliations;
    };
    await stage.succeed('m2', 2, missing);
    for (let time = 0; time < 2; time++)
      await stage.say(stage.pid, SlaveReregistered, {
        slaveId,
        totalPingTimeoutMs: 60_000,
        expectedAgents: 1,
        reconciliations,
      });
    t.same(await updates(stage), ['t9 TASK_DROPPED']);
    t.same(stage.executors.runs, ['t1'], 'and what is here goes on');
  });
});

t.test('A task', async (t) => {
  t.test('that comes twice runs once, whoever leads, also when it has ended', async (t) => {
    const stage = await running(t);
    await stage.run('t1');
    await stage.succeed('m2', 2);
    await stage.run('t1');
    await stage.run('t1', 'e2');
    t.same(stage.executors.runs, ['t1']);
    t.same(stage.executors.ids, ['e1']);
    await stage.tell('t1', 'TASK_FINISHED');
    await stage.run('t1');
    t.same(stage.executors.runs, ['t1'], 'its end is not acknowledged yet');
    t.same(await updates(stage), ['t1 TASK_FINISHED']);
  });

  t.test('that comes late, from the leader that was followed, does not run', async (t) => {
    const stage = await running(t);
    const old = stage.master;
    const { master } = await stage.succeed('m2', 2);
    stage.master = old;
    await stage.run('t2');
    stage.master = master;
    t.same(stage.executors.runs, ['t1']);
    t.same((await old.next(StaleLeader)).body, { epoch: 2 });
    t.same(await updates(stage), [], 'it is for reconciliation to find');
  });

  t.test('that is unknown and to be killed is gone, which is told until it is acknowledged', async (t) => {
    const stage = await running(t);
    t.same(await updates(stage), ['t1 TASK_RUNNING']);
    for (let time = 0; time < 2; time++) await stage.say(stage.pid, KillTask, { frameworkId, taskId: 't9' as TaskId });
    t.same(await updates(stage), ['t9 TASK_GONE'], 'once');
    await stage.succeed('m2', 2);
    t.same(await updates(stage), ['t9 TASK_GONE']);
  });

  t.test('that runs notices nothing of a connection that breaks, nor of a time without a leader', async (t) => {
    const stage = await running(t);
    stage.network.interrupt();
    await stage.clock.advance(100);
    t.match((await stage.master.next(ReregisterSlave)).body.tasks, [{ taskId: 't1', state: 'TASK_RUNNING' }]);
    await stage.appoint(undefined);
    await stage.clock.advance(3_600_000);
    t.same([stage.executors.runs, stage.executors.kills, stage.executors.ids], [['t1'], [], ['e1']]);
    const { report } = await stage.succeed('m2', 2);
    t.match(report.tasks, [{ taskId: 't1', state: 'TASK_RUNNING' }]);
    t.same(await updates(stage), [], 'what was acknowledged under the first leader is not told to the second');
  });
});

t.test('While nobody leads, nothing is told to who led before', async (t) => {
  const stage = await VirtualAgent.start(t);
  await stage.run('t1');
  t.same(await updates(stage), ['t1 TASK_RUNNING']);
  await stage.appoint(undefined);
  await stage.tell('t1', 'TASK_FINISHED');
  await stage.clock.advance(3_600_000);
  t.same(await updates(stage), []);
  await stage.succeed('m2', 2);
  t.same(await updates(stage), ['t1 TASK_RUNNING'], 'and the successor is told in order');
});

t.test('An update that the framework acknowledged through a leader that was followed is told again', async (t) => {
  const stage = await VirtualAgent.start(t);
  await stage.master.next(RegisterSlave);
  await stage.run('t1');
  t.same(await updates(stage), ['t1 TASK_RUNNING']);
  const old = stage.master;
  const { master } = await stage.succeed('m2', 2);
  t.same(await updates(stage), ['t1 TASK_RUNNING']);
  stage.master = old;
  await acknowledge(stage, 't1 TASK_RUNNING');
  stage.master = master;
  await stage.clock.advance(10_000);
  t.same(await updates(stage), ['t1 TASK_RUNNING']);
  await acknowledge(stage, 't1 TASK_RUNNING');
  await stage.clock.advance(60_000);
  t.same(await updates(stage), [], 'until it is acknowledged through the one that leads');
});
