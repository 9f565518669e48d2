import { NotReachedError, type Simulation } from '@mesos-ts/process/testing';
import { ClusterWorld } from './cluster-world.js';
import { noDoubles, type TestDoubles } from './planted-bugs.js';
import { Storm } from './storm.js';

const stormMs = 460_000;
const calmMs = 140_000;
const lookEveryMs = 1_000;

/**
 * Ten minutes of a whole cluster: faults for most of it, then a calm in which everything must come right and stay so.
 * Returns the world for what a test wants to know of it.
 */
export async function clusterScenario(
  simulation: Simulation,
  doubles: TestDoubles = noDoubles,
): Promise<{ readonly world: ClusterWorld; readonly storm: Storm; readonly convergedAfterMs: number }> {
  const world = new ClusterWorld(simulation, doubles);
  const leading = () => world.leaders.leading;
  const storm = new Storm(
    simulation,
    [
      { weight: 4, machines: () => (leading().length > 0 ? leading() : world.masters), lastMs: 30_000 },
      { weight: 2, machines: () => world.masters, lastMs: 60_000 },
      { weight: 2, machines: () => [world.store], lastMs: 20_000 },
      { weight: 7, machines: () => world.agents, lastMs: 90_000 },
      { weight: 4, machines: () => world.frameworks, lastMs: 60_000 },
    ],
    stormMs,
  );
  await simulation.advance(stormMs);
  simulation.note('calm');
  world.calm = true;
  const convergedAfterMs = await converge(simulation, world);
  await simulation.advance(Math.max(0, calmMs - convergedAfterMs));
  if (world.unrest !== undefined) throw new Error(`calm: what had come to rest did not stay so: ${world.unrest}`);
  return { world, storm, convergedAfterMs };
}

async function converge(simulation: Simulation, world: ClusterWorld): Promise<number> {
  const startedAt = simulation.now;
  while (world.unrest !== undefined) {
    if (simulation.now - startedAt >= calmMs)
      throw new NotReachedError(`calm: ${world.unrest}, ${calmMs} ms after the last fault`);
    await simulation.advance(lookEveryMs);
  }
  return simulation.now - startedAt;
}
