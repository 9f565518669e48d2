import { join } from 'node:path';
import { startNatsServer } from '@mesos-ts/cli';
import { NatsTransport, Node, Random, SystemClock } from '@mesos-ts/process';
import { createDetector } from '@mesos-ts/zk-election';
import { pino } from 'pino';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';
import { TestFramework } from '../support/framework.js';

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
    const sum = started(['framework', 'sum', '--tasks', '3']);
    await eventually('all agents are explained', async () => (await explain('sum')).stdout.includes('limited:'));
    const { stdout, code } = await explain('sum');
    t.equal(code, 0);
    t.comment(stdout);
    t.match(stdout, /^framework \S+-0000 \(sum\)\n\nrole \*\n/);
    t.match(stdout, /\n {2}tiny: too small even if idle: short by /);

    t.match(stdout, /\n {2}waits for 3 times 1 cpus? and 96 mem\n/);
    t.match(stdout, /\n {2}small: too small even if idle: short by 0.5 cpus and 32 mem\n/);
    const hint = await sum.line(/^sum: 3 tasks wait, and nothing was offered for 10 s; why: mesos explain \S+-0000$/);
    t.equal((await explain(hint.split(' ').at(-1) ?? '')).stdout, stdout, 'its user is told how to find that out');

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

t.test(
  'one that asks for more than any agent has, and one that is behind in share, are told so agent by agent',
  async (t) => {
    const folder = t.testdir();
    const nats = await startNatsServer();
    t.teardown(() => nats.stop());
    const environment = { NATS_URL: nats.url };
    const log = pino({ level: 'silent' });
    const commands: MesosCommand[] = [];
    t.teardown(async () => {
      for (const { child } of commands) child.kill('SIGKILL');
      await Promise.all(commands.map(({ outcome }) => outcome));
    });
    const started = (...args: readonly string[]): MesosCommand => {
      const command = new MesosCommand(args, environment);
      commands.push(command);
      return command;
    };
    const framework = async (name: string, role: string): Promise<TestFramework> => {
      const node = await Node.start({
        transports: [new NatsTransport({ servers: [nats.url], cluster: 'mesos', log })],
        log,
      });
      const detector = createDetector(`${nats.url}/mesos`, {
        clock: new SystemClock(),
        random: Random.system(),
        log,
        nats: {},
      });
      const made = new TestFramework(name, node, detector, { roles: [role] });
      t.teardown(async () => {
        await detector.close();
        await node.stop();
      });
      await made.next('registered');
      return made;
    };
    const explain = async (name: string): Promise<string> => (await runMesos(['explain', name], environment)).stdout;

    await started('master', '--offer-timeout', '0secs').line(/elected/);
    const hog = await framework('hog', 'ads');
    for (const [name, cpus] of [
      ['a1', 4],
      ['a2', 2],
    ] as const) {
      started(
        'agent',
        '--name',
        name,
        '--hostname',
        name,
        '--resources',
        `cpus:${cpus};mem:64`,
        '--work-dir',
        join(folder, name),
      );
      await hog.next('offers');
    }
    const big = await framework('big', 'eng/dev');
    big.driver.requestResources([{ role: 'eng/dev', shape: { cpus: 8_000 }, count: 2 }]);
    await framework('late', 'web');
    await eventually('the request has arrived', async () => (await explain('big')).includes('waits for'));
    const asked = await explain('big');
    t.comment(asked);
    t.match(asked, /\nrole eng\/dev\n {2}waits for 2 times 8 cpus\n/);
    t.match(
      asked,
      /\n {2}a1: too small even if idle: short by 4 cpus\n {2}a2: too small even if idle: short by 6 cpus\n$/,
    );
    const behind = await explain('hog');
    t.comment(behind);
    t.match(behind, /\n {2}in turn, ads is behind role (eng|web), share 1\.0* against 0\.0*\n/);
    const late = await explain('late');
    t.comment(late);
    t.match(late, /\n {2}a1: short by \S+ cpus; held in offer \S+ by framework \S+-0000\n {2}a2: short by /);
  },
);

t.test('a role that can be none is refused before anybody is looked for', async (t) => {
  const { code, stderr } = await runMesos(['explain', 'sum', '--role', 'a//b'], { NATS_URL: 'nats://127.0.0.1:1' });
  t.equal(code, 2);
  t.match(stderr, /"a\/\/b" is no role/);
});
