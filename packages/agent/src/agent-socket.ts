import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where executors connect to. */
export interface AgentSocket {
  readonly path: string;
  /** Removes what of it is left in the file system. */
  remove(): Promise<void>;
}

/** Another agent works in this folder. */
export class WorkDirInUseError extends Error {
  override readonly name = 'WorkDirInUseError';
  readonly code = 'WORK_DIR_IN_USE';

  constructor(readonly workDir: string) {
    super(`another agent works in ${workDir}: give this one another work folder, or end that one first`);
  }
}

/** Some systems take no more of a socket's path; the last byte is a zero. */
const pathBytesMax = 103;

/**
 * Finds the place for an agent's socket: `agent.sock` in the work folder, where nobody else can enter that and the path is
 * short enough; else in a fresh folder of its own among the temporary files. Makes no socket.
 * @throws {WorkDirInUseError} when an agent answers in the work folder already.
 */
export async function placeSocket(workDir: string): Promise<AgentSocket> {
  const path = join(workDir, 'agent.sock');
  if (Buffer.byteLength(path) > pathBytesMax || !(await isPrivate(workDir))) return temporarySocket();
  if (await answers(path)) throw new WorkDirInUseError(workDir);
  // Of an agent that was killed: nobody listens there any more, and nobody could.
  await rm(path, { force: true });
  return { path, remove: () => rm(path, { force: true }) };
}

async function temporarySocket(): Promise<AgentSocket> {
  const folder = await mkdtemp(join(tmpdir(), 'mesos-agent-'));
  await chmod(folder, 0o700);
  return { path: join(folder, 'agent.sock'), remove: () => rm(folder, { recursive: true, force: true }) };
}

async function isPrivate(folder: string): Promise<boolean> {
  const { mode, uid } = await stat(folder);
  return (mode & 0o077) === 0 && uid === process.getuid?.();
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
