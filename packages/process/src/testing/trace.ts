import { createHash } from 'node:crypto';
import pino, { type Logger } from 'pino';

export interface TraceOptions {
  /** How many lines are kept, the last ones. Default 10,000. {@link Trace.digest} covers all of them nevertheless. */
  readonly linesMax?: number;
  /** Whether timers get lines. Default true. */
  readonly timers?: boolean;
  /** From which level on what the Nodes log gets lines. Default `debug`, which has every `exited`. */
  readonly logLevel?: string;
}

/** What a log line says apart from its fields. */
const notFields = new Set(['level', 'msg', 'node']);
const timeWidth = 14;
const whereWidth = 16;

/** What happened in a simulated world, one line an event: `time in ms, where, what`. */
export class Trace {
  readonly timers: boolean;
  readonly #now: () => number;
  readonly #linesMax: number;
  readonly #logLevel: string;
  readonly #hash = createHash('sha256');
  #lines: string[] = [];
  #dropped = 0;
  /** How many of the lines are in the hash. */
  #hashed = 0;

  constructor(now: () => number, options: TraceOptions = {}) {
    this.#now = now;
    this.#linesMax = options.linesMax ?? 10_000;
    this.timers = options.timers ?? true;
    this.#logLevel = options.logLevel ?? 'debug';
  }

  /** The lines that are kept. */
  get lines(): readonly string[] {
    return this.#lines.slice(-this.#linesMax);
  }

  /** How many lines there were. */
  get length(): number {
    return this.#dropped + this.#lines.length;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  /** One number for all lines there ever were: two traces of one digest are the same byte for byte. */
  get digest(): string {
    this.#hashPending();
    return this.#hash.copy().digest('hex');
  }

  add(where: string, what: string): void {
    this.#lines.push(`${this.#now().toFixed(3).padStart(timeWidth)}  ${where.padEnd(whereWidth)}  ${what}`);
    if (this.#lines.length >= 2 * this.#linesMax + 1_024) this.#forget();
  }

  /** A logger whose lines become lines of this trace. It writes no time of its own: that would differ between runs. */
  logger(where: string): Logger {
    const write = (line: string): void => this.add(where, readable(JSON.parse(line) as Record<string, unknown>));
    const err = (error: unknown): string =>
      error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return pino({ level: this.#logLevel, timestamp: false, base: null, serializers: { err } }, { write });
  }

  #hashPending(): void {
    for (const line of this.#lines.slice(this.#hashed)) this.#hash.update(`${line}\n`);
    this.#hashed = this.#lines.length;
  }

  #forget(): void {
    this.#hashPending();
    const excess = this.#lines.length - this.#linesMax;
    this.#lines = this.#lines.slice(excess);
    this.#dropped += excess;
    this.#hashed -= excess;
  }
}

function readable(record: Record<string, unknown>): string {
  const fields = Object.entries(record).filter(([name]) => !notFields.has(name));
  const level = pino.levels.labels[Number(record.level)] ?? 'log';
  const text = fields.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`${level}:`, String(record.msg ?? ''), ...text].join(' ');
}
