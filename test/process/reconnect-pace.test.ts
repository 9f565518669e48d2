import { Random, reconnectPace, VirtualClock } from '@mesos-ts/process';
import t from 'tap';

/** What a client of NATS does with it: dials when so many ms of its own clock are over since it last did. */
function dials(lastDialAt: number, waitMs: number, wallTime: number): boolean {
  return lastDialAt + waitMs <= wallTime;
}

t.test('a client dials at its pace by the monotonic clock, also when the wall clock is set back', async (t) => {
  const clock = new VirtualClock();
  const pace = reconnectPace(clock, new Random(1), 150, 100);
  const longAgo = 3_600_000;
  t.ok(dials(longAgo, pace(), 0), 'a first time at once, though that was an hour ahead of now');
  const waitMs = pace();
  t.ok(waitMs >= 150 && waitMs <= 250, `then after ${waitMs} ms`);
  t.notOk(dials(longAgo, waitMs, 0));
  await clock.advance(waitMs - 1);
  t.ok(pace() > 0, 'not sooner');
  await clock.advance(1);
  t.ok(dials(longAgo, pace(), 0));
});
