import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { freePort } from '@mesos-ts/cli/testing';
import { Random } from '@mesos-ts/process';
import { createContender, createDetector, type ElectionOptions, type Leader } from '@mesos-ts/zk-election';
import t from 'tap';
import { eventually } from '../support/command.js';
import { within } from '../support/within.js';
import { clock, leaderThat, leading, lease, master, Standing } from './nats-world.js';

t.test('a cluster of three NATS servers loses one for good, and another for a while', async (t) => {
  const servers = await threeServers();
  const folders = servers.map(({ storeDir }) => storeDir);
  t.teardown(async () => {
    await Promise.all(servers.map(({ server }) => server.stop()));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  const address = `${servers.map(({ server }) => server.url).join(',')}/test`;
  const replicated: ElectionOptions = { clock, random: Random.system(), lease, replicas: 3 };
  await eventually('an election can be held', () => usable(address, replicated));
  const standing = ['m1', 'm2', 'm3'].map((name) => new Standing(createContender(address, replicated), name));
  const detector = createDetector(address, replicated);
  t.teardown(() => Promise.all([detector.close(), ...standing.map((one) => one.close())]));
  let leader: Leader | undefined = await leaderThat(detector, (one) => one !== undefined);
  t.ok(standing.filter((one) => one.leads()).length <= 1);

  const oneLeads = (): boolean => standing.filter((one) => one.leads()).length === 1;
  const [crashed, frozen] = servers;
  crashed?.server.kill('SIGKILL');
  await within('the end of nats-server', crashed?.server.exited ?? Promise.reject());
  await eventually('one leads on two servers', oneLeads);
  const { lost } = await leading(standing);
  frozen?.server.kill('SIGSTOP');
  await within('without a majority the leader stops', lost);
  t.notOk(standing.some((one) => one.leads()));
  leader = await leaderThat(detector, (one) => one === undefined, leader);
  t.equal(leader, undefined);

  frozen?.server.kill('SIGCONT');
  await eventually('one leads on two servers again', oneLeads);
  const epochs = standing.flatMap((one) => one.epochs);
  t.equal(new Set(epochs).size, epochs.length, `no epoch twice: ${epochs}`);
});

interface OfThree {
  readonly server: NatsServer;
  readonly storeDir: string;
}

/** A cluster of them on this machine. */
async function threeServers(): Promise<OfThree[]> {
  const routes = await Promise.all([1, 2, 3].map(() => freePort()));
  const list = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  return Promise.all(
    routes.map(async (route) => {
      const storeDir = mkdtempSync(join(tmpdir(), 'election-'));
      const config = `cluster { name: three, listen: "127.0.0.1:${route}", routes: [${list}] }`;
      const server = await startNatsServer({ storeDir, config });
      return { server, storeDir };
    }),
  );
}

/** Whether an election can be held: the servers have found each other, and agreed on who keeps what. */
async function usable(address: string, how: ElectionOptions): Promise<boolean> {
  const contender = createContender(address, how);
  const elected = await contender.contend(master('m0')).then(
    () => true,
    () => false,
  );
  await contender.close();
  return elected;
}
