import { type Forward, type IdentifiedStatus, StatusUpdateManager } from '@mesos-ts/agent';
import type { FrameworkId, TaskId, TaskState } from '@mesos-ts/protocol';
import t from 'tap';

const framework = 'F' as FrameworkId;
const other = 'G' as FrameworkId;
const second = 1_000;

/** `t1:RUNNING:a` is an update of the task t1 with the uuid a. */
function status(text: string): IdentifiedStatus {
  const [taskId, state, uuid = ''] = text.split(':');
  return {
    taskId: taskId as TaskId,
    state: `TASK_${state}` as TaskState,
    source: 'SOURCE_EXECUTOR',
    timestamp: 0,
    uuid,
  };
}

/** `t1:RUNNING:a latest FINISHED` */
function sent(forward: readonly Forward[]): string[] {
  return forward.map(
    ({ status: { taskId, state, uuid }, latestState }) =>
      `${taskId}:${state.slice(5)}:${uuid} latest ${latestState.slice(5)}`,
  );
}

/** Every call as a line: what was done, and what came of it. */
class Transcript {
  readonly manager: StatusUpdateManager;
  readonly lines: string[] = [];

  constructor(manager = new StatusUpdateManager()) {
    this.manager = manager;
  }

  update(now: number, text: string, of = framework): this {
    const { verdict, forward } = this.manager.update(now, of, status(text));
    return this.#line(`update ${text} -> ${verdict}`, forward);
  }

  acknowledge(now: number, text: string, of = framework): this {
    const [taskId, uuid = ''] = text.split(':');
    const { verdict, forward } = this.manager.acknowledge(now, of, taskId as TaskId, uuid);
    return this.#line(`ack ${text} -> ${verdict}`, forward);
  }

  resume(now: number): this {
    return this.#line('resume', this.manager.resume(now));
  }

  pause(): this {
    this.manager.pause();
    return this.#line('pause', []);
  }

  expire(now: number): this {
    return this.#line(`at ${now / second} s`, this.manager.expire(now));
  }

  #line(what: string, forward: readonly Forward[]): this {
    this.lines.push([what, ...sent(forward)].join(' > '));
    return this;
  }
}

t.test('one update of a task is outstanding; the next goes out when it is acknowledged, in order', async (t) => {
  const transcript = new Transcript()
    .resume(0)
    .update(0, 't1:STARTING:a')
    .update(0, 't1:RUNNING:b')
    .update(0, 't1:FINISHED:c')
    .update(0, 't2:RUNNING:d')
    .acknowledge(0, 't1:a')
    .acknowledge(0, 't1:b')
    .acknowledge(0, 't1:c')
    .acknowledge(0, 't2:d')
    .update(0, 't2:FAILED:e');
  t.strictSame(transcript.lines, [
    'resume',
    'update t1:STARTING:a -> taken > t1:STARTING:a latest STARTING',
    'update t1:RUNNING:b -> taken',
    'update t1:FINISHED:c -> taken',
    'update t2:RUNNING:d -> taken > t2:RUNNING:d latest RUNNING',
    'ack t1:a -> acknowledged > t1:RUNNING:b latest FINISHED',
    'ack t1:b -> acknowledged > t1:FINISHED:c latest FINISHED',
    'ack t1:c -> closed',
    'ack t2:d -> acknowledged',
    'update t2:FAILED:e -> taken > t2:FAILED:e latest FAILED',
  ]);
  t.notOk(transcript.manager.has(framework, 't1' as TaskId), 'what is closed is forgotten');
  t.ok(transcript.manager.has(framework, 't2' as TaskId));
});

t.test(
  'an unacknowledged update is sent again after 10 s, doubling to 10 minutes, with the newest state',
  async (t) => {
    const transcript = new Transcript().resume(0).update(0, 't1:RUNNING:a').update(1, 't1:FINISHED:b');
    const waits: number[] = [];
    let now = 0;
    for (let retry = 0; retry < 9; retry++) {
      const at = transcript.manager.nextRetryAt ?? 0;
      t.strictSame(sent(transcript.manager.expire(at - 1)), [], 'not a moment too early');
      t.strictSame(sent(transcript.manager.expire(at)), ['t1:RUNNING:a latest FINISHED']);
      waits.push((at - now) / second);
      now = at;
    }
    t.strictSame(waits, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
    transcript.acknowledge(now, 't1:a');
    t.equal((transcript.manager.nextRetryAt ?? 0) <= now + 10 * second, true, 'the next one begins at 10 s again');
    t.strictSame(sent(transcript.manager.expire(now + 10 * second)), ['t1:FINISHED:b latest FINISHED']);
  },
);

t.test('pausing keeps all and sends nothing; resuming sends the first of every task at once', async (t) => {
  const transcript = new Transcript()
    .update(0, 't1:RUNNING:a')
    .update(0, 't1:FINISHED:b')
    .update(0, 't2:RUNNING:c', other)
    .expire(60 * second)
    .resume(61 * second)
    .pause()
    .acknowledge(62 * second, 't1:a')
    .expire(120 * second)
    .resume(121 * second)
    .expire(130 * second)
    .expire(131 * second);
  t.strictSame(transcript.lines, [
    'update t1:RUNNING:a -> taken',
    'update t1:FINISHED:b -> taken',
    'update t2:RUNNING:c -> taken',
    'at 60 s',
    'resume > t1:RUNNING:a latest FINISHED > t2:RUNNING:c latest RUNNING',
    'pause',
    'ack t1:a -> acknowledged',
    'at 120 s',
    'resume > t1:FINISHED:b latest FINISHED > t2:RUNNING:c latest RUNNING',
    'at 130 s',
    'at 131 s > t1:FINISHED:b latest FINISHED > t2:RUNNING:c latest RUNNING',
  ]);
  transcript.pause();
  t.equal(transcript.manager.nextRetryAt, undefined, 'nothing is waited for while paused');
});

t.test('the outstanding updates of a framework that may have missed them go out at once, and no others', async (t) => {
  const transcript = new Transcript()
    .resume(0)
    .update(0, 't1:RUNNING:a')
    .update(0, 't1:FINISHED:b')
    .update(0, 't2:RUNNING:c', other)
    .update(0, 't3:RUNNING:d')
    .acknowledge(0, 't3:d');
  t.strictSame(sent(transcript.manager.resend(1 * second, framework)), ['t1:RUNNING:a latest FINISHED']);
  t.strictSame(
    sent(transcript.manager.expire(10 * second)),
    ['t2:RUNNING:c latest RUNNING'],
    'and the time begins anew',
  );
  transcript.pause();
  t.strictSame(transcript.manager.resend(11 * second, framework), [], 'nothing while there is nobody to send to');
});

t.test(
  'duplicates, what comes after the end, and acknowledgements of nothing outstanding change nothing',
  async (t) => {
    const transcript = new Transcript()
      .resume(0)
      .update(0, 't1:RUNNING:a')
      .update(0, 't1:RUNNING:a')
      .update(0, 't1:KILLED:b')
      .update(0, 't1:FINISHED:c')
      .acknowledge(0, 't1:b')
      .acknowledge(0, 't9:a')
      .acknowledge(0, 't1:a', other)
      .acknowledge(0, 't1:a')
      .acknowledge(0, 't1:a')
      .update(0, 't1:RUNNING:a')
      .update(0, 't1:RUNNING:d')
      .acknowledge(0, 't1:b')
      .acknowledge(0, 't1:b');
    t.strictSame(transcript.lines, [
      'resume',
      'update t1:RUNNING:a -> taken > t1:RUNNING:a latest RUNNING',
      'update t1:RUNNING:a -> duplicate',
      'update t1:KILLED:b -> taken',
      'update t1:FINISHED:c -> after-terminal',
      'ack t1:b -> unexpected',
      'ack t9:a -> unexpected',
      'ack t1:a -> unexpected',
      'ack t1:a -> acknowledged > t1:KILLED:b latest KILLED',
      'ack t1:a -> unexpected',
      'update t1:RUNNING:a -> duplicate',
      'update t1:RUNNING:d -> after-terminal',
      'ack t1:b -> closed',
      'ack t1:b -> unexpected',
    ]);
  },
);

t.test('a task may have 1,000 updates waiting; its terminal one still finds a place', async (t) => {
  const { manager } = new Transcript();
  for (let i = 0; i < 1_000; i++) t.equal(manager.update(0, framework, status(`t1:RUNNING:${i}`)).verdict, 'taken');
  t.equal(manager.update(0, framework, status('t1:RUNNING:more')).verdict, 'too-many');
  t.equal(manager.update(0, framework, status('t1:FINISHED:end')).verdict, 'taken');
});

t.test('the uuids of a task are remembered within bounds, and those that wait always', async (t) => {
  const { manager } = new Transcript().resume(0);
  for (let i = 0; i < 5_000; i++) {
    manager.update(0, framework, status(`t1:RUNNING:${i}`));
    manager.acknowledge(0, framework, 't1' as TaskId, String(i));
  }
  t.equal(manager.update(0, framework, status('t1:RUNNING:4999')).verdict, 'duplicate');
  t.equal(manager.update(0, framework, status('t1:RUNNING:4000')).verdict, 'duplicate');
});

t.test('what was never sent can be told at the end, and a framework can be forgotten whole', async (t) => {
  const { manager } = new Transcript()
    .update(0, 't1:RUNNING:a')
    .resume(0)
    .update(0, 't1:KILLED:b')
    .update(0, 't2:RUNNING:c', other);
  t.strictSame(sent(manager.unsent()), ['t1:KILLED:b latest KILLED']);
  manager.pause();
  t.strictSame(sent(manager.unsent()), [
    't1:RUNNING:a latest KILLED',
    't1:KILLED:b latest KILLED',
    't2:RUNNING:c latest RUNNING',
  ]);
  manager.closeFramework(framework);
  t.notOk(manager.has(framework, 't1' as TaskId));
  t.strictSame(sent(manager.resume(0)), ['t2:RUNNING:c latest RUNNING']);
});
