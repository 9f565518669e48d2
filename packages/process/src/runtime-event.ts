import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { ExitReason } from './event.js';
import type { OverflowPolicy } from './spawn-options.js';
import type { Upid } from './upid.js';

/**
 * Why a message is not handled:
 * - `absent`: there is no such process; `ended`: it ended before its turn;
 * - `poison`: its handler threw; `overflow`: the mailbox was full.
 */
export type DeadLetterReason = 'absent' | 'ended' | 'poison' | 'overflow';

/** What each kind of event says, by its code. Codes are stable: whoever watches for one may rely on it. */
export interface RuntimeEventFields {
  /** A message that its receiver will not handle, see {@link DeadLetterReason}. Its asker, if it is an ask, is told. */
  DEAD_LETTER: {
    readonly from: Upid;
    readonly to: string;
    readonly message: string;
    readonly why: DeadLetterReason;
  };
  /** A message found a full mailbox, and was refused, or had the oldest dropped for it: DEAD_LETTER names which. */
  MAILBOX_OVERFLOW: {
    readonly process: string;
    readonly from: Upid;
    readonly message: string;
    readonly depthMax: number;
    readonly policy: OverflowPolicy;
  };
  /** A message for an incarnation of this Node that is over. */
  DEAD_INCARNATION: { readonly from: string; readonly to: string; readonly message: string };
  /** A message for which its receiver has no handler. */
  MESSAGE_UNKNOWN: { readonly process: string; readonly from: Upid; readonly message: string };
  /** A message that is not as it was declared. */
  MESSAGE_INVALID: { readonly process: string; readonly from: Upid; readonly message: string; readonly why: string };
  /** A message that its receiver does not admit now. */
  MESSAGE_NOT_ADMITTED: { readonly process: string; readonly from: Upid; readonly message: string };
  /** No transport reaches the Node. */
  MESSAGE_UNROUTABLE: { readonly to: string; readonly message: string };
  /** Not sent, because the connection was down. */
  MESSAGE_UNSENT: { readonly to: string };
  MESSAGE_UNENCODABLE: { readonly to: string; readonly message: string; readonly why: string };
  MESSAGE_TOO_LARGE: {
    readonly to: string;
    readonly message: string;
    readonly bytes: number;
    readonly bytesMax: number;
  };
  /** A large message of which no more came. */
  MESSAGE_INCOMPLETE: { readonly from: string; readonly bytes: number; readonly bytesTotal: number };
  /** Frames that waited for the connection, and did not leave. */
  FRAMES_UNSENT: { readonly to: string };
  /** The server cut a Node off that did not read what was sent to it, or our own connection after a stall. */
  SLOW_CONSUMER: { readonly node: string };
  /** The connection had died without a word, and was made anew. */
  CONNECTION_STUCK: object;
  /** A Node whose hello names no layout of frames that this build writes. */
  NODE_INCOMPATIBLE: { readonly node: string; readonly layouts: string };
  /** An envelope of a kind that this build does not know. */
  ENVELOPE_UNKNOWN: { readonly from: string; readonly kind: number };
  FRAME_MALFORMED: { readonly from: string; readonly bytes: number; readonly why: string };
  /** From an incarnation that is over. */
  FRAME_DEAD_INCARNATION: { readonly from: string };
  /** By another transport than the Node came by first. */
  FRAME_MISROUTED: { readonly from: string };
  /** Of a session that is over, or for a second time. */
  FRAME_STALE: { readonly from: string };
  /** So many frames are missing before one that came. */
  FRAMES_LOST: { readonly from: string };
  REPLY_LATE: { readonly from: string };
  REPLY_INVALID: { readonly from: Upid; readonly message: string; readonly why: string };
  /** A handler threw. What becomes of the process was said when it was spawned. */
  PROCESS_FAILED: { readonly process: string; readonly error: unknown };
  /** A process that failed begins anew, for the `restarts`-th time, `delayMs` after it failed. */
  PROCESS_RESTARTED: { readonly process: string; readonly restarts: number; readonly delayMs: number };
  /** A process failed once more than its restarts allow. */
  RESTARTS_EXHAUSTED: { readonly process: string; readonly restartsMax: number; readonly withinMs: number };
  /** The failure of a process becomes that of its parent. */
  FAILURE_ESCALATED: { readonly process: string; readonly parent: string };
  /**
   * The Node's event loop was held for too long. `events` is how many were measured together, 1 means that `message` of
   * `process` took `durationMs`; else the one it was is among them, and will be named when it comes again.
   */
  SLOW_TURN: {
    readonly process: string;
    readonly message: string;
    readonly durationMs: number;
    readonly events: number;
  };
  /** An ask was rejected, with the error's code: whoever asked was told, if it still looks. */
  ASK_FAILED: { readonly to: Upid; readonly message: string; readonly error: string };
  /** What was dispatched to a process threw: whoever dispatched was told, if it still looks. */
  DISPATCH_FAILED: { readonly process: string; readonly error: unknown };
  /** `finalize` threw: what the process held may not be released. */
  FINALIZE_FAILED: { readonly process: string; readonly error: unknown };
  /** A link of a process of this Node to one elsewhere broke. */
  LINK_BROKEN: { readonly pid: Upid; readonly reason: ExitReason };
}

export type RuntimeEventCode = keyof RuntimeEventFields;

/** Something that the runtime did by itself and that somebody may want to know of. */
export type RuntimeEvent = {
  [C in RuntimeEventCode]: {
    readonly code: C /** How many at once. */;
    readonly count: number;
  } & RuntimeEventFields[C];
}[RuntimeEventCode];

interface Kind {
  /** The name of what {@link Counters} count. */
  readonly counter: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
}

/** How each kind is counted and logged. */
export const runtimeEventKinds: Readonly<Record<RuntimeEventCode, Kind>> = {
  DEAD_LETTER: { counter: 'dead_letters', level: 'debug', text: 'message dropped: its receiver will not handle it' },
  MAILBOX_OVERFLOW: { counter: 'mailbox_overflows', level: 'warn', text: 'a mailbox is full' },
  DEAD_INCARNATION: {
    counter: 'messages_dead_incarnation',
    level: 'debug',
    text: 'message dropped: it is for an earlier incarnation of this Node',
  },
  MESSAGE_UNKNOWN: { counter: 'messages_unknown', level: 'warn', text: 'message dropped: there is no handler for it' },
  MESSAGE_INVALID: { counter: 'messages_invalid', level: 'warn', text: 'message dropped: it is not as declared' },
  MESSAGE_NOT_ADMITTED: { counter: 'messages_not_admitted', level: 'debug', text: 'message dropped: not admitted now' },
  MESSAGE_UNROUTABLE: {
    counter: 'messages_unroutable',
    level: 'warn',
    text: 'message dropped: nothing leads to its Node',
  },
  MESSAGE_UNSENT: { counter: 'messages_unsent', level: 'debug', text: 'messages dropped: disconnected' },
  MESSAGE_UNENCODABLE: { counter: 'messages_unencodable', level: 'error', text: 'message dropped: it does not encode' },
  MESSAGE_TOO_LARGE: {
    counter: 'messages_too_large',
    level: 'error',
    text: 'message dropped: it is larger than the transport carries',
  },
  ENVELOPE_UNKNOWN: {
    counter: 'messages_unknown_kind',
    level: 'warn',
    text: 'envelope dropped: its kind is not known',
  },
  MESSAGE_INCOMPLETE: {
    counter: 'messages_incomplete',
    level: 'warn',
    text: 'large message given up: the rest of it did not come',
  },
  FRAMES_UNSENT: { counter: 'frames_unsent', level: 'warn', text: 'frames dropped: they waited too long to leave' },
  SLOW_CONSUMER: { counter: 'slow_consumers', level: 'warn', text: 'a Node did not keep up with what was sent to it' },
  CONNECTION_STUCK: {
    counter: 'connections_stuck',
    level: 'error',
    text: 'the connection had died without a word; it is made anew',
  },
  NODE_INCOMPATIBLE: {
    counter: 'nodes_incompatible',
    level: 'error',
    text: 'a Node of another build cannot read what this one writes',
  },
  FRAME_MALFORMED: { counter: 'frames_malformed', level: 'warn', text: 'frame dropped: it does not decode' },
  FRAME_DEAD_INCARNATION: {
    counter: 'frames_dead_incarnation',
    level: 'debug',
    text: 'frame dropped: its sender is over',
  },
  FRAME_MISROUTED: { counter: 'frames_misrouted', level: 'warn', text: 'frame dropped: its sender came another way' },
  FRAME_STALE: { counter: 'frames_stale', level: 'debug', text: 'frame dropped: it is late' },
  FRAMES_LOST: { counter: 'frames_lost', level: 'warn', text: 'frames were lost on the way' },
  REPLY_LATE: { counter: 'replies_late', level: 'debug', text: 'reply dropped: nobody waits for it any more' },
  REPLY_INVALID: { counter: 'replies_invalid', level: 'warn', text: 'reply refused: it is not as declared' },
  PROCESS_FAILED: { counter: 'processes_failed', level: 'error', text: 'a handler threw' },
  PROCESS_RESTARTED: { counter: 'processes_restarted', level: 'warn', text: 'a process that failed begins anew' },
  RESTARTS_EXHAUSTED: { counter: 'restarts_exhausted', level: 'error', text: 'a process failed too often' },
  FAILURE_ESCALATED: { counter: 'failures_escalated', level: 'warn', text: "the failure of a process is its parent's" },
  SLOW_TURN: { counter: 'turns_slow', level: 'warn', text: 'the event loop was held for too long' },
  ASK_FAILED: { counter: 'asks_failed', level: 'debug', text: 'an ask was rejected' },
  DISPATCH_FAILED: { counter: 'dispatches_failed', level: 'debug', text: 'what was dispatched threw' },
  FINALIZE_FAILED: { counter: 'finalize_failed', level: 'error', text: 'finalize threw' },
  LINK_BROKEN: { counter: 'links_broken', level: 'debug', text: 'a link broke' },
};

/** How many lines of one kind are logged in a second: a flood of junk is counted, but must not become a flood of logs. */
const linesPerSecond = 20;

/** Where the events of one Node come together: they are counted, logged, and told to whoever subscribed. */
export class RuntimeEvents {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #log: Logger;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  readonly #logged = new Map<RuntimeEventCode, { since: number; lines: number; suppressed: number }>();

  constructor(clock: Clock, counters: Counters, log: Logger) {
    this.#clock = clock;
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * Calls `listener` with every event from now on, in the midst of what caused it: it should only take note. What it
   * throws is logged.
   * @returns ends the subscription.
   */
  subscribe(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For the runtime alone. */
  emit<C extends RuntimeEventCode>(code: C, fields: RuntimeEventFields[C], count = 1): void {
    const { counter, level, text } = runtimeEventKinds[code];
    this.#counters.increment(counter, count);
    if (this.#log.isLevelEnabled(level)) this.#write(code, level, text, fields);
    if (this.#listeners.size === 0) return;
    const event = { code, count, ...fields } as unknown as RuntimeEvent;
    for (const listener of this.#listeners) this.#tell(listener, event);
  }

  #tell(listener: (event: RuntimeEvent) => void, event: RuntimeEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#line('error', event.code, { err: error }, 'a listener to runtime events threw');
    }
  }

  #write(code: RuntimeEventCode, level: Kind['level'], text: string, fields: object): void {
    const now = this.#clock.now();
    const logged = this.#logged.get(code) ?? { since: now, lines: 0, suppressed: 0 };
    this.#logged.set(code, logged);
    if (now - logged.since >= 1_000) {
      if (logged.suppressed > 0)
        this.#line(level, code, { suppressed: logged.suppressed }, `${text} (and more, unlogged)`);
      Object.assign(logged, { since: now, lines: 0, suppressed: 0 });
    }
    if (++logged.lines > linesPerSecond) logged.suppressed++;
    else this.#line(level, code, errorAsErr(fields), text);
  }

  /** What is thrown may be something that no logger can write: it is frozen, or its properties throw. */
  #line(level: Kind['level'], code: RuntimeEventCode, fields: object, text: string): void {
    try {
      this.#log[level]({ code, ...fields }, text);
    } catch {
      this.#log[level]({ code }, `${text}; more about it cannot be written`);
    }
  }
}

/** The logger prints an error with its stack under this name. */
function errorAsErr(fields: object): object {
  if (!('error' in fields)) return fields;
  const { error, ...rest } = fields;
  return { ...rest, err: error };
}
