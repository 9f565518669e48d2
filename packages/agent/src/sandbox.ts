import { mkdir, open, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutorId, FrameworkId, SlaveId } from '@mesos-ts/protocol';
import { LaunchError } from './executor-launcher.js';

/** Which run of which executor a sandbox belongs to. */
export interface SandboxOwner {
  readonly slaveId: SlaveId;
  readonly frameworkId: FrameworkId;
  readonly executorId: ExecutorId;
  /** New at every launch. */
  readonly containerId: string;
}

/** Where executors have their folders. */
export interface Sandboxes {
  /** The absolute path that the owner's sandbox has, or will have. */
  pathOf(owner: SandboxOwner): string;
  /** Makes it. @throws {LaunchError} naming the path when it cannot be made. */
  create(owner: SandboxOwner): Promise<void>;
  /** The last lines of its `stderr`, on one line; empty when there are none or they cannot be read. Never rejects. */
  lastWords(sandboxPath: string): Promise<string>;
}

/** How much of the end of `stderr` is looked at, and how much of it is told. */
const tailBytes = 4_096;
const lastLines = 3;
const lastWordsCharactersMax = 1_000;

/**
 * Sandboxes in the work folder, laid out as Mesos does (facts 5.7):
 * `<work dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`, with the link `runs/latest`.
 */
export class FolderSandboxes implements Sandboxes {
  readonly #workDir: string;

  /** @param workDir an absolute path. */
  constructor(workDir: string) {
    this.#workDir = workDir;
  }

  pathOf(owner: SandboxOwner): string {
    return join(this.#runsPath(owner), owner.containerId);
  }

  async create(owner: SandboxOwner): Promise<void> {
    const path = this.pathOf(owner);
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await this.#pointLatest(owner);
    } catch (cause) {
      throw new LaunchError(`cannot make the sandbox ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  async lastWords(sandboxPath: string): Promise<string> {
    try {
      const file = await open(join(sandboxPath, 'stderr'));
      try {
        const { size } = await file.stat();
        const { buffer, bytesRead } = await file.read({
          buffer: Buffer.alloc(tailBytes),
          position: Math.max(0, size - tailBytes),
        });
        return lastLinesOf(buffer.toString('utf8', 0, bytesRead));
      } finally {
        await file.close();
      }
    } catch {
      return '';
    }
  }

  #runsPath({ slaveId, frameworkId, executorId }: SandboxOwner): string {
    return join(this.#workDir, 'slaves', slaveId, 'frameworks', frameworkId, 'executors', executorId, 'runs');
  }

  /** By renaming, so that whoever follows the link finds a sandbox at any moment. */
  async #pointLatest(owner: SandboxOwner): Promise<void> {
    const runs = this.#runsPath(owner);
    const fresh = join(runs, `.latest-${owner.containerId}`);
    await symlink(owner.containerId, fresh);
    await rename(fresh, join(runs, 'latest'));
  }
}

function lastLinesOf(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\p{Cc}/gu, ' ').trim());
  return lines
    .filter((line) => line !== '')
    .slice(-lastLines)
    .join(' | ')
    .slice(-lastWordsCharactersMax);
}
