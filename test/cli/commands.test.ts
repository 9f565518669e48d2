import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { MesosCommand, runMesos } from '../support/command.js';

const nowhere = { NATS_URL: 'nats://127.0.0.1:1' };

t.test('every command explains itself with examples', async (t) => {
  const commands = [
    [],
    ['start'],
    ['nats'],
    ['master'],
    ['agent'],
    ['framework'],
    ['framework', 'sum'],
    ['framework', 'integrate'],
    ['resolve'],
    ['explain'],
    ['quota'],
    ['quota', 'show'],
    ['quota', 'set'],
    ['quota', 'remove'],
    ['weights'],
    ['weights', 'show'],
    ['weights', 'set'],
    ['registry'],
    ['registry', 'show'],
    ['registry', 'export'],
    ['registry', 'import'],
  ];
  const outcomes = await Promise.all(commands.map((args) => runMesos([...args, '--help'])));
  for (const [index, { stdout, code }] of outcomes.entries()) {
    t.equal(code, 0);
    t.match(stdout, /Usage: mesos/, `mesos ${commands[index]?.join(' ')}`);
    t.match(stdout, /Examples:/);
  }
});

t.test('a wrong flag or command is refused with the nearest right one and exit code 2', async (t) => {
  const flag = await runMesos(['framework', 'sum', '--cuont', '5']);
  t.equal(flag.code, 2);
  t.match(flag.stderr, /--cuont/);
  t.match(flag.stderr, /--count/);
  const command = await runMesos(['mastre']);
  t.equal(command.code, 2);
  t.match(command.stderr, /master/);
});

t.test('a wrong value is refused with what is right and exit code 2', async (t) => {
  const estimate = join(t.testdir({ estimate: 'cpus:1' }), 'estimate');
  const outcomes = await Promise.all([
    runMesos(['framework', 'sum', '--tasks', 'many']),
    runMesos(['master', '--agent-ping-timeout', 'soon']),
    runMesos(['agent', '--resources', 'cpus:four'], nowhere),
    runMesos(['resolve', '--nats', 'http://x']),
    runMesos(['framework', 'integrate', '1/x', 'one', '2', '10']),
    runMesos([], { MESOS_TASKS: '0' }),
    runMesos(['agent', '--attributes', 'rack:a;disk'], nowhere),
    runMesos(['agent', '--domain', 'eu'], nowhere),
    runMesos(['master', '--domain', 'eu/1/a'], nowhere),
    runMesos(['framework', 'sum', '--role', 'eng/'], nowhere),
    runMesos(['master', '--whitelist', '/nowhere/hosts'], nowhere),
    runMesos(['master', '--offer-cap', '0%'], nowhere),
    runMesos(['agent', '--oversubscribed', 'ports:[1-2]'], nowhere),
    runMesos(['agent', '--oversubscribed-file', '/nowhere/estimate'], nowhere),
    runMesos(['agent', '--oversubscribed', 'cpus:1', '--oversubscribed-file', estimate], nowhere),
  ]);
  for (const { code } of outcomes) t.equal(code, 2);
  t.match(outcomes[0]?.stderr, /"many" is not a whole number/);
  t.match(outcomes[1]?.stderr, /"soon" is not a duration/);
  t.match(outcomes[2]?.stderr, /cpus:four/);
  t.match(outcomes[6]?.stderr, /the attribute "disk" is not name:text/);
  t.match(outcomes[7]?.stderr, /"eu" is not region\/zone/);
  t.match(outcomes[8]?.stderr, /"eu\/1\/a" is not region\/zone/);
  t.match(outcomes[9]?.stderr, /"eng\/" is no role: expected a path such as eng\/prod, or \*/);
  t.match(outcomes[10]?.stderr, /--whitelist.*cannot read \/nowhere\/hosts: ENOENT/);
  t.match(outcomes[11]?.stderr, /"0%" is not a percentage from 0.1% to 100%/);
  t.match(outcomes[12]?.stderr, /--oversubscribed.*ports cannot be revocable: only amounts can/);
  t.match(outcomes[13]?.stderr, /the estimate in \/nowhere\/estimate cannot be used: there is no such file/);
  t.match(outcomes[14]?.stderr, /by --oversubscribed or by --oversubscribed-file, not by both/);
});

t.test('a bad expression is refused with its position before anything is launched', async (t) => {
  const { code, stderr } = await runMesos(['framework', 'integrate', '4*sqrt(1-y^2)', '0', '1', '1000'], nowhere);
  t.equal(code, 2, 'and nobody looked for a NATS server');
  t.match(stderr, /character 10|position 10/);
});

t.test('flags are read from the environment, and the command line wins', async (t) => {
  const help = await runMesos(['framework', 'sum', '--tasks', '0'], { MESOS_TASKS: '5' });
  t.equal(help.code, 2);
  const environment = await runMesos(['framework', 'sum'], { MESOS_TASKS: 'zero', ...nowhere });
  t.equal(environment.code, 2);
  t.match(environment.stderr, /MESOS_TASKS/);
});

t.test('a NATS server that is not there is named, with what to do', async (t) => {
  for (const args of [['master'], ['framework', 'sum'], ['resolve']]) {
    const { code, stderr } = await runMesos(args, nowhere);
    t.equal(code, 1, args.join(' '));
    t.match(stderr, /127\.0\.0\.1:1/);
    t.match(stderr, /mesos nats/);
  }
});

t.test('a NATS server without JetStream is named with the flag, where an election needs it', async (t) => {
  const nats = await startNatsServer({ jetstream: false });
  t.teardown(() => nats.stop());
  const { code, stderr } = await runMesos(['master'], { NATS_URL: nats.url });
  t.equal(code, 1);
  t.match(stderr, /-js/);
});

t.test('a password in NATS_URL is never shown', async (t) => {
  const { stderr, stdout } = await runMesos(['resolve', '--log-level', 'trace'], {
    NATS_URL: 'nats://me:s3cret@127.0.0.1:1',
  });
  t.notMatch(stderr + stdout, /s3cret/);
});

t.test('a standalone master and an agent, each started by hand on a plain nats-server, run a job', async (t) => {
  const nats = await startNatsServer({ jetstream: false });
  t.teardown(() => nats.stop());
  const environment = { NATS_URL: nats.url };
  const master = new MesosCommand(['master', '--election', 'standalone'], environment);
  const agent = new MesosCommand(
    ['agent', '--master', 'master@m1', '--resources', 'cpus:4;mem:1024;disk:0'],
    environment,
  );
  t.teardown(async () => {
    agent.child.kill('SIGTERM');
    await agent.outcome;
    master.child.kill('SIGTERM');
    await master.outcome;
  });
  await agent.line(/registered/);
  const { stdout, stderr, code } = await runMesos(
    ['framework', 'integrate', '--master', 'master@m1', 'y = x*x; res = 4*sqrt(1-y)', '0', '1', '1000000'],
    environment,
  );
  t.equal(code, 0, stderr);
  t.match(stdout, /^3\.14159265/);
  const bad = await runMesos(
    ['framework', 'integrate', '--master', 'master@m1', '1/x', '--', '-1', '1', '2'],
    environment,
  );
  t.equal(bad.code, 0, 'the midpoints of two steps miss the pole');
  const pole = await runMesos(
    ['framework', 'integrate', '--master', 'master@m1', '--rule', 'left', '1/x', '0', '1', '10'],
    environment,
  );
  t.equal(pole.code, 1);
  t.match(pole.stderr, /x = 0/);
});

t.test('a master whose name is taken is refused', async (t) => {
  const nats = await startNatsServer({ jetstream: false });
  t.teardown(() => nats.stop());
  const first = new MesosCommand(['master', '--election', 'standalone'], { NATS_URL: nats.url });
  await first.line(/leading/);
  const second = await runMesos(['master', '--election', 'standalone'], { NATS_URL: nats.url });
  t.equal(second.code, 1);
  t.match(second.stderr, /m1/);
  first.child.kill('SIGINT');
  t.equal((await first.outcome).code, 0);
});
