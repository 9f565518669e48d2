import { join } from 'node:path';
import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { NatsTransport, Node, Random, SystemClock } from '@mesos-ts/process';
import { createDetector } from '@mesos-ts/zk-election';
import { pino } from 'pino';
import t, { type Test } from 'tap';
import { eventually, MesosCommand, type Outcome, runMesos } from '../support/command.js';
import { TestFramework } from '../support/framework.js';

/** A cluster of real OS processes, with frameworks that a test plays. */
class Cluster {
  readonly #t: Test;
  readonly #nats: NatsServer;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #commands: MesosCommand[] = [];

  /** With a master that leads. */
  static async start(t: Test, ...masterFlags: readonly string[]): Promise<Cluster> {
    const nats = await startNatsServer();
    t.teardown(() => nats.stop());
    const cluster = new Cluster(t, nats);
    await cluster.started('master', ...masterFlags).line(/elected/);
    return cluster;
  }

  constructor(t: Test, nats: NatsServer) {
    this.#t = t;
    this.#nats = nats;
    this.#environment = { NATS_URL: nats.url };
    this.#folder = t.testdir();
    t.teardown(async () => {
      for (const { child } of this.#commands) child.kill('SIGKILL');
      await Promise.all(this.#commands.map(({ outcome }) => outcome));
    });
  }

  started(...args: readonly string[]): MesosCommand {
    const command = new MesosCommand(args, this.#environment);
    this.#commands.push(command);
    return command;
  }

  agent(name: string, resources: string): void {
    const workDir = join(this.#folder, name);
    this.started('agent', '--name', name, '--hostname', name, '--resources', resources, '--work-dir', workDir);
  }

  async framework(name: string, role: string): Promise<TestFramework> {
    const log = pino({ level: 'silent' });
    const node = await Node.start({
      transports: [new NatsTransport({ servers: [this.#nats.url], cluster: 'mesos', log })],
      log,
    });
    const detector = createDetector(`${this.#nats.url}/mesos`, {
      ...{ clock: new SystemClock(), random: Random.system(), log, nats: {} },
    });
    const made = new TestFramework(name, node, detector, { roles: [role] });
    this.#t.teardown(async () => {
      await detector.close();
      await node.stop();
    });
    await made.next('registered');
    return made;
  }

  run(...args: readonly string[]): Promise<Outcome> {
    return runMesos(args, this.#environment);
  }

  /** What `mesos explain` prints. */
  async explain(...args: readonly string[]): Promise<string> {
    const { stdout } = await this.run('explain', ...args);
    this.#t.comment(stdout);
    return stdout;
  }
}

t.test(
  'mesos explain says of each agent why a framework is not offered it, and names those that there are',
  async (t) => {
    const cluster = await Cluster.start(t);
    const none = await cluster.run('explain', 'sum');
    t.equal(none.code, 1);
    t.match(none.stderr, /no framework is called sum: there are none/);

    t.equal((await cluster.run('quota', 'set', '*', '--limit', 'cpus:0.5;mem:64')).code, 0);
    cluster.agent('tiny', 'cpus:0.005;mem:16');
    cluster.agent('small', 'cpus:0.5;mem:64');
    cluster.agent('limited', 'cpus:64;mem:65536');
    cluster.started('framework', 'sum');
    await eventually('all agents are explained', async () => (await cluster.explain('sum')).includes('limited:'));
    const stdout = await cluster.explain('sum');
    t.match(stdout, /^framework \S+-0000 \(sum\)\n\nrole \*\n {2}quota: limit cpus:0.5;mem:64; has /);
    t.match(stdout, /\n {2,4}tiny: too small even if idle: short by /);

    const json = JSON.parse((await cluster.run('explain', 'sum', '--role', '*', '--json')).stdout);
    t.equal(json.framework.name, 'sum');
    t.same(json.roles[0].wants[0].each.map(({ name }: { name: string }) => name).sort(), ['limited', 'small', 'tiny']);
    const unknown = await cluster.run('explain', 'smu');
    t.equal(unknown.code, 1);
    t.match(unknown.stderr, /no framework has the id or the name smu; there are \S+-0000 \(sum\)/);
    const elsewhere = await cluster.run('explain', 'sum', '--role', 'eng');
    t.equal(elsewhere.code, 1);
    t.match(elsewhere.stderr, /is not in the role eng, but in \*/);
  },
);

t.test(
  'who asks for more than any agent has, who is behind in share, and what a role and a demand would meet',
  async (t) => {
    const cluster = await Cluster.start(t, '--offer-timeout', '0secs');
    const hog = await cluster.framework('hog', 'ads');
    for (const [name, cpus] of Object.entries({ a1: 4, a2: 2 })) {
      cluster.agent(name, `cpus:${cpus};mem:64`);
      await hog.next('offers');
    }
    const big = await cluster.framework('big', 'eng/dev');
    big.driver.requestResources([
      { role: 'eng/dev', shape: { cpus: 8_000 }, count: 2 },
      { role: 'eng/dev', shape: { cpus: 3_000 }, count: 1 },
    ]);
    await cluster.framework('late', 'web');
    await eventually('the request has arrived', async () => (await cluster.explain('big')).includes('waits for'));
    const asked = await cluster.explain('big');
    t.match(
      asked,
      /\nrole eng\/dev\n {2}in turn next\n {2}waits for 2 times 8 cpus: room on 0 agents now, on 0 more if idle, never on 2\n/,
    );
    t.match(
      asked,
      /\n {4}a1: too small even if idle: short by 4 cpus\n {4}a2: too small even if idle: short by 6 cpus\n/,
    );
    t.match(
      asked,
      /\n {2}waits for 1 times 3 cpus: room on 0 agents now, on 1 more if idle, never on 1\n {4}a1: short by 3 cpus; held in offer/,
    );
    t.match(await cluster.explain('hog'), /\n {2}in turn, ads is behind role (eng|web), share 1\.0* against 0\.0*\n/);
    t.match(
      await cluster.explain('late'),
      /\n {2}a1: short by \S+ cpus; held in offer \S+ by framework \S+-0000\n {2}a2: short by /,
    );

    const room = await cluster.explain('late', '--demand', 'cpus:4;mem:64');
    t.match(
      room,
      /\n {2}to have 4 cpus and 64 mem: room on 0 agents now, on 1 more if idle, never on 1\n {4}a1: short by 4 cpus and 64 mem; held/,
    );
    t.match(room, /\n {4}a2: too small even if idle: short by 2 cpus\n$/);
    const role = await cluster.explain('--role', 'eng');
    t.match(role, /^role eng\n {2}no framework is in it\n {2}below it: eng\/dev\n {2}in turn next\n {2}a1: short by /);
    const members = await cluster.explain('--role', 'eng/dev', '--demand', 'gpus:1');
    t.match(members, /^role eng\/dev\n {2}in it is 1 active: \S+ \(big\)\n {2}in turn next\n/);
    t.match(
      members,
      /\n {2}to have 1 gpus: room on 0 agents now, on 0 more if idle, never on 2\n {4}a1: too small even if idle: short by 1 gpus\n/,
    );
    const singly = JSON.parse((await cluster.run('explain', 'late', '--agents', '--json')).stdout);
    t.equal(singly.roles[0].wants[0].each.length, 2);
  },
);

t.test('what cannot be asked is refused before anybody is looked for', async (t) => {
  const nowhere = { NATS_URL: 'nats://127.0.0.1:1' };
  const wrong = [
    [['sum', '--role', 'a//b'], /"a\/\/b" is no role/],
    [[], /name a framework, or a role by --role/],
    [['--demand', 'cpus:1'], /name a framework, or a role by --role/],
    [['sum', '--demand', 'cpus'], /--demand: .*cpus/],
    [['sum', '--demand', 'ports:[1-2]'], /--demand: "ports:\[1-2\]" is not an amount/],
    [['sum', '--demand', ' '], /--demand: give an amount such as 'cpus:4'/],
    [['sum', '--demand', 'cpus:4;mem:0'], /--demand: 0 mem is nothing to wait for/],
    [['sum', '--demand', 'cpus:-1'], /--demand: /],
    [['sum', '--demand', 'cpus:1;cpus:2'], /--demand: cpus is named twice/],
    [['sum', '--demand', `cpus:${'9'.repeat(30)}`], /--demand: .*expected a smaller number/],
  ] as const;
  await Promise.all(
    wrong.map(async ([args, message]) => {
      const { code, stderr } = await runMesos(['explain', ...args], nowhere);
      t.equal(code, 2, args.join(' '));
      t.match(stderr, message);
    }),
  );
});
