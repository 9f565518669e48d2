import { findFailure } from '@mesos-ts/process/testing';
import t from 'tap';
import { type Climate, crashingFrameworks, longAbsences, slowLeaders, steppedClocks } from './climates.js';
import { clusterScenario } from './cluster-scenario.js';
import { plantedBugs } from './planted-bugs.js';

interface Search {
  /** The ledger that finds it. */
  readonly by: RegExp;
  /** Faults of the kind that brings it out: with those of all kinds it takes up to some hundred seeds. */
  readonly climate: Climate;
  /** One of these finds it, mostly the first. */
  readonly seeds: readonly string[];
}

const seeds = ['1', '2', '3', '4', '5', '6', '7', '8'].map((number) => `planted-${number}`);

const searches: Readonly<Record<string, Search>> = {
  'no-fencing': { by: /^registry: /, climate: slowLeaders, seeds },
  'wall-clock': { by: /^leaders: /, climate: steppedClocks, seeds },
  'acknowledged-before-stored': { by: /^tasks: /, climate: crashingFrameworks, seeds },
  'offers-not-rescinded': { by: /^promises: /, climate: longAbsences, seeds },
};

t.same(Object.keys(searches), Object.keys(plantedBugs), 'every planted bug is searched for');

for (const [name, { by, climate, seeds }] of Object.entries(searches)) {
  t.test(`a planted bug is found: ${name}`, async (t) => {
    const doubles = plantedBugs[name] ?? {};
    for (const seed of seeds) {
      const failure = await findFailure(name, { seed }, async (simulation) => {
        await clusterScenario(simulation, { doubles, climate });
      });
      if (failure === undefined) continue;
      t.match((failure.cause as Error).message, by, seed);
      return;
    }
    t.fail(`none of the seeds ${seeds.join(' ')} finds it`);
  });

  t.test(`${name}: under the same faults, nothing is found where there is nothing`, async (t) => {
    const [seed = ''] = seeds;
    const failure = await findFailure(name, { seed }, async (simulation) => {
      await clusterScenario(simulation, { climate });
    });
    t.equal(failure?.message, undefined);
  });
}
