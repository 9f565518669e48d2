import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { patienceMs, within } from './within.js';

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

  /** @param stdin `pipe` for a program that is told something while it runs. */
  constructor(
    file: string,
    args: readonly string[],
    environment: Readonly<Record<string, string | undefined>> = {},
    stdin: 'ignore' | 'pipe' = 'ignore',
  ) {
    this.child = spawn(process.execPath, [file, ...args], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.child.stdin?.on('error', () => undefined); // it ended first: `outcome` says so
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

  /** Resolves with the first line, printed already or still to come, that matches; rejects as {@link seen} does. */
  line(pattern: RegExp): Promise<string> {
    return this.seen(`a line like ${pattern}`, () => this.#lines.find((line) => pattern.test(line)));
  }

  /**
   * Resolves with what `find` gives as soon as that is not undefined, looking again at each line. Rejects when the program
   * ends before, or takes longer than {@link patienceMs}; the error says `what` did not come, and what was printed at last.
   */
  seen<T>(what: string, find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#watchers.delete(look);
        clearTimeout(timer);
      };
      const fail = (how: string): void => {
        settle();
        reject(new Error(`${how} ${what}; at last it printed:\n${this.#lines.slice(-30).join('\n')}`));
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) {
          settle();
          resolve(found);
        } else if (this.#ended) fail('ended without');
      };
      const timer = setTimeout(() => fail(`not within ${patienceMs} ms:`), patienceMs);
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

/** Runs one command to its end, which is within {@link patienceMs}: else it is killed, and the error names it. */
export async function runMesos(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Outcome> {
  const command = new MesosCommand(args, environment);
  try {
    return await within(`the end of \`mesos ${args.join(' ')}\``, command.outcome);
  } finally {
    command.child.kill('SIGKILL'); // nothing, where it has ended
  }
}

/** Resolves once `condition` holds, looking again and again: for what nobody announces, such as the end of a foreign process. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = patienceMs,
): Promise<void> {
  let givenUp = false;
  const looking = async (): Promise<void> => {
    while (!givenUp && !(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await within(what, looking(), withinMs).finally(() => {
    givenUp = true;
  });
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
