import { RescindResourceOffer } from '@mesos-ts/protocol';
import t from 'tap';
import { Rig, task } from './rig.js';

/* For how long an offer is good (Mesos facts 3.6, `--offer-timeout`). */

t.test(
  'An offer that is neither used nor declined in time is rescinded, and others are offered what was in it',
  async (t) => {
    const rig = await Rig.start(t);
    const hanging = await rig.scheduler();
    await rig.agent('cpus:4');
    const { id } = hanging.offer;
    await rig.advance(29_999);
    t.equal(hanging.offer.id, id);
    const other = await rig.scheduler();
    t.same(other.offered, []);
    await rig.advance(1);
    t.same(hanging.takeOne(RescindResourceOffer), { offerId: id });
    t.same(other.offered, ['cpus:4'], 'though it holds no less than the one that was rescinded');
    t.equal(rig.count('offers_expired'), 1);
  },
);

t.test('It is offered the same again after a while, when nobody else has it', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 1_000 });
  const hanging = await rig.scheduler();
  await rig.agent('cpus:4');
  const { id } = hanging.offer;
  await rig.advance(1_000);
  t.same(hanging.offered, []);
  await rig.advance(4_999);
  t.same(hanging.offered, [], 'as if it had declined');
  await rig.advance(1);
  t.not(hanging.offer.id, id);
  await rig.advance(1_000);
  t.equal(rig.count('offers_expired'), 2);
});

t.test('What comes for one that has expired finds it void', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 1_000 });
  const late = await rig.scheduler();
  const agent = await rig.agent('cpus:4');
  const { id } = late.offer;
  await rig.advance(1_000);
  await late.launch([id], [task('t1', agent, 'cpus:1')]);
  t.same(late.statuses(), ['t1 TASK_DROPPED REASON_INVALID_OFFERS']);
  t.same(agent.tasks(), []);
});

t.test('Each has its own time, and what was answered is forgotten', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 1_000 });
  const scheduler = await rig.scheduler();
  await rig.agent('cpus:1');
  const first = scheduler.offer.id;
  await rig.advance(600);
  await rig.agent('cpus:2');
  await rig.agent('cpus:3');
  const [, second, third] = [...scheduler.held.keys()];
  await scheduler.decline(second === undefined ? [] : [second], 100);
  await rig.advance(400);
  t.same([...scheduler.held.keys()], [third], 'that of the first is over');
  t.same(scheduler.take(RescindResourceOffer), [{ offerId: first }]);
  await rig.advance(600);
  t.same(scheduler.take(RescindResourceOffer), [{ offerId: third }], 'and that of the second was declined');
  t.equal(rig.count('offers_expired'), 2);
});

t.test('Of very many all are taken back, and no timer is left when all are answered', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 1_000 });
  const scheduler = await rig.scheduler();
  const agents = 1_100;
  for (let i = 0; i < agents; i++) await rig.agent('cpus:1');
  const held = [...scheduler.held.keys()];
  t.equal(held.length, agents);
  await rig.advance(1_000);
  t.same(
    scheduler.take(RescindResourceOffer).map(({ offerId }) => offerId),
    held,
  );
  await rig.advance(5_000);
  await scheduler.declineAll(3_600);
  scheduler.forgetAll();
  await rig.advance(1_000);
  t.same(scheduler.names, []);
  t.equal(rig.count('offers_expired'), agents);
});

t.test('Without a time-out an offer is good for ever', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0, agentPingTimeoutMs: 3_600_000 });
  const scheduler = await rig.scheduler();
  await rig.agent('cpus:4');
  const { id } = scheduler.offer;
  await rig.advance(24 * 3_600_000);
  t.equal(scheduler.offer.id, id);
});

t.test('A framework may hold so much of the cluster in offers and no more; what it uses does not count', async (t) => {
  const rig = await Rig.start(t, { offerTimeoutMs: 0, offerCap: 500 });
  const scheduler = await rig.scheduler();
  const agents = [];
  for (let i = 0; i < 4; i++) agents.push(await rig.agent('cpus:1'));
  t.equal(scheduler.held.size, 2);
  const [first] = [...scheduler.held.values()];
  if (first === undefined) throw new Error('it holds nothing');
  await scheduler.launch([first.id], [task('t1', first, 'cpus:1')]);
  t.equal(scheduler.held.size, 2, 'one in the place of that which it uses');
});
