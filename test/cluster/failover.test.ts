import { LocalCluster, type LocalClusterOptions } from '@mesos-ts/cli';
import t from 'tap';
import { eventually, MesosCommand, runMesos } from '../support/command.js';
import { processesWith } from '../support/processes.js';
import { within } from '../support/within.js';

const exactSum = '1999999999000000000';

function start(options: Partial<LocalClusterOptions> = {}): Promise<LocalCluster> {
  return LocalCluster.start({
    masters: 3,
    agents: 2,
    agentResources: 'cpus:2;mem:1024;disk:0;ports:[31000-31099]',
    cluster: 'mesos',
    ...options,
  });
}

/** The name of the leading master's Node, such as m2, and its epoch. */
async function leaderOf(cluster: LocalCluster): Promise<{ readonly name: string; readonly epoch: number }> {
  const { stdout, stderr, code } = await runMesos(['resolve', '--timeout', '30secs'], { NATS_URL: cluster.natsUrl });
  const match = /^master@(m\d)#\w+ epoch (\d+)/.exec(stdout);
  if (match === null) throw new Error(`nobody leads (exit code ${code}): ${stdout}${stderr}`);
  return { name: match[1] ?? '', epoch: Number(match[2]) };
}

t.test(
  'three masters, two agents and a framework as processes of their own: the leader dies, the sum is exact',
  async (t) => {
    const cluster = await start();
    t.teardown(() => cluster.stop());
    const before = await leaderOf(cluster);
    const sum = new MesosCommand(['framework', 'sum'], { NATS_URL: cluster.natsUrl });
    await sum.line(/^sum: [2-8] of 10 tasks done/);
    const leader = cluster.masters.find(({ name }) => name === before.name);
    process.kill(leader?.pid ?? 0, 'SIGKILL');
    const { stdout, stderr, code } = await within('the end of the sum', sum.outcome);
    t.equal(stdout, `${exactSum}\n`);
    t.equal(code, 0, stderr);
    t.match(await leader?.ended, /SIGKILL/, 'the leader was really killed');
    t.equal(cluster.masters.filter(({ running }) => running).length, 2, 'and nobody else');
    const after = await leaderOf(cluster);
    t.not(after.name, before.name, 'another master leads');
    t.ok(after.epoch > before.epoch, 'with a later epoch');
    const again = await runMesos(['framework', 'sum', '--count', '1000000', '--tasks', '3'], {
      NATS_URL: cluster.natsUrl,
    });
    t.equal(again.stdout, '499999500000\n', 'and takes new work');
  },
);

t.test('the NATS server is killed and started again under a running sum: no task is lost', async (t) => {
  const cluster = await start({ masters: 1 });
  t.teardown(() => cluster.stop());
  const sum = new MesosCommand(['framework', 'sum'], { NATS_URL: cluster.natsUrl });
  await sum.line(/^sum: [2-8] of 10 tasks done/);
  await cluster.restartNats();
  const { stdout, stderr, code } = await within('the end of the sum', sum.outcome);
  t.equal(stdout, `${exactSum}\n`);
  t.equal(code, 0, stderr);
});

t.test(
  'a framework that is killed with -9 loses its tasks after its failover timeout, and others get the room',
  async (t) => {
    const cluster = await start({ masters: 1, agents: 1 });
    t.teardown(() => cluster.stop());
    const victim = new MesosCommand(['framework', 'sum', '--count', '9000000000000', '--failover-timeout', '1secs'], {
      NATS_URL: cluster.natsUrl,
      MESOS_LOG_LEVEL: 'debug',
    });
    await eventually('its executors run', () => executorsOf(cluster).length > 0);
    victim.child.kill('SIGKILL');
    await eventually('its executors end', () => executorsOf(cluster).length === 0);
    const { stdout } = await runMesos(['framework', 'sum', '--count', '1000', '--tasks', '2'], {
      NATS_URL: cluster.natsUrl,
    });
    t.equal(stdout, '499500\n');
  },
);

/** The process ids of the executors that the cluster's agents started. */
function executorsOf(cluster: LocalCluster): number[] {
  return processesWith(`MESOS_SANDBOX=${cluster.folder}/`);
}
