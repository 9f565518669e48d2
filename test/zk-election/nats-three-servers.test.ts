import { Random } from '@mesos-ts/process';
import { createContender, createDetector, type ElectionOptions, type Leader } from '@mesos-ts/zk-election';
import { pino } from 'pino';
import t from 'tap';
import { eventually } from '../support/command.js';
import { ThreeNatsServers } from '../support/three-nats-servers.js';
import { within } from '../support/within.js';
import { clock, leaderThat, leading, lease, master, Standing } from './nats-world.js';

t.test('a cluster of three NATS servers loses one for good, and another for a while', async (t) => {
  const servers = await ThreeNatsServers.start(t);
  const address = `${servers.map(({ url }) => url).join(',')}/test`;
  const replicated: ElectionOptions = { clock, random: Random.system(), lease, replicas: 3 };
  const standing = ['m1', 'm2', 'm3'].map((name) => new Standing(createContender(address, replicated), name));
  const detector = createDetector(address, replicated);
  t.teardown(() => Promise.all([detector.close(), ...standing.map((one) => one.close())]));
  let leader: Leader | undefined = await leaderThat(detector, (one) => one !== undefined);
  t.ok(standing.filter((one) => one.leads()).length <= 1);

  const oneLeads = (): boolean => standing.filter((one) => one.leads()).length === 1;
  const [crashed, frozen] = servers;
  crashed?.kill('SIGKILL');
  await within('the end of nats-server', crashed?.exited ?? Promise.reject());
  await eventually('one leads on two servers', oneLeads);
  const { lost } = await leading(standing);
  frozen?.kill('SIGSTOP');
  await within('without a majority the leader stops', lost);
  t.notOk(standing.some((one) => one.leads()));
  leader = await leaderThat(detector, (one) => one === undefined, leader);
  t.equal(leader, undefined);

  frozen?.kill('SIGCONT');
  await eventually('one leads on two servers again', oneLeads);
  const epochs = standing.flatMap((one) => one.epochs);
  t.equal(new Set(epochs).size, epochs.length, `no epoch twice: ${epochs}`);
});

t.test('whoever comes before the servers have found each other waits for that', async (t) => {
  const cluster = await ThreeNatsServers.prepare(t);
  const address = `${(await cluster.startOne(0)).url}/test`;
  const warnings = new Warnings();
  const options: ElectionOptions = { clock, random: Random.system(), lease, replicas: 3, log: warnings.log };
  const [contender, other, detector, observer] = [
    createContender(address, options),
    createContender(address, options),
    createDetector(address, options),
    createDetector(address, options),
  ];
  t.teardown(() => Promise.all([contender, other, detector, observer].map((one) => one.close())));
  const elected = contender.contend(master('m1'));
  const detected = detector.detect();
  const closed = { code: 'ELECTION_CLOSED' };
  const waiting = [t.rejects(other.contend(master('m2')), closed), t.rejects(observer.detect(), closed)];
  await eventually('all of them wait', () => warnings.of(/not ready yet/).length === 4);
  await within('those that are closed end', Promise.all([other.close(), observer.close(), ...waiting]));

  await cluster.startOne(1);
  await eventually('two servers are not enough', () => warnings.of(/no suitable peers/).length === 1);
  await cluster.startOne(2);
  t.ok((await within('it leads', elected)).isValid());
  t.match(await within('the leader is known', detected), { pid: 'master@m1#1' });
  await eventually('that is told', () => warnings.of(/JetStream is ready/).length === 2);
});

/** The lines of a log, each as JSON. */
class Warnings {
  readonly #lines: string[] = [];
  readonly log = pino({}, { write: (line: string) => void this.#lines.push(line) });

  of(pattern: RegExp): string[] {
    return this.#lines.filter((line) => pattern.test(line));
  }
}
