import { join } from 'node:path';
import { readCredentials } from '@mesos-ts/cli';
import { connect, nkeys } from 'nats';
import t from 'tap';
import { complaint, leads, startServer } from './letting-in.js';
import { operatorMode } from './operator-mode.js';

/** Whether a server lets in whoever has the file. */
async function letsIn(url: string, file: string): Promise<boolean> {
  try {
    const connection = await connect({ servers: url, reconnect: false, ...readCredentials(file).connection });
    await connection.close();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'AUTHORIZATION_VIOLATION') return false;
    throw error;
  }
}

t.test('a user and password, in the address or in a file, are shown to the server and to nobody else', async (t) => {
  const server = await startServer(t, { config: 'authorization { user: "ada", password: "s3cret/@" }' });
  const address = server.url.replace('//', `//ada:${encodeURIComponent('s3cret/@')}@`);
  const files = t.testdir({
    'good.json': JSON.stringify({ user: 'ada', password: 's3cret/@' }),
    'bad.json': JSON.stringify({ user: 'ada', password: 'wr0ng' }),
  });
  await leads({ NATS_URL: address });
  t.ok(await letsIn(server.url, join(files, 'good.json')));
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
  const server = await startServer(t, { config: 'authorization { token: "t0ken" }' });
  const file = join(t.testdir({ 'token.json': '{"token": "t0ken"}' }), 'token.json');
  await leads({ NATS_URL: server.url.replace('//', '//t0ken@') });
  t.ok(await letsIn(server.url, file));
});

t.test('an nkey seed', async (t) => {
  const [mine, another] = [nkeys.createUser(), nkeys.createUser()];
  const server = await startServer(t, { config: `authorization { users: [ { nkey: ${mine.getPublicKey()} } ] }` });
  const text = (seed: Uint8Array): string => `# a comment\n${new TextDecoder().decode(seed)}\n`;
  const files = t.testdir({ 'mine.nk': text(mine.getSeed()), 'another.nk': text(another.getSeed()) });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'mine.nk') });
  t.notOk(await letsIn(server.url, join(files, 'another.nk')));
});

t.test('a creds file, which holds a JWT', async (t) => {
  const { config, creds, strangerCreds } = operatorMode();
  const server = await startServer(t, { config, jetstream: false });
  const files = t.testdir({ 'mine.creds': creds, 'stranger.creds': strangerCreds });
  await leads({ NATS_URL: server.url, MESOS_CREDENTIALS: join(files, 'mine.creds') }, '--election', 'standalone');
  t.notOk(await letsIn(server.url, join(files, 'stranger.creds')));
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
    const file = join(folder, name);
    t.throws(() => readCredentials(file), { message: new RegExp(`^--credentials: .*${name}`) });
    t.throws(() => readCredentials(file), { message: /^(?!.*(secretsecret|AAAA))/ }, `${name}: what is in it`);
  }
});
