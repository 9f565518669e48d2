import { NotReachedError, type Simulation } from '@mesos-ts/process/testing';
import { anybody, type Climate, climates } from './climates.js';
import { ClusterWorld } from './cluster-world.js';
import { noDoubles, type TestDoubles } from './planted-bugs.js';
import { Storm } from './storm.js';

export interface ScenarioOptions {
  readonly doubles?: TestDoubles;
  /** Who is hit by what. Default: mostly {@link anybody}, else one of the other climates, as the seed wants it. */
  readonly climate?: Climate;
}

const stormMs = 460_000;
const calmMs = 140_000;
/** In which somebody is offered all that is free: longer than any refusal. */
const idleMs = 60_000;
const lookEveryMs = 1_000;

/**
 * Ten minutes of a whole cluster: faults for most of it, then a calm in which everything must come right and stay so.
 * Returns the world for what a test wants to know of it.
 */
export async function clusterScenario(
  simulation: Simulation,
  { doubles = noDoubles, climate = pick(simulation) }: ScenarioOptions = {},
): Promise<{ readonly world: ClusterWorld; readonly storm: Storm; readonly convergedAfterMs: number }> {
  const world = new ClusterWorld(simulation, doubles);
  const storm = new Storm(simulation, climate(world), stormMs);
  await simulation.advance(stormMs);
  simulation.note('calm');
  world.calm = true;
  const convergedAfterMs = await converge(simulation, world);
  world.lookForIdle();
  await simulation.advance(Math.max(idleMs, calmMs - convergedAfterMs));
  const { idleAgent } = world;
  if (idleAgent !== undefined) throw new Error(`calm: nobody uses or was offered all of ${idleAgent}`);
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

function pick({ random }: Simulation): Climate {
  return random.integer(2) === 0 ? anybody : (climates[random.integer(climates.length)] ?? anybody);
}
