// Simulated elections in an OS process of their own, as a test runner's watch over promises makes them ten times slower.
// Arguments: seeds. Prints one line of JSON for each: the seed, and what came of it.

import { simulateZookeeper } from '../zookeeper-simulation.js';

for (const seed of process.argv.slice(2))
  process.stdout.write(`${JSON.stringify({ seed, ...(await simulateZookeeper(seed)) })}\n`);
