// Makes a working copy ready to run: dependencies, compiled sources, the `mesos` command, and with --tests the test
// runner. Does only what is missing, so every npm script starts with it. Node.js built-ins only.
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { takeLock } from './setup-lock.mjs';
import {
  compile,
  filesUnder,
  packageFolders,
  root,
  run,
  runTool,
  sourcesOf,
  toolFile,
  toolNames,
} from './workspace.mjs';

const pnpm = 'pnpm@10.34.9';
const nodeMajorMin = 20;
/** A step that takes longer than this says what it does. */
const silentMs = 400;
const stampFile = join(root, 'node_modules', '.setup-stamp.json');

class StepFailed extends Error {}

try {
  checkNode();
  await takeLock(join(root, '.cache', 'setup.lock'), () => say('waiting for another set-up of this folder'));
  await install();
  linkCommands();
  await compileSources();
  if (process.argv.includes('--tests')) await buildTestRunner();
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function say(line) {
  console.error(`set-up: ${line}`);
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < nodeMajorMin)
    throw new StepFailed(
      `This needs Node.js ${nodeMajorMin} or newer, and this is ${process.version}: see nodejs.org.`,
    );
}

async function install() {
  const wanted = hashOfFiles(['pnpm-lock.yaml', 'pnpm-workspace.yaml', '.npmrc', ...packageFiles()]);
  if (readStamp().install === wanted && isIntact()) return;
  // The stamp goes first: an install that is interrupted is done again.
  writeStamp({ install: null });
  if (isFromNpm()) rmSync(join(root, 'node_modules'), { recursive: true, force: true });
  const args = ['exec', '--yes', `--package=${pnpm}`, '--', 'pnpm', 'install', '--frozen-lockfile'];
  await step(
    'installing dependencies',
    () => run('npm', [...args, '--config.confirm-modules-purge=false']),
    'Is the package registry reachable? After a change to a package.json, bring pnpm-lock.yaml up to date with ' +
      `\`npm exec --package=${pnpm} -- pnpm install --lockfile-only\`.`,
  );
  writeStamp({ install: wanted });
}

function packageFiles() {
  return ['package.json', ...packageFolders().map((folder) => `${folder}/package.json`)];
}

/** Whether each dependency of each package is still linked; a hand that cleans up may have removed some. */
function isIntact() {
  return ['', ...packageFolders()].every((folder) => dependencies(folder).every((path) => kindOf(path) === 'link'));
}

/** npm puts a folder where pnpm puts a link, and the two do not mix: then all is installed afresh. */
function isFromNpm() {
  return dependencies('').some((path) => kindOf(path) === 'file');
}

/** Where the dependencies of a package folder belong. */
function dependencies(folder) {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  );
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return names.map((name) => join(root, folder, 'node_modules', name));
}

function kindOf(path) {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 'nothing';
  return stat.isSymbolicLink() ? 'link' : 'file';
}

/**
 * In node_modules/.bin, `mesos` and the tools that are no dependency of the top itself. A link to the file, not a shell
 * script as pnpm writes them, so that both `npx mesos` and `node node_modules/.bin/mesos` work.
 */
function linkCommands() {
  const folder = join(root, 'node_modules', '.bin');
  mkdirSync(folder, { recursive: true });
  link(join(folder, 'mesos'), join(root, 'packages', 'cli', 'bin', 'mesos.js'));
  for (const name of toolNames) if (kindOf(join(folder, name)) !== 'file') link(join(folder, name), toolFile(name));
}

function link(path, file) {
  const target = relative(dirname(path), file);
  if (kindOf(path) === 'link' && readlinkSync(path) === target) return;
  rmSync(path, { force: true });
  symlinkSync(target, path);
}

async function compileSources() {
  const projects = packageFolders().map((folder) => ({ folder, ...outputs(folder) }));
  for (const { folder, stale, missing } of projects) {
    for (const file of stale) rmSync(join(root, folder, 'build', file));
    // The compiler looks only at its own notes, not at what it wrote.
    if (missing) rmSync(join(root, folder, 'build', '.tsbuildinfo'), { force: true });
  }
  const now = hashOfTimes();
  if (readStamp().compiled === now && !projects.some(({ missing }) => missing)) return;
  await step('compiling', compile, 'Correct the errors above and run it again.');
  writeStamp({ compiled: now });
}

/** The emitted files whose source is gone (the test runner would run them), and whether any source has none. */
function outputs(folder) {
  const names = new Set(sourcesOf(folder).map((file) => file.replace(/^src\//, '').replace(/\.([cm]?)tsx?$/, '.$1js')));
  const emitted = filesUnder(join(root, folder, 'build'), new Set());
  const isStale = (file) => {
    const script = file.replace(/\.d\.([cm]?)ts(\.map)?$/, '.$1js').replace(/\.([cm]?)js\.map$/, '.$1js');
    return /\.[cm]?js$/.test(script) && !names.has(script);
  };
  const existing = new Set(emitted);
  return { stale: emitted.filter(isStale), missing: [...names].some((name) => !existing.has(name)) };
}

/** Changes whenever a source or a setting of the compiler is written; much faster than asking the compiler. */
function hashOfTimes() {
  const settings = packageFolders().flatMap((folder) => [`${folder}/tsconfig.json`, `${folder}/package.json`]);
  const sources = packageFolders().flatMap((folder) => sourcesOf(folder).map((file) => `${folder}/${file}`));
  const hash = createHash('sha256').update(readStamp().install ?? '');
  for (const file of ['tsconfig.json', 'tsconfig.base.json', ...settings, ...sources]) {
    const { mtimeMs, size } = statSync(join(root, file));
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

/** tap compiles itself for the set of plugins in .taprc; its first run fails where that was not done before. */
async function buildTestRunner() {
  const wanted = hashOfFiles(['test/.taprc']) + realpathSync(toolFile('tap'));
  if (readStamp().tap === wanted && existsSync(join(root, 'test', '.tap', 'plugins'))) return;
  await step(
    'preparing the test runner',
    () => runTool('tap', ['build'], { cwd: join(root, 'test') }),
    'Remove the folders test/.tap and node_modules; try again.',
  );
  writeStamp({ tap: wanted });
}

/** Does a step, saying so when it takes its time. @throws {StepFailed} with what it wrote and what to do about it. */
async function step(name, work, advice) {
  const start = performance.now();
  let told = false;
  const telling = setTimeout(() => {
    told = true;
    say(`${name} ...`);
  }, silentMs);
  const { code, output } = await work();
  clearTimeout(telling);
  if (code !== 0) throw new StepFailed(`${output.trimEnd()}\nset-up: ${name} failed. ${advice}`);
  if (told) say(`${name}: done in ${((performance.now() - start) / 1_000).toFixed(1)} s`);
}

function hashOfFiles(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(part) {
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify({ ...readStamp(), ...part }));
}
