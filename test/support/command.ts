import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../packages/cli/bin/mesos.js', import.meta.url));

/** Masters of several tests share this machine. */
function anyPort(args: readonly string[]): string[] {
  return args.includes('--port') ? [] : ['--ip', '127.0.0.1', '--port', '0'];
}

/** How a command ended and all that it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of Node.js as a process of its own. */
export class ProgramProcess {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<() => void>();
  #ended = false;

  constructor(file: string, args: readonly string[], environment: Readonly<Record<string, string | undefined>> = {}) {
    this.child = spawn(process.execPath, [file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const collected = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = this.child[name];
      if (stream === null) throw new Error('spawned without pipes');
      stream.setEncoding('utf8').on('data', (text: string) => {
        collected[name] += text;
      });
      createInterface({ input: stream }).on('line', (line) => this.#seen(line));
    }
    this.outcome = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#ended = true;
        resolve({ code, signal, ...collected });
        for (const watcher of this.#watchers) watcher();
      });
    });
  }

  /** All that it printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Resolves with the first line, printed already or still to come, that matches; rejects if the program ends before. */
  line(pattern: RegExp): Promise<string> {
    return this.lineWhere((line) => pattern.test(line), `a line like ${pattern}`);
  }

  /** As {@link line}, of a line that is as `isWanted` says; `what` is for the error. */
  lineWhere(isWanted: (line: string) => boolean, what: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.#lines.find(isWanted);
        if (found === undefined && !this.#ended) return;
        this.#watchers.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`ended without ${what}; at last it printed:\n${this.#lines.slice(-30).join('\n')}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  #seen(line: string): void {
    this.#lines.push(line);
    for (const watcher of this.#watchers) watcher();
  }
}

/** A `mesos` command as a process of its own. */
export class MesosCommand extends ProgramProcess {
  constructor(args: readonly string[], environment: Readonly<Record<string, string | undefined>> = {}) {
    super(program, [...args, ...(args[0] === 'master' ? anyPort(args) : [])], environment);
  }
}

/** Runs one command to its end. */
export function runMesos(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Outcome> {
  return new MesosCommand(args, environment).outcome;
}

/** Resolves once `condition` holds, looking again and again: for what nobody announces, such as the end of a foreign process. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 20_000,
): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
