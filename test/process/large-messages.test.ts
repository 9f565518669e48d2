import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import {
  type FrameFilter,
  MemoryNetwork,
  NatsTransport,
  Node,
  Random,
  SocketServerTransport,
  type Transport,
  type Upid,
  upid,
  VirtualClock,
} from '@mesos-ts/process';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Blob, Echo, Note } from './conversation.js';
import { chunkFrameBytes, envelope, frameBytes, HandMadeNode, kinds, largeFrameBytes } from './hand-made-node.js';
import { RemoteNode } from './remote-node.js';

const deadlineMs = 20_000;
const MiB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'large-'));
t.teardown(() => rmSync(folder, { recursive: true }));

interface Options {
  readonly messageBytesMax?: number;
  readonly clock?: VirtualClock;
  /** Told of every frame on its way. */
  readonly passed?: (from: string, bytes: number) => void;
}

async function startNode(test: Test, name: string, transport: Transport, options: Options = {}): Promise<Node> {
  const { passed: _, ...rest } = options;
  const node = await Node.start({ name, transports: [transport], ...rest });
  test.teardown(() => node.stop());
  return node;
}

/** Bytes that differ everywhere, so that a chunk out of its place shows. */
function noise(bytes: number): Uint8Array {
  const random = new Random(`noise ${bytes}`);
  const words = new Uint32Array(Math.ceil(bytes / 4)).map(() => random.uint32());
  return new Uint8Array(words.buffer, 0, bytes);
}

function same(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.from(one.buffer, one.byteOffset, one.byteLength).equals(other);
}

/** Notes what comes, as text, and resolves when a text comes. */
class Listener {
  readonly heard: string[] = [];
  readonly #waiters = new Map<string, () => void>();
  readonly actor: Actor;

  constructor(id: string) {
    this.actor = new Actor(id, {
      initialize: (self) => {
        self.on(Note, (from, { n }) => this.#note(`${n} from ${from.split('@')[0]}`));
        self.on(Blob, (from, { bytes }) => this.#note(`${bytes.byteLength} bytes from ${from.split('@')[0]}`));
      },
      exited: (pid, reason) => this.#note(`${pid.split('@')[0]} ${reason}`),
    });
  }

  /** @param look is called in the very moment. */
  comes(text: string, look: () => void = () => undefined): Promise<void> {
    if (this.heard.includes(text)) return Promise.resolve(look());
    return new Promise((resolve) =>
      this.#waiters.set(text, () => {
        look();
        resolve();
      }),
    );
  }

  #note(text: string): void {
    this.heard.push(text);
    this.#waiters.get(text)?.();
  }
}

/** Two Nodes in memory whose frames hold 100,000 bytes. */
async function pair(test: Test, options: Options = {}): Promise<readonly [Node, Node, MemoryNetwork]> {
  const { passed } = options;
  const filter: FrameFilter = {
    pass: (from, _to, bytes) => {
      passed?.(from, bytes.byteLength);
      return bytes;
    },
  };
  const network = new MemoryNetwork({ filter });
  const small = (): Transport => ({ ...network.transport(), frameBytesMax: 100_000 });
  return [await startNode(test, 'a', small(), options), await startNode(test, 'b', small(), options), network];
}

t.test('a message far larger than a frame arrives whole, and so does its answer, over each transport', async (t) => {
  const server = await startNatsServer({ jetstream: false });
  t.teardown(() => server.stop());
  const path = join(folder, 'whole.sock');
  const network = new MemoryNetwork();
  const bytes = noise(9 * MiB + 17);
  const local = await startNode(t, 'memory-a', network.transport());
  const other = await startNode(t, 'memory-b', { ...network.transport(), frameBytesMax: 1_000 });
  const echo = new Actor('peer', {
    initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)),
  });
  const ways: [string, Node, Upid][] = [
    ['memory', local, other.spawn(echo)],
    [
      'NATS',
      await startNode(t, 'nats-a', new NatsTransport({ servers: server.url })),
      (await RemoteNode.start(t, { name: 'nats-b', nats: server.url })).pid,
    ],
    [
      'socket',
      await startNode(t, 'socket-a', new SocketServerTransport(path)),
      (await RemoteNode.start(t, { name: 'socket-b', connect: path })).pid,
    ],
  ];
  for (const [name, node, pid] of ways) {
    const answer = await node.ask(pid, Echo, { n: 1, bytes }, { deadlineMs });
    t.ok(same(bytes, answer.bytes), name);
    // What follows finds everything in order.
    t.match(await node.ask(pid, Echo, { n: 2 }, { deadlineMs }), { n: 2 });
    t.strictSame(
      [node.counters.get('frames_lost'), node.counters.get('frames_malformed'), node.counters.get('links_broken')],
      [0, 0, 0],
    );
  }
});

t.test(
  'a large message is not overtaken by what its sender says later to the same process, or by its end',
  async (t) => {
    const [a, b] = await pair(t);
    const listener = new Listener('q');
    const pid = b.spawn(listener.actor);
    const other = new Listener('s');
    const otherPid = b.spawn(other.actor);
    const p = new Actor('p', { initialize: (self) => self.say(pid, Note, { n: 0 }) });
    await listener.actor.dispatch(() => listener.actor.watch(upid('p', 'a')));
    const r = new Actor('r');
    a.spawn(p);
    a.spawn(r);
    await listener.comes('0 from p');
    await listener.actor.dispatch(() => listener.actor.watch(upid('p', 'a')));
    let heardThen: readonly string[] = [];
    const bystander = other.comes('1 from r', () => {
      heardThen = [...listener.heard];
    });
    await p.dispatch(() => {
      p.say(pid, Blob, { bytes: new Uint8Array(20 * MiB) });
      p.say(pid, Note, { n: 1 });
      p.say(pid, Blob, { bytes: new Uint8Array(4 * MiB) });
      p.say(pid, Note, { n: 2 });
      // In this very turn: in one of its own it might come when all is over, on a slow machine.
      r.say(otherPid, Note, { n: 1 });
      p.end();
    });
    await bystander;
    await listener.comes('p ended');
    t.strictSame(listener.heard.slice(-5), [
      `${20 * MiB} bytes from p`,
      '1 from p',
      `${4 * MiB} bytes from p`,
      '2 from p',
      'p ended',
    ]);
    t.notOk(heardThen.includes(`${20 * MiB} bytes from p`), 'while what others say passes');
  },
);

t.test('an answer stays behind what its process said before, however large that was', async (t) => {
  const [a, b] = await pair(t);
  const pid = b.spawn(
    new Actor('q', {
      initialize: (self) =>
        void self.on(Echo, (from, { n }) => {
          self.say(from, Blob, { bytes: new Uint8Array(20 * MiB) });
          self.answer(Echo.replyType, { n });
        }),
    }),
  );
  // The message to code outside of processes is a dead letter, seen when it arrives.
  await a.ask(pid, Echo, { n: 1 }, { deadlineMs });
  t.equal(a.counters.get('dead_letters'), 1);
});

t.test('what is larger than a message may be is refused here with an event, and an ask with it at once', async (t) => {
  const [a, b] = await pair(t, { messageBytesMax: MiB });
  const listener = new Listener('q');
  const pid = b.spawn(listener.actor);
  const bytes = new Uint8Array(MiB);
  const events: unknown[] = [];
  a.events.subscribe(({ code, ...fields }) => events.push(code === 'MESSAGE_TOO_LARGE' && { ...fields }));
  a.send(pid, Blob, { bytes });
  await t.rejects(a.ask(pid, Echo, { n: 1, bytes }, { deadlineMs }), { code: 'MESSAGE_TOO_LARGE' });
  t.match(events, [
    { to: 'b', message: 'Blob', bytesMax: MiB },
    { to: 'b', message: 'Echo', bytesMax: MiB },
  ]);
  a.send(pid, Blob, { bytes: bytes.subarray(200) });
  await listener.comes(`${MiB - 200} bytes from (node)`);
});

t.test('a Node that takes less than we would send is not sent more than it takes', async (t) => {
  const network = new MemoryNetwork();
  const small = (): Transport => ({ ...network.transport(), frameBytesMax: 100_000 });
  const [a, b] = [await startNode(t, 'a', small()), await startNode(t, 'b', small(), { messageBytesMax: MiB })];
  const listener = new Listener('q');
  const pid = b.spawn(listener.actor);
  a.send(pid, Note, { n: 1 });
  // An answer from there, so that its hello is here.
  await t.rejects(a.ask(upid('nobody', 'b'), Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  await t.rejects(a.ask(pid, Echo, { n: 1, bytes: new Uint8Array(MiB) }, { deadlineMs }), {
    code: 'MESSAGE_TOO_LARGE',
  });
  t.equal(b.counters.get('frames_malformed'), 0);
});

t.test('what waits behind a large message is bounded by its bytes, beyond which it is dropped and told', async (t) => {
  const network = new MemoryNetwork();
  const clock = new VirtualClock();
  const a = await startNode(t, 'a', { ...network.transport(), frameBytesMax: 100_000 }, { clock });
  // It does not say what it can do, so the first stays on its way.
  await HandMadeNode.join(network, 'raw');
  const overflows: unknown[] = [];
  a.events.subscribe((event) => event.code === 'OUTBOX_OVERFLOW' && overflows.push(event));
  const watcher = new Actor('watcher');
  a.spawn(watcher);
  const pid = upid('x', 'raw');
  const bytes = new Uint8Array(60 * MiB);
  const five = (): void => {
    for (let n = 0; n < 5; n++) a.send(pid, Blob, { bytes });
  };
  await watcher.dispatch(() => watcher.watch(pid));
  five();
  t.strictSame(overflows, [], 'one is on its way, and four wait');
  a.send(pid, Blob, { bytes });
  t.match(overflows, [{ to: 'raw', message: 'Blob', bytesMax: 256 * MiB }]);
  await t.rejects(a.ask(pid, Echo, { n: 1, bytes }, { deadlineMs }), { code: 'DISCONNECTED' });
  a.send(pid, Note, { n: 1 });
  const loop: { n: number; self?: unknown } = { n: 2 };
  loop.self = loop;
  a.send(pid, Note, loop);
  t.equal(a.counters.get('outbox_overflows'), 2, 'what is small still fits, also what goes in circles');
  const deep = { n: 3, deep: [{ text: 'x'.repeat(20 * MiB) }] };
  a.send(pid, Note, deep);
  t.equal(a.counters.get('outbox_overflows'), 3, 'wherever in it the bytes are');
  t.equal(a.counters.get('messages_unsent'), 3);
  await clock.advance(200);
  t.strictSame(watcher.exits, [`${pid} connection-lost`], 'and the links do not hold');
  network.interrupt();
  five();
  t.equal(a.counters.get('outbox_overflows'), 3, 'nothing waits after the end of a session');
});

t.test('a connection that breaks in the midst of a large message breaks the links and ends the asks', async (t) => {
  let parts = 0;
  const passed = (from: string, bytes: number): void => {
    if (from === 'a' && bytes > 10_000 && ++parts === 300) queueMicrotask(() => network.interrupt());
  };
  const [a, b, network] = await pair(t, { passed });
  const listener = new Listener('q');
  const pid = b.spawn(listener.actor);
  const p = new Actor('p');
  a.spawn(p);
  await t.rejects(a.ask(upid('nobody', 'b'), Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  await p.dispatch(() => {
    p.watch(pid);
    p.say(pid, Note, { n: 1 });
    p.say(pid, Blob, { bytes: new Uint8Array(20 * MiB) });
    p.say(pid, Note, { n: 2 });
  });
  await t.rejects(a.ask(pid, Echo, { n: 3, bytes: new Uint8Array(MiB) }, { deadlineMs }), { code: 'DISCONNECTED' });
  await p.exitsReach(1);
  t.strictSame(p.exits, [`${pid} connection-lost`]);
  t.ok(a.counters.get('messages_unsent') >= 2, 'what waited is counted');
  // Until they have heard of each other again, each may take the other's new session for another loss.
  await t.rejects(a.ask(upid('nobody', 'b'), Echo, { n: 4 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  await p.dispatch(() => p.say(pid, Blob, { bytes: new Uint8Array(3 * MiB) }));
  await listener.comes(`${3 * MiB} bytes from p`);
  t.strictSame(listener.heard, ['1 from p', `${3 * MiB} bytes from p`], 'what is sent after it arrives whole');
});

t.test('a large message of which no more comes, or a part is missing, is given up as any loss is', async (t) => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const a = await startNode(t, 'a', network.transport(), { clock, messageBytesMax: 10_000 });
  const raw = await HandMadeNode.join(network, 'raw');
  raw.answersPings = true;
  const listener = new Listener('q');
  a.spawn(listener.actor);
  const blob = (body: object): Uint8Array =>
    frameBytes([envelope(kinds.send, { to: 'q', from: 'x', name: 'Blob', body })]);
  const whole = largeFrameBytes(blob({}), [['bytes', 3_000]], noise(3_000));
  const say = (id: number, from: number, to: number, bytesTotal = whole.byteLength): void =>
    raw.throw('a', chunkFrameBytes(id, bytesTotal, from, whole.subarray(from, to), { sequence: raw.sequence++ }));
  const watch = async (): Promise<void> => {
    await listener.actor.dispatch(() => listener.actor.watch(upid('x', 'raw')));
    await clock.settle();
  };
  await watch();
  say(1, 0, 1_000);
  await clock.advance(9_000);
  say(1, 1_000, 2_000);
  await clock.advance(9_000);
  t.strictSame(listener.heard, [], 'slow is not still');
  await clock.advance(2_000);
  t.strictSame(listener.heard.splice(0), ['x connection-lost'], 'no more came');
  t.equal(a.counters.get('messages_incomplete'), 1);
  t.equal(raw.heardKinds().filter((kind) => kind === kinds.lost).length, 1, 'its sender is told');
  say(1, 2_000, whole.byteLength);
  await watch();

  say(2, 0, 1_000);
  raw.sequence++;
  say(2, 1_000, 2_000);
  say(2, 2_000, whole.byteLength);
  await clock.settle();
  t.strictSame(listener.heard.splice(0), ['x connection-lost'], 'a part was missing');
  await watch();

  say(3, 0, 1_000, 10_001);
  await clock.settle();
  t.strictSame(listener.heard.splice(0), ['x connection-lost'], 'it was to be larger than a message may be');
  say(4, 0, 2_000);
  say(5, 0, 1_000);
  say(5, 1_000, whole.byteLength);
  await clock.settle();
  t.strictSame(listener.heard, ['3000 bytes from x'], 'and one that is whole is taken');

  const junk = [
    new Uint8Array(7),
    largeFrameBytes(blob({}), [], new Uint8Array(), [1_000, 1]),
    largeFrameBytes(blob({}), [], new Uint8Array(), [0xffffffff, 0xffffffff]),
    largeFrameBytes(new Uint8Array(9)),
    largeFrameBytes(blob({}), 7),
    largeFrameBytes(blob({}), [7]),
    largeFrameBytes(blob({}), [['bytes', 11]], noise(10)),
    largeFrameBytes(blob({}), [['bytes', 9]], noise(10)),
    largeFrameBytes(blob({}), [['bytes', -1]], noise(10)),
    largeFrameBytes(blob({}), [['__proto__', 10]], noise(10)),
    largeFrameBytes(frameBytes([]), [['bytes', 10]], noise(10)),
  ];
  const malformed = a.counters.get('frames_malformed');
  for (const [i, bytes] of junk.entries())
    raw.throw('a', chunkFrameBytes(10 + i, bytes.byteLength, 0, bytes, { sequence: raw.sequence++ }));
  await clock.settle();
  t.equal(a.counters.get('frames_malformed'), malformed + junk.length, 'whatever chunks are put together to');
  await listener.actor.dispatch(() => listener.actor.end());
  await clock.advance(1_000);
  t.equal(clock.timersPending, 0);
  await raw.leave();
});

t.test('how much of a large message is under way heeds how long it takes to be acknowledged', async (t) => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork();
  const a = await startNode(t, 'a', network.transport(), { clock });
  const raw = await HandMadeNode.join(network, 'raw');
  raw.answersPings = true;
  const body = { layouts: [1, 3], features: ['chunks'], messageBytesMax: 64 * MiB, heard: true };
  raw.say('a', envelope(kinds.hello, { body }));
  await clock.settle();
  a.send(upid('q', 'raw'), Blob, { bytes: new Uint8Array(48 * MiB) });
  await clock.settle();
  let acknowledged = 0;
  const session = Number(raw.positions[0]?.split('/')[0]);
  const acknowledge = async (afterMs: number, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await clock.advance(afterMs);
      acknowledged = raw.chunkBytes;
      raw.say('a', envelope(kinds.received, { body: [session, acknowledged] }));
      await clock.settle();
    }
  };
  /** Down to a whole number: with the last chunk it may be a little more. */
  const underWay = (): number => Math.floor((raw.chunkBytes - acknowledged) / MiB);
  t.equal(underWay(), 1, 'little as long as the way is not known');
  await acknowledge(50, 5);
  t.equal(underWay(), 4, 'as much as there may be, where all goes as quickly as the first, however long the way');
  await acknowledge(52, 1);
  t.equal(underWay(), 4, 'as long as it takes little more');
  await acknowledge(56, 3);
  t.equal(underWay(), 1, 'little when it takes longer');
  await acknowledge(50, 3);
  t.ok(underWay() >= 2, 'and more again when it does not');
  // To its end: a Node that stops waits for it.
  while (raw.chunkBytes < 48 * MiB) await acknowledge(50, 1);
  await raw.leave();
});

t.test('the bytes of a frame are written over once its transport says that it has left, and not before', async (t) => {
  const network = new MemoryNetwork();
  const inner = network.transport();
  let tells = false;
  let places = new Set<ArrayBufferLike>();
  let frames = 0;
  const a = await startNode(t, 'a', {
    ...inner,
    frameBytesMax: 100_000,
    send: (node, frame, expectReceiver, left) => {
      if (left !== undefined) {
        frames++;
        places.add(frame.buffer);
      }
      const sent = inner.send(node, Uint8Array.from(frame), expectReceiver);
      if (tells) left?.();
      return sent;
    },
  });
  const echo = new Actor('peer', {
    initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)),
  });
  const pid = (await startNode(t, 'b', network.transport())).spawn(echo);
  const bytes = noise(3 * MiB);
  t.ok(same(bytes, (await a.ask(pid, Echo, { n: 1, bytes }, { deadlineMs })).bytes));
  t.equal(places.size, frames, 'every frame has a place of its own where nothing is told');
  tells = true;
  places = new Set();
  t.ok(same(bytes, (await a.ask(pid, Echo, { n: 2, bytes }, { deadlineMs })).bytes));
  t.ok(places.size <= 2, `${places.size} places where it is`);
});

t.test('between two OS processes over NATS small messages of others pass while large ones are under way', async (t) => {
  const server = await startNatsServer({ jetstream: false });
  t.teardown(() => server.stop());
  const node = await startNode(t, 'a', new NatsTransport({ servers: server.url }));
  const remote = await RemoteNode.start(t, { name: 'b', nats: server.url });
  await node.ask(remote.pid, Echo, { n: 0 }, { deadlineMs });
  const bytes = new Uint8Array(16 * MiB);
  let under = true;
  const large = Promise.all([1, 2, 3].map((n) => node.ask(remote.pid, Echo, { n, bytes }, { deadlineMs }))).then(() => {
    under = false;
  });
  const asker = new Actor('asker');
  node.spawn(asker);
  const trips: number[] = [];
  while (under) {
    const began = performance.now();
    await asker.dispatch(() => asker.request(remote.pid, Echo, { n: 9 }, { deadlineMs }));
    trips.push(performance.now() - began);
  }
  await large;
  trips.sort((x, y) => x - y);
  const p99 = trips[Math.floor(trips.length * 0.99)] ?? Number.NaN;
  t.comment(`${trips.length} round trips, p50 ${trips[trips.length >> 1]?.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
  t.ok(trips.length >= 10, 'they passed');
});
