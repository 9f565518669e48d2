import { type AnyMessageType, upid } from '@mesos-ts/process';
import * as protocol from '@mesos-ts/protocol';
import { parseResources } from '@mesos-ts/protocol';
import { Packr } from 'msgpackr';
import t from 'tap';

const frameworkId = 'M-0000';
const slaveId = 'M-S0';
const executorId = 'e1';
const taskId = 't1';
const offerId = 'M-O0';
const epoch = 7;
const resources = parseResources('cpus:1.5;mem(ads):64;ports:[1-2];disks:{a}');
const data = new Uint8Array([0, 1, 255]);
const master = { id: 'M', pid: upid('master', 'm1', 'abc'), hostname: 'host', version: '0.1.0' };
const roles = ['eng/prod', 'ads'];
const framework = {
  ...{ id: frameworkId, name: 'f', user: 'u', hostname: 'h', roles, failoverTimeoutMs: 0 },
  suppressedRoles: ['ads'],
  offerFilters: { ads: { minAllocatable: [{ cpus: 1_000, mem: 1 }, {}] }, 'eng/prod': {} },
  offerConstraints: {
    ads: [
      [
        { selector: { attribute: 'rack' }, predicate: { textEquals: 'a' } },
        { selector: 'hostname', predicate: 'exists' },
      ],
      [{ selector: 'zone', predicate: { textNotMatches: 'a*' } }],
    ],
  },
  capabilities: ['GPU_RESOURCES', 'REGION_AWARE'],
};
const executor = { executorId, name: 'e', command: { value: 'node', arguments: ['x'] }, resources, data };
const task = { taskId, name: 't', slaveId, resources, executor, data };
const place = { attributes: [{ name: 'rack', text: 'a 1' }], domain: { region: 'eu', zone: 'eu 1' } };
const slave = { id: slaveId, hostname: 'h', resources, ...place };
const status = { taskId, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', timestamp: 1, uuid: 'u', data };
const offer = {
  id: offerId,
  frameworkId,
  slaveId,
  hostname: 'h',
  role: 'ads',
  resources,
  executorIds: [executorId],
  ...place,
};
const filters = { refuseSeconds: 5 };
const relayed = { slaveId, frameworkId, executorId, data };
const quota = { role: 'ads', guarantees: { cpus: 1_000 }, limits: { cpus: 2_000, mem: 0 } };
const holding = { holders: [{ frameworkId, offers: 1, some: [offerId], using: 2 }], holdersLeftOut: 0 };
const hindrances = [
  ...[
    ...['agent-inactive', 'not-whitelisted', 'framework-inactive', 'suppressed', 'gpus'],
    ...['cap', 'no-demand', 'earlier-demand', 'next'],
  ].map((why) => ({ why })),
  { why: 'constraint', constraint: 'rack=a' },
  { why: 'region', region: 'eu' },
  ...['short', 'too-small', 'guarantees'].map((why) => ({ why, by: { cpus: 1_500 } })),
  { why: 'limit', role: 'ads', by: { cpus: 1 } },
  { why: 'filtered', forMs: 0.5 },
];
const want = {
  shape: { cpus: 1_000 },
  count: 3,
  room: { now: 1, ifIdle: 0, never: 2 },
  agents: 4,
  agentsLeftOut: 0,
  groups: hindrances.map((hindrance) => ({ agents: 1, some: ['h'], least: hindrance, most: hindrance, ...holding })),
  each: hindrances.map((hindrance) => ({ name: 'h', slaveId, hostname: 'h', hindrance, ...holding })),
};
const explained = {
  role: 'ads',
  members: {
    ...{ active: 1, suppressed: 0, inactive: 2, satisfied: 0, some: [{ frameworkId, name: 'web' }] },
    ...{ rolesBelow: 1, someBelow: ['ads/web'] },
  },
  precedence: [
    { node: 'ads', share: '0.41', ahead: { node: 'eng', share: '0.38' } },
    { node: frameworkId, share: '0' },
  ],
  quotas: [{ ...quota, consumed: { cpus: 0 } }],
  wants: [want],
  wantsLeftOut: 0,
};

/** A right body of every message. */
const samples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  RegisterFramework: { framework },
  ReregisterFramework: { framework, failover: true },
  UnregisterFramework: { frameworkId },
  LaunchTasks: { frameworkId, offerIds: [offerId], tasks: [task], filters },
  DeclineResourceOffer: { frameworkId, offerIds: [offerId], filters },
  ReviveOffers: { frameworkId },
  SuppressOffers: { frameworkId },
  RequestResources: { frameworkId },
  ReconcileTasks: { frameworkId, statuses: [{ taskId, slaveId }, { taskId }] },
  StaleLeader: { epoch },
  KillTask: { frameworkId, taskId },
  StatusUpdateAcknowledgement: { slaveId, frameworkId, taskId, uuid: 'u' },
  FrameworkToExecutor: relayed,
  StatusUpdate: { frameworkId, status },
  ExecutorToFramework: relayed,
  ExitedExecutor: { slaveId, frameworkId, executorId, status: 137 },
  FrameworkRegistered: { epoch, frameworkId, master },
  FrameworkReregistered: { epoch, frameworkId, master },
  ResourceOffer: { epoch, offers: [offer, offer] },
  RescindResourceOffer: { epoch, offerId },
  LostSlave: { epoch, slaveId },
  FrameworkError: { epoch, message: 'no' },
  RegisterSlave: { slave, version: '0.1.0' },
  ReregisterSlave: {
    slave,
    version: '0.1.0',
    tasks: [{ taskId, name: 't', frameworkId, executorId, slaveId, role: 'ads', resources, state: 'TASK_RUNNING' }],
    executors: [{ frameworkId, executor, role: '*' }],
    frameworks: [framework],
  },
  UnregisterSlave: { slaveId },
  UpdateSlave: { oversubscribed: [{ name: 'cpus', role: '*', scalar: 2_000, revocable: true }] },
  PongSlave: {},
  SlaveRegistered: { epoch, slaveId, totalPingTimeoutMs: 75_000, expectedAgents: 3 },
  SlaveReregistered: {
    epoch,
    slaveId,
    totalPingTimeoutMs: 75_000,
    expectedAgents: 3,
    reconciliations: [{ frameworkId, taskId }],
  },
  PingSlave: { epoch, connected: true, expectedAgents: 0 },
  RunTask: { framework, task, role: 'ads', launchExecutor: true },
  UpdateFramework: { epoch, frameworkId },
  ShutdownFramework: { epoch, frameworkId },
  Shutdown: { epoch, message: 'no' },
  RegisterExecutor: { frameworkId, executorId },
  ExecutorRegistered: { executor, framework, slave },
  ShutdownExecutor: { frameworkId, executorId },
  GetQuota: {},
  QuotaStatus: { epoch, quotas: [{ ...quota, consumed: { cpus: 500 } }] },
  UpdateQuota: { quotas: [quota], force: false },
  QuotaUpdated: { epoch },
  GetWeights: {},
  WeightsStatus: { epoch, weights: [{ role: 'ads', weight: 2_500 }] },
  UpdateWeights: { weights: [{ role: 'ads', weight: 1 }] },
  WeightsUpdated: { epoch },
  ExplainAllocation: { each: true },
  AllocationExplained: { epoch, roles: [explained], rolesLeftOut: 0 },
};

const types = new Map(
  Object.entries(protocol).filter((entry): entry is [string, AnyMessageType] => isMessageType(entry[1])),
);

function isMessageType(value: unknown): value is AnyMessageType {
  return typeof value === 'object' && value !== null && 'replyType' in value;
}

t.test('every message is exported under the name that it has on the wire, and has a sample here', async (t) => {
  t.same([...types.keys()].sort(), Object.keys(samples).sort());
  for (const [name, type] of types) t.equal(type.name, name);
});

t.test('a right body passes the check, also after the wire, and with fields that a newer sender added', async (t) => {
  const packr = new Packr({ useRecords: false });
  for (const [name, type] of types) {
    const sample = samples[name] ?? {};
    t.ok(type.check(sample), `${name}: ${type.explain(sample)}`);
    t.ok(type.check(packr.unpack(packr.pack(sample))), `${name} after the wire`);
    t.ok(type.check({ ...sample, addedLater: 1 }), `${name} with an unknown field`);
  }
});

t.test('a body that lacks a field, or has it in another form, is refused with the place', async (t) => {
  for (const [name, type] of types)
    for (const field of Object.keys(samples[name] ?? {})) {
      const { [field]: _taken, ...lacking } = samples[name] ?? {};
      t.notOk(type.check(lacking), `${name} without ${field}`);
      for (const wrong of [null, undefined, 7.5, [[]], { a: 1 }])
        t.notOk(type.check({ ...lacking, [field]: wrong }), `${name} with ${field} = ${JSON.stringify(wrong)}`);
      t.match(type.explain(lacking), new RegExp(`/${field}`));
    }
});

t.test('ids that would be dangerous as names of folders are refused everywhere', async (t) => {
  for (const id of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\u0000b', 'x'.repeat(256)]) {
    t.notOk(protocol.isId(id), JSON.stringify(id));
    t.notOk(protocol.KillTask.check({ frameworkId, taskId: id }));
    t.notOk(protocol.RegisterExecutor.check({ frameworkId: id, executorId }));
  }
  for (const id of ['a', '...', '.a', 'ünï', 'x'.repeat(255)]) t.ok(protocol.isId(id), JSON.stringify(id));
});

t.test('numbers beyond their bounds are refused', async (t) => {
  const declined = (refuseSeconds: number): boolean =>
    protocol.DeclineResourceOffer.check({ frameworkId, offerIds: [offerId], filters: { refuseSeconds } });
  t.ok(declined(0) && declined(365 * 24 * 3_600));
  t.notOk(declined(-1) || declined(365 * 24 * 3_600 + 1) || declined(Number.NaN) || declined(Number.POSITIVE_INFINITY));
  const framed = (failoverTimeoutMs: number): boolean =>
    protocol.RegisterFramework.check({ framework: { ...framework, failoverTimeoutMs } });
  t.ok(framed(1));
  t.notOk(framed(1.5) || framed(-1));
  const weighed = (weight: number): boolean => protocol.UpdateWeights.check({ weights: [{ role: 'ads', weight }] });
  t.ok(weighed(1));
  t.notOk(weighed(0) || weighed(-1) || weighed(0.5) || weighed(2 ** 53));
  const limited = (limits: object): boolean =>
    protocol.UpdateQuota.check({ quotas: [{ ...quota, limits }], force: false });
  t.ok(limited({ cpus: 0 }));
  t.notOk(limited({ cpus: -1 }) || limited({ cpus: 0.5 }) || limited({ 'no name': 1 }) || limited({ '': 1 }));
});

/** Whether a framework may register with these fields changed; undefined takes one away. */
function registers(changes: Readonly<Record<string, unknown>>): boolean {
  const changed = Object.entries({ ...framework, ...changes }).filter(([, value]) => value !== undefined);
  return protocol.RegisterFramework.check({ framework: Object.fromEntries(changed) });
}

t.test('a framework has one role at least, and each of them once', async (t) => {
  for (const field of ['suppressedRoles', 'offerFilters', 'offerConstraints', 'capabilities'])
    t.ok(registers({ [field]: undefined }), `${field} may be left out`);
  t.ok(registers({ roles: ['*'] }));
  for (const wrong of [
    undefined,
    [],
    'eng',
    ['eng', 'eng'],
    ['eng', 'eng/'],
    ['..'],
    Array.from({ length: 1_001 }, String),
  ])
    t.notOk(registers({ roles: wrong }), JSON.stringify(wrong)?.slice(0, 40));
  t.notOk(registers({ suppressedRoles: ['a', 'a'] }) || registers({ suppressedRoles: ['a b'] }));
});

t.test('what a framework asks of offers is refused where it is not understood', async (t) => {
  for (const minAllocatable of [
    {},
    [[]],
    [{ cpus: -1 }],
    [{ cpus: 0.5 }],
    [{ 'a b': 1 }],
    [{ cpus: 2 ** 53 }],
    [{ cpus: '1' }],
  ])
    t.notOk(registers({ offerFilters: { ads: { minAllocatable } } }), JSON.stringify(minAllocatable));
  t.notOk(registers({ offerFilters: { 'a b': {} } }), 'of no role');
  const names = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`x${index}`, 1]));
  t.notOk(registers({ offerFilters: { ads: { minAllocatable: [names] } } }), 'more names than there are');
  const constrained = (selector: unknown, predicate: unknown): boolean =>
    registers({ offerConstraints: { ads: [[{ selector, predicate }]] } });
  for (const selector of ['hostname', 'region', 'zone', { attribute: 'rack' }])
    for (const predicate of ['exists', 'notExists', { textEquals: '' }, { textNotEquals: 'a' }, { textMatches: '*?' }])
      t.ok(constrained(selector, predicate), JSON.stringify([selector, predicate]));
  for (const selector of ['rack', '', {}, { attribute: '' }, { attribute: 'a', hostname: 'b' }, null])
    t.notOk(constrained(selector, 'exists'), JSON.stringify(selector));
  for (const predicate of [
    '',
    'textEquals',
    {},
    { textEquals: 1 },
    { textEquals: 'a', textMatches: 'b' },
    { matches: 'a' },
  ])
    t.notOk(constrained('zone', predicate), JSON.stringify(predicate));
  t.notOk(constrained('zone', { textMatches: '*'.repeat(256) }), 'a text of 255 characters at most');
  const one = { selector: 'zone', predicate: 'exists' };
  t.notOk(registers({ offerConstraints: { ads: Array(65).fill([one]) } }), 'groups');
  t.notOk(registers({ offerConstraints: { ads: [Array(65).fill(one)] } }), 'of a group');
  t.notOk(registers({ offerConstraints: { 'a b': [[one]] } }), 'of no role');
  t.notOk(registers({ capabilities: ['GPUS'] }) || registers({ capabilities: ['GPU_RESOURCES', 'GPU_RESOURCES'] }));
});

t.test('what is said of an agent and its place is refused where it could not be read back', async (t) => {
  const agent = (changes: object): boolean =>
    protocol.RegisterSlave.check({ slave: { hostname: 'h', resources, ...changes }, version: '0' });
  t.ok(agent({}), 'nothing need be said');
  t.ok(agent({ attributes: [] }));
  for (const attribute of [
    { name: 'rack' },
    { name: '', text: 'a' },
    { name: 'a:b', text: 'a' },
    { name: 'a', text: '' },
  ])
    t.notOk(agent({ attributes: [attribute] }), JSON.stringify(attribute));
  for (const text of ['a;b', ' a', 'a ', 'a\nb', 'ü', 'x'.repeat(256)])
    t.notOk(agent({ attributes: [{ name: 'a', text }] }), JSON.stringify(text));
  t.notOk(agent({ attributes: Array(257).fill({ name: 'a', text: 'b' }) }));
  for (const domain of [
    {},
    { region: 'a' },
    { zone: 'a' },
    { region: '', zone: 'a' },
    { region: 'a/b', zone: 'c' },
    'a/b',
  ])
    t.notOk(agent({ domain }), JSON.stringify(domain));
});

t.test('offers are suppressed and revived in named roles or in all, and asked for within bounds', async (t) => {
  for (const type of [protocol.SuppressOffers, protocol.ReviveOffers]) {
    for (const named of [[], ['a'], ['a', 'b/c'], ['*']]) t.ok(type.check({ frameworkId, roles: named }), type.name);
    for (const named of [null, 'a', ['a b'], [1], Array(1_001).fill('a')])
      t.notOk(type.check({ frameworkId, roles: named }), `${type.name} ${JSON.stringify(named)?.slice(0, 40)}`);
  }
  t.ok(protocol.ReviveOffers.check({ frameworkId, keepFilters: true }));
  t.notOk(protocol.ReviveOffers.check({ frameworkId, keepFilters: 1 }));
  const requests = (demands: unknown): boolean => protocol.RequestResources.check({ frameworkId, demands });
  const demand = { role: 'a', shape: { cpus: 1_500, gpus: 1_000 }, count: 3 };
  t.ok(requests([]) && requests([demand]) && requests(Array(1_000).fill(demand)));
  t.notOk(requests(null) || requests({}) || requests(Array(1_001).fill(demand)));
  for (const count of [0, -1, 1.5, 1_000_001, '1']) t.notOk(requests([{ ...demand, count }]), `count ${count}`);
  for (const wrong of [
    { role: 'a b' },
    { role: undefined },
    { shape: [] },
    { shape: { cpus: -1 } },
    { shape: { cpus: 0.1 } },
    { shape: {} },
    { shape: { cpus: 1_500, gpus: 0 } },
  ])
    t.notOk(requests([{ ...demand, ...wrong }]), JSON.stringify(wrong));
});
