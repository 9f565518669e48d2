import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import type { Operations } from '../operations.js';
import { OtherProcess } from '../other-process.js';
import { alternate, type Repeated, type Repetition } from '../repeated.js';
import type { Report, RunOptions } from '../scenario.js';
import { type Roles, Watches } from './watches.js';

const watchedRuns = 3;

/** What the measurements of one run share: who is told, who is watched, and what is to be ended afterwards. */
export class Session {
  readonly watches: Watches;
  #nats: Promise<NatsServer> | undefined;
  #processes: OtherProcess<Operations>[] = [];

  constructor(
    readonly report: Report,
    readonly options: RunOptions,
  ) {
    this.watches = new Watches(options.profileFolder);
  }

  /** The address of a nats-server that runs for this session. */
  async natsUrl(): Promise<string> {
    this.#nats ??= startNatsServer({ jetstream: false });
    return (await this.#nats).url;
  }

  /**
   * Measures `id` in turns with its baselines, and then does it a few times more to watch it: to watch takes time, too,
   * which would make the comparison unfair.
   */
  async compare<K extends string>(
    id: string,
    roles: Roles,
    ours: () => Promise<number>,
    baselines: Readonly<Record<K, () => Promise<number>>>,
    repetition?: Repetition,
  ): Promise<Record<K | 'ours', Repeated>> {
    this.report.progress(id);
    const measures = { ours, ...baselines } as Record<K | 'ours', () => Promise<number>>;
    const measured = await alternate(measures, repetition);
    for (let run = 0; run < watchedRuns; run++) await this.watches.during(id, roles, ours);
    return measured;
  }

  start<O extends Operations>(program: string, execArgv: readonly string[] = []): OtherProcess<O> {
    const started = new OtherProcess<O>(program, execArgv);
    this.#processes.push(started as unknown as OtherProcess<Operations>);
    return started;
  }

  /** Ends all OS processes that were started, so that the next measurement has the machine for itself. */
  async release(): Promise<void> {
    const processes = this.#processes;
    this.#processes = [];
    await Promise.all(processes.map((process) => process.stop()));
  }

  async stop(): Promise<void> {
    await this.release();
    await (await this.#nats)?.stop();
  }
}
