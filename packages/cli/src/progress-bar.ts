/** How far a job is. */
export interface Progress {
  /** Parts of the work that are done, that run, and all. */
  readonly done: number;
  readonly running: number;
  readonly total: number;
  /** How much of all the work is done, from 0 to 1. */
  readonly fraction: number;
}

const barWidth = 30;
const labelWidth = 9;

/** Shows how far a job is: a bar that is drawn again and again on a terminal, a line for each part done elsewhere. */
export class ProgressBar {
  readonly #label: string;
  readonly #stream: NodeJS.WriteStream;
  #lastLine = '';

  /** Writes to standard error by default, so that standard output holds results alone. */
  constructor(label: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#stream = stream;
  }

  update(progress: Progress): void {
    if (this.#stream.isTTY) this.#draw(progress);
    else this.#print(`${this.#label}: ${progress.done} of ${progress.total} tasks done`);
  }

  /** A line between; what is drawn next is drawn below it. */
  say(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
    this.#lastLine = '';
  }

  /** Ends the bar's line, so that what follows starts on one of its own. */
  end(): void {
    if (this.#stream.isTTY && this.#lastLine !== '') this.#stream.write('\n');
  }

  #draw({ done, running, total, fraction }: Progress): void {
    const filled = Math.round(Math.min(1, Math.max(0, fraction)) * barWidth);
    const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
    const line = `${this.#label.padEnd(labelWidth)} ${bar} ${Math.floor(fraction * 100)
      .toString()
      .padStart(3)}%  ${done}/${total} tasks done, ${running} running`;
    if (line === this.#lastLine) return;
    this.#lastLine = line;
    this.#stream.write(`\r\u001b[K${line}`);
  }

  #print(line: string): void {
    if (line === this.#lastLine) return;
    this.#lastLine = line;
    this.#stream.write(`${line}\n`);
  }
}
