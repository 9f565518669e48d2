import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  MemoryNetwork,
  Node,
  Random,
  SocketClientTransport,
  SocketServerTransport,
  type Transport,
  upid,
} from '@mesos-ts/process';
import t, { type Test } from 'tap';
import { Actor } from './actor.js';
import { Blob, Echo, Flood, Note } from './conversation.js';
import { envelope, frameBytes, kinds } from './hand-made-node.js';
import { RemoteNode } from './remote-node.js';

const deadlineMs = 10_000;
const folder = mkdtempSync(join(tmpdir(), 'socket-'));
t.teardown(() => rmSync(folder, { recursive: true }));

let paths = 0;
const freshPath = (): string => join(folder, `${paths++}.sock`);

async function startNode(test: Test, name: string, ...transports: Transport[]): Promise<Node> {
  const node = await Node.start({ name, transports });
  test.teardown(() => node.stop());
  return node;
}

function echo(id = 'echo'): Actor {
  return new Actor(id, {
    initialize: (self) => void self.on(Echo, (_from, body) => self.answer(Echo.replyType, body)),
  });
}

function spawned(node: Node, id: string): Actor {
  const actor = new Actor(id);
  node.spawn(actor);
  return actor;
}

/** A frame behind its length, as the socket has it. */
function behindLength(bytes: Uint8Array, length = bytes.byteLength): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return Buffer.concat([head, bytes]);
}

/** Connects, says what is given, and resolves when the other side has hung up. */
async function sayAndBeCutOff(path: string, ...parts: Uint8Array[]): Promise<void> {
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.resume();
  const closed = once(socket, 'close');
  for (const part of parts) socket.write(part);
  await closed;
}

t.test('an agent and its executor talk both ways, links and asks included', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const executor = await startNode(t, 'executor', new SocketClientTransport(path));
  const [agentEcho, executorEcho] = [agent.spawn(echo()), executor.spawn(echo())];
  t.match(await executor.ask(agentEcho, Echo, { n: 1 }, { deadlineMs }), { n: 1 });
  t.match(await agent.ask(executorEcho, Echo, { n: 2 }, { deadlineMs }), { n: 2 });
  const watchers = [spawned(agent, 'watcher'), spawned(executor, 'watcher')] as const;
  await watchers[0].dispatch(() => watchers[0].watch(executorEcho));
  await watchers[1].dispatch(() => watchers[1].watch(agentEcho));
  // An answer means that the links before it have arrived.
  await executor.ask(agentEcho, Echo, { n: 1 }, { deadlineMs });
  await agent.ask(executorEcho, Echo, { n: 2 }, { deadlineMs });
  agent.terminate(agentEcho);
  executor.terminate(executorEcho);
  await Promise.all(watchers.map((watcher) => watcher.exitsReach(1)));
  t.strictSame(watchers[0].exits, [`${executorEcho} ended`]);
  t.strictSame(watchers[1].exits, [`${agentEcho} ended`]);
});

t.test('50,000 messages from another OS process arrive in order', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const remote = await RemoteNode.start(t, { name: 'executor', connect: path });
  const count = 50_000;
  let expected = 0;
  let disorder: string | undefined;
  const sink = spawned(agent, 'sink');
  const done = new Promise<void>((resolve) => {
    sink.on(Note, (_from, { n }) => {
      if (n !== expected) disorder ??= `${n} where ${expected} was expected`;
      if (++expected === count) resolve();
    });
  });
  await sink.dispatch(() => sink.say(remote.pid, Flood, { count, perTurn: 500 }));
  await done;
  t.equal(disorder, undefined);
});

t.test('frames of 8 MiB arrive whole, both ways at once, and what follows them too', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const remote = await RemoteNode.start(t, { name: 'executor', connect: path });
  const random = new Random('large');
  const bytes = Uint8Array.from({ length: 8 * 1024 * 1024 }, () => random.integer(256));
  const answers = await Promise.all(
    [0, 1, 2].flatMap((n) => [
      agent.ask(remote.pid, Echo, { n, bytes }, { deadlineMs }),
      agent.ask(remote.pid, Echo, { n: n + 100 }, { deadlineMs }),
    ]),
  );
  t.strictSame(
    answers.map(({ n }) => n),
    [0, 100, 1, 101, 2, 102],
  );
  for (const { bytes: back } of answers)
    if (back !== undefined) t.ok(Buffer.from(bytes).equals(back), `${back.byteLength} bytes`);
});

t.test('frames are found in the stream however it is cut', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const got: number[] = [];
  let reach = (): void => undefined;
  const sink = spawned(agent, 'sink');
  sink.on(Note, (_from, { n }) => {
    got.push(n);
    reach();
  });
  const notes = Array.from({ length: 200 }, (_, n) =>
    behindLength(
      frameBytes([envelope(kinds.send, { to: 'sink', from: 'x', name: 'Note', body: { n } })], { sequence: n }),
    ),
  );
  const stream = Buffer.concat([behindLength(Buffer.from('by-hand')), ...notes]);
  const done = new Promise<void>((resolve) => {
    reach = () => got.length === 200 && resolve();
  });
  const socket = connect(path);
  const random = new Random('cuts');
  for (let at = 0; at < stream.length; ) {
    const length = 1 + random.integer(random.integer(4) === 0 ? 500 : 5);
    await new Promise((resolve) => socket.write(stream.subarray(at, at + length), resolve));
    // Let the other end read just that.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    at += length;
  }
  await done;
  t.strictSame(got, [...Array(200).keys()]);
  socket.destroy();
});

t.test('kill -9 of an executor is told within 200 ms, and its name may be used again', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const figures: number[] = [];
  for (let round = 0; round < 3; round++) {
    const remote = await RemoteNode.start(t, { name: 'executor', connect: path });
    const watchers = [spawned(agent, `watcher-${round}`), spawned(agent, `other-${round}`)];
    for (const watcher of watchers) await watcher.dispatch(() => watcher.watch(remote.pid));
    await agent.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
    const began = performance.now();
    await Promise.all([remote.kill(), ...watchers.map((watcher) => watcher.exitsReach(1))]);
    figures.push(performance.now() - began);
    for (const watcher of watchers) t.strictSame(watcher.exits, [`${remote.pid} node-down`]);
    await t.rejects(agent.ask(remote.pid, Echo, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
  }
  t.comment(`told after ${figures.map((ms) => ms.toFixed(1)).join(', ')} ms`);
  t.ok(Math.max(...figures) < 200);
});

t.test('kill -9 of the agent is told to the executor, whose words then go nowhere', async (t) => {
  const path = freshPath();
  const remote = await RemoteNode.start(t, { name: 'agent', listen: path });
  const executor = await startNode(t, 'executor', new SocketClientTransport(path));
  const watcher = spawned(executor, 'watcher');
  await watcher.dispatch(() => watcher.watch(remote.pid));
  await executor.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
  await Promise.all([remote.kill(), watcher.exitsReach(1)]);
  t.strictSame(watcher.exits, [`${remote.pid} node-down`]);
  executor.send(remote.pid, Note, { n: 1 });
  await t.rejects(executor.ask(remote.pid, Echo, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
  await watcher.dispatch(() => watcher.watch(remote.pid));
  await watcher.exitsReach(2);
  t.strictSame(watcher.exits.slice(1), [`${remote.pid} absent`], 'a link made too late is told at once');
});

t.test('an executor reaches its agent and nobody else', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const executor = await startNode(t, 'executor', new SocketClientTransport(path));
  agent.spawn(echo());
  const watcher = spawned(executor, 'watcher');
  await watcher.dispatch(() => watcher.watch(upid('echo', 'elsewhere')));
  await watcher.exitsReach(1);
  t.strictSame(watcher.exits, ['echo@elsewhere absent']);
  await t.rejects(executor.ask(upid('echo', 'elsewhere'), Echo, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
  t.match(await executor.ask(upid('echo', 'agent'), Echo, { n: 1 }, { deadlineMs }), { n: 1 });
});

t.test('junk on the socket is cut off and harms nobody', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const remote = await RemoteNode.start(t, { name: 'executor', connect: path });
  const watcher = spawned(agent, 'watcher');
  await watcher.dispatch(() => watcher.watch(remote.pid));
  await agent.ask(remote.pid, Echo, { n: 1 }, { deadlineMs });
  const name = (text: string): Buffer => behindLength(Buffer.from(text));
  const random = new Random('junk on the socket');
  const fromWatched = behindLength(
    frameBytes([envelope(kinds.exited, { from: 'peer', name: 'ended', body: '' })], { incarnation: 'thief' }),
  );
  const cases: Record<string, Uint8Array[]> = {
    'random bytes': [Uint8Array.from({ length: 10_000 }, () => random.integer(256))],
    'an absurd length': [behindLength(Buffer.from('x'), 2 ** 32 - 1)],
    'an absurd length behind a good name': [name('liar'), behindLength(Buffer.from('x'), 2 ** 32 - 1)],
    'a name as long as a frame': [behindLength(Buffer.alloc(0), 1024 * 1024)],
    'an empty name': [name('')],
    'a bad name': [name('a.b')],
    'the name of the agent': [name('agent'), fromWatched],
    'the name of another executor': [name('executor'), fromWatched],
  };
  for (const [what, parts] of Object.entries(cases)) {
    await sayAndBeCutOff(path, ...parts);
    t.match(await agent.ask(remote.pid, Echo, { n: 2 }, { deadlineMs }), { n: 2 }, what);
    t.strictSame(watcher.exits, [], what);
  }
  // What comes whole and is no frame is dropped and counted; whoever sent it may go on.
  const socket = connect(path);
  socket.write(name('scribbler'));
  for (let i = 0; i < 100; i++)
    socket.write(behindLength(Uint8Array.from({ length: random.integer(100) }, () => random.integer(256))));
  const said = behindLength(
    frameBytes([envelope(kinds.ask, { to: 'echo', from: 'x', name: 'Echo', body: { n: 1 }, ask: 1 })]),
  );
  agent.spawn(echo());
  socket.write(said);
  await once(socket, 'data');
  t.ok(agent.counters.get('frames_malformed') >= 90, `${agent.counters.get('frames_malformed')} malformed`);
  socket.destroy();
});

t.test('a Node of another transport cannot be impersonated over the socket', async (t) => {
  const path = freshPath();
  const network = new MemoryNetwork();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path), network.transport());
  const master = await startNode(t, 'master', network.transport());
  const masterEcho = master.spawn(echo());
  const got: string[] = [];
  const watcher = spawned(agent, 'watcher');
  watcher.on(Note, (from) => void got.push(from));
  await watcher.dispatch(() => watcher.watch(masterEcho));
  await agent.ask(masterEcho, Echo, { n: 1 }, { deadlineMs });
  const impostor = await startNode(t, 'master', new SocketClientTransport(path));
  impostor.send(upid('watcher', 'agent'), Note, { n: 1 });
  await impostor.stop();
  for (let turn = 0; turn < 1_000_000 && agent.counters.get('frames_misrouted') === 0; turn++)
    await new Promise((resolve) => setImmediate(resolve));
  t.match(await agent.ask(masterEcho, Echo, { n: 1 }, { deadlineMs }), { n: 1 });
  t.strictSame([got, watcher.exits], [[], []], 'neither what it says nor its end is taken for that of the master');
  t.equal(agent.counters.get('frames_misrouted'), 1);
});

t.test('a second executor of one name is not let in, and says so', async (t) => {
  const path = freshPath();
  const agent = await startNode(t, 'agent', new SocketServerTransport(path));
  const first = await startNode(t, 'executor', new SocketClientTransport(path));
  await t.rejects(startNode(t, 'executor', new SocketClientTransport(path)), {
    code: 'TRANSPORT',
    message: new RegExp(`at the socket ${path}: it closed .* the name executor is taken`),
  });
  await t.rejects(startNode(t, 'agent', new SocketClientTransport(path)), { code: 'TRANSPORT' });
  const pid = first.spawn(echo());
  t.match(await agent.ask(pid, Echo, { n: 1 }, { deadlineMs }), { n: 1 });
});

t.test('a Node stops though someone on its socket says nothing, or does not read', async (t) => {
  const path = freshPath();
  const agent = await Node.start({ name: 'agent', transports: [new SocketServerTransport(path)] });
  const mute = connect(path);
  const reader = await RemoteNode.start(t, { name: 'frozen', connect: path });
  await agent.ask(reader.pid, Echo, { n: 1 }, { deadlineMs });
  const closed = once(mute, 'close');
  mute.resume();
  reader.signal('SIGSTOP');
  await agent.stop();
  await closed;

  const other = freshPath();
  const frozenAgent = await RemoteNode.start(t, { name: 'agent', listen: other });
  const executor = await Node.start({ name: 'executor', transports: [new SocketClientTransport(other)] });
  await executor.ask(frozenAgent.pid, Echo, { n: 1 }, { deadlineMs });
  frozenAgent.signal('SIGSTOP');
  await executor.stop();
});

t.test('what an agent says last before it stops still arrives', async (t) => {
  const path = freshPath();
  const agent = await Node.start({ name: 'agent', transports: [new SocketServerTransport(path)] });
  const executor = await startNode(t, 'executor', new SocketClientTransport(path));
  const talker = new Actor('talker', {
    finalize: (self) => {
      self.say(sinkPid, Blob, { bytes: new Uint8Array(8 * 1024 * 1024) });
      self.say(sinkPid, Note, { n: 7 });
    },
  });
  const trace: string[] = [];
  const sink = new Actor('sink', {
    initialize: (self) => {
      self.on(Note, (_from, { n }) => void trace.push(`${n}`));
      self.on(Blob, (_from, { bytes }) => void trace.push(`${bytes.byteLength} bytes`));
      self.watch(upid('talker', 'agent'));
    },
    exited: (_pid, reason) => void trace.push(reason),
  });
  const sinkPid = executor.spawn(sink);
  agent.spawn(talker);
  agent.spawn(echo());
  await executor.ask(upid('echo', 'agent'), Echo, { n: 1 }, { deadlineMs });
  await agent.stop();
  await sink.exitsReach(1);
  t.strictSame(trace, ['8388608 bytes', '7', 'ended']);
});

t.test('a path that cannot be listened on or connected to is named in the error', async (t) => {
  const file = join(folder, 'a-file');
  writeFileSync(file, 'not a socket');
  for (const path of [join(folder, 'missing', 'x.sock'), join(folder, 'x'.repeat(200)), file])
    await t.rejects(startNode(t, 'agent', new SocketServerTransport(path)), {
      code: 'TRANSPORT',
      message: new RegExp(`cannot listen on the socket ${path}: .+`),
    });
  const path = freshPath();
  await startNode(t, 'agent', new SocketServerTransport(path));
  await t.rejects(startNode(t, 'agent', new SocketServerTransport(path)), { code: 'TRANSPORT' }, 'in use');
  for (const nobody of [freshPath(), file])
    await t.rejects(startNode(t, 'executor', new SocketClientTransport(nobody)), {
      code: 'TRANSPORT',
      message: new RegExp(`cannot connect to the agent at the socket ${nobody}: .+`),
    });
});
