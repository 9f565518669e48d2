import { MemoryNetwork, Node, type RuntimeEvent, type Transport, upid, VirtualClock } from '@mesos-ts/process';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Blob, Echo, Note } from './conversation.js';
import { compactFrameBytes, envelope, HandMadeNode, kinds, type RawEnvelope } from './hand-made-node.js';

const deadlineMs = 1_000;

interface Stage {
  readonly network: MemoryNetwork;
  readonly clock: VirtualClock;
  readonly node: Node;
  readonly raw: HandMadeNode;
  readonly events: RuntimeEvent[];
  readonly got: number[];
  readonly actor: Actor;
}

/** A Node of this build with a process `p`, and one that speaks by hand. */
async function stage(test: Test): Promise<Stage> {
  const network = new MemoryNetwork();
  const clock = new VirtualClock();
  const transport: Transport = { ...network.transport(), frameBytesMax: 10_000 };
  const node = await Node.start({ name: 'a', transports: [transport], clock });
  test.teardown(() => node.stop());
  const events: RuntimeEvent[] = [];
  node.events.subscribe((event) => events.push(event));
  const got: number[] = [];
  const actor = new Actor('p', {
    initialize: (self) => {
      self.on(Note, (_from, { n }) => void got.push(n));
      self.on(Echo, (_from, body) => self.answer(Echo.replyType, body));
    },
  });
  node.spawn(actor);
  const raw = await HandMadeNode.join(network, 'raw');
  raw.answersPings = true;
  return { network, clock, node, raw, events, got, actor };
}

/** What a build of the future might say of itself. */
function hello(parts: object = {}): RawEnvelope {
  const body = {
    layouts: [1, 9],
    features: ['compact', 'telepathy', 7],
    messageBytesMax: 1_000_000,
    heard: true,
    mood: 'good',
    ...parts,
  };
  return envelope(kinds.hello, { body });
}

t.test(
  'a Node greets in its first frame, in the layout that every build reads, and does not repeat itself',
  async (t) => {
    const { clock, node, raw } = await stage(t);
    node.send(upid('x', 'raw'), Note, { n: 1 });
    node.send(upid('x', 'raw'), Note, { n: 2 });
    await clock.settle();
    node.send(upid('x', 'raw'), Note, { n: 3 });
    await clock.settle();
    t.strictSame(
      [raw.layouts, raw.heardKinds()],
      [
        [1, 1],
        [kinds.send, kinds.send, kinds.send],
      ],
    );
    t.match(raw.hellos, [
      {
        layouts: [1, 4],
        features: ['compact', 'rows', 'chunks', 'look'],
        messageBytesMax: 64 * 1024 * 1024,
        heard: false,
      },
    ]);
  },
);

t.test('an older build, which says no hello, is spoken to as it speaks', async (t) => {
  const { clock, node, raw, events, got, actor } = await stage(t);
  raw.say('a', envelope(kinds.send, { to: 'p', from: 'x', name: 'Note', body: { n: 1 } }));
  raw.say('a', envelope(kinds.link, { to: 'p' }));
  raw.say('a', envelope(kinds.ask, { to: 'p', from: 'x', name: 'Echo', body: { n: 2 }, ask: 7 }));
  await actor.dispatch(() => actor.watch(upid('x', 'raw')));
  await clock.advance(3_000);
  t.strictSame(got, [1]);
  t.match(
    raw.heard.find(([kind]) => kind === kinds.reply),
    { 4: 'Echoed', 5: { n: 2 }, 6: 7 },
  );
  t.ok(raw.heardKinds().includes(kinds.ping), 'it is pinged, where others are looked for');
  t.strictSame(new Set(raw.layouts), new Set([1]));

  node.send(upid('x', 'raw'), Blob, { bytes: new Uint8Array(20_000) });
  node.send(upid('x', 'raw'), Note, { n: 3 });
  const large = { n: 4, bytes: new Uint8Array(20_000) };
  await t.rejects(node.ask(upid('x', 'raw'), Echo, large, { deadlineMs }), { code: 'MESSAGE_TOO_LARGE' });
  await clock.settle();
  t.strictSame(
    events.map(({ code }) => code),
    ['MESSAGE_TOO_LARGE', 'MESSAGE_TOO_LARGE', 'ASK_FAILED'],
    'it puts no chunks together',
  );
  t.match(raw.heard.at(-1), { 4: 'Note', 5: { n: 3 } }, 'and what follows arrives');
  t.strictSame(actor.exits, [], 'the link holds');
  node.terminate(actor.pid);
  await clock.settle();
  t.match(raw.heard.at(-1), { 0: kinds.exited, 3: 'p', 4: 'ended' });
});

t.test('an older build that spoke first is known by that: what is too large for it is refused at once', async (t) => {
  const { clock, node, raw, events } = await stage(t);
  raw.answersPings = false;
  raw.say('a', envelope(kinds.send, { to: 'p', from: 'x', name: 'Note', body: { n: 1 } }));
  await clock.settle();
  node.send(upid('x', 'raw'), Blob, { bytes: new Uint8Array(20_000) });
  await clock.settle();
  t.match(events, [{ code: 'MESSAGE_TOO_LARGE', to: 'raw' }]);
  t.strictSame(raw.heard, []);
});

t.test('a large first word to an older build is refused as soon as it speaks, and what waited follows', async (t) => {
  const { clock, node, raw, events } = await stage(t);
  node.send(upid('x', 'raw'), Blob, { bytes: new Uint8Array(20_000) });
  node.send(upid('x', 'raw'), Note, { n: 1 });
  await clock.settle();
  t.strictSame(
    events.map(({ code }) => code),
    ['MESSAGE_TOO_LARGE'],
  );
  t.match(raw.heard.at(-1), { 4: 'Note', 5: { n: 1 } });
});

t.test(
  'a newer build is spoken to as both know; fields, features, kinds and parts that are new are passed over',
  async (t) => {
    const { clock, node, raw, events, got } = await stage(t);
    const note = (n: number): RawEnvelope =>
      envelope(kinds.send, { to: 'p', from: 'x', name: 'Note', body: { n, x: 1 } });
    raw.say('a', hello(), [...note(1), 'a part of the future']);
    raw.say('a', envelope(99, { name: 'of the future' }), note(2));
    const heads = [kinds.send, 'p', '', 'x', 'Note', 98, '', '', '', ''];
    const { session } = raw;
    raw.throw(
      'a',
      compactFrameBytes(heads, [0, { n: 3 }, 0, 1, {}, 0, 0, { n: 4 }, 0], { session, sequence: raw.sequence++ }),
    );
    await clock.settle();
    t.strictSame(got, [1, 2, 3, 4]);
    t.strictSame(
      events.map(({ code }) => code),
      ['ENVELOPE_UNKNOWN', 'ENVELOPE_UNKNOWN'],
    );
    for (let n = 0; n < 20; n++) node.send(upid(n < 10 ? 'x' : 'y', 'raw'), Note, { n });
    await clock.settle();
    for (let n = 0; n < 20; n++) node.send(upid(n % 7 === 0 ? 'x' : `z${n % 6}`, 'raw'), Note, { n });
    await clock.settle();
    t.strictSame([raw.layouts, raw.hellos.length], [[2, 2], 1], 'compact, since it said that it reads that');
    const heard = raw.heard.slice(-40).map(([kind, to, , , name, body]) => [kind, to, name, body]);
    t.strictSame(
      heard,
      [...Array(40).keys()].map((i) => {
        const n = i % 20;
        const to = i < 20 ? (n < 10 ? 'x' : 'y') : n % 7 === 0 ? 'x' : `z${n % 6}`;
        return [kinds.send, to, 'Note', { n }];
      }),
    );
  },
);

t.test('a Node that has not heard our hello is told again, one that has is not', async (t) => {
  const { clock, raw } = await stage(t);
  raw.say('a', hello({ heard: false }));
  await clock.settle();
  t.equal(raw.hellos.length, 1);
  t.match(raw.hellos[0], { heard: true });
  raw.say('a', hello({ heard: true }));
  await clock.settle();
  t.equal(raw.hellos.length, 1);
  raw.say('a', hello({ heard: false }));
  await clock.settle();
  t.equal(raw.hellos.length, 2);
});

t.test('a build that shares no layout with ours is told of; a hello that is none is passed over', async (t) => {
  const { clock, raw, events } = await stage(t);
  for (const body of [null, 7, 'text', [], {}, { layouts: 7, features: [] }, { layouts: [1, 'x'], features: [] }])
    raw.say('a', envelope(kinds.hello, { body }));
  await clock.settle();
  t.strictSame([events, raw.hellos], [[], []]);
  raw.say('a', hello({ layouts: [8, 9] }));
  await clock.settle();
  t.match(events, [{ code: 'NODE_INCOMPATIBLE', node: 'raw', layouts: '8 to 9' }]);
});

t.test(
  'what is for a build that shares no layout with ours is refused at once, until another takes its place',
  async (t) => {
    const { clock, node, raw, events, actor } = await stage(t);
    raw.answersPings = false;
    const there = upid('x', 'raw');
    const ask = (): Promise<unknown> => node.ask(there, Echo, { n: 1, bytes: new Uint8Array() }, { deadlineMs });
    const refused = { name: 'IncompatibleNodeError', code: 'INCOMPATIBLE_NODE', retryable: false };
    const before = t.rejects(ask(), refused, 'an ask that waits for it');
    await actor.dispatch(() => actor.watch(there));
    node.send(there, Blob, { bytes: new Uint8Array(20_000) });
    await clock.settle();
    raw.say('a', hello({ layouts: [8, 9] }));
    raw.say('a', hello({ layouts: [8, 9] }));
    await before;
    await clock.settle();
    t.strictSame(actor.exits, ['x@raw absent'], 'a link to it');
    raw.heard.length = 0;

    node.send(there, Note, { n: 1 });
    await t.rejects(ask(), refused);
    await actor.dispatch(() => actor.watch(there));
    await clock.settle();
    t.strictSame(actor.exits, ['x@raw absent', 'x@raw absent']);
    t.strictSame(raw.heardKinds(), [kinds.ping], 'it gets no more than a look who is there');
    t.strictSame(
      events.map(({ code }) => code),
      [
        ...['NODE_INCOMPATIBLE', 'MESSAGE_UNROUTABLE', 'ASK_FAILED', 'LINK_BROKEN'],
        ...['MESSAGE_UNROUTABLE', 'MESSAGE_UNROUTABLE', 'ASK_FAILED'],
      ],
      'once that it cannot read us, and each message that it did not get',
    );

    Object.assign(raw, { incarnation: 'raw2', session: 1, sequence: 0, answersPings: true });
    await clock.advance(1_000);
    node.send(there, Note, { n: 2 });
    await clock.settle();
    node.send(there, Note, { n: 3 });
    await clock.settle();
    t.match(raw.heard.at(-1), { 4: 'Note', 5: { n: 3 } });
  },
);

t.test('one that cannot read us and ends is forgotten: what is sent then may be for another', async (t) => {
  const { clock, node, raw, network, actor } = await stage(t);
  const there = upid('x', 'raw');
  for (const layouts of [
    [8, 9],
    [1, 9],
    [8, 9],
  ]) {
    raw.say('a', hello({ layouts }));
    await clock.settle();
    node.send(there, Note, { n: layouts[0] ?? 0 });
    await clock.settle();
  }
  t.match(
    raw.heard.filter(([kind]) => kind === kinds.send),
    [{ 4: 'Note', 5: { n: 1 } }],
    'what it says last counts',
  );
  await raw.leave();
  for (let looks = 0; looks < 2; looks++) {
    await clock.advance(1_000);
    await actor.dispatch(() => actor.watch(there));
    await clock.settle();
  }
  const successor = await HandMadeNode.join(network, 'raw', 'raw2');
  node.send(there, Note, { n: 2 });
  await clock.settle();
  t.match(successor.heard, [{ 4: 'Note', 5: { n: 2 } }]);
});
