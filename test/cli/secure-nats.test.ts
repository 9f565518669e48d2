import { spawn } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, headers, type NatsConnection } from 'nats';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';
import { processesWith } from '../support/processes.js';
import { refusal, SecureServer, within } from './secure-server.js';

/** An nkey seed. Public keys begin with U. */
const secret = /SU[A-Z2-7]{56}/;
const leaderSubject = 'mesos.kv.el.mesos.leader';

t.test(
  'three masters, two agents and a framework, each with credentials of its own, outlive their leader',
  async (t) => {
    const folder = t.testdir();
    const server = await SecureServer.start(t, [], join(folder, 'nats'));
    const start = (name: string, ...args: string[]): MesosCommand => {
      const command = new MesosCommand([...args, '--log-level', 'trace'], server.environmentOf(name));
      t.teardown(async () => {
        command.child.kill('SIGTERM');
        await command.outcome;
      });
      return command;
    };
    const masters = ['m1', 'm2', 'm3'].map((name) => ({ name, command: start(name, 'master') }));
    const agents = ['a1', 'a2'].map((name) =>
      start(name, 'agent', '--resources', 'cpus:2;mem:1024;disk:0', '--work-dir', join(folder, name)),
    );
    const sum = start('f1', 'framework', 'sum');
    await sum.line(/^sum: [1-8] of 10 tasks done/);
    const executors = processesWith(`MESOS_DIRECTORY=${folder}`);
    t.ok(executors.length > 0);
    for (const pid of executors)
      t.notMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /creds|NATS/, 'executors know nothing of NATS');

    const { stdout: before } = await runMesos(['resolve'], server.environmentOf('a2'));
    const leader = masters.find(({ name }) => before.startsWith(`master@${name}#`));
    t.ok(leader, before);
    leader?.command.child.kill('SIGKILL');
    const { stdout, stderr, code } = await sum.outcome;
    t.equal(stdout, '1999999999000000000\n');
    t.equal(code, 0, stderr);
    const { stdout: after } = await runMesos(['resolve'], server.environmentOf('m1'));
    t.match(after, /^master@m\d#/);
    t.not(after, before, 'another master leads, and who has credentials sees which');

    for (const command of [...masters.map((master) => master.command), ...agents]) command.child.kill('SIGTERM');
    const outcomes = await Promise.all([...masters.map((master) => master.command), ...agents].map((c) => c.outcome));
    for (const outcome of [...outcomes, await server.stop()]) {
      t.notMatch(outcome.stdout + outcome.stderr, secret, 'nobody prints a secret');
      t.notMatch(outcome.stdout + outcome.stderr, /refused something|PERMISSIONS/, 'nobody does what is not permitted');
    }
  },
);

t.test('an agent that does what it should not', async (t) => {
  const server = await SecureServer.start(t);
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

t.test('a master cannot speak for agents or other masters, and can only write the lease', async (t) => {
  const server = await SecureServer.start(t);
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
});

t.test('nobody comes in without credentials, with those of another server, or after they were revoked', async (t) => {
  const folder = t.testdir();
  const [server, other] = await Promise.all([
    SecureServer.start(t, [], join(folder, 'one')),
    SecureServer.start(t, [], join(folder, 'other')),
  ]);
  await t.rejects(connect({ servers: server.url }), { code: 'AUTHORIZATION_VIOLATION' });
  await t.rejects(connect({ servers: server.url, user: 'a1', pass: '' }), { code: 'AUTHORIZATION_VIOLATION' });
  for (const args of [['master'], ['agent'], ['framework', 'sum'], ['resolve']]) {
    const stranger = await runMesos(args, { NATS_URL: server.url, MESOS_CREDENTIALS: '' });
    t.equal(stranger.code, 1, args.join(' '));
    t.match(stranger.stderr, /Authorization Violation/);
  }
  const foreign = await runMesos(['agent'], { NATS_URL: server.url, MESOS_CREDENTIALS: other.fileOf('a1') });
  t.equal(foreign.code, 1);
  t.notMatch(foreign.stderr, secret);

  const copy = join(folder, 'copy.json');
  copyFileSync(server.fileOf('a2'), copy);
  const kept = readFileSync(server.fileOf('a1'), 'utf8');
  await server.stop();
  const again = await SecureServer.start(t, ['--revoke', 'a2', '--agents', 'a3'], server.folder);
  t.equal(readFileSync(again.fileOf('a1'), 'utf8'), kept, 'credentials are made once');
  for (const name of ['a1', 'a3', 'm1']) await (await again.client(name)).close();
  const revoked = await runMesos(['agent'], { NATS_URL: again.url, MESOS_CREDENTIALS: copy });
  t.equal(revoked.code, 1);
  t.match(revoked.stderr, /Authorization Violation/);
});

t.test(
  'all that the folder holds is for its owner alone, and nothing secret is in what the server reads',
  async (t) => {
    const server = await SecureServer.start(t, ['--masters', 'm7', '--frameworks', 'f-1,f_2']);
    t.equal(statSync(server.folder).mode & 0o777, 0o700);
    const files = readdirSync(server.folder).filter((name) => name !== 'jetstream');
    t.same(
      files,
      ['accounts.conf', 'admin.creds.json', 'f-1.creds.json', 'f_2.creds.json', 'm7.creds.json', 'nodes.json'],
      'those who were named, and nobody else',
    );
    for (const name of files) {
      t.equal(statSync(join(server.folder, name)).mode & 0o777, 0o600, name);
      const content = readFileSync(join(server.folder, name), 'utf8');
      t.equal(
        secret.test(content),
        name.endsWith('.creds.json'),
        `${name} holds a secret: ${name.endsWith('.creds.json')}`,
      );
    }
    const { stdout } = await server.stop();
    t.match(stdout, `--credentials ${server.fileOf('m7')}`, 'it says what to do next');
  },
);

t.test('names and folders that cannot be are refused before anything is started', async (t) => {
  const folder = t.testdir({ full: { 'something.txt': '' } });
  const nats = (...args: string[]) => runMesos(['nats', '--secure', '--port', '0', ...args]);
  const dir = (name: string): string[] => ['--config-dir', join(folder, name)];
  const outcomes = await Promise.all([
    nats(...dir('a'), '--agents', 'a.1'),
    nats(...dir('b'), '--agents', 'kv'),
    nats(...dir('c'), '--masters', 'x', '--agents', 'x'),
    nats(...dir('full')),
    nats(...dir('d'), '--revoke', 'a1'),
    nats(...dir('e'), '--no-jetstream'),
    runMesos(['nats', '--agents', 'a1']),
    nats(...dir('f'), '--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.key'),
  ]);
  const told = [
    /"a\.1"/,
    /kv/,
    /x is the name of a master/,
    /something else/,
    /no "a1"/,
    /JetStream/,
    /--secure/,
    /ENOENT/,
  ];
  for (const [index, { code, stderr }] of outcomes.entries()) {
    t.equal(code, 2, stderr);
    t.match(stderr, told[index]);
  }
  const server = await SecureServer.start(t, ['--cluster', 'blue'], join(folder, 'blue'));
  const { stderr } = await runMesos(['resolve'], server.environmentOf('a1'));
  t.match(stderr, /is for the cluster blue: add --cluster blue/);
  await server.stop();
  t.match((await nats(...dir('blue'))).stderr, /is of the cluster blue/);
  const wrongName = await runMesos(['agent', '--name', 'a2', '--cluster', 'blue'], server.environmentOf('a1'));
  t.match(wrongName.stderr, /is for a1, and cannot be used by a2/);
});

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

async function median(times: number, measure: () => Promise<number>): Promise<number> {
  const results: number[] = [];
  while (results.length < times) results.push(await measure());
  return results.sort((a, b) => a - b)[Math.floor(times / 2)] ?? Number.NaN;
}

t.test('every Node is told within 50 ms when another is killed, and by which connection to know it', async (t) => {
  const server = await SecureServer.start(t);
  const watcher = await server.client('a1');
  t.ok((await median(5, () => toldAfter(watcher, server.url, [server.fileOf('a2')]))) < 50);
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
  t.ok((await median(5, () => toldAfter(watcher, url, []))) < 50);
  const bucket = await watcher.jetstream().views.kv('facts');
  await bucket.put('answer', '42');
  t.equal((await bucket.get('answer'))?.string(), '42');
});
