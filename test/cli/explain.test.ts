import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';

t.test(
  'mesos explain says of each agent why a framework is not offered it, and names those that there are',
  async (t) => {
    const folder = t.testdir();
    const nats = await startNatsServer();
    t.teardown(() => nats.stop());
    const environment = { NATS_URL: nats.url };
    const started = (args: readonly string[]): MesosCommand => {
      const command = new MesosCommand(args, environment);
      t.teardown(async () => {
        command.child.kill('SIGKILL');
        await command.outcome;
      });
      return command;
    };
    const explain = (...args: string[]) => runMesos(['explain', ...args], environment);
    await started(['master']).line(/elected/);
    const none = await explain('sum');
    t.equal(none.code, 1);
    t.match(none.stderr, /no framework is called sum: there are none/);

    const agents = { tiny: 'cpus:0.005;mem:16', small: 'cpus:0.5;mem:64', limited: 'cpus:64;mem:65536' };
    t.equal((await runMesos(['quota', 'set', '*', '--limit', 'cpus:0.5;mem:64'], environment)).code, 0);
    for (const [name, resources] of Object.entries(agents))
      started([
        'agent',
        '--name',
        name,
        '--hostname',
        name,
        '--resources',
        resources,
        '--work-dir',
        join(folder, name),
      ]);
    started(['framework', 'sum']);
    await eventually('all agents are explained', async () => (await explain('sum')).stdout.includes('limited:'));
    const { stdout, code } = await explain('sum');
    t.equal(code, 0);
    t.comment(stdout);
    t.match(stdout, /^framework \S+-0000 \(sum\)\n\nrole \*\n/);
    t.match(stdout, /\n {2}tiny: too small even if idle: short by /);

    const json = JSON.parse((await explain('sum', '--role', '*', '--json')).stdout);
    t.equal(json.framework.name, 'sum');
    t.same(json.roles[0].agents.map(({ hostname }: { hostname: string }) => hostname).sort(), [
      'limited',
      'small',
      'tiny',
    ]);
    const unknown = await explain('smu');
    t.equal(unknown.code, 1);
    t.match(unknown.stderr, /no framework has the id or the name smu; there are \S+-0000 \(sum\)/);
    const elsewhere = await explain('sum', '--role', 'eng');
    t.equal(elsewhere.code, 1);
    t.match(elsewhere.stderr, /is not in the role eng, but in \*/);
  },
);

t.test('a role that can be none is refused before anybody is looked for', async (t) => {
  const { code, stderr } = await runMesos(['explain', 'sum', '--role', 'a//b'], { NATS_URL: 'nats://127.0.0.1:1' });
  t.equal(code, 2);
  t.match(stderr, /"a\/\/b" is no role/);
});
