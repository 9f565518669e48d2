import assert from 'node:assert/strict';
import { Job, type JobEffect, type JobPlan, relaunchesMax } from '@mesos-ts/frameworks';
import { Random } from '@mesos-ts/process';
import {
  containsResources,
  type ExecutorId,
  type FrameworkId,
  formatResources,
  type Offer,
  type OfferId,
  parseResources,
  type Resources,
  type SlaveId,
  subtractResources,
  type TaskId,
  type TaskInfo,
  type TaskStatus,
} from '@mesos-ts/protocol';
import fc from 'fast-check';
import t from 'tap';

const plan: JobPlan = {
  pieces: [],
  name: 'j',
  executor: {
    name: 'exe',
    command: { value: 'exe', arguments: [] },
    resources: parseResources('cpus:0.1;mem:32'),
  },
  resources: parseResources('cpus:0.9;mem:64'),
};

function newJob(pieces: number, more: Partial<JobPlan> = {}): Job {
  const piece = (_: unknown, index: number) => ({ name: `piece ${index}`, data: Buffer.from(`data ${index}`) });
  return new Job({ ...plan, pieces: Array.from({ length: pieces }, piece), ...more });
}

/** An offer in words: `o1 a1 cpus:2;mem:1024`. */
function offer(text: string): Offer {
  const [id, agent, resources = ''] = text.split(' ');
  return {
    id: id as OfferId,
    frameworkId: 'f' as FrameworkId,
    slaveId: agent as SlaveId,
    hostname: 'h',
    role: '*',
    resources: parseResources(resources),
    executorIds: [],
  };
}

/** A status in words: `j-0.0 FINISHED result`, `j-0.0 FAILED @master REASON_RECONCILIATION`, `j-0.0 LOST @slave`. */
function status(text: string): TaskStatus {
  const [task = '', state = '', ...rest] = text.split(' ');
  const source = rest.includes('@master')
    ? 'SOURCE_MASTER'
    : rest.includes('@slave')
      ? 'SOURCE_SLAVE'
      : 'SOURCE_EXECUTOR';
  const reason = rest.find((word) => word.startsWith('REASON_'));
  const words = rest.filter((word) => !word.startsWith('@') && word !== reason).join(' ');
  return {
    taskId: task as TaskId,
    state: `TASK_${state}` as TaskStatus['state'],
    source,
    timestamp: 0,
    ...(reason === undefined ? {} : { reason: reason as NonNullable<TaskStatus['reason']> }),
    ...(words === '' ? {} : state === 'FINISHED' ? { data: Buffer.from(words) } : { message: words }),
  };
}

/** What a job wants, a line each. */
function lines(effects: readonly JobEffect[]): string[] {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'launch':
        return `launch ${effect.tasks.map(({ taskId }) => taskId).join(' ')} on ${effect.offerId}, rest ${effect.filters.refuseSeconds} s`;
      case 'decline':
        return `decline ${effect.offerIds.join(' ')} ${effect.filters.refuseSeconds} s`;
      case 'kill':
        return `kill ${effect.taskId}`;
      case 'reconcile':
        return `reconcile ${effect.tasks.map(({ taskId, slaveId }) => `${taskId}@${slaveId}`).join(' ')}`;
      case 'accept':
        return `accept ${effect.piece} ${Buffer.from(effect.data).toString()}`;
      case 'fail':
        return `fail ${effect.piece} ${effect.message}`;
      default:
        return effect.kind;
    }
  });
}

/** Drives one job; times in s. */
class Transcript {
  constructor(readonly job: Job) {}

  offers(atS: number, ...texts: string[]): string[] {
    return lines(this.job.offered(atS * 1_000, texts.map(offer)));
  }

  status(atS: number, text: string): string[] {
    return lines(this.job.updated(atS * 1_000, status(text)));
  }

  check(atS: number): string[] {
    return lines(this.job.checkTasks(atS * 1_000));
  }
}

const transcript = (pieces: number, more: Partial<JobPlan> = {}) => new Transcript(newJob(pieces, more));

t.test('a whole job: fills offers, suppresses what it does not need, accepts, finishes', async (t) => {
  const job = transcript(3);
  t.same(job.job.progress, { done: 0, running: 0, total: 3, fraction: 0 });
  t.same(job.offers(0, 'o1 a1 cpus:2.5;mem:1024', 'o2 a2 cpus:8;mem:1024', 'o3 a3 cpus:8;mem:1024'), [
    'launch j-0.0 j-1.0 on o1, rest 5 s',
    'launch j-2.0 on o2, rest 3600 s',
    'decline o3 3600 s',
    'suppress',
  ]);
  t.same(job.offers(1, 'o4 a1 cpus:8;mem:1024'), ['decline o4 3600 s'], 'suppressed already');
  t.same(job.status(1, 'j-0.0 STAGING @master'), []);
  t.same(job.status(1, 'j-0.0 RUNNING'), []);
  t.same(job.status(1, 'j-2.0 RUNNING'), []);
  t.same(job.job.progress, { done: 0, running: 2, total: 3, fraction: 0 });
  t.same(job.status(2, 'j-1.0 FINISHED one'), ['accept 1 one']);
  t.same(job.status(2, 'j-2.0 FINISHED two'), ['accept 2 two']);
  t.same(job.job.progress, { done: 2, running: 1, total: 3, fraction: 2 / 3 });
  t.same(job.status(3, 'j-0.0 FINISHED zero'), ['accept 0 zero', 'finish']);
  t.same(job.job.progress, { done: 3, running: 0, total: 3, fraction: 1 });
  t.equal(job.job.nextCheckMs, undefined);
  t.same(job.status(4, 'j-0.0 FINISHED zero'), [], 'nothing after the end');
  t.same(job.offers(4, 'o5 a1 cpus:8;mem:1024'), ['decline o5 3600 s']);
});

t.test('a task has an executor of its own, paid for out of the same offer', async (t) => {
  const [launch] = newJob(1).offered(0, [
    { ...offer('o1 a1'), role: 'ads', resources: parseResources('cpus(ads):0.5;cpus:0.5;mem:96') },
  ]);
  t.match(launch, {
    kind: 'launch',
    tasks: [
      {
        taskId: 'j-0.0',
        name: 'piece 0',
        slaveId: 'a1',
        executor: { executorId: 'j-0.0', name: 'exe', command: { value: 'exe' } },
        data: Buffer.from('data 0'),
      },
    ],
  });
  const task = launch?.kind === 'launch' ? launch.tasks[0] : undefined;
  t.equal(formatResources(task?.executor.resources ?? []), 'cpus(ads):0.1;mem:32');
  t.equal(formatResources(task?.resources ?? []), 'cpus:0.5;cpus(ads):0.4;mem:64');
  const little = transcript(1);
  t.same(little.offers(0, 'o1 a1 cpus:0.999;mem:1024'), ['decline o1 5 s'], 'the executor counts');
  t.same(little.offers(0, 'o2 a1 cpus:1;mem:95'), ['decline o2 5 s']);
  t.same(little.offers(0, 'o3 a1 cpus:1;mem:96'), ['launch j-0.0 on o3, rest 3600 s', 'suppress']);
});

t.test('a lost task is launched again under a new id, and offers are asked for again', async (t) => {
  for (const end of [
    'LOST @master REASON_SLAVE_REMOVED',
    'DROPPED @master REASON_INVALID_OFFERS',
    'GONE @slave',
    'UNKNOWN @master REASON_RECONCILIATION',
    'UNREACHABLE @master',
    'KILLED',
    'FAILED @slave REASON_EXECUTOR_TERMINATED',
    'FAILED @master REASON_RECONCILIATION',
    'KILLED @slave REASON_TASK_KILLED_DURING_LAUNCH',
  ]) {
    const job = transcript(2);
    job.offers(0, 'o1 a1 cpus:2;mem:1024');
    job.status(1, 'j-0.0 RUNNING');
    t.same(job.status(2, `j-0.0 ${end}`), ['revive'], end);
    t.equal(job.job.progress.running, 0);
    t.same(job.status(2, `j-0.0 ${end}`), [], 'once');
    t.same(job.status(2, 'j-1.0 LOST @master'), [], 'revived already');
    t.same(job.offers(3, 'o2 a2 cpus:1;mem:1024'), ['launch j-0.1 on o2, rest 5 s']);
    t.same(job.offers(3, 'o3 a2 cpus:1;mem:1024'), ['launch j-1.1 on o3, rest 3600 s', 'suppress']);
    t.same(job.status(4, `j-0.0 ${end}`), [], 'what is said of the former task changes nothing');
  }
});

t.test('a piece that is lost again and again fails the job, by name', async (t) => {
  const job = transcript(2);
  job.offers(0, 'o a1 cpus:2;mem:1024');
  for (let attempt = 0; attempt < relaunchesMax; attempt++) {
    t.same(job.status(1, `j-1.${attempt} FAILED @slave REASON_EXECUTOR_TERMINATED exit 137`), ['revive']);
    t.same(job.offers(1, 'o a1 cpus:1;mem:1024'), [`launch j-1.${attempt + 1} on o, rest 3600 s`, 'suppress']);
  }
  t.same(job.status(2, `j-1.${relaunchesMax} FAILED @slave REASON_EXECUTOR_TERMINATED exit 137`), [
    'fail 1 launched 6 times in vain; the last time: TASK_FAILED: REASON_EXECUTOR_TERMINATED: exit 137',
  ]);
  t.same(job.status(2, 'j-0.0 FINISHED zero'), [], 'nothing after the end');
  t.equal(job.job.nextCheckMs, undefined);
});

t.test('what would fail again fails the job at once', async (t) => {
  const failed = transcript(2);
  failed.offers(0, 'o a1 cpus:2;mem:1024');
  t.same(failed.status(1, 'j-1.0 FAILED the integrand is NaN at x = 1'), [
    'fail 1 TASK_FAILED: the integrand is NaN at x = 1',
  ]);
  const invalid = transcript(1);
  invalid.offers(0, 'o a1 cpus:2;mem:1024');
  t.same(invalid.status(1, 'j-0.0 ERROR @master REASON_TASK_INVALID no such role'), [
    'fail 0 TASK_ERROR: REASON_TASK_INVALID: no such role',
  ]);
});

t.test('the first result of a piece counts, whichever task it comes from', async (t) => {
  const job = transcript(2);
  job.offers(0, 'o1 a1 cpus:2;mem:1024');
  job.status(1, 'j-0.0 RUNNING');
  job.status(1, 'j-0.0 UNREACHABLE @master');
  job.offers(2, 'o2 a2 cpus:1;mem:1024');
  t.same(job.status(3, 'j-0.1 RUNNING'), []);
  t.same(job.status(3, 'j-0.0 RUNNING'), ['kill j-0.0'], 'back, but replaced');
  t.same(job.status(4, 'j-0.0 FINISHED first'), ['accept 0 first', 'kill j-0.1']);
  t.same(job.job.progress, { done: 1, running: 0, total: 2, fraction: 0.5 });
  t.same(job.status(5, 'j-0.1 RUNNING'), ['kill j-0.1'], 'again, as the kill may be lost');
  t.same(job.status(5, 'j-0.1 FINISHED second'), []);
  t.same(job.status(5, 'j-0.1 KILLED'), []);
  t.same(job.status(5, 'j-0.1 FAILED too late to matter'), []);
  t.same(job.status(5, 'j-0.0 FINISHED first'), [], 'a repeated update');
  t.same(job.status(6, 'j-1.0 FINISHED other'), ['accept 1 other', 'finish']);
});

t.test('a result that comes while its piece waits for a new launch spares the launch', async (t) => {
  const job = transcript(1);
  job.offers(0, 'o1 a1 cpus:2;mem:1024');
  t.same(job.status(1, 'j-0.0 UNREACHABLE @master'), ['revive']);
  t.same(job.status(2, 'j-0.0 FINISHED after all'), ['accept 0 after all', 'finish']);
  const two = transcript(2);
  two.offers(0, 'o1 a1 cpus:2;mem:1024');
  two.status(1, 'j-0.0 UNREACHABLE @master');
  t.same(two.status(2, 'j-0.0 FINISHED after all'), ['accept 0 after all']);
  t.same(two.offers(3, 'o2 a1 cpus:2;mem:1024'), ['decline o2 3600 s', 'suppress']);
});

t.test('a master that knows of a result does not have it', async (t) => {
  const job = transcript(1);
  job.offers(0, 'o1 a1 cpus:2;mem:1024');
  t.same(job.check(10), ['reconcile j-0.0@a1']);
  t.same(job.status(11, 'j-0.0 FINISHED @master REASON_RECONCILIATION'), []);
  t.same(job.check(20), ['reconcile j-0.0@a1'], 'and is asked again, until');
  t.same(job.status(21, 'j-0.0 FINISHED the agent says it'), ['accept 0 the agent says it', 'finish']);
  const gone = transcript(1);
  gone.offers(0, 'o1 a1 cpus:2;mem:1024');
  gone.check(10);
  gone.status(11, 'j-0.0 FINISHED @master REASON_RECONCILIATION');
  t.same(gone.status(12, 'j-0.0 GONE @master REASON_RECONCILIATION'), ['revive'], 'or it is lost with its agent');
  t.same(transcript(0).status(0, 'j-0.0 FINISHED x'), [], 'a task that was never launched');
});

t.test('a finished task without data has an empty result', async (t) => {
  const job = transcript(1);
  job.offers(0, 'o1 a1 cpus:2;mem:1024');
  t.same(job.status(1, 'j-0.0 FINISHED'), ['accept 0 ', 'finish']);
});

t.test('a launch that nothing is heard of is asked about, and given up when nobody answers', async (t) => {
  const job = transcript(2);
  t.equal(job.job.nextCheckMs, undefined);
  job.offers(0, 'o1 a1 cpus:1;mem:1024');
  job.offers(3, 'o2 a2 cpus:1;mem:1024');
  t.equal(job.job.nextCheckMs, 10_000);
  t.same(job.check(9.9), []);
  t.same(job.check(10), ['reconcile j-0.0@a1']);
  t.equal(job.job.nextCheckMs, 13_000);
  t.same(job.check(13), ['reconcile j-1.0@a2']);
  t.same(job.status(14, 'j-1.0 UNKNOWN @master REASON_RECONCILIATION'), ['revive'], 'an answer');
  t.equal(job.job.nextCheckMs, 20_000);
  t.same(job.check(20), ['reconcile j-0.0@a1']);
  t.same(job.check(39.9), []);
  t.same(job.check(40), [], 'no answer: launched again as soon as there is an offer');
  t.same(job.offers(41, 'o3 a2 cpus:4;mem:1024'), ['launch j-1.1 j-0.1 on o3, rest 3600 s', 'suppress']);
  t.same(job.status(50, 'j-0.0 RUNNING'), ['kill j-0.0'], 'replaced');
  t.same(job.status(50, 'j-0.1 RUNNING'), []);
  t.same(job.status(50, 'j-1.1 RUNNING'), []);
  t.same(job.check(109), []);
  t.same(job.check(110), ['reconcile j-1.1@a2 j-0.1@a2'], 'once heard of, a minute of silence is too long');
  t.same(job.status(111, 'j-0.1 RUNNING @master REASON_RECONCILIATION'), []);
  t.same(job.status(111, 'j-1.1 RUNNING @master REASON_RECONCILIATION'), []);
  t.equal(job.job.nextCheckMs, 120_000, 'too early, never too late');
  t.same(job.check(120), []);
  t.equal(job.job.nextCheckMs, 171_000);
  const short = transcript(1, { launchTimeoutMs: 100 });
  short.offers(0, 'o1 a1 cpus:1;mem:1024');
  t.equal(short.job.nextCheckMs, 100);
});

t.test('a task that was given up and lives is taken back while nothing has replaced it', async (t) => {
  const job = transcript(1);
  job.offers(0, 'o1 a1 cpus:1;mem:1024');
  job.status(1, 'j-0.0 RUNNING');
  t.same(job.status(2, 'j-0.0 UNREACHABLE @master'), ['revive']);
  t.same(job.status(3, 'j-0.0 RUNNING'), []);
  t.same(job.job.progress, { done: 0, running: 1, total: 1, fraction: 0 });
  t.same(job.offers(4, 'o2 a2 cpus:1;mem:1024'), ['decline o2 3600 s', 'suppress']);
  t.same(job.status(5, 'j-0.0 FINISHED x'), ['accept 0 x', 'finish']);
});

t.test('a silent master fails a piece in the end, too', async (t) => {
  const job = transcript(1);
  let seconds = 0;
  let last: string[] = [];
  for (let attempt = 0; attempt <= relaunchesMax; attempt++) {
    job.offers(seconds, 'o1 a1 cpus:1;mem:1024');
    for (const pause of [10, 10, 20]) {
      seconds += pause;
      last = job.check(seconds);
    }
  }
  t.same(last, ['fail 0 launched 6 times in vain; the last time: the master did not say what became of it']);
});

t.test('after a disconnection, everything that is under way is asked about', async (t) => {
  const job = newJob(3);
  job.offered(0, [offer('o1 a1 cpus:2;mem:1024')]);
  job.updated(1_000, status('j-0.0 RUNNING'));
  job.checkTasks(10_000);
  job.checkTasks(20_000);
  job.disconnected();
  t.equal(job.nextCheckMs, undefined);
  t.same(job.checkTasks(40_000), [], 'while nobody can be asked, nothing is given up');
  t.same(lines(job.reconnected(50_000)), ['revive', 'reconcile j-0.0@a1 j-1.0@a1']);
  t.same(lines(job.checkTasks(60_000)), ['reconcile j-0.0@a1 j-1.0@a1'], 'the patience begins anew');
  job.offered(61_000, [offer('o2 a2 cpus:2;mem:1024')]);
  t.same(lines(job.reconnected(62_000)), ['suppress', 'reconcile j-0.0@a1 j-1.0@a1 j-2.0@a2']);
  t.same(lines(job.updated(63_000, status('j-1.0 GONE @master'))), ['revive'], 'the suppression is known');
});

t.test('when an agent is lost, its tasks are asked about', async (t) => {
  const job = newJob(3);
  job.offered(0, [offer('o1 a1 cpus:2;mem:1024'), offer('o2 a2 cpus:2;mem:1024')]);
  t.same(lines(job.slaveLost(1_000, 'a1' as SlaveId)), ['reconcile j-0.0@a1 j-1.0@a1']);
  t.same(lines(job.slaveLost(1_000, 'a9' as SlaveId)), []);
});

t.test('progress counts what executors say, and forgets what is lost', async (t) => {
  const job = newJob(4);
  job.offered(0, [offer('o1 a1 cpus:4;mem:1024')]);
  const say = (task: string, fraction: unknown) => job.progressed(task as ExecutorId, fraction);
  say('j-0.0', 0.5);
  say('j-1.0', 0.25);
  t.equal(job.progress.fraction, 0.75 / 4);
  for (const nonsense of [0.4, -1, 1.1, Number.NaN, '0.9', null, undefined, {}]) say('j-0.0', nonsense);
  say('unknown', 0.9);
  t.equal(job.progress.fraction, 0.75 / 4, 'it neither falls nor believes everything');
  job.updated(1, status('j-0.0 FINISHED x'));
  t.equal(job.progress.fraction, 1.25 / 4);
  job.updated(1, status('j-1.0 LOST @master'));
  say('j-1.0', 0.9);
  t.equal(job.progress.fraction, 1 / 4);
});

t.test('one launch stays small enough for a message', async (t) => {
  const pieces = Array.from({ length: 10 }, (_, index) => ({ name: `p${index}`, data: new Uint8Array(100_000) }));
  const job = transcript(0, { pieces });
  t.same(job.offers(0, 'o1 a1 cpus:64;mem:65536'), ['launch j-0.0 j-1.0 j-2.0 j-3.0 j-4.0 j-5.0 on o1, rest 0 s']);
  t.same(job.offers(0, 'o2 a1 cpus:64;mem:65536'), ['launch j-6.0 j-7.0 j-8.0 j-9.0 on o2, rest 3600 s', 'suppress']);
});

/** A cluster that does anything that a cluster may do, and in the end does what it should. */
class Chaos {
  readonly accepted = new Map<number, string>();
  readonly #tasks = new Map<TaskId, TaskInfo>();
  readonly #broken: string[] = [];
  outcome: string | undefined;
  #offers = 0;
  #nowMs = 0;

  constructor(
    readonly job: Job,
    private readonly choose: () => number,
  ) {}

  get broken(): readonly string[] {
    return this.#broken;
  }

  step(isKind: boolean): void {
    this.#nowMs += Math.floor(this.choose() * 5_000);
    const tasks = [...this.#tasks.values()];
    const task = tasks[Math.floor(this.choose() * tasks.length)];
    if (task === undefined || this.choose() < 0.3) this.#offer();
    else if (isKind) for (const each of tasks) this.#status(each, 'FINISHED');
    else this.#happen(task);
    this.#apply(this.job.checkTasks(this.#nowMs));
  }

  #offer(): void {
    const text = `o${this.#offers++} a${Math.floor(this.choose() * 3)} cpus:${Math.ceil(this.choose() * 40) / 10};mem:512`;
    const made = offer(text);
    const effects = this.job.offered(this.#nowMs, [made]);
    const answers = effects.filter(({ kind }) => kind === 'launch' || kind === 'decline');
    if (answers.length !== 1) this.#broken.push(`${text} was answered ${answers.length} times`);
    for (const effect of effects) if (effect.kind === 'launch') this.#launched(made.resources, effect.tasks);
    this.#apply(effects);
  }

  #launched(offered: Resources, tasks: readonly TaskInfo[]): void {
    let left = offered;
    for (const task of tasks) {
      if (this.#tasks.has(task.taskId)) this.#broken.push(`${task.taskId} was used before`);
      this.#tasks.set(task.taskId, task);
      for (const part of [task.resources, task.executor.resources]) {
        if (!containsResources(left, part)) this.#broken.push(`${task.taskId} takes more than was offered`);
        else left = subtractResources(left, part);
      }
    }
  }

  #happen(task: TaskInfo): void {
    const ends = ['RUNNING', 'RUNNING', 'FINISHED', 'FINISHED', 'LOST', 'UNREACHABLE', 'KILLED'];
    const end = ends[Math.floor(this.choose() * ends.length)] ?? 'RUNNING';
    const times = 1 + Math.floor(this.choose() * 2);
    for (let time = 0; time < times; time++) this.#status(task, end);
    if (this.choose() < 0.1) this.#apply(this.job.reconnected(this.#nowMs));
    if (this.choose() < 0.1) this.#apply(this.job.slaveLost(this.#nowMs, task.slaveId));
  }

  #status(task: TaskInfo, end: string): void {
    const data = end === 'FINISHED' ? ` ${Buffer.from(task.data ?? []).toString()}` : '';
    const source = end === 'RUNNING' || end === 'FINISHED' ? '' : ' @master';
    this.#apply(this.job.updated(this.#nowMs, status(`${task.taskId} ${end}${data}${source}`)));
  }

  #apply(effects: readonly JobEffect[]): void {
    for (const effect of effects) {
      if (this.outcome !== undefined && effect.kind !== 'decline') this.#broken.push(`${effect.kind} after the end`);
      if (effect.kind === 'accept') {
        if (this.accepted.has(effect.piece)) this.#broken.push(`piece ${effect.piece} was accepted twice`);
        this.accepted.set(effect.piece, Buffer.from(effect.data).toString());
      }
      if (effect.kind === 'finish' || effect.kind === 'fail') this.outcome = effect.kind;
      if (effect.kind === 'reconcile' && effect.tasks.length === 0)
        this.#broken.push('an empty reconciliation asks for all');
    }
    const { done, running, total, fraction } = this.job.progress;
    if (done !== this.accepted.size || done + running > total || !(fraction >= 0 && fraction <= 1))
      this.#broken.push(`progress is ${done} + ${running} of ${total}, ${fraction}`);
  }
}

t.test('whatever happens, each piece is accepted exactly once, or the job says that it failed', async (t) => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.nat(), (pieces, seed) => {
      const random = new Random(seed);
      const chaos = new Chaos(newJob(pieces), () => random.fraction());
      for (let step = 0; step < 60 && chaos.outcome === undefined; step++) chaos.step(false);
      for (let step = 0; step < 200 && chaos.outcome === undefined; step++) chaos.step(true);
      if (chaos.broken.length > 0) throw new Error(chaos.broken.join('; '));
      outcomes.set(chaos.outcome ?? 'none', (outcomes.get(chaos.outcome ?? 'none') ?? 0) + 1);
      if (chaos.outcome === 'fail') return;
      assert.deepEqual(
        [...chaos.accepted].sort(([a], [b]) => a - b),
        Array.from({ length: pieces }, (_, index) => [index, `data ${index}`]),
      );
    }),
    { numRuns: 300 },
  );
  t.ok((outcomes.get('finish') ?? 0) > 100 && !outcomes.has('none'), JSON.stringify([...outcomes]));
});
