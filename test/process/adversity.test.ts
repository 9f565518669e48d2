import { MemoryNetwork, message, Node, upid, VirtualClock } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import pino from 'pino';
import t from 'tap';
import { Actor } from './actor.js';
import { chunkFrameBytes, envelope, frameBytes, kinds } from './hand-made-node.js';
import { deferred, World } from './world.js';

const Note = message('Note', { n: Type.Integer() });
const Text = message('Text', { text: Type.String() });
const Answer = message('Answer', { n: Type.Integer() });
const Telling = message('Telling', { text: Type.String() }, { reply: Answer });
const Question = message('Question', { n: Type.Integer() }, { reply: Answer });

t.test('whatever is thrown, however hard to log, ends its process and nothing else', async (t) => {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const world = new World(t);
  const node = await world.node('a', [], { log });
  const hidden = new Error('its stack throws');
  Object.defineProperty(hidden, 'stack', {
    get: () => {
      throw new Error('no stack');
    },
  });
  const loop: { cause?: unknown } & Error = new Error('loop');
  loop.cause = loop;
  const thrown: unknown[] = [
    undefined,
    null,
    1n,
    Symbol('s'),
    Object.freeze(new Error('frozen')),
    Object.freeze({ n: 1 }),
    hidden,
    loop,
    new Proxy(new Error('proxied'), {
      get: () => {
        throw new Error('no property');
      },
    }),
    {
      toJSON: () => {
        throw new Error('no json');
      },
    },
    new Error('x'.repeat(1_000_000)),
  ];
  for (const [i, what] of thrown.entries()) {
    const pid = node.spawn(
      new Actor(`p${i}`, {
        initialize: (self) =>
          void self.on(Note, () => {
            throw what;
          }),
      }),
    );
    node.send(pid, Note, { n: 1 });
    await node.wait(pid);
  }
  node.events.subscribe(() => {
    throw Object.freeze(new Error('frozen'));
  });
  const last = new Actor('last');
  node.spawn(last);
  t.equal(await last.dispatch(() => 7), 7, 'the Node goes on');
  t.equal(node.counters.get('processes_failed'), thrown.length);
  t.match(
    await last
      .dispatch(() => {
        throw Object.freeze(new Error('frozen'));
      })
      .catch((error: unknown) => error),
    /frozen/,
  );
  t.ok(lines.length > thrown.length, 'and each is in the log');
});

t.test('restarts without a delay, more than a number has bits', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  let lives = 0;
  const pid = node.spawn(
    () =>
      new Actor('p', {
        initialize: () => {
          if (++lives < 1_200) throw new Error('again');
        },
      }),
    { supervision: { restartsMax: 5_000, delayMs: 0 } },
  );
  const delays = new Set<number>();
  node.events.subscribe((event) => event.code === 'PROCESS_RESTARTED' && delays.add(event.delayMs));
  await world.advance(10);
  t.strictSame([...delays], [0]);
  t.equal(lives, 1_200);
  t.equal(node.processHealth(pid)?.state, 'idle');
});

t.test('terminated and failing in the same event is an end, no restart', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  for (const inject of [true, false]) {
    const gate = deferred();
    let lives = 0;
    const pid = node.spawn(
      () =>
        new Actor('p', {
          initialize: () => {
            lives++;
            return gate.promise;
          },
        }),
      { supervision: { delayMs: 1_000 } },
    );
    await world.settle();
    node.terminate(pid, inject);
    gate.reject(new Error('boom'));
    await world.settle();
    t.equal(node.processHealth(pid), undefined);
    t.equal(lives, 1);
    await world.advance(5_000);
  }
});

t.test('a parent with many children that wait for their restart ends', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  const parent = new Actor('parent', {
    initialize: (self) => {
      for (let i = 0; i < 20_000; i++)
        self.bear(
          () =>
            new Actor(`c${i}`, {
              initialize: () => {
                throw new Error('down');
              },
            }),
          { supervision: { delayMs: 60_000, delayMsMax: 60_000 } },
        );
    },
  });
  const pid = node.spawn(parent);
  await world.settle();
  await world.settle();
  t.equal(node.processHealth(node.pidOf('c7'))?.state, 'restarting');
  node.terminate(pid);
  await node.wait(pid);
  t.strictSame(node.processes(), []);
});

t.test('a Node that is stopped twice stops', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  node.spawn(new Actor('p'));
  await t.resolves(Promise.all([node.stop(), node.stop()]));
});

t.test('an ask has a deadline that comes, and is not answered where it was aborted before it began', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  const pid = node.spawn(new Actor('silent', { initialize: (self) => void self.on(Question, () => undefined) }));
  for (const deadlineMs of [Number.NaN, -1, Number.POSITIVE_INFINITY])
    t.throws(() => node.ask(pid, Question, { n: 1 }, { deadlineMs }), TypeError, String(deadlineMs));
  const zero = t.rejects(node.ask(pid, Question, { n: 1 }, { deadlineMs: 0 }), { code: 'TIMED_OUT' });
  await world.settle();
  await zero;
  const self: Actor = new Actor('self', {
    initialize: (self) =>
      void self.on(Note, async () => {
        await t.rejects(self.request(self.pid, Question, { n: 1 }, { deadlineMs: 100 }), { code: 'TIMED_OUT' });
      }),
  });
  node.spawn(self);
  node.send(self.pid, Note, { n: 1 });
  await world.advance(100);
  t.equal(node.processHealth(self.pid)?.state, 'idle');
  const late = node.counters.get('replies_late');
  await t.rejects(node.ask(upid('nobody', 'a'), Question, { n: 1 }, { deadlineMs: 100, signal: AbortSignal.abort() }), {
    code: 'ABORTED',
  });
  t.equal(node.counters.get('replies_late'), late, 'no reply came, so none was late');
});

t.test('a stranger that is forgotten in the midst of a large message leaves no timer', async (t) => {
  const clock = new VirtualClock();
  let hear = (_from: string, _bytes: Uint8Array): void => undefined;
  const a = await Node.start({
    name: 'a',
    clock,
    transports: [
      {
        frameBytesMax: 1e6,
        start: async (_n, sink) => {
          hear = sink.frame;
        },
        reaches: () => true,
        send: () => true,
        close: async () => undefined,
      },
    ],
  });
  hear('big', chunkFrameBytes(1, 100_000, 0, new Uint8Array(1_000)));
  for (let i = 0; i < 10_000; i++) {
    hear(`n${i}`, frameBytes([envelope(kinds.pong)]));
    if (i % 100 === 0) await Promise.resolve();
  }
  await clock.settle();
  await a.stop();
  t.equal(clock.timersPending, 0);
});

t.test('numbers at the end of what can be counted', async (t) => {
  const world = new World(t);
  const a = await world.node('a');
  const raw = await world.handMade('raw');
  raw.answersPings = true;
  const got: number[] = [];
  a.spawn(new Actor('p', { initialize: (self) => void self.on(Note, (_f, { n }) => void got.push(n)) }));
  const note = (n: number) => envelope(kinds.send, { to: 'p', from: '__proto__', name: 'Note', body: { n } });
  for (const body of [[0, -1], [0, 2 ** 53], [0, Number.NaN], [2 ** 53 - 1, 1], ['0', '1'], {}, null, [0]])
    raw.say('a', envelope(kinds.received, { body }));
  for (const body of [
    null,
    7,
    [],
    {},
    { layouts: [1, 3], features: 'x' },
    {
      layouts: [1, 3],
      features: [{}, 1, '__proto__', ...Array.from({ length: 1_000 }, () => 'x')],
      messageBytesMax: -1,
    },
    { layouts: [2 ** 53 - 1, 2 ** 53 - 1], features: [] },
  ])
    raw.say('a', envelope(kinds.hello, { body }));
  raw.say('a', note(1));
  raw.session = 2 ** 53 - 1;
  raw.sequence = 2 ** 53 - 1;
  raw.say('a', note(2));
  await world.settle();
  t.strictSame(got, [1, 2]);
  t.equal(a.counters.get('frames_malformed'), 0);
});

t.test('linking again before exited came adds nothing, wherever the process lives', async (t) => {
  const world = new World(t);
  const [a, b] = [await world.node('a'), await world.node('b')];
  for (const home of [a, b]) {
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    const nobody = upid('nobody', home.name);
    await watcher.dispatch(() => {
      watcher.watch(nobody);
      watcher.watch(nobody);
    });
    await world.settle();
    t.strictSame(watcher.exits.splice(0), [`${nobody} absent`], 'it was never there');
    const gate = deferred();
    const pid = home.spawn(new Actor('p'));
    await watcher.dispatch(() => watcher.watch(pid));
    await world.settle();
    watcher.next(() => gate.promise);
    watcher.next(() => watcher.watch(pid));
    home.terminate(pid);
    await world.settle();
    gate.resolve();
    await world.settle();
    t.strictSame(watcher.exits.splice(0), [`${pid} ended`], 'it was on its way');
    await watcher.dispatch(() => watcher.watch(pid));
    await world.settle();
    t.strictSame(watcher.exits, [`${pid} absent`], 'a later link is another');
    watcher.end();
    await world.settle();
  }
});

t.test('a session whose beginning is missing is told of as a loss', async (t) => {
  const world = new World(t);
  const a = await world.node('a');
  const raw = await world.handMade('raw');
  raw.say('a', envelope(kinds.pong));
  await world.settle();
  raw.session = 1;
  raw.sequence = 2;
  raw.say('a', envelope(kinds.pong));
  await world.settle();
  t.equal(a.counters.get('frames_lost'), 2);
  t.equal(raw.heardKinds().filter((kind) => kind === kinds.lost).length, 1, 'a link of it may have been in there');
});

t.test('a body whose size is not that of its fields is sent all the same', async (t) => {
  const network = new MemoryNetwork();
  const [a, b] = (await Promise.all(
    ['a', 'b'].map((name) => Node.start({ name, transports: [{ ...network.transport(), frameBytesMax: 10_000 }] })),
  )) as [Node, Node];
  t.teardown(() => Promise.all([a.stop(), b.stop()]));
  const heard: number[] = [];
  const two = deferred();
  const hear = (text: string): void => {
    if (heard.push(text.length) === 2) two.resolve();
  };
  b.spawn(new Actor('p', { initialize: (self) => void self.on(Text, (_from, { text }) => hear(text)) }));
  class Shorthand {
    readonly text = '';
    toJSON(): { readonly text: string } {
      return { text: 'x'.repeat(50_000) };
    }
  }
  class Ballasted extends Shorthand {
    readonly ballast = new Uint8Array(6_000);
  }
  a.send(upid('p', 'b'), Text, new Shorthand());
  a.send(upid('p', 'b'), Text, new Ballasted());
  await two.promise;
  t.equal(heard[0], 50_000);
});

t.test('many asks may share a signal without a warning of the platform', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  t.teardown(() => process.off('warning', warned));
  const pid = node.spawn(new Actor('silent', { initialize: (self) => void self.on(Question, () => undefined) }));
  const abort = new AbortController();
  const asks = Array.from({ length: 100 }, () =>
    t.rejects(node.ask(pid, Question, { n: 1 }, { deadlineMs: 1_000, signal: abort.signal }), { code: 'ABORTED' }),
  );
  await world.settle();
  abort.abort();
  await Promise.all(asks);
  t.strictSame(warnings, []);
});

t.test('a message for which there is no memory is refused, and harms nobody', async (t) => {
  const world = new World(t);
  const a = await world.node('a', [world.network.transport()], { messageBytesMax: Number.MAX_SAFE_INTEGER });
  const raw = await world.handMade('raw');
  const part = { sequence: raw.sequence++ };
  raw.throw('a', chunkFrameBytes(1, Number.MAX_SAFE_INTEGER, 0, new Uint8Array(9), part));
  raw.say('a', envelope(kinds.pong));
  await world.settle();
  t.equal(a.counters.get('frames_malformed'), 1);
  t.equal(a.counters.get('frames_received'), 2, 'the next is taken');
});

t.test('a large first word to a Node is refused while disconnected, as any other', async (t) => {
  const clock = new VirtualClock();
  const a = await Node.start({
    name: 'a',
    clock,
    transports: [
      {
        frameBytesMax: 10_000,
        connected: false,
        start: async () => undefined,
        reaches: () => true,
        send: () => false,
        close: async () => undefined,
      },
    ],
  });
  const text = 'x'.repeat(50_000);
  const asked = t.rejects(a.ask(upid('p', 'b'), Telling, { text }, { deadlineMs: 60_000 }), { code: 'DISCONNECTED' });
  a.send(upid('p', 'c'), Text, { text });
  await clock.settle();
  await asked;
  await clock.advance(1_000);
  t.equal(clock.timersPending, 0, 'and nobody waits for a better time');
  await a.stop();
});

t.test('what comes while a Node disconnects leaves no timer behind', async (t) => {
  const clock = new VirtualClock();
  let hear = (_from: string, _bytes: Uint8Array): void => undefined;
  const a = await Node.start({
    name: 'a',
    clock,
    transports: [
      {
        frameBytesMax: 1_000_000,
        start: async (_node, sink) => {
          hear = sink.frame;
        },
        reaches: () => true,
        send: () => true,
        close: async () => hear('b', chunkFrameBytes(1, 100_000, 0, new Uint8Array(1_000))),
      },
    ],
  });
  await a.stop();
  t.equal(clock.timersPending, 0);
});

t.test('options that cannot be are refused by name', async (t) => {
  for (const options of [
    { probeMs: 0 },
    { probeMs: Number.POSITIVE_INFINITY },
    { silentMs: Number.NaN },
    { messageBytesMax: Number.POSITIVE_INFINITY },
    { messageBytesMax: -1 },
  ])
    await t.rejects(Node.start(options), { name: 'RangeError', message: new RegExp(Object.keys(options)[0] ?? '') });
});
