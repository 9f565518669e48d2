import { Simulation } from '@mesos-ts/process/testing';
import t from 'tap';
import { clusterScenario } from './cluster-scenario.js';
import { failedSeeds } from './failed-seeds.js';

for (const [seed, found] of Object.entries(failedSeeds))
  t.test(`the seed ${seed} is clean, which once found that ${found}`, async (t) => {
    await t.resolves(clusterScenario(new Simulation({ seed, trace: false })));
  });
