import { mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  cacheFolder,
  findExecutable,
  hasDebianPackages,
  isExecutable,
  pathFolders,
  withDebianPackages,
} from './debian-packages.js';

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

async function fetchDebianPackage(
  cache: string,
  target: string,
  env: NodeJS.ProcessEnv,
  onProgress: (line: string) => void,
): Promise<string> {
  if (!hasDebianPackages(env)) throw new NatsServerNotFoundError(`No nats-server was found. ${howToGetOne}`);
  try {
    mkdirSync(cache, { recursive: true });
    onProgress('No nats-server on PATH: fetching the Debian package into the cache folder (once) ...');
    // A rename within one folder: whoever looks sees no binary or a whole one, and two at once end with one of theirs.
    await withDebianPackages([packageName], (content) => renameSync(join(content, binaryInPackage), target), {
      env,
      onProgress,
    });
    return target;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NatsServerNotFoundError(
      `No nats-server was found, and its Debian package could not be had: ${why}\n${howToGetOne}`,
      { cause: error },
    );
  }
}
