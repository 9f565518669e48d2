import { type Allocator, Books, type Usage } from '@mesos-ts/master';
import type { Upid } from '@mesos-ts/process';
import {
  type FrameworkId,
  type FrameworkInfo,
  formatResources,
  type MasterId,
  parseResources,
  type ReregisterSlave,
  type Resources,
  type SlaveId,
} from '@mesos-ts/protocol';
import t from 'tap';
import { executor, reported, task } from './rig.js';

const frameworkId = 'f' as FrameworkId;
const slaveId = 'm0-S0' as SlaveId;
const info: FrameworkInfo = { name: 'f', user: 'u', hostname: 'h', roles: ['eng', 'ads'], failoverTimeoutMs: 0 };
const agentInfo = { hostname: 'h', resources: parseResources('cpus:8;mem:4096') };

/** Books whose allocator writes down what it is told, as `used eng cpus:1`. */
function recorded() {
  const told: string[] = [];
  const note =
    (what: string) =>
    (_framework: FrameworkId, _slave: SlaveId, role: string, resources: Resources): void => {
      told.push(`${what} ${role} ${formatResources(resources)}`);
    };
  const notes: Partial<Allocator> = {
    addSlave: (_id, _slave, used: readonly Usage[]) => {
      for (const { role, resources } of used) told.push(`holds ${role} ${formatResources(resources)}`);
    },
    used: note('used'),
    recoverResources: note('recovered'),
    releaseResources: note('released'),
  };
  // What is not written down is not looked at.
  const allocator = new Proxy(notes, { get: (target, name) => Reflect.get(target, name) ?? (() => undefined) });
  const books = new Books('m1' as MasterId, allocator as Allocator);
  const take = (): string[] => told.splice(0);
  return { books, take };
}

function connected() {
  const { books, take } = recorded();
  const agent = books.addAgent(slaveId, agentInfo, 'slave@a' as Upid);
  const framework = books.addFramework(frameworkId, info);
  books.connectFramework(framework, 'scheduler@f' as Upid, undefined);
  take();
  return { books, take, agent, framework };
}

const by = executor('e', 'cpus:0.5');
const launch = (id: string, startsExecutor: boolean) => ({
  info: task(id, { slaveId }, 'cpus:1', by),
  startsExecutor,
});

t.test('What is launched, and what it gives back, counts to the role of its offer', async (t) => {
  const { books, take, agent, framework } = connected();
  books.launch(framework, agent, 'eng', launch('t1', true));
  books.launch(framework, agent, 'ads', launch('t2', false));
  t.same(take(), ['used eng cpus:1.5', 'used ads cpus:1']);
  for (const [id, role] of [
    ['t2', 'ads'],
    ['t1', 'eng'],
  ]) {
    const record = [...framework.tasks.values()].find((one) => one.task.taskId === id);
    if (record !== undefined) books.update(agent, record, 'TASK_FINISHED');
    t.same(take(), [`released ${role} cpus:1`]);
  }
  books.executorEnded(agent, frameworkId, by.executorId);
  t.same(take(), ['released eng cpus:0.5']);
});

t.test('An agent that is counted anew holds what it holds in the roles that it was taken in', async (t) => {
  const { books, take, agent, framework } = connected();
  books.launch(framework, agent, 'eng', launch('t1', true));
  books.launch(framework, agent, 'ads', launch('t2', false));
  take();
  books.updateFramework(framework, { ...info, roles: ['web'] });
  books.updateAgent(agent, agentInfo);
  t.same(take(), ['holds eng cpus:1', 'holds ads cpus:1', 'holds eng cpus:0.5'], 'also those that were left since');
  books.removeFramework(framework);
  t.same(take(), []);
  books.executorEnded(agent, frameworkId, by.executorId);
  t.same(take(), ['released eng cpus:0.5', 'released eng cpus:1', 'released ads cpus:1'], 'and of one that is gone');
});

t.test('What a new leader hears of is held in the roles that the agent names', async (t) => {
  const { books, take } = recorded();
  const report = (frameworks: ReregisterSlave['frameworks']): ReregisterSlave => ({
    slave: { ...agentInfo, id: slaveId },
    version: '0',
    tasks: [
      reported({ frameworkId }, task('t1', { slaveId }, 'cpus:1', by), 'TASK_RUNNING', 'eng/prod'),
      reported({ frameworkId }, task('t2', { slaveId }, 'cpus:2', by), 'TASK_RUNNING', 'ads'),
    ],
    executors: [{ frameworkId, executor: by, role: 'eng' }],
    frameworks,
  });
  books.importAgent(slaveId, report([{ ...info, id: frameworkId }]), 'slave@a' as Upid);
  t.same(take(), ['holds eng/prod cpus:1', 'holds ads cpus:2', 'holds eng cpus:0.5']);
  const other = recorded();
  const agent = other.books.importAgent(slaveId, report([]), 'slave@a' as Upid);
  const held = ['eng cpus:0.5', 'eng/prod cpus:1', 'ads cpus:2'];
  t.same(
    other.take(),
    held.map((one) => `holds ${one}`),
    'its executor holds what tasks of nobody use',
  );
  other.books.executorEnded(agent, frameworkId, by.executorId);
  t.same(
    other.take(),
    held.map((one) => `released ${one}`),
  );
});

t.test(
  'What was allocated in a role that the framework has left meanwhile is given back, and not offered',
  async (t) => {
    const { books, take, framework } = connected();
    const allocation = { frameworkId, slaveId, role: 'ads', resources: parseResources('cpus:1') };
    t.match(books.makeOffer(allocation), { role: 'ads', slaveId });
    books.updateFramework(framework, { ...info, roles: ['eng'] });
    t.equal(books.makeOffer(allocation), undefined);
    t.same(take(), ['recovered ads cpus:1']);
  },
);
