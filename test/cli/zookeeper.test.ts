import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import { freePort, ZookeeperServer, zookeeperShell } from '@mesos-ts/cli/testing';
import t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';

t.setTimeout(120_000);

const [nats, zookeeper] = await Promise.all([startNatsServer(), ZookeeperServer.start()]);
const folder = mkdtempSync(join(tmpdir(), 'mesos-zk-'));
t.teardown(async () => {
  await Promise.all([nats.stop(), zookeeper.stop()]);
  rmSync(folder, { recursive: true, force: true });
});
const environment = { NATS_URL: nats.url, MESOS_ZK_SESSION_TIMEOUT: '2secs' };
const open = `zk://${zookeeper.address}/mesos`;
const secret = `zk://joe:hush@${zookeeper.address}/mesos`;

t.test('masters, an agent and a framework find each other over ZooKeeper, and no password is shown', async (t) => {
  const quiet = ['--log-level', 'trace'];
  const started = (args: string[], more: Readonly<Record<string, string>> = {}): MesosCommand => {
    const command = new MesosCommand([...args, ...quiet], { ...environment, ...more });
    t.teardown(() => command.child.kill('SIGKILL'));
    return command;
  };
  // The secret is in the environment: command lines are for all to see.
  const m1 = started(['master', '--name', 'm1', '--port', '0'], { MESOS_ELECTION: secret });
  await m1.line(/elected: leading/);
  const m2 = started(['master', '--name', 'm2', '--port', '0'], { MESOS_ELECTION: secret });
  await m2.line(/who leads/);
  const resolved = await runMesos(['resolve', open], environment);
  t.match(resolved, { code: 0, stderr: '' });
  const [, epoch = ''] = /^master@m1#\w+ epoch (\d+) on \S+\n$/.exec(resolved.stdout) ?? [];
  t.ok(Number(epoch) > 0, resolved.stdout);
  const agent = started(['agent', '--master', open, '--work-dir', folder, '--resources', 'cpus:2;mem:512']);
  await agent.line(/registered/);
  const sum = ['framework', 'sum', '--master', secret, '--count', '1000', '--tasks', '2'];
  t.match(await runMesos(sum, environment), { code: 0, stdout: '499500\n' });
  const follower = started(['resolve', open, '--follow']);
  await follower.line(/^master@m1#/);
  m1.child.kill('SIGTERM');
  t.match(
    await follower.line(/^master@m2#/),
    /^master@m2#\w+ epoch \d+ on \S+, \d\.\d\d s after master@m1#\w+ was last seen$/,
  );
  t.equal((await m1.outcome).code, 0);
  for (const command of [m2, agent, follower]) command.child.kill('SIGTERM');
  for (const command of [m1, m2, agent, follower]) {
    const { stdout, stderr } = await command.outcome;
    t.notMatch(stdout + stderr, /hush/);
  }
});

t.test('addresses that will not do are refused with what would', async (t) => {
  const port = await freePort();
  const nobody = await runMesos(['resolve', `zk://joe:hush@127.0.0.1:${port}/mesos`], environment);
  t.match(nobody, {
    code: 1,
    stderr: /cannot reach a ZooKeeper server at 127\.0\.0\.1:\d+ \(ECONNREFUSED\): start one/,
  });
  t.notMatch(nobody.stderr, /hush/);
  const pathless = await runMesos(['master', '--port', '0', '--election', secret.replace('/mesos', '/')], environment);
  t.match(pathless, { code: 1, stderr: /"zk:\/\/127\.0\.0\.1:\d+\/".*a path after the servers is missing/ });
  t.notMatch(pathless.stderr, /hush/);
  const host = await runMesos(['master', '--port', '0', '--election', '10.0.0.1:5050'], environment);
  t.match(host, { code: 1, stderr: /a master cannot contend at the address of a master.*`standalone`/ });
});

t.test('nobody leads: resolve says so, and makes nothing in ZooKeeper', async (t) => {
  const args = ['resolve', open.replace('/mesos', '/nobody/here'), '--timeout', '200ms'];
  t.match(await runMesos(args, environment), { code: 1, stderr: /nobody leads/ });
  t.notMatch(await zookeeperShell(zookeeper, 'ls', '/'), /nobody/);
});
