import {
  MemoryNetwork,
  message,
  NameError,
  Node,
  NoSuchProcessError,
  Process,
  parseUpid,
  Random,
  type RuntimeEvent,
  runtimeEventKinds,
  type Transport,
  type TransportSink,
  type Upid,
  upid,
  VirtualClock,
} from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import { Packr } from 'msgpackr';
import t from 'tap';
import { Actor, type Behaviour } from './actor.js';
import {
  chunkFrameBytes,
  compactFrameBytes,
  envelope,
  frameBytes,
  frameSession,
  HandMadeNode,
  kinds,
  type RawEnvelope,
} from './hand-made-node.js';
import { deferred, probeMs, silentMs, World } from './world.js';

const Note = message('Note', { n: Type.Integer() });
const Answer = message('Answer', { n: Type.Integer() });
const Other = message('Other', { n: Type.Integer() });
const Question = message('Question', { n: Type.Integer() }, { reply: Answer });
const Blob = message('Blob', { bytes: Type.Uint8Array() });
const Where = message('Where', {}, { reply: message('Here', { who: Type.String() }) });

const deadlineMs = 1_000;

/** Where numbers that should count up from 0 do not. */
function firstOutOfOrder(numbers: readonly number[]): string | undefined {
  const at = numbers.findIndex((n, i) => n !== i);
  return at < 0 ? undefined : `${numbers[at]} where ${at} was expected`;
}

/** Answers each Question with n + 1. */
function oracle(id = 'oracle'): Actor {
  return new Actor(id, {
    initialize: (self) => void self.on(Question, (_from, { n }) => self.answer(Answer, { n: n + 1 })),
  });
}

/** Collects the n of each Note. */
function collector(id: string, got: number[], behaviour: Behaviour = {}): Actor {
  return new Actor(id, {
    ...behaviour,
    initialize: (self) => void self.on(Note, (_from, { n }) => void got.push(n)),
  });
}

t.test('life', async (t) => {
  t.test(
    'a process gets a PID of its id, its Node and its incarnation, and its id is free again after its end',
    async (t) => {
      const node = await new World(t).node('a');
      const first = new Actor('p');
      t.throws(() => first.pid, { code: 'NO_SUCH_PROCESS' }, 'it has no PID before it lives');
      const pid = node.spawn(first);
      t.strictSame(parseUpid(pid), { id: 'p', node: 'a', incarnation: node.incarnation });
      t.throws(() => node.spawn(new Actor('p')), { code: 'NAME', message: /already a process p on the Node a/ });
      t.strictSame(node.processes(), [{ id: 'p', mailboxDepth: 1 }], 'its initialize waits');
      node.terminate(pid);
      await node.wait(pid);
      t.strictSame(node.processes(), []);
      t.throws(() => node.spawn(first), { code: 'NAME', message: /spawned before/ });
      t.equal(node.spawn(new Actor('p')), pid);
    },
  );

  t.test('names that cannot be addressed are refused', async (t) => {
    for (const id of ['', 'a b', 'a@b', 'a#b', 'ä', '*', 'x'.repeat(256)]) t.throws(() => new Actor(id), NameError);
    for (const id of ['slave(1)', 'a.b:c/d-e_f', 'x'.repeat(255)]) t.equal(new Actor(id).id, id);
    for (const name of ['', 'a.b', '*', '>', 'a b', 'x'.repeat(65)]) await t.rejects(Node.start({ name }), NameError);
    const world = new World(t);
    await world.node('a');
    await t.rejects(world.node('a'), { code: 'NAME' }, 'a name that is taken');
    const stopped = await world.node('b');
    await stopped.stop();
    t.throws(() => stopped.spawn(new Actor('p')), { code: 'NAME', message: /has stopped/ });
  });

  t.test(
    '50,000 processes on one Node are found each by its id, listed in order, and ended the last first',
    async (t) => {
      const world = new World(t);
      const node = await world.node('a', []);
      const ids = Array.from({ length: 50_000 }, (_, i) => `p${i}`);
      const ended: number[] = [];
      const got: number[] = [];
      for (const [n, id] of ids.entries())
        node.spawn(collector(id, got, { finalize: () => void ended.push(ids.length - 1 - n) }));
      await world.settle();
      for (const [n, id] of ids.entries()) node.send(upid(id, 'a'), Note, { n });
      await world.settle();
      t.equal(got.length, ids.length);
      t.equal(firstOutOfOrder(got), undefined);
      t.equal(firstOutOfOrder(node.processes().map(({ id }) => Number(id.slice(1)))), undefined);
      const last = upid('p49999', 'a');
      node.terminate(last);
      await node.wait(last);
      t.equal(node.processHealth(last), undefined);
      t.equal(node.health().processes, ids.length - 1);
      await node.stop();
      t.equal(ended.length, ids.length);
      t.equal(firstOutOfOrder(ended), undefined);
    },
  );

  t.test('processes that stay are found by their ids though most others ended, and those ids are free', async (t) => {
    const world = new World(t);
    const node = await world.node('a', []);
    // The first two have the same hash (FNV-1a).
    const ids = ['liquid', 'costarring', ...Array.from({ length: 20_000 }, (_, i) => `p${i}`)];
    const isFound = (id: string): boolean => node.processHealth(upid(id, 'a')) !== undefined;
    for (const id of ids) node.spawn(new Actor(id));
    t.throws(() => node.spawn(new Actor('p19999')), NameError);
    await world.settle();
    const rounds = [ids.filter((_, i) => i % 3 === 0), ids.filter((_, i) => i % 97 !== 1)];
    for (const ending of rounds) {
      for (const id of ending) node.terminate(upid(id, 'a'));
      await world.settle();
      const gone = new Set(ending);
      const left = ids.filter((id, i) => !gone.has(id) && (ending === rounds[0] || i % 3 !== 0));
      t.strictSame(ids.filter(isFound), left);
      t.equal(node.health().processes, left.length);
    }
    for (const id of rounds[0] ?? []) node.spawn(new Actor(id));
    t.ok(rounds[0]?.every(isFound));
  });

  t.test('a later handler replaces an earlier one of the message, be they few or many', async (t) => {
    const world = new World(t);
    const node = await world.node('a', []);
    const types = Array.from({ length: 20 }, (_, i) => message(`M${i}`, {}));
    for (const count of [3, 8, 9, 20]) {
      const some = types.slice(0, count);
      const got: string[] = [];
      const installs = (self: Actor, round: string): void => {
        for (const type of some) self.on(type, () => void got.push(`${round} ${type.name}`));
      };
      const pid = node.spawn(
        new Actor(`p${count}`, {
          initialize: (self) => {
            installs(self, 'first');
            installs(self, 'second');
          },
        }),
      );
      for (const type of some) node.send(pid, type, {});
      await world.settle();
      t.strictSame(
        got,
        some.map(({ name }) => `second ${name}`),
      );
    }
  });

  t.test('handles one event at a time, also while a handler awaits', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const gates = [deferred(), deferred()];
    const actor = new Actor('p', {
      initialize: async (self) => {
        trace.push('initialize begins');
        await gates[0]?.promise;
        trace.push('initialize ends');
        self.on(Note, async (_from, { n }) => {
          trace.push(`${n} begins`);
          if (n === 1) await gates[1]?.promise;
          trace.push(`${n} ends`);
        });
      },
    });
    const pid = node.spawn(actor);
    for (const n of [1, 2]) node.send(pid, Note, { n });
    const dispatched = actor.dispatch(() => trace.push('dispatched'));
    await world.settle();
    t.strictSame(trace, ['initialize begins']);
    t.strictSame(node.processes(), [{ id: 'p', mailboxDepth: 3 }]);
    gates[0]?.resolve();
    await world.settle();
    t.strictSame(trace.slice(1), ['initialize ends', '1 begins']);
    gates[1]?.resolve();
    await dispatched;
    t.strictSame(trace.slice(3), ['1 ends', '2 begins', '2 ends', 'dispatched']);
  });

  t.test('terminate drops what waits, or ends after it', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    for (const inject of [true, false]) {
      const got: number[] = [];
      const pid = node.spawn(collector('p', got));
      await world.settle();
      const lettersBefore = node.counters.get('dead_letters');
      for (const n of [1, 2]) node.send(pid, Note, { n });
      node.terminate(pid, inject);
      node.send(pid, Note, { n: 3 });
      await node.wait(pid);
      t.strictSame(got, inject ? [] : [1, 2]);
      t.equal(node.counters.get('dead_letters') - lettersBefore, inject ? 3 : 1, 'what was dropped is counted');
    }
    node.terminate(upid('nobody', 'a'));
    node.terminate(upid('p', 'elsewhere'));
  });

  t.test('a process that ends itself finishes the event in hand and no other', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const gate = deferred();
    const actor = new Actor('p', {
      initialize: (self) =>
        void self.on(Note, async (_from, { n }) => {
          self.end();
          await gate.promise;
          trace.push(`note ${n}`);
        }),
      finalize: () => void trace.push('finalize'),
    });
    const pid = node.spawn(actor);
    for (const n of [1, 2]) node.send(pid, Note, { n });
    await world.settle();
    t.strictSame(trace, [], 'it does not end under the feet of its handler');
    node.terminate(pid);
    gate.resolve();
    await node.wait(pid);
    t.strictSame(trace, ['note 1', 'finalize']);
  });

  t.test('finalize runs exactly once however the process ends, and wait waits for it', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const boom = (): never => {
      throw new Error('boom');
    };
    const ways: Record<string, Behaviour & { end?: (pid: Upid) => void }> = {
      terminated: { end: (pid) => node.terminate(pid) },
      'ends itself': { initialize: (self) => self.end() },
      'initialize throws': { initialize: boom },
      'initialize rejects': { initialize: async () => boom() },
    };
    for (const [way, { end, ...behaviour }] of Object.entries(ways)) {
      const gate = deferred();
      let finalized = 0;
      let waited = false;
      const pid = node.spawn(
        new Actor('p', {
          ...behaviour,
          finalize: async () => {
            finalized++;
            await gate.promise;
          },
        }),
      );
      const watcher = new Actor('watcher', { initialize: (self) => self.watch(pid) });
      node.spawn(watcher);
      const wait = node.wait(pid).then(() => {
        waited = true;
      });
      end?.(pid);
      await world.settle();
      t.strictSame([finalized, waited, watcher.exits], [1, false, []], `${way}: finalize has not finished`);
      node.terminate(pid);
      gate.resolve();
      await wait;
      await world.settle();
      t.equal(finalized, 1, way);
      t.equal(watcher.exits.length, 1, 'those who linked are told after it');
      node.terminate(watcher.pid);
      await node.wait(watcher.pid);
    }
    for (const finalize of [boom, async () => boom()]) {
      const pid = node.spawn(new Actor('p', { finalize }));
      node.terminate(pid);
      await node.wait(pid);
    }
    t.strictSame(node.processes(), [], 'a finalize that throws holds nothing up');
    await node.wait(upid('nobody', 'a'));
  });

  t.test('a Node that stops ends its processes, the last first, and what they say last still leaves', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const got: number[] = [];
    const listener = b.spawn(collector('listener', got));
    const trace: string[] = [];
    for (const id of ['one', 'two', 'three'])
      a.spawn(
        new Actor(id, {
          finalize: (self) => {
            trace.push(id);
            self.say(listener, Note, { n: trace.length });
          },
        }),
      );
    await a.stop();
    await world.settle();
    t.strictSame(trace, ['three', 'two', 'one']);
    t.strictSame(got, [1, 2, 3]);
    await a.stop();
  });

  t.test('whatever a process throws ends that process with failed, and nothing else', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const boom = (): never => {
      throw new Error('boom');
    };
    const ways: Record<string, (self: Actor) => void | Promise<void>> = {
      initialize: () => boom(),
      'async initialize': async () => boom(),
      handler: (self) => {
        self.on(Note, () => boom());
        a.send(self.pid, Note, { n: 1 });
      },
      'async handler': (self) => {
        self.on(Note, async () => boom());
        a.send(self.pid, Note, { n: 1 });
      },
      'async handler, later': (self) => {
        self.on(Note, () => new Promise((_resolve, reject) => setImmediate(() => reject(new Error('boom')))));
        a.send(self.pid, Note, { n: 1 });
      },
      enqueue: (self) => self.next(() => boom()),
      defer: (self) => self.after(Promise.resolve(), () => boom()),
      'defer of a rejection': (self) => self.after(Promise.reject(new Error('boom')), () => undefined),
      'failure continuation': (self) =>
        self.after(
          Promise.reject(new Error('boom')),
          () => undefined,
          () => boom(),
        ),
      delay: (self) => void self.later(1, () => boom()),
      'async delay': (self) => void self.later(1, async () => boom()),
      exited: (self) => self.watch(upid('nobody', 'a')),
      'undefined thrown': () => {
        throw undefined;
      },
    };
    const bystander = a.spawn(oracle());
    for (const [way, initialize] of Object.entries(ways)) {
      const pid = upid('p', 'a', a.incarnation);
      const watchers = [new Actor('local'), new Actor('remote')] as const;
      a.spawn(watchers[0]);
      b.spawn(watchers[1]);
      const failedBefore = a.counters.get('processes_failed');
      const gate = deferred();
      a.spawn(
        new Actor('p', {
          initialize: async (self) => {
            await gate.promise;
            await initialize(self);
          },
          exited: () => boom(),
        }),
      );
      for (const watcher of watchers) await watcher.dispatch(() => watcher.watch(pid));
      await world.settle();
      gate.resolve();
      await world.advance(1);
      for (const watcher of watchers) t.strictSame(watcher.exits, [`${pid} failed`], `${way}: ${watcher.id}`);
      t.equal(a.counters.get('processes_failed') - failedBefore, 1);
      for (const watcher of watchers) watcher.end();
      await world.settle();
    }
    t.strictSame(await a.ask(bystander, Question, { n: 1 }, { deadlineMs }), { n: 2 }, 'the Node lives');
  });
});

t.test('order', async (t) => {
  const count = 10_000;

  t.test('10,000 messages and dispatches between two processes of one Node keep their common order', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const got: number[] = [];
    const receiver = collector('receiver', got);
    const to = node.spawn(receiver);
    const sender = new Actor('sender');
    node.spawn(sender);
    const dispatches: Promise<unknown>[] = [];
    for (let begin = 0; begin < count; begin += 1_000)
      void sender.dispatch(() => {
        for (let n = begin; n < begin + 1_000; n++)
          if (n % 3 === 0) dispatches.push(receiver.dispatch(() => got.push(n)));
          else sender.say(to, Note, { n });
      });
    await sender.dispatch(() => undefined);
    await Promise.all(dispatches);
    await receiver.dispatch(() => undefined);
    t.equal(got.length, count);
    t.equal(firstOutOfOrder(got), undefined);
  });

  t.test('10,000 messages between two Nodes keep their order, in few frames', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const got: number[] = [];
    const receiver = new Actor('receiver', {
      // Every so often a handler that takes its time: nothing may pass it.
      initialize: (self) =>
        void self.on(Note, (_from, { n }) => {
          const take = (): void => void got.push(n);
          return n % 1_000 === 7 ? new Promise<void>((resolve) => setImmediate(resolve)).then(take) : take();
        }),
    });
    const to = b.spawn(receiver);
    const sender = new Actor('sender');
    a.spawn(sender);
    for (let begin = 0; begin < count; begin += 100) {
      await sender.dispatch(() => {
        for (let n = begin; n < begin + 100; n++) sender.say(to, Note, { n });
      });
      void receiver.dispatch(() => undefined);
    }
    await world.settle();
    await receiver.dispatch(() => undefined);
    t.equal(got.length, count);
    t.equal(firstOutOfOrder(got), undefined);
    t.ok(a.counters.get('frames_sent') <= count / 100, `${a.counters.get('frames_sent')} frames`);
    t.equal(b.counters.get('frames_received'), a.counters.get('frames_sent'));
  });

  t.test('exited never overtakes what the process said before its end', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const trace: string[] = [];
      const watcher = new Actor('watcher', {
        initialize: (self) => void self.on(Note, (_from, { n }) => void trace.push(`${n}`)),
        exited: (_pid, reason) => void trace.push(reason),
      });
      const to = a.spawn(watcher);
      const talker = new Actor('talker', { finalize: (self) => self.say(to, Note, { n: 600 }) });
      const pid = home.spawn(talker);
      await watcher.dispatch(() => watcher.watch(pid));
      await world.settle();
      await talker.dispatch(() => {
        for (let n = 0; n < 600; n++) talker.say(to, Note, { n });
        talker.end();
      });
      await world.settle();
      t.strictSame(trace, [...Array(601).keys()].map(String).concat('ended'));
      watcher.end();
      await world.settle();
    }
  });

  t.test('processes that keep each other busy leave timers and input their share', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const bouncesMax = 300_000;
    for (const [kind, home] of [
      ['sync', a],
      ['async', a],
      ['async', b],
    ] as const) {
      let over = false;
      let bounces = 0;
      const player = (id: string): Actor =>
        new Actor(id, {
          initialize: (self) => {
            const bounce = (from: Upid, { n }: { n: number }): void => {
              if (over || bounces++ > bouncesMax) return;
              self.say(from, Note, { n: n + 1 });
            };
            self.on(Note, kind === 'sync' ? bounce : async (from, body) => bounce(from, body));
          },
        });
      const [one, two] = [player('one'), player('two')];
      a.spawn(one);
      const to = home.spawn(two);
      const timer = new Promise<void>((resolve) => setTimeout(resolve, 1));
      void one.dispatch(() => one.say(to, Note, { n: 0 }));
      await timer;
      over = true;
      t.ok(bounces > 0 && bounces < bouncesMax, `${kind}: a timer fired after ${bounces} bounces`);
      await world.settle();
      one.end();
      two.end();
      await world.settle();
    }
  });
});

t.test('what held the event loop before its processes began is part of their share of the turn', async (t) => {
  const turns: (() => void)[] = [];
  let nowMs = 0;
  const clock = Object.assign(new VirtualClock(), {
    now: () => nowMs,
    nextTurn: (callback: () => void) => void turns.push(callback),
  });
  const node = await Node.start({ name: 'a', clock });
  const begun: string[] = [];
  const spawn = (id: string): void => void node.spawn(new Actor(id, { initialize: () => void begun.push(id) }));
  spawn('one');
  spawn('two');
  spawn('three');
  nowMs += 100;
  await Promise.resolve();
  t.strictSame([begun, turns.length], [['one'], 1], 'input and output get their share after the first event');
  nowMs += 100;
  turns.shift()?.();
  t.strictSame([begun, turns.length], [['one', 'two', 'three'], 0], 'and the next turn is a whole one');
  t.strictSame(node.counters.snapshot(), {}, 'nobody is blamed for a slow turn');
  await node.stop();
});

t.test('dispatch', async (t) => {
  t.test('resolves with what the work returns, rejects with what it throws, and the process lives on', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const actor = new Actor('p');
    await t.rejects(
      actor.dispatch(() => 1),
      NoSuchProcessError,
      'before it is spawned',
    );
    const pid = node.spawn(actor);
    t.equal(await actor.dispatch(() => 1), 1);
    t.equal(await actor.dispatch(async () => 2), 2);
    await t.rejects(
      actor.dispatch(() => {
        throw new RangeError('sync');
      }),
      RangeError,
    );
    await t.rejects(
      actor.dispatch(async () => Promise.reject(new RangeError('async'))),
      RangeError,
    );
    const gate = deferred();
    const trace: string[] = [];
    const slow = actor.dispatch(async () => {
      await gate.promise;
      trace.push('slow');
    });
    const quick = actor.dispatch(() => void trace.push('quick'));
    await world.settle();
    t.strictSame(trace, [], 'async work holds the mailbox');
    gate.resolve();
    await Promise.all([slow, quick]);
    t.strictSame(trace, ['slow', 'quick']);
    const waiting = actor.dispatch(() => 3);
    node.terminate(pid);
    await t.rejects(waiting, NoSuchProcessError, 'the process ends before');
    await t.rejects(
      actor.dispatch(() => 4),
      NoSuchProcessError,
      'after its end',
    );
  });
});

t.test('delay', async (t) => {
  t.test('runs as an event after its time, unless cancelled, even at the last moment', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const actor = new Actor('p');
    node.spawn(actor);
    const gate = deferred();
    let late: { cancel(): void } | undefined;
    await actor.dispatch(() => {
      actor.later(20, () => void trace.push('20'));
      actor.later(10, () => void trace.push('10'));
      actor.later(15, () => void trace.push('cancelled')).cancel();
      late = actor.later(30, () => void trace.push('cancelled in the mailbox'));
    });
    await world.advance(9);
    t.strictSame(trace, []);
    await world.advance(1);
    t.strictSame(trace, ['10']);
    const holding = actor.dispatch(() => gate.promise);
    await world.advance(30);
    t.strictSame(trace, ['10'], 'it waits for its turn');
    late?.cancel();
    gate.resolve();
    await holding;
    await world.settle();
    t.strictSame(trace, ['10', '20']);
    t.equal(world.clock.timersPending, 0);
  });

  t.test('no delay outlives its process, not even one that it sets at or after its end', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    let ran = 0;
    const actor = new Actor('p', {
      initialize: (self) => {
        for (let i = 1; i < 10; i++) self.later(i, () => void ran++);
      },
      finalize: (self) => void self.later(5, () => void ran++),
    });
    const pid = node.spawn(actor);
    await world.settle();
    t.equal(world.clock.timersPending, 9);
    node.terminate(pid);
    await node.wait(pid);
    t.equal(world.clock.timersPending, 0, 'at its end');
    actor.later(5, () => void ran++);
    t.equal(world.clock.timersPending, 0, 'after its end');
    await world.advance(20);
    t.equal(ran, 0);
  });
});

t.test('defer', async (t) => {
  t.test('goes on as an event of its own, and not at all after the end of the process', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const actor = new Actor('p');
    const pid = node.spawn(actor);
    const [yes, no, late] = [deferred<string>(), deferred<string>(), deferred<string>()];
    await actor.dispatch(() => {
      actor.after(yes.promise, (value) => void trace.push(value));
      actor.after(
        no.promise,
        () => void trace.push('not this'),
        (error) => void trace.push((error as Error).message),
      );
      actor.after(late.promise, (value) => void trace.push(value));
    });
    const gate = deferred();
    const holding = actor.dispatch(() => gate.promise);
    yes.resolve('yes');
    no.reject(new Error('no'));
    await world.settle();
    t.strictSame(trace, [], 'it waits for its turn');
    gate.resolve();
    await holding;
    await world.settle();
    t.strictSame(trace, ['yes', 'no']);
    node.terminate(pid);
    await node.wait(pid);
    late.resolve('late');
    await world.settle();
    t.strictSame(trace, ['yes', 'no']);
  });
});

t.test('ask', async (t) => {
  t.test('resolves with the reply, local or remote, given at once or later', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const pid = home.spawn(oracle());
      t.strictSame(await a.ask(pid, Question, { n: 1 }, { deadlineMs }), { n: 2 });
      const gate = deferred();
      const slow = home.spawn(
        new Actor('slow', {
          initialize: (self) =>
            void self.on(Question, async (_from, { n }) => {
              await gate.promise;
              self.answer(Answer, { n: n + 2 });
            }),
        }),
      );
      const answers = [1, 2, 3].map((n) => a.ask(slow, Question, { n }, { deadlineMs }));
      await world.settle();
      gate.resolve();
      t.strictSame(await Promise.all(answers), [{ n: 3 }, { n: 4 }, { n: 5 }]);
      const asker = new Actor('asker');
      a.spawn(asker);
      t.strictSame(await asker.dispatch(() => asker.request(pid, Question, { n: 6 }, { deadlineMs })), { n: 7 });
      asker.end();
      t.strictSame(await a.ask(upid('oracle', home.name), Question, { n: 1 }, { deadlineMs }), { n: 2 }, 'by open PID');
    }
    await world.advance(probeMs);
    t.equal(world.clock.timersPending, 0, 'deadlines are cleared away, and the probes stop with the last ask');
  });

  t.test('a reply to what was not asked goes to its sender as a message', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const pid = b.spawn(oracle());
    const got: string[] = [];
    const actor = new Actor('p', {
      initialize: (self) => void self.on(Answer, (from, { n }) => void got.push(`${from} ${n}`)),
    });
    a.spawn(actor);
    await actor.dispatch(() => actor.say(pid, Question, { n: 1 }));
    await world.settle();
    t.strictSame(got, [`${pid} 2`]);
    t.throws(() => actor.answer(Answer, { n: 1 }), TypeError, 'no message is being handled');
  });

  t.test('one that is answered later holds up nobody meanwhile', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const answers: ((body: { readonly n: number }) => void)[] = [];
      const desk = new Actor('desk', {
        initialize: (self) => void self.on(Question, () => void answers.push(self.answerLater(Answer))),
      });
      const pid = home.spawn(desk);
      const asked = [1, 2].map((n) => a.ask(pid, Question, { n }, { deadlineMs }));
      await world.settle();
      t.equal(answers.length, 2, 'the second was heard while the first waits');
      answers[1]?.({ n: 12 });
      t.strictSame(await asked[1], { n: 12 });
      answers[0]?.({ n: 11 });
      t.strictSame(await asked[0], { n: 11 });
      t.throws(() => desk.answerLater(Answer), TypeError, 'no message is being handled');
    }
  });

  t.test('times out by the deadline and swallows a late reply, counted', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const gate = deferred();
      const pid = home.spawn(
        new Actor('slow', {
          initialize: (self) =>
            void self.on(Question, async () => {
              await gate.promise;
              self.answer(Answer, { n: 1 });
            }),
        }),
      );
      let outcome: unknown;
      const ask = a.ask(pid, Question, { n: 1 }, { deadlineMs: 500 }).catch((error: unknown) => {
        outcome = error;
      });
      await world.advance(499);
      t.equal(outcome, undefined);
      await world.advance(1);
      await ask;
      t.match(outcome, { code: 'TIMED_OUT', retryable: true, message: /slow@.*Question within 500 ms/ });
      const lateBefore = a.counters.get('replies_late');
      gate.resolve();
      await world.settle();
      t.equal(a.counters.get('replies_late') - lateBefore, 1);
    }
  });

  t.test(
    'rejects at once where there is no such process, it ends before its turn, or its handler throws',
    async (t) => {
      const world = new World(t);
      const [a, b] = [await world.node('a'), await world.node('b')];
      for (const home of [a, b]) {
        const reject = async (pid: Upid, code = 'NO_SUCH_PROCESS', reason?: string): Promise<void> => {
          const error: unknown = await a
            .ask(pid, Question, { n: 1 }, { deadlineMs })
            .catch((thrown: unknown) => thrown);
          t.match(error, { code, retryable: false, ...(reason === undefined ? {} : { reason }) });
        };
        await reject(upid('nobody', home.name));
        await reject(upid('nobody', home.name, home.incarnation));
        home.spawn(oracle('living'));
        await reject(upid('living', home.name, 'longdead'));

        const gate = deferred();
        const pid = home.spawn(new Actor('busy', { initialize: () => gate.promise }));
        const queued = [reject(pid), reject(pid)];
        await world.settle();
        home.terminate(pid);
        gate.resolve();
        await Promise.all(queued);

        for (const handler of [
          () => {
            throw new Error('boom');
          },
          async () => {
            await Promise.resolve();
            throw new Error('boom');
          },
        ]) {
          const thrower = home.spawn(new Actor('thrower', { initialize: (self) => void self.on(Question, handler) }));
          await reject(thrower, 'REFUSED', 'failed');
        }
        await reject(home.spawn(new Actor('deaf')), 'REFUSED', 'unknown');
        t.equal(home.counters.get('messages_unknown'), 1);
      }
      t.equal(b.counters.get('messages_dead_incarnation'), 1);
      t.equal(world.clock.now(), 0, 'none of them waited');
    },
  );

  t.test('rejects where nobody answers for the Node, after a second look', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    let outcome: unknown;
    const ask = a.ask(upid('p', 'nowhere'), Question, { n: 1 }, { deadlineMs: 10_000 }).catch((error: unknown) => {
      outcome = error;
    });
    await world.settle();
    t.equal(outcome, undefined, 'once may mean that it is just starting');
    await world.advance(100);
    await ask;
    t.match(outcome, { code: 'NO_SUCH_NODE', retryable: true });
    t.equal(world.clock.timersPending, 0);

    const alone = await Node.start({ name: 'alone', clock: world.clock });
    await t.rejects(alone.ask(upid('p', 'a'), Question, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
    await alone.stop();
  });

  t.test('a burst of asks to a Node that is about to start does not count as many looks', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const outcomes: string[] = [];
    const pid = upid('oracle', 'b');
    for (let i = 0; i < 5; i++) {
      void a.ask(pid, Question, { n: 1 }, { deadlineMs: 10_000 }).then(
        () => outcomes.push('answered'),
        (error: { code: string }) => outcomes.push(error.code),
      );
      await world.settle();
    }
    t.strictSame(outcomes, [], 'all five found nobody within a moment, which is one look');
    const b = await world.node('b');
    b.spawn(oracle());
    await world.advance(probeMs);
    t.strictSame(outcomes, Array(5).fill('DISCONNECTED'), 'they never arrived, and are not left to their deadline');
    t.strictSame(await a.ask(pid, Question, { n: 1 }, { deadlineMs }), { n: 2 });
  });

  t.test('is given up when its signal is aborted, before or after it left; a late reply is swallowed', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const gate = deferred();
      let asked = 0;
      const pid = home.spawn(
        new Actor('slow', {
          initialize: (self) =>
            void self.on(Question, async () => {
              asked++;
              await gate.promise;
              self.answer(Answer, { n: 1 });
            }),
        }),
      );
      const abort = new AbortController();
      const ask = a.ask(pid, Question, { n: 1 }, { deadlineMs, signal: abort.signal }).catch((error: unknown) => error);
      await world.settle();
      abort.abort(new Error('changed my mind'));
      t.match(await ask, { code: 'ABORTED', retryable: false, cause: { message: 'changed my mind' } });
      await t.rejects(a.ask(pid, Question, { n: 1 }, { deadlineMs, signal: abort.signal }), { code: 'ABORTED' });
      await world.settle();
      t.equal(asked, 1, 'what was aborted before does not leave');
      const lateBefore = a.counters.get('replies_late');
      gate.resolve();
      await world.settle();
      t.equal(a.counters.get('replies_late') - lateBefore, 1);
      const unused = new AbortController();
      await a.ask(pid, Question, { n: 1 }, { deadlineMs, signal: unused.signal });
      unused.abort();
    }
    await world.advance(probeMs);
    t.equal(world.clock.timersPending, 0);
  });

  t.test('many deadlines need one timer, and each is kept to the millisecond, in order', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const mute = node.spawn(new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) }));
    const quick = node.spawn(oracle());
    const random = new Random('deadlines');
    const expected: number[] = [];
    const got: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      const deadline = 1 + random.integer(500);
      const pid = random.integer(4) === 0 ? mute : quick;
      if (pid === mute) expected.push(deadline);
      void node.ask(pid, Question, { n: i }, { deadlineMs: deadline }).catch(() => {
        if (world.clock.now() !== deadline) t.fail(`${deadline} came at ${world.clock.now()}`);
        got.push(deadline);
      });
      if (i % 500 === 0) await world.settle();
    }
    t.ok(world.clock.timersPending <= 1, `${world.clock.timersPending} timers`);
    await world.advance(500);
    t.strictSame(
      got,
      expected.sort((x, y) => x - y),
    );
    t.equal(world.clock.timersPending, 0);
    for (const wrong of [-1, Number.NaN, undefined as unknown as number])
      t.throws(() => node.ask(mute, Question, { n: 1 }, { deadlineMs: wrong }), TypeError);
  });

  t.test('a rejection that nobody looks at is an event, and does not end the OS process', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listener);
    t.teardown(() => process.off('unhandledRejection', listener));
    const told: string[] = [];
    a.events.subscribe((event) => {
      if (event.code === 'ASK_FAILED') told.push(`${event.to.split('@')[0]} ${event.message} ${event.error}`);
      if (event.code === 'DISPATCH_FAILED') told.push(`${event.process} ${(event.error as Error).message}`);
    });
    const actor = new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) });
    const mute = a.spawn(actor);
    for (const to of [mute, upid('nobody', 'a'), upid('absent', 'b', b.incarnation)])
      void a.ask(to, Question, { n: 1 }, { deadlineMs: 10 });
    void actor.dispatch(() => {
      throw new Error('boom');
    });
    void actor.dispatch(async () => {
      await Promise.resolve();
      throw new Error('later');
    });
    await world.advance(10);
    a.terminate(mute);
    void actor.dispatch(() => 1);
    await world.advance(probeMs);
    t.strictSame(unhandled, []);
    t.strictSame(told.sort(), [
      'absent Question NO_SUCH_PROCESS',
      'mute Question TIMED_OUT',
      'mute boom',
      'mute later',
      'nobody Question NO_SUCH_PROCESS',
    ]);
  });

  t.test('a refusal tells why, and of a reason that only newer builds know, in words', async (t) => {
    const world = new World(t);
    const [a, b, raw] = [await world.node('a'), await world.node('b'), await world.handMade('raw')];
    for (const home of [a, b]) {
      const choosy = home.spawn(
        new Actor('choosy', { admits: () => false, initialize: (self) => void self.on(Question, () => undefined) }),
      );
      const refused: unknown = await a.ask(choosy, Question, { n: 1 }, { deadlineMs }).catch((error: unknown) => error);
      t.match(refused, { code: 'REFUSED', reason: 'not-admitted', retryable: true, message: /does not admit/ });
    }
    const invalid = b.spawn(oracle());
    await t.rejects(a.ask(invalid, Question, { n: 'one' as unknown as number }, { deadlineMs }), {
      code: 'REFUSED',
      message: /not as declared: \/n: /,
    });
    const ask = a.ask(upid('p', 'raw'), Question, { n: 1 }, { deadlineMs });
    await world.settle();
    raw.say(
      'a',
      envelope(kinds.refused, { name: 'on-strike', body: 'since Monday', ask: raw.heard[0]?.[6] as number }),
    );
    const unheard: unknown = await ask.catch((error: unknown) => error);
    t.match(unheard, { code: 'REFUSED', reason: 'failed', message: /on-strike since Monday/ });
  });

  t.test('rejects a reply of another type or shape', async (t) => {
    const world = new World(t);
    const [a, b, raw] = [await world.node('a'), await world.node('b'), await world.handMade('raw')];
    for (const home of [a, b]) {
      const pid = home.spawn(
        new Actor('liar', {
          initialize: (self) => void self.on(Question, (_from, { n }) => self.answer(Other, { n })),
        }),
      );
      await t.rejects(a.ask(pid, Question, { n: 1 }, { deadlineMs }), {
        code: 'BAD_REPLY',
        message: /answered with Other: expected Answer/,
      });
    }
    const ask = a.ask(upid('p', 'raw'), Question, { n: 1 }, { deadlineMs });
    await world.settle();
    const id = raw.heard[0]?.[6];
    raw.say('a', envelope(kinds.reply, { name: 'Answer', body: { n: 'one' }, ask: id }));
    await t.rejects(ask, { code: 'BAD_REPLY', message: /\/n: / });
    t.equal(a.counters.get('replies_invalid'), 3);
  });

  t.test('a third Node cannot answer for another', async (t) => {
    const world = new World(t);
    const [a, raw, thief] = [await world.node('a'), await world.handMade('raw'), await world.handMade('thief')];
    const ask = a.ask(upid('p', 'raw'), Question, { n: 1 }, { deadlineMs });
    await world.settle();
    const id = raw.heard[0]?.[6];
    thief.say(
      'a',
      envelope(kinds.reply, { name: 'Answer', body: { n: 666 }, ask: id }),
      envelope(kinds.noProcess, { ask: id }),
    );
    await world.settle();
    t.equal(a.counters.get('replies_late'), 2);
    raw.say('a', envelope(kinds.reply, { name: 'Answer', body: { n: 1 }, ask: id }));
    t.strictSame(await ask, { n: 1 });
  });

  t.test('is answered by a Node that started anew since we last heard from it', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const old = await world.node('b');
    const stale = old.spawn(oracle());
    await a.ask(stale, Question, { n: 1 }, { deadlineMs });
    world.network.crash('b');
    const anew = await world.node('b');
    const pid = anew.spawn(oracle());
    const toTheDead = t.rejects(a.ask(stale, Question, { n: 1 }, { deadlineMs }), { code: /NO_SUCH_(NODE|PROCESS)/ });
    const answers = [pid, upid('oracle', 'b')].map((to) => a.ask(to, Question, { n: 1 }, { deadlineMs }));
    t.strictSame(await Promise.all(answers), [{ n: 2 }, { n: 2 }]);
    await toTheDead;
  });

  t.test('gives up what waits when the connection breaks, the Node crashes, or its own Node stops', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const mute = b.spawn(new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) }));
    const ask = async (): Promise<unknown> => {
      const outcome = a.ask(mute, Question, { n: 1 }, { deadlineMs: 60_000 }).catch((error: unknown) => error);
      await world.settle();
      return () => outcome;
    };
    const broken = (await ask()) as () => Promise<unknown>;
    world.network.interrupt();
    t.match(await broken(), { code: 'DISCONNECTED' });
    const crashed = (await ask()) as () => Promise<unknown>;
    world.network.crash('b');
    await world.advance(1_000);
    t.match(await crashed(), { code: 'NO_SUCH_NODE' });
    const local = a.spawn(new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) }));
    const mine = a.ask(local, Question, { n: 1 }, { deadlineMs: 60_000 }).catch((error: unknown) => error);
    await world.settle();
    await a.stop();
    t.match(await mine, { code: 'DISCONNECTED' });
    t.equal(world.clock.timersPending, 0);
  });

  t.test('the end of one Node gives up what was asked there, and nothing else', async (t) => {
    const world = new World(t);
    const [a, b, raw] = [await world.node('a'), await world.node('b'), await world.handMade('raw')];
    const idle = await world.handMade('idle');
    idle.answersPings = true;
    b.spawn(new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) }));
    const limits = { deadlineMs: 60_000 };
    const toRaw = a.ask(upid('x', 'raw'), Question, { n: 1 }, limits);
    const toB = [1, 2, 3].map((n) =>
      t.rejects(a.ask(upid('mute', 'b'), Question, { n }, limits), { code: 'NO_SUCH_NODE' }),
    );
    await world.settle();
    t.equal(a.health().asksPending, 4);
    world.network.crash('b');
    await world.advance(4 * probeMs);
    await Promise.all(toB);
    t.equal(a.health().asksPending, 1);
    const toIdle = t.rejects(a.ask(upid('x', 'idle'), Question, { n: 1 }, { deadlineMs: 1 }), { code: 'TIMED_OUT' });
    await world.advance(2 * probeMs);
    await toIdle;
    idle.heard.length = 0;
    raw.heard.splice(1);
    await world.advance(8 * probeMs);
    t.strictSame(idle.heard, [], 'and a Node that nobody waits for is not probed because another is');
    t.ok(raw.heardKinds().includes(kinds.ping));
    const [, , , , , , askId] = raw.heard.find(([kind]) => kind === kinds.ask) ?? [];
    raw.say('a', envelope(kinds.reply, { name: 'Answer', body: { n: 7 }, ask: askId }));
    t.match(await toRaw, { n: 7 });
    t.equal(a.health().asksPending, 0);
  });

  t.test('what cannot be encoded or carried is refused at once, alone', async (t) => {
    const world = new World(t);
    const small: Transport = { ...world.network.transport(), frameBytesMax: 10_000 };
    const a = await world.node('a', [small], { messageBytesMax: 10_000 });
    const b = await world.node('b');
    const got: number[] = [];
    const actor = collector('p', got);
    const pid = b.spawn(actor);
    b.spawn(oracle());
    const oversized = { bytes: new Uint8Array(10_001) };
    const AskBlob = message('AskBlob', { bytes: Type.Any() }, { reply: Answer });
    a.send(pid, Note, { n: 1 });
    a.send(pid, Blob, oversized);
    a.send(pid, Note, { n: 2 });
    a.send(pid, Blob, { bytes: Symbol('none') as unknown as Uint8Array });
    a.send(pid, Note, { n: 3 });
    await t.rejects(a.ask(pid, AskBlob, oversized, { deadlineMs }), { code: 'MESSAGE_TOO_LARGE' });
    await t.rejects(a.ask(pid, AskBlob, { bytes: Symbol('none') }, { deadlineMs }), TypeError);
    for (let n = 4; n < 2_000; n++) a.send(pid, Note, { n });
    await world.settle();
    t.strictSame(
      got,
      [...Array(1_999).keys()].map((n) => n + 1),
    );
    t.equal(a.counters.get('messages_too_large'), 2);
    t.equal(a.counters.get('messages_unencodable'), 2);
    t.equal(b.counters.get('frames_lost'), 0, 'no gap');
    t.equal(world.clock.now(), 0);
  });
});

t.test('link', async (t) => {
  const ends: Record<string, (node: Node, pid: Upid, actor: Actor) => void> = {
    ended: (node, pid) => node.terminate(pid),
    failed: (_node, _pid, actor) => actor.after(Promise.reject(new Error('boom')), () => undefined),
  };

  for (const place of ['local', 'remote'])
    t.test(`${place}: one exited per link, naming the PID that was linked to`, async (t) => {
      const world = new World(t);
      const a = await world.node('a');
      const home = place === 'local' ? a : await world.node('b');
      for (const [reason, bring] of Object.entries(ends)) {
        const target = new Actor('target');
        const pid = home.spawn(target);
        const open = upid('target', home.name);
        const [twice, once, byName, gone] = ['twice', 'once', 'by-name', 'gone'].map((id) => new Actor(id)) as [
          Actor,
          Actor,
          Actor,
          Actor,
        ];
        for (const actor of [twice, once, byName, gone]) a.spawn(actor);
        await twice.dispatch(() => twice.watch(pid));
        await twice.dispatch(() => twice.watch(pid));
        await once.dispatch(() => once.watch(pid));
        await byName.dispatch(() => byName.watch(open));
        await gone.dispatch(() => gone.watch(pid));
        gone.end();
        await world.settle();
        t.strictSame(twice.exits, [], 'it lives');
        bring(home, pid, target);
        await world.settle();
        t.strictSame(twice.exits, [`${pid} ${reason}`], 'one for two links');
        t.strictSame(once.exits, [`${pid} ${reason}`]);
        t.strictSame(byName.exits, [`${open} ${reason}`]);
        await once.dispatch(() => once.watch(pid));
        await byName.dispatch(() => byName.watch(upid('target', home.name, 'longdead')));
        await world.settle();
        t.strictSame(once.exits.slice(1), [`${pid} absent`], 'linked again');
        t.strictSame(byName.exits.slice(1), [`target@${home.name}#longdead absent`]);
        t.strictSame(gone.exits, [], 'none after the end of who linked');
        await world.advance(10_000);
        t.equal(once.exits.length + byName.exits.length + twice.exits.length, 5, 'and nothing else ever comes');
        for (const actor of [twice, once, byName]) actor.end();
        await world.settle();
      }
      t.equal(world.clock.timersPending, 0, 'nothing is watched any more');
    });

  t.test('a successor under the same id is not told of, nor ended by, the links to the one before', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    for (const home of [a, b]) {
      const pid = home.spawn(new Actor('target'));
      const watcher = new Actor('watcher');
      a.spawn(watcher);
      await watcher.dispatch(() => watcher.watch(pid));
      await world.settle();
      home.terminate(pid);
      await home.wait(pid);
      home.spawn(new Actor('target'));
      await world.settle();
      home.terminate(pid);
      await world.settle();
      t.strictSame(watcher.exits, [`${pid} ended`]);
      await watcher.dispatch(() => watcher.end());
      await world.settle();
    }
  });

  t.test('a link made by a process that has ended is not kept', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const watcher = new Actor('watcher', { finalize: (self) => self.watch(upid('p', 'b')) });
    const pid = a.spawn(watcher);
    b.spawn(new Actor('p'));
    a.terminate(pid);
    await a.wait(pid);
    watcher.watch(upid('p', 'b'));
    await world.advance(10_000);
    t.equal(world.clock.timersPending, 0, 'nothing is probed for the dead');
    t.strictSame(watcher.exits, []);
  });

  t.test('a Node that crashed is noticed in well under a second, once, by each who linked', async (t) => {
    const world = new World(t);
    const [a, b, c] = [await world.node('a'), await world.node('b'), await world.node('c')];
    const pids = ['p', 'q'].map((id) => b.spawn(new Actor(id)));
    const watchers = [a, a, c].map((node, i) => {
      const watcher = new Actor(`watcher${i}`);
      node.spawn(watcher);
      return watcher;
    });
    for (const watcher of watchers)
      await watcher.dispatch(() => {
        for (const pid of pids) watcher.watch(pid);
      });
    await world.advance(2_000);
    for (const watcher of watchers) t.strictSame(watcher.exits, []);
    world.network.crash('b');
    await world.advance(999);
    for (const watcher of watchers)
      t.strictSame(
        watcher.exits,
        pids.map((pid) => `${pid} node-down`),
      );
    await watchers[0]?.dispatch(() => watchers[0]?.watch(upid('p', 'never')));
    await world.advance(999);
    t.strictSame(watchers[0]?.exits.slice(2), ['p@never absent'], 'a Node that never was');
    await world.advance(10_000);
    t.equal(
      watchers.reduce((sum, { exits }) => sum + exits.length, 0),
      7,
    );
    t.equal(world.clock.timersPending, 0);
  });

  t.test('what a crashed Node still says goes nowhere, and its name is free', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const got: number[] = [];
    const to = a.spawn(collector('p', got));
    world.network.crash('b');
    b.send(to, Note, { n: 1 });
    await world.settle();
    t.strictSame(got, []);
    const anew = await world.node('b');
    await b.stop();
    anew.spawn(oracle());
    t.strictSame(await a.ask(upid('oracle', 'b'), Question, { n: 1 }, { deadlineMs }), { n: 2 });
  });

  t.test('a new incarnation under the name is the end of the old, and only of the old', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const old = await world.node('b');
    const stale = old.spawn(oracle());
    const watcher = new Actor('watcher');
    const me = a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(stale));
    await world.settle();
    world.network.crash('b');
    const second = await world.node('b');
    const newer = second.spawn(oracle());
    await watcher.dispatch(() => watcher.watch(newer));
    second.send(me, Note, { n: 1 });
    await world.settle();
    t.strictSame(
      watcher.exits.splice(0).sort(),
      [`${stale} node-down`, `${newer} connection-lost`].sort(),
      'unnoticed',
    );
    a.send(stale, Question, { n: 1 });
    await world.settle();
    t.equal(second.counters.get('messages_dead_incarnation'), 1, 'what is for the dead does not reach its successor');

    await watcher.dispatch(() => watcher.watch(newer));
    await world.advance(1_000);
    world.network.crash('b');
    await world.advance(1_000);
    t.strictSame(watcher.exits.splice(0), [`${newer} node-down`]);
    const third = await world.node('b');
    const newest = third.spawn(oracle());
    await watcher.dispatch(() => {
      watcher.watch(newest);
      watcher.watch(upid('oracle', 'b'));
    });
    third.send(me, Note, { n: 1 });
    await world.advance(1_000);
    t.strictSame(watcher.exits, [], 'links to the new one, made before it spoke, hold');
    third.terminate(newest);
    await world.settle();
    t.strictSame(watcher.exits.sort(), [`${newest} ended`, 'oracle@b ended'].sort());
  });

  t.test(
    'a Node that starts anew under its old name finds a clean slate with those who knew the old one',
    async (t) => {
      const world = new World(t);
      const a = await world.node('a');
      const to = a.spawn(oracle());
      const old = await world.node('b');
      for (let n = 0; n < 5; n++) await old.ask(to, Question, { n }, { deadlineMs });
      world.network.crash('b');
      const anew = await world.node('b');
      const watcher = new Actor('watcher');
      anew.spawn(watcher);
      await watcher.dispatch(() => watcher.watch(to));
      await anew.ask(to, Question, { n: 1 }, { deadlineMs });
      await world.advance(2_000);
      t.strictSame(watcher.exits, [], 'what was said to its predecessor is not missed by it');
      a.terminate(to);
      await world.settle();
      t.strictSame(watcher.exits, [`${to} ended`]);
    },
  );

  t.test('a first word to a successor whose predecessor was only heard is not forgotten unsaid', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const got: number[] = [];
    const sink = a.spawn(collector('sink', got));
    const old = await world.node('b');
    old.send(sink, Note, { n: 1 });
    await world.settle();
    world.network.crash('b');
    const anew = await world.node('b');
    const pid = anew.spawn(oracle());
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(pid));
    await world.settle();
    anew.send(sink, Note, { n: 2 });
    await world.advance(1_000);
    t.strictSame(watcher.exits, [`${pid} connection-lost`]);
    await watcher.dispatch(() => watcher.watch(pid));
    await world.advance(1_000);
    anew.terminate(pid);
    await world.settle();
    t.strictSame(watcher.exits.slice(1), [`${pid} ended`]);
    t.strictSame(got, [1, 2]);
  });

  t.test('a successor that was up before anyone noticed is no hiding place for a link to the one before', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const old = await world.node('b');
    const pids = [old.spawn(oracle()), upid('oracle', 'b')];
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => {
      for (const pid of pids) watcher.watch(pid);
    });
    await world.settle();
    world.network.crash('b');
    const anew = await world.node('b');
    anew.spawn(oracle());
    await world.advance(1_000);
    t.equal(watcher.exits.length, 2, 'though the old one never said a word to us');
    t.match(watcher.exits.join(), `${pids[0]} node-down`);
  });

  t.test('what a dead incarnation said late is refused', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const got: number[] = [];
    const to = parseUpid(a.spawn(collector('p', got)));
    const raw = await world.handMade('raw', 'first');
    const note = (n: number): RawEnvelope => envelope(kinds.send, { to: to.id, from: 'x', name: 'Note', body: { n } });
    raw.say('a', note(1));
    raw.incarnation = 'second';
    raw.sequence = 0;
    raw.say('a', note(2));
    raw.incarnation = 'first';
    raw.say('a', note(3));
    await world.settle();
    t.strictSame(got, [1, 2]);
    t.equal(a.counters.get('frames_dead_incarnation'), 1);
  });

  t.test('a broken connection ends all links on both sides with connection-lost, and new ones hold', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const [one, two] = [new Actor('one'), new Actor('two')];
    const pids = [a.spawn(one), b.spawn(two)] as const;
    const link = async (): Promise<void> => {
      await one.dispatch(() => one.watch(pids[1]));
      await two.dispatch(() => two.watch(pids[0]));
      await world.settle();
    };
    await link();
    world.network.interrupt();
    await world.advance(2_000);
    t.strictSame(one.exits.splice(0), [`${pids[1]} connection-lost`]);
    t.strictSame(two.exits.splice(0), [`${pids[0]} connection-lost`]);
    await link();
    await world.advance(2_000);
    // Each side learns that the other began anew when it hears from it, and cannot know that its link came after that.
    t.ok(one.exits.length <= 1 && two.exits.length <= 1);
    one.exits.length = two.exits.length = 0;
    await link();
    await world.advance(2_000);
    t.strictSame([one.exits, two.exits], [[], []], 'then it is quiet');
    b.terminate(pids[1]);
    await world.settle();
    t.strictSame(one.exits, [`${pids[1]} ended`]);
  });

  t.test('a connection that breaks on one side only is told on both', async (t) => {
    const world = new World(t);
    const inner = world.network.transport();
    let breakIt = (): void => undefined;
    const a = await world.node('a');
    const b = await world.node('b', [
      {
        ...inner,
        start: (node, sink, clock) => {
          breakIt = () => sink.connectionLost();
          return inner.start(node, sink, clock);
        },
      },
    ]);
    const [one, two] = [new Actor('one'), new Actor('two')];
    const pids = [a.spawn(one), b.spawn(two)] as const;
    await one.dispatch(() => one.watch(pids[1]));
    await world.settle();
    breakIt();
    await world.advance(1_000);
    t.strictSame(one.exits, [`${pids[1]} connection-lost`], 'the other side learns of it by its next probe');
    t.equal(a.counters.get('frames_stale') + b.counters.get('frames_stale'), 0);
  });

  t.test('a link that could not leave is told of, not forgotten', async (t) => {
    const world = new World(t);
    const inner = world.network.transport();
    let connected = true;
    let breakIt = (): void => undefined;
    const a = await world.node('a', [
      {
        ...inner,
        start: (node, sink, clock) => {
          breakIt = () => sink.connectionLost();
          return inner.start(node, sink, clock);
        },
        send: (...frame) => connected && inner.send(...frame),
      },
    ]);
    const b = await world.node('b');
    const pid = b.spawn(new Actor('target'));
    await b.ask(a.spawn(oracle()), Question, { n: 1 }, { deadlineMs });
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    connected = false;
    breakIt();
    await watcher.dispatch(() => watcher.watch(pid));
    await t.rejects(a.ask(pid, Question, { n: 1 }, { deadlineMs }), { code: 'DISCONNECTED' });
    connected = true;
    const other = b.spawn(new Actor('other'));
    await watcher.dispatch(() => watcher.watch(other));
    await world.advance(2 * probeMs);
    t.strictSame(watcher.exits, [`${pid} connection-lost`], 'and only that one, not those that left');
    t.ok(a.counters.get('messages_unsent') >= 2);
    await watcher.dispatch(() => watcher.watch(pid));
    await world.advance(2_000);
    b.terminate(pid);
    await world.settle();
    t.strictSame(watcher.exits.slice(1), [`${pid} ended`], 'the one made after it holds');
  });

  t.test('a link to a Node that was just starting is told of, not forgotten', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const pid = upid('target', 'b');
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(pid));
    await world.settle();
    const b = await world.node('b');
    b.spawn(new Actor('target'));
    await world.advance(1_000);
    t.strictSame(watcher.exits, [`${pid} connection-lost`]);
    await watcher.dispatch(() => watcher.watch(pid));
    await world.advance(1_000);
    b.terminate(pid);
    await world.settle();
    t.strictSame(watcher.exits.slice(1), [`${pid} ended`]);
  });

  t.test('a gap in the numbers of the frames is connection-lost on both sides; stale frames are dropped', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const raw = await world.handMade('raw');
    raw.answersPings = true;
    const got: number[] = [];
    const to = parseUpid(a.spawn(collector('p', got)));
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    const note = (n: number): RawEnvelope => envelope(kinds.send, { to: to.id, from: 'x', name: 'Note', body: { n } });
    raw.say('a', note(1));
    await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
    await world.settle();
    raw.sequence += 3;
    raw.say('a', note(2));
    await world.settle();
    t.strictSame(watcher.exits, ['x@raw connection-lost'], 'our side');
    t.equal(raw.heardKinds().filter((kind) => kind === kinds.lost).length, 1, 'the other side is told');
    t.equal(a.counters.get('frames_lost'), 3);
    raw.sequence -= 2;
    raw.say('a', note(3));
    raw.session = 1;
    raw.sequence = 0;
    raw.say('a', note(4));
    raw.session = 0;
    raw.sequence = 100;
    raw.say('a', note(5));
    await world.settle();
    t.strictSame(got, [1, 2, 4]);
    t.equal(a.counters.get('frames_stale'), 2);

    raw.session = 1;
    raw.sequence = 1;
    await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
    await world.settle();
    raw.say('a', envelope(kinds.lost));
    await world.settle();
    t.strictSame(watcher.exits.splice(1), ['x@raw connection-lost'], 'told by the other side');
    const positions = raw.positions.map((position) => position.split('/').map(Number));
    t.strictSame(
      positions,
      positions.map((_, i) => [positions[0]?.[0], i]),
      'our own numbers have no gap',
    );

    // A new session says as much as a gap, and of the links in the other direction too.
    raw.say('a', envelope(kinds.link, { to: 'p' }));
    await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
    await world.settle();
    raw.session = 2;
    raw.sequence = 0;
    raw.say('a', envelope(kinds.pong));
    await world.settle();
    t.strictSame(watcher.exits.splice(1), ['x@raw connection-lost'], 'it began anew');
    const heard = raw.heard.length;
    a.terminate(upid('p', 'a'));
    await world.settle();
    t.equal(raw.heard.length, heard, 'it forgot its links to us, and so did we');
    world.network.interrupt();
    a.send(upid('x', 'raw'), Note, { n: 1 });
    await world.settle();
    const [session = 0, sequence] = (raw.positions.at(-1) ?? '').split('/').map(Number);
    t.ok(session > (positions[0]?.[0] ?? 0) && sequence === 0, 'we begin anew when our connection broke');
  });

  t.test(
    'a Node that answers nothing is node-silent after the set time; it is told when it speaks again',
    async (t) => {
      const world = new World(t);
      const a = await world.node('a');
      const raw = await world.handMade('raw');
      a.spawn(new Actor('p'));
      raw.say('a', envelope(kinds.link, { to: 'p' }));
      const watcher = new Actor('watcher');
      a.spawn(watcher);
      await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
      await world.advance(silentMs - 1);
      t.strictSame(watcher.exits, []);
      const ask = t.rejects(a.ask(upid('x', 'raw'), Question, { n: 1 }, { deadlineMs: 60_000 }), {
        code: 'NO_SUCH_NODE',
      });
      await world.advance(3 * probeMs);
      t.strictSame(watcher.exits, ['x@raw node-silent']);
      await ask;
      t.equal(world.clock.timersPending, 0);
      t.notOk(raw.heardKinds().includes(kinds.lost));
      raw.say('a', envelope(kinds.ping));
      await world.settle();
      t.strictSame(raw.heardKinds().slice(-2), [kinds.lost, kinds.pong], 'its link to p was forgotten meanwhile');
      raw.say('a', envelope(kinds.ping));
      await world.settle();
      t.strictSame(raw.heardKinds().slice(-2), [kinds.pong, kinds.pong], 'it is told once');

      await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
      raw.say('a', envelope(kinds.pong));
      await world.settle();
      raw.incarnation = 'raw2';
      raw.sequence = 0;
      raw.say('a', envelope(kinds.pong));
      await world.settle();
      t.strictSame(watcher.exits.splice(1), ['x@raw node-down'], 'what was alive again can end again');

      const never = await world.handMade('never-spoke');
      await watcher.dispatch(() => watcher.watch(upid('x', 'never-spoke')));
      await world.advance(silentMs + 3 * probeMs);
      t.strictSame(watcher.exits.slice(1), ['x@never-spoke node-silent'], 'it is there, so not absent');
      await never.leave();
    },
  );

  t.test('a stall of our own does not make others silent', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const raw = await world.handMade('raw');
    raw.answersPings = true;
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
    // A stalled event loop: time passes, but each timer fires once, late, however much of it went by.
    const now = world.clock.now.bind(world.clock);
    let stalledMs = 0;
    world.clock.now = () => now() + stalledMs;
    for (let stall = 0; stall < 10; stall++) {
      stalledMs += 3_600_000;
      await world.advance(probeMs);
    }
    t.strictSame(watcher.exits, []);
    t.ok(raw.heardKinds().includes(kinds.ping), 'it was probed all the same');
    await raw.leave();
    await world.advance(1_000);
    t.equal(watcher.exits.length, 1);
  });

  t.test('all Nodes that are watched are probed by one timer of the clock, however many they are', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const others = await Promise.all(Array.from({ length: 20 }, (_, i) => world.handMade(`raw${i}`)));
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => {
      for (const other of others) watcher.watch(upid('x', other.name));
    });
    await world.settle();
    t.equal(world.clock.timersPending, 1);
    await world.advance(3 * probeMs);
    for (const other of others) t.ok(other.heardKinds().includes(kinds.ping), `${other.name} is looked for`);
    t.equal(world.clock.timersPending, 1);
  });

  t.test('where very many deadlines come at once, input and output have their share between', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const mute = a.spawn(new Actor('mute', { initialize: (self) => void self.on(Question, () => undefined) }));
    let turn = 0;
    let asking = true;
    const nextTurn = (): void => {
      turn++;
      if (asking) setImmediate(nextTurn);
    };
    const expired = new Map<number, number>();
    const asks = Array.from({ length: 1_000 }, (_, n) =>
      a.ask(mute, Question, { n }, { deadlineMs }).catch(() => expired.set(turn, (expired.get(turn) ?? 0) + 1)),
    );
    await world.settle();
    const all = Promise.all(asks).then(() => {
      asking = false;
    });
    const advancing = world.advance(deadlineMs);
    nextTurn();
    await Promise.all([all, advancing]);
    const perTurn = [...expired.values()];
    t.equal(
      perTurn.reduce((sum, n) => sum + n, 0),
      1_000,
      'each of them is told',
    );
    t.ok(Math.max(...perTurn) <= 256, `${Math.max(...perTurn)} in one turn`);
  });

  t.test('a Node is not probed for longer than anyone waits for news of it', async (t) => {
    const world = new World(t);
    const a = await world.node('a');
    const raw = await world.handMade('raw');
    raw.answersPings = true;
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(upid('x', 'raw')));
    await world.advance(3 * silentMs);
    t.strictSame(watcher.exits, [], 'one who answers is not silent, however long it lasts');
    t.ok(raw.heardKinds().filter((kind) => kind === kinds.ping).length >= 20);
    await watcher.dispatch(() => watcher.end());
    await world.advance(probeMs);
    const heard = raw.heard.length;
    await world.advance(10_000);
    t.equal(raw.heard.length, heard);
    t.equal(world.clock.timersPending, 0);
    for (let n = 0; n < 100; n++) a.send(upid('x', 'raw'), Note, { n });
    await world.settle();
    t.equal(world.clock.timersPending, 0, 'sending alone watches nobody');
  });

  t.test(
    'word that a connection has ended is a hint that one look confirms, and that outlasts a probe but no sign of life',
    async (t) => {
      const world = new World(t);
      const open = world.network.transport();
      let tell = {} as TransportSink;
      const looks: string[] = [];
      const a = await world.node('a', [
        {
          ...open,
          start: (node, sink, clock) => {
            tell = sink;
            return open.start(node, sink, clock);
          },
          // Nobody answers yet: what comes of a look is for the test to say.
          look: (node) => looks.push(node),
        },
      ]);
      const watched: { name: string; raw: HandMadeNode; watcher: Actor }[] = [];
      for (const name of ['dead', 'alive']) {
        const raw = await world.handMade(name);
        const watcher = new Actor(`watcher-${name}`);
        a.spawn(watcher);
        await watcher.dispatch(() => watcher.watch(upid('x', name)));
        const body = { layouts: [1, 3], features: ['look'], messageBytesMax: 1, heard: true, connection: `s/${name}` };
        raw.say('a', envelope(kinds.hello, { body }));
        watched.push({ name, raw, watcher });
      }
      // Until just before a probe in which both are looked for.
      await world.advance(4 * probeMs - 1);
      looks.length = 0;
      for (const { name } of watched) tell.disconnected(`s/${name}`);
      t.strictSame(looks, ['dead', 'alive'], 'it is looked for at once');
      await world.advance(2);
      watched[1]?.raw.say('a', envelope(kinds.pong));
      await world.settle();
      for (const { name } of watched) tell.absent(name, false);
      await world.settle();
      t.strictSame(watched[0]?.watcher.exits, ['x@dead node-down']);
      t.strictSame(watched[1]?.watcher.exits, [], 'who was heard since is looked for a second time');
    },
  );

  t.test('a Node without transports knows nobody else', async (t) => {
    const world = new World(t);
    const alone = await world.node('alone', []);
    const watcher = new Actor('watcher', { initialize: (self) => self.watch(upid('p', 'b')) });
    alone.spawn(watcher);
    alone.send(upid('p', 'b'), Note, { n: 1 });
    await world.settle();
    t.strictSame(watcher.exits, ['p@b absent']);
    t.equal(alone.counters.get('messages_unroutable'), 1);
  });

  t.test('nobody speaks for a Node on another transport than its own', async (t) => {
    const world = new World(t);
    const cellar = new MemoryNetwork();
    const door = cellar.transport();
    let tell = {} as TransportSink;
    const a = await world.node('a', [
      {
        ...door,
        reaches: () => false,
        start: (node, sink, clock) => {
          tell = sink;
          return door.start(node, sink, clock);
        },
      },
      world.network.transport(),
    ]);
    const b = await world.node('b');
    const pid = b.spawn(oracle());
    const got: string[] = [];
    const watcher = new Actor('watcher', { initialize: (self) => void self.on(Note, (from) => void got.push(from)) });
    const me = a.spawn(watcher);
    await watcher.dispatch(() => watcher.watch(pid));
    t.strictSame(await a.ask(pid, Question, { n: 1 }, { deadlineMs }), { n: 2 });
    const impostor = await HandMadeNode.join(cellar, 'b');
    impostor.say('a', envelope(kinds.send, { to: 'watcher', from: 'oracle', name: 'Note', body: { n: 1 } }));
    await world.settle();
    t.strictSame([got, watcher.exits, a.counters.get('frames_misrouted')], [[], [], 1]);
    // One who was only looked for on the wrong transport is heard on the right one.
    const late = await HandMadeNode.join(cellar, 'late', 'late1');
    a.send(upid('x', 'late'), Note, { n: 1 });
    await world.settle();
    late.say('a', envelope(kinds.send, { to: 'watcher', from: 'x', name: 'Note', body: { n: 1 } }));
    await world.settle();
    t.strictSame(got, ['x@late#late1']);
    a.send(upid('x', 'late'), Note, { n: 2 });
    await world.settle();
    t.equal(late.heard.length, 1, 'and answered there');
    t.match(late.positions[0], /\/0$/, 'from the beginning');
    tell.absent('b', true);
    await world.settle();
    t.strictSame(watcher.exits, [], 'nor does anyone else end it');
    t.ok(me);
  });
});

t.test('the door', async (t) => {
  t.test(
    'what a process does not know, does not admit, or is of a wrong shape is dropped, counted and answered',
    async (t) => {
      const world = new World(t);
      const [a, raw] = [await world.node('a'), await world.handMade('raw')];
      const got: number[] = [];
      const pid = a.spawn(
        new Actor('p', {
          initialize: (self) => {
            self.on(Note, (_from, { n }) => void got.push(n));
            self.on(Question, (_from, { n }) => self.answer(Answer, { n }));
          },
          admits: (from) => !from.startsWith('banned'),
        }),
      );
      const say = (from: string, name: string, body: unknown, ask = 0): void =>
        raw.say('a', envelope(ask === 0 ? kinds.send : kinds.ask, { to: 'p', from, name, body, ask }));
      say('x', 'Note', { n: 1 });
      say('x', 'Unheard', { n: 1 });
      for (const name of ['__proto__', 'constructor', 'toString', '']) say('x', name, { n: 1 });
      say('banned', 'Note', { n: 2 });
      for (const body of [{ n: 'two' }, {}, null, undefined, 7, 'text', [], [1], { n: 1.5 }, new Map(), new Date(0)])
        say('x', 'Note', body);
      say('x', 'Note', { n: 3, added: 'by a newer build' });
      say('x', 'Question', { n: 'x' }, 11);
      say('banned', 'Question', { n: 1 }, 12);
      say('x', 'Unheard', {}, 13);
      await world.settle();
      t.strictSame(got, [1, 3]);
      t.equal(a.counters.get('messages_unknown'), 6);
      t.equal(a.counters.get('messages_not_admitted'), 2);
      t.equal(a.counters.get('messages_invalid'), 12);
      t.strictSame(
        raw.heard.map(([kind, , , , reason, , ask]) => [kind, reason, ask]),
        [
          [kinds.refused, 'invalid', 11],
          [kinds.refused, 'not-admitted', 12],
          [kinds.refused, 'unknown', 13],
        ],
      );
      t.strictSame(await a.ask(pid, Question, { n: 5 }, { deadlineMs }), { n: 5 });
      raw.say('a', envelope(kinds.send, { to: 'nobody', from: 'x', name: 'Note', body: { n: 1 } }));
      raw.say('a', envelope(kinds.send, { to: 'p', incarnation: 'dead', from: 'x', name: 'Note', body: { n: 1 } }));
      await world.settle();
      t.equal(a.counters.get('dead_letters'), 1);
      t.equal(a.counters.get('messages_dead_incarnation'), 1);
    },
  );

  t.test('frames that are none are dropped and counted, and the next good one is taken', async (t) => {
    const world = new World(t);
    const [a, raw] = [await world.node('a'), await world.handMade('raw')];
    const got: number[] = [];
    a.spawn(collector('p', got));
    const good = envelope(kinds.send, { to: 'p', from: 'x', name: 'Note', body: { n: 100 } });
    const whole = frameBytes([good]);
    const head = [kinds.send, 'p', '', 'x', 'Note'];
    const malformed: Uint8Array[] = [
      new Uint8Array(0),
      new Uint8Array(64 * 1024).fill(0xff),
      Uint8Array.of(0xc1),
      Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff), // an array of four billion
      Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0xc6, 0xff, 0xff, 0xff, 0xff),
      new Uint8Array(100_000).fill(0x91), // arrays within arrays
      frameBytes([good], { version: 0 }),
      frameBytes([good], { version: 2 }),
      frameBytes([good], { version: '1' }),
      ...[7, null, '', 'UPPER', 'a b', '#', 'x'.repeat(33)].map((incarnation) => frameBytes([good], { incarnation })),
      ...[-1, 0.5, '0', null, 2 ** 60].flatMap((n) => [
        frameBytes([good], { session: n }),
        frameBytes([good], { sequence: n }),
      ]),
      ...[null, 7, {}, [null], [7], [[]], [good, [0]], [good.slice(0, 6)]].map((envelopes) => frameBytes(envelopes)),
      ...[
        { to: 7 },
        { incarnation: null },
        { from: 7 },
        { from: '' },
        { from: 'a b' },
        { from: 'x@y' },
        { from: 'x'.repeat(256) },
        { name: 7 },
        { ask: -1 },
        { ask: 0.5 },
        { ask: 'x' },
      ].map((parts) =>
        frameBytes([envelope(kinds.send, { to: 'p', from: 'x', name: 'Note', body: { n: 1 }, ...parts })]),
      ),
      frameBytes([envelope(-1)]),
      frameBytes([envelope(0.5)]),
      ...[null, 7, 'text', {}, [0], [...head, 0], [null, ...head.slice(1)], [0, 7, '', 'x', 'Note']].map((heads) =>
        compactFrameBytes(heads, [0, { n: 1 }, 0]),
      ),
      ...[null, 7, 'text', {}, [0], [0, {}], [1, {}, 0], [-1, {}, 0], ['0', {}, 0], [0.5, {}, 0], [0, {}, -1]].map(
        (rest) => compactFrameBytes(head, rest),
      ),
      ...[
        [-1, 9, 0, Uint8Array.of(1)],
        [1, null, 0, Uint8Array.of(1)],
        [1, 9, '0', Uint8Array.of(1)],
        [1, 9, 0, 'bytes'],
        [1, 9, 0, new Uint8Array(0)],
        [1, 9, 0, new Uint8Array(10)],
        [1, 9, 2 ** 53 - 1, Uint8Array.of(1)],
      ].map(([id, bytesTotal, offset, bytes]) => chunkFrameBytes(id, bytesTotal, offset, bytes)),
    ];
    for (let length = 1; length < whole.length; length++) malformed.push(whole.subarray(0, length));
    for (const bytes of malformed) {
      const before = a.counters.get('frames_malformed');
      raw.throw('a', bytes);
      await Promise.resolve();
      t.equal(a.counters.get('frames_malformed'), before + 1, Buffer.from(bytes.subarray(0, 40)).toString('hex'));
    }
    raw.say('a', envelope(99), good);
    await world.settle();
    t.equal(a.counters.get('messages_unknown_kind'), 1, 'a kind from the future is passed over');
    t.strictSame(got, [100]);
  });

  t.test('nothing that a message says as sender can make its receiver fail', async (t) => {
    const world = new World(t);
    const [a, raw] = [await world.node('a'), await world.handMade('raw')];
    a.spawn(oracle());
    for (const from of ['', ' ', '@', 'a@b', '(node)', '..', '/', '\0', 'x'.repeat(300), 'é'])
      for (const kind of [kinds.send, kinds.ask])
        raw.throw(
          'a',
          frameBytes([envelope(kind, { to: 'oracle', from, name: 'Question', body: { n: 1 }, ask: 1 })], {
            sequence: raw.sequence++,
          }),
        );
    await world.settle();
    t.equal(a.counters.get('processes_failed'), 0);
    t.strictSame(await a.ask(upid('oracle', 'a'), Question, { n: 1 }, { deadlineMs }), { n: 2 });
  });

  t.test('no body reaches the prototype of all objects', async (t) => {
    const world = new World(t);
    const [a, raw] = [await world.node('a'), await world.handMade('raw')];
    const bodies: unknown[] = [];
    const Anything = message('Anything', { n: Type.Integer() });
    a.spawn(new Actor('p', { initialize: (self) => void self.on(Anything, (_from, body) => void bodies.push(body)) }));
    const packr = new Packr({ useRecords: false });
    // {"n": 1, "__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}
    const text = (s: string): Uint8Array => packr.pack(s);
    const body = Buffer.concat([
      Uint8Array.of(0x83),
      text('n'),
      Uint8Array.of(1),
      text('__proto__'),
      packr.pack({ polluted: true }),
      text('constructor'),
      packr.pack({ prototype: { polluted: true } }),
    ]);
    const marker = 'BODY-GOES-HERE';
    const frame = Buffer.from(
      frameBytes([envelope(kinds.send, { to: 'p', from: 'x', name: 'Anything', body: marker })]),
    );
    const at = frame.indexOf(Buffer.from(text(marker)));
    raw.throw('a', Buffer.concat([frame.subarray(0, at), body, frame.subarray(at + text(marker).length)]));
    await world.settle();
    t.equal(bodies.length, 1);
    t.equal((bodies[0] as { polluted?: boolean }).polluted, undefined);
    t.equal(Object.getPrototypeOf(bodies[0]), Object.prototype);
    t.equal(({} as { polluted?: boolean }).polluted, undefined);
  });

  t.test('10,000 damaged frames harm nobody: not the process, not the Node, not the frames of others', async (t) => {
    const world = new World(t);
    const [a, b, raw] = [await world.node('a'), await world.node('b'), await world.handMade('raw')];
    const pid = a.spawn(
      new Actor('p', {
        initialize: (self) => {
          self.on(Note, (from, { n }) => self.say(from, Note, { n }));
          self.on(Question, (_from, { n }) => self.answer(Answer, { n: n + 1 }));
          self.on(Where, (from) => self.answer(Where.replyType, { who: from }));
        },
      }),
    );
    const watcher = new Actor('watcher');
    a.spawn(watcher);
    const honest = b.spawn(new Actor('honest'));
    await watcher.dispatch(() => {
      watcher.watch(honest);
      watcher.watch(upid('x', 'raw'));
    });
    const random = new Random('damaged frames');
    const bodies: unknown[] = [{ n: 64 }, {}, [1, [2, [3]]], { deep: { map: { of: ['things', 1.5, null, true] } } }];
    const whole = (): Uint8Array => {
      const many = Array.from({ length: 1 + random.integer(3) }, () =>
        envelope(random.integer(12), {
          to: ['p', 'watcher', 'nobody'][random.integer(3)],
          incarnation: ['', a.incarnation, 'dead'][random.integer(3)],
          from: 'x',
          name: ['Note', 'Question', 'Where', 'ended', 'absent'][random.integer(5)],
          body: bodies[random.integer(bodies.length)],
          ask: random.integer(5),
        }),
      );
      const parts = { session: random.integer(2), sequence: random.integer(1_000) };
      switch (random.integer(4)) {
        case 0:
          return frameBytes(many, parts);
        case 1:
          return chunkFrameBytes(random.integer(3), 1 + random.integer(300), 0, frameBytes(many), parts);
        default: {
          const heads = many.flatMap((one) => one.slice(0, 5));
          const rest = many.flatMap(([, , , , , body, ask], i) => [random.integer(i + 1), body, ask]);
          return compactFrameBytes(heads, rest, parts);
        }
      }
    };
    const damage = (bytes: Uint8Array): Uint8Array => {
      const copy = Buffer.from(bytes);
      for (let i = 1 + random.integer(4); i > 0; i--) {
        const at = random.integer(copy.length);
        // Half the time one of the bytes that begin something in MessagePack, extensions and records among them.
        copy[at] = random.integer(2) === 0 ? random.integer(256) : 0xc0 + random.integer(64);
        if (random.integer(16) === 0) return copy.subarray(0, at);
      }
      return copy;
    };
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 100; i++) raw.throw('a', damage(whole()));
      const n = 32 + round;
      t.strictSame(await b.ask(pid, Question, { n }, { deadlineMs }), { n: n + 1 }, `after ${round * 100 + 100}`);
    }
    t.match(await b.ask(pid, Where, {}, { deadlineMs }), { who: /^\(node\)@b#/ });
    t.equal(a.counters.get('processes_failed'), 0);
    t.ok(a.counters.get('frames_malformed') > 1_000, `${a.counters.get('frames_malformed')} malformed`);
    t.ok(a.counters.get('frames_received') > 100, `${a.counters.get('frames_received')} taken`);
    t.ok(a.counters.get('messages_unknown_kind') > 0);
    t.notOk(
      watcher.exits.some((exit) => exit.includes('honest')),
      'no link to another Node was touched',
    );
    await raw.leave();
    await world.advance(2_000);
  });

  t.test('ten thousand strangers are forgotten again, those we wait for are not', async (t) => {
    const clock = new VirtualClock();
    const sent: { node: string; session: number }[] = [];
    let hear = (_from: string, _bytes: Uint8Array): void => undefined;
    const a = await Node.start({
      name: 'a',
      clock,
      transports: [
        {
          frameBytesMax: 1_000_000,
          start: async (_node, sink) => {
            hear = sink.frame;
          },
          reaches: () => true,
          send: (node, bytes) => {
            sent.push({ node, session: frameSession(bytes) });
            return true;
          },
          close: async () => undefined,
        },
      ],
    });
    t.teardown(() => a.stop());
    const watcher = new Actor('watcher', { initialize: (self) => self.watch(upid('p', 'watched')) });
    a.spawn(watcher);
    await clock.settle();
    const ping = (sequence: number): Uint8Array => frameBytes([envelope(kinds.ping)], { sequence });
    for (const name of ['watched', 'stranger']) hear(name, ping(5));
    await clock.settle();
    for (let i = 0; i < 10_000; i++) {
      hear(`n${i}`, ping(0));
      await Promise.resolve();
    }
    for (const name of ['watched', 'stranger']) hear(name, ping(3));
    await clock.settle();
    t.equal(a.counters.get('frames_stale'), 1, 'the one that is watched is remembered');
    const [before, after] = sent.filter(({ node }) => node === 'stranger').map(({ session }) => session);
    t.ok(
      before !== undefined && after !== undefined && after > before,
      'what we say to it now does not look old to it',
    );
  });
});

t.test('a subclass that overrides nothing lives and ends', async (t) => {
  const world = new World(t);
  const node = await world.node('a');
  class Plain extends Process {}
  const plain = new Plain('plain');
  const pid = node.spawn(plain);
  t.equal(await plain.dispatch(() => 'alive'), 'alive');
  node.terminate(pid, false);
  await node.wait(pid);
  t.strictSame(node.processes(), []);
});

t.test(
  'Runtime events are counted under their codes, and told to whoever subscribed, who cannot do harm',
  async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const seen: RuntimeEvent[] = [];
    node.events.subscribe(() => {
      throw new Error('a listener that fails');
    });
    const unsubscribe = node.events.subscribe((event) => seen.push(event));
    node.send(upid('nobody', 'a'), Note, { n: 1 });
    t.match(seen, [{ code: 'DEAD_LETTER', count: 1, to: 'nobody', message: 'Note' }]);
    const failing = node.spawn(new Actor('failing', { initialize: () => Promise.reject(new Error('boom')) }));
    await node.wait(failing);
    t.match(seen[1], { code: 'PROCESS_FAILED', process: 'failing', error: { message: 'boom' } });
    unsubscribe();
    node.send(upid('nobody', 'a'), Note, { n: 2 });
    t.equal(seen.length, 2);
    t.equal(node.counters.get(runtimeEventKinds.DEAD_LETTER.counter), 2);
  },
);
