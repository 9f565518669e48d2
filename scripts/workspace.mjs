// Where things are in this repository, and how a command is run. Node.js built-ins only: this runs before the install.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top folder of the repository. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const notSources = new Set(['build', 'node_modules', '.tap']);

/** The folders with a package.json of their own, relative to the top: packages/*, test and bench. */
export function packageFolders(top = root) {
  const packages = readdirSync(join(top, 'packages'), { withFileTypes: true });
  const folders = [
    ...packages.filter((entry) => entry.isDirectory()).map(({ name }) => `packages/${name}`),
    'test',
    'bench',
  ];
  return folders.filter((folder) => existsSync(join(top, folder, 'package.json')));
}

/** The files under a folder, relative to it with `/` between the names; empty when there is no such folder. */
export function filesUnder(folder, skip = notSources) {
  const found = [];
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (skip.has(entry.name)) continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else found.push(relative(folder, child).split(sep).join('/'));
    }
  };
  if (existsSync(folder)) visit(folder);
  return found.sort();
}

/** The TypeScript sources of a package folder, relative to it; of a package only those in src. */
export function sourcesOf(folder, top = root) {
  const inside = folder === 'test' ? '' : 'src/';
  const files = filesUnder(join(top, folder, inside)).map((file) => inside + file);
  return files.filter((file) => /\.[cm]?tsx?$/.test(file) && !file.endsWith('.d.ts'));
}

/** Runs a command, by default at the top, without input; resolves with its exit code and everything that it wrote. */
export function run(command, args, { env = process.env, cwd = root } = {}) {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    child.on('error', (error) => done({ code: 127, output: `${command}: ${error.message}\n` }));
    child.on('close', (code, signal) => done({ code: code ?? 1, output: signal ? `${output}${signal}\n` : output }));
  });
}

/** The tools as the files that Node.js runs: the shell scripts in .bin cannot be linked to from elsewhere. */
const tools = { tsc: 'typescript/bin/tsc', biome: '@biomejs/biome/bin/biome', tap: 'tap/dist/esm/run.mjs' };
export const toolNames = Object.keys(tools);

/** The file of a tool, which is a dependency of the top or of the tests; where it is missing, where it should be. */
export function toolFile(name) {
  const places = ['', 'test'].map((folder) => join(root, folder, 'node_modules', tools[name]));
  return places.find((place) => existsSync(place)) ?? places[0];
}

/** Runs a tool, by default at the top, as {@link run} does. */
export function runTool(name, args, options = {}) {
  return run(process.execPath, [toolFile(name), ...args], options);
}

/** The compiler, over all packages; only what changed since it last ran. */
export function compile() {
  return runTool('tsc', ['-b']);
}
