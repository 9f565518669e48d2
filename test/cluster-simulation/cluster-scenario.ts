import { type Machine, NotReachedError, type Simulation } from '@mesos-ts/process/testing';
import { ClusterWorld } from './cluster-world.js';
import { noDoubles, type TestDoubles } from './planted-bugs.js';
import { Storm, usualKinds, type Victims } from './storm.js';

export interface ScenarioOptions {
  readonly doubles?: TestDoubles;
  /** Default: {@link anybody}. */
  readonly victims?: (world: ClusterWorld) => readonly Victims[];
}

const stormMs = 460_000;
const calmMs = 140_000;
/** In which somebody is offered all that is free: longer than any refusal. */
const idleMs = 60_000;
const lookEveryMs = 1_000;

/** Every machine may be hit by everything; the leader more often than most. */
export function anybody(world: ClusterWorld): Victims[] {
  const stop = (machine: Machine, forMs: number): void => world.stopMaster(machine, forMs);
  return [
    { weight: 4, machines: () => leaderOf(world), lastMs: 30_000, kinds: [...usualKinds, 'stop', 'stop'], stop },
    { weight: 2, machines: () => world.masters, lastMs: 60_000 },
    { weight: 2, machines: () => [world.store], lastMs: 20_000 },
    { weight: 7, machines: () => world.agents, lastMs: 90_000 },
    { weight: 4, machines: () => world.frameworks, lastMs: 60_000 },
  ];
}

/** The leader becomes slow while everything else gives it something to write. */
export function slowLeaders(world: ClusterWorld): Victims[] {
  return [
    { weight: 1, machines: () => leaderOf(world), lastMs: 60_000, kinds: ['slow'] },
    { weight: 2, machines: () => [...world.agents, ...world.frameworks], lastMs: 5_000, kinds: ['crash'] },
  ];
}

/** Agents are away for so long that they count as unreachable, and come back. */
export function longAbsences(world: ClusterWorld): Victims[] {
  return [
    { weight: 1, machines: () => world.agents, atLeastMs: 60_000, lastMs: 120_000, kinds: ['stall', 'disconnect'] },
  ];
}

/** Leaders whose wall clocks are set. */
export function steppedClocks(world: ClusterWorld): Victims[] {
  return [
    { weight: 2, machines: () => world.masters, lastMs: 1_000, kinds: ['wall clock'] },
    { weight: 1, machines: () => leaderOf(world), lastMs: 30_000, kinds: ['stall', 'one-way partition'] },
  ];
}

/** Frameworks that crash at any moment. */
export function crashingFrameworks(world: ClusterWorld): Victims[] {
  return [{ weight: 1, machines: () => world.frameworks, lastMs: 5_000, kinds: ['crash'] }];
}

function leaderOf({ leaders, masters }: ClusterWorld): readonly Machine[] {
  return leaders.leading.length > 0 ? leaders.leading : masters;
}

/**
 * Ten minutes of a whole cluster: faults for most of it, then a calm in which everything must come right and stay so.
 * Returns the world for what a test wants to know of it.
 */
export async function clusterScenario(
  simulation: Simulation,
  { doubles = noDoubles, victims = anybody }: ScenarioOptions = {},
): Promise<{ readonly world: ClusterWorld; readonly storm: Storm; readonly convergedAfterMs: number }> {
  const world = new ClusterWorld(simulation, doubles);
  const storm = new Storm(simulation, victims(world), stormMs);
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
