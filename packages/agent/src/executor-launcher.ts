import type { CommandInfo } from '@mesos-ts/protocol';
import type { ExecutorExit } from './executor-exit.js';

/** What is to be started, and where. */
export interface LaunchRequest {
  readonly command: CommandInfo;
  /** Its working folder, which exists; its output goes to the files `stdout` and `stderr` in it. */
  readonly sandboxPath: string;
  /** All of its environment: nothing of the agent's own comes on top. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A started executor and all that it starts in its turn. */
export interface ExecutorProcess {
  /** Of the OS process, which leads its process group. */
  readonly osPid: number;
  /** Resolves once when the OS process has ended and the rest of its group was killed. Never rejects. */
  readonly exited: Promise<ExecutorExit>;
  /** Sends a signal to the whole group; does nothing once {@link exited} has resolved. */
  kill(signal: NodeJS.Signals): void;
  /** Kills the whole group and resolves when it has ended. */
  destroy(): Promise<void>;
}

/** Starts executors: the seam between the agent and kinds of containers (Mesos facts 5.5). */
export interface ExecutorLauncher {
  /** Resolves when the program runs. @throws {LaunchError} when it cannot be started, and then nothing runs. */
  launch(request: LaunchRequest): Promise<ExecutorProcess>;
}

/** An executor could not be started. The message says to a framework author what was wrong, and where. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';
  readonly code = 'LAUNCH';
}
