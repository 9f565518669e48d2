import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheFolder, findExecutable, hasDebianPackages, pathFolders, withDebianPackages } from '../debian-packages.js';

/** What a ZooKeeper server is run with. */
export interface ZookeeperSoftware {
  readonly java: string;
  readonly classPath: string;
}

/** There is no Java or ZooKeeper here, and none could be fetched. */
export class ZookeeperNotFoundError extends Error {
  override readonly name = 'ZookeeperNotFoundError';
}

/** Each release of Debian has one or two of these; the first that can be had is taken. */
const javaPackages = ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'openjdk-25-jre-headless'];
const jarPackages = [
  'libzookeeper-java',
  'libslf4j-java',
  'libdropwizard-metrics-java',
  'libsnappy-java',
  'libcommons-cli-java',
];
const jars = ['zookeeper', 'zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'metrics-core', 'snappy-java', 'commons-cli'];
const jvmFolder = join('usr', 'lib', 'jvm');
const jarFolder = join('usr', 'share', 'java');

let found: Promise<ZookeeperSoftware> | undefined;

/**
 * Java (the one on PATH, else Debian's) and Debian's ZooKeeper, unpacked into this user's cache folder the first time:
 * about 45 MB and 3 MB. Installs nothing on the machine. Two at once end with one of theirs.
 *
 * @throws {ZookeeperNotFoundError} where they cannot be had, with what to do.
 */
export function zookeeperSoftware(env: NodeJS.ProcessEnv = process.env): Promise<ZookeeperSoftware> {
  if (env !== process.env) return find(env);
  found ??= find(env);
  return found;
}

async function find(env: NodeJS.ProcessEnv): Promise<ZookeeperSoftware> {
  try {
    const folder = join(cacheFolder(env), 'zookeeper-and-its-shell');
    if (!isFolder(folder)) {
      say('fetching the Debian packages of ZooKeeper into the cache folder (once) ...');
      await fetch(jarPackages, folder, env);
    }
    const classPath = jars.map((name) => join(folder, jarFolder, `${name}.jar`)).join(delimiter);
    return { java: findExecutable('java', pathFolders(env)) ?? (await cachedJava(env)), classPath };
  } catch (error) {
    const how = hasDebianPackages(env)
      ? 'Is the package mirror reachable? Where apt-get may not be updated, `apt-get update` as root helps.'
      : 'It is fetched with apt-get: on other systems put java on PATH, and the jars where the cache folder has them.';
    const why = error instanceof Error ? error.message : String(error);
    throw new ZookeeperNotFoundError(`The tests of the election over ZooKeeper need one: ${why}\n${how}`);
  }
}

async function cachedJava(env: NodeJS.ProcessEnv): Promise<string> {
  const folder = join(cacheFolder(env), `java-${process.platform}-${process.arch}`);
  if (!isFolder(folder)) await fetchJava(folder, env);
  const jvm = join(folder, jvmFolder);
  const java = findExecutable(
    'java',
    readdirSync(jvm).map((name) => join(jvm, name, 'bin')),
  );
  if (java === undefined) throw new Error(`${jvm} holds no java`);
  return java;
}

async function fetchJava(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  say("no java on PATH: fetching Debian's into the cache folder (once, 45 MB) ...");
  const problems: string[] = [];
  for (const name of javaPackages) {
    try {
      return await fetch([name], folder, env);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(problems.join('\n'));
}

async function fetch(names: readonly string[], target: string, env: NodeJS.ProcessEnv): Promise<void> {
  const move = (content: string): void => {
    keepLinksInside(content, content, target);
    mkdirSync(join(target, '..'), { recursive: true });
    try {
      renameSync(content, target);
    } catch (error) {
      if (!isFolder(target)) throw error; // else somebody else was quicker, and has the same
    }
  };
  await withDebianPackages(names, move, { env, onProgress: say });
}

/** Packages link to absolute paths, such as Java to its configuration in /etc: they shall mean the unpacked files. */
function keepLinksInside(folder: string, content: string, target: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) keepLinksInside(path, content, target);
    if (!entry.isSymbolicLink()) continue;
    const to = readlinkSync(path);
    if (!to.startsWith('/')) continue;
    rmSync(path);
    symlinkSync(join(target, to), path);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function say(line: string): void {
  process.stderr.write(`zookeeper: ${line}\n`);
}
