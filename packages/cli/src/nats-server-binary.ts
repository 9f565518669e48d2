import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** There is no nats-server here and none could be fetched; the message says how to get one. */
export class NatsServerNotFoundError extends Error {
  override readonly name = 'NatsServerNotFoundError';
  readonly code = 'NATS_SERVER_NOT_FOUND';
}

/** What {@link findNatsServer} may be told; everything has a default. */
export interface FindNatsServerOptions {
  /** Told in one line what is being done whenever it takes more than a moment. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Where NATS_SERVER, PATH, HOME and XDG_CACHE_HOME are read; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** Folders searched after those of PATH, which often lacks them. */
  readonly systemFolders?: readonly string[];
}

/** Debian installs the server in /usr/sbin, which is not on the PATH of most people. */
const defaultSystemFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

const packageName = 'nats-server';
const binaryInPackage = 'usr/sbin/nats-server';
const commandMsMax = 180_000;
const lockWaits = 60;
const aptOptions = ['-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=30'];

const howToGetOne =
  'Get one with `apt-get install nats-server` (Debian, Ubuntu) or `brew install nats-server` (macOS), ' +
  'or run `docker run -p 4222:4222 nats -js` and set NATS_URL=nats://127.0.0.1:4222, ' +
  'or download it from https://nats.io/download and set NATS_SERVER to its path.';

/**
 * The path of a nats-server binary: `NATS_SERVER`, else the one on PATH, else the one in this user's cache folder, which
 * is filled from the Debian package the first time. Installs nothing on the machine and starts no service; two at once
 * or an interrupted one leave no half binary.
 *
 * @throws {NatsServerNotFoundError} where there is none and no Debian package can be had.
 */
export async function findNatsServer(options: FindNatsServerOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const named = env.NATS_SERVER;
  if (named !== undefined && named !== '') return checkNamed(resolve(named));
  const folders = [...pathFolders(env), ...(options.systemFolders ?? defaultSystemFolders)];
  const installed = findExecutable(packageName, folders);
  if (installed !== undefined) return installed;
  const cache = cacheFolder(env);
  const cached = join(cache, `nats-server-${process.platform}-${process.arch}`);
  if (isExecutable(cached)) return cached;
  return fetchDebianPackage(cache, cached, env, options.onProgress ?? (() => {}));
}

function checkNamed(path: string): string {
  if (isExecutable(path)) return path;
  throw new NatsServerNotFoundError(
    `NATS_SERVER is set to ${path}, which is not an executable file; correct or unset it.`,
  );
}

function pathFolders(env: NodeJS.ProcessEnv): string[] {
  return (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && base !== '' ? base : join(env.HOME ?? homedir(), '.cache'), 'mesos-ts');
}

function findExecutable(name: string, folders: readonly string[]): string | undefined {
  return folders.map((folder) => resolve(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function fetchDebianPackage(
  cache: string,
  target: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<string> {
  const aptGet = findExecutable('apt-get', pathFolders(env));
  const dpkg = findExecutable('dpkg', pathFolders(env));
  if (aptGet === undefined || dpkg === undefined)
    throw new NatsServerNotFoundError(`No nats-server was found. ${howToGetOne}`);
  let scratch: string | undefined;
  try {
    mkdirSync(cache, { recursive: true });
    scratch = mkdtempSync(join(cache, 'fetching-'));
    onProgress('No nats-server on PATH: fetching the Debian package into the cache folder (once) ...');
    await download(aptGet, scratch, env, onProgress);
    const file = readdirSync(scratch).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get download left no .deb file');
    await run(dpkg, ['-x', file, 'content'], scratch, env);
    // A rename within one folder: whoever looks sees no binary or a whole one, and two at once end with one of theirs.
    renameSync(join(scratch, 'content', binaryInPackage), target);
    return target;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NatsServerNotFoundError(
      `No nats-server was found, and its Debian package could not be had: ${why}\n${howToGetOne}`,
      { cause: error },
    );
  } finally {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

/** `apt-get download`; where that fails, root may refresh the package lists (a container image often has none). */
async function download(
  aptGet: string,
  folder: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<void> {
  try {
    await run(aptGet, [...aptOptions, 'download', packageName], folder, env);
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    onProgress('The package lists are missing or old: apt-get update ...');
    await updateLists(aptGet, folder, env);
    await run(aptGet, [...aptOptions, 'download', packageName], folder, env);
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
