import t from 'tap';
import { eventually } from '../support/command.js';
import { FailoverScene } from '../support/failover-scene.js';
import { processesWith } from '../support/processes.js';
import { within } from '../support/within.js';

t.test('the leader is asked to end: its successor leads, all work is done, once', async (t) => {
  const scene = await FailoverScene.start(t);
  const first = await scene.leader();
  const master = scene.masterOf(first);
  process.kill(master.pid, 'SIGTERM');
  const second = await scene.leader(first);
  t.not(scene.masterOf(second), master, 'another master leads');
  t.match(await within('the end of the leader', master.ended), /exit code 0/);
  for (const framework of scene.frameworks) await framework.times('reregistered', 1);
  await scene.finish();
});

t.test('all masters are killed at once and started again: agents and frameworks stay who they are', async (t) => {
  const scene = await FailoverScene.start(t);
  const first = await scene.leader();
  const masters = [...scene.cluster.masters];
  for (const { pid } of masters) process.kill(pid, 'SIGKILL');
  for (const { name, ended } of masters) {
    t.match(await ended, /SIGKILL/);
    scene.cluster.restartMaster(name);
  }
  const next = await scene.leader(first);
  t.ok(next.epoch > first.epoch, 'with a later epoch');
  for (const framework of scene.frameworks) await framework.times('reregistered', 1);
  for (const framework of scene.frameworks) t.equal(framework.count('registered'), 1, 'nobody got a new id');
  await scene.finish();
});

t.test('a framework that never comes back after a failover is removed on time, and its executors end', async (t) => {
  const failoverTimeoutMs = 5_000;
  const scene = await FailoverScene.start(t, {
    failoverTimeoutMs,
    work: { inFlight: 6, taskMs: 600_000 },
  });
  const executors = (): number[] => processesWith(scene.first.startsFile);
  await eventually('its executors run', () => executors().length > 0);
  const killedAt = performance.now();
  scene.first.child.kill('SIGKILL');
  await within('its end', scene.first.outcome);
  await scene.killLeader(await scene.leader());
  await scene.second.times('reregistered', 1);
  await eventually('its executors end', () => executors().length === 0);
  t.ok(performance.now() - killedAt >= failoverTimeoutMs, 'its tasks go on for its failover timeout');
});
