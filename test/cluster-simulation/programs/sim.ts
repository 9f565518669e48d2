import { writeFileSync } from 'node:fs';
import { cpuUsage } from 'node:process';
import { parseArgs } from 'node:util';
import { Random } from '@mesos-ts/process';
import { findFailure } from '@mesos-ts/process/testing';
import { clusterScenario } from '../cluster-scenario.js';
import { plantedBugs } from '../planted-bugs.js';

const help = `Simulates a whole cluster, ten minutes a seed, under faults, and checks that nothing is lost.

npm run sim -- --seeds N         so many fresh seeds; default 100
npm run sim -- --from S          not fresh ones, but S-1, S-2 and so on
npm run sim -- --seed S          one seed, with its trace where it fails
npm run sim -- --planted NAME    with a bug: ${Object.keys(plantedBugs).join(', ')}; ends at the first seed that finds it
npm run sim -- --trace FILE      where the whole trace of a failure goes; default: its last lines are printed
npm run sim -- --keep-going      does not end at the first failure`;

/** Tasks, and the agents, offers and frameworks that masters have named, in what a ledger says. */
const subjects = /f\d+\.\d+-\w+-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[SO]?\d+/g;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string' },
    seed: { type: 'string' },
    planted: { type: 'string' },
    trace: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

try {
  if (values.help) console.log(help);
  else await main();
} catch (error) {
  console.error(error instanceof TypeError ? error.message : error);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const { planted } = values;
  const doubles = planted === undefined ? {} : plantedBugs[planted];
  if (doubles === undefined)
    throw new TypeError(`no planted bug is called ${planted}; there are ${Object.keys(plantedBugs).join(', ')}`);
  const seeds = seedsToRun();
  console.log(seeds.length === 1 ? `the seed ${seeds[0]}` : `${seeds.length} seeds, ${seeds[0]} to ${seeds.at(-1)}`);
  const tally = new Map<string, number>();
  const bug = planted === undefined ? '' : ` --planted ${planted}`;
  const command = (seed: string): string => `npm run sim --${bug} --seed ${seed}`;
  const began = performance.now();
  let failed = 0;
  let said = began;
  for (const [index, seed] of seeds.entries()) {
    const failure = await findFailure(
      'the cluster',
      { seed, command, traceLinesShown: 40, traceLinesKept: 1_000_000 },
      async (simulation) => {
        const { world, storm, convergedAfterMs } = await clusterScenario(simulation, { doubles });
        count(tally, 'events', simulation.events);
        count(tally, 'faults', storm.count);
        count(tally, 'leaders', world.leaders.count);
        count(tally, 'registry changes', world.registry.count);
        tally.set('slowest calm, ms', Math.max(tally.get('slowest calm, ms') ?? 0, convergedAfterMs));
        for (const [what, many] of world.tasks.tally) count(tally, what, many);
      },
    );
    if (failure !== undefined) {
      failed++;
      report(failure.message, failure.trace);
      if (planted !== undefined) console.log(`found after ${index + 1} seeds`);
      if (!values['keep-going']) break;
    }
    if (performance.now() - said > 10_000) {
      said = performance.now();
      console.log(
        `${index + 1} of ${seeds.length}, ${((said - began) / 1_000 / (index + 1)).toFixed(2)} s each, ${failed} failed`,
      );
    }
  }
  const { user, system } = cpuUsage();
  console.log(`${((user + system) / 1e6).toFixed(1)} s of CPU; ${JSON.stringify(Object.fromEntries(tally))}`);
  console.log(failed === 0 ? 'every seed is clean' : `${failed} seeds failed`);
  process.exitCode = failed > 0 === (planted !== undefined) ? 0 : 1;
}

function seedsToRun(): string[] {
  if (values.seed !== undefined) return [values.seed];
  const from = values.from ?? Random.system().token(8);
  const many = Number(values.seeds);
  if (!Number.isInteger(many) || many < 1) throw new TypeError(`--seeds cannot be ${values.seeds}`);
  return Array.from({ length: many }, (_, i) => `${from}-${i + 1}`);
}

function count(tally: Map<string, number>, what: string, many: number): void {
  tally.set(what, (tally.get(what) ?? 0) + many);
}

function report(message: string, trace: string): void {
  console.log(message);
  const [first = ''] = message.split('\n');
  const named = first.match(subjects) ?? [];
  const lines = trace.split('\n').filter((line) => named.some((name) => line.includes(name)));
  console.log(`of its lines about ${named.join(' and ') || 'nobody in particular'}, the last of ${lines.length}:`);
  for (const line of lines.slice(-40)) console.log(line);
  if (values.trace === undefined) return;
  writeFileSync(values.trace, `${trace}\n`);
  console.log(`the trace is in ${values.trace}`);
}
