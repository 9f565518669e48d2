import { parseArgs } from 'node:util';

/** The command line cannot be understood; the message says what is wrong and what there is. */
export class BenchUsageError extends Error {
  override readonly name = 'BenchUsageError';
  readonly code = 'BENCH_USAGE';
}

/** What `npm run bench --` was told. */
export interface CommandLine {
  /** The scenario; undefined where none is named. */
  readonly name: string | undefined;
  readonly jsonFile: string | undefined;
  /** The ids to measure; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly profile: boolean;
  readonly doc: boolean;
  /** Only say how it is used. */
  readonly help: boolean;
}

export const flags = [
  [
    '--json FILE',
    'also write the figures to a file: [{"id","value","unit","target","met","baseline":{"name","value"}}]',
  ],
  ['--only ID,ID', 'measure only these figures and their baselines'],
  ['--profile', 'profile what is measured: writes .cpuprofile files and prints the top ten functions of each'],
  ['--doc', 'write the table into docs/benchmarks.md'],
  ['--help', 'print this, or with a scenario its figures'],
] as const;

/** @throws {BenchUsageError} */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parsed(args);
  const [name, second] = positionals;
  if (second !== undefined) throw new BenchUsageError(`one scenario at a time: ${name} or ${second}?`);
  const only = values.only?.split(',').filter((id) => id !== '');
  if (only?.length === 0) throw new BenchUsageError('--only names no figure');
  if (values.doc && (only !== undefined || values.profile))
    throw new BenchUsageError('--doc writes what a whole run measured: use it without --only and --profile');
  return { name, jsonFile: values.json, only, profile: values.profile, doc: values.doc, help: values.help };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        only: { type: 'string' },
        profile: { type: 'boolean', default: false },
        doc: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new BenchUsageError((error as Error).message);
  }
}

/** Makes sure that `name` is one of those that there are. @throws {BenchUsageError} naming the nearest that is. */
export function requireKnown(what: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const byDistance = names.map((other) => ({ other, distance: editDistance(name, other) }));
  const nearest = byDistance.sort((a, b) => a.distance - b.distance)[0];
  const hint =
    nearest === undefined ? 'there are none yet' : `did you mean ${nearest.other}? There are: ${names.join(', ')}`;
  throw new BenchUsageError(`there is no ${what} ${name}; ${hint}`);
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
