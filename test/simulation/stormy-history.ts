import { RandomFaults, Simulation } from '@mesos-ts/process/testing';
import { PingWorld } from './ping.js';

/** A small world in which everything goes wrong; resolves with its trace. */
export async function stormyHistory(seed: string): Promise<{ readonly text: string; readonly digest: string }> {
  const simulation = new Simulation({ seed });
  const world = new PingWorld(simulation, 2);
  const faults = new RandomFaults(simulation, {
    everyMs: 500,
    lastMs: 1_000,
    kinds: ['crash', 'wipe', 'stall', 'disconnect', 'partition', 'one-way partition'],
  });
  await simulation.advance(4_000);
  faults.stop();
  await simulation.advance(1_500);
  await world.leader.node.stop();
  return { text: simulation.trace.text, digest: simulation.trace.digest };
}
