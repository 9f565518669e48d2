// The rules of this repository that neither the compiler nor the linter knows. Each function takes sources and returns
// what breaks its rule; `npm run check` prints that.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { codeOf, lineAt } from './source-text.mjs';
import { packageFolders, root, sourcesOf } from './workspace.mjs';

const scope = '@mesos-ts/';
const core = ['process', 'protocol', 'zk-election'];
const everything = [...core, 'master', 'agent', 'frameworks', 'cli'];

/** Which packages each one may import: only those below it. */
export const mayImport = {
  process: [],
  protocol: ['process'],
  'zk-election': ['process', 'protocol'],
  master: core,
  agent: core,
  frameworks: core,
  cli: everything.filter((name) => name !== 'cli'),
  test: [...everything, 'bench'],
  bench: everything,
};

/** What packages export beside themselves, and who may import it: what is for tests stays out of what runs. */
const subPaths = {
  '@mesos-ts/process/testing': ['test', 'bench'],
  '@mesos-ts/cli/testing': ['test', 'bench'],
  '@mesos-ts/frameworks/executor': ['test', 'bench'],
};

/** Where time and chance come only from the Clock and the Random that were handed in. */
const replayable = ['process', 'protocol', 'zk-election', 'master', 'agent'];
const sourcesOfTimeAndChance = ['clock.ts', 'virtual-clock.ts', 'random.ts'].map(
  (file) => `packages/process/src/${file}`,
);

const useClock = 'ask the Clock that was handed in, so that a test can drive time';
const useRandom = 'ask the Random that was handed in, so that a seed replays the run';

const timeAndChance = [
  [/\bDate\s*\.\s*now\b/g, 'Date.now', useClock],
  [/\bnew\s+Date\b(?!\s*\(\s*[^\s)])/g, 'new Date()', useClock],
  [/(?<!\bnew\s+|[.\w])Date\s*\(/g, 'Date()', useClock],
  [/\bperformance\s*\.\s*\w+/g, 'performance', useClock],
  [/\bprocess\s*\.\s*(?:hrtime|uptime)\b/g, 'process.hrtime or uptime', useClock],
  [/\b(?:setTimeout|setInterval|setImmediate)\b/g, 'a timer of the platform', useClock],
  [/\bAbortSignal\s*\.\s*timeout\b/g, 'AbortSignal.timeout', useClock],
  [/\bMath\s*\.\s*random\b/g, 'Math.random', useRandom],
  [/\b(?:random(?:Bytes|Int|UUID|Fill|FillSync)|getRandomValues)\b/g, 'chance from node:crypto', useRandom],
];

/**
 * The sources and package files of the working copy, as the rules below take them: `sources` as `{file, text}`,
 * `manifests` by package folder.
 */
export function readTree(top = root) {
  const folders = packageFolders(top);
  const files = folders.flatMap((folder) => sourcesOf(folder, top).map((file) => `${folder}/${file}`));
  const manifest = (folder) => JSON.parse(readFileSync(join(top, folder, 'package.json'), 'utf8'));
  return {
    sources: files.map((file) => ({ file, text: readFileSync(join(top, file), 'utf8') })),
    manifests: Object.fromEntries(folders.map((folder) => [folder, manifest(folder)])),
  };
}

/** Imports go down, by the name of a package that the package file declares, and never into another's insides. */
export function importViolations({ sources, manifests }) {
  const fromFiles = Object.entries(manifests).flatMap(([folder, manifest]) =>
    declared(manifest).flatMap((name) => {
      const why = directionProblem(nameOf(folder), name);
      return why === undefined ? [] : [{ file: `${folder}/package.json`, line: 1, what: `depends on ${name}`, why }];
    }),
  );
  const fromSources = sources.flatMap(({ file, text }) =>
    importsOf(text).flatMap(({ specifier, line }) => {
      const why = importProblem(file, specifier, manifests);
      return why === undefined ? [] : [{ file, line, what: `imports ${specifier}`, why }];
    }),
  );
  return [...fromFiles, ...fromSources];
}

/** The runtime and everything built on it replays from a seed: no time and no chance but through Clock and Random. */
export function timeAndChanceViolations({ sources }) {
  const bound = sources.filter(
    ({ file }) => replayable.includes(nameOf(folderOf(file))) && !sourcesOfTimeAndChance.includes(file),
  );
  return bound.flatMap(({ file, text }) => {
    const code = codeOf(text);
    const uses = timeAndChance.flatMap(([pattern, what, why]) =>
      [...code.matchAll(pattern)].map(({ index }) => ({ file, line: lineAt(text, index), what: `uses ${what}`, why })),
    );
    const timers = importsOf(text).filter(({ specifier }) => /^(node:)?timers(\/|$)/.test(specifier));
    const imports = timers.map(({ specifier, line }) => ({ file, line, what: `imports ${specifier}`, why: useClock }));
    return [...uses, ...imports].sort((a, b) => a.line - b.line);
  });
}

/** What a source imports or re-exports by a literal name, with the line of each. */
function importsOf(text) {
  const literal = /(?<![.\w$])(?:from|import|require)\b\s*\(?\s*(['"])( +)\1/g;
  return [...codeOf(text).matchAll(literal)].map(({ 0: all, 2: inside, index }) => {
    const end = index + all.length - 1;
    return { specifier: text.slice(end - inside.length, end), line: lineAt(text, index) };
  });
}

function importProblem(file, specifier, manifests) {
  const folder = folderOf(file);
  if (specifier.startsWith('.')) return relativeProblem(file, folder, specifier);
  if (specifier.startsWith('node:') || builtinModules.includes(specifier)) return undefined;
  const name = packageOf(specifier);
  if (name === `${scope}${nameOf(folder)}`) return 'a package imports its own files by their relative paths';
  if (name.startsWith(scope) && name !== specifier) {
    const users = subPaths[specifier];
    if (users === undefined) return `only what ${name} exports is for others: import ${name}`;
    if (!users.includes(nameOf(folder))) return `${specifier} is only for ${users.join(' and ')}`;
  }
  const direction = directionProblem(nameOf(folder), name);
  if (direction !== undefined) return direction;
  const isDeclared = declared(manifests[folder] ?? {}).includes(name);
  return isDeclared ? undefined : `${folder}/package.json does not declare ${name}: add it there`;
}

function relativeProblem(file, folder, specifier) {
  const target = posix.join(posix.dirname(file), specifier);
  const testing = `${folder}/src/testing/`;
  if (target.startsWith(testing) && folder !== 'test' && !file.startsWith(testing))
    return `${testing} is for tests: what runs does not import it`;
  const isOfTests = folder === 'test' && target.startsWith('scripts/');
  if (target.startsWith(`${folder}/`) || isOfTests) return undefined;
  return `this leaves ${folder}: import the other package by its name`;
}

function directionProblem(importer, name) {
  if (!name.startsWith(scope)) return undefined;
  const imported = name.slice(scope.length);
  const allowed = mayImport[importer];
  if (allowed === undefined) return `scripts/rules.mjs does not say what ${importer} may import: add it to mayImport`;
  if (allowed.includes(imported)) return undefined;
  const below = allowed.length === 0 ? 'no other package' : `only ${allowed.join(', ')}`;
  return `${importer} may import ${below}`;
}

function declared({ dependencies = {}, devDependencies = {}, peerDependencies = {}, optionalDependencies = {} }) {
  return Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies, ...optionalDependencies });
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** `packages/master/src/offer.ts` is in `packages/master`, `test/x.test.ts` in `test`. */
function folderOf(file) {
  return file
    .split('/')
    .slice(0, file.startsWith('packages/') ? 2 : 1)
    .join('/');
}

function nameOf(folder) {
  return folder.replace(/^packages\//, '');
}
