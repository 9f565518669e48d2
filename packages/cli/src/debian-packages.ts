import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where {@link withDebianPackages} works. */
export interface DebianPackagesOptions {
  /** Where PATH, HOME and XDG_CACHE_HOME are read; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Told in one line what is being done whenever it takes more than a moment. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

const commandMsMax = 180_000;
const lockWaits = 60;
const aptOptions = ['-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];

/** Whether this machine has what {@link withDebianPackages} needs. */
export function hasDebianPackages(env: NodeJS.ProcessEnv = process.env): boolean {
  return ['apt-get', 'dpkg'].every((name) => findExecutable(name, pathFolders(env)) !== undefined);
}

/**
 * Fetches Debian packages, without those that they depend on, unpacks all of them into one new folder within the cache
 * folder, and hands that to `use`, which moves out of it what is to stay; the folder is removed afterwards. Installs
 * nothing on the machine. Resolves with what `use` returns.
 *
 * @throws {Error} with the last lines of the command that failed.
 */
export async function withDebianPackages<T>(
  names: readonly string[],
  use: (content: string) => T,
  { env = process.env, onProgress = () => {} }: DebianPackagesOptions = {},
): Promise<T> {
  const [aptGet, dpkg] = ['apt-get', 'dpkg'].map((name) => findExecutable(name, pathFolders(env)));
  if (aptGet === undefined || dpkg === undefined) throw new Error('this machine has no apt-get or no dpkg');
  const cache = cacheFolder(env);
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'fetching-'));
  try {
    await download(aptGet, names, scratch, env, onProgress);
    const files = readdirSync(scratch).filter((name) => name.endsWith('.deb'));
    if (files.length < names.length)
      throw new Error(`apt-get download left ${files.length} .deb files for ${names.length} packages`);
    for (const file of files) await run(dpkg, ['-x', file, 'content'], scratch, env);
    return use(join(scratch, 'content'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

export function pathFolders(env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

/** Where this user's copies of other people's programs are kept. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== '' ? base : join(env.HOME ?? homedir(), '.cache'), 'mesos-ts');
}

export function findExecutable(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => resolve(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** `apt-get download`; where that fails, root may refresh the package lists (a container image often has none). */
async function download(
  aptGet: string,
  names: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<void> {
  try {
    await run(aptGet, [...aptOptions, 'download', ...names], folder, env);
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    onProgress('The package lists are missing or old: apt-get update ...');
    await updateLists(aptGet, folder, env);
    await run(aptGet, [...aptOptions, 'download', ...names], folder, env);
  }
}

/** Only one `apt-get update` runs on a machine at a time; waits for the turn of another, such as that of a second test. */
async function updateLists(aptGet: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await run(aptGet, [...aptOptions, 'update'], folder, env);
    } catch (error) {
      if (tries >= lockWaits || !/could not get lock|unable to lock/i.test(String(error))) throw error;
      await sleep(1_000);
    }
  }
}

/** Runs a command to its end. @throws {Error} with the last lines it wrote when it fails or takes too long. */
function run(file: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((done, fail) => {
    const child: ChildProcess = spawn(file, args, {
      cwd,
      env: { ...env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: commandMsMax,
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', fail);
    child.on('close', (code, signal) => {
      if (code === 0) return done();
      const lastLines = output.trim().split('\n').slice(-5).join('\n');
      fail(new Error(`\`${file} ${args.at(-2)} ${args.at(-1)}\` ended with ${signal ?? `code ${code}`}: ${lastLines}`));
    });
  });
}
