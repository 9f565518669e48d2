import { fileURLToPath } from 'node:url';
import { ProgramProcess } from '../support/command.js';
import { within } from '../support/within.js';

const program = fileURLToPath(new URL('programs/contender.js', import.meta.url));

/** A candidate in an OS process of its own. Whatever is waited for ends with an error when it ends before, or does not say it. */
export class CandidateProcess extends ProgramProcess {
  /** @param timeoutMs of its lease, or of its session. */
  constructor(
    address: string,
    readonly name: string,
    timeoutMs: number,
  ) {
    super(program, [address, name, String(timeoutMs)], {}, 'pipe');
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get contending(): Promise<void> {
    return this.line(/^contending$/).then(() => {});
  }

  /** The epoch with which it leads. */
  get elected(): Promise<number> {
    return this.#said('elected ').then(Number);
  }

  /** Why it does not lead any more. */
  get lost(): Promise<string> {
    return this.#said('lost ');
  }

  /** The exit code; null after a signal. */
  get exited(): Promise<number | null> {
    return within(`the end of ${this.name}`, this.outcome).then(({ code }) => code);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** What it says when asked whether it is sure of leading: `sure`, `unsure`, or `lost ...` when that comes first. */
  ask(): Promise<string> {
    const heard = this.lines.length;
    this.child.stdin?.write('?\n');
    const isAnswer = (line: string): boolean => /^(sure|unsure|lost .*)$/.test(line);
    return this.seen('an answer', () => this.lines.slice(heard).find(isAnswer));
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.signal(signal);
    await this.exited;
  }

  async #said(start: string): Promise<string> {
    return (await this.line(new RegExp(`^${start}`))).slice(start.length);
  }
}
