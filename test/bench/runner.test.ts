import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine, runBench, writeSection } from '@mesos-ts/bench';
import t from 'tap';

/** A scenario of two figures, which says what it was asked for. */
const speed = `
export const scenario = {
  name: 'speed',
  description: 'how fast',
  ids: ['speed.near', 'speed.far'],
  async run(report, { wants, profileFolder }) {
    report.progress(String(profileFolder));
    for (const [id, value] of [['speed.near', 3], ['speed.far', 4]])
      if (wants(id)) report.add({ id, value, unit: 'ms', target: { atMost: 3 } });
  },
};`;

interface Ran {
  readonly printed: string;
  readonly progress: readonly string[];
  readonly folder: string;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return folder;
}

/** Runs the bench with these scenarios, in a folder of its own, for which FOLDER stands in the arguments. */
async function bench(args: readonly string[], scenarios: Readonly<Record<string, string>> = { speed }): Promise<Ran> {
  const folder = newFolder();
  for (const [name, text] of Object.entries(scenarios)) writeFileSync(join(folder, `${name}.js`), text);
  const [printed, progress]: [string[], string[]] = [[], []];
  await runBench({
    args: args.map((arg) => arg.replace('FOLDER', folder)),
    scenarioFolder: folder,
    document: join(folder, 'docs', 'benchmarks.md'),
    profileFolder: join(folder, 'profiles'),
    print: (text) => printed.push(text),
    progress: (line) => progress.push(line),
  });
  return { printed: printed.join('\n'), progress, folder };
}

t.test('the command line is understood, or what is wrong with it is said', async (t) => {
  const nothing = { name: undefined, jsonFile: undefined, only: undefined, profile: false, doc: false, help: false };
  t.strictSame(parseCommandLine([]), nothing);
  t.strictSame(parseCommandLine(['speed', '--only', 'a,b,', '--profile', '--json', 'x']), {
    ...nothing,
    ...{ name: 'speed', only: ['a', 'b'], profile: true, jsonFile: 'x' },
  });
  for (const [args, message] of [
    [['speed', 'twice'], /one scenario at a time: speed or twice/],
    [['speed', '--fast'], /--fast/],
    [['speed', '--only', ''], /names no figure/],
    [['speed', '--doc', '--only', 'a'], /without --only and --profile/],
    [['speed', '--doc', '--profile'], /without --only and --profile/],
  ] as const)
    t.throws(() => parseCommandLine(args), { name: 'BenchUsageError', message });
});

t.test('a scenario or figure that is not there is refused with the nearest that is, and all that are', async (t) => {
  const scenarios = { speed, other: speed };
  await t.rejects(bench(['sped'], scenarios), {
    code: 'BENCH_USAGE',
    message: /no scenario sped; did you mean speed\? There are: other, speed/,
  });
  await t.rejects(bench(['speed', '--only', 'speed.near,speed.fra'], scenarios), {
    code: 'BENCH_USAGE',
    message: /no figure speed\.fra; did you mean speed\.far\? There are: speed\.near, speed\.far/,
  });
  await t.rejects(bench(['other'], scenarios), /its name must be other/);
  await t.rejects(bench(['speed'], {}), { code: 'BENCH_USAGE', message: /there are none yet/ });
});

t.test('--help says how it is used, and with a scenario which figures it has', async (t) => {
  const usage = /^Usage: npm run bench -- NAME .*--only ID,ID.*Scenarios:\n {2}speed {2}how fast\n.*--doc/s;
  t.match((await bench(['--help'])).printed, usage);
  t.equal((await bench(['speed', '--help'])).printed, 'speed: how fast\n\nFigures:\n  speed.near\n  speed.far');
  await t.rejects(bench(['sped', '--help']), { code: 'BENCH_USAGE' });
  await t.rejects(bench([]), { code: 'BENCH_USAGE', message: usage }, 'the same where there is nothing to run');
});

t.test('a run prints what it found and where, and writes it where it is told', async (t) => {
  const all = await bench(['speed', '--json', 'FOLDER/out.json', '--doc']);
  t.match(all.printed, /^speed: how fast\n.* cores, .* of memory\n.*Node\.js v.*\nload before the run: /);
  t.match(all.printed, /\nspeed\.near +3 +ms +<= 3 +yes\nspeed\.far +4 +ms +<= 3 +NO$/);
  t.strictSame(all.progress, ['undefined']);
  t.match(JSON.parse(readFileSync(join(all.folder, 'out.json'), 'utf8')), [
    { id: 'speed.near', value: 3, unit: 'ms', target: 3, met: true, baseline: null },
    { id: 'speed.far', met: false },
  ]);
  const document = readFileSync(join(all.folder, 'docs', 'benchmarks.md'), 'utf8');
  t.match(
    document,
    /^# Benchmarks\n.*<!-- speed: begin -->\n\n## speed\n\nhow fast\n.*\| speed\.near \|.*<!-- speed: end -->\n$/s,
  );

  const one = await bench(['speed', '--only', 'speed.far', '--profile']);
  t.notMatch(one.printed, 'speed.near');
  t.match(one.printed, 'speed.far');
  t.strictSame(one.progress, [join(one.folder, 'profiles')]);
});

t.test('a scenario that reports twice, or what is no number, is at fault', async (t) => {
  await t.rejects(bench(['speed'], { speed: speed.replace("'speed.far', 4", "'speed.near', 4") }), /speed\.near twice/);
  await t.rejects(
    bench(['speed'], { speed: speed.replace("'speed.far', 4", "'speed.far', 0 / 0") }),
    /NaN as speed\.far/,
  );
});

t.test('a section goes in the place of its last one, and leaves what others wrote', async (t) => {
  const file = join(newFolder(), 'docs', 'benchmarks.md');
  const text = (): string => readFileSync(file, 'utf8');
  writeSection(file, 'one', 'first');
  writeSection(file, 'two', 'second');
  const before = text();
  t.match(before, /first.*one: end.*two: begin.*second/s);
  writeSection(file, 'one', "for $& and $' nothing is put in");
  t.equal(
    text(),
    before.replace('first', () => "for $& and $' nothing is put in"),
  );
  writeFileSync(file, 'By hand.\n');
  writeSection(file, 'one', 'first');
  t.equal(text(), 'By hand.\n\n<!-- one: begin -->\n\nfirst\n\n<!-- one: end -->\n');
});
