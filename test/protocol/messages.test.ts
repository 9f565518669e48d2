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
const framework = { id: frameworkId, name: 'f', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 0 };
const executor = { executorId, name: 'e', command: { value: 'node', arguments: ['x'] }, resources, data };
const task = { taskId, name: 't', slaveId, resources, executor, data };
const slave = { id: slaveId, hostname: 'h', resources };
const status = { taskId, state: 'TASK_RUNNING', source: 'SOURCE_EXECUTOR', timestamp: 1, uuid: 'u', data };
const offer = { id: offerId, frameworkId, slaveId, hostname: 'h', resources, executorIds: [executorId] };
const filters = { refuseSeconds: 5 };
const relayed = { slaveId, frameworkId, executorId, data };
const quota = { role: 'ads', guarantees: { cpus: 1_000 }, limits: { cpus: 2_000, mem: 0 } };
const hindered = (hindrance: object) => ({
  ...{ slaveId, hostname: 'h', hindrance },
  held: [{ frameworkId, role: 'ads', resources }],
  offers: [{ id: offerId, frameworkId }],
});
const explained = {
  role: 'ads',
  demands: [{ shape: { cpus: 1_000 }, count: 3 }],
  precedence: [
    { node: 'ads', share: '0.41', ahead: { node: 'eng', share: '0.38' } },
    { node: frameworkId, share: '0' },
  ],
  agents: [
    ...[
      'agent-inactive',
      'not-whitelisted',
      'framework-inactive',
      'suppressed',
      'gpus',
      'cap',
      'no-demand',
      'next',
    ].map((why) => hindered({ why })),
    hindered({ why: 'constraint', constraint: 'rack=a' }),
    hindered({ why: 'region', region: 'eu' }),
    ...['short', 'too-small', 'guarantees'].map((why) => hindered({ why, by: { cpus: 1_500 } })),
    hindered({ why: 'limit', role: 'ads', by: { cpus: 1 } }),
    hindered({ why: 'filtered', forMs: 0.5 }),
  ],
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
    tasks: [{ taskId, name: 't', frameworkId, executorId, slaveId, resources, state: 'TASK_RUNNING' }],
    executors: [{ frameworkId, executor, role: '*' }],
    frameworks: [framework],
  },
  UnregisterSlave: { slaveId },
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
  RunTask: { framework, task, launchExecutor: true },
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
  ExplainAllocation: { framework: 'f' },
  AllocationExplained: { epoch, roles: [explained] },
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
