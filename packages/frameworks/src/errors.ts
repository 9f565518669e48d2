/** Every error of the drivers and of the jobs on them: `code` is stable, the message is for a person. */
export abstract class FrameworkSideError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A callback of a scheduler or an executor threw, or its promise rejected; `cause` is what it threw. */
export class CallbackError extends FrameworkSideError {
  readonly code = 'CALLBACK_THREW';

  constructor(what: 'scheduler' | 'executor', cause: unknown) {
    super(`a callback of the ${what} threw, so its driver was aborted: ${messageOf(cause)}`, { cause });
  }
}

/** The master will not have this framework, and its scheduler has no `error` callback that could be told. */
export class FrameworkRefusedError extends FrameworkSideError {
  readonly code = 'FRAMEWORK_REFUSED';

  constructor(readonly reason: string) {
    super(`the master refused the framework: ${reason}`);
  }
}

/** What a driver needs ended beneath it: its Node was stopped, its detector closed, its agent not reached. */
export class DriverEndedError extends FrameworkSideError {
  readonly code = 'DRIVER_ENDED';
}

/** A program that holds an executor was not started by an agent, or with an environment that it cannot read. */
export class ExecutorEnvironmentError extends FrameworkSideError {
  readonly code = 'EXECUTOR_ENVIRONMENT';
}

/** The data of a task or of a result is not what it should be. */
export class TaskDataError extends FrameworkSideError {
  readonly code = 'TASK_DATA';
}

/** A job cannot be brought to its end. */
export class JobFailedError extends FrameworkSideError {
  readonly code = 'JOB_FAILED';

  /** @param piece the name of the piece that failed; absent where it was not for one piece. */
  constructor(
    message: string,
    readonly piece?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The message of what was thrown, whatever it is. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
