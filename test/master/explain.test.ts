import type { BodyOf } from '@mesos-ts/process';
import { AllocationExplained, ExplainAllocation, RequestResources, UpdateQuota } from '@mesos-ts/protocol';
import t from 'tap';
import { Rig } from './rig.js';

/*
 * What a leader answers to who asks why a framework is not offered more. Why it is not is decided in the allocator, and
 * tested there; here it is who is meant, and which offers are out.
 */

type Question = Partial<BodyOf<typeof ExplainAllocation>>;

async function asking(rig: Rig) {
  const node = await rig.newNode('ops');
  return async (question: Question) => {
    const answer = node.ask(rig.pid, ExplainAllocation, { each: false, ...question }, { deadlineMs: 1_000 });
    await rig.settle();
    const explained = await answer;
    t.ok(AllocationExplained.check(explained), AllocationExplained.explain(explained));
    return explained;
  };
}

t.test('A framework is explained by its id, or by its name where no other has it', async (t) => {
  const rig = await Rig.start(t);
  const explain = await asking(rig);
  t.match((await explain({ framework: 'web' })).refusal, /no framework is called web: there are none/);
  const web = await rig.scheduler({ name: 'web', roles: ['eng', 'ads'] });
  const id = web.frameworkId;
  const agent = await rig.agent('cpus:4;mem:1024');
  const byName = await explain({ framework: 'web' });
  t.same(byName.framework, { id, name: 'web' });
  t.same(byName.roles.map(({ role }) => role).sort(), ['ads', 'eng']);
  t.same(await explain({ framework: id }), byName);
  t.equal(byName.epoch, rig.leadership.epoch);
  t.same(
    (await explain({ framework: 'web', role: 'eng' })).roles.map(({ role }) => role),
    ['eng'],
  );
  const twin = await rig.scheduler({ name: 'web' });
  const unclear = (await explain({ framework: 'web' })).refusal ?? '';
  t.match(unclear, /several frameworks are called web/);
  t.ok(unclear.includes(id) && unclear.includes(twin.frameworkId));
  const unknown = (await explain({ framework: 'wbe' })).refusal ?? '';
  t.match(unknown, /no framework has the id or the name wbe; there are/);
  t.ok(unknown.includes(`${id} (web)`));
  t.equal(byName.roles[0]?.wants[0]?.each[0]?.slaveId, agent.slaveId);
});

t.test('What cannot be answered is refused with the reason', async (t) => {
  const rig = await Rig.start(t);
  const explain = await asking(rig);
  await rig.scheduler({ name: 'web', roles: ['eng', 'ads'] });
  t.match((await explain({})).refusal, /name a framework, or a role/);
  t.match((await explain({ framework: 'web', role: 'ops' })).refusal, /is not in the role ops, but in eng, ads/);
  for (const demand of [{}, { cpus: 0 }])
    t.match((await explain({ role: 'eng', demand })).refusal, /the demand is for nothing/);
});

t.test('It is told which offer of whom holds what it lacks', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0 });
  const explain = await asking(rig);
  const holder = await rig.scheduler({ name: 'holder' });
  const agent = await rig.agent('cpus:4;mem:1024');
  await rig.scheduler({ name: 'waiting' });
  const [want] = (await explain({ framework: 'waiting' })).roles[0]?.wants ?? [];
  const holders = [{ frameworkId: holder.frameworkId, offers: 1, some: [holder.offer.id], using: 0 }];
  const short = { why: 'short', by: { cpus: 10 } };
  const { slaveId, hostname } = agent;
  t.same(want, {
    room: { now: 0, ifIdle: 1, never: 0 },
    agents: 1,
    agentsLeftOut: 0,
    groups: [{ agents: 1, some: [hostname], least: short, most: short, holders, holdersLeftOut: 0 }],
    each: [{ name: hostname, slaveId, hostname, hindrance: short, holders, holdersLeftOut: 0 }],
  });
});

t.test('More than ten agents are told together, and one by one on request', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0 });
  const explain = await asking(rig);
  for (let number = 1; number <= 11; number++) await rig.agent('cpus:4;mem:1024');
  const holder = await rig.scheduler({ name: 'holder' });
  await rig.scheduler({ name: 'waiting' });
  const [together] = (await explain({ framework: 'waiting' })).roles[0]?.wants ?? [];
  t.equal(together?.each.length, 0);
  t.match(together?.groups, [{ agents: 11, holders: [{ frameworkId: holder.frameworkId, offers: 11, using: 0 }] }]);
  t.equal(together?.groups[0]?.some.length, 3);
  const [singly] = (await explain({ framework: 'waiting', each: true })).roles[0]?.wants ?? [];
  t.equal(singly?.each.length, 11);
  t.same(singly?.groups, together?.groups);
});

t.test('Each declared demand is told by itself, and one that nobody has declared', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0 });
  const explain = await asking(rig);
  const web = await rig.scheduler({ name: 'web' });
  const demands = [
    { role: '*', shape: { cpus: 8_000 }, count: 1 },
    { role: '*', shape: { cpus: 2_000 }, count: 3 },
  ];
  await web.tell(RequestResources, { demands });
  await rig.agent('cpus:4;mem:1024');
  const { wants = [] } = (await explain({ framework: 'web' })).roles[0] ?? {};
  t.match(wants, [
    { shape: { cpus: 8_000 }, count: 1, room: { never: 1 }, groups: [{ least: { why: 'too-small' } }] },
    { shape: { cpus: 2_000 }, count: 3, room: { ifIdle: 1 }, groups: [{ least: { why: 'short' } }] },
  ]);
  const [supposed] = (await explain({ framework: 'web', demand: { cpus: 1_000, mem: 512_000 } })).roles[0]?.wants ?? [];
  t.match(supposed, { shape: { cpus: 1_000, mem: 512_000 }, room: { now: 0, ifIdle: 1, never: 0 } });
  t.equal(supposed?.count, undefined);
});

t.test('A role is explained without a framework: who is in it, its quota, and where there is room', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0 });
  const explain = await asking(rig);
  const operator = await rig.newNode('operator');
  const quotas = [{ role: 'eng', guarantees: {}, limits: { cpus: 4_000, mem: 0 } }];
  const done = operator.ask(rig.pid, UpdateQuota, { quotas, force: true }, { deadlineMs: 1_000 });
  await rig.settle();
  t.equal((await done).refusal, undefined);
  const web = await rig.scheduler({ name: 'web', roles: ['eng/web'] });
  await rig.agent('cpus:4;mem:1024');
  const { framework, roles } = await explain({ role: 'eng' });
  t.equal(framework, undefined);
  const quota = { ...quotas[0], consumed: { cpus: 4_000, mem: 0 } };
  t.match(roles, [{ role: 'eng', quotas: [quota], wants: [{ groups: [{ least: { why: 'limit', role: 'eng' } }] }] }]);
  t.same(roles[0]?.members, {
    ...{ active: 0, suppressed: 0, inactive: 0, satisfied: 0, some: [] },
    ...{ rolesBelow: 1, someBelow: ['eng/web'] },
  });
  const [below] = (await explain({ role: 'eng/web' })).roles;
  t.match(below?.members, { active: 1, some: [{ frameworkId: web.frameworkId, name: 'web' }] });
  await rig.agent('cpus:4;mem:1024');
  const [unheardOf] = (await explain({ role: 'eng/new', demand: { cpus: 1_000 } })).roles;
  t.match(
    unheardOf?.wants[0]?.groups.map(({ least }) => least).sort((a, b) => (a.why < b.why ? -1 : 1)),
    [{ why: 'limit', role: 'eng' }, { why: 'short' }],
  );
});

t.test('A constraint is told in words', async (t) => {
  const rig = await Rig.start(t);
  const explain = await asking(rig);
  const words = [
    ['textEquals', 'rack=a'],
    ['textMatches', 'rack like a'],
  ] as const;
  await rig.agent('cpus:4;mem:1024');
  const hindrance = async (framework: string) => (await explain({ framework })).roles[0]?.wants[0]?.each[0]?.hindrance;
  for (const [predicate, text] of words) {
    const constraint = { selector: { attribute: 'rack' }, predicate: { [predicate]: 'a' } } as never;
    await rig.scheduler({ name: text, roles: ['eng'], offerConstraints: { eng: [[constraint]] } });
    t.same(await hindrance(text), { why: 'constraint', constraint: text });
  }
  const exists = { selector: { attribute: 'rack' }, predicate: 'exists' } as const;
  await rig.scheduler({ name: 'any', roles: ['eng'], offerConstraints: { eng: [[exists]] } });
  t.same(await hindrance('any'), { why: 'constraint', constraint: 'rack exists' });
});

t.test(
  'Many questions at once are answered one after the other, and those that are too many are refused',
  async (t) => {
    const rig = await Rig.start(t);
    const node = await rig.newNode('ops');
    await rig.scheduler({ name: 'web' });
    await rig.agent('cpus:4;mem:1024');
    const asks = Array.from({ length: 30 }, () =>
      node.ask(rig.pid, ExplainAllocation, { framework: 'web', each: false }, { deadlineMs: 1_000 }),
    );
    await rig.settle();
    const answers = await Promise.all(asks);
    const refused = answers.filter(({ refusal }) => refusal !== undefined);
    t.ok(refused.every(({ refusal }) => /too many ask at once/.test(refusal ?? '')));
    t.ok(refused.length > 0 && refused.length < 15, `${refused.length} were refused`);
    t.ok(answers.every(({ refusal, roles }) => refusal !== undefined || roles[0]?.wants[0]?.agents === 1));
  },
);
