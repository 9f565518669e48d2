import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import {
  type Clock,
  NatsTransport,
  type NatsTransportOptions,
  Node,
  type ReplyOf,
  type RuntimeEvent,
  type RuntimeEventCode,
  SystemClock,
  type Upid,
  VirtualClock,
} from '@mesos-ts/process';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Blob, Block, Echo, Note, Report } from './conversation.js';
import { FlakyConnection } from './flaky-connection.js';
import { RemoteNode } from './remote-node.js';

const deadlineMs = 10_000;
const server = await startNatsServer({ jetstream: false });
t.teardown(() => server.stop());

/** A Node behind a connection that can be broken, and one beside it, with a process that notes what comes. */
class Stage {
  readonly got: number[] = [];
  readonly events: RuntimeEvent[] = [];
  #waiters: { code: RuntimeEventCode; resolve: () => void }[] = [];
  #reached: { n: number; resolve: () => void } | undefined;
  watcher = new Actor('watcher');
  receiver = '' as Upid;

  private constructor(
    readonly node: Node,
    readonly flaky: FlakyConnection,
  ) {
    node.events.subscribe((event) => {
      this.events.push(event);
      for (const waiter of this.#waiters) if (waiter.code === event.code) waiter.resolve();
    });
  }

  static async set(test: Test, name: string, options: NatsTransportOptions = {}, clock?: Clock): Promise<Stage> {
    const flaky = await FlakyConnection.to(test, server.port);
    const transports = [new NatsTransport({ servers: flaky.url, ...options })];
    const node = await Node.start({ name, transports, ...(clock === undefined ? {} : { clock }) });
    const beside = await Node.start({ name: `${name}-b`, transports: [new NatsTransport({ servers: server.url })] });
    test.teardown(async () => {
      flaky.restore();
      await node.stop();
      await beside.stop();
    });
    const stage = new Stage(node, flaky);
    stage.receiver = beside.spawn(
      new Actor('receiver', {
        initialize: (self) => {
          self.on(Note, (_from, { n }) => stage.#take(n));
          self.on(Blob, (_from, { bytes }) => stage.#take(bytes[0] ?? -1));
          self.on(Echo, (_from, body) => self.answer(Echo.replyType, body));
        },
      }),
    );
    node.spawn(stage.watcher);
    await stage.watcher.dispatch(() => stage.watcher.watch(stage.receiver));
    await node.ask(stage.receiver, Echo, { n: 0 }, { deadlineMs });
    return stage;
  }

  /** Resolves once the next event of this kind comes. */
  event(code: RuntimeEventCode): Promise<void> {
    return new Promise((resolve) => this.#waiters.push({ code, resolve }));
  }

  comes(n: number): Promise<void> {
    if (this.got.includes(n)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#reached = { n, resolve };
    });
  }

  note(n: number): void {
    this.node.send(this.receiver, Note, { n });
  }

  /** Cuts the connection; resolves when that is known here. */
  async cut(): Promise<void> {
    const exits = this.watcher.exits.length;
    this.flaky.cut();
    await this.watcher.exitsReach(exits + 1);
  }

  #take(n: number): void {
    this.got.push(n);
    if (this.#reached?.n === n) this.#reached.resolve();
  }
}

/** Asks until it is answered, so that the connection is known to be back. */
async function reach(stage: Stage): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++)
    try {
      await stage.node.ask(stage.receiver, Echo, { n: attempt }, { deadlineMs: 500 });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  throw new Error('the connection did not come back');
}

t.test('by default what is sent while disconnected is refused: counted, told, and not sent later', async (t) => {
  const stage = await Stage.set(t, 'refuses');
  await stage.cut();
  t.strictSame(stage.watcher.exits, [`${stage.receiver} connection-lost`]);
  stage.note(1);
  await t.rejects(stage.node.ask(stage.receiver, Echo, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
  t.ok(stage.node.counters.get('messages_unsent') >= 2);
  stage.flaky.restore();
  await reach(stage);
  stage.note(2);
  await stage.comes(2);
  t.strictSame(stage.got, [2]);
});

t.test('where asked to, it is held and sent in order, before anything new', async (t) => {
  const stage = await Stage.set(t, 'holds', { whileDisconnected: { hold: { bytes: 1_000_000, ms: 60_000 } } });
  await stage.cut();
  // Each in a turn of its own, so that there is an order of frames to keep.
  for (let n = 0; n < 100; n++) {
    stage.note(n);
    await Promise.resolve();
  }
  const asked = stage.node.ask(stage.receiver, Echo, { n: 7 }, { deadlineMs });
  stage.flaky.restore();
  t.match(await asked, { n: 7 }, 'an ask waits for the connection, too');
  stage.note(100);
  await stage.comes(100);
  t.strictSame(stage.got, [...Array(101).keys()]);
  t.equal(stage.node.counters.get('messages_unsent') + stage.node.counters.get('frames_unsent'), 0);
});

t.test(
  'what is held is bounded: beyond the bytes it is refused, after the time it is dropped and breaks the links',
  async (t) => {
    const stage = await Stage.set(t, 'bounded', { whileDisconnected: { hold: { bytes: 10_000, ms: 300 } } });
    await stage.cut();
    const dropped = stage.event('FRAMES_UNSENT');
    stage.note(1);
    await Promise.resolve();
    stage.node.send(stage.receiver, Blob, { bytes: new Uint8Array(20_000) });
    await Promise.resolve();
    t.equal(stage.node.counters.get('messages_unsent'), 1, 'too many bytes');
    await stage.watcher.dispatch(() => stage.watcher.watch(stage.receiver));
    await dropped;
    t.ok(stage.node.counters.get('frames_unsent') >= 2, 'too long');
    await stage.watcher.exitsReach(2);
    t.strictSame(stage.watcher.exits.slice(1), [`${stage.receiver} connection-lost`]);
    stage.note(2);
    await Promise.resolve();
    t.equal(stage.node.counters.get('messages_unsent'), 2, 'nothing is held any more');
    stage.flaky.restore();
    await reach(stage);
    stage.note(3);
    await stage.comes(3);
    t.strictSame(stage.got, [3]);
  },
);

t.test('a server that takes nothing is written no more than a bound; what was accepted arrives in order', async (t) => {
  const stage = await Stage.set(t, 'dammed');
  stage.flaky.dam();
  const count = 200;
  const blob = (n: number): Uint8Array => new Uint8Array(500_000).fill(n);
  const refused: number[] = [];
  for (let n = 0; n < count; n++) {
    const before = stage.node.counters.get('messages_unsent');
    stage.node.send(stage.receiver, Blob, { bytes: blob(n) });
    await Promise.resolve();
    if (stage.node.counters.get('messages_unsent') > before) refused.push(n);
  }
  t.ok(refused.length > 40 && refused.length < 100, `${refused.length} of 200 half megabytes were refused`);
  stage.flaky.flow();
  const accepted = [...Array(count).keys()].filter((n) => !refused.includes(n));
  await stage.comes(accepted.at(-1) ?? -1);
  t.strictSame(stage.got, accepted);
  await stage.watcher.exitsReach(1);
  t.strictSame(
    stage.watcher.exits,
    [`${stage.receiver} connection-lost`],
    'its links are told that something is missing',
  );
});

t.test('a connection from which nothing comes any more is noticed, told and made anew', async (t) => {
  const system = new SystemClock();
  const clock: Clock = {
    now: () => system.now() * 20,
    wallTime: () => system.wallTime(),
    timer: (delayMs, callback) => system.timer(delayMs / 20, callback),
    nextTurn: (callback) => system.nextTurn(callback),
  };
  const connection = { pingInterval: 600_000 };
  const stage = await Stage.set(t, 'muted', { connection }, clock);
  const stuck = stage.event('CONNECTION_STUCK');
  stage.flaky.mute();
  await stuck;
  await reach(stage);
  stage.note(1);
  await stage.comes(1);
});

t.test(
  'a Node that does not read is cut off by the server, which is told where the server tells of connections, and there too',
  async (t) => {
    const strict = await startNatsServer({
      jetstream: false,
      config: `${accounts('slow')}\nmax_pending: 1048576\nwrite_deadline: "1s"`,
    });
    t.teardown(() => strict.stop());
    const remote = await RemoteNode.start(t, { name: 'reader', nats: strict.url, cluster: 'slow' });
    const node = await listening(t, strict, 'writer', 'slow');
    const slow = new Promise<RuntimeEvent>((resolve) => {
      node.events.subscribe((event) => event.code === 'SLOW_CONSUMER' && resolve(event));
    });
    await node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
    node.send(remote.pid, Block, { ms: 1_500 });
    for (let n = 0; n < 40; n++) node.send(remote.pid, Blob, { bytes: new Uint8Array(500_000) });
    t.match(await slow, { node: 'reader' });
    remote.unblock();
    const report = await reported(node, remote.pid);
    t.equal(report.counters.slow_consumers, 1, 'it knows by itself, when it is back');
  },
);

t.test('a lost connection is put down to a stall of our own until the server has answered since', async (t) => {
  const clock = new VirtualClock();
  const now = clock.now.bind(clock);
  let stalledMs = 0;
  clock.now = () => now() + stalledMs;
  const stage = await Stage.set(t, 'stalled', {}, clock);
  const slow = (): RuntimeEvent[] => stage.events.filter(({ code }) => code === 'SLOW_CONSUMER');
  stage.flaky.mute();
  stalledMs += 5_000;
  await clock.advance(2_500);
  await stage.cut();
  t.match(slow(), [{ node: 'stalled' }], 'it had nothing to say since');
  stage.flaky.restore();
  await reach(stage);
  await clock.advance(1_500);
  await reach(stage);
  await stage.watcher.dispatch(() => stage.watcher.watch(stage.receiver));
  await reach(stage);
  await stage.cut();
  t.equal(slow().length, 1, 'it has answered since');
});

t.test('where the server tells of connections, kill -9 is known without a probe', async (t) => {
  const telling = await startNatsServer({ jetstream: false, config: accounts('told') });
  t.teardown(() => telling.stop());
  const node = await listening(t, telling, 'listener', 'told', 60_000);
  const took: number[] = [];
  for (let round = 0; round < 10; round++) {
    const remote = await RemoteNode.start(t, { name: `victim-${round}`, nats: telling.url, cluster: 'told' });
    const watcher = new Actor(`watcher-${round}`);
    node.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(remote.pid));
    await node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
    const began = performance.now();
    await Promise.all([remote.kill(), watcher.exitsReach(1)]);
    took.push(performance.now() - began);
    t.strictSame(watcher.exits, [`${remote.pid} node-down`]);
  }
  took.sort((a, b) => a - b);
  t.comment(`after ${took.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  t.ok((took.at(-1) ?? Number.NaN) < 2_000, 'far sooner than the next probe');
});

t.test('whoever says that a living Node has gone is not believed', async (t) => {
  const telling = await startNatsServer({ jetstream: false, config: accounts('lied') });
  t.teardown(() => telling.stop());
  const node = await listening(t, telling, 'believer', 'lied');
  const other = await Node.start({
    name: 'alive',
    transports: [new NatsTransport({ servers: telling.url, cluster: 'lied' })],
  });
  t.teardown(() => other.stop());
  const pid = other.spawn(
    new Actor('echo', { initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)) }),
  );
  const watcher = new Actor('watcher');
  node.spawn(watcher);
  await watcher.dispatch(() => watcher.watch(pid));
  await node.ask(pid, Echo, { n: 1 }, { deadlineMs });
  const { connect } = await import('nats');
  const liar = await connect({ servers: telling.url });
  t.teardown(() => liar.close());
  for (let id = 0; id < 20; id++)
    liar.publish(
      'lied.conn.DISCONNECT',
      JSON.stringify({ server: { id: liar.info?.server_id }, client: { id }, reason: 'Client Closed' }),
    );
  for (const junk of ['', 'junk', '{}', '7', 'null', '{"server":7,"client":[]}'])
    liar.publish('lied.conn.DISCONNECT', junk);
  await liar.flush();
  for (let n = 0; n < 3; n++) await node.ask(pid, Echo, { n }, { deadlineMs });
  t.strictSame(watcher.exits, []);
});

/** Makes a server tell the clients of a cluster of each other's connections. */
function accounts(cluster: string): string {
  return `
accounts {
  SYS { users: [{user: sys, password: sys}], exports: [{stream: "$SYS.ACCOUNT.ALL.*", accounts: [ALL]}] }
  ALL {
    users: [{user: all, password: all}]
    imports: [{stream: {account: SYS, subject: "$SYS.ACCOUNT.ALL.*"}, to: "${cluster}.conn.*"}]
  }
}
system_account: SYS
no_auth_user: all`;
}

/** What a Node says of itself, once it is back. */
async function reported(node: Node, pid: Upid): Promise<ReplyOf<typeof Report>> {
  for (;;)
    try {
      return await node.ask(pid, Report, {}, { deadlineMs: 500 });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
}

async function listening(test: Test, on: NatsServer, name: string, cluster: string, probeMs = 125): Promise<Node> {
  const transports = [new NatsTransport({ servers: on.url, cluster, connectionEvents: true })];
  const node = await Node.start({ name, transports, probeMs });
  test.teardown(() => node.stop());
  return node;
}
