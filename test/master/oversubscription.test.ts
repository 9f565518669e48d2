import {
  type FrameworkInfo,
  GetQuota,
  lent,
  PongSlave,
  parseResources,
  RescindResourceOffer,
  type Resources,
  Shutdown,
  type SlaveId,
  StatusUpdate,
  UpdateQuota,
  UpdateSlave,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { executor, Rig, reported, type ScriptedAgent, task } from './rig.js';

/* What agents lend on top of what they have (Mesos facts 4.7): who is offered it is in allocator/core.test.ts. */

const mayLose: Partial<FrameworkInfo> = { capabilities: ['REVOCABLE_RESOURCES'] };

function lends(agent: ScriptedAgent, amounts: string): Promise<void> {
  return agent.tell(UpdateSlave, { oversubscribed: lent(parseResources(amounts)) });
}

/** An agent that lends 4 cpus, and a framework that can do with losing them and holds everything in an offer. */
async function lending(t: Test) {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus:1;mem:1024');
  await lends(agent, 'cpus:4');
  const scheduler = await rig.scheduler(mayLose);
  t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024']);
  return { rig, agent, scheduler };
}

t.test('What an agent lends', async (t) => {
  t.test('is offered to frameworks with the capability, and to no others', async (t) => {
    const rig = await Rig.start(t);
    const plain = await rig.scheduler({ capabilities: ['GPU_RESOURCES', 'REGION_AWARE'] });
    const agent = await rig.agent('cpus:1;mem:1024');
    await lends(agent, 'cpus:4;mem:512');
    t.same(plain.offered, ['cpus:1;mem:1024']);
    const scheduler = await rig.scheduler(mayLose);
    t.same(scheduler.offered, ['cpus{REV}:4;mem{REV}:512']);
    await scheduler.launch(
      [scheduler.offer.id],
      [task('t1', agent, 'cpus{REV}:1', executor('e', 'cpus{REV}:0.5;mem{REV}:64'))],
    );
    t.same(agent.tasks(), [task('t1', agent, 'cpus{REV}:1', executor('e', 'cpus{REV}:0.5;mem{REV}:64'))]);
    t.same(scheduler.offered, ['cpus{REV}:2.5;mem{REV}:448']);
    await agent.update(scheduler, 't1', 'TASK_FINISHED');
    await agent.executorExited(scheduler);
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus{REV}:4;mem{REV}:512'], 'all of it is back');
  });

  t.test('grows: what is offered stays so, and what is more comes on top', async (t) => {
    const { agent, scheduler } = await lending(t);
    await lends(agent, 'cpus:5');
    t.same(scheduler.take(RescindResourceOffer), []);
    t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024', 'cpus{REV}:1']);
    await lends(agent, 'cpus:5');
    t.equal(scheduler.offered.length, 2, 'the same once more changes nothing');
  });

  t.test('shrinks: what is offered of it is rescinded, if that is too much, and nothing else', async (t) => {
    const { rig, agent, scheduler } = await lending(t);
    const { id } = scheduler.offer;
    const other = await rig.agent('cpus:2');
    await lends(other, 'cpus:4');
    scheduler.forgetAll();
    await lends(agent, 'cpus:3');
    t.same(scheduler.take(RescindResourceOffer), [{ offerId: id }]);
    t.same(scheduler.offered.toSorted(), ['cpus:1;cpus{REV}:3;mem:1024', 'cpus:2', 'cpus{REV}:4']);
    const [offer] = [...scheduler.held.values()].filter(({ slaveId }) => slaveId === agent.slaveId);
    t.ok(offer);
    await scheduler.launch(offer === undefined ? [] : [offer.id], [task('t1', agent, 'cpus{REV}:1;mem:24')]);
    await lends(agent, 'cpus:2');
    t.same(scheduler.offered.toSorted(), ['cpus:1;cpus{REV}:1;mem:1000', 'cpus:2', 'cpus{REV}:4'], 'one is in use');
    await lends(other, '');
    t.same(scheduler.offered.toSorted(), ['cpus:1;cpus{REV}:1;mem:1000', 'cpus:2'], 'nothing is lent any more');
  });

  t.test(
    'shrinks below what is used: that goes on, and nothing more is offered until enough of it ended',
    async (t) => {
      const { agent, scheduler } = await lending(t);
      const by = executor('e');
      await scheduler.launch(
        [scheduler.offer.id],
        ['t1', 't2', 't3'].map((id) => task(id, agent, 'cpus{REV}:1', by)),
        3600,
      );
      agent.forgetAll();
      await lends(agent, 'cpus:1.5;mem:64');
      t.same(agent.names, [], 'nobody is told to end');
      t.same(scheduler.offered, ['cpus:1;mem:1024;mem{REV}:64'], 'what is lent of another name is offered');
      await scheduler.declineAll(3600);
      await agent.update(scheduler, 't1', 'TASK_FINISHED');
      t.same(scheduler.offered, []);
      await agent.update(scheduler, 't2', 'TASK_FINISHED');
      t.same(scheduler.offered, ['cpus:1;cpus{REV}:0.5;mem:1024;mem{REV}:64']);
    },
  );

  t.test('shrinks while more is on its way into an offer: that is rescinded as well', async (t) => {
    const { rig, agent, scheduler } = await lending(t);
    const { id } = scheduler.offer;
    await scheduler.launch([id], [task('t1', agent, 'cpus{REV}:4;mem:1024')]);
    t.same(scheduler.offered, ['cpus:1']);
    scheduler.forgetAll();
    const { frameworkId } = scheduler;
    // More than the master handles in one turn: the allocator gives it away before it hears that it is not lent any more.
    await agent.dispatch(() => {
      agent.sayNow(rig.pid, UpdateSlave, { oversubscribed: lent(parseResources('cpus:6')) });
      for (let i = 0; i < 200; i++) agent.sayNow(rig.pid, PongSlave, {});
      agent.sayNow(rig.pid, UpdateSlave, { oversubscribed: lent(parseResources('cpus:4')) });
    });
    await rig.settle();
    t.same(scheduler.offered, ['cpus:1']);
    t.equal(scheduler.names.filter((name) => name === 'RescindResourceOffer').length, 1, 'there was one to rescind');
    t.equal(scheduler.frameworkId, frameworkId);
  });

  t.test(
    'is offered no more after its agent is gone, nor anew when it is back and has not said so again',
    async (t) => {
      const { rig, agent, scheduler } = await lending(t);
      const after = await rig.restarted(agent);
      await after.register();
      t.same(scheduler.offered, ['cpus:1;mem:1024'], 'another life of it, that lends nothing yet');
      await lends(after, 'cpus:2');
      t.same(scheduler.offered, ['cpus:1;mem:1024', 'cpus{REV}:2']);
    },
  );

  t.test('stays known of an agent that was disconnected', async (t) => {
    const { rig, agent, scheduler } = await lending(t);
    agent.end();
    await rig.settle();
    t.same(scheduler.offered, []);
    const back = await rig.reborn(agent);
    await back.reregister();
    t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024']);
    await lends(back, 'cpus:4');
    t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024'], 'and it says so again in any case');
    back.end();
    await rig.settle();
    const larger = await rig.reborn(back);
    larger.resources = parseResources('cpus:2;mem:1024');
    await larger.reregister();
    t.same(scheduler.offered, ['cpus:2;cpus{REV}:4;mem:1024'], 'also where it has more of its own than before');
  });

  t.test('is used already when a new leader hears of the agent, which says later what it lends', async (t) => {
    const rig = await Rig.start(t);
    const scheduler = await rig.scheduler(mayLose);
    const agent = await rig.newAgent('cpus:1;mem:1024');
    agent.slaveId = 'old-S7' as SlaveId;
    const by = executor('e', 'cpus{REV}:1');
    const { frameworkId, info } = scheduler;
    await agent.reregister({
      tasks: [reported({ frameworkId }, task('t1', agent, 'cpus{REV}:2;mem:24', by))],
      executors: [{ frameworkId, executor: by, role: '*' }],
      frameworks: [{ ...info, id: frameworkId }],
    });
    t.same(scheduler.offered, ['cpus:1;mem:1000'], 'what it has is offered at once');
    await lends(agent, 'cpus:4');
    t.same(scheduler.offered, ['cpus:1;mem:1000', 'cpus{REV}:1'], 'and then what is left of what it lends');
    t.equal(rig.count('allocator_contradictions'), 0);
    await agent.update(scheduler, 't1', 'TASK_FINISHED');
    await agent.executorExited(scheduler);
    await scheduler.declineAll();
    t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024']);
  });

  t.test('does not count to what a role has of its quota', async (t) => {
    const { rig, agent, scheduler } = await lending(t);
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus{REV}:3;mem:24')]);
    const operator = await rig.newNode('ops');
    const set = operator.ask(
      rig.pid,
      UpdateQuota,
      {
        quotas: [{ role: '*', guarantees: {}, limits: { cpus: 1_000 } }],
        force: false,
      },
      { deadlineMs: 60_000 },
    );
    await rig.settle();
    t.equal((await set).refusal, undefined, 'three are not above one');
    const get = operator.ask(rig.pid, GetQuota, {}, { deadlineMs: 60_000 });
    await rig.settle();
    t.same((await get).quotas, [{ role: '*', guarantees: {}, limits: { cpus: 1_000 }, consumed: { mem: 24_000 } }]);
  });
});

t.test('What cannot be lent is not taken, and counted', async (t) => {
  const { rig, agent, scheduler } = await lending(t);
  const wrong: Resources[] = [
    parseResources('cpus{REV}:9;mem:1'),
    parseResources('ports:[1-2]'),
    [{ name: 'cpus', role: 'eng', scalar: 9_000, revocable: true }],
  ];
  for (const oversubscribed of wrong) await agent.tell(UpdateSlave, { oversubscribed });
  t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024'], 'what it said before holds');
  t.equal(rig.count('estimates_unusable'), 3);
  const stranger = await rig.stranger();
  await stranger.say(rig.pid, UpdateSlave, { oversubscribed: [] });
  await rig.settle();
  t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024'], 'nobody speaks for an agent but itself');
  t.equal(rig.count('messages_from_strangers'), 1);
  const split: Resources = [
    ...lent(parseResources('mem:64')),
    ...lent(parseResources('cpus:2')),
    ...lent(parseResources('cpus:2')),
  ];
  await agent.tell(UpdateSlave, { oversubscribed: split });
  t.same(scheduler.offered, ['cpus:1;cpus{REV}:4;mem:1024', 'mem{REV}:64'], 'in any order and any parts');
});

t.test('Of what an agent has as a range it lends no amount: nothing that it has is lost to the books', async (t) => {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus:1;mem:1024;ports:[1-2]');
  const scheduler = await rig.scheduler(mayLose);
  const all = ['cpus:1;mem:1024;ports:[1-2]'];
  t.same(scheduler.offered, all);
  await lends(agent, 'ports:5');
  t.equal(rig.count('estimates_unusable'), 1);
  await scheduler.declineAll(0);
  t.same(scheduler.offered, all);
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('An agent that has something revocable of its own is told to end', async (t) => {
  const rig = await Rig.start(t);
  const agent = await rig.newAgent('cpus{REV}:1');
  await agent.register().catch(() => undefined);
  t.match(agent.takeOne(Shutdown).message, /cpus\{REV\}: what an agent has of its own is not revocable/);
});

t.test('A launch with what is lent is refused', async (t) => {
  t.test('where the task or its executor mixes it with regular resources of that name', async (t) => {
    const { agent, scheduler } = await lending(t);
    const mixing = executor('mixing', 'cpus:0.1;cpus{REV}:0.1');
    const { id } = scheduler.offer;
    await scheduler.launch(
      [id],
      [
        task('mixes', agent, 'cpus:0.5;cpus{REV}:0.5'),
        task('of mixing', agent, 'mem:1', mixing),
        task('good', agent, 'cpus{REV}:1;mem:24', executor('regular', 'cpus:0.1')),
      ],
    );
    t.same(scheduler.statuses(), ['mixes TASK_ERROR REASON_TASK_INVALID', 'of mixing TASK_ERROR REASON_TASK_INVALID']);
    t.same(
      agent.tasks().map(({ taskId }) => taskId),
      ['good'],
    );
    t.same(scheduler.offered, ['cpus:0.9;cpus{REV}:3;mem:1000']);
  });

  t.test('where its framework lacks the capability, in so many words', async (t) => {
    const rig = await Rig.start(t);
    const agent = await rig.agent('cpus:1');
    await lends(agent, 'cpus:4');
    const scheduler = await rig.scheduler();
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus{REV}:1')]);
    const [status] = scheduler.take(StatusUpdate).map((update) => update.status);
    t.match(status, { taskId: 't1', state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID' });
    const message = 'task t1 asks for cpus{REV}:1, but its framework lacks the capability REVOCABLE_RESOURCES';
    t.equal(status?.message, message);
  });
});
