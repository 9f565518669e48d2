// Makes a working copy ready to run: dependencies, compiled sources, the `mesos` command, the test runner. Does only
// what is missing, so every npm script starts with it. Node.js built-ins only.
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { takeLock } from './setup-lock.mjs';
import { compile, filesUnder, packageFolders, root, run, sourcesOf } from './workspace.mjs';

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
  linkCommand();
  await compileSources();
  await buildTestRunner();
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
  rmSync(stampFile, { force: true });
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

/** Whether what was installed is still there; a hand that cleans up may have removed some. */
function isIntact() {
  const folders = ['', ...packageFolders()].filter((folder) => folder === '' || dependencies(folder).length > 0);
  return !isFromNpm() && folders.every((folder) => existsSync(join(root, folder, 'node_modules')));
}

/** A habitual `npm install` leaves this; it takes pnpm's folders apart, so they are installed afresh. */
function isFromNpm() {
  return existsSync(join(root, 'node_modules', '.package-lock.json'));
}

function dependencies(folder) {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(join(root, folder, 'package.json'), 'utf8'),
  );
  return Object.keys({ ...dependencies, ...devDependencies });
}

/** `node_modules/.bin/mesos` is the file itself, so that both `npx mesos` and `node node_modules/.bin/mesos` work. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'mesos');
  const target = join('..', '..', 'packages', 'cli', 'bin', 'mesos.js');
  const isLink = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
  if (isLink && readlinkSync(link) === target) return;
  rmSync(link, { force: true });
  mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(target, link);
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
  const wanted = hashOfFiles(['.taprc']) + readStamp().install;
  if (readStamp().tap === wanted && existsSync(join(root, '.tap', 'plugins'))) return;
  const tap = join(root, 'node_modules', '.bin', 'tap');
  await step(
    'preparing the test runner',
    () => run(tap, ['build']),
    'Remove the folders .tap and node_modules; try again.',
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
  writeFileSync(stampFile, JSON.stringify({ ...readStamp(), ...part }));
}
