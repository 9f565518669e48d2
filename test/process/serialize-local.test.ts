import { message, Node } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';

const Shape = message('Shape', { n: Type.Integer(), inner: Type.Optional(Type.Any()) });
const Question = message('Question', { n: Type.Integer() }, { reply: message('Reply', { n: Type.Integer() }) });

async function start(test: Test, serializeLocal: boolean | undefined) {
  const node = await Node.start({ name: 'n', ...(serializeLocal === undefined ? {} : { serializeLocal }) });
  test.teardown(() => node.stop());
  const received: unknown[] = [];
  const actor = new Actor('actor');
  const pid = node.spawn(actor);
  let answer: unknown = { n: 1 };
  actor.on(Shape, (_from, body) => void received.push(body));
  actor.on(Question, () => actor.answer(Question.replyType, answer as { n: number }));
  return {
    node,
    pid,
    received,
    settled: () => actor.dispatch(() => undefined),
    ask: (n: unknown, reply: unknown = { n: 1 }) => {
      answer = reply;
      return node.ask(pid, Question, { n } as { n: number }, { deadlineMs: 200 });
    },
  };
}

t.test('local messages are shared by default, and copied and checked where they are to be serialized', async (t) => {
  const body = { n: 1, inner: { deep: [1, 2] } };
  const shared = await start(t, false);
  shared.node.send(shared.pid, Shape, body);
  await shared.settled();
  t.equal(shared.received[0], body);

  const copied = await start(t, true);
  copied.node.send(copied.pid, Shape, body);
  copied.node.send(copied.pid, Shape, { n: 'no number' } as unknown as { n: number });
  copied.node.send(copied.pid, Shape, { n: 2, inner: Symbol('none') });
  copied.node.send(copied.pid, Shape, { n: 3 });
  await copied.settled();
  t.strictSame(copied.received, [body, { n: 3 }]);
  t.not(copied.received[0], body);
  t.strictSame(
    [copied.node.counters.get('messages_invalid'), copied.node.counters.get('messages_unencodable')],
    [1, 1],
  );
});

t.test('asks and replies are serialized, too', async (t) => {
  const { node, ask } = await start(t, true);
  t.strictSame(await ask(5, { n: 6 }), { n: 6 });
  await t.rejects(ask('no number'), { code: 'REFUSED' });
  await t.rejects(ask(1, { n: 'no number' }), { code: 'BAD_REPLY' });
  await t.rejects(ask(Symbol('none')), { message: /cannot be encoded/ });
  await t.rejects(ask(1, { n: Symbol('none') }), { code: 'TIMED_OUT' }, 'as it would between two Nodes');
  t.equal(node.counters.get('messages_unencodable'), 2);
  const trusting = await start(t, false);
  t.strictSame(await trusting.ask(1, { n: 'no number' }), { n: 'no number' });
});

t.test('the test runner turns it on for a whole OS process', async (t) => {
  const { node, pid, received, settled } = await start(t, undefined);
  const body = { n: 1 };
  node.send(pid, Shape, body);
  await settled();
  t.equal(received[0] !== body, process.env.MESOS_ALWAYS_SERIALIZE === '1');
});
