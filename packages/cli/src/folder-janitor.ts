import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads process ids from its standard input until that ends, which means that we are done or gone, waits until those
 * processes have ended, and removes the folder given to it.
 */
const script = `
folder=$1
pids=
while read -r pid; do pids="$pids $pid"; done
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
done
rm -rf "$folder"
`;

/**
 * Removes a folder once those who use it have ended, also when this process was killed with -9: a small process of its
 * own that hangs on a pipe from us.
 */
export class FolderJanitor {
  readonly #shell: ChildProcess;
  readonly #done: Promise<void>;

  constructor(folder: string) {
    this.#shell = spawn('/bin/sh', ['-c', script, 'folder-janitor', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.stdin?.on('error', () => undefined); // it was killed: the folder stays
    this.#done = new Promise((resolve) => {
      this.#shell.once('error', () => resolve());
      this.#shell.once('exit', () => resolve());
    });
  }

  /** The folder stays for as long as this process lives. */
  waitFor(pid: number): void {
    this.#shell.stdin?.write(`${pid}\n`);
  }

  /** Resolves when the folder is gone. */
  async remove(): Promise<void> {
    this.#shell.stdin?.end();
    await this.#done;
  }
}
