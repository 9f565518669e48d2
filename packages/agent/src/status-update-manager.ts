import { type FrameworkId, isTerminal, type TaskId, type TaskState, type TaskStatus } from '@mesos-ts/protocol';

/** A status that is told until it is acknowledged. */
export type IdentifiedStatus = TaskStatus & { readonly uuid: string };

/** To be sent to the master now. */
export interface Forward {
  readonly frameworkId: FrameworkId;
  /** The oldest that is not acknowledged. */
  readonly status: IdentifiedStatus;
  /** The newest that is known of the task. */
  readonly latestState: TaskState;
}

/**
 * What became of an update:
 * - `taken`: it will be told until it is acknowledged;
 * - `duplicate`: its uuid was taken before;
 * - `after-terminal`: its task has ended already, so it is ignored;
 * - `too-many`: its task has too many that are not acknowledged; it may be tried again later.
 */
export type UpdateVerdict = 'taken' | 'duplicate' | 'after-terminal' | 'too-many';

/** `closed`: it was of the terminal update, and the task may be forgotten. `unexpected`: of none that is outstanding. */
export type AcknowledgementVerdict = 'acknowledged' | 'closed' | 'unexpected';

export interface StatusUpdateManagerOptions {
  /** After how long without an acknowledgement an update is sent again, in ms; doubles each time. Default 10,000. */
  readonly retryMs?: number;
  /** The longest of these waits, in ms. Default 600,000. */
  readonly retryMsMax?: number;
}

/** How many updates of one task may wait; a terminal one always finds a place. */
const pendingMax = 1_000;
/** How many uuids of one task are remembered, to know duplicates by. */
const receivedMax = 2 * pendingMax;

/** The updates of one task, of which the first is outstanding. */
interface Stream {
  readonly frameworkId: FrameworkId;
  readonly pending: IdentifiedStatus[];
  readonly received: Set<string>;
  latestState: TaskState;
  /** When the first is sent again; undefined while it was not sent since the last pause. */
  retryAt: number | undefined;
  retryMs: number;
}

/**
 * Makes the one reliable channel of the agent (Mesos facts 3.9, 5.8): every task has a stream of updates, one of them
 * outstanding, sent again and again until it is acknowledged; then comes the next. The stream closes when the terminal
 * update is acknowledged. Begins paused.
 *
 * Pure: `now` is handed in, in ms of a monotonic clock, and what is to be sent is returned. Call {@link expire} no
 * later than at {@link nextRetryAt}.
 */
export class StatusUpdateManager {
  readonly #streams = new Map<string, Stream>();
  readonly #retryMs: number;
  readonly #retryMsMax: number;
  #paused = true;
  #nextRetryAt: number | undefined;

  constructor(options: StatusUpdateManagerOptions = {}) {
    this.#retryMs = options.retryMs ?? 10_000;
    this.#retryMsMax = options.retryMsMax ?? 600_000;
  }

  /** When the earliest retry may be due; undefined when there is none. May be too early, never too late. */
  get nextRetryAt(): number | undefined {
    return this.#paused ? undefined : this.#nextRetryAt;
  }

  /** Whether an update of the task is still to be acknowledged, or its stream is open for more. */
  has(frameworkId: FrameworkId, taskId: TaskId): boolean {
    return this.#streams.has(keyOf(frameworkId, taskId));
  }

  /** Takes a new update. */
  update(
    now: number,
    frameworkId: FrameworkId,
    status: IdentifiedStatus,
  ): { readonly verdict: UpdateVerdict; readonly forward: readonly Forward[] } {
    const key = keyOf(frameworkId, status.taskId);
    const stream = this.#streams.get(key) ?? this.#open(frameworkId, status.state);
    const verdict = judge(stream, status);
    if (verdict !== 'taken') return { verdict, forward: [] };
    this.#streams.set(key, stream);
    remember(stream, status.uuid);
    stream.pending.push(status);
    stream.latestState = status.state;
    return { verdict, forward: stream.pending.length === 1 ? this.#first(now, stream) : [] };
  }

  /** The framework has the update: the next one of that task comes out. */
  acknowledge(
    now: number,
    frameworkId: FrameworkId,
    taskId: TaskId,
    uuid: string,
  ): { readonly verdict: AcknowledgementVerdict; readonly forward: readonly Forward[] } {
    const key = keyOf(frameworkId, taskId);
    const stream = this.#streams.get(key);
    const acknowledged = stream?.pending[0];
    if (stream === undefined || acknowledged?.uuid !== uuid) return { verdict: 'unexpected', forward: [] };
    stream.pending.shift();
    stream.retryAt = undefined;
    if (!isTerminal(acknowledged.state)) return { verdict: 'acknowledged', forward: this.#first(now, stream) };
    this.#streams.delete(key);
    return { verdict: 'closed', forward: [] };
  }

  /** Nobody is there to send to. */
  pause(): void {
    this.#paused = true;
    this.#nextRetryAt = undefined;
    for (const stream of this.#streams.values()) stream.retryAt = undefined;
  }

  /** There is somebody to send to: all that is outstanding goes out at once. */
  resume(now: number): readonly Forward[] {
    this.#paused = false;
    return [...this.#streams.values()].flatMap((stream) => this.#first(now, stream));
  }

  /** The framework may have missed what is outstanding: it goes out at once. */
  resend(now: number, frameworkId: FrameworkId): readonly Forward[] {
    const streams = [...this.#streams.values()].filter((stream) => stream.frameworkId === frameworkId);
    return streams.flatMap((stream) => this.#first(now, stream));
  }

  /** Sends again what is due by `now`. */
  expire(now: number): readonly Forward[] {
    const forward: Forward[] = [];
    this.#nextRetryAt = undefined;
    for (const stream of this.#streams.values()) {
      const status = stream.pending[0];
      if (stream.retryAt === undefined || status === undefined) continue;
      if (stream.retryAt <= now) {
        stream.retryMs = Math.min(2 * stream.retryMs, this.#retryMsMax);
        stream.retryAt = now + stream.retryMs;
        forward.push({ frameworkId: stream.frameworkId, status, latestState: stream.latestState });
      }
      this.#expect(stream.retryAt);
    }
    return forward;
  }

  /** All that was never sent since the last pause, in order: a last word before the end. Changes nothing. */
  unsent(): readonly Forward[] {
    return [...this.#streams.values()].flatMap(({ frameworkId, pending, latestState, retryAt }) =>
      pending.slice(retryAt === undefined ? 0 : 1).map((status) => ({ frameworkId, status, latestState })),
    );
  }

  /** Forgets all streams of a framework that the master is done with. */
  closeFramework(frameworkId: FrameworkId): void {
    for (const [key, stream] of this.#streams) if (stream.frameworkId === frameworkId) this.#streams.delete(key);
  }

  #open(frameworkId: FrameworkId, latestState: TaskState): Stream {
    return { frameworkId, pending: [], received: new Set(), latestState, retryAt: undefined, retryMs: this.#retryMs };
  }

  /** Sends the first of a stream, if there is one, for the first time. */
  #first(now: number, stream: Stream): Forward[] {
    const status = stream.pending[0];
    if (this.#paused || status === undefined) return [];
    stream.retryMs = this.#retryMs;
    stream.retryAt = now + stream.retryMs;
    this.#expect(stream.retryAt);
    return [{ frameworkId: stream.frameworkId, status, latestState: stream.latestState }];
  }

  #expect(retryAt: number): void {
    this.#nextRetryAt = Math.min(retryAt, this.#nextRetryAt ?? retryAt);
  }
}

/** Ids hold no `/`, so that two tasks never share a key. */
function keyOf(frameworkId: FrameworkId, taskId: TaskId): string {
  return `${frameworkId}/${taskId}`;
}

function judge(stream: Stream, status: IdentifiedStatus): UpdateVerdict {
  if (stream.received.has(status.uuid)) return 'duplicate';
  if (stream.received.size > 0 && isTerminal(stream.latestState)) return 'after-terminal';
  return stream.pending.length >= pendingMax && !isTerminal(status.state) ? 'too-many' : 'taken';
}

/** Forgets the oldest uuid for a new one where there are too many: by then it was acknowledged long ago. */
function remember(stream: Stream, uuid: string): void {
  stream.received.add(uuid);
  if (stream.received.size <= receivedMax) return;
  for (const oldest of stream.received) {
    stream.received.delete(oldest);
    break;
  }
}
