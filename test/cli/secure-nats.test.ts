import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCredentials } from '@mesos-ts/cli';
import { NatsTransport, Node } from '@mesos-ts/process';
import { connect } from 'nats';
import t from 'tap';
import { Actor } from '../process/actor.js';
import { Echo } from '../process/conversation.js';
import { RemoteNode } from '../process/remote-node.js';
import { MesosCommand, runMesos } from '../support/command.js';
import { SecureServer, within } from './secure-server.js';

/** An nkey seed. Public keys begin with U. */
const secret = /SU[A-Z2-7]{56}/;

t.test('nobody comes in without credentials, with those of another server, or after they were revoked', async (t) => {
  const folder = t.testdir();
  const [server, other] = await Promise.all([
    SecureServer.start(t, [], join(folder, 'one')),
    SecureServer.start(t, [], join(folder, 'other')),
  ]);
  await t.rejects(connect({ servers: server.url }), { code: 'AUTHORIZATION_VIOLATION' });
  await t.rejects(connect({ servers: server.url, user: 'a1', pass: '' }), { code: 'AUTHORIZATION_VIOLATION' });
  for (const args of [['agent'], ['resolve']]) {
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

t.test('credentials that are in use already, or do not fit the server, are told of', async (t) => {
  const server = await SecureServer.start(t);
  const first = new MesosCommand(['master', '--election', 'standalone'], server.environmentOf('m1'));
  await first.line(/leading/);
  const second = await runMesos(['master', '--election', 'standalone'], server.environmentOf('m1'));
  t.equal(second.code, 1);
  t.match(second.stderr, /a Node named m1 is already in the cluster/);
  first.child.kill('SIGTERM');
  const { stderr } = await first.outcome;
  t.notMatch(stderr, /refused something/, 'the first may say that the name is taken');

  const file = join(server.folder, 'elsewhere.json');
  const credentials = JSON.parse(readFileSync(server.fileOf('a1'), 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...credentials, leaderSubject: 'mesos.kv.elsewhere' }));
  const blind = await runMesos(['resolve'], { NATS_URL: server.url, MESOS_CREDENTIALS: file });
  t.equal(blind.code, 1);
  t.match(blind.stderr, /EL_mesos.*Permissions Violation for Subscription to "mesos\.kv\.elsewhere"/);
});

t.test('kill -9 of a Node is known by what the server says of its connection, without a probe', async (t) => {
  const server = await SecureServer.start(t);
  const { connection } = readCredentials(server.fileOf('m1'));
  const transport = new NatsTransport({ servers: server.url, connection, connectionEvents: true });
  const hour = 3_600_000;
  const node = await Node.start({ name: 'm1', transports: [transport], probeMs: hour, silentMs: 10 * hour });
  t.teardown(() => node.stop());
  const watcher = new Actor('watcher');
  node.spawn(watcher);
  for (const name of ['a1', 'a2']) {
    const remote = await RemoteNode.start(t, { name, nats: server.url, credentials: server.fileOf(name) });
    await watcher.dispatch(() => watcher.watch(remote.pid));
    await node.ask(remote.pid, Echo, { n: 1 }, { deadlineMs: 10_000 });
    const exited = watcher.exitsReach(watcher.exits.length + 1);
    await remote.kill();
    await within(exited, `nobody was told of the end of ${name}`);
    t.equal(watcher.exits.at(-1), `${remote.pid} node-down`);
  }
});

t.test('flags that do not go together are refused before anything is started', async (t) => {
  const folder = t.testdir();
  const nats = (...args: string[]) => runMesos(['nats', '--port', '0', '--config-dir', join(folder, 'nats'), ...args]);
  const outcomes = await Promise.all([
    nats('--secure', '--no-jetstream'),
    nats('--agents', 'a1'),
    nats('--secure', '--tls-cert', '/nowhere.pem', '--tls-key', '/nowhere.key'),
  ]);
  const told = [/JetStream/, /--secure/, /ENOENT/];
  for (const [index, { code, stderr }] of outcomes.entries()) {
    t.equal(code, 2, stderr);
    t.match(stderr, told[index]);
  }
  const server = await SecureServer.start(t, ['--cluster', 'blue'], join(folder, 'blue'));
  const { stderr } = await runMesos(['resolve'], server.environmentOf('a1'));
  t.match(stderr, /is for the cluster blue: add --cluster blue/);
  const wrongName = await runMesos(['agent', '--name', 'a2', '--cluster', 'blue'], server.environmentOf('a1'));
  t.match(wrongName.stderr, /is for a1, and cannot be used by a2/);
  const { stdout } = await server.stop();
  t.match(stdout, `--cluster blue --credentials ${server.fileOf('m1')}`, 'the server says what to do next');
});
