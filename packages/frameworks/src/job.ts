import type {
  CommandInfo,
  ExecutorId,
  Filters,
  Offer,
  Resources,
  SlaveId,
  TaskId,
  TaskInfo,
  TaskStatus,
} from '@mesos-ts/protocol';
import { subtractResources, takeResources } from '@mesos-ts/protocol';
import type { JobEffect } from './job-effect.js';
import { describeStatus, judgeStatus } from './task-verdict.js';

/** One of the independent pieces that a job is made of. */
export interface Piece {
  /** For people: what it is of the whole. */
  readonly name: string;
  /** Given to the task that computes it. */
  readonly data: Uint8Array;
}

/** What tasks are made with. */
export interface JobPlan {
  readonly pieces: readonly Piece[];
  /** Task ids are `<name>-<piece>.<attempt>`. */
  readonly name: string;
  readonly executor: {
    readonly name: string;
    readonly command: CommandInfo;
    readonly resources: Resources;
    readonly shutdownGracePeriodMs?: number;
  };
  /** Of each task. */
  readonly resources: Resources;
  /** How long a launched task may go without any status before the master is asked for one, in ms. Default 10,000. */
  readonly launchTimeoutMs?: number;
}

/** How far a job has come. */
export interface JobProgress {
  readonly done: number;
  readonly running: number;
  readonly total: number;
  /** Of the whole work, 0 to 1, as far as the executors have said. May fall when a task is lost. */
  readonly fraction: number;
}

/** A piece on its way. */
interface PieceState {
  readonly index: number;
  readonly name: string;
  readonly data: Uint8Array;
  done: boolean;
  /** How many tasks were launched for it. */
  attempts: number;
  /** How many of them in a row ended without a result. */
  failures: number;
  current: Attempt | undefined;
}

/** One task of a piece. */
interface Attempt {
  readonly taskId: TaskId;
  readonly slaveId: SlaveId;
  readonly piece: PieceState;
  isRunning: boolean;
  /** Of its work, 0 to 1. */
  fraction: number;
  /** When to ask the master about it, and how long to wait after that. */
  nextCheckMs: number;
  checkPauseMs: number;
  /** How often in a row the master was asked without an answer. */
  questions: number;
}

/** How often in a row a piece is launched again before the job is given up. */
export const relaunchesMax = 5;
const launchTimeoutMsDefault = 10_000;
/** A task of which something was heard is asked about this much later, in case its end was lost on the way. */
const quietMs = 60_000;
const checkPauseMsMax = 60_000;
/** After so many questions without an answer a task counts as lost: a new master may not know for many minutes. */
const questionsMax = 2;

/** For offers that nothing is left to be launched on. */
const notNeeded: Filters = { refuseSeconds: 3_600 };
/** For what is too little for a task. */
const tooLittle: Filters = { refuseSeconds: 5 };
/** For the rest of an offer that one message cannot use up. */
const comeAgain: Filters = { refuseSeconds: 0 };

/** What one LaunchTasks may weigh, in bytes, so that it passes through NATS, and what a task weighs besides its data. */
const launchBytesMax = 512 * 1024;
const taskBytes = 2_048;
const reconcileTasksMax = 5_000;

/**
 * Decides how a job of independent pieces comes to its end: what to launch on which offer, what to make of each status,
 * and when to ask (Mesos facts 3.8 to 3.10). Neither I/O nor time: it is told what happened and when, in ms of a clock that
 * does not step back, and says what to do.
 *
 * Each task has an executor of its own with the same id, so that a crash hurts one task. A task that is lost, in whatever
 * way, is launched again under a new id, at most {@link relaunchesMax} times in a row. The first result of a piece counts,
 * whichever of its tasks it comes from; a task that is not needed any more is killed. A task that its executor calls
 * failed, or that the master calls invalid, fails the job: it would fail again.
 */
export class Job {
  readonly #plan: JobPlan;
  readonly #pieces: readonly PieceState[];
  /** Pieces that wait for a launch, first come, first served. */
  readonly #waiting: Set<PieceState>;
  /** Every task that was ever launched. */
  readonly #attempts = new Map<TaskId, Attempt>();
  /** The current task of each piece that has one. */
  readonly #live = new Set<Attempt>();
  #done = 0;
  #running = 0;
  /** The fractions of the live tasks together. */
  #partial = 0;
  #suppressed = false;
  #connected = true;
  #over = false;
  /** No check is due before; may be too early, never too late. */
  #nextCheckMs = Number.POSITIVE_INFINITY;

  constructor(plan: JobPlan) {
    this.#plan = plan;
    this.#pieces = plan.pieces.map(({ name, data }, index) => ({
      index,
      name,
      data,
      done: false,
      attempts: 0,
      failures: 0,
      current: undefined,
    }));
    this.#waiting = new Set(this.#pieces);
  }

  get progress(): JobProgress {
    const total = this.#pieces.length;
    const fraction = total === 0 ? 1 : Math.min(1, (this.#done + this.#partial) / total);
    return { done: this.#done, running: this.#running, total, fraction };
  }

  /** How many tasks are still to be launched. */
  get waiting(): number {
    return this.#over ? 0 : this.#waiting.size;
  }

  /** Whether tasks are to be launched and none is under way, though there is a master. */
  get isIdle(): boolean {
    return this.waiting > 0 && this.#live.size === 0 && this.#connected;
  }

  /** When to call {@link checkTasks}; undefined while nothing waits for an answer. */
  get nextCheckMs(): number | undefined {
    return this.#live.size === 0 || this.#over || !this.#connected ? undefined : this.#nextCheckMs;
  }

  /** There is no master that could be asked. */
  disconnected(): void {
    this.#connected = false;
  }

  /** Connected again after a disconnection: what was on its way may be lost, and this master may know none of it. */
  reconnected(nowMs: number): JobEffect[] {
    this.#connected = true;
    if (this.#over) return [];
    this.#suppressed = this.#waiting.size === 0;
    for (const attempt of this.#live) this.#heard(attempt);
    return [{ kind: this.#suppressed ? 'suppress' : 'revive' }, ...this.#reconcile([...this.#live], nowMs)];
  }

  /** Uses what is needed and declines the rest. */
  offered(nowMs: number, offers: readonly Offer[]): JobEffect[] {
    const effects: JobEffect[] = [];
    for (const offer of offers) effects.push(this.#answer(nowMs, offer));
    if (this.#over || this.#waiting.size > 0 || this.#suppressed) return effects;
    this.#suppressed = true;
    return [...effects, { kind: 'suppress' }];
  }

  /** A status of a task, new or repeated. */
  updated(nowMs: number, status: TaskStatus): JobEffect[] {
    const attempt = this.#attempts.get(status.taskId);
    if (attempt === undefined || this.#over) return [];
    const verdict = judgeStatus(status);
    if (attempt.piece.done) return verdict === 'alive' ? [{ kind: 'kill', taskId: attempt.taskId }] : [];
    switch (verdict) {
      case 'alive':
        return this.#alive(attempt, status, nowMs);
      case 'result':
        return this.#result(attempt.piece, status);
      case 'result-follows':
        return [];
      case 'lost':
        return this.#lost(attempt, describeStatus(status));
      case 'fatal':
        return this.#fail(attempt.piece, describeStatus(status));
    }
  }

  /** What an executor says of the progress of its task: a number from 0 to 1; anything else is ignored. */
  progressed(executorId: ExecutorId, fraction: unknown): void {
    const attempt = this.#attempts.get(executorId as string as TaskId);
    if (attempt === undefined || !this.#live.has(attempt)) return;
    if (typeof fraction !== 'number' || !(fraction > attempt.fraction && fraction <= 1)) return;
    this.#partial += fraction - attempt.fraction;
    attempt.fraction = fraction;
  }

  /** An agent is said to be lost: what has become of its tasks? */
  slaveLost(nowMs: number, slaveId: SlaveId): JobEffect[] {
    if (this.#over) return [];
    return this.#reconcile(
      [...this.#live].filter((attempt) => attempt.slaveId === slaveId),
      nowMs,
    );
  }

  /**
   * Asks about tasks that were silent for too long, each time after a pause twice as long, up to a minute; those of which
   * nothing is heard even so are launched again.
   */
  checkTasks(nowMs: number): JobEffect[] {
    if (this.#over || !this.#connected || nowMs < this.#nextCheckMs) return [];
    const due = [...this.#live].filter((attempt) => attempt.nextCheckMs <= nowMs);
    const silent = due.filter(({ questions }) => questions >= questionsMax);
    const effects = this.#reconcile(
      due.filter(({ questions }) => questions < questionsMax),
      nowMs,
    );
    for (const attempt of silent)
      if (!this.#over) effects.push(...this.#lost(attempt, 'the master did not say what became of it'));
    this.#nextCheckMs = Number.POSITIVE_INFINITY;
    for (const { nextCheckMs } of this.#live) this.#nextCheckMs = Math.min(this.#nextCheckMs, nextCheckMs);
    return effects;
  }

  // Offers

  #answer(nowMs: number, offer: Offer): JobEffect {
    const needed = !this.#over && this.#waiting.size > 0;
    const tasks = needed ? this.#fill(nowMs, offer) : [];
    if (tasks.length === 0) return { kind: 'decline', offerIds: [offer.id], filters: needed ? tooLittle : notNeeded };
    const filters = this.#waiting.size === 0 ? notNeeded : weightOf(tasks) < launchBytesMax ? tooLittle : comeAgain;
    return { kind: 'launch', offerId: offer.id, tasks, filters };
  }

  #fill(nowMs: number, offer: Offer): TaskInfo[] {
    const tasks: TaskInfo[] = [];
    let left: Resources = offer.resources;
    let bytes = 0;
    for (const piece of this.#waiting) {
      const taken = bytes < launchBytesMax ? this.#take(left) : undefined;
      if (taken === undefined) break;
      left = taken.left;
      bytes += taskBytes + piece.data.byteLength;
      tasks.push(this.#launch(nowMs, piece, offer, taken));
    }
    return tasks;
  }

  #take(from: Resources): Taken | undefined {
    const executor = takeResources(from, this.#plan.executor.resources);
    if (executor === undefined) return undefined;
    const rest = subtractResources(from, executor);
    const task = takeResources(rest, this.#plan.resources);
    return task === undefined ? undefined : { executor, task, left: subtractResources(rest, task) };
  }

  #launch(nowMs: number, piece: PieceState, { slaveId }: Offer, { executor, task }: Taken): TaskInfo {
    const taskId = `${this.#plan.name}-${piece.index}.${piece.attempts++}` as TaskId;
    const checkPauseMs = this.#plan.launchTimeoutMs ?? launchTimeoutMsDefault;
    const timing = { nextCheckMs: 0, checkPauseMs, questions: 0 };
    const attempt: Attempt = { taskId, slaveId, piece, isRunning: false, fraction: 0, ...timing };
    this.#attempts.set(taskId, attempt);
    this.#hold(attempt);
    this.#checkAt(attempt, nowMs + checkPauseMs);
    const executorId = taskId as string as ExecutorId;
    return {
      taskId,
      name: piece.name.slice(0, 1_024),
      slaveId,
      resources: task,
      executor: { ...this.#plan.executor, executorId, resources: executor },
      data: piece.data,
    };
  }

  // Statuses

  #alive(attempt: Attempt, { state }: TaskStatus, nowMs: number): JobEffect[] {
    const { piece } = attempt;
    // Given up for lost, but nothing has taken its place yet.
    if (piece.current === undefined) this.#hold(attempt);
    else if (piece.current !== attempt) return [{ kind: 'kill', taskId: attempt.taskId }];
    const isRunning = state === 'TASK_RUNNING';
    this.#running += Number(isRunning) - Number(attempt.isRunning);
    attempt.isRunning = isRunning;
    this.#heard(attempt);
    this.#checkAt(attempt, nowMs + quietMs);
    return [];
  }

  #result(piece: PieceState, { taskId, data }: TaskStatus): JobEffect[] {
    const effects: JobEffect[] = [{ kind: 'accept', piece: piece.index, data: data ?? new Uint8Array() }];
    const { current } = piece;
    if (current !== undefined && current.taskId !== taskId) effects.push({ kind: 'kill', taskId: current.taskId });
    this.#release(piece);
    this.#waiting.delete(piece);
    piece.done = true;
    this.#done++;
    if (this.#done < this.#pieces.length) return effects;
    this.#over = true;
    return [...effects, { kind: 'finish' }];
  }

  #lost(attempt: Attempt, why: string): JobEffect[] {
    const { piece } = attempt;
    if (piece.current !== attempt) return [];
    this.#release(piece);
    if (++piece.failures > relaunchesMax)
      return this.#fail(piece, `launched ${piece.failures} times in vain; the last time: ${why}`);
    this.#waiting.add(piece);
    if (!this.#suppressed) return [];
    this.#suppressed = false;
    return [{ kind: 'revive' }];
  }

  #fail(piece: PieceState, message: string): JobEffect[] {
    this.#over = true;
    return [{ kind: 'fail', piece: piece.index, message }];
  }

  /** Makes it the task of its piece. */
  #hold(attempt: Attempt): void {
    const { piece } = attempt;
    piece.current = attempt;
    this.#waiting.delete(piece);
    this.#live.add(attempt);
    this.#running += Number(attempt.isRunning);
    this.#partial += attempt.fraction;
  }

  /** Leaves a piece without a task. */
  #release(piece: PieceState): void {
    const attempt = piece.current;
    if (attempt === undefined) return;
    piece.current = undefined;
    this.#live.delete(attempt);
    this.#running -= Number(attempt.isRunning);
    this.#partial = this.#live.size === 0 ? 0 : this.#partial - attempt.fraction;
  }

  // Questions

  #reconcile(attempts: readonly Attempt[], nowMs: number): JobEffect[] {
    for (const attempt of attempts) {
      this.#checkAt(attempt, nowMs + attempt.checkPauseMs);
      attempt.checkPauseMs = Math.min(checkPauseMsMax, attempt.checkPauseMs * 2);
      attempt.questions++;
    }
    const tasks = attempts.map(({ taskId, slaveId }) => ({ taskId, slaveId }));
    const effects: JobEffect[] = [];
    for (let first = 0; first < tasks.length; first += reconcileTasksMax)
      effects.push({ kind: 'reconcile', tasks: tasks.slice(first, first + reconcileTasksMax) });
    return effects;
  }

  #heard(attempt: Attempt): void {
    attempt.questions = 0;
    attempt.checkPauseMs = this.#plan.launchTimeoutMs ?? launchTimeoutMsDefault;
  }

  #checkAt(attempt: Attempt, atMs: number): void {
    attempt.nextCheckMs = atMs;
    this.#nextCheckMs = Math.min(this.#nextCheckMs, atMs);
  }
}

/** What a task gets out of an offer, and what stays. */
interface Taken {
  readonly executor: Resources;
  readonly task: Resources;
  readonly left: Resources;
}

function weightOf(tasks: readonly TaskInfo[]): number {
  return tasks.reduce((bytes, { data }) => bytes + taskBytes + (data?.byteLength ?? 0), 0);
}
