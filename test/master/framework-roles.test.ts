import {
  ExitedExecutor,
  FrameworkError,
  type FrameworkInfo,
  FrameworkReregistered,
  formatResources,
  type Offer,
  RegisterFramework,
  RequestResources,
  ReregisterFramework,
  ResourceOffer,
  ReviveOffers,
  RunTask,
  StatusUpdate,
  SuppressOffers,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { executor, Rig, reported, type Scheduler, task } from './rig.js';

/** What a scheduler holds, as `eng/prod cpus:4`, by role. */
function offered(scheduler: Scheduler): string[] {
  const texts = scheduler.offered;
  return [...scheduler.held.values()].map(({ role }, index) => `${role} ${texts[index]}`).sort();
}

function offerIn(scheduler: Scheduler, role: string): Offer {
  const offer = [...scheduler.held.values()].find((one) => one.role === role);
  if (offer === undefined) throw new Error(`no offer in ${role}: ${offered(scheduler).join(' | ')}`);
  return offer;
}

/** A master with an agent that holds a part for each of two roles, and a framework in both. */
async function scene(t: Test, info: Partial<FrameworkInfo> = {}) {
  const rig = await Rig.start(t);
  const agent = await rig.agent('cpus(eng):2;cpus(ads):4');
  const scheduler = await rig.scheduler({ roles: ['eng/prod', 'ads'], ...info });
  return { rig, agent, scheduler };
}

t.test('A framework in several roles is offered in each what is for that role or one above it', async (t) => {
  const { scheduler } = await scene(t);
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
});

t.test('Offers in two roles cannot be used together, and all of them are given back', async (t) => {
  const { rig, agent, scheduler } = await scene(t);
  const both = [...scheduler.held.keys()];
  await scheduler.launch(both, [task('t1', agent, 'cpus(eng):1')]);
  t.same(scheduler.statuses(), ['t1 TASK_DROPPED REASON_INVALID_OFFERS']);
  t.same(agent.tasks(), []);
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
  t.notOk(
    both.some((id) => scheduler.held.has(id)),
    'they are new ones',
  );
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('A task runs in the role of its offer, which its agent is told', async (t) => {
  const { rig, agent, scheduler } = await scene(t);
  await scheduler.launch([offerIn(scheduler, 'ads').id], [task('t1', agent, 'cpus(ads):1')], 3600);
  await scheduler.launch([offerIn(scheduler, 'eng/prod').id], [task('t2', agent, 'cpus(eng):2')]);
  t.same(
    agent.take(RunTask).map(({ role, task: { taskId } }) => `${taskId} ${role}`),
    ['t1 ads', 't2 eng/prod'],
  );
  await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u1' });
  t.same(offered(scheduler), ['ads cpus(ads):4'], 'what it used is free again in that role');
  await agent.update(scheduler, 't2', 'TASK_FAILED', { uuid: 'u2' });
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('An executor that uses resources in one role takes no task in another', async (t) => {
  const { rig, agent, scheduler } = await scene(t);
  const by = executor('e', 'cpus(ads):1');
  await scheduler.launch([offerIn(scheduler, 'ads').id], [task('t1', agent, 'cpus(ads):1', by)], 3_600);
  const { id } = offerIn(scheduler, 'eng/prod');
  await scheduler.launch(
    [id],
    [task('t2', agent, 'cpus(eng):1', by), task('t3', agent, 'cpus(eng):1', executor('f', 'cpus(eng):1'))],
  );
  const [refused, ...more] = scheduler.take(StatusUpdate).map(({ status }) => status);
  t.same(more, []);
  t.match(refused, { taskId: 't2', state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID' });
  t.equal(
    refused?.message,
    'task t2 is offered in role eng/prod, but its executor e already uses cpus(ads):1 there in role ads: launch it with an executor of its own',
  );
  t.same(
    agent.tasks().map(({ taskId }) => taskId),
    ['t1', 't3'],
    'the others are unharmed',
  );
  await agent.executorExited(scheduler);
  t.same(offered(scheduler), ['ads cpus(ads):3']);
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test('A framework that comes back in other roles', async (t) => {
  t.test('is offered nothing more in those that it left, and its tasks there go on', async (t) => {
    const { rig, agent, scheduler } = await scene(t);
    await scheduler.launch(
      [offerIn(scheduler, 'ads').id],
      [task('t1', agent, 'cpus(ads):1', executor('e', 'cpus(ads):1'))],
    );
    await scheduler.reregister(scheduler.frameworkId, false, { roles: ['eng/prod', 'web'] });
    t.same(offered(scheduler), ['eng/prod cpus(eng):2'], 'nobody is in the role ads any more');
    const other = await rig.scheduler({ roles: ['ads'] });
    t.same(offered(other), ['ads cpus(ads):2']);
    await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u1' });
    await agent.tell(ExitedExecutor, {
      ...{ slaveId: agent.slaveId, frameworkId: scheduler.frameworkId, status: 0 },
      executorId: executor('e').executorId,
    });
    t.same(offered(scheduler), ['eng/prod cpus(eng):2']);
    t.same(
      offered(other).toSorted(),
      ['ads cpus(ads):1', 'ads cpus(ads):1', 'ads cpus(ads):2'],
      'what they held is free for others',
    );
    t.equal(rig.count('allocator_contradictions'), 0);
  });

  t.test('may not use an offer in a role that it left', async (t) => {
    const { rig, agent, scheduler } = await scene(t);
    const { id } = offerIn(scheduler, 'ads');
    await scheduler.reregister(scheduler.frameworkId, false, { roles: ['eng/prod'] });
    await scheduler.launch([id], [task('t1', agent, 'cpus(ads):1')]);
    t.same(scheduler.statuses(), ['t1 TASK_DROPPED REASON_INVALID_OFFERS']);
    t.same(offered(scheduler), ['eng/prod cpus(eng):2']);
    t.equal(rig.count('allocator_contradictions'), 0);
  });
});

t.test('A new leader learns from agents in which roles their tasks and executors use resources', async (t) => {
  const { rig, master } = await Rig.standby(t);
  await rig.elect(master);
  const by = executor('e', 'cpus(eng):0.5');
  const agent = await rig.newAgent('cpus(eng):2;cpus(ads):4;cpus:1');
  const former = await rig.scheduler({ roles: ['eng', 'ads'] });
  agent.slaveId = 'm0-S0' as typeof agent.slaveId;
  const { frameworkId } = former;
  const tasks = [
    reported(former, task('t1', agent, 'cpus(eng):1', by), 'TASK_RUNNING', 'eng'),
    reported(former, task('t2', agent, 'cpus(ads):1', by), 'TASK_RUNNING', 'ads'),
  ];
  await agent.reregister({
    tasks,
    executors: [{ frameworkId, executor: by, role: 'eng' }],
    frameworks: [{ ...former.info, id: frameworkId }],
  });
  t.same(
    offered(former)
      .map((text) => text.replace(/cpus:1;/, ''))
      .sort(),
    ['ads cpus(ads):3', 'eng cpus(eng):0.5'],
  );
  const { executors = new Map(), tasks: kept = [] } = master.books.agents.get(agent.slaveId) ?? {};
  t.match([...executors.values()], [{ holds: [{ role: 'eng' }] }]);
  t.match([...kept], [{ task: { role: 'eng' } }, { task: { role: 'ads' } }]);
  // Were it counted to another role, giving it back would contradict the books.
  await agent.update(former, 't2', 'TASK_FINISHED', { uuid: 'u1' });
  await agent.update(former, 't1', 'TASK_FINISHED', { uuid: 'u2' });
  await agent.executorExited(former);
  await former.declineAll();
  t.equal(rig.count('allocator_contradictions'), 0);
  t.match(offered(former).join(' '), /cpus\(ads\):4/);
  t.match(offered(former).join(' '), /cpus\(eng\):2/);
});

t.test('Offers are suppressed and revived by role', async (t) => {
  const { rig, scheduler } = await scene(t);
  await scheduler.tell(SuppressOffers, { roles: ['ads'] });
  await scheduler.tell(SuppressOffers, { roles: ['ads'] });
  await scheduler.declineAll();
  t.same(offered(scheduler), ['eng/prod cpus(eng):2']);
  await scheduler.tell(ReviveOffers, { roles: ['eng/prod'] });
  t.same(offered(scheduler), ['eng/prod cpus(eng):2'], 'not in the other');
  await scheduler.tell(ReviveOffers, { roles: ['ads'] });
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2'], 'once is enough');
  await scheduler.tell(SuppressOffers, {});
  await scheduler.declineAll();
  t.same(offered(scheduler), [], 'all of them');
  await scheduler.tell(ReviveOffers, {});
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
  t.equal(rig.count('messages_for_foreign_roles'), 0);
});

t.test('Filters may be kept when offers are revived, and are forgotten in the named roles alone', async (t) => {
  const { scheduler } = await scene(t);
  await scheduler.declineAll(3_600);
  t.same(offered(scheduler), []);
  await scheduler.tell(ReviveOffers, { keepFilters: true });
  t.same(offered(scheduler), []);
  await scheduler.tell(ReviveOffers, { roles: ['ads'] });
  t.same(offered(scheduler), ['ads cpus(ads):4']);
  await scheduler.tell(ReviveOffers, {});
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
});

t.test('What names a role that the framework is not in is not heeded at all', async (t) => {
  const { rig, scheduler } = await scene(t);
  await scheduler.tell(SuppressOffers, { roles: ['web'] });
  await scheduler.tell(SuppressOffers, { roles: ['ads', 'web'] });
  await scheduler.tell(RequestResources, { demands: [{ role: 'web', shape: { cpus: 1_000 }, count: 1 }] });
  await scheduler.declineAll();
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
  await scheduler.declineAll(3_600);
  await scheduler.tell(ReviveOffers, { roles: ['web'] });
  t.same(offered(scheduler), []);
  t.equal(rig.count('messages_for_foreign_roles'), 4);
});

t.test('A framework that says what it waits for is offered that, until it takes it back', async (t) => {
  const { rig, agent, scheduler } = await scene(t);
  const demands = (count: number) => [{ role: 'ads', shape: { cpus: 1_500 }, count }];
  await scheduler.tell(RequestResources, { demands: demands(3) });
  await scheduler.declineAll();
  t.same(offered(scheduler), ['ads cpus(ads):3'], 'as many as fit, and nothing in the other role');
  const first = scheduler.offer.id;
  await scheduler.tell(RequestResources, { demands: demands(1) });
  t.same(offered(scheduler), ['ads cpus(ads):3'], 'what is offered stays so');
  await scheduler.launch([first], [task('t1', agent, 'cpus(ads):1.5'), task('t2', agent, 'cpus(ads):1.5')]);
  t.same(offered(scheduler), [], 'one more is not there');
  await agent.update(scheduler, 't1', 'TASK_FINISHED', { uuid: 'u1' });
  t.same(offered(scheduler), ['ads cpus(ads):1.5'], 'the last one');
  await scheduler.tell(RequestResources, { demands: [] });
  await scheduler.launch([scheduler.offer.id], [task('t3', agent, 'cpus(ads):1.5')]);
  await agent.update(scheduler, 't2', 'TASK_FINISHED', { uuid: 'u2' });
  t.same(offered(scheduler), [], 'it waits for nothing more');
  await scheduler.tell(RequestResources, {});
  t.same(offered(scheduler), ['ads cpus(ads):2.5', 'eng/prod cpus(eng):2']);
  t.equal(rig.count('allocator_contradictions'), 0);
});

t.test(
  'What a framework waits for may come with its registration, before which it is offered nothing else',
  async (t) => {
    const rig = await Rig.start(t);
    await rig.agent('cpus(eng):2;cpus(ads):4');
    const scheduler = await rig.newScheduler({ roles: ['eng/prod', 'ads'] });
    const demands = [{ role: 'ads', shape: { cpus: 1_500 }, count: 1 }];
    const every: string[][] = [];
    const come = async (message: object, type: typeof RegisterFramework | typeof ReregisterFramework) => {
      await scheduler.say(rig.pid, type, message as never);
      await rig.settle();
      every.push(
        scheduler
          .take(ResourceOffer)
          .flatMap(({ offers }) => offers.map((one) => formatResources(one.resources)))
          .toSorted(),
      );
    };
    const { info: framework } = scheduler;
    await come({ framework, demands }, RegisterFramework);
    const again = { framework: { ...framework, id: scheduler.frameworkId }, failover: false };
    await come({ ...again, demands: [{ ...demands[0], count: 2 }] }, ReregisterFramework);
    await come({ ...again, demands: [] }, ReregisterFramework);
    await come(again, ReregisterFramework);
    t.same(every, [['cpus(ads):1.5'], ['cpus(ads):3'], [], ['cpus(ads):4', 'cpus(eng):2']], 'each says all of it anew');
    await scheduler.say(rig.pid, ReregisterFramework, {
      ...again,
      demands: [{ role: 'web', shape: { cpus: 1 }, count: 1 }],
    });
    await rig.settle();
    t.match(scheduler.takeOne(FrameworkError).message, /demands names the role web/);
  },
);

t.test('What a framework asks of its offers is heeded, by role', async (t) => {
  const { scheduler } = await scene(t, {
    suppressedRoles: ['ads'],
    offerFilters: { 'eng/prod': { minAllocatable: [{ cpus: 2_001 }, { mem: 1 }] } },
  });
  t.same(offered(scheduler), []);
  await scheduler.tell(ReviveOffers, {});
  t.same(offered(scheduler), ['ads cpus(ads):4'], 'the other holds too little');
  const reregister = (changes: Partial<FrameworkInfo>) => scheduler.reregister(scheduler.frameworkId, false, changes);
  await reregister({ suppressedRoles: [], offerFilters: { 'eng/prod': { minAllocatable: [{ cpus: 2_000 }] } } });
  t.same(offered(scheduler), ['ads cpus(ads):4', 'eng/prod cpus(eng):2']);
  await reregister({ suppressedRoles: [], offerFilters: { ads: { minAllocatable: [{ mem: 1 }] } } });
  t.same(offered(scheduler), ['eng/prod cpus(eng):2']);
});

t.test('No alternative of what an offer must hold at least: anything will do', async (t) => {
  const rig = await Rig.start(t);
  await rig.agent('disk:1000');
  const scheduler = await rig.scheduler();
  t.same(scheduler.offered, [], 'neither cpus nor mem');
  await scheduler.reregister(scheduler.frameworkId, false, { offerFilters: { '*': { minAllocatable: [] } } });
  t.same(scheduler.offered, ['disk:1000']);
});

t.test('Attributes and places of agents', async (t) => {
  const placed = async (rig: Rig, resources: string, rack: string, region: string) => {
    const agent = await rig.newAgent(resources);
    agent.place = { attributes: [{ name: 'rack', text: rack }], domain: { region, zone: '1' } };
    await agent.register();
    return agent;
  };

  t.test('are in its offers, and only where it has any', async (t) => {
    const rig = await Rig.start(t);
    await placed(rig, 'cpus:1', 'a', 'eu');
    const scheduler = await rig.scheduler();
    t.match(scheduler.offer, { attributes: [{ name: 'rack', text: 'a' }], domain: { region: 'eu', zone: '1' } });
    await rig.agent('cpus:2');
    const plain = [...scheduler.held.values()][1] as Offer;
    t.notOk('attributes' in plain || 'domain' in plain);
  });

  t.test('decide, where a framework says so, whether it is offered', async (t) => {
    const rig = await Rig.start(t);
    const agent = await placed(rig, 'cpus:1', 'a', 'eu');
    await placed(rig, 'cpus:2', 'b', 'eu');
    const rack = (text: string) => ({
      '*': [[{ selector: { attribute: 'rack' }, predicate: { textEquals: text } }]],
    });
    const scheduler = await rig.scheduler({ offerConstraints: rack('b') });
    t.same(scheduler.offered, ['cpus:2']);
    await scheduler.reregister(scheduler.frameworkId, false, { offerConstraints: rack('a') });
    t.same(scheduler.offered, ['cpus:1']);
    agent.place = { attributes: [{ name: 'rack', text: 'c' }] };
    await agent.reregister();
    t.same(scheduler.offered, [], 'the agent has others now');
  });

  t.test('agents of other regions than the master are for region-aware frameworks', async (t) => {
    const rig = await Rig.start(t, { domain: { region: 'eu', zone: '1' } });
    await placed(rig, 'cpus:1', 'a', 'eu');
    await placed(rig, 'cpus:2', 'b', 'us');
    await rig.agent('cpus:4');
    const scheduler = await rig.scheduler();
    t.same(scheduler.offered.toSorted(), ['cpus:1', 'cpus:4']);
    await scheduler.declineAll(3_600);
    const aware = await rig.scheduler({ capabilities: ['REGION_AWARE'] });
    t.same(aware.offered.toSorted(), ['cpus:1', 'cpus:2', 'cpus:4']);
    await aware.reregister(aware.frameworkId);
    t.same(
      aware.takeOne(FrameworkReregistered).master.domain,
      { region: 'eu', zone: '1' },
      'by which it can tell them',
    );
  });
});

t.test('Agents with gpus are for frameworks that say so', async (t) => {
  const rig = await Rig.start(t);
  await rig.agent('cpus:1;gpus:1');
  const scheduler = await rig.scheduler();
  t.same(scheduler.offered, []);
  const able = await rig.scheduler({ capabilities: ['GPU_RESOURCES'] });
  t.same(able.offered, ['cpus:1;gpus:1']);
});

t.test('A role may have the name of something that every object has', async (t) => {
  const rig = await Rig.start(t);
  await rig.agent('cpus(constructor):1;cpus(__proto__):2;cpus(toString):3');
  const anywhere = [[{ selector: 'hostname', predicate: 'exists' }]] as const;
  const scheduler = await rig.scheduler({
    roles: ['constructor', '__proto__', 'toString'],
    offerConstraints: { toString: anywhere },
    offerFilters: { toString: {} },
  });
  t.same(offered(scheduler), [
    '__proto__ cpus(__proto__):2',
    'constructor cpus(constructor):1',
    'toString cpus(toString):3',
  ]);
});

t.test('A framework whose description contradicts itself, or is too long to be kept, is refused', async (t) => {
  const rig = await Rig.start(t);
  const one = [[{ selector: 'hostname', predicate: 'exists' }]] as const;
  const long = {
    '*': Array(64).fill(Array(64).fill({ selector: 'zone', predicate: { textEquals: 'x'.repeat(255) } })),
  };
  const wrong: [Partial<FrameworkInfo>, RegExp][] = [
    [{ suppressedRoles: ['ads'] }, /suppressedRoles names the role ads, which is not among the framework's roles/],
    [{ offerFilters: { ads: {} } }, /offerFilters names the role ads/],
    [{ offerConstraints: { ads: one } }, /offerConstraints names the role ads/],
    [{ offerConstraints: long }, /its description is \d+ characters long; at most 262144 are allowed/],
  ];
  for (const [info, message] of wrong) {
    const scheduler = await rig.newScheduler(info);
    await scheduler.say(rig.pid, RegisterFramework, { framework: scheduler.info });
    await rig.settle();
    t.match(scheduler.takeOne(FrameworkError).message, message);
    const known = await rig.scheduler();
    await known.reregister(known.frameworkId, false, info);
    t.match(known.takeOne(FrameworkError).message, message);
  }
});
