import type { RefusalReason } from './event.js';
import type { Upid } from './upid.js';

/** Every error of this package: `code` is stable, the message is for a person. */
export abstract class ProcessError extends Error {
  abstract readonly code: string;
  /** Whether the same call may succeed later without anything being mended. */
  readonly retryable: boolean = false;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A process id or a Node's name that cannot be one, or that is already taken. */
export class NameError extends ProcessError {
  readonly code = 'NAME';
}

/** Asked (or dispatched to) a process that is not there, or that ended before it answered. */
export class NoSuchProcessError extends ProcessError {
  readonly code = 'NO_SUCH_PROCESS';
  constructor(readonly pid: Upid | string) {
    super(`there is no process ${pid}, or it ended before it answered`);
  }
}

/** Asked a process on a Node that nobody answers for: it crashed, ended, never was, or has been silent for too long. */
export class NoSuchNodeError extends ProcessError {
  readonly code = 'NO_SUCH_NODE';
  override readonly retryable = true;
  constructor(readonly pid: Upid | string) {
    super(`no Node answers for ${pid}: it ended, crashed or was never started`);
  }
}

/** Asked a process on a Node whose build reads no layout of frames that this one writes: it can be told nothing. */
export class IncompatibleNodeError extends ProcessError {
  readonly code = 'INCOMPATIBLE_NODE';
  constructor(readonly pid: Upid | string) {
    super(
      `the Node of ${pid} is of a build that cannot read what this one writes: bring both to builds nearer to each other`,
    );
  }
}

/** The deadline of an ask passed without an answer. */
export class TimedOutError extends ProcessError {
  readonly code = 'TIMED_OUT';
  override readonly retryable = true;
}

/** The connection was down when the ask was to leave, so it did not; or it broke, or this Node stopped, before the answer. */
export class DisconnectedError extends ProcessError {
  readonly code = 'DISCONNECTED';
  override readonly retryable = true;
}

/** The ask was given up through its signal, whose reason is the `cause`. */
export class AbortedError extends ProcessError {
  readonly code = 'ABORTED';
}

/** The mailbox of the process is full, and it was spawned to refuse what comes then. */
export class OverloadedError extends ProcessError {
  readonly code = 'OVERLOADED';
  override readonly retryable = true;
  constructor(readonly pid: Upid | string) {
    super(`the mailbox of ${pid} is full`);
  }
}

/** The process is there, and did not handle the message: `reason` says why. */
export class RefusedError extends ProcessError {
  readonly code = 'REFUSED';
  override readonly retryable: boolean;
  constructor(
    readonly pid: Upid | string,
    readonly reason: Exclude<RefusalReason, 'overloaded'>,
    why = '',
  ) {
    super(`${pid} ${refusalTexts[reason]}${why === '' ? '' : `: ${why}`}`);
    this.retryable = reason === 'not-admitted';
  }
}

const refusalTexts: Readonly<Record<Exclude<RefusalReason, 'overloaded'>, string>> = {
  unknown: 'has no handler for the message',
  invalid: 'did not take the message, which is not as declared',
  'not-admitted': 'does not admit the message now',
  failed: 'failed at the message: its handler threw',
};

/** A process that this one spawned failed, and was to escalate. The `cause` is why it failed. */
export class ChildFailedError extends ProcessError {
  readonly code = 'CHILD_FAILED';
  constructor(
    readonly pid: Upid,
    options: ErrorOptions,
  ) {
    super(`${pid} failed`, options);
  }
}

/** An answer arrived that is not of the declared reply type. */
export class BadReplyError extends ProcessError {
  readonly code = 'BAD_REPLY';
}

/** A message is larger than the transport carries. */
export class MessageTooLargeError extends ProcessError {
  readonly code = 'MESSAGE_TOO_LARGE';
}

/** No transport could be started: the message names the address and what to do. */
export class TransportError extends ProcessError {
  readonly code = 'TRANSPORT';
  override readonly retryable = true;
}
