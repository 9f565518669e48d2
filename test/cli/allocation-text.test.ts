import { allocationLines } from '@mesos-ts/cli';
import type { AgentExplained, AgentGroupExplained, AllocationExplained, HolderExplained } from '@mesos-ts/protocol';
import t from 'tap';

/* What people read of an explanation: the reasons, and what is told together, are the leader's; see test/master. */

const now = new Date(2026, 0, 5, 12, 0, 0).getTime();
const room = { now: 1, ifIdle: 2, never: 3 };

function holder(frameworkId: string, offers: number, using: number): HolderExplained {
  const some = ['O17', 'O18', 'O19'].slice(0, offers);
  return { frameworkId, offers, some, using } as unknown as HolderExplained;
}

function agent(name: string, hindrance: AgentExplained['hindrance'], holders: HolderExplained[] = []): AgentExplained {
  return { name, slaveId: `m-${name}` as never, hostname: name, hindrance, holders, holdersLeftOut: 0 };
}

function group(
  agents: number,
  of: Partial<AgentGroupExplained> & Pick<AgentGroupExplained, 'least'>,
): AgentGroupExplained {
  return { agents, some: ['a0', 'a1', 'a2'].slice(0, agents), most: of.least, holders: [], holdersLeftOut: 0, ...of };
}

const all = { room, agents: 0, groups: [], agentsLeftOut: 0, each: [] };

/** Of a framework in one role. */
function lines(want: object, role: object = {}, explained: object = {}): string[] {
  const precedence = [{ node: 'eng', share: '0' }];
  const wants = [{ ...all, ...want }];
  const roles = [{ role: 'eng', precedence, quotas: [], wants, wantsLeftOut: 0, ...role }];
  const framework = { id: 'F1', name: 'web' };
  return allocationLines(
    { epoch: 1, framework, roles, rolesLeftOut: 0, ...explained } as unknown as AllocationExplained,
    now,
  );
}

function linesOfEach(...each: AgentExplained[]): string[] {
  return lines({ agents: each.length, each }).slice(4);
}

t.test('few agents have a line each, with the reason, and who holds what they lack', async (t) => {
  const each = [
    agent('a1', { why: 'short', by: { cpus: 1_500 } }, [holder('F2', 1, 0), holder('F3', 0, 1)]),
    agent('a2', { why: 'filtered', forMs: 184_000 }),
    agent('a3', { why: 'constraint', constraint: 'rack=a' }),
    agent('a4', { why: 'limit', role: 'eng', by: { cpus: 1_000, mem: 64_000 } }),
    agent('a5', { why: 'too-small', by: { gpus: 1_000 } }),
    agent('a6', { why: 'next' }),
    agent('a7', { why: 'earlier-demand' }),
    agent('a8', { why: 'short', by: {} }),
  ];
  t.same(lines({ agents: 8, each }), [
    'framework F1 (web)',
    '',
    'role eng',
    '  in turn next',
    '  a1: short by 1.5 cpus; held in offer O17 by framework F2; used by framework F3',
    '  a2: filtered until 12:03:04',
    '  a3: constraint rack=a failed',
    '  a4: quota limit of role eng: short by 1 cpus and 64 mem',
    '  a5: too small even if idle: short by 1 gpus',
    '  a6: nothing hinders it: offered in its turn',
    '  a7: goes to what the framework waits for before that',
    '  a8: short by everything',
  ]);
});

t.test('many agents are told together where the reason is the same', async (t) => {
  const short = {
    least: { why: 'short', by: { cpus: 500, mem: 64_000 } },
    most: { why: 'short', by: { cpus: 3_000, mem: 64_000 } },
    holders: [holder('F2', 5, 2), holder('F1', 0, 407)],
    holdersLeftOut: 12,
  } as const;
  const filtered = { least: { why: 'filtered', forMs: 3_000 }, most: { why: 'filtered', forMs: 184_000 } } as const;
  const groups = [group(412, short), group(3, filtered), group(1, { least: { why: 'cap' } })];
  t.same(lines({ agents: 420, groups, agentsLeftOut: 4 }).slice(4), [
    '  412 agents: short by 0.5 to 3 cpus and 64 mem (a0, a1, a2, ...)',
    '    held in offers O17, O18, O19, ... by framework F2, used by framework F2 on 2 of them',
    '    used by itself on 407 of them',
    '    and held or used by 12 more',
    '  3 agents: filtered until 12:00:03 to 12:03:04 (a0, a1, a2)',
    '  1 agent: the framework holds as much in offers as it may (a0)',
    '  4 agents: for other reasons, which are left out',
  ]);
});

t.test(
  'where not all agents are told one by one, that is said, and the others are among those told together',
  async (t) => {
    const each = [agent('a0', { why: 'cap' }), agent('a1', { why: 'cap' })];
    t.same(lines({ agents: 3, each, groups: [group(3, { least: { why: 'cap' } })] }).slice(4), [
      '  3 agents: the framework holds as much in offers as it may (a0, a1, a2)',
      '  the first 2 of 3 agents, the others are left out:',
      '  a0: the framework holds as much in offers as it may',
      '  a1: the framework holds as much in offers as it may',
    ]);
  },
);

t.test('it says what is ahead in turn, and that there is nothing', async (t) => {
  const ahead = { node: 'ads', share: '0.38' };
  const precedence = [
    { node: 'eng', share: '0.41', ahead },
    { node: 'F1', share: '0.2', ahead: { node: 'F2', share: '0.2' } },
  ];
  t.same(lines({}, { precedence }).slice(2), [
    'role eng',
    '  in turn, eng is behind role ads, share 0.41 against 0.38',
    '  in turn behind framework F2, both of share 0.2',
    '  there are no agents',
  ]);
  const [own, below] = [
    { node: 'eng/.', share: '0.3' },
    { node: 'eng/dev', share: '0.2' },
  ];
  t.equal(
    lines({}, { precedence: [{ ...own, ahead: below }] })[3],
    '  in turn, the frameworks in eng itself are behind role eng/dev, share 0.3 against 0.2',
  );
  t.equal(
    lines({}, { precedence: [{ ...below, ahead: own }] })[3],
    '  in turn, eng/dev is behind the frameworks in eng itself, share 0.2 against 0.3',
  );
  t.equal(lines({}, { precedence: [] })[3], '  in turn by chance');
});

t.test('each demand has its own lines, and says where there is room for it', async (t) => {
  const each = [agent('a1', { why: 'next' })];
  const wants = [
    { ...all, shape: { cpus: 8_000, mem: 64_000 }, count: 3, agents: 1, each },
    { ...all, shape: { cpus: 1_000 }, agents: 1, each, room: { now: 0, ifIdle: 0, never: 0 } },
  ];
  t.same(lines({}, { wants, wantsLeftOut: 7 }).slice(4), [
    '  waits for 3 times 8 cpus and 64 mem: room on 1 agent now, on 2 more if idle, never on 3',
    '    a1: nothing hinders it: offered in its turn',
    '  to have 1 cpus: room on 0 agents now, on 0 more if idle, never on 0',
    '    a1: nothing hinders it: offered in its turn',
    '  left out are 7 more demands: ask for one by --demand',
  ]);
});

t.test('of a role it says who is in it, and the quota of it and of those above it', async (t) => {
  const some = [
    { frameworkId: 'F1', name: 'web' },
    { frameworkId: 'F2', name: 'db' },
  ];
  const members = { active: 1, suppressed: 2, inactive: 3, satisfied: 4, some, rolesBelow: 3, someBelow: ['eng/a'] };
  const quotas = [
    { role: '*', guarantees: {}, limits: { cpus: 4_000 }, consumed: { cpus: 1_500 } },
    { role: 'eng', guarantees: { mem: 64_000 }, limits: {}, consumed: {} },
  ];
  t.same(lines({}, { members, quotas }, { framework: undefined }), [
    'role eng',
    '  in it are 1 active, 4 waiting for nothing more, 2 suppressed, 3 not connected: F1 (web), F2 (db), ...',
    '  below it: eng/a, ...',
    '  quota of role *: limit cpus:4; has cpus:1.5',
    '  quota: guaranteed mem:64; has none',
    '  in turn next',
    '  there are no agents',
  ]);
  const one = { ...members, suppressed: 0, inactive: 0, satisfied: 0, some: some.slice(0, 1), rolesBelow: 0 };
  t.equal(lines({}, { members: one })[3], '  in it is 1 active: F1 (web)');
  t.equal(lines({}, { members: { ...one, active: 0 } })[3], '  no framework is in it');
});

t.test('it says why nothing is offered at all, and which roles are left out', async (t) => {
  const [, hold] = lines({}, {}, { hold: 'nothing is offered yet' });
  t.equal(hold, 'nothing is offered yet');
  t.equal(lines({}, {}, { rolesLeftOut: 5 }).at(-1), 'left out are 5 more of its roles: name one by --role');
  t.same(lines({}, {}, { roles: [] }), ['framework F1 (web)', 'it has left meanwhile, or that role']);
});

t.test('days are named, and nothing speaks to the terminal', async (t) => {
  t.match(linesOfEach(agent('a1', { why: 'filtered', forMs: 365 * 24 * 3_600_000 }))[0], /until 2027-01-05 12:00:00/);
  t.match(linesOfEach(agent('a\u001b[2J', { why: 'gpus' }))[0], /a\?\[2J: has gpus/);
});
