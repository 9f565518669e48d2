import { Random, SystemClock, VirtualClock } from '@mesos-ts/process';
import t from 'tap';

t.test('VirtualClock', async (t) => {
  t.test(
    'fires timers in the order of their deadlines, and those of one deadline in the order they were set',
    async (t) => {
      const clock = new VirtualClock();
      const fired: string[] = [];
      const random = new Random('timers');
      const expected: { at: number; name: string }[] = [];
      for (let i = 0; i < 500; i++) {
        const at = random.integer(50);
        expected.push({ at, name: `${at} ${i}` });
        clock.timer(at, () => fired.push(`${clock.now()} ${i}`));
      }
      expected.sort((a, b) => a.at - b.at); // stable: ties stay as they were set
      t.equal(clock.timersPending, 500);
      await clock.advance(50);
      t.strictSame(
        fired,
        expected.map(({ name }) => name),
      );
      t.equal(clock.timersPending, 0);
    },
  );

  t.test('stands still until it is told to move, and then moves exactly that far', async (t) => {
    const clock = new VirtualClock(5_000);
    const fired: number[] = [];
    clock.timer(10, () => fired.push(clock.now()));
    await clock.settle();
    await clock.advance(9.5);
    t.strictSame([fired, clock.now(), clock.wallTime()], [[], 9.5, 5_009.5]);
    await clock.advance(0.5);
    t.strictSame([fired, clock.now()], [[10], 10]);
    await clock.advance(1_000_000);
    t.strictSame([fired, clock.now()], [[10], 1_000_010]);
    clock.timer(-5, () => fired.push(clock.now()));
    await clock.settle();
    t.strictSame(fired, [10, 1_000_010], 'what is overdue is due now');
  });

  t.test('cancel holds, before or in the same moment, twice, or too late', async (t) => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const early = clock.timer(1, () => {
      fired.push('early');
      sibling.cancel();
    });
    const sibling = clock.timer(1, () => fired.push('sibling'));
    const other = clock.timer(2, () => fired.push('other'));
    const keeps = clock.timer(2, () => fired.push('keeps'));
    other.cancel();
    other.cancel();
    t.equal(clock.timersPending, 3);
    await clock.advance(5);
    t.strictSame(fired, ['early', 'keeps']);
    early.cancel();
    keeps.cancel();
    t.equal(clock.timersPending, 0);
  });

  t.test('advance lets the consequences of each timer run before it goes further', async (t) => {
    const clock = new VirtualClock();
    const trace: string[] = [];
    const tick = (): void => {
      trace.push(`tick at ${clock.now()}`);
      void Promise.resolve()
        .then(() => new Promise<void>((resolve) => clock.nextTurn(resolve)))
        .then(() => {
          trace.push(`consequence at ${clock.now()}`);
          if (clock.now() < 40) clock.timer(10, tick);
        });
    };
    clock.timer(10, tick);
    clock.timer(25, () => trace.push(`between at ${clock.now()}`));
    await clock.advance(35);
    t.strictSame(trace, [
      'tick at 10',
      'consequence at 10',
      'tick at 20',
      'consequence at 20',
      'between at 25',
      'tick at 30',
      'consequence at 30',
    ]);
    await clock.advance(100);
    t.strictSame(trace.slice(7), ['tick at 40', 'consequence at 40']);
  });

  t.test('settle waits for long chains of turns and promises, and for timers that are due now', async (t) => {
    const clock = new VirtualClock();
    let turns = 0;
    const turn = (): void => {
      if (++turns < 1_000) clock.nextTurn(turn);
    };
    turn();
    await clock.settle();
    t.equal(turns, 1_000);
    let timers = 0;
    const again = (): void => {
      if (++timers < 100) clock.timer(0, again);
    };
    clock.timer(0, again);
    clock.timer(1, () => t.fail('not due'));
    await clock.settle();
    t.equal(timers, 100);
    t.equal(clock.timersPending, 1);
    t.equal(clock.now(), 0);
  });
});

t.test('SystemClock', async (t) => {
  const clock = new SystemClock();
  const after = (ms: number): Promise<void> => new Promise((resolve) => clock.timer(ms, resolve));

  t.test('takes delays longer than the platform does, and lets go of them', async (t) => {
    const fired: string[] = [];
    const timers = [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY].map((ms) =>
      clock.timer(ms, () => fired.push(`${ms}`)),
    );
    // An overflow would fire them within 1 ms. That this test's process ends at all shows that cancel lets go of them.
    await after(20);
    for (const timer of timers) timer.cancel();
    t.strictSame(fired, []);
  });

  t.test('carries a delay over several of the platform timers', async (t) => {
    const clock = new SystemClock();
    const began = clock.now();
    const real = globalThis.setTimeout;
    const asked: number[] = [];
    let jumped = 0;
    clock.now = () => began + jumped;
    t.teardown(() => {
      globalThis.setTimeout = real;
    });
    // The platform's timers, made instant: each moves the time by what it was asked for.
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      asked.push(ms);
      return real(() => {
        jumped += ms;
        callback();
      }, 0);
    }) as typeof setTimeout;
    const days = 24 * 3_600_000;
    await new Promise<void>((resolve) => clock.timer(60 * days, resolve));
    t.strictSame(asked, [2 ** 31 - 1, 2 ** 31 - 1, 60 * days - 2 * (2 ** 31 - 1)]);
  });

  t.test('fires in order, not after cancel, and its now never steps back', async (t) => {
    const fired: string[] = [];
    clock.timer(15, () => fired.push('15'));
    clock.timer(5, () => fired.push('5'));
    clock.timer(10, () => fired.push('cancelled')).cancel();
    await after(30);
    t.strictSame(fired, ['5', '15']);
    let last = clock.now();
    for (let i = 0; i < 10_000; i++) {
      const now = clock.now();
      if (now < last) t.fail(`${now} after ${last}`);
      last = now;
    }
    t.ok(Math.abs(clock.wallTime() - Date.now()) < 1_000);
  });

  t.test('a timer never comes early, though those of the platform may', async (t) => {
    const clock = new SystemClock();
    const real = globalThis.setTimeout;
    const asked: number[] = [];
    let now = 100;
    clock.now = () => now;
    t.teardown(() => {
      globalThis.setTimeout = real;
    });
    // Each comes half a millisecond before its time.
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      asked.push(ms);
      return real(() => {
        now += Math.max(0.5, ms - 0.5);
        callback();
      }, 0);
    }) as typeof setTimeout;
    await new Promise<void>((resolve) => clock.timer(15, resolve));
    t.strictSame([asked, now], [[15, 0.5], 115]);
  });

  t.test('nextTurn comes after what promises queued, and lets input and output run between', async (t) => {
    const trace: string[] = [];
    await new Promise<void>((resolve) => {
      clock.nextTurn(() => {
        trace.push('turn');
        resolve();
      });
      void Promise.resolve().then(() => trace.push('promise'));
    });
    t.strictSame(trace, ['promise', 'turn']);
  });
});

t.test('Random', async (t) => {
  t.test('the same seed gives the same sequence on every machine and in every release', async (t) => {
    const draw = (seed: string | number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 1_000 }, () => random.uint32());
    };
    t.strictSame(draw('seed'), draw('seed'));
    t.strictSame(draw(7), draw('7'));
    t.notSame(draw('seed'), draw('seee'));
    const random = new Random('pinned');
    t.strictSame(
      [random.uint32(), random.integer(1_000), random.token(8), random.uuid()],
      [4_029_192_329, 987, 'tv6yqzhz', '8ed8f2b5-770f-4e2d-86c4-ee6dc869b044'],
    );
    t.not(Random.system().token(20), Random.system().token(20));
  });

  t.test('numbers are spread evenly over their range and stay within it', async (t) => {
    const random = new Random('spread');
    const draws = 100_000;
    for (const bound of [1, 2, 3, 10, 36, 100]) {
      const counts = Array<number>(bound).fill(0);
      for (let i = 0; i < draws; i++) {
        const n = random.integer(bound);
        counts[n] = (counts[n] ?? Number.NaN) + 1;
      }
      t.equal(counts.length, bound, 'none out of range');
      const expected = draws / bound;
      const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // With k degrees of freedom: mean k, deviation sqrt(2k). Six deviations will not happen by chance.
      const degrees = bound - 1;
      t.ok(chiSquare <= degrees + 6 * Math.sqrt(2 * degrees), `bound ${bound}: chi-square ${chiSquare.toFixed(1)}`);
    }
    let bits = 0;
    let mean = 0;
    for (let i = 0; i < draws; i++) {
      const n = random.uint32();
      bits |= n;
      mean += n / 2 ** 32 / draws;
      const fraction = random.fraction();
      if (!(fraction >= 0 && fraction < 1)) t.fail(`fraction ${fraction}`);
    }
    t.equal(bits >>> 0, 2 ** 32 - 1, 'every bit occurs');
    t.ok(Math.abs(mean - 0.5) < 0.01, `mean ${mean}`);
    t.ok(random.integer(2 ** 32) < 2 ** 32);
  });

  t.test('tokens and uuids have their form and do not repeat', async (t) => {
    const random = new Random('form');
    const uuids = new Set<string>();
    for (let i = 0; i < 10_000; i++) {
      const uuid = random.uuid();
      uuids.add(uuid);
      if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid)) t.fail(uuid);
    }
    t.equal(uuids.size, 10_000);
    t.strictSame(new Set([...uuids].map((uuid) => uuid[19])).size, 4, 'all four variants of RFC 9562');
    for (const length of [0, 1, 10, 64]) t.match(random.token(length), new RegExp(`^[a-z0-9]{${length}}$`));
    t.equal(new Set(Array.from({ length: 10_000 }, () => random.token(10))).size, 10_000);
  });
});
