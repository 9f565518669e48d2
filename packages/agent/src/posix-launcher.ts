import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutorExit } from './executor-exit.js';
import { type ExecutorLauncher, type ExecutorProcess, LaunchError, type LaunchRequest } from './executor-launcher.js';

/**
 * Starts executors as plain OS processes, each in a session and process group of its own (Mesos facts 5.5, launcher
 * `posix`). Uses no shell, and limits nothing. What leaves the process group by a `setsid` of its own is not killed
 * with it.
 */
export class PosixLauncher implements ExecutorLauncher {
  async launch(request: LaunchRequest): Promise<ExecutorProcess> {
    const stdout = await openOutput(join(request.sandboxPath, 'stdout'));
    try {
      const stderr = await openOutput(join(request.sandboxPath, 'stderr'));
      try {
        return await start(request, stdout, stderr);
      } finally {
        await stderr.close();
      }
    } finally {
      await stdout.close();
    }
  }
}

async function openOutput(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o600);
  } catch (cause) {
    throw new LaunchError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function start(request: LaunchRequest, stdout: FileHandle, stderr: FileHandle): Promise<ExecutorProcess> {
  const { command, sandboxPath, environment } = request;
  try {
    const child = spawn(command.value, [...command.arguments], {
      cwd: sandboxPath,
      env: { ...environment },
      detached: true,
      stdio: ['ignore', stdout.fd, stderr.fd],
    });
    const exited = follow(child);
    await started(child);
    return new ProcessGroup(child.pid as number, exited);
  } catch (cause) {
    throw new LaunchError(whyNotStarted(command.value, environment.PATH, cause as NodeJS.ErrnoException), { cause });
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject); // stays, as an error event without a listener would end the agent
  });
}

/** Listens from the start, so that an end right after it is not missed. */
function follow(child: ChildProcess): Promise<ExecutorExit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      // What the executor left behind goes with it, now: later its number may be another group's.
      signalGroup(child.pid as number, 'SIGKILL');
      resolve(signal === null ? { exitCode: exitCode ?? 0 } : { signal });
    });
  });
}

class ProcessGroup implements ExecutorProcess {
  #ended = false;

  constructor(
    readonly osPid: number,
    readonly exited: Promise<ExecutorExit>,
  ) {
    void exited.then(() => {
      this.#ended = true;
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.#ended) signalGroup(this.osPid, signal);
  }

  async destroy(): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
  }
}

function signalGroup(leaderPid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leaderPid, signal);
  } catch {
    // ESRCH: nobody is left in the group. EPERM: those who are left have another user, and are out of our reach.
  }
}

function whyNotStarted(program: string, path: string | undefined, error: NodeJS.ErrnoException): string {
  const name = JSON.stringify(program);
  if (error.code === 'ENOENT')
    return program.includes('/')
      ? `cannot start ${name}: there is no such file on the agent, or the interpreter that its first line names is missing`
      : `cannot start ${name}: there is no such program on the agent's PATH ${path ?? '(empty)'}`;
  if (error.code === 'EACCES') return `cannot start ${name}: the agent's user may not execute it`;
  return `cannot start ${name}: ${error.message}`;
}
