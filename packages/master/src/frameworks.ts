import type { Timer, Upid } from '@mesos-ts/process';
import type { FrameworkId, FrameworkInfo, MasterId, OfferId, TaskId } from '@mesos-ts/protocol';
import type { TaskRecord } from './tasks.js';

/** A framework in the master's books (Mesos facts 3.5). */
export interface Framework {
  readonly id: FrameworkId;
  /** With its id in it. */
  info: FrameworkInfo;
  /** Of its scheduler; undefined while only agents have told of it, after a failover of the master. */
  pid: Upid | undefined;
  connected: boolean;
  readonly tasks: Map<TaskId, TaskRecord>;
  readonly offers: Set<OfferId>;
  /** The registry says, or is being told, that its scheduler is away. */
  storedAsAway: boolean;
  /** Runs while it is away: at its end the framework is removed. */
  failoverTimer: Timer | undefined;
}

/** How many frameworks that are done are remembered, so that they are not let in again. */
const completedMax = 1_000;

/** All frameworks that this master knows. */
export class Frameworks {
  readonly #masterId: MasterId;
  readonly #byId = new Map<FrameworkId, Framework>();
  readonly #byPid = new Map<Upid, Framework>();
  readonly #completed = new Set<FrameworkId>();
  #minted = 0;

  constructor(masterId: MasterId) {
    this.#masterId = masterId;
  }

  mintId(): FrameworkId {
    return `${this.#masterId}-${String(this.#minted++).padStart(4, '0')}` as FrameworkId;
  }

  get(id: FrameworkId): Framework | undefined {
    return this.#byId.get(id);
  }

  /** The framework whose scheduler this is. */
  byPid(pid: Upid): Framework | undefined {
    return this.#byPid.get(pid);
  }

  /** The framework of that id if the message comes from its scheduler: nobody speaks for another. */
  spokenFor(id: FrameworkId, from: Upid): Framework | undefined {
    const framework = this.#byId.get(id);
    return framework?.pid === from ? framework : undefined;
  }

  add(id: FrameworkId, info: FrameworkInfo): Framework {
    const framework: Framework = {
      id,
      info: { ...info, id },
      pid: undefined,
      connected: false,
      tasks: new Map(),
      offers: new Set(),
      storedAsAway: false,
      failoverTimer: undefined,
    };
    this.#byId.set(id, framework);
    return framework;
  }

  connect(framework: Framework, pid: Upid): void {
    this.#forgetPid(framework);
    framework.pid = pid;
    framework.connected = true;
    framework.failoverTimer?.cancel();
    framework.failoverTimer = undefined;
    this.#byPid.set(pid, framework);
  }

  remove(framework: Framework): void {
    framework.failoverTimer?.cancel();
    this.#byId.delete(framework.id);
    this.#forgetPid(framework);
    this.complete(framework.id);
  }

  /** It is done, and not to be let in again. */
  complete(id: FrameworkId): void {
    for (const oldest of this.#completed) {
      if (this.#completed.size < completedMax) break;
      this.#completed.delete(oldest);
    }
    this.#completed.add(id);
  }

  /** In the books, or done. */
  isKnown(id: FrameworkId): boolean {
    return this.#byId.has(id) || this.#completed.has(id);
  }

  isCompleted(id: FrameworkId): boolean {
    return this.#completed.has(id);
  }

  /** Another framework may have come under the same PID meanwhile: it stays. */
  #forgetPid(framework: Framework): void {
    if (framework.pid !== undefined && this.#byPid.get(framework.pid) === framework) this.#byPid.delete(framework.pid);
  }

  [Symbol.iterator](): IterableIterator<Framework> {
    return this.#byId.values();
  }
}
