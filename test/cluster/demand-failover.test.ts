import type { Scheduler, SchedulerDriver } from '@mesos-ts/frameworks';
import type { Offer, OfferId } from '@mesos-ts/protocol';
import { type ExecutorId, formatResources, parseResources, type TaskId, type TaskInfo } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { VirtualCluster } from '../support/virtual-cluster.js';

const shape = { cpus: 1_000, mem: 64_000 };

/** Keeps what it is offered until it is told to use it. */
class Keeper implements Scheduler {
  /** Every offer that was ever made, as text. */
  readonly offered: string[] = [];
  readonly held = new Map<OfferId, Offer>();
  readonly states = new Map<TaskId, string>();
  driver!: SchedulerDriver;

  disconnected(): void {
    this.held.clear();
  }

  resourceOffers(_driver: SchedulerDriver, offers: readonly Offer[]): void {
    for (const offer of offers) {
      this.offered.push(formatResources(offer.resources));
      this.held.set(offer.id, offer);
    }
  }

  offerRescinded(_driver: SchedulerDriver, id: OfferId): void {
    this.held.delete(id);
  }

  statusUpdate(_driver: SchedulerDriver, { taskId, state }: { taskId: TaskId; state: string }): void {
    this.states.set(taskId, state);
  }

  /** Takes out what was offered since it was last asked for. */
  news(): string[] {
    return this.offered.splice(0);
  }

  waitsFor(count: number): void {
    this.driver.requestResources([{ role: '*', shape, count }]);
  }

  /** On one of the offers that it holds. */
  launch(...ids: string[]): void {
    const [offer] = this.held.values();
    if (offer === undefined) throw new Error('no offer is held');
    this.held.delete(offer.id);
    const task = (id: string): TaskInfo => ({
      taskId: id as TaskId,
      name: id,
      slaveId: offer.slaveId,
      resources: parseResources('cpus:0.9;mem:32'),
      executor: {
        executorId: id as ExecutorId,
        name: id,
        command: { value: 'x', arguments: [] },
        resources: parseResources('cpus:0.1;mem:32'),
      },
    });
    this.driver.launchTasks([offer.id], ids.map(task), { refuseSeconds: 0 });
  }
}

/** With a leader, an agent of four cpus, and a scheduler that waits for so many shapes of one. */
async function waiting(t: Test, count: number) {
  const cluster = VirtualCluster.open(t);
  const { running: leader } = await cluster.addMaster('m1');
  await cluster.addMaster('m2');
  const agent = await cluster.addAgent('a1', 'cpus:4;mem:1024');
  const keeper = new Keeper();
  const { driver } = await cluster.addDriver('f', keeper);
  keeper.driver = driver;
  driver.start();
  keeper.waitsFor(count);
  await cluster.clock.advance(10_000);
  return { cluster, leader, agent, keeper };
}

const runs = (keeper: Keeper, id: string) => () => keeper.states.get(id as TaskId) === 'TASK_RUNNING';

t.test('What is still waited for, and nothing else, is offered by a leader that comes in the middle', async (t) => {
  const { cluster, leader, keeper } = await waiting(t, 3);
  t.same(keeper.news(), ['cpus:3;mem:192'], 'never more, although it was said before there was a master');
  keeper.launch('t1');
  await cluster.until(runs(keeper, 't1'), 5_000);
  t.same(keeper.news(), ['cpus:2;mem:128']);
  await cluster.endMaster(leader);
  await cluster.clock.advance(20_000);
  t.same(keeper.news(), ['cpus:2;mem:128'], 'by the new leader');
  keeper.launch('t2', 't3');
  await cluster.until(runs(keeper, 't3'), 5_000);
  await cluster.clock.advance(60_000);
  t.same(keeper.news(), [], 'it waits for nothing more');
});

t.test('Tasks of which a new leader has not heard yet are not waited for a second time', async (t) => {
  const { cluster, leader, agent, keeper } = await waiting(t, 2);
  keeper.news();
  keeper.launch('t1', 't2');
  await cluster.until(runs(keeper, 't2'), 5_000);
  cluster.network.crash(agent.node.name);
  await cluster.addAgent('a2');
  await cluster.endMaster(leader);
  await cluster.clock.advance(60_000);
  t.same(keeper.news(), []);
  keeper.waitsFor(1);
  await cluster.clock.advance(10_000);
  t.same(keeper.news(), ['cpus:1;mem:64'], 'one of them is needed again: that is said, and offered');
});

t.test('Connections that break leave open what was open, and what was said twice is as once', async (t) => {
  const { cluster, keeper } = await waiting(t, 2);
  t.same(keeper.news(), ['cpus:2;mem:128']);
  for (let time = 0; time < 3; time++) {
    cluster.network.interrupt();
    await cluster.clock.advance(5_000);
    t.same(keeper.news(), ['cpus:2;mem:128']);
    keeper.waitsFor(2);
    keeper.waitsFor(2);
    await cluster.clock.advance(5_000);
    t.same(keeper.news(), []);
  }
});

t.test(
  'A launch that is lost with the connection counts as launched, until its framework says that it needs it',
  async (t) => {
    const { cluster, keeper } = await waiting(t, 2);
    keeper.news();
    keeper.launch('t1');
    cluster.network.interrupt();
    await cluster.clock.advance(10_000);
    t.notOk(keeper.states.has('t1' as TaskId), 'it is lost');
    t.same(keeper.news(), ['cpus:1;mem:64']);
    keeper.waitsFor(2);
    await cluster.clock.advance(10_000);
    t.same(keeper.news(), ['cpus:1;mem:64'], 'one more');
  },
);
