import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tetherVariable } from './lifetime.js';

const program = fileURLToPath(new URL('../bin/mesos.js', import.meta.url));
/** How long an asked process may take to end before it is killed, in ms. */
const endMsMax = 15_000;

/**
 * A `mesos` command as a process of its own that ends when we do, however we end: it hangs on a pipe. It leads a process
 * group of its own, because a terminal's Ctrl-C would otherwise reach it before we have ended it in order.
 */
export class ClusterProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #running = true;

  /** @param args as after `mesos`. @param environment on top of our own. */
  constructor(
    name: string,
    args: readonly string[],
    logFile: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.name = name;
    this.logFile = logFile;
    this.#child = spawn(process.execPath, [program, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, [tetherVariable]: 'stdin' },
    });
    const log = createWriteStream(logFile, { flags: 'a' });
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    this.#child.stdin?.on('error', () => undefined); // it ended first: `ended` says so
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
      this.#child.once('close', (code, signal) => {
        log.end();
        resolve(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
      });
    });
    void this.ended.then(() => {
      this.#running = false;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#running;
  }

  /** The end of what it wrote, for an error message. */
  lastLines(count: number): string {
    try {
      return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
    } catch {
      return '';
    }
  }

  /** Asks it to end and waits; kills it when it takes too long. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endMsMax);
    await this.ended;
    clearTimeout(timer);
  }
}
