import { parseUpid, type Timer, type Upid } from '@mesos-ts/process';
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

/** What is held of an agent, and the role that it counts to. */
export interface Holding {
  readonly role: string;
  readonly resources: Resources;
}

/** An executor that runs on an agent, or is about to. */
export interface ExecutorRecord {
  readonly frameworkId: FrameworkId;
  readonly info: ExecutorInfo;
  /** In which its own resources were offered. */
  readonly role: string;
  /** What its end gives back: its own resources, and those of each task that was forgotten before it ended. */
  readonly holds: Holding[];
  /** The agent, or the executor itself, has been heard of it: it was really started. */
  seen: boolean;
}

/** An agent in the master's books (Mesos facts 3.3, 3.4). */
export interface Agent {
  readonly id: SlaveId;
  /** With its id in it. */
  info: SlaveInfo;
  /** What it lends on top of what it has, all of it revocable: as it said last. */
  oversubscribed: Resources;
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

/** How many unreachable agents are kept in mind: as many as the registry keeps by default. */
const unreachableMax = 102_400;

/** What a new leader knows of agents from the registry. */
export interface KnownAgents {
  /** Admitted, and not yet here. */
  readonly admitted: Iterable<SlaveInfo & { readonly id: SlaveId }>;
  readonly unreachable: Iterable<SlaveId>;
  readonly gone: Iterable<SlaveId>;
}

/** All agents that this master knows: those that are here, and those of which only the registry tells (Mesos facts 3.2). */
export class Agents {
  readonly #masterId: MasterId;
  readonly #byId = new Map<SlaveId, Agent>();
  readonly #byPid = new Map<Upid, Agent>();
  /** By process id and Node: where several are known there, the one that came last. */
  readonly #byPlace = new Map<string, Agent>();
  readonly #recovered = new Map<SlaveId, SlaveInfo>();
  readonly #unreachable = new Set<SlaveId>();
  readonly #gone = new Set<SlaveId>();
  #fewerAwaited: () => void = () => undefined;
  #minted = 0;

  constructor(masterId: MasterId) {
    this.#masterId = masterId;
  }

  mintId(): SlaveId {
    return `${this.#masterId}-S${this.#minted++}` as SlaveId;
  }

  /** Takes over what the registry knows. */
  recover({ admitted, unreachable, gone }: KnownAgents): void {
    for (const info of admitted) this.#recovered.set(info.id, info);
    for (const id of unreachable) this.#unreachable.add(id);
    for (const id of gone) this.#gone.add(id);
  }

  get(id: SlaveId): Agent | undefined {
    return this.#byId.get(id);
  }

  byPid(pid: Upid): Agent | undefined {
    return this.#byPid.get(pid);
  }

  /** The agent whose process has that id on that Node, whatever its incarnation: its predecessor, if it is not itself. */
  byPlace(pid: Upid): Agent | undefined {
    return this.#byPlace.get(placeOf(pid));
  }

  /** What the registry said of an agent that is not here yet. */
  recovered(id: SlaveId): SlaveInfo | undefined {
    return this.#recovered.get(id);
  }

  /** Those that the registry knows as admitted and that are not here yet. */
  get awaited(): readonly SlaveId[] {
    return [...this.#recovered.keys()];
  }

  get awaitedCount(): number {
    return this.#recovered.size;
  }

  /** Calls it whenever one of them has come, or is not awaited any more. */
  whenFewerAreAwaited(listener: () => void): void {
    this.#fewerAwaited = listener;
  }

  /** How many agents there are, here or still on their way. */
  get expected(): number {
    return this.#byId.size + this.#recovered.size;
  }

  add(id: SlaveId, info: SlaveInfo, pid: Upid): Agent {
    const agent: Agent = {
      id,
      info: { ...info, id },
      oversubscribed: [],
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
    this.#place(agent);
    this.#notAwaited(id);
    this.#unreachable.delete(id);
    return agent;
  }

  reconnect(agent: Agent, pid: Upid): void {
    this.#displace(agent);
    agent.pid = pid;
    agent.connected = true;
    agent.missedPings = 0;
    agent.reregisterTimer?.cancel();
    agent.reregisterTimer = undefined;
    this.#place(agent);
  }

  remove(agent: Agent): void {
    agent.reregisterTimer?.cancel();
    this.#byId.delete(agent.id);
    this.#displace(agent);
  }

  /** It did not come, or was removed, and may still come (again). */
  markUnreachable(id: SlaveId): void {
    this.#notAwaited(id);
    for (const oldest of this.#unreachable) {
      if (this.#unreachable.size < unreachableMax) break;
      this.#unreachable.delete(oldest);
    }
    this.#unreachable.add(id);
  }

  /** Marked so, and not back since. */
  isUnreachable(id: SlaveId): boolean {
    return this.#unreachable.has(id);
  }

  /** It must never come again. */
  isGone(id: SlaveId): boolean {
    return this.#gone.has(id);
  }

  #notAwaited(id: SlaveId): void {
    if (this.#recovered.delete(id)) this.#fewerAwaited();
  }

  #place(agent: Agent): void {
    this.#byPid.set(agent.pid, agent);
    this.#byPlace.set(placeOf(agent.pid), agent);
  }

  /** Another may have come in its place meanwhile: it stays. */
  #displace(agent: Agent): void {
    if (this.#byPid.get(agent.pid) === agent) this.#byPid.delete(agent.pid);
    const place = placeOf(agent.pid);
    if (this.#byPlace.get(place) === agent) this.#byPlace.delete(place);
  }

  [Symbol.iterator](): IterableIterator<Agent> {
    return this.#byId.values();
  }
}

function placeOf(pid: Upid): string {
  const { id, node } = parseUpid(pid);
  return `${id}@${node}`;
}

/** The key of an executor among those of one agent. */
export function executorKey(frameworkId: FrameworkId, executorId: ExecutorId): string {
  return `${frameworkId}/${executorId}`;
}
