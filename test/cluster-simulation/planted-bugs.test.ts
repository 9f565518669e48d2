import { findFailure } from '@mesos-ts/process/testing';
import t from 'tap';
import { clusterScenario } from './cluster-scenario.js';
import { plantedBugs } from './planted-bugs.js';

/** Which invariant finds it, and seeds of which at least one does. */
const found: Readonly<Record<string, { readonly by: RegExp; readonly seeds: readonly string[] }>> = {
  'wall-clock': { by: /^leaders: /, seeds: [] },
  'acknowledged-before-stored': { by: /^tasks: /, seeds: [] },
  'offers-not-rescinded': { by: /^promises: /, seeds: [] },
};

for (const [name, doubles] of Object.entries(plantedBugs))
  t.test(`a planted bug is found: ${name}`, async (t) => {
    const { by, seeds } = found[name] ?? { by: /^$/, seeds: [] };
    for (const seed of seeds) {
      const failure = await findFailure(name, { seed }, async (simulation) => {
        await clusterScenario(simulation, doubles);
      });
      if (failure === undefined) continue;
      t.match((failure.cause as Error).message, by);
      return;
    }
    t.fail(`none of the seeds ${seeds.join(' ')} finds it`);
  });
