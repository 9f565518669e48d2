import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';

t.test('what a leader remembers is shown, exported, kept over its death, and imported elsewhere', async (t) => {
  const folder = t.testdir();
  const nats = await startNatsServer({ storeDir: join(folder, 'js') });
  t.teardown(() => nats.stop());
  const environment = { NATS_URL: nats.url };
  const registry = (...args: string[]) => runMesos(['registry', ...args], environment);

  const before = await registry('show');
  t.equal(before.code, 1, 'nobody has ever led');
  t.match(before.stderr, /no master has led/);

  const master = new MesosCommand(['master', '--hostname', 'here'], environment);
  t.teardown(() => master.child.kill('SIGKILL'));
  const agent = new MesosCommand(
    ['agent', '--hostname', 'worker', '--resources', 'cpus:3;mem:512', '--work-dir', join(folder, 'a1')],
    environment,
  );
  t.teardown(() => agent.child.kill('SIGKILL'));
  await eventually('the agent is in the registry', async () => (await registry('show')).stdout.includes('agents: 1'));
  const shown = await registry('show');
  t.match(shown.stdout, /registry of the cluster mesos: epoch \d+, master@m1#.*\nmade anew, and not complete yet/);
  t.match(shown.stdout, /-S0 {2}worker {2}cpus:3.*mem:512.* {2}admitted 20/);

  const exported = await registry('export');
  t.equal(JSON.parse(exported.stdout).agents[0].info.hostname, 'worker');
  const file = join(folder, 'registry.json');
  writeFileSync(file, exported.stdout);

  const refused = await registry('import', file);
  t.equal(refused.code, 1);
  t.match(refused.stderr, /master@m1#\S+ epoch \d+ on here leads .* --force/);
  t.equal((await registry('export')).stdout, exported.stdout, 'and nothing was changed');

  const other = await registry('import', file, '--cluster', 'other', '--timeout', '100ms');
  t.equal(other.code, 0, other.stderr);
  t.equal(other.stdout, '1 records were written, 0 others forgotten\n');
  t.equal((await registry('export', '--cluster', 'other')).stdout, exported.stdout);

  const empty = join(folder, 'empty.json');
  const { form, version } = JSON.parse(exported.stdout);
  writeFileSync(
    empty,
    JSON.stringify({ form, version, agents: [], unreachable: [], gone: [], frameworks: [], removedFrameworks: [] }),
  );
  const forced = await registry('import', empty, '--force');
  t.equal(forced.stdout, '0 records were written, 1 others forgotten\n');
  const second = new MesosCommand(
    ['agent', '--name', 'a2', '--resources', 'cpus:1;mem:64', '--work-dir', join(folder, 'a2')],
    environment,
  );
  t.teardown(() => second.child.kill('SIGKILL'));
  await master.line(/the registry is lost to this leader/);
  await eventually('the next leadership lets in both', async () => {
    const { stdout } = await registry('show');
    return stdout.includes('agents: 2');
  });
  t.match((await registry('show')).stdout, /epoch \d+, master@m1#/, 'and the registry is that of a leader again');
});

t.test('what cannot be imported is told of before anybody is looked for', async (t) => {
  const folder = t.testdir({ 'some.json': '{"form":"mesos-registry","version":1}' });
  const nowhere = { NATS_URL: 'nats://127.0.0.1:1' };
  const missing = await runMesos(['registry', 'import', join(folder, 'none.json')], nowhere);
  t.equal(missing.code, 2);
  t.match(missing.stderr, /cannot read .*none\.json: ENOENT/);
  const wrong = await runMesos(['registry', 'import', join(folder, 'some.json')], nowhere);
  t.equal(wrong.code, 2);
  t.match(wrong.stderr, /field agents is not a list/);
  const unreachable = await runMesos(['registry', 'show'], nowhere);
  t.equal(unreachable.code, 1);
  t.match(unreachable.stderr, /no NATS server at .* lets us in/);
});
