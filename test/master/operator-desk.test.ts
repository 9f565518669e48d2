import { type MasterOptions, MutableRegistry, type RegistryOperation } from '@mesos-ts/master';
import type { AskableMessageType, BodyOf, Node, ReplyOf } from '@mesos-ts/process';
import {
  GetQuota,
  GetWeights,
  parseResources,
  type Quota,
  RescindResourceOffer,
  type SlaveId,
  UpdateQuota,
  UpdateWeights,
} from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { executor, Rig, task } from './rig.js';
import { ScriptedRegistrar } from './scripted-registrar.js';

/* What operators ask of a leader and set (Mesos facts 4.4, 4.5): the arithmetic of it is in quota-check.test.ts. */

class Operator {
  constructor(
    readonly rig: Rig,
    readonly node: Node,
  ) {}

  static async of(rig: Rig, name = 'ops'): Promise<Operator> {
    return new Operator(rig, await rig.newNode(name));
  }

  /** Does not wait for the answer. */
  asks<M extends AskableMessageType>(type: M, body: BodyOf<M>): Promise<ReplyOf<M>> {
    return this.node.ask(this.rig.pid, type, body, { deadlineMs: 60_000 });
  }

  async ask<M extends AskableMessageType>(type: M, body: BodyOf<M>): Promise<ReplyOf<M>> {
    const answer = this.asks(type, body);
    await this.rig.settle();
    return await answer;
  }

  async set(role: string, guarantees: Quota['guarantees'], limits: Quota['limits'] = {}, force = false) {
    const { refusal } = await this.ask(UpdateQuota, { quotas: [{ role, guarantees, limits }], force });
    return refusal;
  }

  async quotas() {
    return (await this.ask(GetQuota, {})).quotas;
  }
}

async function leading(t: Test, before: readonly RegistryOperation[] = [], options: MasterOptions = {}) {
  const registry = new MutableRegistry();
  for (const operation of before) registry.apply(operation);
  const registrar = new ScriptedRegistrar(registry);
  const rig = await Rig.start(t, options, registrar);
  return { rig, registrar, operator: await Operator.of(rig) };
}

t.test('A quota', async (t) => {
  t.test('is stored, and then answered and told of, with what the role has of it', async (t) => {
    const { rig, registrar, operator } = await leading(t);
    const scheduler = await rig.scheduler({ roles: ['eng/dev'] });
    const agent = await rig.agent('cpus:4;mem:1024;cpus(eng):1;ports:[1-10]');
    const by = executor('e', 'cpus:0.5');
    await scheduler.launch([scheduler.offer.id], [task('t1', agent, 'cpus:1.5;mem:64', by)], 3_600);
    registrar.written();
    const answer = await operator.ask(UpdateQuota, {
      quotas: [{ role: 'eng', guarantees: { cpus: 2_000 }, limits: { cpus: 3_000 } }],
      force: false,
    });
    t.same(answer, { epoch: rig.leadership.epoch });
    t.same(registrar.written(), ['set-quotas quotas']);
    t.same([...registrar.registry.quotas.keys()], ['eng']);
    const consumed = { cpus: 3_000, mem: 64_000 };
    t.same(await operator.quotas(), [{ role: 'eng', guarantees: { cpus: 2_000 }, limits: { cpus: 3_000 }, consumed }]);
    t.equal(await operator.set('eng', {}), undefined);
    t.same(await operator.quotas(), []);
    t.equal(registrar.registry.quotas.size, 0);
  });

  t.test('counts what is reserved once, used or not', async (t) => {
    const { rig, operator } = await leading(t);
    const scheduler = await rig.scheduler({ roles: ['eng'] });
    const agent = await rig.agent('cpus:4;mem:1024;cpus(eng):2');
    await operator.set('eng', {}, { cpus: 5_000 });
    await scheduler.launch([...scheduler.held.keys()], [task('t1', agent, 'cpus(eng):1.5;mem:64')]);
    t.same((await operator.quotas())[0]?.consumed, { cpus: 2_000, mem: 64_000 });
  });

  t.test('decides what is offered from then on, and no offer of before outlives it', async (t) => {
    const { rig, operator } = await leading(t, [], { offerTimeoutMs: 0 });
    const dev = await rig.scheduler({ roles: ['eng/dev'] });
    await operator.set('eng', {}, { cpus: 1_000 });
    await rig.agent('cpus:4;mem:1024');
    t.same(dev.offered, ['cpus:1;mem:1024']);
    await operator.set('eng', {}, { cpus: 2_000 });
    t.same(dev.offered, ['cpus:2;mem:1024']);
    const ads = await rig.scheduler({ roles: ['ads'] });
    t.same(ads.offered, ['cpus:2'], 'what the limit leaves');
    await operator.set('eng', {}, { cpus: 500, mem: 0 });
    t.same([dev.offered, ads.offered], [['cpus:0.5'], ['cpus:2', 'cpus:1.5;mem:1024']]);
  });

  t.test('that cannot be kept changes nothing, and it is said by how much', async (t) => {
    const { rig, registrar, operator } = await leading(t);
    await rig.agent('cpus:4');
    registrar.written();
    t.match(await operator.set('eng', { cpus: 5_000 }), /5 cpus, are above the 4 cpus of the cluster by 1 cpus/);
    const scheduler = await rig.scheduler({ roles: ['eng'] });
    const [agent] = [...scheduler.held.values()];
    await scheduler.launch(
      [scheduler.offer.id],
      [task('t1', { slaveId: agent?.slaveId ?? ('' as SlaveId) }, 'cpus:3')],
    );
    registrar.written();
    t.match(await operator.set('eng', {}, { cpus: 2_000 }), /role eng: it has 3 cpus already.* by 1 cpus/);
    t.same(registrar.written(), []);
    t.same(await operator.quotas(), []);
    t.equal(await operator.set('eng', {}, { cpus: 2_000 }, true), undefined, 'unless by force');
    t.equal((await operator.quotas()).length, 1);
  });

  t.test('that is too much for the agents that are back already is refused with a word about the others', async (t) => {
    const ids = ['old-S0', 'old-S1', 'old-S2'] as SlaveId[];
    const resources = parseResources('cpus:4');
    const { rig, operator } = await leading(
      t,
      ids.map((id) => ({ type: 'admit-agent', id, at: 0, info: { id, hostname: id, resources } })),
      { agentReregisterTimeoutMs: 60_000, recoveryAgentRemovalLimitPercent: 100, agentPingTimeoutMs: 3_600_000 },
    );
    const comesBack = async (slaveId: SlaveId): Promise<void> => {
      const agent = await rig.newAgent('cpus:4');
      agent.slaveId = slaveId;
      await agent.reregister();
    };
    await comesBack('old-S0' as SlaveId);
    await rig.advance(20_000);
    const waits =
      /above the 4 cpus of the cluster by 1 cpus; only 1 of 3 agents are back .*, in (\d+) s at most, or use --force$/;
    t.equal(waits.exec((await operator.set('eng', { cpus: 5_000 })) ?? '')?.[1], '40');
    await comesBack('old-S1' as SlaveId);
    t.equal(await operator.set('eng', { cpus: 5_000 }), undefined);
    t.match(await operator.set('eng', { cpus: 9_000 }), /only 2 of 3 agents are back/);
    await rig.advance(40_000);
    t.match(await operator.set('eng', { cpus: 9_000 }), /by 1 cpus$/, 'who has not come by then is waited for no more');
  });

  t.test('of several roles is set for all of them or for none', async (t) => {
    const { rig, operator } = await leading(t);
    await rig.agent('cpus:4');
    const quotas = [
      { role: 'eng', guarantees: { cpus: 3_000 }, limits: {} },
      { role: 'ads', guarantees: { cpus: 3_000 }, limits: {} },
    ];
    t.ok((await operator.ask(UpdateQuota, { quotas, force: false })).refusal);
    t.same(await operator.quotas(), []);
    t.notOk((await operator.ask(UpdateQuota, { quotas, force: true })).refusal);
    t.same(
      (await operator.quotas()).map(({ role }) => role),
      ['eng', 'ads'],
    );
  });

  t.test('takes back the offers of its role, and where more is guaranteed those of all', async (t) => {
    const { rig, operator } = await leading(t, [], { offerTimeoutMs: 0 });
    const [dev, ads] = [await rig.scheduler({ roles: ['eng/dev'] }), await rig.scheduler({ roles: ['ads'] })];
    await rig.agent('cpus:4');
    await rig.agent('cpus:4');
    const [first, second] = [dev.offer.id, ads.offer.id];
    await operator.set('eng', {}, { cpus: 8_000 });
    t.same(dev.takeOne(RescindResourceOffer), { offerId: first });
    t.same(ads.take(RescindResourceOffer), []);
    await operator.set('other', {}, { cpus: 8_000 });
    t.same([...dev.take(RescindResourceOffer), ...ads.take(RescindResourceOffer)], [], 'of others nothing is');
    await operator.set('eng', { cpus: 1_000 });
    t.same(ads.takeOne(RescindResourceOffer), { offerId: second });
    t.equal(dev.take(RescindResourceOffer).length, 1);
    t.equal(dev.held.size + ads.held.size, 2, 'and it is offered anew');
  });

  t.test('is not in force before it is stored, and the next change waits for it', async (t) => {
    const { registrar, operator, rig } = await leading(t);
    await rig.agent('cpus:4');
    registrar.written();
    registrar.hold();
    const answered: string[] = [];
    const change = (role: string): void => {
      void operator
        .asks(UpdateQuota, { quotas: [{ role, guarantees: { cpus: 3_000 }, limits: {} }], force: false })
        .then(({ refusal }) => answered.push(`${role} ${refusal === undefined ? 'set' : 'refused'}`));
    };
    change('eng');
    change('ads');
    await rig.settle();
    t.same(answered, []);
    t.same(await operator.quotas(), [], 'and the leader answers meanwhile');
    t.same(registrar.written(), ['set-quotas quotas']);
    registrar.release();
    await rig.settle();
    t.same(answered, ['eng set', 'ads refused'], 'which is held against what the first left');
  });

  t.test('that cannot be stored is never answered, and ends the leadership', async (t) => {
    const { registrar, operator, rig } = await leading(t);
    registrar.fail(new Error('disk full'));
    const answer = operator.asks(UpdateQuota, {
      quotas: [{ role: 'a', guarantees: {}, limits: { cpus: 1 } }],
      force: true,
    });
    await rig.advance(60_000);
    await t.rejects(answer, { code: 'TIMED_OUT' });
    t.match(rig.steppedDown, [/disk full/]);
  });

  t.test('takes no more room than the registry has for it', async (t) => {
    const { operator } = await leading(t);
    const quotas = Array.from({ length: 9_000 }, (_, i) => ({
      role: `role-${i}`,
      guarantees: {},
      limits: { cpus: 1_000, mem: 1_000 },
    }));
    const { refusal } = await operator.ask(UpdateQuota, { quotas, force: true });
    t.match(refusal, /9000 roles are too many/);
    t.same(await operator.quotas(), []);
  });
});

t.test('Weights', async (t) => {
  t.test('are stored, and take back all offers; 1 is as if nothing had been said', async (t) => {
    const { rig, registrar, operator } = await leading(t);
    const scheduler = await rig.scheduler({ roles: ['eng'] });
    await rig.agent('cpus:4');
    const { id } = scheduler.offer;
    registrar.written();
    const weights = [
      { role: 'eng', weight: 2_500 },
      { role: 'ads', weight: 1_000 },
    ];
    t.same(await operator.ask(UpdateWeights, { weights }), { epoch: rig.leadership.epoch });
    t.same(registrar.written(), ['set-weights weights']);
    t.same((await operator.ask(GetWeights, {})).weights, [{ role: 'eng', weight: 2_500 }]);
    t.same(scheduler.takeOne(RescindResourceOffer), { offerId: id });
    await operator.ask(UpdateWeights, { weights: [{ role: 'eng', weight: 1_000 }] });
    t.same((await operator.ask(GetWeights, {})).weights, []);
    t.equal(registrar.registry.weights.size, 0);
  });

  t.test('decide who is next, under the next leader, too', async (t) => {
    const eng: RegistryOperation = { type: 'set-weights', id: 'weights', weights: [{ role: 'eng', weight: 3_000 }] };
    const { rig, operator } = await leading(t, [eng], { offerTimeoutMs: 0 });
    const schedulers = [await rig.scheduler({ roles: ['ads'] }), await rig.scheduler({ roles: ['eng'] })];
    for (let i = 0; i < 8; i++) await rig.agent('cpus:1');
    t.same(
      schedulers.map(({ held }) => held.size),
      [2, 6],
    );
    await operator.ask(UpdateWeights, { weights: [{ role: 'eng', weight: 1_000 }] });
    t.same(
      schedulers.map(({ held }) => held.size),
      [4, 4],
    );
  });

  t.test('of a role that is named twice are refused', async (t) => {
    const { operator } = await leading(t);
    const weights = [1, 2].map((weight) => ({ role: 'eng', weight }));
    t.match((await operator.ask(UpdateWeights, { weights })).refusal, /twice/);
    t.same((await operator.ask(GetWeights, {})).weights, []);
  });
});

t.test('A new leader knows what was set under earlier ones', async (t) => {
  const quota = { role: 'eng', guarantees: {}, limits: { cpus: 1_000 } };
  const { rig, operator } = await leading(t, [
    { type: 'set-quotas', id: 'quotas', quotas: [quota] },
    { type: 'set-weights', id: 'weights', weights: [{ role: 'ads', weight: 1 }] },
  ]);
  t.same(await operator.quotas(), [{ ...quota, consumed: {} }]);
  const scheduler = await rig.scheduler({ roles: ['eng'] });
  await rig.agent('cpus:4');
  t.same(scheduler.offered, ['cpus:1'], 'and keeps to it');
  t.same((await operator.ask(GetWeights, {})).weights, [{ role: 'ads', weight: 1 }]);
});

t.test('Where the operators are named, nobody else changes anything, and everybody may look', async (t) => {
  const { rig, registrar, operator } = await leading(t, [], { operators: ['ops'] });
  const other = await Operator.of(rig, 'f1');
  t.match(await other.set('eng', {}, { cpus: 1 }), /the Node f1 is no operator/);
  const refused = await other.ask(UpdateWeights, { weights: [{ role: 'eng', weight: 5 }] });
  t.match(refused.refusal, /the Node f1 is no operator/);
  t.same(registrar.written(), []);
  t.equal(rig.count('operators_refused'), 2);
  t.equal(await operator.set('eng', {}, { cpus: 1 }), undefined);
  t.equal((await other.quotas()).length, 1);
});

t.test('A master that does not lead refuses to answer', async (t) => {
  const { rig } = await Rig.standby(t);
  const operator = await Operator.of(rig);
  const asked = operator.asks(GetQuota, {});
  await rig.settle();
  await t.rejects(asked, { code: 'REFUSED', reason: 'not-admitted' });
});
