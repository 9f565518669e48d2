import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { eventually, MesosCommand, type Outcome, runMesos } from '../support/command.js';
import { SecureServer } from './secure-server.js';

type Environment = Readonly<Record<string, string>>;

/** A command that is ended with the test. */
function started(
  t: { teardown(end: () => unknown): void },
  args: readonly string[],
  environment: Environment,
): MesosCommand {
  const command = new MesosCommand(args, environment);
  t.teardown(async () => {
    command.child.kill('SIGKILL');
    await command.outcome;
  });
  return command;
}

/** As a row of a table, one blank between its columns. */
function rows({ stdout }: Outcome): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/ {2,}/g, ' | '));
}

t.test('quotas and weights are set, refused with the reason, and known to the next leader', async (t) => {
  const folder = t.testdir();
  const nats = await startNatsServer({ storeDir: join(folder, 'js') });
  t.teardown(() => nats.stop());
  const environment = { NATS_URL: nats.url };
  const mesos = (...args: string[]) => runMesos(args, environment);
  const first = started(t, ['master', '--name', 'm1'], environment);
  await first.line(/elected/);
  started(t, ['agent', '--resources', 'cpus:4;mem:1024', '--work-dir', join(folder, 'a1')], environment);

  t.same(rows(await mesos('quota')), ['no role has a quota']);
  t.same(rows(await mesos('weights')), ['every role has the weight 1']);
  await eventually('the agent counts to the capacity', async () => {
    const { code } = await mesos('quota', 'set', 'eng', '--guarantee', 'cpus:2;mem:512', '--limit', 'cpus:3.5');
    return code === 0;
  });
  const tooMuch = await mesos('quota', 'set', 'ads', '--guarantee', 'cpus:3');
  t.equal(tooMuch.code, 1);
  t.match(tooMuch.stderr, /nothing was changed: all guarantees together, 5 cpus, are above the 4 cpus .* by 1 cpus/);
  const forced = await mesos('quota', 'set', 'ads', '--guarantee', 'cpus:3', '--force');
  t.equal(forced.stdout, 'role ads: guaranteed cpus:3, limit none\n');
  t.equal(
    (await mesos('quota', 'set', 'ops/night', '--limit', 'gpus:0')).stdout,
    'role ops/night: guaranteed none, limit gpus:0\n',
  );
  t.equal(
    (await mesos('weights', 'set', 'eng=2.5', 'ads=0.001')).stdout,
    'role eng: weight 2.5\nrole ads: weight 0.001\n',
  );

  const second = started(t, ['master', '--name', 'm2'], environment);
  await second.line(/standing by/);
  first.child.kill('SIGKILL');
  await second.line(/elected/);
  t.same(rows(await mesos('quota', 'show')), [
    'ROLE | GUARANTEED | LIMIT | HAS',
    'ads | cpus:3 | none | none',
    'eng | cpus:2;mem:512 | cpus:3.5 | none',
    'ops/night | none | gpus:0 | none',
  ]);
  t.same(rows(await mesos('weights', 'show')), ['ROLE | WEIGHT', 'ads | 0.001', 'eng | 2.5']);
  t.equal((await mesos('quota', 'remove', 'ads')).stdout, 'role ads: no quota\n');
  t.match(rows(await mesos('registry', 'show')), [/registry of/]);
  const registry = (await mesos('registry', 'show')).stdout;
  t.match(registry, /quotas: 2\n {2}eng {8}guarantees cpus:2;mem:512 {2}limits cpus:3.5\n/);
  t.match(registry, /weights: 2\n {2}ads {2}0.001\n {2}eng {2}2.5\n/);
});

t.test('what cannot be set is refused before anybody is looked for', async (t) => {
  const nowhere = { NATS_URL: 'nats://127.0.0.1:1' };
  const wrong = [
    [['quota', 'set', 'eng'], /give --guarantee or --limit/],
    [['quota', 'set', 'eng', '--limit', 'cpus:1;cpus:2'], /--limit: .*cpus.* twice/],
    [['quota', 'set', 'eng', '--guarantee', 'cpus(eng):1'], /--guarantee: .*is not an amount/],
    [['quota', 'set', 'eng', '--limit', 'cpus{REV}:1'], /--limit: .*is not an amount/],
    [['quota', 'set', 'eng/../ads', '--limit', 'cpus:1'], /"eng\/..\/ads" is no role/],
    [['weights', 'set', 'eng=0'], /weight above 0/],
    [['weights', 'set', 'eng=0.0001'], /three decimals/],
  ] as const;
  const outcomes = await Promise.all(wrong.map(([args]) => runMesos(args, nowhere)));
  for (const [index, [args, says]] of wrong.entries()) {
    t.equal(outcomes[index]?.code, 2, args.join(' '));
    t.match(outcomes[index]?.stderr, says);
  }
});

t.test('where nobody leads, that is said', async (t) => {
  const nats = await startNatsServer();
  t.teardown(() => nats.stop());
  const { code, stderr } = await runMesos(['quota', '--timeout', '100ms'], { NATS_URL: nats.url });
  t.equal(code, 1);
  t.match(stderr, /nobody leads the cluster mesos/);
});

t.test('in a secure cluster only those change something of whom the masters are told', async (t) => {
  const server = await SecureServer.start(t, ['--masters', 'm1', '--frameworks', 'f1,ops']);
  const master = started(t, ['master', '--operators', 'ops'], server.environmentOf('m1'));
  await master.line(/elected/);
  const set = ['quota', 'set', 'eng', '--limit', 'cpus:1'];
  const refused = await runMesos(set, server.environmentOf('f1'));
  t.equal(refused.code, 1);
  t.match(refused.stderr, /nothing was changed: the Node f1 is no operator/);
  t.equal((await runMesos(set, server.environmentOf('ops'))).code, 0);
  t.match((await runMesos(['quota'], server.environmentOf('f1'))).stdout, /eng .*cpus:1/, 'others may look');
  master.child.kill('SIGTERM');
  await master.outcome;
  const untold = started(t, ['master'], server.environmentOf('m1'));
  await untold.line(/elected/);
  t.equal((await runMesos(set, server.environmentOf('ops'))).code, 1, 'untold, a master heeds nobody');
});
