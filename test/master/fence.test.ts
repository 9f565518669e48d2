import type { RegistryStorage, StorageOutcome, StoredRecord } from '@mesos-ts/master';
import { FencedStorage, fenceKey, MemoryStorage, RegistryLost, RegistryUnreadable, windowMax } from '@mesos-ts/master';
import { Random, VirtualClock } from '@mesos-ts/process';
import fc from 'fast-check';
import t from 'tap';
import { FarStorage } from './adverse-storage.js';
import { leadOneAfterTheOther } from './fenced-leaders.js';

/** A way to the far storage on which writes wait for the test. */
class HeldStorage implements RegistryStorage {
  readonly #far: FarStorage;
  readonly #held: (() => Promise<void>)[] = [];
  holds = false;
  /** Writes that are answered; the others are lost. */
  answers = Number.POSITIVE_INFINITY;

  constructor(far: FarStorage) {
    this.#far = far;
  }

  get held(): number {
    return this.#held.length;
  }

  read(): ReturnType<RegistryStorage['read']> {
    return this.#far.read();
  }

  newest(key: string): ReturnType<RegistryStorage['newest']> {
    return this.#far.newest(key);
  }

  write(record: StoredRecord, expectedSeq: number): Promise<StorageOutcome> {
    if (this.answers-- <= 0) return new Promise(() => {});
    if (!this.holds) return this.#far.write(record, expectedSeq);
    return new Promise((resolve) => {
      this.#held.push(async () => resolve(await this.#far.write(record, expectedSeq)));
    });
  }

  /** Lets what was held arrive, in that order. */
  async release(order: 'first to last' | 'last to first'): Promise<void> {
    const held = this.#held.splice(0);
    for (const arrive of order === 'first to last' ? held : held.reverse()) await arrive();
  }

  async discard(): Promise<void> {}
  async close(): Promise<void> {}
}

function record(key: string, value: string): StoredRecord {
  return { key, value: JSON.stringify(value) };
}

t.test(
  'whatever is delayed, lost or overtakes, the latest leader that recovered is the only one that writes',
  async (t) => {
    const total = { recovered: 0, told: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const { recovered, told, refused } = await leadOneAfterTheOther(new Random(seed));
        total.recovered += recovered;
        total.told += told;
        total.refused += refused;
      }),
      { numRuns: 40, endOnFailure: true },
    );
    t.comment(total);
    t.ok(total.recovered > 120, 'most leaders recovered');
    t.ok(total.told > 10_000, 'and wrote');
    t.ok(total.refused > 1_000, 'and many wrote on when another had recovered');
  },
);

for (const order of ['first to last', 'last to first'] as const)
  t.test(`a whole window of an old leader's writes that comes after the fence, ${order}, is refused`, async (t) => {
    const clock = new VirtualClock();
    const far = new FarStorage();
    const path = new HeldStorage(far);
    const old = new FencedStorage({ clock, storage: path });
    await old.open(1, 'old');
    await old.write(record('kept', 'old'));
    path.holds = true;
    const rejected = Promise.all(
      Array.from({ length: windowMax + 50 }, (_, i) => t.rejects(old.write(record(`late${i}`, 'old')), RegistryLost)),
    );
    t.equal(path.held, windowMax, 'no more than a window is under way');
    const young = new FencedStorage({ clock, storage: new HeldStorage(far) });
    await young.open(2, 'young');
    const before = far.log.length;
    await path.release(order);
    await rejected;
    t.equal(far.log.length, before, 'nothing of it was taken');
    const seq = await young.write(record('next', 'young'));
    t.equal(seq, before + 1, 'and the new leader goes on');
  });

t.test('half of a window that came before the fence is read, the other half refused', async (t) => {
  const clock = new VirtualClock();
  const far = new FarStorage();
  const path = new HeldStorage(far);
  const old = new FencedStorage({ clock, storage: path });
  await old.open(1, 'old');
  const early = old.write(record('early', 'old'));
  path.holds = true;
  const late = old.write(record('late', 'old'));
  await early;
  const young = new FencedStorage({ clock, storage: new HeldStorage(far) });
  const { records } = await young.open(2, 'young');
  const refused = t.rejects(late, RegistryLost);
  await path.release('first to last');
  await refused;
  t.same(records.map(({ key }) => key).sort(), ['early']);
});

t.test(
  'a fence whose last part gets no answer is built anew, and recovery ends in time when none ever does',
  async (t) => {
    const clock = new VirtualClock();
    const once = new HeldStorage(new FarStorage());
    once.answers = windowMax - 1;
    const fenced = new FencedStorage({ clock, storage: once });
    const opened = fenced.open(1, 'a');
    await clock.advance(1);
    once.answers = Number.POSITIVE_INFINITY;
    await clock.advance(30_000);
    t.equal((await opened).records.length, 0);
    t.equal((await fenced.write(record('k', 'v'))) > 0, true, 'and it can write');
    const never = new HeldStorage(new FarStorage());
    never.answers = 0;
    const hopeless = new FencedStorage({ clock, storage: never });
    const refused = t.rejects(hopeless.open(1, 'b'), RegistryUnreadable);
    await clock.advance(60_000);
    await refused;
    t.equal(clock.timersPending, 0, 'nothing is left behind');
  },
);

t.test('one that is closed while it recovers gives up at once', async (t) => {
  const clock = new VirtualClock();
  const storage = new HeldStorage(new FarStorage());
  storage.answers = 0;
  const fenced = new FencedStorage({ clock, storage });
  const refused = t.rejects(fenced.open(1, 'a'), RegistryLost);
  await clock.settle();
  fenced.close();
  await refused;
  t.equal(clock.timersPending, 0);
});

t.test('a write without an answer ends leadership when its time is over, and all that wait with it', async (t) => {
  const clock = new VirtualClock();
  const storage = new HeldStorage(new FarStorage());
  const fenced = new FencedStorage({ clock, storage, storeTimeoutMs: 20_000 });
  await fenced.open(1, 'a');
  storage.answers = 0;
  const refused = Promise.all([
    t.rejects(fenced.write(record('k', 'v')), RegistryLost),
    t.rejects(fenced.write(record('l', 'v')), RegistryLost),
  ]);
  await clock.advance(19_999);
  t.equal(clock.timersPending, 1, 'until then it waits');
  await clock.advance(1);
  await refused;
  await t.rejects(fenced.write(record('m', 'v')), RegistryLost, 'nothing can be written ever after');
});

t.test(
  'a leader of an earlier epoch finds a later one, and a fence of a later build or of nobody is not touched',
  async (t) => {
    const clock = new VirtualClock();
    const storage = new MemoryStorage();
    await new FencedStorage({ clock, storage }).open(7, 'a');
    await t.rejects(new FencedStorage({ clock, storage }).open(6, 'b'), { code: 'REGISTRY_LOST', laterEpoch: 7 });
    for (const value of ['{"version":2,"epoch":1}', '{', 'null', '{"epoch":1}']) {
      const foreign = new MemoryStorage();
      await foreign.write({ key: fenceKey, value }, 0);
      await t.rejects(new FencedStorage({ clock, storage: foreign }).open(9, 'c'), RegistryUnreadable);
      t.equal((await foreign.read()).lastSeq, 1);
    }
  },
);
