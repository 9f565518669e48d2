import assert from 'node:assert/strict';
import { MemoryNetwork, message, Node, Random, type RuntimeEvent, upid, VirtualClock } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Note } from './conversation.js';
import { envelope, HandMadeNode, kinds } from './hand-made-node.js';
import { type RowsParts, rowsFrameBytes, textsOf } from './hand-made-rows.js';

/** Messages of any content: undeclared fields are let through. */
const Free = message('Free', {});
const Other = message('Other', {});
const Wrapped = message('Wrapped', { value: Type.Unknown() });

/** How long a text with several strings may be. */
const textMax = 512;

interface Stage {
  readonly clock: VirtualClock;
  readonly sender: Node;
  readonly receiver: Node;
  /** Of the receiver. */
  readonly events: RuntimeEvent[];
  /** What the receiver's process `p` got: each message's name and body. */
  readonly got: (readonly [name: string, body: unknown])[];
  /** What went from `sender` to `receiver`. */
  readonly frames: Uint8Array[];
  /** A Node of an older build, to which the sender has spoken, and what it heard. */
  readonly older: HandMadeNode;
  readonly raw: HandMadeNode;
}

async function stage(test: Test): Promise<Stage> {
  const frames: Uint8Array[] = [];
  const network = new MemoryNetwork({
    filter: {
      pass: (from, to, bytes) => {
        if (from === 'sender' && to === 'receiver') frames.push(bytes);
        return bytes;
      },
    },
  });
  const clock = new VirtualClock();
  const start = (name: string): Promise<Node> => Node.start({ name, transports: [network.transport()], clock });
  const [sender, receiver] = [await start('sender'), await start('receiver')];
  for (const node of [sender, receiver]) test.teardown(() => node.stop());
  const events: RuntimeEvent[] = [];
  receiver.events.subscribe((event) => events.push(event));
  const got: [string, unknown][] = [];
  receiver.spawn(
    new Actor('p', {
      initialize: (self) => {
        for (const type of [Free, Other, Wrapped, Note])
          self.on(type, (_from, body) => void got.push([type.name, body]));
      },
    }),
  );
  const older = await HandMadeNode.join(network, 'older');
  const raw = await HandMadeNode.join(network, 'raw');
  older.say('sender', envelope(kinds.hello, { body: hello(['compact', 'chunks', 'look'], 3) }));
  sender.send(upid('p', 'receiver'), Free, {});
  await clock.settle();
  await clock.settle();
  got.length = 0;
  frames.length = 0;
  return { clock, sender, receiver, events, got, frames, older, raw };
}

function hello(features: readonly string[], last: number): object {
  return { layouts: [1, last], features, messageBytesMax: 1_000_000, heard: true, connection: '' };
}

function layoutOf(frame: Uint8Array | undefined): number | undefined {
  return frame?.[1];
}

const words = ['', 'TASK_RUNNING', 'TASK_FINISHED', 'a', 'ä', '日本', '🎉', '\ufeff', 'x'.repeat(127)];
const keyWords = ['id', 'state', 'name', '', '7', 'constructor', 'hasOwnProperty', 'nul\0', 'ключ', '日'];
const numbers = [0, -0, 1, 63, 64, -1, 127, 128, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 1e300];
const oddNumbers = [
  0.1,
  -0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5e-324,
  2 ** 32,
  2 ** 63,
];

class Point {
  constructor(
    readonly x: number,
    readonly label: string,
  ) {}
}

/** Values of all kinds that today's frames carry. */
class Values {
  readonly #random: Random;
  readonly #shapes: string[][];

  constructor(seed: string) {
    this.#random = new Random(seed);
    this.#shapes = Array.from({ length: 1 + this.#random.integer(5) }, () => this.#keys());
  }

  /** The body of a message: most are of few shapes. */
  body(): object {
    const shape = this.#random.integer(8) === 0 ? this.#keys() : this.#of(this.#shapes);
    return this.#object(shape, 0);
  }

  value(depth: number): unknown {
    switch (this.#random.integer(depth > 3 ? 7 : 12)) {
      case 0:
      case 1:
        return this.#of(words);
      case 2:
        return this.#random.token(this.#random.integer(this.#random.integer(9) === 0 ? 2_000 : 60));
      case 3:
        return this.#of(numbers);
      case 4:
        return this.#of(oddNumbers);
      case 5:
        return this.#of([null, undefined, true, false]);
      case 6:
        return this.#odd();
      case 7:
      case 8:
        return this.#object(this.#of(this.#shapes), depth + 1);
      case 9:
        return this.#object(this.#keys(), depth + 1);
      default:
        return Array.from({ length: this.#random.integer(5) }, () => this.value(depth + 1));
    }
  }

  #odd(): unknown {
    const n = this.#random.integer(256);
    return this.#of([
      BigInt(n) << 40n,
      new Date(n * 1e9),
      new Uint8Array([n, 1, 2]),
      Buffer.from([n]),
      new Map([['key', n]]),
      new Set([n]),
      new Point(n, 'point'),
      Object.assign(Object.create(null), { n }),
      new Array(2),
      /a+/g,
      { toJSON: () => n, n },
      JSON.parse(`{ "__proto__": ${n} }`),
      new Error('wrong'),
      Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i])),
    ]);
  }

  #object(keys: readonly string[], depth: number): object {
    return Object.fromEntries(keys.map((key) => [key, this.value(depth)]));
  }

  #keys(): string[] {
    const key = (): string => (this.#random.integer(3) === 0 ? this.#random.token(3) : this.#of(keyWords));
    return [...new Set(Array.from({ length: this.#random.integer(7) }, key))];
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#random.integer(list.length)] as T;
  }
}

t.test('whatever is sent in rows comes as it would in a compact frame', async (t) => {
  const { clock, sender, got, frames, older, events } = await stage(t);
  const random = new Random('rows');
  let shown = 0;
  for (let round = 0; round < 150; round++) {
    const values = new Values(`rows ${round}`);
    got.length = 0;
    older.heard.length = 0;
    const count = 8 + random.integer(40);
    for (let i = 0; i < count; i++) {
      const type = random.integer(3) === 0 ? Other : Free;
      const body = values.body();
      for (const node of ['receiver', 'older']) sender.send(upid('p', node), type, body);
    }
    await clock.settle();
    shown += layoutOf(frames.at(-1)) === 4 ? 1 : 0;
    assert.deepEqual(
      got,
      older.heard.map(([, , , , name, body]) => [name, body]),
      `round ${round}`,
    );
  }
  t.equal(shown, 150, 'all in rows');
  t.strictSame(new Set(older.layouts), new Set([2]), 'the older build got what it reads');
  t.strictSame(events, []);
});

t.test('what nobody can read twice leaves as before: a cycle harms its message alone', async (t) => {
  const { clock, sender, got } = await stage(t);
  const events: RuntimeEvent[] = [];
  sender.events.subscribe((event) => events.push(event));
  const circle: Record<string, unknown> = { n: 1 };
  circle.self = [circle];
  for (let n = 0; n < 9; n++) sender.send(upid('p', 'receiver'), Free, n === 4 ? circle : { n });
  await clock.settle();
  t.strictSame(
    got.map(([, body]) => body),
    [0, 1, 2, 3, 5, 6, 7, 8].map((n) => ({ n })),
  );
  t.match(events, [{ code: 'MESSAGE_UNENCODABLE', message: 'Free' }]);
});

t.test(
  'keys that look like those of another shape, and an object that changes meanwhile, come as they are',
  async (t) => {
    const { clock, sender, got, frames } = await stage(t);
    const changing = {
      get a(): number {
        Reflect.deleteProperty(changing, 'b');
        return 1;
      },
      b: 2,
    };
    const bodies = [
      { a: 1, b: 2 },
      { 'a\0b': 3 },
      { nested: { a: 'x' } },
      { nested: {} },
      {},
      { '': 1 },
      { ['k'.repeat(2_000)]: 1 },
    ];
    const send = (body: object): void => sender.send(upid('p', 'receiver'), Free, body);
    for (const body of [...bodies, ...bodies]) send(body);
    await clock.settle();
    t.equal(layoutOf(frames.at(-1)), 4);
    for (const body of [...bodies, { nested: changing }, ...bodies]) send(body);
    await clock.settle();
    assert.deepEqual(
      got.map(([, body]) => body),
      [...bodies, ...bodies, ...bodies, { nested: { a: 1 } }, ...bodies],
    );
  },
);

t.test('bodies that are long or deep come as they are', async (t) => {
  const { clock, sender, got, frames } = await stage(t);
  const deep = Array.from({ length: 100 }).reduce<object>((inner, _, n) => (n % 2 === 0 ? [inner] : { inner }), []);
  const long = [
    Array(140_000).fill(true),
    Array.from({ length: 60_000 }, (_, i) => 1_000 * i),
    Array.from({ length: 80_000 }, (_, i) => i + 0.5),
    'a日'.repeat(100_000),
  ];
  const bodies = long.flatMap((value) => Array.from({ length: 8 }, (_, n) => (n === 3 ? { value } : { deep, n })));
  for (let at = 0; at < bodies.length; at += 8) {
    for (const body of bodies.slice(at, at + 8)) sender.send(upid('p', 'receiver'), Free, body);
    await clock.settle();
  }
  t.strictSame(frames.map(layoutOf), [4, 4, 4, 4]);
  assert.deepEqual(
    got.map(([, body]) => body),
    bodies,
  );
});

t.test('who keeps a small binary field does not keep the frame that it came in', async (t) => {
  const { clock, sender, got, frames } = await stage(t);
  for (let n = 0; n < 100; n++) sender.send(upid('p', 'receiver'), Free, { bytes: new Uint8Array(10).fill(n) });
  await clock.settle();
  t.equal(layoutOf(frames.at(-1)), 4);
  for (const [n, [, body]] of got.entries()) {
    const { bytes } = body as { readonly bytes: Uint8Array };
    t.strictSame([...bytes], Array(10).fill(n));
    t.ok(bytes.buffer.byteLength < 100, `${bytes.buffer.byteLength} bytes`);
  }
});

t.test('halves of a character in two strings, which no frame carries, do not become a whole one', async (t) => {
  const { clock, sender, got } = await stage(t);
  for (let n = 0; n < 9; n++) sender.send(upid('p', 'receiver'), Free, { one: `${n}\ud83c`, two: `\udf89${n}`, n });
  await clock.settle();
  t.equal(got.length, 9);
  for (const [n, [, body]] of got.entries()) t.match(body, { one: /^\d\ufffd+$/, two: `\ufffd${n}`, n });
});

t.test('a getter that sends while its message is written disturbs nobody', async (t) => {
  const { clock, sender, got, raw } = await stage(t);
  raw.say('sender', envelope(kinds.hello, { body: hello(['compact', 'rows'], 4) }));
  await clock.settle();
  const talkative = {
    get n(): number {
      for (let n = 0; n < 600; n++) sender.send(upid('x', 'raw'), Note, { n });
      return 7;
    },
  };
  for (let n = 0; n < 8; n++)
    sender.send(upid('p', 'receiver'), Free, { text: `${n}`, nested: n === 3 ? talkative : {} });
  await clock.settle();
  t.strictSame(
    got.map(([, body]) => body),
    [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ text: `${n}`, nested: n === 3 ? { n: 7 } : {} })),
  );
  t.strictSame(
    raw.heard.map(([, , , , , body]) => body),
    Array.from({ length: 600 }, (_, n) => ({ n })),
  );
});

t.test('a Node that reads rows gets many messages in them, and few as before', async (t) => {
  const { clock, sender, raw, frames } = await stage(t);
  raw.say('sender', envelope(kinds.hello, { body: hello(['compact', 'rows'], 4) }));
  await clock.settle();
  const update = (n: number): object => ({
    taskId: `task ${n}`,
    state: n < 5 ? 'TASK_RUNNING' : 'TASK_FINISHED',
    nested: [
      { name: 'cpus', scalar: 1.5 },
      { name: 'mem', scalar: 512 },
    ],
    large: 2 ** 40 + n,
    known: n % 2 === 0,
    nothing: null,
    absent: undefined,
    bytes: Buffer.from([n]),
  });
  sender.send(upid('x', 'raw'), Free, {});
  await clock.settle();
  for (let n = 0; n < 7; n++) sender.send(upid('x', 'raw'), Free, update(n));
  await clock.settle();
  t.equal(raw.layouts.at(-1), 2);
  raw.heard.length = 0;
  for (let n = 0; n < 40; n++)
    sender.send(upid(n % 3 === 0 ? 'x' : `y${n % 8}`, 'raw'), n % 5 === 0 ? Free : Other, update(n));
  await clock.settle();
  t.equal(raw.layouts.at(-1), 4);
  t.strictSame(
    raw.heard,
    Array.from({ length: 40 }, (_, n) => [
      kinds.send,
      n % 3 === 0 ? 'x' : `y${n % 8}`,
      '',
      '(node)',
      n % 5 === 0 ? 'Free' : 'Other',
      update(n),
      0,
    ]),
  );
  t.strictSame(frames, [], 'and the other Node nothing of that');
});

t.test('keys are said once in a frame, and a string that repeats itself takes a byte', async (t) => {
  const { clock, sender, frames } = await stage(t);
  const to = upid('p', 'receiver');
  const send = (repeated: number): void => {
    for (let n = 0; n < 100; n++)
      sender.send(to, Free, {
        aKeyOfSomeLength: 'some text',
        id: n < repeated ? 'a name of 32 characters, about' : `${n}`,
      });
  };
  send(0);
  await clock.settle();
  send(100);
  await clock.settle();
  const [different, repeated] = frames.map((frame) => frame.byteLength);
  t.ok((different ?? 0) < 1_000, `${different} bytes`);
  t.ok((repeated ?? 0) < 100 * 6 + 150, `${repeated} bytes`);
});

t.test('who keeps a string keeps no more than a bounded text', async (t) => {
  const { clock, sender, frames, got } = await stage(t);
  const random = new Random('texts');
  const bodies = Array.from({ length: 400 }, (_, n) => ({
    id: random.token(random.integer(n % 50 === 0 ? 3_000 : 90)),
    name: n % 7 === 0 ? 'ä日🎉'.repeat(random.integer(40)) : `name ${n}`,
  }));
  for (const body of bodies) sender.send(upid('p', 'receiver'), Free, body);
  await clock.settle();
  t.strictSame(
    got.map(([, body]) => body),
    bodies,
  );
  const strings = new Set(bodies.flatMap(({ id, name }) => [id, name]));
  const texts = frames.flatMap(textsOf);
  t.ok(texts.length > 40);
  for (const text of texts) t.ok(text.length <= textMax || strings.has(text), `a text of ${text.length} characters`);
});

const note = [kinds.send, 'p', '', 'x', 'Note'];
/** One Note, well formed: head 0, no ask, shape 0, a small number. */
const good: RowsParts = { heads: note, shapes: ['n\0'], rows: [0x80, 0x80, 0xe0, 0x81] };
const row = (...body: number[]): number[] => [0x80, 0x80, ...body];
const int32 = (n: number): number[] => [...new Uint8Array(new Int32Array([n]).buffer)];
const float64 = (n: number): number[] => [...new Uint8Array(new Float64Array([n]).buffer)];

const deep = Array.from({ length: 60_000 }, () => [0xc8, 1, 0, 0, 0]).flat();

const malformed: Readonly<Record<string, RowsParts>> = {
  'heads that are no list': { ...good, heads: 7 },
  'half a head': { ...good, heads: [0, 'p'] },
  'a head of no process': { ...good, heads: [kinds.send, 'p', '', 'no process!', 'Note'] },
  'shapes that are no list': { ...good, shapes: {} },
  'a shape that is no text': { ...good, shapes: [7] },
  'a shape whose last key has no end': { ...good, shapes: ['n'], rows: row(0xe0) },
  'a shape with the key that is none': { ...good, shapes: ['__proto__\0'] },
  'a shape of 65 keys': {
    ...good,
    shapes: [Array.from({ length: 65 }, (_, i) => `${i}\0`).join('')],
    rows: row(0xe0, ...Array(65).fill(0x80)),
  },
  'a shape of a long key': { ...good, shapes: [`${'n'.repeat(1_024)}\0`] },
  '33 shapes': { ...good, shapes: Array.from({ length: 33 }, () => 'n\0') },
  'others that are no bytes': { ...good, others: 'text' },
  'others that only look like no bytes': { ...good, others: { byteLength: 0 } },
  'others that are no MessagePack': { ...good, others: Buffer.from([0x92, 1]) },
  'others that are no list': { ...good, others: Buffer.from([7]) },
  'an other too many': { ...good, others: [1] },
  'an other too few': { ...good, rows: row(0xc9) },
  'texts that are no list': { ...good, texts: 7 },
  'a text of no length': { ...good, texts: [0] },
  'a text of a negative length': { ...good, texts: [-1, 1], text: '' },
  'a text of half a byte': { ...good, texts: [0.5], text: 'a' },
  'texts longer than the bytes': { ...good, texts: [1_000] },
  'texts longer than a number': { ...good, texts: [2 ** 53 - 1, 2 ** 53 - 1] },
  'a text too many': { ...good, texts: [1], text: 'a' },
  'half a text too many': { ...good, rows: row(1), texts: [2], text: 'ab' },
  'a string longer than its text': { ...good, rows: row(3), texts: [2, 1], text: 'abc' },
  'a string of no text': { ...good, rows: row(3) },
  'a long string of no text': { ...good, rows: row(0xc7, ...int32(1_000_000_000)) },
  'a long string of a negative length': { ...good, rows: row(0xc7, ...int32(-1)) },
  'a long string of no length': { ...good, rows: row(0xc7, ...int32(0)) },
  'a text that is no UTF-8': { ...good, rows: row(2), texts: [2], text: new Uint8Array([0xc3, 0x28]) },
  'half a character': { ...good, rows: [...row(1), ...row(1)], texts: [1, 1], text: 'ä' },
  'many strings in a long text': {
    ...good,
    rows: [...row(100), ...row(0xc7, ...int32(500))],
    texts: [600],
    text: 'x'.repeat(600),
  },
  'the same as nothing': { ...good, rows: row(0xc0) },
  'a row that ends after its head': { ...good, rows: [0x80] },
  'a row that ends after its ask': { ...good, rows: [0x80, 0x80] },
  'a row that ends in an object': { ...good, rows: row(0xe0) },
  'a row that ends in a number': { ...good, rows: row(0xc5, 1, 2) },
  'a row that ends in a longer number': { ...good, rows: row(0xc6, 1, 2, 3) },
  'a row that ends where a text could go on as one': { ...good, rows: [0x80, 0x80], texts: [1], text: '\x01' },
  'a number that ends where a text could go on as one': {
    ...good,
    rows: row(0xc8, ...int32(2), 4, 0xc5),
    texts: [4],
    text: 'abcd',
  },
  'a head that is not there': { ...good, rows: [0x81, 0x80, 0xe0, 0x81] },
  'a head that is no number': { ...good, rows: [0xc1, 0x80, 0xe0, 0x81] },
  'a head below 0': { ...good, rows: [0xc5, ...int32(-1), 0x80, 0xe0, 0x81] },
  'half a head number': { ...good, rows: [0xc6, ...float64(0.5), 0x80, 0xe0, 0x81] },
  'an ask below 0': { ...good, rows: [0x80, 0xc5, ...int32(-1), 0xe0, 0x81] },
  'an ask beyond whole numbers': { ...good, rows: [0x80, 0xc6, ...float64(2 ** 53), 0xe0, 0x81] },
  'a shape that is not there': { ...good, rows: row(0xe1, 0x81) },
  'an array of a negative length': { ...good, rows: row(0xc8, ...int32(-1)) },
  'an array longer than its rows': { ...good, rows: row(0xc8, ...int32(2_000_000_000)) },
  'arrays in arrays without end': { ...good, rows: [...row(), ...deep] },
  'objects in objects without end': { ...good, rows: row(...Array.from({ length: 100 }, () => 0xe0), 0x81) },
  'a tag of no meaning': { ...good, rows: row(0xdf) },
  'rows that are no bytes': { ...good, version: 4, rows: [], heads: note, texts: 'x' },
};

t.test('a malformed frame in rows is dropped and counted, and the Node lives on', async (t) => {
  const { clock, raw, events, got } = await stage(t);
  for (const [what, parts] of Object.entries(malformed)) {
    events.length = 0;
    raw.throw('receiver', rowsFrameBytes({ ...parts, sequence: raw.sequence }));
    await clock.settle();
    t.match(events, [{ code: 'FRAME_MALFORMED', from: 'raw', why: /./ }], what);
  }
  t.strictSame(got, []);
  raw.throw('receiver', rowsFrameBytes({ ...good, sequence: raw.sequence++ }));
  await clock.settle();
  t.strictSame(got, [['Note', { n: 1 }]]);
});

t.test('a Node survives frames in rows with bytes changed or cut off', async (t) => {
  const { clock, sender, receiver, raw, got, frames } = await stage(t);
  for (let round = 0; round < 20; round++) {
    const values = new Values(`mutated ${round}`);
    for (let i = 0; i < 30; i++) sender.send(upid('p', 'receiver'), Free, values.body());
    await clock.settle();
  }
  const random = new Random('mutations');
  const rows = frames.filter((frame) => layoutOf(frame) === 4);
  for (let round = 0; round < 4_000; round++) {
    const frame = Buffer.from(rows[random.integer(rows.length)] as Uint8Array);
    // Behind the head of the frame: who says that it is somebody else is another test.
    for (let i = random.integer(4); i >= 0; i--) frame[24 + random.integer(frame.length - 24)] = random.integer(256);
    const cut = random.integer(4) === 0 ? frame.subarray(0, 24 + random.integer(frame.length - 24)) : frame;
    raw.throw('receiver', cut);
    if (round % 100 === 0) await clock.settle();
    got.length = 0;
  }
  await clock.settle();
  t.ok(receiver.counters.get('frames_malformed') > 1_000);
  got.length = 0;
  sender.send(upid('p', 'receiver'), Note, { n: 1 });
  await clock.settle();
  t.strictSame(got, [['Note', { n: 1 }]]);
});

t.test('no room is made for what does not come', async (t) => {
  const { clock, raw, events } = await stage(t);
  const claims = { array: row(0xc8, ...int32(30_000_000), 0x80), string: row(0xc7, ...int32(2 ** 31 - 1)) };
  for (const rows of Object.values(claims))
    raw.throw('receiver', rowsFrameBytes({ ...good, rows, sequence: raw.sequence }));
  await clock.settle();
  t.match(events, [{ why: 'an array longer than its rows' }, { why: 'there is no text' }]);
});

t.test('objects of a shape are the same whether it is new or has been seen often', async (t) => {
  const { clock, sender, got } = await stage(t);
  const body = (n: number): object => ({ often: n, ' quoted"key\\': `${n}`, 7: n, nested: { deeper: [n] } });
  for (let n = 0; n < 500; n++) sender.send(upid('p', 'receiver'), Wrapped, { value: body(n) });
  await clock.settle();
  assert.deepEqual(
    got.map(([, body]) => (body as { readonly value: unknown }).value),
    Array.from({ length: 500 }, (_, n) => body(n)),
  );
});
