import type { Timer, Upid } from '@mesos-ts/process';
import type {
  ExecutorId,
  ExecutorInfo,
  FrameworkId,
  MasterId,
  OfferId,
  Resources,
  SlaveId,
  SlaveInfo,
  TaskId,
} from '@mesos-ts/protocol';
import type { TaskRecord } from './tasks.js';

/** An executor that runs on an agent, or is about to. */
export interface ExecutorRecord {
  readonly frameworkId: FrameworkId;
  readonly info: ExecutorInfo;
  /** What its end gives back: its own resources, and those of each task that was forgotten before it ended. */
  readonly holds: Resources[];
  /** The agent, or the executor itself, has been heard of it: it was really started. */
  seen: boolean;
}

/** An agent in the master's books (Mesos facts 3.3, 3.4). */
export interface Agent {
  readonly id: SlaveId;
  readonly info: SlaveInfo;
  pid: Upid;
  connected: boolean;
  readonly tasks: Set<TaskRecord>;
  readonly executors: Map<string, ExecutorRecord>;
  readonly offers: Set<OfferId>;
  /** Asked for while the agent was away, by {@link taskKey}: sent when it is back. */
  readonly kills: Map<string, { readonly frameworkId: FrameworkId; readonly taskId: TaskId }>;
  /** Pings in a row that it did not answer. */
  missedPings: number;
  /** Runs while it is away: at its end it is unreachable. */
  reregisterTimer: Timer | undefined;
}

/** How many agents that are away are remembered. */
const unreachableMax = 100_000;

/** All agents that this master knows. */
export class Agents {
  readonly #masterId: MasterId;
  readonly #byId = new Map<SlaveId, Agent>();
  readonly #byPid = new Map<Upid, Agent>();
  readonly #unreachable = new Set<SlaveId>();
  #minted = 0;

  constructor(masterId: MasterId) {
    this.#masterId = masterId;
  }

  mintId(): SlaveId {
    return `${this.#masterId}-S${this.#minted++}` as SlaveId;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: SlaveId): Agent | undefined {
    return this.#byId.get(id);
  }

  byPid(pid: Upid): Agent | undefined {
    return this.#byPid.get(pid);
  }

  /** The agent whose process has that id on that Node, whatever its incarnation: its predecessor, if it is not itself. */
  byNode(id: string, node: string): Agent | undefined {
    const prefix = `${id}@${node}#`;
    for (const agent of this.#byId.values()) if (agent.pid.startsWith(prefix)) return agent;
    return undefined;
  }

  add(id: SlaveId, info: SlaveInfo, pid: Upid): Agent {
    const agent: Agent = {
      id,
      info: { ...info, id },
      pid,
      connected: true,
      tasks: new Set(),
      executors: new Map(),
      offers: new Set(),
      kills: new Map(),
      missedPings: 0,
      reregisterTimer: undefined,
    };
    this.#byId.set(id, agent);
    this.#byPid.set(pid, agent);
    this.#unreachable.delete(id);
    return agent;
  }

  reconnect(agent: Agent, pid: Upid): void {
    this.#byPid.delete(agent.pid);
    agent.pid = pid;
    agent.connected = true;
    agent.missedPings = 0;
    agent.reregisterTimer?.cancel();
    agent.reregisterTimer = undefined;
    this.#byPid.set(pid, agent);
  }

  remove(agent: Agent, unreachable: boolean): void {
    agent.reregisterTimer?.cancel();
    this.#byId.delete(agent.id);
    this.#byPid.delete(agent.pid);
    if (!unreachable) return;
    for (const oldest of this.#unreachable) {
      if (this.#unreachable.size < unreachableMax) break;
      this.#unreachable.delete(oldest);
    }
    this.#unreachable.add(agent.id);
  }

  /** Removed as unreachable, and not back since. */
  isUnreachable(id: SlaveId): boolean {
    return this.#unreachable.has(id);
  }

  [Symbol.iterator](): IterableIterator<Agent> {
    return this.#byId.values();
  }
}

/** The key of an executor among those of one agent. */
export function executorKey(frameworkId: FrameworkId, executorId: ExecutorId): string {
  return `${frameworkId}/${executorId}`;
}
