import type { Timer, Upid } from '@mesos-ts/process';
import type { ExecutorId, ExecutorInfo, FrameworkId } from '@mesos-ts/protocol';
import type { ExecutorExit } from './executor-exit.js';
import type { ExecutorProcess } from './executor-launcher.js';
import type { SandboxOwner } from './sandbox.js';

/**
 * Mesos facts 5.3: `registering` from the decision to launch it; `running` from its registration; `terminating` once it
 * is to end, or its connection broke, until its OS process has ended: nothing new is given to it.
 */
export type ExecutorState = 'registering' | 'running' | 'terminating';

/** What one run of an executor is known by, and where it stands. */
export class Executor {
  state: ExecutorState = 'registering';
  /** Of its driver, from its registration on. */
  pid: Upid | undefined;
  /** Whether it registered and its connection lives: what it sent before its end may still be on its way. */
  connected = false;
  /** Absent until its program runs. */
  process: ExecutorProcess | undefined;
  exit: ExecutorExit | undefined;
  /** Whether it is killed because it did not register in time. */
  neverRegistered = false;
  /** Cancelled when it has ended. */
  readonly timers = new Set<Timer>();

  /**
   * @param role that of the task which it was started for: what it uses counts to it.
   * @param nodeName the name that its Node has to take: nobody else can know it.
   */
  constructor(
    readonly owner: SandboxOwner,
    readonly info: ExecutorInfo,
    readonly role: string,
    readonly nodeName: string,
    readonly sandboxPath: string,
  ) {}

  get id(): ExecutorId {
    return this.info.executorId;
  }

  get frameworkId(): FrameworkId {
    return this.owner.frameworkId;
  }
}
