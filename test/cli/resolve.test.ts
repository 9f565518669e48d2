import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';
import { SecureServer, within } from './secure-server.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** So long that nobody takes over by waiting for it while a test is patient. */
const lease = ['--election-lease', '30secs'];

/** Masters of which the first leads, in the order in which they were started. */
async function masters(
  t: { teardown(end: () => unknown): void },
  environments: readonly (readonly [name: string, Environment])[],
  args: readonly string[],
): Promise<MesosCommand[]> {
  const started: MesosCommand[] = [];
  t.teardown(async () => {
    for (const master of started) master.child.kill('SIGKILL');
    await Promise.all(started.map(({ outcome }) => outcome));
  });
  for (const [name, environment] of environments) {
    const master = new MesosCommand(['master', '--name', name, ...args], environment);
    started.push(master);
    await master.line(started.length === 1 ? /elected/ : /standing by/);
  }
  return started;
}

t.test('mesos resolve --follow tells of each change of hands, with epoch and time taken', async (t) => {
  const nats = await startNatsServer();
  t.teardown(() => nats.stop());
  const environment = { NATS_URL: nats.url };
  const [first] = await masters(
    t,
    [
      ['m1', environment],
      ['m2', environment],
    ],
    [...lease, '--domain', 'eu/eu-1'],
  );
  const follow = new MesosCommand(['resolve', `${nats.url}/mesos`, '--follow']);
  t.teardown(() => follow.child.kill('SIGKILL'));
  t.match(await follow.line(/m1/), /^master@m1#\w+ epoch 1 on \S+ in eu\/eu-1$/, 'first who leads');
  first?.child.kill('SIGKILL');
  const change = await within(follow.line(/m2/), 'it says nothing of a successor');
  t.match(change, /^master@m2#\w+ epoch 2 on \S+ in eu\/eu-1, \d+\.\d\d s after master@m1#\w+ was last seen$/);

  t.match(
    (await runMesos(['resolve'], environment)).stdout,
    /^master@m2#\w+ epoch 2 on \S+ in eu\/eu-1\n$/,
    'without it, only who',
  );
  follow.child.kill('SIGTERM');
  const { code, stdout } = await follow.outcome;
  t.equal(code, 0);
  t.equal(stdout.trim().split('\n').length, 2, 'nothing else was said');
});

t.test('in a secure cluster a leader that is killed is followed as quickly, and anyone in it can watch', async (t) => {
  const server = await SecureServer.start(t);
  const names = ['m1', 'm2'];
  const environments = names.map((name) => [name, server.environmentOf(name)] as const);
  const [first] = await masters(t, environments, lease);
  const follow = new MesosCommand(['resolve', '--follow'], server.environmentOf('f1'));
  t.teardown(() => follow.child.kill('SIGKILL'));
  t.match(
    await within(follow.line(/m1/), 'it says nothing after a renewal, which is all that it can hear'),
    /^master@m1#\w+ epoch 1 on /,
  );
  first?.child.kill('SIGKILL');
  t.match(
    await within(follow.line(/m2/), 'it says nothing of a successor'),
    /^master@m2#\w+ epoch 2 on .* after master@m1#/,
  );
});

t.test('what an election cannot be told is refused before anything is started', async (t) => {
  const wrong = [
    [['master', '--election-lease', '10ms'], /--election-lease: from 100ms/],
    [['master', '--election-lease', '1secs', '--election-grace', '2secs'], /--election-grace: at most as long/],
    [['master', '--election-replicas', '7'], /"7" is not a whole number from 1 to 5/],
  ] as const;
  for (const [args, says] of wrong) {
    const { code, stderr } = await runMesos(args, { NATS_URL: 'nats://127.0.0.1:1' });
    t.equal(code, 2);
    t.match(stderr, says);
  }
});
