import t from 'tap';

// The sources of this repository's scripts are not compiled: the path is that from the emitted file.
const rulesUrl = new URL('../../../scripts/rules.mjs', import.meta.url);
const { importViolations, mayImport, readTree, timeAndChanceViolations } = (await import(
  rulesUrl.href
)) as typeof import('../../scripts/rules.mjs');

const declared = {
  dependencies: { '@mesos-ts/process': '*', '@mesos-ts/protocol': '*', '@mesos-ts/agent': '*', nats: '*', '@x/y': '*' },
};

/** Why the import rule refuses a source; empty when it does not. */
function refusals(file: string, text: string): string[] {
  const folder = file.split('/').slice(0, file.startsWith('packages/') ? 2 : 1);
  const manifest = folder.at(-1) === 'master' ? { dependencies: { ...declared.dependencies } } : declared;
  const manifests = { [folder.join('/')]: manifest };
  return importViolations({ sources: [{ file, text }], manifests })
    .filter((violation) => violation.file === file)
    .map(({ line, what, why }) => `${line}: ${what}: ${why}`);
}

function uses(text: string, file = 'packages/master/src/x.ts'): string[] {
  return timeAndChanceViolations({ sources: [{ file, text }] }).map(({ line, what }) => `${line}: ${what}`);
}

t.test('this repository keeps its own rules', async (t) => {
  const tree = readTree();
  t.ok(tree.sources.some(({ file }) => file === 'packages/process/src/clock.ts'));
  t.ok(tree.sources.some(({ file }) => file === 'test/check/rules.test.ts'));
  t.same(
    Object.keys(tree.manifests)
      .map((folder) => folder.replace('packages/', ''))
      .sort(),
    Object.keys(mayImport).sort(),
    'every package has its place',
  );
  t.same(importViolations(tree), []);
  t.same(timeAndChanceViolations(tree), []);
});

t.test('imports go down only', async (t) => {
  t.same(refusals('packages/master/src/x.ts', `import { a } from '@mesos-ts/process';`), []);
  t.same(refusals('packages/master/src/x.ts', `\n\nimport { a } from '@mesos-ts/agent';`), [
    '3: imports @mesos-ts/agent: master may import only process, protocol, zk-election',
  ]);
  t.same(refusals('packages/process/src/x.ts', `export { a } from "@mesos-ts/protocol";`), [
    '1: imports @mesos-ts/protocol: process may import no other package',
  ]);
  t.match(refusals('packages/agent/src/x.ts', `const a = await import('@mesos-ts/frameworks');`), [/agent may import/]);
  t.match(refusals('packages/cli/src/x.ts', `import '@mesos-ts/test';`), [/cli may import/]);
  t.match(refusals('packages/new/src/x.ts', `import '@mesos-ts/process';`), [/add it to mayImport/]);
  t.same(refusals('test/x.test.ts', `import type { A } from '@mesos-ts/agent';`), []);
});

t.test('a package file may not declare what may not be imported', async (t) => {
  const manifests = { 'packages/protocol': { dependencies: { '@mesos-ts/master': 'workspace:*' } } };
  t.match(importViolations({ sources: [], manifests }), [
    { file: 'packages/protocol/package.json', line: 1, what: 'depends on @mesos-ts/master' },
  ]);
});

t.test("nobody reaches into another package's files", async (t) => {
  t.match(refusals('test/x.test.ts', `import { a } from '@mesos-ts/process/src/a.js';`), [/only what .* exports/]);
  t.match(refusals('packages/master/src/x.ts', `import { a } from '../../process/src/a.js';`), [
    /leaves packages\/master/,
  ]);
  t.match(refusals('packages/master/src/rooms/x.ts', `import { a } from '../../../agent/a.js';`), [/leaves/]);
  t.match(refusals('packages/master/src/x.ts', `import { a } from '@mesos-ts/master';`), [/relative paths/]);
  t.same(refusals('packages/master/src/rooms/x.ts', `import { a } from '../a.js';\nimport './b.js';`), []);
});

t.test('what the runtime has for tests is imported by tests and benchmarks only', async (t) => {
  const text = `import { Simulation } from '@mesos-ts/process/testing';`;
  t.same(refusals('test/simulation/x.test.ts', text), []);
  t.same(refusals('bench/src/scenarios/x.ts', text), []);
  t.match(refusals('packages/master/src/x.ts', text), [/process\/testing is only for test and bench/]);
  t.match(refusals('test/x.test.ts', `import '@mesos-ts/process/testing/simulation.js';`), [/only what .* exports/]);
  t.match(refusals('test/x.test.ts', `import '@mesos-ts/agent/testing';`), [/only what .* exports/]);
  t.match(refusals('packages/process/src/node.ts', `import './testing/simulation.js';`), [/what runs does not import/]);
  t.same(refusals('packages/process/src/testing/x.ts', `import './simulation.js';\nimport '../node.js';`), []);
});

t.test('every imported package is declared', async (t) => {
  t.match(refusals('packages/cli/src/x.ts', `import pino from 'pino';`), [/does not declare pino/]);
  t.match(refusals('packages/cli/src/x.ts', `import a from '@x/z/deep';`), [/does not declare @x\/z/]);
  const fine = `import { connect } from 'nats';\nimport a from '@x/y/deep';\nimport fs from 'node:fs';\nimport 'path';`;
  t.same(refusals('packages/cli/src/x.ts', fine), []);
});

t.test('an import over several lines counts, one in a comment or a text does not', async (t) => {
  const several = `import {\n  a,\n  b,\n} from '@mesos-ts/agent';`;
  t.match(refusals('packages/master/src/x.ts', several), [/^4: /]);
  const none = [
    `// import a from '@mesos-ts/agent';`,
    `/* from '@mesos-ts/agent' */`,
    `const a = "import a from '@mesos-ts/agent'";`,
    '`from "@mesos-ts/agent"`',
    `const resolved = import.meta.resolve('@mesos-ts/agent');`,
    `const list = Array.from('@mesos-ts/agent');`,
  ];
  t.same(refusals('packages/master/src/x.ts', none.join('\n')), []);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a source that is to be looked at
  const inTemplate = "const a = `${(await import('@mesos-ts/agent')).name} and text`;";
  t.match(refusals('packages/master/src/x.ts', inTemplate), [/@mesos-ts\/agent/]);
});

t.test('time comes only from the Clock', async (t) => {
  for (const [text, what] of [
    ['const a = Date.now();', 'Date.now'],
    ['const now = Date\n  .now;', 'Date.now'],
    ['const a = new Date();', 'new Date()'],
    ['const a = new Date;', 'new Date()'],
    ['const a = Date();', 'Date()'],
    ['const a = performance.now();', 'performance'],
    ['const a = process.hrtime.bigint();', 'process.hrtime or uptime'],
    ['setTimeout(run, 1_000);', 'a timer of the platform'],
    ['globalThis.setInterval(run, 1);', 'a timer of the platform'],
    ['const later = setImmediate;', 'a timer of the platform'],
    ['fetch(url, { signal: AbortSignal.timeout(5) });', 'AbortSignal.timeout'],
  ] as const)
    t.same(uses(text), [`1: uses ${what}`], text);
  t.same(uses(`import { setTimeout as sleep } from 'node:timers/promises';`), [
    '1: uses a timer of the platform',
    '1: imports node:timers/promises',
  ]);
  t.same(uses('new Date(wallTime).toISOString(); clearTimeout(timer); clock.timer(5, run); update(5);'), []);
});

t.test('chance comes only from Random', async (t) => {
  t.same(uses('\nconst a = Math.random();'), ['2: uses Math.random']);
  for (const name of ['randomBytes', 'randomUUID', 'randomInt', 'randomFillSync', 'getRandomValues'])
    t.same(uses(`const a = crypto.${name}(16);`), ['1: uses chance from node:crypto'], name);
  t.same(uses(`import { createHash } from 'node:crypto';\nrandom.uuid();`), []);
});

t.test('comments, texts and regular expressions trigger nothing', async (t) => {
  const lines = [
    '// Date.now() is forbidden, setTimeout too',
    '/** Math.random()\n * new Date() */',
    `const a = 'Date.now()' + "it's setTimeout";`,
    `const b = \`new Date() \${name} Math.random()\`;`,
    'const c = /Date.now\\/"\'[/`]/.test(text);',
    'const d = total / 2; // setTimeout /',
  ];
  t.same(uses(lines.join('\n')), []);
  t.same(uses(`${lines.join('\n')}\nDate.now();`), ['8: uses Date.now'], 'and what follows them is still seen');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a source that is to be looked at
  t.same(uses('const a = `${`${Date.now()}`} text`;\nMath.random();'), ['1: uses Date.now', '2: uses Math.random']);
  t.same(uses('const a = (b + c) / 2 / Date.now();'), ['1: uses Date.now'], 'a division is no regular expression');
});

t.test('the rule on time and chance is for what must replay', async (t) => {
  const text = 'Date.now(); Math.random();';
  for (const name of ['process', 'protocol', 'zk-election', 'master', 'agent'])
    t.equal(uses(text, `packages/${name}/src/rooms/x.ts`).length, 2, name);
  for (const file of ['process/src/clock.ts', 'process/src/virtual-clock.ts', 'process/src/random.ts'])
    t.same(uses(text, `packages/${file}`), [], file);
  for (const file of ['packages/cli/src/x.ts', 'packages/frameworks/src/x.ts', 'test/x.test.ts', 'bench/src/x.ts'])
    t.same(uses(text, file), [], file);
  t.equal(uses(text, 'packages/master/src/clock.ts').length, 2, 'only the Clock of the runtime');
});
