import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '@mesos-ts/cli';
import { nkeys } from 'nats';
import t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';
import { operatorMode } from './operator-mode.js';
import { SecureServer } from './secure-server.js';

type Tap = Pick<typeof t, 'teardown'>;
type Environment = Readonly<Record<string, string>>;

const certificates = fileURLToPath(new URL('../../cli/tls-for-tests-only/', import.meta.url));
const tls = (file: string): string => join(certificates, file);

async function start(t: Tap, options: NatsServerOptions): Promise<NatsServer> {
  const server = await startNatsServer(options);
  t.teardown(() => server.stop());
  return server;
}

/** Resolves once a master that is started so leads: its Node was let in, and so was its candidacy unless it is standalone. */
async function leads(environment: Environment, ...args: string[]): Promise<void> {
  const master = new MesosCommand(['master', ...args], environment);
  try {
    await master.line(/leading/);
  } finally {
    master.child.kill('SIGTERM');
    await master.outcome;
  }
}

/** What a command says that is not let in, or does not want to come in. */
async function complaint(environment: Environment, ...args: string[]): Promise<string> {
  const { code, stderr, stdout } = await runMesos(['resolve', '--timeout', '1secs', ...args], environment);
  if (code === 0) throw new Error(`it was let in: ${stdout}`);
  return stderr;
}

t.test('a user and password, in the address or in a file, are shown to the server and to nobody else', async (t) => {
  const server = await start(t, { config: 'authorization { user: "ada", password: "s3cret/@" }' });
  const address = server.url.replace('//', `//ada:${encodeURIComponent('s3cret/@')}@`);
  const files = t.testdir({
    'good.json': JSON.stringify({ user: 'ada', password: 's3cret/@' }),
    'bad.json': JSON.stringify({ user: 'ada', password: 'wr0ng' }),
  });
  await leads({ NATS_URL: address });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'good.json') });
  const bad = await complaint(
    { NATS_URL: server.url },
    '--credentials',
    join(files, 'bad.json'),
    '--log-level',
    'trace',
  );
  t.match(bad, /Authorization Violation/);
  t.notMatch(bad, /wr0ng/);
  const both = await complaint({ NATS_URL: address, MESOS_CREDENTIALS: join(files, 'good.json') });
  t.match(both, /leave one of them out/);
  t.notMatch(both, /s3cret/);
});

t.test('a token, in the address or in a file', async (t) => {
  const server = await start(t, { config: 'authorization { token: "t0ken" }' });
  const file = join(t.testdir({ 'token.json': '{"token": "t0ken"}' }), 'token.json');
  await leads({ NATS_URL: server.url.replace('//', '//t0ken@') });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: file });
  const wrong = await complaint({ NATS_URL: server.url.replace('//', '//wr0ng@') });
  t.match(wrong, /Authorization Violation/);
  t.notMatch(wrong, /wr0ng/);
});

t.test('an nkey seed', async (t) => {
  const [mine, another] = [nkeys.createUser(), nkeys.createUser()];
  const server = await start(t, { config: `authorization { users: [ { nkey: ${mine.getPublicKey()} } ] }` });
  const text = (seed: Uint8Array): string => `# a comment\n${new TextDecoder().decode(seed)}\n`;
  const files = t.testdir({ 'mine.nk': text(mine.getSeed()), 'another.nk': text(another.getSeed()) });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'mine.nk') });
  t.match(
    await complaint({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'another.nk') }),
    /Authorization Violation/,
  );
});

t.test('a creds file, which holds a JWT', async (t) => {
  const { config, creds, strangerCreds } = operatorMode();
  const server = await start(t, { config, jetstream: false });
  const files = t.testdir({ 'mine.creds': creds, 'stranger.creds': strangerCreds });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'mine.creds') }, '--election', 'standalone');
  t.match(
    await complaint({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'stranger.creds') }),
    /Authorization Violation/,
  );
});

t.test('a file that holds no credentials is named, and nothing of what is in it', async (t) => {
  const files = {
    empty: '',
    broken: '{"nkey": "SUAsecretsecret',
    half: '{"user": "secretsecret"}',
    seed: `SU${'A'.repeat(56)}`,
    node: '{"cluster": "mesos", "node": "a1", "nkey": "SUAsecretsecret", "leaderSubject": "x"}',
    jwt: '-----BEGIN NATS USER JWT-----\nsecretsecret\n',
  };
  const folder = t.testdir(files);
  for (const name of [...Object.keys(files), 'absent']) {
    const { code, stderr } = await runMesos(['resolve'], { MESOS_CREDENTIALS: join(folder, name) });
    t.equal(code, 2, name);
    t.match(stderr, join(folder, name));
    t.notMatch(stderr, /secretsecret|AAAA/);
  }
});

t.test('TLS: each side shows a certificate that the other checks, for Nodes and the election alike', async (t) => {
  const server = await SecureServer.start(t, [
    ...['--tls-cert', tls('server.pem'), '--tls-key', tls('server.key')],
    ...['--tls-client-ca', tls('ca.pem'), '--masters', 'm1'],
  ]);
  t.match(server.url, /^tls:/);
  const trusting = { ...server.environmentOf('m1'), MESOS_TLS_CA: tls('ca.pem') };
  const known = { ...trusting, MESOS_TLS_CERT: tls('client.pem'), MESOS_TLS_KEY: tls('client.key') };
  await leads(known);
  t.match(await complaint(known), /nobody leads/, 'who only looks is let in, too');
  t.match(
    await complaint({ ...known, MESOS_TLS_CA: tls('other-ca.pem') }),
    /unable to verify|certificate/,
    'another CA',
  );
  t.match(await complaint({ ...known, MESOS_TLS_CA: '' }), /unable to verify|certificate/, 'the CAs of the system');
  // By TLS 1.3 the server says so when the client believes to be in already, and nats 2.29 waits in vain.
  t.match(await complaint(trusting, '--timeout', '15secs'), /cannot reach/, 'without a certificate of its own');
  const { MESOS_TLS_KEY, ...half } = known;
  t.match(await complaint(half), /give both or neither/, `${MESOS_TLS_KEY} is missing`);
});

t.test('who wants TLS speaks with no server that has none', async (t) => {
  const server = await start(t, {});
  const address = server.url.replace('nats:', 'tls:');
  t.match(await complaint({ NATS_URL: address }), /tls/i);
  t.match(await complaint({ NATS_URL: server.url, MESOS_TLS_CA: tls('ca.pem') }), /tls/i);
  const master = await runMesos(['master', '--election', 'standalone'], { NATS_URL: address });
  t.equal(master.code, 1);
  t.match(master.stderr, /tls/i);
});
