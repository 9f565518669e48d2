import { allocationLines } from '@mesos-ts/cli';
import { type AgentExplained, type AllocationExplained, parseResources } from '@mesos-ts/protocol';
import t from 'tap';

/* What people read of an explanation: the reasons are the leader's, see test/master. */

const now = new Date(2026, 0, 5, 12, 0, 0).getTime();
const held = (frameworkId: string) => ({ frameworkId, role: 'ads', resources: parseResources('cpus:4') }) as never;

function agent(hostname: string, hindrance: AgentExplained['hindrance'], more: object = {}): AgentExplained {
  return { slaveId: `m-${hostname}` as never, hostname, hindrance, held: [], offers: [], ...more };
}

function lines(agents: readonly AgentExplained[], more: object = {}): string[] {
  const roles = [{ role: 'eng', precedence: [], agents, ...more }];
  const explained = { epoch: 1, framework: { id: 'F1', name: 'web' }, roles } as unknown as AllocationExplained;
  return allocationLines(explained, now);
}

t.test('few agents have a line each, with the reason, and who holds what they lack', async (t) => {
  const offers = [{ id: 'O17', frameworkId: 'F2' }];
  t.same(
    lines([
      agent('a1', { why: 'short', by: { cpus: 1_500 } }, { held: [held('F2'), held('F3')], offers }),
      agent('a2', { why: 'filtered', forMs: 184_000 }),
      agent('a3', { why: 'constraint', constraint: 'rack=a' }),
      agent('a4', { why: 'limit', role: 'eng', by: { cpus: 1_000, mem: 64_000 } }),
      agent('a5', { why: 'too-small', by: { gpus: 1_000 } }, { held: [held('F2')] }),
      agent('a6', { why: 'next' }),
    ]),
    [
      'framework F1 (web)',
      '',
      'role eng',
      '  a1: short by 1.5 cpus; held in offer O17 by framework F2; used by framework F3',
      '  a2: filtered until 12:03:04',
      '  a3: constraint rack=a failed',
      '  a4: quota limit of role eng: short by 1 cpus and 64 mem',
      '  a5: too small even if idle: short by 1 gpus',
      '  a6: nothing hinders it: offered in its turn',
    ],
  );
});

t.test('many agents are told together where the reason is the same, the most frequent first', async (t) => {
  const filtered = [184_000, 3_000, 184_000].map((forMs, i) => agent(`f${i}`, { why: 'filtered', forMs }));
  const short = Array.from({ length: 412 }, (_, i) =>
    agent(
      `a${i}`,
      { why: 'short', by: { cpus: 1_500 } },
      i < 5 ? { held: [held('F2')], offers: [{ id: `O${i}`, frameworkId: 'F2' }] } : { held: [held('F1')] },
    ),
  );
  t.same(lines([...filtered, ...short]).slice(3), [
    '  412 agents: short by 1.5 cpus (a0, a1, a2, ...)',
    '    held in offers O0, O1, O2, ... by framework F2',
    '    used by itself on 407 of them',
    '  3 agents: filtered until 12:00:03 to 12:03:04 (f0, f1, f2)',
  ]);
  const varied = [500, 3_000, 1_000].map((cpus, i) => agent(`v${i}`, { why: 'short', by: { cpus } }));
  const limited = ['eng', 'eng/dev'].map((role) => agent(role, { why: 'limit', role, by: { cpus: 1 } }));
  t.match(lines([...short.slice(0, 10), ...varied, ...limited]).slice(3), [
    '  13 agents: short by 0.5 to 3 cpus (a0, a1, a2, ...)',
    /F2/,
    /itself/,
    '  1 agent: quota limit of role eng: short by 0.001 cpus (eng)',
    '  1 agent: quota limit of role eng/dev: short by 0.001 cpus (eng/dev)',
  ]);
});

t.test('it says what is ahead in turn, what is waited for, and that there is nothing', async (t) => {
  const ahead = { node: 'ads', share: '0.38' };
  const precedence = [
    { node: 'eng', share: '0.41', ahead },
    { node: 'F1', share: '0.2', ahead: { node: 'F2', share: '0.2' } },
  ];
  const demands = [{ shape: { cpus: 8_000, mem: 64_000 }, count: 3 }];
  t.same(lines([], { precedence, demands }).slice(2), [
    'role eng',
    '  waits for 3 times 8 cpus and 64 mem',
    '  in turn, eng is behind role ads, share 0.41 against 0.38',
    '  in turn behind framework F2, both of share 0.2',
    '  there are no agents',
  ]);
  t.same(lines([agent('a1', { why: 'cap' })], { precedence: [{ node: 'eng', share: '0' }] })[3], '  in turn next');
});

t.test('agents are in the order of their names, numbers in that of numbers', async (t) => {
  const names = ['a10', 'a9', 'b1'].map((name) => agent(name, { why: 'cap' }));
  t.match(lines(names).slice(3), [/^ {2}a9:/, /^ {2}a10:/, /^ {2}b1:/]);
});

t.test('agents of one host are named by their ids, days are named, and nothing speaks to the terminal', async (t) => {
  const twins = ['m-S1', 'm-S2'].map((slaveId) => agent('a1', { why: 'suppressed' }, { slaveId }));
  t.match(lines(twins)[3], /^ {2}m-S1: suppressed/);
  t.match(lines([agent('a1', { why: 'filtered', forMs: 365 * 24 * 3_600_000 })])[3], /until 2027-01-05 12:00:00/);
  t.match(lines([agent('a\u001b[2J', { why: 'gpus' })])[3], /a\?\[2J: has gpus/);
});
