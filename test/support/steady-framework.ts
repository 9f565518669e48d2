import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FrameworkId, TaskId } from '@mesos-ts/protocol';
import { ProgramProcess } from './command.js';

/** What the program steady-framework is told. */
export interface SteadyOptions {
  readonly natsUrl: string;
  readonly cluster: string;
  /** Where the leader is found, such as `nats://127.0.0.1:4222/mesos`. */
  readonly master: string;
  readonly name: string;
  /** Where its journal, its log, and the starts that its executors record are. */
  readonly folder: string;
  /** How many tasks are to run at a time, on how many agents. */
  readonly inFlight: number;
  readonly agents: number;
  /** How long each task runs, in ms; or `held`, until {@link SteadyFramework.release}. */
  readonly taskMs: number | 'held';
  /** Default: as of every framework. */
  readonly failoverTimeoutMs?: number;
  /** Of the framework to take over. */
  readonly frameworkId?: FrameworkId;
}

/** What the program tells. */
export type SteadyEvent =
  | { readonly kind: 'registered'; readonly frameworkId: FrameworkId }
  | { readonly kind: 'reregistered' | 'disconnected' }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'in-flight'; readonly tasks: number }
  | { readonly kind: 'ended'; readonly done: number }
  | { readonly kind: 'relaunch'; readonly taskId: string; readonly why: string }
  | { readonly kind: 'over'; readonly status: string; readonly pieces: number };

const program = fileURLToPath(new URL('../cluster/programs/steady-framework.js', import.meta.url));

/** A framework in an OS process of its own that runs tasks without a pause until it has done enough. */
export class SteadyFramework extends ProgramProcess {
  readonly #options: SteadyOptions;
  readonly #events: SteadyEvent[] = [];
  #linesRead = 0;

  constructor(options: SteadyOptions) {
    super(program, [JSON.stringify(options)]);
    this.#options = options;
  }

  /** The first event of that kind, told already or still to come, that is as wanted. */
  event<K extends SteadyEvent['kind']>(
    kind: K,
    wants: (event: Extract<SteadyEvent, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<SteadyEvent, { kind: K }>> {
    const isWanted = (event: SteadyEvent): event is Extract<SteadyEvent, { kind: K }> =>
      event.kind === kind && wants(event as Extract<SteadyEvent, { kind: K }>);
    return this.seen(`an event ${kind}`, () => this.events.find(isWanted));
  }

  /** Waits until it told `count` events of that kind. */
  async times(kind: SteadyEvent['kind'], count: number): Promise<void> {
    await this.seen(`${count} events ${kind}`, () => (this.count(kind) >= count ? true : undefined));
  }

  count(kind: SteadyEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /** All that it told so far. */
  get events(): readonly SteadyEvent[] {
    for (const line of this.lines.slice(this.#linesRead)) {
      this.#linesRead++;
      const event = eventOf(line);
      if (event !== undefined) this.#events.push(event);
    }
    return this.#events;
  }

  /** How many pieces are done. */
  get done(): number {
    return this.events.reduce((most, event) => (event.kind === 'ended' ? Math.max(most, event.done) : most), 0);
  }

  /** In which its executors record their starts; their command lines name it. */
  get startsFile(): string {
    return join(this.#options.folder, `${this.#options.name}.starts`);
  }

  /** Lets the tasks end that are held. */
  release(): void {
    writeFileSync(releaseFile(this.startsFile), '');
  }

  get logFile(): string {
    return join(this.#options.folder, `${this.#options.name}.log`);
  }

  /** Waits until so many pieces are done. */
  async pieces(count: number): Promise<void> {
    await this.seen(`${count} pieces of work`, () => (this.done >= count ? true : undefined));
  }

  /** Has it begin no more work. */
  beginNoMore(): void {
    this.child.kill('SIGTERM');
  }

  /** Has it begin no more work; resolves with how many pieces there were when all that it has begun is done. */
  async enough(): Promise<number> {
    this.beginNoMore();
    return (await this.event('over', ({ status }) => status === 'DRIVER_STOPPED')).pieces;
  }

  /** The ids of the tasks that its executors have started, which is the truth; one that was started twice is there twice. */
  started(): readonly TaskId[] {
    if (!existsSync(this.startsFile)) return [];
    return readFileSync(this.startsFile, 'utf8').trimEnd().split('\n') as TaskId[];
  }
}

/** Once it is there, tasks are held no more. */
export function releaseFile(startsFile: string): string {
  return `${startsFile}.released`;
}

/** Of which piece of work a task is. */
export function pieceOf(taskId: TaskId): number {
  return Number(taskId.split('.')[0]);
}

/** Undefined for what is no event, such as a warning of Node.js. */
function eventOf(line: string): SteadyEvent | undefined {
  try {
    return JSON.parse(line) as SteadyEvent;
  } catch {
    return undefined;
  }
}
