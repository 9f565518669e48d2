import {
  type MailboxBound,
  message,
  type Node,
  type RuntimeEvent,
  type Upid,
  upid,
  VirtualClock,
} from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import t from 'tap';
import { Actor } from './actor.js';
import { deferred, World } from './world.js';

const Note = message('Note', { n: Type.Number() });
const Answer = message('Answer', { n: Type.Integer() });
const Question = message('Question', { n: Type.Integer() }, { reply: Answer });
const deadlineMs = 1_000;

/** Time goes on while a handler works, as much as it says. */
class WorkClock extends VirtualClock {
  #workedMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override now(): number {
    return super.now() + this.#workedMs;
  }
}

function eventsOf<C extends RuntimeEvent['code']>(node: Node, code: C): Extract<RuntimeEvent, { code: C }>[] {
  const events: Extract<RuntimeEvent, { code: C }>[] = [];
  node.events.subscribe((event) => {
    if (event.code === code) events.push(event as Extract<RuntimeEvent, { code: C }>);
  });
  return events;
}

/** A process that is held by its first event until the gate opens, and then says what it got. */
function held(node: Node, mailbox: MailboxBound, gate: Promise<void>, got: string[]): { pid: Upid; actor: Actor } {
  const actor: Actor = new Actor('held', {
    initialize: (self) => {
      self.on(Note, (_from, { n }) => void got.push(`note ${n}`));
      self.on(Question, (_from, { n }) => {
        got.push(`question ${n}`);
        self.answer(Answer, { n });
      });
      return gate;
    },
    exited: (_pid, reason) => void got.push(reason),
  });
  return { pid: node.spawn(actor, { mailbox }), actor };
}

t.test('a full mailbox', async (t) => {
  t.test('rejects what comes then: asks and dispatches are told, messages are dead letters', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const gate = deferred();
    const got: string[] = [];
    const { pid, actor } = held(b, { depthMax: 2 }, gate.promise, got);
    await world.settle();
    const [overflows, letters] = [eventsOf(b, 'MAILBOX_OVERFLOW'), eventsOf(b, 'DEAD_LETTER')];
    for (const n of [1, 2, 3]) a.send(pid, Note, { n });
    await world.settle();
    for (const home of [a, b])
      await t.rejects(home.ask(pid, Question, { n: 4 }, { deadlineMs }), { code: 'OVERLOADED', retryable: true });
    await t.rejects(
      actor.dispatch(() => got.push('dispatched')),
      { code: 'OVERLOADED' },
    );
    t.equal(world.clock.now(), 0, 'at once');
    t.strictSame(
      overflows.map(({ process, message: name, depthMax, policy }) => [process, name, depthMax, policy]),
      ['Note', 'Question', 'Question', 'dispatch'].map((name) => ['held', name, 2, 'reject']),
    );
    t.strictSame(
      letters.map(({ to, message: name, why }) => [to, name, why]),
      ['Note', 'Question', 'Question'].map((name) => ['held', name, 'overflow']),
    );
    t.equal(b.counters.get('mailbox_overflows'), 4);
    gate.resolve();
    await world.settle();
    t.strictSame(got, ['note 1', 'note 2']);
    t.strictSame(await a.ask(pid, Question, { n: 5 }, { deadlineMs }), { n: 5 }, 'there is room again');
  });

  t.test('drops the oldest where that was chosen, and who asked with it is told', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const gate = deferred();
    const got: string[] = [];
    const { pid } = held(node, { depthMax: 2, overflow: 'drop-oldest' }, gate.promise, got);
    await world.settle();
    const letters = eventsOf(node, 'DEAD_LETTER');
    const asked = node.ask(pid, Question, { n: 0 }, { deadlineMs }).catch((error: unknown) => error);
    for (const n of [1, 2, 3]) node.send(pid, Note, { n });
    t.match(await asked, { code: 'OVERLOADED' });
    t.strictSame(
      letters.map(({ message: name, why }) => `${name} ${why}`),
      ['Question overflow', 'Note overflow'],
    );
    gate.resolve();
    await world.settle();
    t.strictSame(got, ['note 2', 'note 3']);

    const single = deferred();
    node.terminate(pid);
    await node.wait(pid);
    const last = held(node, { depthMax: 1, overflow: 'drop-oldest' }, single.promise, got).pid;
    await world.settle();
    for (const n of [4, 5, 6]) node.send(last, Note, { n });
    single.resolve();
    await world.settle();
    t.equal(got.at(-1), 'note 6');
    t.equal(got.length, 3);
  });

  t.test('takes what the runtime has to say: exited in its place, timers, continuations, the end', async (t) => {
    for (const overflow of ['reject', 'drop-oldest'] as const) {
      const world = new World(t);
      const node = await world.node('a');
      const gate = deferred();
      const got: string[] = [];
      const friend = node.spawn(new Actor('friend'));
      const { pid, actor } = held(node, { depthMax: 1, overflow }, gate.promise, got);
      await world.settle();
      actor.watch(friend);
      actor.later(10, () => void got.push('timer'));
      actor.next(() => void got.push('enqueued'));
      node.terminate(friend);
      await world.advance(10);
      node.send(pid, Note, { n: 1 });
      t.match(node.processHealth(pid), { mailboxDepth: 3, state: 'busy' });
      gate.resolve();
      await world.settle();
      t.strictSame(got, ['enqueued', 'ended', 'timer']);
      node.terminate(pid, false);
      await node.wait(pid);
    }
  });

  t.test('cannot be smaller than one event', async (t) => {
    const node = await new World(t).node('a');
    for (const depthMax of [0, -1, Number.NaN])
      t.throws(() => node.spawn(new Actor('p'), { mailbox: { depthMax } }), RangeError);
  });
});

t.test('the lanes', async (t) => {
  t.test('the end of a process and what its child escalates go before all that waits, exited does not', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const gate = deferred();
    const trace: string[] = [];
    const talker = new Actor('talker');
    const talkers = node.spawn(talker);
    const parent = new Actor('parent', {
      initialize: (self) => {
        self.watch(talkers);
        self.bear(new Actor('child', { exited: () => Promise.reject(new Error('boom')) }), { supervision: 'escalate' });
        self.on(Note, async (_from, { n }) => {
          await gate.promise;
          trace.push(`note ${n}`);
        });
      },
      exited: (_pid, reason) => void trace.push(reason),
      finalize: () => void trace.push('finalize'),
    });
    const pid = node.spawn(parent);
    await world.settle();
    void talker.dispatch(() => {
      for (const n of [1, 2]) talker.say(pid, Note, { n });
      talker.end();
    });
    await world.settle();
    gate.resolve();
    await world.settle();
    t.strictSame(trace, ['note 1', 'note 2', 'ended'], 'exited comes behind what was said before it');

    trace.length = 0;
    for (const n of [3, 4]) node.send(pid, Note, { n });
    node.terminate(pid);
    await node.wait(pid);
    t.strictSame(trace, ['finalize']);
  });
});

t.test('slow turns', async (t) => {
  t.test('are reported with process, message and duration, by a limit that can be set', async (t) => {
    const clock = new WorkClock();
    const world = new World(t);
    const node = await world.node('a', [], { clock });
    const patient = await world.node('b', [], { clock, slowTurnMs: 100 });
    const worker = (): Actor =>
      new Actor('worker', { initialize: (self) => void self.on(Note, (_from, { n }) => clock.work(n)) });
    for (const home of [node, patient]) {
      const pid = home.spawn(worker());
      const slow = eventsOf(home, 'SLOW_TURN');
      for (const ms of [1, 19, 20, 35.5, 2]) home.send(pid, Note, { n: ms });
      await clock.settle();
      t.strictSame(
        slow.map(({ process, message: name, durationMs, events }) => [process, name, durationMs, events]),
        home === node
          ? [
              ['worker', 'Note', 20, 1],
              ['worker', 'Note', 35.5, 1],
            ]
          : [],
      );
      t.equal(home.processHealth(pid)?.longestTurnMs, 35.5);
    }
    t.equal(node.counters.get('turns_slow'), 2);
  });

  t.test('of trusted processes are first told with the suspects, and then one by one', async (t) => {
    const clock = new WorkClock();
    const world = new World(t);
    const node = await world.node('a', [], { clock });
    const pids = ['one', 'two'].map((id) =>
      node.spawn(new Actor(id, { initialize: (self) => void self.on(Note, (_from, { n }) => clock.work(n)) })),
    );
    const slow = eventsOf(node, 'SLOW_TURN');
    const quick = async (): Promise<void> => {
      for (let i = 0; i < 10_000; i++) for (const pid of pids) node.send(pid, Note, { n: 0 });
      await clock.settle();
    };
    await quick();
    for (let round = 0; round < 2; round++) {
      for (const n of [0, 50, 0]) for (const pid of pids) if (n === 0 || pid === pids[0]) node.send(pid, Note, { n });
      await clock.settle();
    }
    t.match(slow[0], { process: 'one, two', message: '', durationMs: 50, events: 5 });
    t.match(slow[1], { process: 'one', message: 'Note', durationMs: 50, events: 1 });
    t.equal(slow.length, 2);

    await quick();
    node.send(pids[0] as Upid, Note, { n: 12 });
    node.spawn(new Actor('new', { initialize: () => clock.work(12) }));
    await clock.settle();
    t.equal(slow.length, 2, 'what one that is trusted took is not held against one that is not');
  });

  t.test('quick processes are not measured one by one, slow ones do not keep input and output waiting', async (t) => {
    let looks = 0;
    const clock = new (class extends WorkClock {
      override now(): number {
        looks++;
        return super.now();
      }
    })();
    const world = new World(t);
    const node = await world.node('a', [], { clock });
    let handled = 0;
    const pid = node.spawn(
      new Actor('p', {
        initialize: (self) =>
          void self.on(Note, (_from, { n }) => {
            handled++;
            clock.work(n);
          }),
      }),
    );
    for (let i = 0; i < 10_000; i++) node.send(pid, Note, { n: 0 });
    await clock.settle();
    looks = 0;
    for (let i = 0; i < 10_000; i++) node.send(pid, Note, { n: 0 });
    await clock.settle();
    t.ok(looks <= 100, `${looks} looks at the clock for 10,000 messages`);

    handled = 0;
    for (let i = 0; i < 1_000; i++) node.send(pid, Note, { n: 0.4 });
    const perTurn: number[] = [];
    while (handled < 1_000) {
      const before = handled;
      await new Promise((resolve) => setImmediate(resolve));
      perTurn.push(handled - before);
    }
    t.ok((perTurn[0] ?? 0) <= 128 + 25, `${perTurn[0]} in the first turn, of which 128 were believed to be quick`);
    t.ok(Math.max(...perTurn.slice(1)) * 0.4 <= 10, `at most ${Math.max(...perTurn.slice(1))} of 0.4 ms in a turn`);
  });

  t.test('what comes turn by turn of the event loop is handled in time, and does not pile up', async (t) => {
    const node = await new World(t).node('a');
    const pid = node.spawn(new Actor('p', { initialize: (self) => void self.on(Note, () => undefined) }));
    const depths: number[] = [];
    for (let turn = 0; turn < 10; turn++) {
      // As a socket is read: up to 32 times 64 KiB of messages of some 80 bytes.
      for (let read = 0; read < 32; read++) {
        for (let i = 0; i < 800; i++) node.send(pid, Note, { n: 0 });
        await Promise.resolve();
      }
      await new Promise((resolve) => setImmediate(resolve));
      depths.push(node.health().mailboxDepth);
    }
    t.strictSame(depths, Array(10).fill(0));
  });
});

t.test('health', async (t) => {
  t.test('says how a process and its Node are doing', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const gate = deferred();
    const got: string[] = [];
    const { pid, actor } = held(node, { depthMax: 9 }, gate.promise, got);
    const waiting = { id: 'held', restarts: 0, children: 0, longestTurnMs: 0 };
    t.strictSame(actor.health(), { ...waiting, state: 'queued', mailboxDepth: 1, handled: 0 });
    const asked = node.ask(pid, Question, { n: 1 }, { deadlineMs });
    await world.settle();
    t.strictSame(actor.health(), { ...waiting, state: 'busy', mailboxDepth: 1, handled: 1 });
    t.match(node.health(), { name: 'a', incarnation: node.incarnation, processes: 1, mailboxDepth: 1, asksPending: 1 });
    t.equal(node.tree(), `a#${node.incarnation}\n└─ held: busy, 1 waiting`);
    gate.resolve();
    await asked;
    await world.settle();
    t.strictSame(node.processHealth(pid), { ...waiting, state: 'idle', mailboxDepth: 0, handled: 2 });
    t.match(node.health(), { mailboxDepth: 0, asksPending: 0, counters: {} });
    t.equal(node.processHealth(upid('nobody', 'a')), undefined);
    t.throws(() => new Actor('unborn').health(), { code: 'NO_SUCH_PROCESS' });
  });
});
