import { findFailure } from '@mesos-ts/process/testing';
import { PingWorld } from '../ping.js';

// A property as a script: prints what it tries and what it finds.
const failure = await findFailure('sometimes', { print: (line) => console.log(line) }, async (simulation) => {
  new PingWorld(simulation, 1);
  await simulation.advance(3_000);
  if (simulation.random.integer(4) === 0) throw new Error('a quarter of all seeds');
});
console.log(failure?.message ?? 'it holds');
