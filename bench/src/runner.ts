import { readdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { pathToFileURL } from 'node:url';
import { type FigureRecord, figureRecord, figureTable } from './figure-table.js';
import type { Figure, Report, Scenario } from './scenario.js';

/** The command line cannot be understood; the message says what is wrong and what there is. */
export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
  readonly code = 'BENCH_USAGE';
}

/** What {@link runBench} is told. */
export interface BenchOptions {
  /** The command line after `npm run bench --`: a scenario's name and perhaps `--json FILE`. */
  readonly args: readonly string[];
  /** The folder of the emitted scenario modules. */
  readonly scenarioFolder: string;
  readonly print: (text: string) => void;
  readonly progress: (line: string) => void;
}

/**
 * Runs one scenario, prints its figures as a table, and writes them to a JSON file if one is named.
 *
 * @throws {BenchUsageError} when no scenario, or none that exists, is named.
 */
export async function runBench({ args, scenarioFolder, print, progress }: BenchOptions): Promise<void> {
  const names = scenarioNames(scenarioFolder);
  const { name, jsonFile } = parseArguments(args);
  if (name === undefined) throw new BenchUsageError(await usage(names, scenarioFolder));
  if (!names.includes(name)) throw new BenchUsageError(unknown(name, names));
  const scenario = await load(scenarioFolder, name);
  print(`${scenario.name}: ${scenario.description}\n${machine()}\n`);
  const figures = await figuresOf(scenario, progress);
  print(figureTable(figures));
  if (jsonFile !== undefined) writeJson(jsonFile, figures.map(figureRecord));
}

function parseArguments(args: readonly string[]): { name: string | undefined; jsonFile: string | undefined } {
  let name: string | undefined;
  let jsonFile: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? '';
    if (argument === '--json') {
      jsonFile = args[++i];
      if (jsonFile === undefined) throw new BenchUsageError('--json needs the name of a file');
    } else if (argument.startsWith('--json=')) jsonFile = argument.slice('--json='.length);
    else if (argument.startsWith('-')) throw new BenchUsageError(`there is no option ${argument}, only --json FILE`);
    else if (name !== undefined) throw new BenchUsageError(`one scenario at a time: ${name} or ${argument}?`);
    else name = argument;
  }
  return { name, jsonFile };
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

async function usage(names: readonly string[], folder: string): Promise<string> {
  const lines = [
    'Usage: npm run bench -- NAME [--json FILE]',
    '',
    names.length === 0 ? 'There are no scenarios.' : 'Scenarios:',
  ];
  const width = Math.max(0, ...names.map((name) => name.length));
  for (const name of names) lines.push(`  ${name.padEnd(width)}  ${(await load(folder, name)).description}`);
  return lines.join('\n');
}

function unknown(name: string, names: readonly string[]): string {
  const byDistance = names.map((other) => ({ other, distance: editDistance(name, other) }));
  const nearest = byDistance.sort((a, b) => a.distance - b.distance)[0];
  const hint =
    nearest === undefined ? 'there are none yet' : `did you mean ${nearest.other}? There are: ${names.join(', ')}`;
  return `there is no scenario ${name}; ${hint}`;
}

/** How many characters must be inserted, removed or replaced to make one text of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** What the figures depend on, in two lines. */
function machine(): string {
  const processors = cpus();
  const memory = `${(totalmem() / 2 ** 30).toFixed(1)} GiB of memory`;
  return [
    `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores, ${memory}`,
    `${type()} ${release()} ${arch()}, Node.js ${process.version}`,
  ].join('\n');
}

async function figuresOf(scenario: Scenario, progress: (line: string) => void): Promise<Figure[]> {
  const figures = new Map<string, Figure>();
  const report: Report = {
    add: (figure) => {
      if (figures.has(figure.id)) throw new Error(`${scenario.name} reports ${figure.id} twice`);
      if (!Number.isFinite(figure.value)) throw new Error(`${scenario.name} reports ${figure.value} as ${figure.id}`);
      figures.set(figure.id, figure);
    },
    progress,
  };
  await scenario.run(report);
  return [...figures.values()];
}

function writeJson(file: string, records: readonly FigureRecord[]): void {
  writeFileSync(file, `${JSON.stringify(records, null, 2)}\n`);
}
