import { type Sleeper, Wakes } from '@mesos-ts/master';
import t from 'tap';

/* When agents are to be looked at again because a refusal runs out. */

interface Named extends Sleeper {
  readonly name: string;
}

function sleeper(name: string): Named {
  return { name, wake: undefined };
}

/** Takes out all that are due. */
function due(wakes: Wakes<Named>, now: number): string[] {
  const names: string[] = [];
  for (let one = wakes.due(now); one !== undefined; one = wakes.due(now)) names.push(one.name);
  return names;
}

t.test('Each is due once, at the earliest of the times that were said', async (t) => {
  const wakes = new Wakes<Named>();
  const [a, b] = [sleeper('a'), sleeper('b')];
  wakes.add(a, 30);
  wakes.add(b, 20);
  wakes.add(a, 10);
  wakes.add(a, 40);
  t.equal(wakes.first, 10);
  t.same(due(wakes, 9), []);
  t.same(due(wakes, 25), ['a', 'b']);
  t.same(due(wakes, 50), [], 'the time at 30 is void');
  wakes.add(a, Number.POSITIVE_INFINITY);
  t.equal(wakes.first, undefined, 'never is no time');
  wakes.add(a, 60);
  a.wake = undefined;
  t.same(due(wakes, 60), [], 'nor is one due that was let go');
});

t.test('Those with a late time and early ones again and again take room once, and are due in time', async (t) => {
  const wakes = new Wakes<Named>();
  const all = Array.from({ length: 2_000 }, (_, number) => sleeper(`s${number}`));
  for (const one of all) wakes.add(one, 1_000_000);
  for (let round = 1; round <= 50; round++) {
    for (const one of all) wakes.add(one, round * 100);
    t.equal(due(wakes, round * 100).length, all.length);
    for (const one of all) wakes.add(one, 1_000_000);
    t.ok(wakes.size <= 2 * all.length + 1_024);
  }
  t.equal(due(wakes, 999_999).length, 0);
  t.equal(due(wakes, 1_000_000).length, all.length);
  t.equal(wakes.size, 0);
});
