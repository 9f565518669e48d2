import { AllocationExplained, ExplainAllocation } from '@mesos-ts/protocol';
import t from 'tap';
import { Rig } from './rig.js';

/*
 * What a leader answers to who asks why a framework is not offered more. Why it is not is decided in the allocator, and
 * tested there; here it is who is meant, and which offers are out.
 */

async function asking(rig: Rig) {
  const node = await rig.newNode('ops');
  return async (framework: string, role?: string) => {
    const answer = node.ask(
      rig.pid,
      ExplainAllocation,
      { framework, ...(role === undefined ? {} : { role }) },
      { deadlineMs: 1_000 },
    );
    await rig.settle();
    const explained = await answer;
    t.ok(AllocationExplained.check(explained), AllocationExplained.explain(explained));
    return explained;
  };
}

t.test('A framework is explained by its id, or by its name where no other has it', async (t) => {
  const rig = await Rig.start(t);
  const explain = await asking(rig);
  t.match((await explain('web')).refusal, /no framework is called web: there are none/);
  const web = await rig.scheduler({ name: 'web', roles: ['eng', 'ads'] });
  const id = web.frameworkId;
  const agent = await rig.agent('cpus:4;mem:1024');
  const byName = await explain('web');
  t.same(byName.framework, { id, name: 'web' });
  t.same(byName.roles.map(({ role }) => role).sort(), ['ads', 'eng']);
  t.same(await explain(id), byName);
  t.equal(byName.epoch, rig.leadership.epoch);
  t.same(
    (await explain('web', 'eng')).roles.map(({ role }) => role),
    ['eng'],
  );
  t.match((await explain('web', 'ops')).refusal, /is not in the role ops, but in eng, ads/);
  const twin = await rig.scheduler({ name: 'web' });
  const unclear = (await explain('web')).refusal ?? '';
  t.match(unclear, /several frameworks are called web/);
  t.ok(unclear.includes(id) && unclear.includes(twin.frameworkId));
  const unknown = (await explain('wbe')).refusal ?? '';
  t.match(unknown, /no framework has the id or the name wbe; there are/);
  t.ok(unknown.includes(`${id} (web)`));
  t.equal(byName.roles[0]?.agents[0]?.slaveId, agent.slaveId);
});

t.test('It is told which offer of whom holds what it lacks', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0 });
  const explain = await asking(rig);
  const holder = await rig.scheduler({ name: 'holder' });
  const agent = await rig.agent('cpus:4;mem:1024');
  await rig.scheduler({ name: 'waiting' });
  const [role] = (await explain('waiting')).roles;
  t.match(role?.agents, [
    {
      slaveId: agent.slaveId,
      hostname: agent.hostname,
      hindrance: { why: 'short' },
      held: [{ frameworkId: holder.frameworkId, role: '*' }],
      offers: [{ id: holder.offer.id, frameworkId: holder.frameworkId }],
    },
  ]);
});

t.test('A constraint is told in words', async (t) => {
  const rig = await Rig.start(t);
  const explain = await asking(rig);
  const words = [
    ['textEquals', 'rack=a'],
    ['textMatches', 'rack like a'],
  ] as const;
  await rig.agent('cpus:4;mem:1024');
  for (const [predicate, text] of words) {
    const constraint = { selector: { attribute: 'rack' }, predicate: { [predicate]: 'a' } } as never;
    await rig.scheduler({ name: text, roles: ['eng'], offerConstraints: { eng: [[constraint]] } });
    t.same((await explain(text)).roles[0]?.agents[0]?.hindrance, { why: 'constraint', constraint: text });
  }
  const exists = { selector: { attribute: 'rack' }, predicate: 'exists' } as const;
  await rig.scheduler({ name: 'any', roles: ['eng'], offerConstraints: { eng: [[exists]] } });
  t.same((await explain('any')).roles[0]?.agents[0]?.hindrance, { why: 'constraint', constraint: 'rack exists' });
});
