import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EstimateFile, EstimateUnusable, FixedEstimator, type ResourceEstimator } from '@mesos-ts/agent';
import {
  type ExecutorId,
  formatResources,
  PingSlave,
  parseResources,
  type Resources,
  RunTask,
  type TaskId,
  UpdateSlave,
} from '@mesos-ts/protocol';
import t from 'tap';
import type { ScriptedMaster } from './scripted-master.js';
import { framework, slaveId, VirtualAgent } from './virtual-agent.js';

/* What an agent lends on top of what it has, and how its master comes to know (Mesos facts 4.7). */

/** Says what a test has it say. */
class Scripted implements ResourceEstimator {
  asked = 0;

  constructor(public says: string | Error) {}

  oversubscribable(): Resources {
    this.asked++;
    if (this.says instanceof Error) throw this.says;
    return new FixedEstimator(this.says).oversubscribable();
  }
}

/** Takes out what a master was told of it, as texts. */
async function told({ clock }: VirtualAgent, master: ScriptedMaster): Promise<string[]> {
  await clock.settle();
  const texts: string[] = [];
  while (master.heard(UpdateSlave) > 0)
    texts.push(formatResources((await master.next(UpdateSlave)).body.oversubscribed));
  return texts;
}

t.test('An agent that lends nothing says nothing of it', async (t) => {
  const stage = await VirtualAgent.start(t);
  await stage.clock.advance(60_000);
  t.same(await told(stage, stage.master), []);
});

t.test('What an agent lends is told', async (t) => {
  t.test('to every leader that registers it, and after each broken connection, all of it', async (t) => {
    const estimator = new FixedEstimator('mem:512;cpus:2');
    const stage = await VirtualAgent.start(t, { estimator, registrationBackoffMs: 100 });
    t.same(await told(stage, stage.master), ['cpus{REV}:2;mem{REV}:512']);
    const { master } = await stage.succeed('m2', 2);
    t.same(await told(stage, master), ['cpus{REV}:2;mem{REV}:512']);
    await stage.say(stage.pid, PingSlave, { connected: false, expectedAgents: 0 });
    await stage.clock.advance(100);
    t.same(await told(stage, master), ['cpus{REV}:2;mem{REV}:512']);
    await stage.clock.advance(59_000);
    t.same(await told(stage, master), [], 'and not again');
  });

  t.test('when it changes, up or down', async (t) => {
    const estimator = new Scripted('');
    const stage = await VirtualAgent.start(t, { estimator, oversubscribedIntervalMs: 1_000 });
    t.same(await told(stage, stage.master), [''], 'a leader may know of what it lent before, so nothing is told too');
    for (const [says, expected] of [
      ['cpus:2', ['cpus{REV}:2']],
      ['cpus:2', []],
      ['cpus:0.5;mem:64', ['cpus{REV}:0.5;mem{REV}:64']],
      ['', ['']],
    ] as const) {
      estimator.says = says;
      await stage.clock.advance(999);
      t.same(await told(stage, stage.master), []);
      await stage.clock.advance(1);
      t.same(await told(stage, stage.master), expected);
    }
    t.equal(estimator.asked, 5);
  });

  t.test('when there is somebody to tell, if it changed while there was nobody', async (t) => {
    const estimator = new Scripted('cpus:1');
    const options = { estimator, oversubscribedIntervalMs: 1_000, registrationBackoffMs: 100 };
    const stage = await VirtualAgent.start(t, options);
    const { master } = stage;
    await told(stage, master);
    await stage.appoint(undefined);
    estimator.says = 'cpus:3';
    await stage.clock.advance(5_000);
    t.same(await told(stage, master), []);
    const successor = await stage.succeed('m2', 2);
    t.same(await told(stage, successor.master), ['cpus{REV}:3']);
  });

  t.test('as it was, where the estimator cannot say', async (t) => {
    const estimator = new Scripted('cpus:1');
    const options = { estimator, oversubscribedIntervalMs: 1_000, registrationBackoffMs: 100 };
    const stage = await VirtualAgent.start(t, options);
    await told(stage, stage.master);
    estimator.says = new EstimateUnusable('no idea');
    await stage.clock.advance(5_000);
    t.same(await told(stage, stage.master), []);
    t.equal(stage.count('estimates_unusable'), 1, 'complained of once');
    const { master } = await stage.succeed('m2', 2);
    t.same(await told(stage, master), ['cpus{REV}:1']);
    estimator.says = 'cpus:2';
    await stage.clock.advance(1_000);
    t.same(await told(stage, master), ['cpus{REV}:2']);
    estimator.says = new EstimateUnusable('no idea');
    await stage.clock.advance(1_000);
    t.equal(stage.count('estimates_unusable'), 2, 'and once more when it is so again');
  });
});

t.test('A new leader hears which tasks and executors use what is lent', async (t) => {
  const stage = await VirtualAgent.start(t, { estimator: new FixedEstimator('cpus:2'), registrationBackoffMs: 100 });
  const executor = {
    executorId: 'e1' as ExecutorId,
    name: 'e1',
    command: { value: 'true', arguments: [] },
    resources: parseResources('cpus{REV}:0.5'),
  };
  const resources = parseResources('cpus{REV}:1;mem:64');
  const task = { taskId: 't1' as TaskId, name: 't1', slaveId, resources, executor };
  await stage.say(stage.pid, RunTask, { framework, task, role: '*', launchExecutor: true });
  const { report } = await stage.succeed('m2', 2);
  t.same(
    report.tasks.map((one) => one.resources),
    [resources],
  );
  t.same(
    report.executors.map((one) => one.executor.resources),
    [executor.resources],
  );
  t.same(report.slave.resources, parseResources('cpus:4;mem:1024'), 'what it lends is not what it has');
});

t.test('What cannot stand beside what the agent has is not told, but complained of', async (t) => {
  const resources = parseResources('cpus:4;mem:1024;ports:[1-2]');
  const stage = await VirtualAgent.start(t, { resources, estimator: new FixedEstimator('ports:5') });
  t.same(await told(stage, stage.master), ['']);
  t.equal(stage.count('estimates_unusable'), 1);
});

t.test('A fixed estimate is a list of amounts', async (t) => {
  t.equal(formatResources(new FixedEstimator('cpus:2;cpus{REV}:1;mem:0').oversubscribable()), 'cpus{REV}:3');
  for (const [text, why] of [
    ['ports:[1-2]', /ports cannot be revocable: only amounts can/],
    ['cpus(eng):1', /what is revocable cannot be reserved/],
    ['cpus:-1', /expected a number that is not negative/],
  ] as const)
    t.throws(() => new FixedEstimator(text), why);
});

t.test('An estimate in a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'estimate-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'estimate');
  const write = async (text: string) => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  const unusable = (why: RegExp) =>
    t.throws(() => file.oversubscribable(), { code: 'ESTIMATE_UNUSABLE', message: why });

  t.throws(() => new EstimateFile(path), { message: `the estimate in ${path} cannot be used: there is no such file` });
  await write('cpus:nine');
  t.throws(() => new EstimateFile(path), /estimate cannot be used: .*expected a number/);
  await write(' cpus:2;\nmem:512\n');
  const file = new EstimateFile(path);
  assert.equal(formatResources(file.oversubscribable()), 'cpus{REV}:2;mem{REV}:512');
  await write('cpus:4');
  t.equal(formatResources(file.oversubscribable()), 'cpus{REV}:4', 'it is read when it was replaced');
  await write('cpus(eng):1');
  unusable(/cannot be reserved/);
  await write('x'.repeat(65_537));
  unusable(/it has 65537 bytes, and 65536 are enough for an estimate/);
  for (const endless of ['/dev/zero', folder])
    t.throws(() => new EstimateFile(endless), { code: 'ESTIMATE_UNUSABLE', message: /it is no regular file/ });
  await rm(path);
  unusable(/there is no such file/);
  await write('');
  t.same(file.oversubscribable(), [], 'nothing is an estimate, too');
});
