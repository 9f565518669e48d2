import { get } from 'node:http';
import { MutableRegistry, type Registrar, RegistryLost, SteppedDown } from '@mesos-ts/master';
import { upid } from '@mesos-ts/process';
import { RegisterSlave, SlaveReregistered, StaleLeader } from '@mesos-ts/protocol';
import { StandaloneDetector } from '@mesos-ts/zk-election';
import t, { type Test } from 'tap';
import { Rig } from './rig.js';
import { ScriptedContender } from './scripted-contender.js';
import { ScriptedRegistrar } from './scripted-registrar.js';

/*
 * A master from one term to the next: from its election over the recovery of the registry to the end of its leadership,
 * however that comes, and what it is in between.
 */

/** Registrars of one registry, one for each term; what is done to the next one is done before it is opened. */
class Registrars {
  readonly registry = new MutableRegistry();
  readonly opened: ScriptedRegistrar[] = [];
  prepare: (registrar: ScriptedRegistrar) => void = () => undefined;

  readonly open = (): Registrar => {
    const registrar = new ScriptedRegistrar(this.registry);
    this.prepare(registrar);
    this.opened.push(registrar);
    return registrar;
  };

  get last(): ScriptedRegistrar {
    return this.opened.at(-1) as ScriptedRegistrar;
  }
}

async function standing(t: Test, options: { readonly exitOnStepDown?: boolean } = {}) {
  const contender = new ScriptedContender();
  const registrars = new Registrars();
  const told: string[] = [];
  const { rig, running } = await Rig.running(t, {
    contender,
    registrar: registrars.open,
    onLeading: ({ epoch }) => told.push(`leading ${epoch}`),
    onLost: (why) => told.push(`lost: ${why}`),
    ...options,
  });
  return { contender, registrars, told, rig, running };
}

t.test('An elected master hears nobody before it has read the registry', async (t) => {
  const { contender, registrars, told, rig, running } = await standing(t);
  t.match(running.health, { state: 'standby', epoch: undefined });
  let recovered: () => void = () => undefined;
  registrars.prepare = (registrar) => {
    const recover = registrar.recover.bind(registrar);
    registrar.recover = () => new Promise<void>((resolve) => (recovered = resolve)).then(recover);
  };
  contender.elect();
  await rig.settle();
  t.match(running.health, { state: 'recovering', epoch: 1 });
  const agent = await rig.newAgent('cpus:1');
  await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: agent.resources }, version: '0' });
  t.same(agent.names, []);
  t.equal(rig.count('messages_not_admitted'), 1);
  t.same(told, []);
  recovered();
  await rig.settle();
  t.same(told, ['leading 1']);
  t.match(running.health, { state: 'leading', epoch: 1, leader: { pid: running.pid } });
  await agent.register();
});

t.test('Who leads next knows the agents and frameworks of the one before', async (t) => {
  const { contender, rig, registrars } = await standing(t);
  contender.elect();
  await rig.settle();
  const agent = await rig.agent('cpus:4');
  const scheduler = await rig.scheduler();
  const { frameworkId } = scheduler;
  await contender.resign();
  await rig.settle();
  t.ok(registrars.opened[0]?.closed);
  contender.elect();
  await rig.settle();
  scheduler.forgetAll();
  await scheduler.reregister(frameworkId);
  t.same(scheduler.names, ['FrameworkReregistered']);
  await agent.reregister();
  agent.takeOne(SlaveReregistered);
  t.same(registrars.last.written(), []);
});

t.test(
  'A master whose registry fails resigns, stands by with empty books, and leads again when it works',
  async (t) => {
    const { contender, registrars, told, rig, running } = await standing(t);
    contender.elect();
    await rig.settle();
    const agent = await rig.agent('cpus:4');
    await agent.watch(running.pid);
    registrars.last.fail(new Error('the disk is full'));
    const other = await rig.newAgent('cpus:1');
    await other.tell(RegisterSlave, { slave: { hostname: 'h', resources: other.resources }, version: '0' });
    await rig.settle();
    t.match(told, ['leading 1', /lost: the registry could not be written: the disk is full/]);
    t.equal(contender.resigned, 1);
    t.same(
      agent.exits.map(({ reason }) => reason),
      ['ended'],
    );
    t.match(running.health, { state: 'standby' });
    t.equal(contender.infos.length, 1, 'others go first');
    await rig.advance(1_000);
    t.equal(contender.infos.length, 2);
    contender.elect();
    await rig.settle();
    await agent.reregister();
    agent.takeOne(SlaveReregistered);
  },
);

t.test('A master that cannot read the registry resigns, and tries again', async (t) => {
  const { contender, registrars, told, rig } = await standing(t);
  registrars.prepare = (registrar) => registrar.fail(new Error('nobody answers'));
  contender.elect();
  await rig.settle();
  t.match(told, [/lost: the registry could not be read: nobody answers/]);
  t.equal(contender.resigned, 1);
  t.ok(registrars.last.closed);
  registrars.prepare = () => undefined;
  await rig.advance(1_000);
  contender.elect();
  await rig.settle();
  t.same(told.slice(1), ['leading 2']);
});

t.test('A master that finds a later leader in the registry contends for a later epoch than that', async (t) => {
  const { contender, registrars, rig } = await standing(t);
  registrars.prepare = (registrar) => registrar.fail(new RegistryLost('somebody has it', { laterEpoch: 57 }));
  contender.elect();
  await rig.settle();
  t.same(contender.epochsHeard, [57]);
  t.equal(contender.resigned, 1);
});

t.test('A master that loses leadership while it reads the registry never leads', async (t) => {
  const { contender, registrars, told, rig } = await standing(t);
  let recovered: () => void = () => undefined;
  registrars.prepare = (registrar) => {
    const recover = registrar.recover.bind(registrar);
    registrar.recover = () => new Promise<void>((resolve) => (recovered = resolve)).then(recover);
  };
  contender.elect().lose('somebody else leads');
  await rig.settle();
  recovered();
  await rig.settle();
  t.same(told, ['lost: somebody else leads']);
  t.equal(contender.resigned, 0, 'there is nothing to resign');
  t.equal(contender.infos.length, 2);
  const agent = await rig.newAgent('cpus:1');
  await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: agent.resources }, version: '0' });
  t.same(agent.names, []);
  registrars.prepare = () => undefined;
  contender.elect();
  await rig.settle();
  await agent.register();
  await rig.advance(15_000);
  t.same(agent.pings, [true], 'nothing of the term before goes on in the next');
});

t.test('A master that hears of a later leader steps down at once, and contends for a later epoch', async (t) => {
  const { contender, told, rig } = await standing(t);
  contender.elect();
  await rig.settle();
  const agent = await rig.agent('cpus:4');
  await agent.say(rig.pid, StaleLeader, { epoch: 1 });
  await rig.settle();
  t.equal(contender.resigned, 0, 'its own');
  const stranger = await rig.stranger();
  await stranger.say(rig.pid, StaleLeader, { epoch: 12 });
  await rig.settle();
  t.equal(contender.resigned, 0, 'of somebody who is not registered');
  await agent.say(rig.pid, StaleLeader, { epoch: 12 });
  await rig.settle();
  t.same(contender.epochsHeard, [12]);
  t.equal(contender.resigned, 1);
  t.match(told[1], /a leader of epoch 12 was seen/);
});

t.test('A master that is to end when it steps down', async (t) => {
  t.test('does so with the reason, whether leadership was lost or given up', async (t) => {
    for (const lose of [true, false]) {
      const { contender, registrars, rig, running } = await standing(t, { exitOnStepDown: true });
      const leadership = contender.elect();
      await rig.settle();
      if (lose) leadership.lose('somebody else leads');
      else {
        registrars.last.fail(new Error('the disk is full'));
        const agent = await rig.newAgent('cpus:1');
        await agent.tell(RegisterSlave, { slave: { hostname: 'h', resources: agent.resources }, version: '0' });
      }
      await t.rejects(running.ended, {
        name: SteppedDown.name,
        code: 'MASTER_STEPPED_DOWN',
        message: lose ? /somebody else leads/ : /the disk is full/,
      });
      t.equal(contender.closed, 1);
      t.same(running.node.processes(), []);
      t.ok(registrars.last.closed);
    }
  });

  t.test('ends without a reason when it is stopped', async (t) => {
    const { contender, rig, running } = await standing(t, { exitOnStepDown: true });
    contender.elect();
    await rig.settle();
    await running.stop();
    await running.ended;
  });
});

t.test('A leader that is stopped acts no more, resigns, and only then leaves the cluster', async (t) => {
  const { contender, registrars, rig, running } = await standing(t);
  contender.elect();
  await rig.settle();
  const agent = await rig.agent('cpus:4');
  await agent.watch(running.pid);
  await rig.settle();
  const order: string[] = [];
  const close = contender.close.bind(contender);
  contender.close = () => {
    order.push(`resigned with ${running.node.processes().length} processes`);
    return close();
  };
  const stop = running.node.stop.bind(running.node);
  running.node.stop = () => {
    order.push('left');
    return stop();
  };
  await running.stop();
  t.same(order, ['resigned with 0 processes', 'left']);
  await rig.settle();
  t.same(
    agent.exits.map(({ reason }) => reason),
    ['ended'],
  );
  t.ok(registrars.last.closed);
});

t.test('A standby leads those who ask it over HTTP to whoever leads', async (t) => {
  const detector = new StandaloneDetector();
  const contender = new ScriptedContender();
  const { rig, running } = await Rig.running(t, { contender, detector, http: { ip: '127.0.0.1', port: 0 } });
  const { port } = running.address ?? { port: 0 };
  const ask = (path: string) =>
    new Promise<string>((resolve) =>
      get({ host: '127.0.0.1', port, path }, (response) => {
        response.resume();
        resolve(`${response.statusCode} ${response.headers.location ?? ''}`.trim());
      }),
    );
  t.match(contender.infos, [{ address: { hostname: '127.0.0.1', port } }], 'the election is told where it answers');
  t.same([await ask('/health'), await ask('/redirect')], ['200', '503']);
  const info = { ...(contender.infos[0] as (typeof contender.infos)[0]), pid: upid('master', 'm2', 'i') };
  detector.appoint({
    epoch: 3,
    pid: info.pid,
    info: { ...info, address: { hostname: 'h2', ip: '10.0.0.2', port: 1 } },
  });
  await rig.settle();
  t.equal(await ask('/redirect'), '307 //h2:1');
  contender.elect();
  await rig.settle();
  t.equal(await ask('/redirect'), `307 //127.0.0.1:${port}`, 'and to itself once it leads');
  await running.stop();
  await t.rejects(new Promise((resolve, reject) => get({ host: '127.0.0.1', port }, resolve).on('error', reject)));
});
