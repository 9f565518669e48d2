import { Simulation } from '@mesos-ts/process/testing';
import t from 'tap';
import { PingWorld } from './ping.js';

t.test('an hour of a hundred Nodes that ping a leader every second', async (t) => {
  const simulation = new Simulation({ seed: 1, trace: false });
  const world = new PingWorld(simulation, 100, false);
  const began = performance.now();
  await simulation.advance(3_600_000);
  const took = performance.now() - began;
  t.comment(`${simulation.events} events in ${took.toFixed(0)} ms`);
  const pongs = world.pingers.reduce((sum, pinger) => sum + pinger.pongs.length, 0);
  t.ok(pongs >= 359_900 && pongs <= 360_000, `${pongs} pongs`);
});
