import { findFailure, PropertyError, property, Simulation } from '@mesos-ts/process/testing';
import t from 'tap';
import { fencedLock } from './fenced-lock.js';
import { lockNetwork, lockScenario } from './lock-world.js';
import { naiveLock } from './naive-lock.js';

const command = 'npm test -- simulation/lock';

t.test('a lock of leases and epochs holds under every seed', async (t) => {
  const options = { runs: 150, simulation: lockNetwork, command, print: (line: string) => t.comment(line) };
  await t.resolves(property('the fenced lock', options, lockScenario(fencedLock)));
});

t.test('the bug of a naive lock is found within 100 seeds, and its seed replays it line by line', async (t) => {
  const options = { runs: 100, seed: '', simulation: lockNetwork, command };
  const found = await findFailure('the naive lock', options, lockScenario(naiveLock));
  if (!(found instanceof PropertyError)) {
    t.fail('the bug was not found');
    return;
  }
  t.comment(`found with ${found.seed}: ${found.message.split('\n')[0]}`);
  t.match(found.message, new RegExp(`^replay it with: SEED=${found.seed} ${command}$`, 'm'));
  t.match(found.message, /(hold the lock at the same time|wrote after that of epoch \d+)$/m);
  const again = new Simulation({ ...lockNetwork, seed: found.seed });
  await t.rejects(lockScenario(naiveLock)(again));
  t.equal(again.trace.text, found.trace);
  t.equal(again.trace.digest, found.traceDigest);
});
