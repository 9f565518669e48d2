import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Upid } from '@mesos-ts/process';
import type { NodeProgramConfig } from './programs/node-program.js';

/** A Node in another OS process, and its process `peer`. */
export class RemoteNode {
  private constructor(
    readonly pid: Upid,
    private readonly child: ChildProcess,
  ) {}

  /** Resolves once `peer` lives there; rejects with what the program says if it does not come up. */
  static async start(
    test: { teardown(end: () => Promise<void>): void },
    config: NodeProgramConfig,
  ): Promise<RemoteNode> {
    const program = fileURLToPath(new URL('./programs/node-program.js', import.meta.url));
    const child = spawn(process.execPath, [program, JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    const errors: string[] = [];
    child.stderr.on('data', (chunk) => errors.push(String(chunk)));
    const lines = createInterface(child.stdout);
    const first = await Promise.race([
      once(lines, 'line').then(([line]) => line as string),
      once(child, 'exit').then(() => undefined),
    ]);
    if (first === undefined) throw new Error(`${config.name} did not come up: ${errors.join('')}`);
    const remote = new RemoteNode(first as Upid, child);
    test.teardown(() => remote.kill());
    return remote;
  }

  /** To its OS process. */
  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Lets it go that was told to block. */
  unblock(): void {
    (this.child.stdio[3] as Writable).write('.');
  }

  /** kill -9; resolves when it is dead. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}
