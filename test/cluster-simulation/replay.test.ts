import { Simulation } from '@mesos-ts/process/testing';
import t from 'tap';
import { clusterScenario } from './cluster-scenario.js';

t.test('a seed gives one history of a cluster, byte for byte, and another seed another', async (t) => {
  const digest = async (seed: string): Promise<string> => {
    const simulation = new Simulation({ seed });
    await clusterScenario(simulation);
    return simulation.trace.digest;
  };
  const first = await digest('replay');
  t.equal(await digest('replay'), first);
  t.not(await digest('another'), first);
});
