import {
  decodeRegistryRecord,
  encodeRegistryRecord,
  FencedStorage,
  fenceKey,
  MemoryStorage,
  MutableRegistry,
  parseFence,
  parseRegistryDocument,
  RegistryDocumentInvalid,
  RegistryLost,
  registryContent,
  registryDocument,
  replaceRegistry,
} from '@mesos-ts/master';
import { VirtualClock } from '@mesos-ts/process';
import { type FrameworkId, parseResources, type SlaveId } from '@mesos-ts/protocol';
import t from 'tap';

const slave = (id: string): SlaveId => id as SlaveId;
const framework = (id: string): FrameworkId => id as FrameworkId;
const agentInfo = { hostname: 'h', resources: parseResources('cpus:4;mem:1024;ports:[1000-2000]') };
const frameworkInfo = { name: 'f', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000 };

const quotas = [
  { role: 'ads', guarantees: {}, limits: { cpus: 0 } },
  { role: 'eng', guarantees: { cpus: 4_000, mem: 1_024_000 }, limits: { cpus: 8_000 } },
];

function everything(): MutableRegistry {
  const registry = new MutableRegistry();
  for (const id of ['s1', 's2', 's3', 'odd . * > %é'])
    registry.apply({ type: 'admit-agent', id: slave(id), info: { ...agentInfo, id: slave(id) }, at: 1 });
  registry.apply({ type: 'mark-unreachable', id: slave('s2'), at: 2 });
  registry.apply({ type: 'mark-gone', id: slave('s3'), at: 3 });
  for (const id of ['f1', 'f2', 'f3'])
    registry.apply({ type: 'admit-framework', id: framework(id), info: { ...frameworkInfo, id: framework(id) } });
  registry.apply({ type: 'framework-disconnected', id: framework('f2'), at: 4 });
  registry.apply({ type: 'remove-framework', id: framework('f3'), at: 5 });
  registry.apply({ type: 'set-quotas', id: 'quotas', quotas });
  registry.apply({ type: 'set-weights', id: 'weights', weights: [{ role: 'eng', weight: 2_500 }] });
  return registry;
}

t.test('a registry that was written as a document and read again is the same', (t) => {
  const text = registryDocument(everything());
  const again = new MutableRegistry();
  for (const record of parseRegistryDocument(text)) again.take(record);
  t.same([...again.records()], [...everything().records()]);
  t.equal(registryDocument(again), text);
  t.same(parseRegistryDocument(registryDocument(new MutableRegistry())), []);
  t.end();
});

t.test('what is no document, or has one wrong entry, is refused with the place', (t) => {
  const good = JSON.parse(registryDocument(everything()));
  const refused = (change: object, pattern: RegExp): void => {
    const text = JSON.stringify({ ...good, ...change });
    t.throws(() => parseRegistryDocument(text), RegistryDocumentInvalid);
    t.throws(() => parseRegistryDocument(text), pattern);
  };
  for (const text of ['', '{', 'null', '[]', '"x"', '{}'])
    t.throws(() => parseRegistryDocument(text), RegistryDocumentInvalid, text);
  refused({ version: 2 }, /version is 2/);
  refused({ gone: undefined }, /field gone is not a list/);
  refused({ agents: [...good.agents, good.agents[0]] }, /agent s1 twice/);
  refused({ unreachable: [{ id: 's1', since: 1 }] }, /agent s1 twice/);
  refused({ agents: [good.agents[0], { ...good.agents[0], id: '' }] }, /agents\[1\]/);
  refused({ agents: [{ id: 's9', info: { hostname: 'h' }, admittedAt: 1 }] }, /agents\[0\]/);
  refused({ frameworks: [null] }, /frameworks\[0\]/);
  refused({ quotas: {} }, /field quotas is not a list/);
  refused({ quotas: [{ role: 'eng', guarantees: { cpus: -1 }, limits: {} }] }, /quotas is no such entry/);
  refused({ quotas: [...quotas, quotas[0]] }, /field quotas holds the role ads twice/);
  refused({ weights: [{ role: 'eng', weight: 0 }] }, /weights is no such entry/);
  refused({ removedFrameworks: [{ id: 'f', since: 'yesterday' }] }, /removedFrameworks\[0\]/);
  t.end();
});

t.test('quotas and weights replace what was set before, and what sets nothing is written once', (t) => {
  const registry = everything();
  t.same([...registry.quotas.values()], quotas);
  t.same([...registry.weights], [['eng', 2_500]]);
  t.equal(registry.apply({ type: 'set-quotas', id: 'quotas', quotas: [...quotas].reverse() }), undefined, 'the same');
  registry.apply({ type: 'set-quotas', id: 'quotas', quotas: quotas.slice(0, 1) });
  t.same([...registry.quotas.keys()], ['ads']);
  t.match(registry.apply({ type: 'set-quotas', id: 'quotas', quotas: [] }), { value: { state: 'forgotten' } });
  t.equal(registry.apply({ type: 'set-quotas', id: 'quotas', quotas: [] }), undefined);
  t.match(registry.apply({ type: 'set-weights', id: 'weights', weights: [] }), { value: { state: 'forgotten' } });
  t.equal(registry.weights.size, 0);
  t.end();
});

t.test('a document from before there were quotas is taken as one without', (t) => {
  const { quotas: _quotas, weights: _weights, ...before } = JSON.parse(registryDocument(everything()));
  const again = new MutableRegistry();
  for (const record of parseRegistryDocument(JSON.stringify(before))) again.take(record);
  t.equal(again.quotas.size + again.weights.size, 0);
  t.equal(again.agents.size, everything().agents.size);
  t.end();
});

t.test('records survive their keys, and what cannot be read is told of beside what can', (t) => {
  const records = [...everything().records()].map((record) => encodeRegistryRecord(record, 7));
  for (const { key } of records)
    t.match(key, /^(agent|framework|settings)\.[A-Za-z0-9%_~!'()-]+$/, 'a key is of two tokens of NATS');
  const foreign = [
    { key: 'agent.s7', value: 'not JSON' },
    { key: 'agent.s8', value: '{"epoch":1,"value":{"state":"asleep"}}' },
    { key: 'agent.s9', value: '{"value":{"state":"gone","at":1}}' },
    { key: 'task.t1', value: '{"epoch":1,"value":{}}' },
    { key: 'agent.%', value: '{"epoch":1,"value":{"state":"gone","at":1}}' },
    { key: 'nothing', value: 'null' },
  ];
  const newer = { key: 'agent.s10', value: '{"epoch":1,"value":{"state":"gone","at":1,"draining":true},"more":1}' };
  const { registry, unreadable } = registryContent([...records, ...foreign, newer]);
  t.same(
    unreadable.map(({ key }) => key),
    foreign.map(({ key }) => key),
  );
  t.ok(registry.gone.has(slave('s10')), 'fields that a later build added are passed over');
  t.equal([...registry.records()].length, records.length + 1);
  t.equal(decodeRegistryRecord(records[0] ?? newer).type, 'record');
  t.end();
});

t.test('an import leaves what the document holds and nothing else, and ends what a leader may write', async (t) => {
  const clock = new VirtualClock();
  const storage = new MemoryStorage();
  const leader = new FencedStorage({ clock, storage });
  await leader.open(5, 'm1');
  const [first] = everything().records();
  if (first === undefined) throw new Error('there is one');
  await leader.write(encodeRegistryRecord(first, 5));
  await leader.write({ key: 'agent.odd', value: 'unreadable' });
  const text = registryDocument(everything()).replaceAll('"s1"', '"s4"');
  const replaced = await replaceRegistry({ clock, storage, by: 'import' }, parseRegistryDocument(text));
  t.same(replaced, { written: 9, forgotten: 1 });
  const { records } = await storage.read();
  const content = registryContent(records.filter(({ key }) => key !== fenceKey));
  t.equal(registryDocument(content.registry), text);
  t.same(
    content.unreadable.map(({ key }) => key),
    ['agent.odd'],
    'what it could not read it left alone',
  );
  await t.rejects(leader.write(encodeRegistryRecord(first, 5)), RegistryLost, 'the leader can write no more');
  t.same(parseFence((await storage.newest(fenceKey)).record), { epoch: 5, by: 'import', incomplete: false });
  await new FencedStorage({ clock, storage }).open(6, 'm2');
});
