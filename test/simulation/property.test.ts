import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findFailure, PropertyError, property, type Simulation } from '@mesos-ts/process/testing';
import t from 'tap';
import { PingWorld } from './ping.js';

const program = fileURLToPath(new URL('./programs/fallible-property.js', import.meta.url));

/** Fails for about every fourth seed. */
async function sometimes(simulation: Simulation): Promise<void> {
  new PingWorld(simulation, 1);
  await simulation.advance(3_000);
  if (simulation.random.integer(4) === 0) throw new Error('a quarter of all seeds');
}

t.test('a property that holds is run under as many seeds as asked for, each another', async (t) => {
  const seeds = new Set<string>();
  const lines: string[] = [];
  const options = { runs: 25, seed: '', print: (line: string): void => void lines.push(line) };
  await property('all is well', options, (simulation) => void seeds.add(simulation.seed));
  t.equal(seeds.size, 25);
  const [first = ''] = seeds;
  t.strictSame(lines, [`all is well: 25 seeds, ${first} to ${first.replace(/1$/, '25')}`]);
  await property('all is well', options, (simulation) => void seeds.add(simulation.seed));
  t.equal(seeds.size, 50, 'fresh ones each time');
});

t.test('one that does not hold tells its seed, the command that replays it, and what happened', async (t) => {
  const options = { seed: '', masterSeed: 'fixed', command: 'npm test -- simulation/property', traceLinesShown: 5 };
  const failure = await findFailure('sometimes', options, sometimes);
  if (!(failure instanceof PropertyError)) throw new Error('none found', { cause: failure });
  const lines = failure.message.split('\n');
  t.match(lines[0], /^sometimes does not hold for seed fixed-\d+ \(\d+ tried\): a quarter of all seeds$/);
  t.equal(lines[1], `replay it with: SEED=${failure.seed} npm test -- simulation/property`);
  t.match(lines[2], /^the last 5 of \d\d lines of its trace:$/);
  t.equal(lines.length, 8);
  t.strictSame(lines.slice(3), failure.trace.split('\n').slice(-5));
  t.match(failure.cause, { message: 'a quarter of all seeds' });
  const replayed = await findFailure('sometimes', { ...options, seed: failure.seed }, sometimes);
  t.equal(replayed?.traceDigest, failure.traceDigest);
  await t.rejects(property('sometimes', options, sometimes), { code: 'PROPERTY', seed: failure.seed });
});

t.test('a command of its own for each seed is told as it is', async (t) => {
  const options = { seed: '', masterSeed: 'fixed', command: (seed: string) => `npm run this -- --seed ${seed}` };
  const failure = await findFailure('sometimes', options, sometimes);
  t.match(failure?.message, `\nreplay it with: npm run this -- --seed ${failure?.seed}\n`);
});

t.test('a scenario that does not replay is said to be one', async (t) => {
  let calls = 0;
  const failure = await findFailure('fickle', { seed: 'x' }, () => {
    if (calls++ === 0) throw new Error('only once');
  });
  t.match(failure?.message, /run again, it held\. So not everything in it follows from its seed/);
});

t.test('SEED in the environment replays one seed of a script, and its output has all of it', async (t) => {
  const run = async (seed: string | undefined): Promise<string> => {
    const environment = { ...process.env, SEED: seed };
    return (await promisify(execFile)(process.execPath, [program], { env: environment })).stdout;
  };
  const found = await run(undefined);
  const [, seed] = /SEED=(\S+) node .*fallible-property\.js$/m.exec(found) ?? [];
  t.type(seed, 'string', found);
  const replayed = await run(seed);
  t.match(replayed, `sometimes: replays SEED=${seed}`);
  const trace = (text: string): string => text.slice(text.indexOf('lines of its trace'));
  t.equal(trace(replayed), trace(found));
  t.match(trace(found), /m0 -> leader +Ping/);
});
