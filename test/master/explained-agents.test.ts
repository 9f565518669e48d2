import { ExplainedAgents } from '@mesos-ts/master';
import { type Offer, parseResources } from '@mesos-ts/protocol';
import t from 'tap';

/* How agents are told together. */

type Told = Parameters<ExplainedAgents['add']>[0];

function agent(hostname: string, hindrance: Told['hindrance'], holders: readonly string[] = []): Told {
  const held = holders.map((id) => ({ frameworkId: id as never, role: '*', resources: parseResources('cpus:1') }));
  return { slaveId: `S-${hostname}` as never, hostname, hindrance, held };
}

function offer(id: string, frameworkId: string): Offer {
  return { id, frameworkId } as unknown as Offer;
}

t.test(
  'those with one reason are one group, with the spans of amounts and of times, the largest group first',
  async (t) => {
    const all = new ExplainedAgents(0);
    all.add(agent('f1', { why: 'filtered', forMs: 7 }), []);
    for (const cpus of [2_000, 500, 1_000]) all.add(agent(`s${cpus}`, { why: 'short', by: { cpus } }), []);
    all.add(agent('f2', { why: 'filtered', forMs: 3 }), []);
    all.add(agent('m', { why: 'short', by: { cpus: 1, mem: 1 } }), []);
    for (const role of ['a', 'b']) all.add(agent(role, { why: 'limit', role, by: { cpus: 1 } }), []);
    const { groups, room, agents, each } = all.told(0, false);
    t.equal(agents, 8);
    t.same(
      groups.map((group) => [group.agents, group.some, group.least, group.most]),
      [
        [3, ['s500', 's1000', 's2000'], { why: 'short', by: { cpus: 500 } }, { why: 'short', by: { cpus: 2_000 } }],
        [2, ['f1', 'f2'], { why: 'filtered', forMs: 3 }, { why: 'filtered', forMs: 7 }],
        [1, ['m'], { why: 'short', by: { cpus: 1, mem: 1 } }, { why: 'short', by: { cpus: 1, mem: 1 } }],
        [1, ['a'], { why: 'limit', role: 'a', by: { cpus: 1 } }, { why: 'limit', role: 'a', by: { cpus: 1 } }],
        [1, ['b'], { why: 'limit', role: 'b', by: { cpus: 1 } }, { why: 'limit', role: 'b', by: { cpus: 1 } }],
      ],
    );
    t.same(room, { now: 4, ifIdle: 4, never: 0 });
    t.same(each, []);
  },
);

t.test('constraints and regions are told apart; whoever is out of the question has no room', async (t) => {
  const all = new ExplainedAgents(0);
  for (const text of ['a', 'b', 'a'])
    all.add(
      agent(`c${text}`, { why: 'constraint', constraint: { selector: 'zone', predicate: { textEquals: text } } }),
      [],
    );
  for (const region of ['eu', 'us']) all.add(agent(region, { why: 'region', region }), []);
  all.add(agent('x', { why: 'too-small', by: { cpus: 1 } }), []);
  const { groups, room } = all.told(0, false);
  t.same(
    groups.map((group) => [group.agents, group.least]),
    [
      [2, { why: 'constraint', constraint: 'zone=a' }],
      [1, { why: 'constraint', constraint: 'zone=b' }],
      [1, { why: 'region', region: 'eu' }],
      [1, { why: 'region', region: 'us' }],
      [1, { why: 'too-small', by: { cpus: 1 } }],
    ],
  );
  t.same(room, { now: 0, ifIdle: 0, never: 1 });
});

t.test('the first by name are named, numbers in the order of numbers; those on one host by their ids', async (t) => {
  const all = new ExplainedAgents(4);
  for (const name of ['a10', 'b', 'a9', 'a11']) all.add(agent(name, { why: 'cap' }), []);
  all.add({ ...agent('a9', { why: 'cap' }), slaveId: 'S-other' as never }, []);
  const { groups, each } = all.told(0, true);
  t.same(groups[0]?.some, ['S-a9', 'S-other', 'a10']);
  t.same(
    each.map(({ name }) => name),
    ['S-a9', 'S-other', 'a10', 'a11'],
    'the first four of five',
  );
});

t.test('where something is short it is told who holds the rest: in offers, or by using it', async (t) => {
  const all = new ExplainedAgents(10);
  const short = { why: 'short', by: { cpus: 1 } } as const;
  all.add(agent('a1', short, ['F1', 'F2', 'F2']), [offer('O1', 'F2'), offer('O9', 'F9')]);
  all.add(agent('a2', short, ['F1']), []);
  all.add(agent('a3', { why: 'cap' }, ['F3']), []);
  const { groups, each } = all.told(10, false);
  const f2 = { frameworkId: 'F2', offers: 1, some: ['O1'], using: 0 };
  t.same(groups[0]?.holders, [{ frameworkId: 'F1', offers: 0, some: [], using: 2 }, f2]);
  t.same(groups[1]?.holders, [], 'there nothing is lacking');
  t.same(each[0]?.holders, [{ frameworkId: 'F1', offers: 0, some: [], using: 1 }, f2]);
});

t.test(
  'however many agents, reasons and holders there are: what is told is small, and says what is left out',
  async (t) => {
    const all = new ExplainedAgents(1_000);
    for (let number = 0; number < 50_000; number++) {
      const name = `host-${(number * 7_919) % 50_000}`;
      const holder = `F${number % 1_000}`;
      if (number % 100 > 0)
        all.add(agent(name, { why: 'short', by: { cpus: 1 } }, [holder]), [offer(`O${number}`, holder)]);
      else all.add(agent(name, { why: 'region', region: `r${number}` }), []);
    }
    const told = all.told(10, true);
    t.equal(told.agents, 50_000);
    t.equal(told.groups.length, 50);
    t.equal(told.agentsLeftOut, 451);
    t.equal(told.groups[0]?.holders.length, 5);
    t.equal(told.groups[0]?.holdersLeftOut, 985);
    t.ok(told.groups[0]?.holders.every(({ some, offers }) => some.length === 3 && offers === 50));
    t.same(
      told.each.map(({ name }) => name),
      Array.from({ length: 1_000 }, (_, number) => `host-${number}`),
    );
    t.ok(JSON.stringify({ ...told, each: [] }).length < 20_000);
  },
);
