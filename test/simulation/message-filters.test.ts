import { MemoryNetwork, Node, upid, VirtualClock } from '@mesos-ts/process';
import { fixedLatency, MessageFilters, Simulation } from '@mesos-ts/process/testing';
import t, { type Test } from 'tap';
import { Actor } from '../process/actor.js';
import { Echo, Note } from '../process/conversation.js';

/** Stands still, so that no turn ends early because the machine is busy. */
const clock = new VirtualClock();

/** Lets everything between Nodes of a MemoryNetwork arrive. */
function settled(): Promise<void> {
  return clock.settle();
}

async function pair(test: Test) {
  const filters = new MessageFilters();
  const network = new MemoryNetwork({ filter: filters });
  const nodes = await Promise.all(
    ['a', 'b'].map((name) => Node.start({ name, transports: [network.transport()], clock, probeMs: 10_000 })),
  );
  const [a, b] = nodes as [Node, Node];
  test.teardown(() => Promise.all(nodes.map((node) => node.stop())));
  const heard: number[] = [];
  const sender = new Actor('sender');
  const receiver = new Actor('receiver');
  a.spawn(sender);
  const to = b.spawn(receiver);
  receiver.on(Note, (_from, { n }) => void heard.push(n));
  receiver.on(Echo, (_from, { n }) => receiver.answer(Echo.replyType, { n }));
  const tell = (...numbers: readonly number[]): void => {
    for (const n of numbers) sender.say(to, Note, { n });
  };
  return { filters, network, a, b, heard, sender, receiver, to, tell };
}

t.test('next resolves with the first message that fits, and lets it pass', async (t) => {
  const { filters, heard, sender, receiver, tell } = await pair(t);
  const any = filters.next(Note);
  const third = filters.next(Note, { from: 'sender@a', to: receiver.pid, body: ({ n }) => n === 3 });
  const fromNode = filters.next(Note, { from: '@a', to: '@b' });
  let other = false;
  for (const where of [{ from: '@b' }, { to: 'sender@a' }, { from: 'nobody@a' }, { body: () => false }])
    void filters.next(Note, where).then(() => {
      other = true;
    });
  tell(1, 2, 3);
  t.match(await any, { from: sender.pid, to: receiver.pid, kind: 'send', name: 'Note', body: { n: 1 } });
  t.strictSame([(await third).body, (await fromNode).body], [{ n: 3 }, { n: 1 }]);
  await settled();
  t.strictSame(heard, [1, 2, 3]);
  t.notOk(other);
});

t.test('drop loses single messages of a frame without a gap, so no link breaks', async (t) => {
  const { filters, b, heard, sender, to, tell } = await pair(t);
  sender.watch(to);
  await settled();
  const once = filters.drop(Note, { body: ({ n }) => n % 2 === 0 }, { times: 2 });
  tell(1, 2, 3);
  tell(4, 5, 6);
  t.strictSame((await once.first).body, { n: 2 });
  await settled();
  t.strictSame(heard.splice(0), [1, 3, 5, 6]);
  t.strictSame(
    once.dropped.map(({ body }) => body.n),
    [2, 4],
  );
  const all = filters.drop(Note);
  tell(7, 8);
  await settled();
  all.stop();
  tell(9);
  await settled();
  t.strictSame(heard, [9]);
  t.equal(all.dropped.length, 2);
  t.strictSame([sender.exits, b.counters.get('frames_lost')], [[], 0]);
});

t.test('hold keeps a message, and what follows it from there, until it is released', async (t) => {
  const { filters, heard, tell } = await pair(t);
  const held = filters.hold(Note, { body: ({ n }) => n === 2 });
  tell(1);
  await settled();
  tell(2);
  await settled();
  t.strictSame((await held.caught).body, { n: 2 });
  tell(3);
  tell(2);
  await settled();
  t.strictSame(heard, [1]);
  held.release();
  await settled();
  t.strictSame(heard, [1, 2, 3, 2]);
});

t.test('a held message can be lost, and what waited behind it meets the other rules', async (t) => {
  const { filters, heard, sender, to, tell } = await pair(t);
  sender.watch(to);
  const held = filters.hold(Note);
  tell(1);
  await settled();
  tell(2, 3);
  await settled();
  const dropping = filters.drop(Note, { body: ({ n }) => n === 3 });
  held.drop();
  await settled();
  t.strictSame(heard, [2]);
  t.equal(dropping.dropped.length, 1);
  const never = filters.hold(Note);
  never.release();
  tell(4);
  await settled();
  t.strictSame([heard, sender.exits], [[2, 4], []]);
});

t.test('clear lets everything go on', async (t) => {
  const { filters, heard, tell } = await pair(t);
  filters.drop(Note, { body: ({ n }) => n === 5 });
  filters.hold(Note);
  tell(1);
  await settled();
  t.strictSame(heard, []);
  filters.clear();
  await settled();
  tell(5);
  await settled();
  t.strictSame(heard, [1, 5]);
});

t.test('asks and replies are messages, too', async (t) => {
  const { filters, a, to } = await pair(t);
  const asked = filters.next(Echo);
  const replied = filters.hold(Echo.replyType, { from: '@b', to: '@a' });
  const answer = a.ask(to, Echo, { n: 4 }, { deadlineMs: 5_000 });
  t.equal((await asked).kind, 'ask');
  t.match(await replied.caught, { kind: 'reply', body: { n: 4 } });
  replied.release();
  t.strictSame(await answer, { n: 4 });
});

t.test('what was held for a Node that is gone meanwhile reaches nobody', async (t) => {
  const { filters, network, heard, tell } = await pair(t);
  const held = filters.hold(Note);
  tell(1);
  await held.caught;
  network.crash('b');
  held.release();
  await settled();
  t.strictSame(heard, []);
});

t.test('the same filters work in a simulation, where what is released arrives at that moment', async (t) => {
  const simulation = new Simulation({ seed: 1, latency: fixedLatency(5) });
  const heard: string[] = [];
  const sender = new Actor('sender');
  simulation.machine('a', ({ node }) => void node.spawn(sender));
  const receiving = simulation.machine('b', ({ node }) => {
    const receiver = new Actor('receiver');
    node.spawn(receiver);
    receiver.on(Note, (_from, { n }) => void heard.push(`${n} at ${simulation.now}`));
  });
  await simulation.settle();
  const held = simulation.filters.hold(Note, { body: ({ n }) => n === 1 });
  const dropping = simulation.filters.drop(Note, { body: ({ n }) => n === 2 });
  for (const n of [1, 2, 3]) {
    sender.say(upid('receiver', 'b'), Note, { n });
    await simulation.advance(10);
  }
  t.strictSame((await held.caught).body, { n: 1 });
  t.strictSame(heard, []);
  held.release();
  await simulation.advance(10);
  t.strictSame([heard, dropping.dropped.length], [['1 at 30', '3 at 30'], 1]);
  t.match(simulation.trace.text, /5\.000 {2}a -> b .*Note .*\{"n":1\}: held by a filter/);
  const late = simulation.filters.hold(Note);
  sender.say(upid('receiver', 'b'), Note, { n: 9 });
  await simulation.advance(10);
  receiving.restart();
  late.release();
  await simulation.advance(10);
  t.equal(heard.length, 2, 'what was held for a dead one does not reach its successor');
});
