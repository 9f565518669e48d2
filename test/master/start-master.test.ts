import { upid } from '@mesos-ts/process';
import { RegisterSlave } from '@mesos-ts/protocol';
import t from 'tap';
import { Rig, task } from './rig.js';
import { ScriptedContender } from './scripted-contender.js';

t.test(
  'A master leads from its election until it loses leadership, and then begins anew with empty books',
  async (t) => {
    const contender = new ScriptedContender();
    const told: string[] = [];
    const { rig, running } = await Rig.running(t, {
      contender,
      onLeading: ({ epoch }) => told.push(`leading ${epoch}`),
      onLost: (why) => told.push(`lost: ${why}`),
    });
    const early = await rig.newAgent('cpus:1');
    await early.tell(RegisterSlave, { slave: { hostname: 'h', resources: early.resources }, version: '0' });
    t.same(early.names, [], 'nobody is heard before the election');
    t.equal(rig.count('messages_not_admitted'), 1);
    t.match(contender.infos, [{ pid: running.pid, hostname: 'master.test' }]);

    const leadership = contender.elect();
    await rig.settle();
    t.same(told, ['leading 1']);
    const agent = await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1')]);
    const firstId = contender.infos[0]?.id ?? '';
    for (const id of [agent.slaveId, scheduler.frameworkId, scheduler.offer.id]) t.ok(id.startsWith(firstId), id);
    await agent.watch(running.pid);
    await rig.settle();

    leadership.lose('somebody else leads');
    await rig.settle();
    t.same(told.slice(1), ['lost: somebody else leads']);
    t.same(agent.exits, [{ pid: running.pid, reason: 'ended' }]);
    t.equal(contender.infos.length, 2, 'it contends again');
    const [first, second] = contender.infos;
    t.equal(second?.pid, first?.pid);
    t.not(second?.id, first?.id, 'as another master');
    t.same(
      agent.names.filter((name) => name !== 'RunTask'),
      [],
    );
    const unheard = rig.count('messages_not_admitted');
    await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: agent.resources }, version: '0' });
    t.equal(rig.count('messages_not_admitted'), unheard + 1);

    contender.elect();
    await rig.settle();
    t.same(told.slice(2), ['leading 2']);
    const before = agent.slaveId;
    await agent.register();
    t.not(agent.slaveId, before, 'it was not known any more');
    t.ok(agent.slaveId.startsWith(second?.id ?? 'none'));
    await scheduler.reregister(scheduler.frameworkId);
    t.same(scheduler.offered, ['cpus:4'], 'of the task of the other term nothing is known');
    t.same(
      running.node
        .processes()
        .map(({ id }) => id)
        .sort(),
      [`allocator(${second?.id})`, 'master'].sort(),
    );
  },
);

t.test('An allocator that fails takes its term along, and a master with empty books leads at once', async (t) => {
  const contender = new ScriptedContender();
  const { rig, running } = await Rig.running(t, { contender });
  contender.elect();
  await rig.settle();
  const agent = await rig.agent('cpus:4');
  await agent.watch(running.pid);
  await rig.settle();
  const [first] = running.node.processes().filter(({ id }) => id.startsWith('allocator('));
  running.node.terminate(upid(first?.id ?? '', running.node.name));
  await rig.settle();
  t.same(agent.exits, [{ pid: running.pid, reason: 'ended' }]);
  const before = agent.slaveId;
  await agent.register();
  t.not(agent.slaveId, before, 'another master minted this one');
});

t.test('Stopping a master ends its Node, and only then resigns', async (t) => {
  for (const leads of [true, false]) {
    const contender = new ScriptedContender();
    const lost: string[] = [];
    const { rig, running } = await Rig.running(t, { contender, onLost: (why) => lost.push(why) });
    if (leads) contender.elect();
    await rig.settle();
    const agent = await rig.newAgent('cpus:1');
    await agent.watch(running.pid);
    await rig.settle();
    const close = contender.close.bind(contender);
    let processes: unknown;
    contender.close = () => {
      processes = running.node.processes();
      return close();
    };
    await running.stop();
    t.same(processes, [], 'nothing of it was there any more when it resigned');
    await running.ended;
    t.equal(contender.closed, 1);
    t.same(lost, []);
    await rig.settle();
    t.same(
      agent.exits.map(({ reason }) => reason),
      ['ended'],
    );
    t.throws(() => running.node.spawn(agent), /has stopped/);
  }
});

t.test('A contender that fails', async (t) => {
  t.test('at the first attempt ends the master with its error', async (t) => {
    const contender = new ScriptedContender();
    contender.unreachable = true;
    const standby: unknown[] = [];
    const { rig, running } = await Rig.running(t, { contender, onStandby: (master) => standby.push(master) });
    const error = new Error('no such server');
    contender.refuse(error);
    await t.rejects(running.ended, error);
    t.equal(contender.closed, 1);
    t.same(running.node.processes(), []);
    await rig.advance(60_000);
    t.equal(contender.infos.length, 1, 'it does not try again');
    t.same(standby, [], 'it never stood by');
  });

  t.test('after the contest was entered is tried again', async (t) => {
    const contender = new ScriptedContender();
    const standby: unknown[] = [];
    const { rig, running } = await Rig.running(t, { contender, onStandby: (master) => standby.push(master) });
    t.match(standby, [{ pid: running.pid, hostname: 'master.test' }]);
    contender.refuse(new Error('the server is away'));
    await rig.advance(1_000);
    t.equal(contender.infos.length, 2);
    contender.elect();
    await rig.settle();
    await rig.agent('cpus:1');
    t.equal(standby.length, 1, 'told once');
  });

  t.test('later is tried again after a second', async (t) => {
    const contender = new ScriptedContender();
    const { rig } = await Rig.running(t, { contender });
    contender.elect().lose('over');
    await rig.settle();
    t.equal(contender.infos.length, 2);
    for (let attempt = 3; attempt < 6; attempt++) {
      contender.refuse(new Error('the server is away'));
      await rig.advance(999);
      t.equal(contender.infos.length, attempt - 1);
      await rig.advance(1);
      t.equal(contender.infos.length, attempt);
    }
    contender.elect();
    await rig.settle();
    await rig.agent('cpus:1');
  });

  t.test('later keeps nobody from stopping', async (t) => {
    const contender = new ScriptedContender();
    const { rig, running } = await Rig.running(t, { contender });
    contender.elect().lose('over');
    await rig.settle();
    contender.refuse(new Error('the server is away'));
    await rig.settle();
    await running.stop();
    await running.ended;
    t.equal(contender.infos.length, 2);
    t.equal(rig.clock.timersPending, 0);
  });
});

t.test('A master that fails while it holds leadership is followed by one that leads at once', async (t) => {
  const contender = new ScriptedContender();
  const told: string[] = [];
  const { rig, running } = await Rig.running(t, {
    contender,
    onLeading: ({ epoch }) => told.push(`leading ${epoch}`),
    onLost: (why) => told.push(`lost: ${why}`),
  });
  const leadership = contender.elect();
  await rig.settle();
  const agent = await rig.agent('cpus:1');
  const before = agent.slaveId;
  await agent.watch(running.pid);
  await rig.settle();
  running.node.terminate(running.pid);
  await rig.settle();
  t.equal(agent.exits.length, 1);
  t.equal(contender.infos.length, 1, 'the election is won already: nobody else could win it');
  await agent.register();
  t.not(agent.slaveId, before);
  t.same(told, ['leading 1', 'lost: the master process ended', 'leading 1']);
  leadership.lose('over');
  await rig.settle();
  t.equal(contender.infos.length, 2);
});
