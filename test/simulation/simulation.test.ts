import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Node, Process, upid } from '@mesos-ts/process';
import {
  fixedLatency,
  type Machine,
  NotReachedError,
  Simulation,
  type Storage,
  uniformLatency,
} from '@mesos-ts/process/testing';
import t from 'tap';
import { Actor } from '../process/actor.js';
import { Echo, Note } from '../process/conversation.js';
import { PingWorld } from './ping.js';
import { stormyHistory } from './stormy-history.js';

const program = fileURLToPath(new URL('./programs/history.js', import.meta.url));

/** A machine with one actor on it, which notes what it is told. */
class Station {
  readonly heard: number[] = [];
  readonly machine: Machine;
  actor!: Actor;

  constructor(simulation: Simulation, name: string, options: { readonly clockRate?: number } = {}) {
    const boot = ({ node }: { readonly node: Node }): void => {
      this.actor = new Actor('actor');
      node.spawn(this.actor);
      this.actor.on(Note, (_from, { n }) => void this.heard.push(n));
      this.actor.on(Echo, (_from, { n }) => this.actor.answer(Echo.replyType, { n }));
    };
    this.machine = simulation.machine(name, boot, options);
  }

  /** Says numbers to another, each in a turn of its own. */
  async tell(other: Station, ...numbers: readonly number[]): Promise<void> {
    for (const n of numbers) {
      this.actor.say(upid('actor', other.machine.name), Note, { n });
      await Promise.resolve().then(() => undefined);
    }
  }
}

async function pair(options: Partial<ConstructorParameters<typeof Simulation>[0]> = {}) {
  const simulation = new Simulation({ seed: 1, latency: fixedLatency(10), ...options });
  const [a, b] = [new Station(simulation, 'a'), new Station(simulation, 'b')];
  await simulation.settle();
  return { simulation, a, b };
}

t.test('a seed is a history, byte for byte', async (t) => {
  t.test('a thousand times over', async (t) => {
    const first = await stormyHistory('the same');
    let different = 0;
    for (let run = 0; run < 1_000; run++) {
      const { text, digest } = await stormyHistory('the same');
      if (text !== first.text || digest !== first.digest) different++;
    }
    t.equal(different, 0);
    t.match(first.text, /crashes|is disconnected|partition/);
    t.ok(first.text.split('\n').length > 100);
  });

  t.test('in another OS process', async (t) => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'elsewhere']);
    t.equal(stdout, (await stormyHistory('elsewhere')).text);
  });

  t.test('and another seed is another', async (t) => {
    t.not((await stormyHistory('one')).digest, (await stormyHistory('two')).digest);
  });

  t.test('whatever else the OS process does meanwhile', async (t) => {
    const alone = await stormyHistory('busy');
    const together = await Promise.all(Array.from({ length: 20 }, () => stormyHistory('busy')));
    for (const { text } of together) t.equal(text, alone.text);
  });

  t.test('with a trace or without', async (t) => {
    const run = async (trace: boolean): Promise<number[][]> => {
      const simulation = new Simulation({ seed: 5, trace });
      const world = new PingWorld(simulation, 3);
      simulation.after(2_500, () => world.leader.restart({ afterMs: 800 }));
      await simulation.advance(20_000);
      return [...world.pingers.map(({ pongs }) => pongs), [simulation.events]];
    };
    t.strictSame(await run(false), await run(true));
    t.throws(() => new Simulation({ seed: 1, trace: false }).trace, { message: /keeps no trace/ });
  });
});

t.test('the network', async (t) => {
  t.test('takes its time, and keeps the order of a pair', async (t) => {
    const { simulation, a, b } = await pair({ latency: uniformLatency(1, 100) });
    for (let n = 0; n < 200; n++) {
      await a.tell(b, n);
      await simulation.advance(1);
    }
    t.ok(b.heard.length < 200, 'some are still under way');
    await simulation.advance(100);
    t.strictSame(
      b.heard,
      Array.from({ length: 200 }, (_, n) => n),
    );
    t.equal(simulation.now, 300);
  });

  t.test('delivers exactly when the latency says', async (t) => {
    const { simulation, a, b } = await pair();
    await a.tell(b, 7);
    await simulation.advance(9.999);
    t.strictSame(b.heard, []);
    await simulation.advance(0.001);
    t.strictSame(b.heard, [7]);
    t.match(simulation.trace.lines.at(-1), /^ +10\.000 {2}a -> b +Note actor@a#\w+ -> actor@b {"n":7}$/);
  });

  t.test('loses what is under way to a broken connection, and refuses what comes after it is noticed', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    await simulation.advance(30);
    await a.tell(b, 1);
    await simulation.advance(5);
    b.machine.disconnect();
    await simulation.advance(50);
    await b.tell(a, 100);
    await simulation.advance(50);
    t.strictSame([a.heard, b.heard], [[], []]);
    b.machine.reconnect();
    await b.tell(a, 101);
    await a.tell(b, 2);
    await simulation.advance(100);
    t.strictSame([a.heard, b.heard], [[101], [2]]);
    t.strictSame(a.actor.exits, ['actor@b connection-lost'], 'the other side learns of it by the new session');
    t.match(simulation.trace.text, /a -> b +Note .* \{"n":1\}: nobody is there/);
    t.match(simulation.trace.text, /b -> a +Note .* \{"n":100\}: refused/);
  });

  t.test('tells a Node that its connection is lost, after a time in which it speaks into the void', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    await simulation.advance(30);
    a.machine.disconnect({ forMs: 400, unnoticedMs: 100 });
    await a.tell(b, 1);
    await simulation.advance(99);
    t.strictSame([a.actor.exits, a.machine.node.counters.get('messages_unsent')], [[], 0]);
    await simulation.advance(1);
    t.strictSame(a.actor.exits, ['actor@b connection-lost']);
    await simulation.advance(300);
    await a.tell(b, 2);
    await simulation.advance(50);
    t.strictSame(b.heard, [2]);
    t.match(simulation.trace.text, /\{"n":1\}: lost$/m);
  });

  t.test('of what was sent before the connection broke, a beginning survives', async (t) => {
    const survivors = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const { simulation, a, b } = await pair({ seed, latency: uniformLatency(5, 50) });
      for (let n = 0; n < 20; n++) {
        await a.tell(b, n);
        await simulation.advance(2);
      }
      a.machine.disconnect();
      await simulation.advance(500);
      t.strictSame(
        b.heard,
        Array.from({ length: b.heard.length }, (_, n) => n),
      );
      survivors.add(b.heard.length);
    }
    t.ok(survivors.size > 5, 'where it breaks is a matter of chance');
  });

  t.test('a partition swallows in both directions, a one-way one in one, and nobody is told', async (t) => {
    const { simulation, a, b } = await pair();
    for (const [oneWay, expected] of [
      [false, [[], []]],
      [true, [[2], []]],
    ] as const) {
      const heal = simulation.partition([a.machine], [b.machine], { oneWay });
      await a.tell(b, 1);
      await b.tell(a, 2);
      await simulation.advance(100);
      t.strictSame([a.heard, b.heard], expected);
      heal();
      await a.tell(b, 3);
      await simulation.advance(100);
      t.strictSame(b.heard.splice(0), [3]);
      a.heard.length = 0;
    }
    t.match(simulation.trace.text, /partition a -\/> b heals/);
    t.match(simulation.trace.text, /\{"n":1\}: lost in the partition/);
  });

  t.test('a slow link delivers late, and what is sent when it is quick again does not overtake that', async (t) => {
    const { simulation, a, b } = await pair();
    const heal = simulation.slow([a.machine], [b.machine], 5_000);
    await a.tell(b, 1);
    await b.tell(a, 2);
    await simulation.advance(4_000);
    t.strictSame([a.heard, b.heard], [[2], []], 'only in that direction');
    heal();
    await a.tell(b, 3);
    await simulation.advance(990);
    t.strictSame(b.heard, []);
    await simulation.advance(100);
    t.strictSame(b.heard, [1, 3]);
  });

  t.test('a partition looks like silence to those who linked', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    await simulation.advance(100);
    simulation.partition([a.machine], [b.machine]);
    await simulation.advance(4_500);
    t.strictSame(a.actor.exits, []);
    await simulation.advance(1_500);
    t.strictSame(a.actor.exits, ['actor@b node-silent']);
  });
});

t.test('a machine', async (t) => {
  t.test('crashes without finalize, says nothing more, and is missed by those who linked', async (t) => {
    const simulation = new Simulation({ seed: 1, latency: fixedLatency(1) });
    const did: string[] = [];
    let dead: Actor | undefined;
    const victim = simulation.machine('victim', ({ node }) => {
      const actor = new Actor('actor', {
        initialize: (self) => void self.later(5_000, () => void did.push('timer')),
        finalize: () => void did.push('finalize'),
      });
      node.spawn(actor);
      dead = actor;
    });
    const watcher = new Station(simulation, 'watcher');
    await simulation.settle();
    watcher.actor.watch(upid('actor', 'victim'));
    await simulation.advance(600);
    victim.crash();
    t.notOk(victim.up);
    t.throws(() => victim.node, { message: /no Node lives on the machine victim/ });
    await simulation.advance(10_000);
    t.strictSame(watcher.actor.exits, ['actor@victim node-down']);
    t.strictSame(did, []);
    dead?.say(upid('actor', 'watcher'), Note, { n: 1 });
    dead?.later(1, () => void did.push('timer of the dead'));
    await simulation.advance(100);
    t.strictSame([watcher.heard, did], [[], []]);
    t.equal(simulation.trace.lines.filter((line) => line.includes('Note')).length, 0);
  });

  t.test('starts again as a new incarnation, with its storage or without', async (t) => {
    const simulation = new Simulation({ seed: 1 });
    const found: unknown[] = [];
    const lives: number[] = [];
    const machine = simulation.machine('m', ({ storage, life }) => {
      found.push(storage.get('list'));
      lives.push(life);
      const list = [life];
      storage.put('list', list);
      list.push(99);
    });
    await simulation.settle();
    const { incarnation } = machine.node;
    machine.restart({ afterMs: 10 });
    await simulation.advance(9);
    t.notOk(machine.up);
    await simulation.advance(1);
    t.ok(machine.up);
    t.not(machine.node.incarnation, incarnation);
    machine.restart({ storage: 'lost' });
    await simulation.settle();
    t.strictSame(
      [found, lives],
      [
        [undefined, [1], undefined],
        [1, 2, 3],
      ],
      'what was changed after the put is not there',
    );
  });

  t.test('what a dead life still writes reaches no disk', async (t) => {
    const simulation = new Simulation({ seed: 1 });
    const disks: Storage[] = [];
    const machine = simulation.machine('m', ({ storage }) => void disks.push(storage));
    await simulation.settle();
    machine.restart();
    await simulation.settle();
    const [dead, living] = disks as [Storage, Storage];
    living.put('kept', 1);
    dead.put('late', 2);
    dead.delete('kept');
    t.strictSame([living.get('kept'), living.get('late'), living.keys()], [1, undefined, ['kept']]);
    living.delete('kept');
    t.strictSame(living.keys(), []);
  });

  t.test('stalls: its clock goes on, and then everything that fell due runs in its order', async (t) => {
    const { simulation, a, b } = await pair();
    const did: string[] = [];
    const startedAt = a.machine.node.clock.now();
    const note = (what: string): void => {
      did.push(`${what} at ${Math.round(a.machine.node.clock.now() - startedAt)}`);
    };
    a.actor.on(Note, (_from, { n }) => note(`note ${n}`));
    a.actor.later(50, () => note('timer 50'));
    a.actor.later(25, () => note('timer 25'));
    a.actor.later(300, () => note('timer 300'));
    await simulation.advance(20);
    a.machine.stall(200);
    await b.tell(a, 1);
    await simulation.advance(15);
    await b.tell(a, 2);
    await simulation.advance(184);
    t.strictSame(did, []);
    await simulation.advance(1_000);
    t.strictSame(did, ['timer 25 at 220', 'note 1 at 220', 'note 2 at 220', 'timer 50 at 220', 'timer 300 at 300']);
  });

  t.test('hears of a connection that broke during a stall when it goes on, before all else', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    await simulation.advance(50);
    a.machine.stall(500);
    await simulation.advance(10);
    a.machine.disconnect({ forMs: 100 });
    await simulation.advance(200);
    await b.tell(a, 1);
    await simulation.advance(200);
    t.strictSame([a.actor.exits, a.heard], [[], []]);
    await simulation.advance(100);
    t.strictSame([a.actor.exits, a.heard], [['actor@b connection-lost'], [1]]);
    const told = simulation.trace.lines.filter((line) => /notices|reconnected|\{"n":1\}/.test(line));
    t.match(told, [/160\.000 {2}a +reconnected/, /550\.000 {2}a +notices/, /550\.000 {2}b -> a +Note/]);
  });

  t.test('a stall of its own makes nobody look dead, and a long one is seen as silence by others', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    b.actor.watch(upid('actor', 'a'));
    await simulation.advance(100);
    a.machine.stall(20_000);
    await simulation.advance(30_000);
    t.strictSame(b.actor.exits, ['actor@a node-silent']);
    t.notMatch(a.actor.exits, ['actor@b node-silent']);
  });

  t.test('has a clock of its own: rate and origin, and a wall clock that can be stepped', async (t) => {
    const simulation = new Simulation({ seed: 1 });
    const fast = new Station(simulation, 'fast', { clockRate: 1.5 });
    const slow = new Station(simulation, 'slow', { clockRate: 0.5 });
    await simulation.settle();
    const clocks = [fast, slow].map(({ machine }) => machine.node.clock);
    const before = clocks.map((clock) => [clock.now(), clock.wallTime()] as const);
    t.not(before[0]?.[0], before[1]?.[0], 'nobody can compare them');
    const fired: string[] = [];
    for (const [name, clock] of [
      ['fast', clocks[0]],
      ['slow', clocks[1]],
    ] as const)
      clock?.timer(300, () => fired.push(`${name} at ${simulation.now}`));
    await simulation.advance(1_000);
    t.strictSame(fired, ['fast at 200', 'slow at 600']);
    slow.machine.stepWallClock(-5_000);
    const passed = clocks.map((clock, i) => [
      clock.now() - (before[i]?.[0] ?? Number.NaN),
      clock.wallTime() - (before[i]?.[1] ?? Number.NaN),
    ]);
    t.strictSame(passed, [
      [1_500, 1_500],
      [500, -4_500],
    ]);
  });

  t.test('a timer never sees a time before its deadline, however the clocks run', async (t) => {
    for (let seed = 0; seed < 20; seed++) {
      const simulation = new Simulation({ seed, trace: false });
      const { machine } = new Station(simulation, 'm', { clockRate: 1 + seed / 997 });
      await simulation.settle();
      const { clock, random } = machine.node;
      let early = 0;
      for (let i = 0; i < 200; i++) {
        const delay = random.fraction() * 1_000;
        const deadline = clock.now() + delay;
        clock.timer(delay, () => {
          if (clock.now() < deadline) early++;
        });
        await simulation.advance(random.fraction() * 20);
      }
      await simulation.advance(2_000);
      t.equal(early, 0);
    }
  });

  t.test('stops in an orderly manner when it is asked to', async (t) => {
    const { simulation, a, b } = await pair();
    a.actor.watch(upid('actor', 'b'));
    await simulation.advance(50);
    await simulation.outcome(b.machine.stop());
    await simulation.advance(50);
    t.notOk(b.machine.up);
    t.strictSame(a.actor.exits, ['actor@b ended']);
    b.machine.start();
    await simulation.settle();
    t.ok(b.machine.up);
  });
});

t.test('moving the world', async (t) => {
  t.test('outcome runs it until a promise settles, and until a condition holds', async (t) => {
    const { simulation, a } = await pair();
    const asked = a.machine.node.ask(upid('actor', 'b'), Echo, { n: 3 }, { deadlineMs: 1_000 });
    t.strictSame(await simulation.outcome(asked), { n: 3 });
    t.equal(simulation.now, 20);
    const nobody = a.machine.node.ask(upid('actor', 'nobody'), Echo, { n: 3 }, { deadlineMs: 1_000 });
    await t.rejects(simulation.outcome(nobody), { code: 'NO_SUCH_NODE' });
    await simulation.until('a second passes', () => simulation.now >= 500, { withinMs: 1_000 }).catch(() => undefined);
    await t.rejects(
      simulation.until('pigs fly', () => false, { withinMs: 100 }),
      { name: 'NotReachedError', message: /not within 100 ms from .* on, seed 1: pigs fly/ },
    );
    t.type(NotReachedError, 'function');
  });

  t.test('ends with what an invariant, a boot function or a timer throws, and says so in the trace', async (t) => {
    for (const breakIt of [
      (simulation: Simulation) => simulation.invariant(() => fail(simulation.now > 50)),
      (simulation: Simulation) => simulation.after(60, () => fail(true)),
      (simulation: Simulation) => simulation.after(60, () => void simulation.machine('c', async () => fail(true))),
      (simulation: Simulation) => simulation.after(60, () => simulation.observe(() => fail(true))),
    ]) {
      const { simulation, a } = await pair();
      a.actor.later(51, () => undefined);
      breakIt(simulation);
      await t.rejects(simulation.advance(100), { message: 'as the test wants it' });
      t.match(simulation.trace.lines.at(-1), /\(world\) +failed: as the test wants it/);
      await t.rejects(simulation.advance(100), { message: 'as the test wants it' }, 'for good');
    }
  });

  t.test('two at a time are refused', async (t) => {
    const { simulation } = await pair();
    const moving = simulation.advance(10);
    await t.rejects(simulation.advance(10), { message: /moved already/ });
    await moving;
    t.equal(simulation.now, 10);
    t.throws(() => simulation.machine('a', () => undefined), { message: /a machine a already/ });
  });

  t.test('long chains of promises within one Node end before anything else happens', async (t) => {
    const simulation = new Simulation({ seed: 1, latency: fixedLatency(0) });
    const order: string[] = [];
    class Slow extends Process {
      protected override async initialize(): Promise<void> {
        for (let i = 0; i < 5_000; i++) await Promise.resolve();
        order.push(`${this.id} at ${simulation.now}`);
      }
    }
    simulation.machine('slow', ({ node }) => void node.spawn(new Slow('slow')));
    simulation.machine('next', () => void order.push('next'));
    await simulation.settle();
    t.strictSame(order, ['slow at 0', 'next']);
  });

  t.test('a long trace keeps its end, and its digest covers all of it', async (t) => {
    const run = async (linesMax: number, first: string): Promise<Simulation> => {
      const simulation = new Simulation({ seed: 1, trace: { linesMax, timers: false } });
      simulation.note(first);
      for (let i = 0; i < 5_000; i++) simulation.note(`line ${i}`);
      return simulation;
    };
    const [short, long, other] = await Promise.all([run(10, 'a'), run(100_000, 'a'), run(10, 'b')]);
    t.equal(short.trace.lines.length, 10);
    t.match(short.trace.lines.at(-1), /line 4999$/);
    t.strictSame([short.trace.length, long.trace.length], [5_001, 5_001]);
    t.equal(short.trace.digest, long.trace.digest);
    t.not(short.trace.digest, other.trace.digest);
  });
});

function fail(really: boolean): void {
  if (really) throw new Error('as the test wants it');
}
