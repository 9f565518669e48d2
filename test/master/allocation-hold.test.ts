import { MutableRegistry, type RegistryOperation } from '@mesos-ts/master';
import { ExplainAllocation, parseResources, type SlaveId, scalarOf, UpdateQuota } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { Rig, type Scheduler } from './rig.js';
import { ScriptedRegistrar } from './scripted-registrar.js';

/* When a new leader begins to offer while roles have guarantees (Mesos facts 4.4). */

const guaranteed: RegistryOperation = {
  type: 'set-quotas',
  id: 'quotas',
  quotas: [{ role: 'eng', guarantees: { cpus: 1_000 }, limits: {} }],
};
const limited: RegistryOperation = {
  type: 'set-quotas',
  id: 'quotas',
  quotas: [{ role: 'eng', guarantees: {}, limits: { cpus: 100_000 } }],
};

/** A leader that the registry tells of so many agents, the first of which come back one by one, and a framework. */
async function leading(t: Test, agents: number, quotas: RegistryOperation) {
  const registry = new MutableRegistry();
  registry.apply(quotas);
  const ids = Array.from({ length: agents }, (_, i) => `old-S${i}` as SlaveId);
  for (const [i, id] of ids.entries())
    registry.apply({
      ...{ type: 'admit-agent', id, at: 0 },
      info: { id, hostname: `agent-${i + 1}`, resources: parseResources('cpus:4') },
    });
  const rig = await Rig.start(t, { offerTimeoutMs: 0, agentPingTimeoutMs: 3_600_000 }, new ScriptedRegistrar(registry));
  const rest = ids[Symbol.iterator]();
  const comesBack = async (): Promise<void> => {
    const agent = await rig.newAgent('cpus:4');
    agent.slaveId = rest.next().value ?? ('' as SlaveId);
    await agent.reregister();
  };
  return { rig, comesBack };
}

/** In thousandths, of all its offers together. */
function cpusOf({ held }: Scheduler): number {
  return [...held.values()].reduce((sum, { resources }) => sum + scalarOf(resources, 'cpus'), 0);
}

t.test('Nothing is offered before 80 % of the agents are back', async (t) => {
  const { rig, comesBack } = await leading(t, 5, guaranteed);
  for (let i = 0; i < 3; i++) await comesBack();
  const scheduler = await rig.scheduler({ roles: ['ads'] });
  t.same(scheduler.offered, []);
  const operator = await rig.newNode('ops');
  const question = { framework: scheduler.frameworkId, each: false };
  const asked = operator.ask(rig.pid, ExplainAllocation, question, { deadlineMs: 1_000 });
  await rig.settle();
  t.match((await asked).hold, /nothing is offered yet: .* 1 more agents are waited for/);
  await comesBack();
  t.equal(cpusOf(scheduler), 15_000, 'the fourth of five: all that they have but for what is guaranteed');
  await comesBack();
  t.equal(cpusOf(scheduler), 19_000);
});

t.test('It is not waited for longer than 10 minutes', async (t) => {
  const { rig, comesBack } = await leading(t, 5, guaranteed);
  await comesBack();
  const scheduler = await rig.scheduler({ roles: ['ads'] });
  await rig.advance(599_999);
  t.same(scheduler.offered, []);
  await rig.advance(1);
  t.equal(scheduler.held.size, 1);
});

t.test('It ends when no role is promised anything any more', async (t) => {
  const { rig, comesBack } = await leading(t, 5, guaranteed);
  await comesBack();
  const scheduler = await rig.scheduler({ roles: ['ads'] });
  t.same(scheduler.offered, []);
  const operator = await rig.newNode('ops');
  const quotas = [{ role: 'eng', guarantees: {}, limits: {} }];
  void operator.ask(rig.pid, UpdateQuota, { quotas, force: false }, { deadlineMs: 1_000 });
  await rig.settle();
  t.equal(scheduler.held.size, 1);
});

t.test('Without guarantees, and where no agent is known, everybody is offered what is there', async (t) => {
  const one = await leading(t, 5, limited);
  await one.comesBack();
  t.equal((await one.rig.scheduler({ roles: ['ads'] })).held.size, 1);
  const other = await leading(t, 0, guaranteed);
  await other.rig.agent('cpus:4');
  t.equal((await other.rig.scheduler({ roles: ['eng'] })).held.size, 1);
});
