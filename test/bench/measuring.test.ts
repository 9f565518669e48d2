import { existsSync, readFileSync } from 'node:fs';
import { type Figure, type LocalOperations, Session, TurnWatch } from '@mesos-ts/bench';
import t from 'tap';

/** Holds the event loop for so long, by the clock, in time on a core, and in that of its own thread. */
function hold(ms: number): void {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const ownBefore = ownMs();
  const onCore = (): number => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  while (performance.now() - startedAt < ms || onCore() < ms || ownMs() - ownBefore < ms);
}

/** How long our thread was on a core, as the kernel counts it: in ticks of up to 4 ms. */
function ownMs(): number {
  const file = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'latin1'), 10) / 1e6 : performance.now();
}

/** After the timers that are due. */
function timers(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

t.test('a turn that holds the event loop is seen, and not any more by the next watch', async (t) => {
  const watch = new TurnWatch();
  watch.begin();
  await timers();
  hold(48); // two ticks more than what is looked for
  await timers();
  t.ok(watch.end() >= 40);
  t.ok(watch.end() >= 40, 'until the next begins');
  watch.begin();
  t.equal(watch.end(), 0);
  hold(5);
  await timers();
  t.equal(watch.end(), 0, 'nor is what comes after its end');
});

t.test('a measurement runs in an OS process of its own, beside its baseline, and is watched', async (t) => {
  const figures: Figure[] = [];
  const progress: string[] = [];
  const report = {
    add: (figure: Figure) => void figures.push(figure),
    progress: (line: string) => void progress.push(line),
  };
  const session = new Session(report, { wants: () => true, profileFolder: undefined });
  t.teardown(() => session.stop());
  const local = session.start<LocalOperations>('local');
  const { ours, bare } = await session.compare(
    'local.send',
    { node: local },
    () => local.call('send', 1_000),
    { bare: () => local.call('bare', 1_000) },
    { warmUps: 0, runs: 2 },
  );
  t.strictSame([ours.values.length, bare.values.length], [2, 2]);
  t.ok([...ours.values, ...bare.values].every((rate) => Number.isFinite(rate) && rate > 0));
  t.strictSame(progress, ['local.send']);
  t.match(session.watches.turns(), [{ id: 'local.send', role: 'node', ms: Number }]);
  await session.release();
  await t.rejects(local.call('send', 1), { message: 'local has ended: it takes no send any more' });
});
