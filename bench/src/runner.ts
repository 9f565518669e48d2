import { readdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';
import { pathToFileURL } from 'node:url';
import { BenchUsageError, type CommandLine, flags, parseCommandLine, requireKnown } from './command-line.js';
import { writeSection } from './document.js';
import { figureMarkdown, figureRecord, figureTable } from './figure-table.js';
import type { Figure, Report, Scenario } from './scenario.js';

/** What {@link runBench} is told. */
export interface BenchOptions {
  /** The command line after `npm run bench --`. */
  readonly args: readonly string[];
  /** The folder of the emitted scenario modules. */
  readonly scenarioFolder: string;
  /** Where --doc writes. */
  readonly document: string;
  /** Where --profile writes. */
  readonly profileFolder: string;
  readonly print: (text: string) => void;
  readonly progress: (line: string) => void;
}

/**
 * Runs one scenario, prints its figures as a table, and writes them where the command line says.
 *
 * @throws {BenchUsageError} when no scenario, or none that exists, is named.
 */
export async function runBench(options: BenchOptions): Promise<void> {
  const { args, scenarioFolder, print } = options;
  const names = scenarioNames(scenarioFolder);
  const line = parseCommandLine(args);
  if (line.help) {
    print(await help(line.name, names, scenarioFolder));
    return;
  }
  if (line.name === undefined) throw new BenchUsageError(await usage(names, scenarioFolder));
  requireKnown('scenario', line.name, names);
  const scenario = await load(scenarioFolder, line.name);
  for (const id of line.only ?? []) requireKnown('figure', id, scenario.ids);
  const where = machine();
  print(`${scenario.name}: ${scenario.description}\n${where}\n`);
  const figures = await figuresOf(scenario, line, options);
  print(figureTable(figures));
  if (line.jsonFile !== undefined) writeFileSync(line.jsonFile, json(figures));
  if (line.doc) writeSection(options.document, scenario.name, section(scenario, where, figures));
}

/** A scenario's module is named as the scenario is: no module is loaded to find out what there is. */
function scenarioNames(folder: string): string[] {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch {
    files = []; // there is no folder before the first scenario
  }
  return files
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length))
    .sort();
}

async function load(folder: string, name: string): Promise<Scenario> {
  const { scenario } = (await import(pathToFileURL(`${folder}/${name}.js`).href)) as { scenario?: Scenario };
  if (scenario?.name === name) return scenario;
  throw new Error(`scenarios/${name}.ts must export \`scenario\`, and its name must be ${name}`);
}

/** How to use it; of a scenario that is named, which figures it has. */
async function help(name: string | undefined, names: readonly string[], folder: string): Promise<string> {
  if (name === undefined) return usage(names, folder);
  requireKnown('scenario', name, names);
  const { description, ids } = await load(folder, name);
  return [`${name}: ${description}`, '', 'Figures:', ...ids.map((id) => `  ${id}`)].join('\n');
}

async function usage(names: readonly string[], folder: string): Promise<string> {
  const scenarios = await Promise.all(
    names.map(async (name) => [name, (await load(folder, name)).description] as const),
  );
  const none = names.length === 0 ? ['  there are none'] : [];
  return [
    'Usage: npm run bench -- NAME [--json FILE] [--only ID,ID] [--profile] [--doc] [--help]',
    '',
    'Scenarios:',
    ...none,
    ...aligned(scenarios),
    '',
    ...aligned(flags),
  ].join('\n');
}

function aligned(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** What the figures depend on; a load above 0 means that somebody else was at work. */
function machine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`;
  return [
    `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores, ${memory}`,
    `${type()} ${release()} ${arch()}, Node.js ${process.version}`,
    `load before the run: ${(loadavg()[0] ?? 0).toFixed(1)}`,
  ].join('\n');
}

async function figuresOf(
  scenario: Scenario,
  { only, profile }: CommandLine,
  { progress, profileFolder }: BenchOptions,
): Promise<Figure[]> {
  const figures = new Map<string, Figure>();
  const report: Report = {
    add: (figure) => {
      if (figures.has(figure.id)) throw new Error(`${scenario.name} reports ${figure.id} twice`);
      if (figure.value !== null && !Number.isFinite(figure.value))
        throw new Error(`${scenario.name} reports ${figure.value} as ${figure.id}`);
      figures.set(figure.id, figure);
    },
    progress,
  };
  await scenario.run(report, {
    wants: (id) => only === undefined || only.includes(id),
    profileFolder: profile ? profileFolder : undefined,
  });
  return [...figures.values()];
}

function json(figures: readonly Figure[]): string {
  return `${JSON.stringify(figures.map(figureRecord), null, 2)}\n`;
}

function section(scenario: Scenario, where: string, figures: readonly Figure[]): string {
  return `## ${scenario.name}\n\n${scenario.description}\n\n${where}\n\n${figureMarkdown(figures)}`;
}
