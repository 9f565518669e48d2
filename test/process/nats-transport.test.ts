import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { type Clock, NatsTransport, Node, Random, type TransportSink, type Upid, upid } from '@mesos-ts/process';
import { connect, type Msg, type NatsConnection, type Subscription } from 'nats';
import pino from 'pino';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Echo, End, Flood, Note, Report, Throw, Watch } from './conversation.js';
import { envelope, frameBytes, kinds } from './hand-made-node.js';
import { RemoteNode } from './remote-node.js';

const deadlineMs = 10_000;
const attemptsMax = 100;

const server = await startNatsServer({ jetstream: false });
t.teardown(() => server.stop());

interface NodeParts {
  readonly cluster?: string;
  readonly silentMs?: number;
  readonly on?: NatsServer;
  readonly logLine?: (line: string) => void;
}

async function startNode(test: Test, name: string, parts: NodeParts = {}): Promise<Node> {
  const { cluster = 'mesos', silentMs = 5_000, on = server, logLine = () => undefined } = parts;
  const log = pino({ level: 'info' }, { write: logLine });
  const transports = [new NatsTransport({ servers: on.url, cluster, log })];
  const node = await Node.start({ name, transports, silentMs, log });
  test.teardown(() => node.stop());
  return node;
}

/** Asks until it is answered. An ask that fails takes a moment by itself: the second look at who is absent. */
async function reach(node: Node, pid: Upid): Promise<void> {
  let last: unknown;
  for (let attempt = 0; attempt < attemptsMax; attempt++)
    try {
      await node.ask(pid, Echo, { n: attempt }, { deadlineMs: 500 });
      return;
    } catch (error) {
      last = error;
    }
  throw new Error(`${pid} was not reached in ${attemptsMax} attempts`, { cause: last });
}

function watcherOn(node: Node): Actor {
  const watcher = new Actor(`watcher-${node.random.token(6)}`);
  node.spawn(watcher);
  return watcher;
}

/** Counts the bytes of frames that come in one turn of the event loop. */
class Metered extends NatsTransport {
  mostInTurn = 0;
  #inTurn = 0;

  override start(node: string, sink: TransportSink, clock: Clock): Promise<void> {
    const frame = (from: string, bytes: Uint8Array): void => {
      if (this.#inTurn === 0) setImmediate(() => this.#endTurn());
      this.#inTurn += bytes.byteLength;
      sink.frame(from, bytes);
    };
    return super.start(node, { ...sink, frame }, clock);
  }

  #endTurn(): void {
    this.mostInTurn = Math.max(this.mostInTurn, this.#inTurn);
    this.#inTurn = 0;
  }
}

t.test(
  'of much that comes at once, no more is read in a turn of the event loop than can be handled in a short one',
  async (t) => {
    const transport = new Metered({ servers: server.url });
    const node = await Node.start({ name: 'paced-a', transports: [transport], slowTurnMs: 60_000 });
    t.teardown(() => node.stop());
    const remote = await RemoteNode.start(t, { name: 'paced-b', nats: server.url });
    const count = 500_000;
    let came = 0;
    const sink = new Actor('sink');
    node.spawn(sink);
    const done = new Promise<void>((resolve) => {
      sink.on(Note, () => {
        // Nothing is read meanwhile: the rest gathers before our door.
        if (came === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
        if (++came === count) resolve();
      });
    });
    await sink.dispatch(() => sink.say(remote.pid, Flood, { count, perTurn: 5_000 }));
    await done;
    t.comment(`at most ${transport.mostInTurn} bytes in a turn`);
    t.ok(transport.mostInTurn >= 64 * 1024, 'there was much');
    t.ok(transport.mostInTurn <= 400 * 1024);
  },
);

t.test('50,000 messages from another OS process arrive in order, many to a frame', async (t) => {
  const node = await startNode(t, 'order-a');
  const remote = await RemoteNode.start(t, { name: 'order-b', nats: server.url });
  const count = 50_000;
  let expected = 0;
  let outOfOrder: string | undefined;
  const sink = new Actor('sink');
  node.spawn(sink);
  const done = new Promise<void>((resolve) => {
    sink.on(Note, (_from, { n }) => {
      if (n !== expected) outOfOrder ??= `${n} where ${expected} was expected`;
      if (++expected === count) resolve();
    });
  });
  const began = performance.now();
  await sink.dispatch(() => sink.say(remote.pid, Flood, { count, perTurn: 500 }));
  await done;
  t.comment(`${count} messages in ${(performance.now() - began).toFixed(0)} ms`);
  t.equal(outOfOrder, undefined);
  const { counters } = await node.ask(remote.pid, Report, {}, { deadlineMs });
  // Turns of 500 messages are 100 frames, each at most 512 messages; the program may split or join a few of them.
  t.ok((counters.frames_sent ?? 0) <= (2 * count) / 500, `${counters.frames_sent} frames`);
  t.equal(expected, count, 'and none twice');
});

t.test('kill -9 of a Node is noticed by its links within 500 ms, nine times out of ten at least', async (t) => {
  const node = await startNode(t, 'killer');
  const names = Array.from({ length: 10 }, (_, i) => `victim-${i}`);
  const victims = await Promise.all(names.map((name) => RemoteNode.start(t, { name, nats: server.url })));
  const watchers = victims.map(() => watcherOn(node));
  for (const [i, victim] of victims.entries()) {
    await watchers[i]?.dispatch(() => watchers[i]?.watch(victim.pid));
    await node.ask(victim.pid, Echo, { n: 1 }, { deadlineMs });
  }
  const figures = await Promise.all(
    victims.map(async (victim, i) => {
      // One after the other, so that they die at different moments between two probes.
      for (let round = 0; round < 10 * i; round++) await node.ask(victim.pid, Echo, { n: round }, { deadlineMs });
      const began = performance.now();
      await Promise.all([victim.kill(), watchers[i]?.exitsReach(1)]);
      return performance.now() - began;
    }),
  );
  t.strictSame(
    watchers.map(({ exits }) => exits),
    victims.map(({ pid }) => [`${pid} node-down`]),
  );
  figures.sort((a, b) => a - b);
  t.comment(`noticed after ${figures.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  t.ok((figures.at(-2) ?? Number.NaN) < 500, `the slowest but one took ${figures.at(-2)?.toFixed(0)} ms`);
  t.ok((figures.at(-1) ?? Number.NaN) < 1_000, `the slowest took ${figures.at(-1)?.toFixed(0)} ms`);
});

t.test('a process that ends or fails elsewhere is told at once, while its Node lives on', async (t) => {
  const node = await startNode(t, 'ends-a');
  for (const [name, word, reason] of [
    ['ends-b', End, 'ended'],
    ['ends-c', Throw, 'failed'],
  ] as const) {
    const remote = await RemoteNode.start(t, { name, nats: server.url });
    const watcher = watcherOn(node);
    await watcher.dispatch(() => {
      watcher.watch(remote.pid);
      watcher.say(remote.pid, word, {});
    });
    await watcher.exitsReach(1);
    await watcher.dispatch(() => watcher.watch(remote.pid));
    await watcher.exitsReach(2);
    t.strictSame(watcher.exits, [`${remote.pid} ${reason}`, `${remote.pid} absent`]);
    await t.rejects(node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  }
});

t.test('a Node that is frozen is node-silent, keeps its name, and is told of it when it thaws', async (t) => {
  const node = await startNode(t, 'freezer', { silentMs: 1_000 });
  const remote = await RemoteNode.start(t, { name: 'frozen', nats: server.url });
  const watcher = watcherOn(node);
  await watcher.dispatch(() => {
    watcher.watch(remote.pid);
    watcher.say(remote.pid, Watch, {});
  });
  await node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
  const exited = watcher.exitsReach(1);
  const began = performance.now();
  remote.signal('SIGSTOP');
  const taken = t.rejects(startNode(t, 'frozen'), { code: 'NAME', message: /a Node named frozen is already/ });
  await exited;
  t.strictSame(watcher.exits, [`${remote.pid} node-silent`]);
  const tookMs = performance.now() - began;
  t.ok(tookMs > 900 && tookMs < 3_000, `after ${tookMs.toFixed(0)} ms`);
  await taken;
  remote.signal('SIGCONT');
  await reach(node, remote.pid);
  const { exits } = await node.ask(remote.pid, Report, {}, { deadlineMs });
  t.strictSame(exits, [`${watcher.pid} connection-lost`], 'its own link to us had been forgotten meanwhile');
});

t.test('a name that is taken is refused, and free again after the end of its holder', async (t) => {
  const first = await startNode(t, 'taken');
  const began = performance.now();
  await t.rejects(startNode(t, 'taken'), {
    code: 'NAME',
    message: /a Node named taken is already in the cluster mesos/,
  });
  t.ok(performance.now() - began < 1_500, 'its holder says so, nobody waits');
  const other = await startNode(t, 'other');
  first.spawn(new Actor('p'));
  const watcher = watcherOn(other);
  await watcher.dispatch(() => watcher.watch(upid('p', 'taken')));
  await t.rejects(other.ask(upid('nobody', 'taken'), Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  t.strictSame(watcher.exits, [], 'the attempt did no harm to the holder');
  await first.stop();
  await startNode(t, 'taken');
});

t.test('of several that start at once under one name exactly one does, and the others say why not', async (t) => {
  for (let round = 0; round < 50; round++) {
    const name = `twin-${round}`;
    const starts = Array.from({ length: 2 + (round % 4) }, () => startNode(t, name));
    const outcomes = await Promise.allSettled(starts);
    const nodes = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (nodes.length !== 1) t.fail(`${nodes.length} of ${starts.length} are ${name}`);
    t.match(
      errors,
      errors.map(() => ({ code: 'NAME', message: /already in the cluster/ })),
    );
  }
});

/** A client that knows nothing of Nodes but how they ask for a name. */
class Rival {
  readonly #heard: string[] = [];
  #waiting: ((text: string) => void) | undefined;

  private constructor(
    readonly connection: NatsConnection,
    private readonly name: string,
  ) {}

  static async connect(test: Test, name: string): Promise<Rival> {
    const connection = await connect({ servers: server.url, noEcho: true });
    test.teardown(() => connection.close());
    return new Rival(connection, name);
  }

  /** What tells which connection is older. */
  get id(): string {
    return `${this.connection.info?.server_id}/${this.connection.info?.client_id}`;
  }

  /** Where answers are given. */
  get inbox(): string {
    return `mesos.${this.name}.i.${this.name}`;
  }

  async subscribe(subject: string): Promise<Subscription> {
    const callback = (_error: unknown, message: Msg): void => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting === undefined) this.#heard.push(message.string());
      else waiting(message.string());
    };
    const subscription = this.connection.subscribe(subject, { callback });
    await this.connection.flush();
    return subscription;
  }

  ask(question: string): void {
    this.connection.publish(`mesos.${this.name}.${this.name}`, question, { reply: this.inbox });
  }

  /** What comes next. */
  async hears(): Promise<string> {
    const text = this.#heard.shift();
    if (text !== undefined) return text;
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}

t.test('who has a name lets nobody else have it, not even an older connection, or an older build', async (t) => {
  const older = await Rival.connect(t, 'kept');
  await startNode(t, 'kept');
  await older.subscribe(older.inbox);
  older.ask(`claim ${older.id}`);
  t.equal(await older.hears(), `taken ${older.id}`);
  older.ask('');
  t.equal(await older.hears(), 'taken ', 'older builds ask with nothing, and take any answer for a no');
  // They answer with nothing, too.
  const grey = await Rival.connect(t, 'grey');
  grey.connection.subscribe('mesos.grey.>', { callback: (_error, message) => void message.respond() });
  await grey.connection.flush();
  const began = performance.now();
  await t.rejects(startNode(t, 'grey'), { code: 'NAME' });
  t.ok(performance.now() - began < 1_500, 'its answer is understood, nobody waits');
});

t.test('of two that want a name and do not have it yet, the one whose connection is older goes first', async (t) => {
  const older = await Rival.connect(t, 'rivals');
  const there = await older.subscribe('mesos.rivals.>');
  const starting = startNode(t, 'rivals');
  const question = await older.hears();
  t.match(question, /^claim .*\/[0-9]+$/);
  older.ask(`claim ${older.id}`);
  t.equal(await older.hears(), `contested ${older.id}`);
  const newer = await Rival.connect(t, 'rivals');
  newer.ask(`claim ${newer.id}`);
  t.equal(await older.hears(), `claim ${newer.id}`);
  t.equal(await older.hears(), `taken ${newer.id}`);
  // It thinks better of it.
  older.connection.publish(older.inbox, question.replace('claim', 'contested'));
  there.unsubscribe();
  t.equal((await starting).name, 'rivals');
});

t.test('what comes to a Node that has not got its name yet is not answered, and not lost if it gets it', async (t) => {
  const other = await startNode(t, 'asker');
  for (const [answer, outcome, within] of [
    ['taken', 'TIMED_OUT', 300],
    ['contested', 'NO_SUCH_PROCESS', deadlineMs],
  ] as const) {
    const name = `early-${answer}`;
    const rival = await Rival.connect(t, name);
    const there = await rival.subscribe(`mesos.${name}.>`);
    const starting = startNode(t, name).then(
      () => 'contested',
      () => 'taken',
    );
    const question = await rival.hears();
    const asked = t.rejects(other.ask(upid('nobody', name), Echo, { n: 1 }, { deadlineMs: within }), { code: outcome });
    // What was asked, of which the Node has got a copy.
    await rival.hears();
    rival.connection.publish(rival.inbox, question.replace('claim', answer));
    if (answer === 'contested') there.unsubscribe();
    t.equal(await starting, answer);
    await asked;
  }
});

t.test('where no server answers, the error names the address and says what to do', async (t) => {
  const gone = await startNatsServer({ jetstream: false });
  await gone.stop();
  await t.rejects(startNode(t, 'lonely', { on: gone }), {
    code: 'TRANSPORT',
    retryable: true,
    message: new RegExp(`no NATS server answers at ${gone.url}: start one`),
  });
  t.throws(() => new NatsTransport({ cluster: 'a.b' }), { code: 'NAME' });
  t.throws(() => new NatsTransport({ cluster: '*' }), { code: 'NAME' });
});

t.test('a server that restarts breaks links on both sides, and nothing comes twice or out of order', async (t) => {
  const mortal = await startNatsServer({ jetstream: false });
  const logged: string[] = [];
  let reconnected = (): void => undefined;
  const isBack = new Promise<void>((resolve) => {
    reconnected = resolve;
  });
  const node = await startNode(t, 'restart-a', {
    on: mortal,
    logLine: (line) => {
      logged.push(line);
      if (line.includes('reconnected to the NATS server')) reconnected();
    },
  });
  const remote = await RemoteNode.start(t, { name: 'restart-b', nats: mortal.url });
  const watcher = watcherOn(node);
  let last = -1;
  let disorder: string | undefined;
  let missing = 0;
  let arrived = (): void => undefined;
  watcher.on(Note, (_from, { n }) => {
    if (n <= last) disorder ??= `${n} after ${last}`;
    missing += n - last - 1;
    last = n;
    arrived();
  });
  const more = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const target = last + count;
      arrived = () => last >= target && resolve();
    });
  await watcher.dispatch(() => {
    watcher.watch(remote.pid);
    watcher.say(remote.pid, Watch, {});
    watcher.say(remote.pid, Flood, { count: 0, perTurn: 10 });
  });
  await more(200);
  t.equal(missing, 0);
  const exited = watcher.exitsReach(1);
  mortal.kill('SIGKILL');
  await mortal.exited;
  await exited;
  t.strictSame(watcher.exits, [`${remote.pid} connection-lost`]);
  const before = performance.now();
  await t.rejects(node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
  t.ok(performance.now() - before < 500, 'known at once');
  node.send(remote.pid, Note, { n: 1 });

  const again = await startNatsServer({ jetstream: false, port: mortal.port });
  t.teardown(() => again.stop());
  await isBack;
  await reach(node, remote.pid);
  await more(200);
  t.equal(disorder, undefined);
  t.ok(missing > 0, `${missing} messages went missing, as at most once allows`);
  t.ok(node.counters.get('messages_unsent') >= 2, 'what could not leave was counted');
  const { exits } = await node.ask(remote.pid, Report, {}, { deadlineMs });
  t.ok(exits.length >= 1, 'the other side was told too');
  // Who is back first may look for the other a moment too early.
  for (const exit of exits) t.match(exit, /^watcher-.* (connection-lost|node-down)$/);

  // The first link may fall to the news that the other side began anew; before long one holds.
  const hold = async (): Promise<void> => {
    await watcher.dispatch(() => watcher.watch(remote.pid));
    await reach(node, remote.pid);
  };
  await hold();
  await hold();
  const sofar = watcher.exits.length;
  await watcher.dispatch(() => watcher.say(remote.pid, End, {}));
  await watcher.exitsReach(sofar + 1);
  t.equal(watcher.exits.at(-1), `${remote.pid} ended`);
  t.ok(logged.some((line) => line.includes('disconnected from the NATS server')));
});

t.test('junk that anyone publishes on the subjects of a Node harms nothing', async (t) => {
  const node = await startNode(t, 'junked');
  const remote = await RemoteNode.start(t, { name: 'junk-peer', nats: server.url });
  const watcher = watcherOn(node);
  await watcher.dispatch(() => watcher.watch(remote.pid));
  await node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
  const junk = await connect({ servers: server.url });
  t.teardown(() => junk.close());
  const random = new Random('junk');
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));
  const malformed = [new Uint8Array(0), bytes(1), bytes(100), bytes(10_000), new Uint8Array(1024 * 1024).fill(0xdd)];
  const wellFormed = frameBytes([envelope(kinds.send, { to: 'taker', from: 'x', name: 'Note', body: { n: 1 } })]);
  let taken = 0;
  node.spawn(new Actor('taker', { initialize: (self) => void self.on(Note, () => void taken++) }));
  for (const payload of malformed) {
    junk.publish('mesos.junked.stranger', payload);
    junk.publish('mesos.junked.junk-peer', payload, { reply: 'mesos.junked.junk-peer' });
  }
  for (const subject of [
    'mesos.junked.i.junk-peer',
    'mesos.junked.i.i.i',
    'mesos.junked.a.b.c.d',
    'mesos.junked.junked',
    'mesos.junked.i.junked',
    'mesos.junked.sp%ce',
    `mesos.junked.${'x'.repeat(65)}`,
  ])
    for (const payload of [...malformed, wellFormed]) junk.publish(subject, payload, { reply: 'mesos.junked.nowhere' });
  for (let i = 0; i < 2_000; i++) junk.publish(`mesos.junked.s${i % 10}`, bytes(random.integer(200)));
  await junk.flush();
  await reach(node, remote.pid);
  t.strictSame(watcher.exits, [], 'the link holds');
  t.equal(taken, 0, 'a frame under a subject that names no sender is not taken');
  t.ok(node.counters.get('frames_malformed') >= 2_000, `${node.counters.get('frames_malformed')} malformed`);
  const bystander = await startNode(t, 'bystander');
  node.spawn(
    new Actor('echo', { initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)) }),
  );
  t.match(await bystander.ask(upid('echo', 'junked'), Echo, { n: 7 }, { deadlineMs }), { n: 7 });
});

t.test('a handler that throws leaves the reader of the connection alive', async (t) => {
  const node = await startNode(t, 'thrower');
  const other = await startNode(t, 'thrown-at');
  for (let i = 0; i < 3; i++) {
    const pid = node.spawn(
      new Actor('fragile', {
        initialize: (self) =>
          void self.on(Echo, () => {
            throw new Error('boom');
          }),
      }),
    );
    await t.rejects(other.ask(pid, Echo, { n: i }, { deadlineMs }), { code: 'REFUSED' });
  }
  t.equal(node.counters.get('processes_failed'), 3);
});

t.test('two clusters on one server do not meet', async (t) => {
  const [blue, red, other] = [
    await startNode(t, 'same', { cluster: 'blue' }),
    await startNode(t, 'same', { cluster: 'red' }),
    await startNode(t, 'other', { cluster: 'blue' }),
  ];
  red.spawn(new Actor('only-red'));
  const inBlue = blue.spawn(
    new Actor('echo', { initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)) }),
  );
  t.match(await other.ask(inBlue, Echo, { n: 1 }, { deadlineMs }), { n: 1 });
  await t.rejects(other.ask(upid('only-red', 'same'), Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_PROCESS' });
  await t.rejects(red.ask(upid('p', 'other'), Echo, { n: 1 }, { deadlineMs }), { code: 'NO_SUCH_NODE' });
});
