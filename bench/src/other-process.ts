import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Operations, Request, Response, Watching } from './operations.js';

type Every<O> = O & Watching;

/** An OS process of its own that runs one of the programs; `O` are its operations. */
export class OtherProcess<O extends Operations> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  /** @param program the name of a file in the folder programs. */
  constructor(
    readonly program: string,
    execArgv: readonly string[] = [],
  ) {
    const file = fileURLToPath(new URL(`./programs/${program}.js`, import.meta.url));
    this.#child = fork(file, [], { execArgv: [...execArgv], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (response: Response) => this.#settle(response));
    this.#child.on('exit', (code, signal) => this.#ended(`${program} ended with ${code ?? signal}`));
  }

  /** Rejects with what the operation threw there, or when the process ends before it answers, or has ended. */
  call<K extends keyof Every<O> & string>(
    name: K,
    ...args: Parameters<Every<O>[K]>
  ): Promise<Awaited<ReturnType<Every<O>[K]>>> {
    const request: Request = { id: ++this.#lastId, name, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.id, { resolve: resolve as (result: unknown) => void, reject });
      this.#child.send(request, (error) => {
        if (error === null) return;
        this.#waiting.delete(request.id);
        reject(new Error(`${this.program} has ended: it takes no ${name} any more`, { cause: error }));
      });
    });
  }

  /** Its id for the operating system; undefined where it did not start. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends it as kill -9 does. What it was asked for and has not answered is rejected. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Lets go of it: it ends by itself. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if ('error' in response) waiting?.reject(new Error(`${this.program}: ${response.error}`));
    else waiting?.resolve(response.result);
  }

  #ended(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why));
    this.#waiting.clear();
  }
}
