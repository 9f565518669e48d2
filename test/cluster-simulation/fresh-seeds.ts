import { env } from 'node:process';
import { property } from '@mesos-ts/process/testing';
import t, { type Test } from 'tap';
import { clusterScenario } from './cluster-scenario.js';

/** Ten minutes of a cluster under each of so many fresh seeds; every invariant holds at every step. */
export function freshSeeds(runs: number): void {
  t.test('whatever happens to machines and connections, a cluster loses nothing and does nothing twice', async (t) => {
    const tally = new Map<string, number>();
    const options = {
      runs: Number(env.RUNS ?? runs),
      command: (seed: string) => `npm run sim -- --seed ${seed}`,
      print: say(t),
    };
    await t.resolves(
      property('the cluster', options, async (simulation) => {
        const { world, storm } = await clusterScenario(simulation);
        const { tasks, leaders, borrowed } = world;
        const others = { leaders: leaders.count, faults: storm.count, ...(borrowed > 0 ? { borrowed } : {}) };
        const happened = [...tasks.tally, ...Object.entries(others)];
        for (const [what, many] of happened) tally.set(what, (tally.get(what) ?? 0) + many);
      }),
    );
    t.comment(JSON.stringify(Object.fromEntries(tally)));
    for (const what of [
      'leaders',
      'launched',
      'started',
      'borrowed',
      'TASK_FINISHED',
      'TASK_FAILED',
      'TASK_KILLED',
      'TASK_GONE',
    ])
      t.ok(tally.has(what), `${what}: it happens`);
  });
}

function say(t: Test): (line: string) => void {
  return (line) => t.comment(line);
}
