import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, headers, type NatsConnection } from 'nats';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';
import { refusal, SecureServer, within } from './secure-server.js';

const leaderSubject = 'mesos.kv.el.mesos.leader';
const server = await SecureServer.start(t);

t.test('an agent that does what it should not', async (t) => {
  const agent = await server.client('a1', { inboxPrefix: 'mesos.a1.i' });
  const heard: string[] = [];
  for (const name of ['a2', 'm1', 'f1']) {
    const other = await server.client(name);
    other.subscribe(`mesos.${name}.>`, { callback: (_error, message) => heard.push(message.subject) });
    other.subscribe(leaderSubject, { callback: (_error, message) => heard.push(message.subject) });
    other.subscribe('mesos.conn.*', {
      callback: (_error, message) => {
        if (!/\.(DIS)?CONNECT$/.test(message.subject)) heard.push(message.subject);
      },
    });
    await other.flush();
  }

  /** What each is called, and the subject on which the agent publishes; `reply` is where an answer would go. */
  const publishes: [string, string, string?][] = [
    ['speaks to a master as another agent', 'mesos.m1.a2'],
    ['speaks to another agent as a master', 'mesos.a2.m1'],
    ['speaks to another agent as nobody', 'mesos.a2'],
    ['says "no responders" to another Node about a master', 'mesos.a2.i.m1'],
    ['answers a request of a candidate', '_I.m1.1'],
    ['answers in the usual inbox', '_INBOX.x'],
    ['writes the lease', 'el.mesos.leader'],
    ['looks for a candidate', 'el.mesos.here.x'],
    ['republishes a lease', 'kv.el.mesos.leader'],
    ['tells who leads', leaderSubject],
    ['says that a connection ended', 'mesos.conn.DISCONNECT'],
    ['says so under its own name', 'mesos.conn.a1'],
    ['makes a stream', '$JS.API.STREAM.CREATE.EVIL'],
    ['deletes the stream of the election', '$JS.API.STREAM.DELETE.EL_mesos'],
    ['has JetStream speak to another agent as a master', '$JS.API.STREAM.INFO.EL_mesos', 'mesos.a2.m1'],
    ['has JetStream tell who leads', '$JS.API.STREAM.MSG.GET.EL_mesos', leaderSubject],
    ['has the server speak to another agent as a master', '$SYS.REQ.USER.INFO', 'mesos.a2.m1'],
    ['writes to a KV bucket', '$KV.EVIL.leader'],
    ['writes to the registry', 'reg.mesos.agent.a9'],
    ['fences a leader', 'reg.mesos.fence'],
    ['looks at the registry', '$JS.API.STREAM.INFO.REG_mesos'],
    ['reads a record of it', '$JS.API.STREAM.MSG.GET.REG_mesos'],
    ['reads all of it', '$JS.API.CONSUMER.CREATE.REG_mesos'],
    ['empties it', '$JS.API.STREAM.PURGE.REG_mesos'],
    ['speaks in another cluster', 'other.m1.a1'],
  ];
  for (const [what, subject, reply] of publishes)
    t.test(`is refused when it ${what}`, async (t) => {
      const said = await refusal(agent, what, () =>
        agent.publish(subject, 'forged', reply === undefined ? {} : { reply }),
      );
      t.equal(said, `publish to ${subject}`);
    });

  const subjects = [
    '>',
    '*.>',
    'mesos.>',
    'mesos.*.*',
    'mesos.*.a1',
    'mesos.m1.>',
    'mesos.a2.>',
    'mesos.a2.i.m1',
    'mesos.kv.>',
    'kv.>',
    'el.>',
    '_INBOX.>',
    '_I.>',
    '$SYS.>',
    '$JS.>',
  ];
  for (const subject of subjects)
    t.test(`is refused when it listens to ${subject}`, async (t) => {
      const alone = await refusal(agent, subject, () => void agent.subscribe(subject, { callback: () => {} }));
      t.equal(alone, `subscription to ${subject}`);
      const queue = { queue: 'q', callback: () => {} };
      t.match(await refusal(agent, `${subject} in a queue`, () => void agent.subscribe(subject, queue)), subject);
    });

  t.test('makes nobody hear anything that it did not say itself', async (t) => {
    // Nobody is called ghost: "no responders" goes to no other Node, whatever the agent asks for.
    agent.publish('mesos.ghost.a1', 'x', { reply: 'mesos.a2.i.m1' });
    agent.publish('mesos.ghost.a1', 'x', { reply: leaderSubject });
    const sneaky = headers(503, 'no responders');
    t.equal(
      await refusal(agent, 'headers', () => agent.publish('mesos.a2.i.m1', undefined, { headers: sneaky })),
      'publish to mesos.a2.i.m1',
    );
    for (const name of ['a2', 'm1', 'f1']) agent.publish(`mesos.${name}.a1`, 'honest');
    await eventually('all heard the last message', () => heard.length >= 3);
    t.same(heard.toSorted(), ['mesos.a2.a1', 'mesos.f1.a1', 'mesos.m1.a1'], 'and none before it');
  });
});

t.test('a framework cannot read or write the registry, and a master can do neither to the stream itself', async (t) => {
  const framework = await server.client('f1', { inboxPrefix: 'mesos.f1.i' });
  for (const subject of ['reg.mesos.framework.f1', 'reg.mesos.fence', '$JS.API.CONSUMER.CREATE.REG_mesos'])
    t.equal(await refusal(framework, subject, () => framework.publish(subject, '{}')), `publish to ${subject}`);
  const candidate = await server.candidate('m1');
  for (const subject of ['STREAM.DELETE', 'STREAM.UPDATE', 'STREAM.MSG.DELETE'].map(
    (call) => `$JS.API.${call}.REG_mesos`,
  ))
    t.equal(await refusal(candidate, subject, () => candidate.publish(subject, '{}')), `publish to ${subject}`);
  t.match((await candidate.request('$JS.API.STREAM.INFO.REG_mesos')).json(), { config: { name: 'REG_mesos' } });
});

t.test('whoever may not look at the registry is told so, and who may', async (t) => {
  for (const name of ['a1', 'f1']) {
    const { code, stdout, stderr } = await runMesos(['registry', 'show'], server.environmentOf(name));
    t.equal(code, 1);
    t.equal(stdout, '');
    t.match(
      stderr,
      /does not permit it to these credentials .*: in a secure cluster only masters may read and write it/,
    );
    t.notMatch(stderr, /JetStream/);
  }
  t.match(await runMesos(['registry', 'show'], server.environmentOf('m1')), { code: 0, stdout: /agents: 0/ });
});

t.test(
  'a master cannot speak for agents or other masters, and can only write the lease and the registry',
  async (t) => {
    const node = await server.client('m1', { inboxPrefix: 'mesos.m1.i' });
    for (const subject of [
      'mesos.m2.a1',
      'mesos.a1.m2',
      'mesos.a1.i.m2',
      leaderSubject,
      'mesos.conn.CONNECT',
      '$JS.API.INFO',
    ])
      t.equal(await refusal(node, subject, () => node.publish(subject, 'forged')), `publish to ${subject}`);
    const candidate = await server.candidate('m1');
    const forbidden = [
      'kv.el.mesos.leader',
      'mesos.a1.a2',
      'mesos.conn.DISCONNECT',
      '_I.m2.1',
      '$JS.API.STREAM.CREATE.EVIL',
      '$JS.API.STREAM.UPDATE.EL_mesos',
      '$JS.API.STREAM.DELETE.EL_mesos',
      '$JS.API.STREAM.PURGE.EL_mesos',
      '$JS.API.STREAM.MSG.DELETE.EL_mesos',
      '$JS.API.CONSUMER.CREATE.EL_mesos',
    ];
    for (const subject of forbidden)
      t.equal(await refusal(candidate, subject, () => candidate.publish(subject, '{}')), `publish to ${subject}`);
    for (const subject of ['_I.m2.>', 'mesos.>', '>'])
      t.equal(
        await refusal(candidate, subject, () => void candidate.subscribe(subject, { callback: () => {} })),
        `subscription to ${subject}`,
      );
    const info = await candidate.request('$JS.API.STREAM.INFO.EL_mesos');
    t.match(info.json(), { config: { name: 'EL_mesos' } }, 'an admin made the stream');
  },
);

/** Kills a client, an OS process of its own, and returns how long the server took to tell `watcher` of it, in ms. */
async function toldAfter(watcher: NatsConnection, url: string, credentials: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('programs/client.js', import.meta.url));
  const child = spawn(process.execPath, [program, url, ...credentials], { stdio: ['ignore', 'pipe', 'inherit'] });
  const told = new Promise<{ at: number; event: ConnectionEvent }>((resolve) => {
    const subscription = watcher.subscribe('mesos.conn.DISCONNECT', {
      callback: (_error, message) => {
        const event = message.json<ConnectionEvent>();
        if (event.client.name !== 'victim') return;
        subscription.unsubscribe();
        resolve({ at: performance.now(), event });
      },
    });
  });
  await watcher.flush();
  const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
  const killedAt = performance.now();
  child.kill('SIGKILL');
  const { at, event } = await within(told, 'the server did not tell of the end of a client');
  if (`${event.server.id} ${event.client.id}` !== line) throw new Error(`${JSON.stringify(event)} is not ${line}`);
  return at - killedAt;
}

/** What of the server's event identifies a connection. */
interface ConnectionEvent {
  readonly server: { readonly id: string };
  readonly client: { readonly id: number; readonly name: string; readonly user: string };
}

/** The quickest of five: a machine that is busy with something else delays some of them. */
async function quickest(measure: () => Promise<number>): Promise<number> {
  const results: number[] = [];
  while (results.length < 5) results.push(await measure());
  return Math.min(...results);
}

t.test('every Node is told within 50 ms when another is killed, and by which connection to know it', async (t) => {
  const watcher = await server.client('a1');
  t.ok((await quickest(() => toldAfter(watcher, server.url, [server.fileOf('a2')]))) < 50);
});

t.test('so it is on a server that trusts everybody, which still has JetStream for all', async (t) => {
  const command = new MesosCommand(['nats', '--port', '0']);
  t.teardown(async () => {
    command.child.kill('SIGTERM');
    await command.outcome;
  });
  const url = /listens on (\S+)/.exec(await command.line(/listens on/))?.[1] ?? '';
  const watcher = await connect({ servers: url });
  t.teardown(() => watcher.close());
  t.ok((await quickest(() => toldAfter(watcher, url, []))) < 50);
  const bucket = await watcher.jetstream().views.kv('facts');
  await bucket.put('answer', '42');
  t.equal((await bucket.get('answer'))?.string(), '42');
});
