import { isTerminal, type TaskId, type TaskState, type TaskStatus } from '@mesos-ts/protocol';

/** One launch, from all sides. */
interface Entry {
  readonly framework: string;
  /** The life of the agent that its RunTask reached. */
  arrivedAt: string | undefined;
  starts: number;
  /** The terminal states that its agent told, by uuid. */
  readonly ends: Map<string, TaskState>;
  acknowledged: boolean;
  /** The terminal state that its framework was told. */
  told: TaskState | undefined;
}

/** What a framework has on its disk. */
export type Recorded = ReadonlyMap<TaskId, { readonly state: TaskState }>;

/** Said of a task that really was there. All other terminal states say that there is no such task, for several reasons. */
const ran: ReadonlySet<TaskState> = new Set(['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED']);
/** Not known where it is, or whether it is at all: all that can be said where its agent is gone. */
const lost: ReadonlySet<TaskState> = new Set(['TASK_UNREACHABLE', 'TASK_UNKNOWN']);

/**
 * What became of every launch. One that arrived ends in one terminal state, which its framework has acknowledged and
 * kept; none begins twice; each other is answered.
 */
export class TaskLedger {
  readonly #tasks = new Map<TaskId, Entry>();
  readonly #gone = new Set<string>();
  readonly #removed = new Set<string>();
  /** How often what happened: a history in which nothing does proves nothing. */
  readonly tally = new Map<string, number>();

  launched(taskId: TaskId, framework: string): void {
    this.#count('launched');
    const fresh = { arrivedAt: undefined, starts: 0, ends: new Map(), acknowledged: false, told: undefined };
    this.#tasks.set(taskId, { framework, ...fresh });
  }

  /** @param life of the agent. */
  arrived(taskId: TaskId, life: string): void {
    this.#count('arrived');
    this.#entry(taskId).arrivedAt = life;
  }

  /** An executor begins it. */
  started(taskId: TaskId): void {
    this.#count('started');
    const entry = this.#entry(taskId);
    if (++entry.starts > 1) throw new Error(`tasks: ${taskId} was started twice`);
    if (entry.told !== undefined)
      throw new Error(`tasks: ${taskId} is started after its framework was told ${entry.told}`);
  }

  /** Its agent tells of its end, perhaps again. */
  ended(taskId: TaskId, uuid: string, state: TaskState): void {
    const entry = this.#entry(taskId);
    for (const other of entry.ends.values())
      if (other !== state) throw new Error(`tasks: the agent of ${taskId} told ${other}, and then ${state}`);
    entry.ends.set(uuid, state);
  }

  /** Its framework hears of it. */
  told({ taskId, state, reason }: TaskStatus): void {
    this.#count(state);
    if (!isTerminal(state)) return;
    const entry = this.#entry(taskId);
    const before = entry.told ?? state;
    entry.told = ran.has(before) ? before : state;
    if (before !== state && (ran.has(before) || ran.has(state)))
      throw new Error(
        `tasks: the framework of ${taskId} was told ${before}, and then ${state} (${reason ?? 'no reason'})`,
      );
  }

  /** An acknowledgement reached the agent. */
  acknowledged(taskId: TaskId, uuid: string): void {
    const entry = this.#entry(taskId);
    if (entry.ends.has(uuid)) entry.acknowledged = true;
  }

  /** All that ran there, and all that it knew, is gone. */
  agentEnded(life: string): void {
    this.#gone.add(life);
  }

  /** A master refused it for ever: its tasks are killed, and nobody is told. */
  frameworkRemoved(framework: string): void {
    this.#count('framework removed');
    this.#removed.add(framework);
  }

  /** What is still open of a framework, in words; undefined when nothing is. */
  open(framework: string, recorded: Recorded): string | undefined {
    for (const [taskId, entry] of this.#tasks) {
      if (entry.framework !== framework || this.#removed.has(framework)) continue;
      const why = this.#whyOpen(entry, recorded.get(taskId)?.state);
      if (why !== undefined) return `${taskId} ${why}`;
    }
    return undefined;
  }

  #whyOpen(entry: Entry, state: TaskState | undefined): string | undefined {
    const { arrivedAt } = entry;
    if (state === undefined) return 'is not on the disk of its framework';
    if (arrivedAt !== undefined && !this.#gone.has(arrivedAt)) {
      const [end] = entry.ends.values();
      if (end === undefined) return `arrived at ${arrivedAt} and has not ended`;
      if (!entry.acknowledged) return `ended as ${end} on ${arrivedAt}, which is not acknowledged`;
      return state === end ? undefined : `ended as ${end}, and its framework has ${state}`;
    }
    if (isTerminal(state) || lost.has(state)) return undefined;
    return arrivedAt === undefined
      ? `never arrived, and its framework has ${state}`
      : `went with ${arrivedAt}, and its framework has ${state}`;
  }

  #entry(taskId: TaskId): Entry {
    const entry = this.#tasks.get(taskId);
    if (entry === undefined) throw new Error(`tasks: nobody ever launched ${taskId}`);
    return entry;
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}
