import { message, type Node, type RestartOptions, type RuntimeEvent, type SpawnOptions, upid } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';
import t from 'tap';
import { Actor, type Behaviour } from './actor.js';
import { deferred, World } from './world.js';

const Note = message('Note', { n: Type.Integer() });
const Counted = message('Counted', { n: Type.Integer() });
const Count = message('Count', { n: Type.Integer() }, { reply: Counted });
const deadlineMs = 60_000;

const restart: RestartOptions = { restartsMax: 3, withinMs: 10_000, delayMs: 100, delayMsMax: 300 };

/** Each life of it counts what it is told from 0; a negative number is poison. */
function counter(id: string, trace: string[], behaviour: Behaviour = {}): () => Actor {
  let lives = 0;
  return () => {
    const life = ++lives;
    let count = 0;
    return new Actor(id, {
      ...behaviour,
      initialize: (self) => {
        trace.push(`${id} ${life} begins`);
        self.on(Note, (_from, { n }) => {
          if (n < 0) throw new Error('poison');
          trace.push(`${id} ${life} has ${++count}`);
        });
        self.on(Count, (_from, { n }) => {
          if (n < 0) throw new Error('poison');
          self.answer(Counted, { n: ++count });
        });
        return behaviour.initialize?.(self);
      },
      finalize: (self) => {
        trace.push(`${id} ${life} finalizes`);
        return behaviour.finalize?.(self);
      },
    });
  };
}

function eventsOf(node: Node, ...codes: RuntimeEvent['code'][]): string[] {
  const events: string[] = [];
  node.events.subscribe((event) => {
    if (!codes.includes(event.code)) return;
    const {
      code,
      count: _count,
      error: _error,
      from: _from,
      ...fields
    } = event as RuntimeEvent & Record<string, unknown>;
    events.push([code, ...Object.values(fields)].join(' '));
  });
  return events;
}

t.test('restart', async (t) => {
  t.test('keeps the PID, the messages that wait and the links of others, and nothing of the old object', async (t) => {
    const world = new World(t);
    const [a, b] = [await world.node('a'), await world.node('b')];
    const trace: string[] = [];
    const events = eventsOf(a, 'PROCESS_RESTARTED', 'DEAD_LETTER');
    const pid = a.spawn(counter('c', trace), { supervision: restart });
    const watchers = [new Actor('near'), new Actor('far')] as const;
    a.spawn(watchers[0]);
    b.spawn(watchers[1]);
    for (const watcher of watchers) await watcher.dispatch(() => watcher.watch(pid));
    await world.settle();
    const poisoned = [a, b].map((home) =>
      home.ask(pid, Count, { n: -1 }, { deadlineMs }).catch((error: unknown) => error),
    );
    a.send(pid, Note, { n: 1 });
    a.send(pid, Note, { n: 2 });
    await world.settle();
    t.strictSame(trace, ['c 1 begins', 'c 1 finalizes']);
    t.equal(a.processHealth(pid)?.state, 'restarting');
    t.match(await poisoned[0], { code: 'REFUSED', reason: 'failed' }, 'who asked with the poison is told at once');
    await world.advance(99);
    t.equal(trace.length, 2);
    await world.advance(1);
    t.strictSame(
      trace.slice(2),
      ['c 2 begins', 'c 2 has 1', 'c 2 has 2', 'c 2 finalizes'],
      'and the next poison waited',
    );
    t.match(await poisoned[1], { code: 'REFUSED', reason: 'failed' });
    await world.advance(200);
    t.strictSame(await b.ask(pid, Count, { n: 1 }, { deadlineMs }), { n: 1 });
    t.strictSame([watchers[0].exits, watchers[1].exits], [[], []], 'those who linked need not notice');
    a.terminate(pid);
    await a.wait(pid);
    await world.settle();
    t.strictSame(
      [watchers[0].exits, watchers[1].exits],
      [[`${pid} ended`], [`${pid} ended`]],
      'their links still hold',
    );
    t.strictSame(events, [
      'DEAD_LETTER c Count poison',
      'PROCESS_RESTARTED c 1 100',
      'DEAD_LETTER c Count poison',
      'PROCESS_RESTARTED c 2 200',
    ]);
  });

  t.test('waits twice as long each time, up to a bound, and ends when there were too many', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const events = eventsOf(node, 'PROCESS_RESTARTED', 'RESTARTS_EXHAUSTED');
    const pid = node.spawn(counter('c', []), { supervision: restart });
    const watcher = new Actor('watcher', { initialize: (self) => self.watch(pid) });
    node.spawn(watcher);
    for (const delayMs of [100, 200, 300]) {
      node.send(pid, Note, { n: -1 });
      await world.advance(delayMs - 1);
      t.equal(node.processHealth(pid)?.state, 'restarting');
      await world.advance(1);
      t.equal(node.processHealth(pid)?.state, 'idle');
    }
    node.send(pid, Note, { n: -1 });
    await world.settle();
    t.strictSame(watcher.exits, [`${pid} failed`]);
    t.strictSame(events, [
      'PROCESS_RESTARTED c 1 100',
      'PROCESS_RESTARTED c 2 200',
      'PROCESS_RESTARTED c 3 300',
      'RESTARTS_EXHAUSTED c 3 10000',
    ]);
  });

  t.test('counts only the restarts of the set time', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const pid = node.spawn(counter('c', []), { supervision: { restartsMax: 1, withinMs: 1_000, delayMs: 100 } });
    for (let i = 0; i < 5; i++) {
      node.send(pid, Note, { n: -1 });
      await world.advance(1_000);
      t.match(node.processHealth(pid), { state: 'idle', restarts: i + 1 });
    }
    node.send(pid, Note, { n: -1 });
    await world.advance(999);
    node.send(pid, Note, { n: -1 });
    await world.settle();
    t.equal(node.processHealth(pid), undefined);
  });

  t.test(
    'also after an initialize that throws, a factory that throws, and one that makes something else',
    async (t) => {
      const world = new World(t);
      const node = await world.node('a');
      const events = eventsOf(node, 'PROCESS_RESTARTED', 'RESTARTS_EXHAUSTED');
      let made = 0;
      let finalized = 0;
      let initialized = 0;
      const make = (): Actor => {
        made++;
        if (made === 2) throw new Error('no such thing');
        const initialize = (): void => {
          if (++initialized === 1) throw new Error('not yet');
        };
        return new Actor(made === 3 ? 'another' : 'c', { initialize, finalize: () => void finalized++ });
      };
      const pid = node.spawn(make, { supervision: restart });
      await world.advance(600);
      t.match(node.processHealth(pid), { state: 'idle', restarts: 1 });
      t.strictSame([made, initialized, finalized], [4, 2, 1], 'what was finalized is not finalized again');
      t.strictSame(events, ['PROCESS_RESTARTED c 1 300']);

      const actor = new Actor('same');
      node.spawn(() => actor, { supervision: restart });
      void actor.dispatch(() => actor.next(() => actor.after(Promise.reject(new Error('boom')), () => undefined)));
      await world.advance(1_000);
      t.equal(events.at(-1), 'RESTARTS_EXHAUSTED same 3 10000', 'one that makes the same object again never begins');
    },
  );

  t.test('ends the timers, links, children and continuations of the old object', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const friend = node.spawn(new Actor('friend'));
    const late = deferred();
    let life = 0;
    let first: Actor | undefined;
    const make = (): Actor => {
      const actor: Actor = new Actor('c', {
        initialize: (self) => {
          self.on(Note, async () => {
            await Promise.resolve();
            throw new Error('boom');
          });
          if (++life > 1) return;
          first = self;
          self.watch(friend);
          self.later(50, () => void trace.push('timer'));
          self.after(late.promise, () => void trace.push('deferred'));
          self.bear(counter('child', trace));
        },
        finalize: () => void trace.push(`finalize ${life}`),
        exited: (pid) => void trace.push(`exited ${pid}`),
      });
      return actor;
    };
    const pid = node.spawn(make, { supervision: restart });
    await world.settle();
    node.send(pid, Note, { n: 1 });
    const dispatched = first?.dispatch(() => trace.push('dispatched'));
    first?.next(() => void trace.push('enqueued'));
    await world.settle();
    await t.rejects(dispatched as Promise<unknown>, { code: 'NO_SUCH_PROCESS' }, 'it was for the old object');
    t.equal(world.clock.timersPending, 1, 'only that of the restart');
    late.resolve();
    node.terminate(friend);
    await world.advance(100);
    t.strictSame(trace, ['child 1 begins', 'child 1 finalizes', 'finalize 1']);
    t.equal(life, 2);
    first?.next(() => void trace.push('enqueued late'));
    first?.end();
    t.throws(() => first?.bear(new Actor('late')), { code: 'NAME' });
    await t.rejects(first?.dispatch(() => 1) as Promise<unknown>, { code: 'NO_SUCH_PROCESS' });
    await world.settle();
    t.match(node.processHealth(pid), { state: 'idle', restarts: 1, children: 0 }, 'the old object has no say any more');
    t.equal(trace.length, 3);
  });

  t.test('is cut short by terminate, whether it waits for its time or for finalize', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    for (const gate of [undefined, deferred()]) {
      const pid = node.spawn(counter('c', trace, { finalize: () => gate?.promise }), { supervision: restart });
      node.send(pid, Note, { n: -1 });
      const asked = node.ask(pid, Count, { n: 1 }, { deadlineMs });
      await world.settle();
      const watcher = new Actor('watcher', { initialize: (self) => self.watch(pid) });
      node.spawn(watcher);
      await world.settle();
      node.terminate(pid);
      node.terminate(pid);
      await t.rejects(asked, { code: 'NO_SUCH_PROCESS' });
      gate?.resolve();
      await node.wait(pid);
      await world.advance(1_000);
      t.strictSame(trace.splice(0), ['c 1 begins', 'c 1 finalizes'], 'finalized once');
      t.strictSame(watcher.exits, [`${pid} ended`]);
      node.terminate(watcher.pid);
      await node.wait(watcher.pid);
    }
  });

  t.test('needs a factory and options that can be', async (t) => {
    const node = await new World(t).node('a');
    t.throws(() => node.spawn(new Actor('c'), { supervision: 'restart' }), { name: 'TypeError', message: /function/ });
    for (const wrong of [{ restartsMax: -1 }, { withinMs: Number.NaN }, { delayMs: -1 }, { delayMsMax: -1 }])
      t.throws(() => node.spawn(() => new Actor('c'), { supervision: wrong }), RangeError);
    t.strictSame(node.processes(), []);
  });
});

t.test('the tree', async (t) => {
  /** Spawns a family: each name below the one before it in the same list. */
  function family(
    node: Node,
    trace: string[],
    options: { root?: SpawnOptions; [id: string]: SpawnOptions | undefined } = {},
  ): Map<string, Actor> {
    const members = new Map<string, Actor>();
    const member =
      (id: string, children: readonly string[]): (() => Actor) =>
      () => {
        const make = counter(id, trace, {
          initialize: (self) => {
            for (const child of children) self.bear(member(child, []), options[child]);
          },
        });
        const actor = make();
        members.set(id, actor);
        return actor;
      };
    node.spawn(member('root', ['one', 'two', 'three']), options.root);
    return members;
  }

  t.test('children end before their parent, the last spawned first, each when the one after it is over', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const gate = deferred();
    family(node, trace);
    await world.settle();
    const slow = new Actor('slow', { finalize: () => gate.promise.then(() => void trace.push('slow finalizes')) });
    const root = node.spawn(new Actor('above', { initialize: (self) => void self.bear(slow) }));
    await world.settle();
    node.terminate(root);
    await world.settle();
    t.match(node.processHealth(root), { state: 'ending', children: 1 });
    gate.resolve();
    await node.wait(root);
    t.strictSame(trace.splice(0).at(-1), 'slow finalizes');
    node.terminate(upid('root', 'a'));
    await node.wait(upid('root', 'a'));
    t.strictSame(trace, ['three 1 finalizes', 'two 1 finalizes', 'one 1 finalizes', 'root 1 finalizes']);
    t.strictSame(node.processes(), []);
  });

  t.test('a child that fails or ends by itself leaves its parent and its siblings alone', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const members = family(node, []);
    await world.settle();
    node.send(upid('two', 'a'), Note, { n: -1 });
    node.terminate(upid('three', 'a'));
    await world.settle();
    t.match(members.get('root')?.health(), { state: 'idle', children: 1 });
    node.terminate(upid('root', 'a'));
    await node.wait(upid('root', 'a'));
    t.strictSame(node.processes(), []);
  });

  t.test('a failure that escalates is that of the parent, before what waits for it, and up to the root', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    const events = eventsOf(node, 'FAILURE_ESCALATED', 'DEAD_LETTER');
    const gate = deferred();
    const failed: unknown[] = [];
    node.events.subscribe((event) => {
      if (event.code === 'PROCESS_FAILED') failed.push(event.error);
    });
    family(node, trace, { two: { supervision: 'escalate' }, root: { supervision: 'escalate' } });
    const root = upid('root', 'a', node.incarnation);
    const watcher = new Actor('watcher', { initialize: (self) => self.watch(root) });
    node.spawn(watcher);
    await world.settle();
    trace.length = 0;
    node.send(upid('two', 'a'), Note, { n: -1 });
    await world.settle();
    t.strictSame(trace, ['two 1 finalizes', 'three 1 finalizes', 'one 1 finalizes', 'root 1 finalizes']);
    t.strictSame(watcher.exits, [`${root} failed`]);
    t.match(failed, [{ message: 'poison' }, { code: 'CHILD_FAILED', cause: { message: 'poison' } }]);

    const busy = new Actor('busy', {
      initialize: (self) => {
        self.bear(counter('child', trace), { supervision: 'escalate' });
        self.on(Note, () => gate.promise);
      },
    });
    const pid = node.spawn(busy);
    await world.settle();
    for (const n of [1, 2]) node.send(pid, Note, { n });
    node.send(upid('child', 'a'), Note, { n: -1 });
    await world.settle();
    t.equal(node.processHealth(pid)?.state, 'busy', 'the handler in hand is not torn away');
    gate.resolve();
    await node.wait(pid);
    t.strictSame(events, [
      'DEAD_LETTER two Note poison',
      'FAILURE_ESCALATED two root',
      'DEAD_LETTER child Note poison',
      'FAILURE_ESCALATED child busy',
      'DEAD_LETTER busy Note ended',
    ]);
  });

  t.test('a parent that is restarted when a child escalates has its children anew', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    family(node, trace, {
      root: { supervision: restart },
      two: { supervision: { restartsMax: 1, delayMs: 10, thereafter: 'escalate' } },
    });
    await world.settle();
    trace.length = 0;
    for (const n of [-1, -1]) node.send(upid('two', 'a'), Note, { n });
    await world.advance(10);
    t.strictSame(trace.splice(0), [
      'two 1 finalizes',
      'two 1 begins',
      'two 1 finalizes',
      'three 1 finalizes',
      'one 1 finalizes',
      'root 1 finalizes',
    ]);
    await world.advance(100);
    t.strictSame(trace, ['root 1 begins', 'one 1 begins', 'two 1 begins', 'three 1 begins']);
    t.equal(
      node.tree(),
      [
        `a#${node.incarnation}`,
        '└─ root: idle, 0 waiting, 1 restart',
        '   ├─ one: idle, 0 waiting',
        '   ├─ two: idle, 0 waiting',
        '   └─ three: idle, 0 waiting',
      ].join('\n'),
    );
  });

  t.test('a child that escalates while its parent ends it for a restart does not fail the new parent', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const gate = deferred();
    const child = (): Actor => new Actor('child', { initialize: (self) => void self.on(Note, () => gate.promise) });
    const initialize = (self: Actor): void => void self.bear(child(), { supervision: 'escalate' });
    const pid = node.spawn(counter('root', [], { initialize }), { supervision: restart });
    await world.settle();
    node.send(upid('child', 'a'), Note, { n: 1 });
    node.send(pid, Note, { n: -1 });
    await world.settle();
    t.match(node.processHealth(pid), { state: 'restarting', children: 1 });
    gate.reject(new Error('boom'));
    await world.advance(1_000);
    t.match(node.processHealth(pid), { state: 'idle', restarts: 1, children: 1 });
  });

  t.test('stopping the Node ends the tree in the same order, and no restart is left behind', async (t) => {
    const world = new World(t);
    const node = await world.node('a');
    const trace: string[] = [];
    family(node, trace, { two: { supervision: restart } });
    await world.settle();
    node.send(upid('two', 'a'), Note, { n: -1 });
    await world.settle();
    trace.length = 0;
    await node.stop();
    t.strictSame(trace, ['three 1 finalizes', 'one 1 finalizes', 'root 1 finalizes']);
    t.equal(world.clock.timersPending, 0);
  });
});
