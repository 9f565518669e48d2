import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CredentialsFolder } from '@mesos-ts/cli';
import t from 'tap';

/** An nkey seed. Public keys begin with U. */
const secret = /SU[A-Z2-7]{56}/;

const modeOf = (file: string): number => statSync(file).mode & 0o777;

t.test('all that the folder holds is for its owner alone, and what the server reads holds no secret', async (t) => {
  const path = join(t.testdir(), 'deep', 'folder');
  const folder = CredentialsFolder.open(path, 'mesos');
  folder.add('master', ['m7']);
  folder.add('framework', ['f-1', 'f_2']);
  const accounts = folder.writeAccounts();
  t.equal(readFileSync(join(path, 'accounts.conf'), 'utf8'), accounts);
  t.equal(modeOf(path), 0o700);
  const withSecrets = ['admin.creds.json', 'f-1.creds.json', 'f_2.creds.json', 'm7.creds.json'];
  t.same(readdirSync(path), ['accounts.conf', ...withSecrets, 'nodes.json']);
  for (const name of readdirSync(path)) {
    t.equal(modeOf(join(path, name)), 0o600, name);
    t.equal(secret.test(readFileSync(join(path, name), 'utf8')), withSecrets.includes(name), `${name}: a secret`);
  }
});

t.test('opened again, the folder keeps all credentials and takes more, also where a file was moved away', async (t) => {
  const path = join(t.testdir(), 'folder');
  const first = CredentialsFolder.open(path, 'mesos');
  first.add('agent', ['a1', 'a2', 'a1']);
  const kept = readFileSync(first.fileOf('a1'), 'utf8');
  chmodSync(path, 0o755);
  const again = CredentialsFolder.open(path, 'mesos');
  again.add('agent', ['a1', 'a3']);
  again.revoke(['a2']);
  t.equal(readFileSync(again.fileOf('a1'), 'utf8'), kept);
  t.equal(modeOf(path), 0o700);
  const names = (): string[] => CredentialsFolder.open(path, 'mesos').members.map(({ name }) => name);
  t.same(names(), ['a1', 'a3']);
  t.notOk(readdirSync(path).includes('a2.creds.json'));
  const keys = again.members.map(({ key }) => key);
  for (const key of keys) t.match(again.writeAccounts(), key);
  t.equal(new Set(keys).size, 2, 'each its own');
});

t.test('names that cannot be, and folders of something else, are refused and left as they are', async (t) => {
  const path = t.testdir({ full: { 'something.txt': '' }, broken: { 'nodes.json': '{' } });
  chmodSync(join(path, 'full'), 0o755);
  t.throws(() => CredentialsFolder.open(join(path, 'full'), 'mesos'), { message: /something else/ });
  t.equal(modeOf(join(path, 'full')), 0o755);
  t.throws(() => CredentialsFolder.open(join(path, 'broken'), 'mesos'), { message: /nodes\.json cannot be read/ });
  t.throws(() => CredentialsFolder.open(join(path, 'new'), 'a.b'), { message: /"a\.b" cannot be a cluster's name/ });
  const folder = CredentialsFolder.open(join(path, 'good'), 'blue');
  t.throws(() => CredentialsFolder.open(join(path, 'good'), 'red'), { message: /is of the cluster blue: add/ });
  for (const name of ['a.1', '*', '>', '', 'a b', '"', '../x', 'x'.repeat(65)])
    t.throws(() => folder.add('agent', ['fine', name]), { message: /cannot be a Node's name/ }, JSON.stringify(name));
  // With these, a Node would publish or hear what only the server says.
  for (const name of ['kv', 'conn', 'CONNECT', 'DISCONNECT', 'admin'])
    t.throws(() => folder.add('agent', [name]), { message: /the server uses that itself/ });
  t.same(folder.members, [], 'not even those before it');
  folder.add('master', ['x']);
  t.throws(() => folder.add('agent', ['x']), { message: /x is the name of a master already/ });
  t.throws(() => folder.revoke(['y']), { message: /there is no "y"/ });
});
