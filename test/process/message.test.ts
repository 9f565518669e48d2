import {
  type AskableMessageType,
  type BodyOf,
  type DeepReadonly,
  message,
  Node,
  parseUpid,
  type ReplyOf,
  type Upid,
  UpidSchema,
  upid,
} from '@mesos-ts/process';
import { type Static, Type } from '@sinclair/typebox';
import t from 'tap';
import type { Actor } from './actor.js';

const Resource = Type.Object({ name: Type.String(), value: Type.Number({ minimum: 0 }) });
const Launched = message('Launched', { taskId: Type.String() });
const Launch = message(
  'Launch',
  {
    framework: UpidSchema,
    resources: Type.Array(Resource, { maxItems: 3 }),
    labels: Type.Optional(Type.Record(Type.String(), Type.String())),
    data: Type.Optional(Type.Uint8Array()),
    at: Type.Tuple([Type.Integer(), Type.String()]),
    kind: Type.Union([Type.Literal('shell'), Type.Literal('exec'), Type.Null()]),
  },
  { reply: Launched },
);
const Tick = message('Tick', {});

const framework = 'scheduler(1)@f1#abc123' as Upid;
const good = { framework, resources: [{ name: 'cpus', value: 1 }], at: [1, 'x'], kind: 'shell' };

t.test('check takes what has the declared shape, and fields that were not declared', async (t) => {
  for (const body of [
    good,
    { ...good, labels: { a: 'b' }, data: Uint8Array.of(1), kind: null },
    { ...good, data: Buffer.from('bytes') },
    { ...good, added: 'by a newer build', resources: [{ name: 'cpus', value: 0, unit: 'cores' }] },
  ])
    t.ok(Launch.check(body), Launch.explain(body));
  t.ok(Tick.check({}));
  t.equal(Launch.explain(good), 'nothing is wrong');
  t.equal(Launch.replyType, Launched);
  t.equal(Tick.replyType, undefined);
});

t.test('check refuses everything else, and explain names the place and what was expected there', async (t) => {
  const without = (key: keyof typeof good): unknown => ({ ...good, [key]: undefined });
  for (const [body, where] of [
    [null, '/: '],
    [undefined, '/: '],
    ['text', '/: '],
    [7, '/: '],
    [[], '/: '],
    [{}, '/framework: '],
    [without('at'), '/at: '],
    [{ ...good, resources: {} }, '/resources: '],
    [{ ...good, resources: [{ name: 'cpus', value: 1 }, { name: 'mem' }] }, '/resources/1/value: '],
    [{ ...good, resources: [{ name: 'cpus', value: -1 }] }, '/resources/0/value: '],
    [{ ...good, resources: [{ name: 'cpus', value: Number.NaN }] }, '/resources/0/value: '],
    [{ ...good, resources: [{ name: 'cpus', value: Number.POSITIVE_INFINITY }] }, '/resources/0/value: '],
    [{ ...good, resources: Array(4).fill(good.resources[0]) }, '/resources: '],
    [{ ...good, labels: { a: 1 } }, '/labels/a: '],
    [{ ...good, data: 'text' }, '/data: '],
    [{ ...good, at: [1] }, '/at: '],
    [{ ...good, at: [1.5, 'x'] }, '/at/0: '],
    [{ ...good, kind: 'other' }, '/kind: '],
    [{ ...good, framework: 'not a PID' }, '/framework: '],
  ] as const) {
    t.equal(Launch.check(body), false, where);
    t.ok(Launch.explain(body).startsWith(where), Launch.explain(body));
    t.ok(Launch.explain(body).length > where.length + 5, 'and says what was expected');
  }
});

t.test('the schema of a UPID takes exactly what can be parsed as one', async (t) => {
  const Holder = message('Holder', { pid: UpidSchema });
  const pids: [string, boolean][] = [
    ['master@m1', true],
    ['slave(1)@a-1_B#abc123', true],
    ['a.b:c/d-e_f@x', true],
    [`${'i'.repeat(255)}@${'n'.repeat(64)}#${'0'.repeat(32)}`, true],
    [`${'i'.repeat(256)}@n`, false],
    [`i@${'n'.repeat(65)}`, false],
    [`i@n#${'0'.repeat(33)}`, false],
    ['', false],
    ['@', false],
    ['master', false],
    ['master@', false],
    ['@m1', false],
    ['master@m1#', false],
    ['master@m1#ABC', false],
    ['master@m1#a#b', false],
    ['master@m1@m2', false],
    ['master@m.1', false],
    ['master@*', false],
    ['mas ter@m1', false],
    ['master@m1\n', false],
    ['\nmaster@m1', false],
    ['mäster@m1', false],
  ];
  for (const [pid, valid] of pids) {
    t.equal(Holder.check({ pid }), valid, pid);
    if (valid) {
      const { id, node, incarnation } = parseUpid(pid);
      t.equal(upid(id, node, incarnation), pid, 'takes apart and joins again');
    } else t.throws(() => parseUpid(pid), { name: 'TypeError', message: /not a UPID: .*expected id@node/s });
  }
  t.throws(() => parseUpid('x'.repeat(100_000)), { message: /^.{0,300}$/ }, 'a long one is not repeated in full');
});

t.test('what the compiler holds', async (t) => {
  // None of this runs: it is here to be compiled. An error that goes away fails the build.
  const compiled = (body: BodyOf<typeof Launch>, reply: ReplyOf<typeof Launch>, node: Node, actor: Actor): void => {
    const pid: Upid = body.framework;
    const value: number | undefined = body.resources[0]?.value;
    const at: readonly [number, string] = body.at;
    const bytes: Uint8Array | undefined = body.data;
    const taskId: string = reply.taskId;
    void [pid, value, at, bytes, taskId];
    // @ts-expect-error a body is readonly
    body.kind = 'exec';
    // @ts-expect-error and so is what is in it
    body.resources[0].value = 2;
    // @ts-expect-error and nothing is added to its arrays
    body.resources.push({ name: 'mem', value: 1 });
    // @ts-expect-error nor to its records
    if (body.labels !== undefined) body.labels.a = 'b';
    // @ts-expect-error nor are its tuples written to
    body.at[0] = 2;
    // @ts-expect-error a reply is readonly as well
    reply.taskId = 'x';
    // @ts-expect-error a field that was not declared is not there
    void body.missing;
    // @ts-expect-error a text is no UPID until something made it one
    const asPid: Upid = 'master@m1';
    void asPid;

    node.send(pid, Launched, { taskId: 'x' });
    // @ts-expect-error a field is missing
    node.send(pid, Launched, {});
    // @ts-expect-error a field is of another type
    node.send(pid, Launched, { taskId: 7 });
    // @ts-expect-error a message without a reply cannot be asked
    void node.ask(pid, Launched, { taskId: 'x' }, { deadlineMs: 1 });
    // @ts-expect-error nor by a process
    void actor.request(pid, Tick, {}, { deadlineMs: 1 });
    // @ts-expect-error an ask without a deadline could wait for ever
    void node.ask(pid, Launch, body);
    const answer: Promise<{ readonly taskId: string }> = node.ask(pid, Launch, body, { deadlineMs: 1 });
    void answer;
    actor.on(Launch, (_from, { resources }) => {
      // @ts-expect-error in a handler too
      resources[0] = { name: 'mem', value: 1 };
    });
    // @ts-expect-error a handler of another message
    actor.on(Launch, (_from, { taskId }) => void taskId);
    const askable: AskableMessageType = Launch;
    // @ts-expect-error as above
    const notAskable: AskableMessageType = Tick;
    void [askable, notAskable];
  };
  t.type(compiled, 'function');

  const plain: DeepReadonly<Static<typeof Resource>> = { name: 'cpus', value: 1 };
  t.ok(plain);
});

t.test('a message without a reply is refused where the compiler was talked round', async (t) => {
  const node = await Node.start({ name: 'a' });
  const ask = (): unknown => node.ask(upid('p', 'a'), Tick as unknown as AskableMessageType, {}, { deadlineMs: 1 });
  t.throws(ask, { name: 'TypeError', message: /Tick declares no reply/ });
  await node.stop();
});
