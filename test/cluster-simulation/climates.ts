import type { Machine } from '@mesos-ts/process/testing';
import type { ClusterWorld } from './cluster-world.js';
import { usualKinds, type Victims } from './storm.js';

/** Who in a cluster is hit by what. */
export type Climate = (world: ClusterWorld) => readonly Victims[];

/** Every machine may be hit by everything; the leader more often than most. */
export function anybody(world: ClusterWorld): readonly Victims[] {
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
export function slowLeaders(world: ClusterWorld): readonly Victims[] {
  return [
    { weight: 1, machines: () => leaderOf(world), lastMs: 60_000, kinds: ['slow'] },
    { weight: 2, machines: () => [...world.agents, ...world.frameworks], lastMs: 5_000, kinds: ['crash'] },
  ];
}

/** Agents are away for so long that they count as unreachable, and come back. */
export function longAbsences(world: ClusterWorld): readonly Victims[] {
  return [
    { weight: 1, machines: () => world.agents, atLeastMs: 60_000, lastMs: 120_000, kinds: ['stall', 'disconnect'] },
  ];
}

/** Leaders whose wall clocks are set. */
export function steppedClocks(world: ClusterWorld): readonly Victims[] {
  return [
    { weight: 2, machines: () => world.masters, lastMs: 1_000, kinds: ['wall clock'] },
    { weight: 1, machines: () => leaderOf(world), lastMs: 30_000, kinds: ['stall', 'one-way partition'] },
  ];
}

/** Frameworks that crash at any moment. */
export function crashingFrameworks(world: ClusterWorld): readonly Victims[] {
  return [{ weight: 1, machines: () => world.frameworks, lastMs: 5_000, kinds: ['crash'] }];
}

/** Everything is cut off, or hears late, and nothing ever crashes. */
export function brokenNetworks({ masters, agents, frameworks }: ClusterWorld): readonly Victims[] {
  const machines = [...masters, ...agents, ...frameworks];
  return [{ weight: 1, machines: () => machines, lastMs: 40_000, kinds: ['partition', 'one-way partition', 'slow'] }];
}

/** Moments without a connection, or without a turn. */
export function blips({ simulation }: ClusterWorld): readonly Victims[] {
  const kinds = ['disconnect', 'stall', 'one-way partition'] as const;
  return [{ weight: 1, machines: () => simulation.machines, lastMs: 300, kinds }];
}

/** Masters and agents that crash and come back. */
export function crashes({ masters, agents }: ClusterWorld): readonly Victims[] {
  return [
    { weight: 1, machines: () => masters, lastMs: 5_000, kinds: ['crash'] },
    { weight: 1, machines: () => agents, lastMs: 30_000, kinds: ['crash', 'disconnect'] },
  ];
}

/** All but {@link anybody}. */
export const climates: readonly Climate[] = [
  slowLeaders,
  longAbsences,
  steppedClocks,
  crashingFrameworks,
  brokenNetworks,
  blips,
  crashes,
];

function leaderOf({ leaders, masters }: ClusterWorld): readonly Machine[] {
  return leaders.leading.length > 0 ? leaders.leading : masters;
}
