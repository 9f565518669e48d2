import { runJob } from '@mesos-ts/frameworks';
import { RunTask, type TaskState } from '@mesos-ts/protocol';
import t, { type Test } from 'tap';
import { Launcher } from '../support/launcher.js';
import { VirtualCluster } from '../support/virtual-cluster.js';

/** With a leader, an agent, and a driver whose task `t1` runs. */
async function running(t: Test) {
  const cluster = VirtualCluster.open(t);
  const leader = await cluster.addMaster('m1');
  const agent = await cluster.addAgent('a1');
  const scheduler = new Launcher();
  const { driver, node } = await cluster.addDriver('f', scheduler);
  driver.start();
  scheduler.waiting.push('t1');
  await cluster.until(() => scheduler.told.includes('t1 TASK_RUNNING'), 10_000);
  t.same(scheduler.told.splice(0), ['registered', 't1 TASK_RUNNING']);
  return { cluster, leader: leader.running, agent, scheduler, driver, node };
}

t.test('A second scheduler with the id of the first takes its place, and the first is told', async (t) => {
  const { cluster, agent, scheduler, driver } = await running(t);
  const successor = new Launcher();
  const id = scheduler.frameworkId;
  const second = await cluster.addDriver('f2', successor, id === undefined ? {} : { id });
  second.driver.start();
  await cluster.until(() => successor.told.length > 0, 5_000);
  t.same(successor.told.splice(0), ['reregistered']);
  t.same(scheduler.told.splice(0), ['error Framework failed over: another scheduler took its place']);
  t.equal(driver.status, 'DRIVER_ABORTED');
  second.driver.reconcileTasks([]);
  await cluster.until(() => successor.told.length > 0, 5_000);
  t.same(successor.told.splice(0), ['t1 TASK_RUNNING'], 'it learns what runs');
  await agent.executors.tell('t1', 't1', 'TASK_FINISHED');
  successor.waiting.push('t2');
  await cluster.until(() => successor.told.length > 1, 5_000);
  t.same(successor.told.splice(0).sort(), ['t1 TASK_FINISHED', 't2 TASK_RUNNING']);
  await cluster.clock.advance(120_000);
  t.same(
    [successor.told, scheduler.told],
    [[], []],
    'what was told once was acknowledged, and the first hears nothing',
  );
});

t.test(
  'The first scheduler, when it was stopped for another, leaves its tasks to the one that comes in time',
  async (t) => {
    const { cluster, agent, scheduler, driver } = await running(t);
    driver.stop(true);
    await cluster.clock.advance(59_000);
    t.same(agent.executors.ids, ['t1']);
    const successor = new Launcher();
    const id = scheduler.frameworkId;
    const second = await cluster.addDriver('f2', successor, id === undefined ? {} : { id });
    second.driver.start();
    await cluster.clock.advance(60_000);
    t.same(successor.told, ['reregistered']);
    t.same(agent.executors.ids, ['t1']);
    second.driver.stop(true);
    await cluster.clock.advance(70_000);
    t.same(agent.executors.ids, [], 'and not to one that does not');
  },
);

t.test('A connection that breaks is no lost task', async (t) => {
  const { cluster, agent, scheduler } = await running(t);
  for (let time = 0; time < 3; time++) {
    cluster.network.interrupt();
    await cluster.clock.advance(5_000);
    t.same(scheduler.told.splice(0), ['disconnected', 'reregistered']);
  }
  await agent.executors.tell('t1', 't1', 'TASK_FINISHED');
  await cluster.clock.advance(60_000);
  t.same(scheduler.told, ['t1 TASK_FINISHED']);
  t.same([agent.executors.runs, agent.executors.kills], [['t1'], []]);
});

t.test('A leader that ends is no lost task, and what ends meanwhile is told', async (t) => {
  const { cluster, leader, agent, scheduler } = await running(t);
  scheduler.waiting.push('t2');
  await cluster.until(() => scheduler.told.includes('t2 TASK_RUNNING'), 10_000);
  scheduler.told.length = 0;
  const next = await cluster.addMaster('m2');
  await cluster.endMaster(leader);
  await agent.executors.tell('t2', 't2', 'TASK_FINISHED');
  await cluster.until(() => next.epochs.length > 0, 10_000);
  await cluster.clock.advance(120_000);
  t.same(scheduler.told.splice(0), ['disconnected', 'reregistered', 't2 TASK_FINISHED']);
  await agent.executors.tell('t1', 't1', 'TASK_FINISHED');
  await cluster.clock.advance(120_000);
  t.same(scheduler.told, ['t1 TASK_FINISHED']);
  t.same([agent.executors.runs, agent.executors.kills], [['t1', 't2'], []]);
});

t.test('A job', async (t) => {
  const piece = (name: string) => ({ name, data: new Uint8Array() });
  /** Three tasks, of which two run at a time, that end when a test says so. */
  async function job(t: Test) {
    const cluster = VirtualCluster.open(t);
    const leader = await cluster.addMaster('m1');
    const agent = await cluster.addAgent('a1', 'cpus:2;mem:1024');
    const node = await cluster.addNode('j');
    const accepted: number[] = [];
    const framework = { name: 'j', user: 'u', hostname: 'h', roles: ['*'], failoverTimeoutMs: 60_000 };
    const ended = runJob({
      node,
      detector: cluster.detector(),
      framework,
      pieces: ['a', 'b', 'c'].map(piece),
      command: { value: 'true', arguments: [] },
      accept: (index) => accepted.push(index),
    });
    await cluster.until(() => agent.executors.runs.length === 2, 10_000);
    const tell = (task: string, state: TaskState) => agent.executors.tell(task, task, state);
    return { cluster, leader: leader.running, agent, accepted, ended, tell };
  }

  t.test('launches nothing again whose leader ended, or whose connection broke', async (t) => {
    const { cluster, leader, agent, accepted, ended, tell } = await job(t);
    await cluster.addMaster('m2');
    await cluster.endMaster(leader);
    await cluster.clock.advance(300_000);
    for (let time = 0; time < 3; time++) {
      cluster.network.interrupt();
      await cluster.clock.advance(20_000);
    }
    t.same(agent.executors.runs, ['j-0.0', 'j-1.0'], 'however long that was ago');
    for (const task of ['j-0.0', 'j-1.0']) await tell(task, 'TASK_FINISHED');
    for (const id of agent.executors.ids) await agent.executors.end(id, 0);
    await cluster.until(() => agent.executors.runs.includes('j-2.0' as never), 20_000);
    await tell('j-2.0', 'TASK_FINISHED');
    await cluster.until(() => accepted.length === 3, 10_000);
    await ended;
    t.same(accepted.sort(), [0, 1, 2]);
    t.same(agent.executors.runs, ['j-0.0', 'j-1.0', 'j-2.0']);
    t.same(agent.executors.kills, []);
  });

  t.test('has launched again what its leader took and never passed on, even where that comes late', async (t) => {
    const { cluster, leader, agent, accepted, ended, tell } = await job(t);
    const late = cluster.filters.hold(RunTask, { to: '@a1' });
    for (const task of ['j-0.0', 'j-1.0']) await tell(task, 'TASK_FINISHED');
    await agent.executors.end('j-0.0', 0);
    let caught = false;
    void late.caught.then(() => {
      caught = true;
    });
    await cluster.until(() => caught, 20_000);
    await cluster.addMaster('m2');
    await cluster.endMaster(leader);
    await cluster.clock.advance(5_000);
    late.release();
    await cluster.until(() => agent.executors.runs.length > 2, 60_000);
    t.same(agent.executors.runs, ['j-0.0', 'j-1.0', 'j-2.1'], 'under a new id, and the late one never runs');
    await tell('j-2.1', 'TASK_FINISHED');
    await cluster.until(() => accepted.length === 3, 10_000);
    await ended;
  });
});
