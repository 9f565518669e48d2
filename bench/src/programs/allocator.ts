import { type Allocation, AllocatorCore } from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import { addAgents, addFrameworks, agentsOf, type ClusterSpec, frameworksOf, promise } from '../allocator/cluster.js';
import { type Declined, Declining, declinedMs } from '../allocator/declining.js';
import { heapBytes } from '../allocator/heap.js';
import { Original } from '../allocator/original.js';
import { inTurns, nextTurn } from '../load.js';
import { serve } from '../operations.js';

/*
 * The core of the allocator, without the process around it, and the way of the original. Runs with --expose-gc.
 */
/** For how long the process lets the core go on in one turn, in ms. */
const sliceMs = 8;
/** On the clock of the core, in ms: it stands still until it is moved. */
let now = 0;
let spec: ClusterSpec;
let core: AllocatorCore;
/** What is given away. */
let held: Allocation[] = [];
let original: Original;
let heldByOriginal: Allocation[] = [];
let declining: Declining;

const operations = {
  /** A fresh core, in which all agents and frameworks are and nothing is given away. */
  fill(filled: ClusterSpec): void {
    spec = filled;
    held = [];
    core = freshCore();
    addAgents(core, spec);
    addFrameworks(core, spec);
  },
  /** Gives all of it away: in ms. */
  allocate(): number {
    const startedAt = performance.now();
    held = core.allocate(now);
    const ms = performance.now() - startedAt;
    requireAllGiven();
    return ms;
  },
  /** Takes all of it back, and gives it away anew: only that is timed, in ms. */
  again(): number {
    for (const allocation of held) giveBack(allocation);
    return operations.allocate();
  },
  /** A fresh core again, filled, emptied, and filled again, turn by turn as the process does it. */
  async turnByTurn(): Promise<void> {
    held = [];
    core = freshCore();
    promise(core, spec);
    await inTurns(agentsOf(spec), ([id, slave, used]) => core.addSlave(id, slave, used));
    await inTurns(frameworksOf(spec), ([id, framework]) => {
      core.addFramework(id, framework);
      core.activateFramework(id);
    });
    await slices();
    await inTurns(held, giveBack);
    await slices();
  },
  /** Makes sure that all was given away turn by turn. */
  requireAllGiven,
  /** One agent after the other is given back, and allocated again: what each takes, in ms. All is given away before. */
  freed(count: number): number[] {
    const chance = new Random('freed');
    return Array.from({ length: count }, () => {
      const index = chance.integer(held.length);
      const freed = held[index] as Allocation;
      const startedAt = performance.now();
      giveBack(freed);
      const [next, ...more] = core.allocate(now);
      const ms = performance.now() - startedAt;
      if (next?.slaveId !== freed.slaveId || more.length > 0) throw new Error(`${freed.slaveId} is not allocated once`);
      held[index] = next;
      return ms;
    });
  },
  /** Everybody declines everything, for an hour. */
  decline(): Declined {
    declining = new Declining(core, spec);
    return declining.declineAll(now);
  },
  /** After that, something changes on so many agents: in ms. */
  change(agents: number): number {
    return declining.change(agents, now);
  },
  /** Everything declined may be offered again at once: turn by turn. */
  async expire(): Promise<void> {
    now += declinedMs;
    await slices();
  },
  /** The same since every framework revives its offers. */
  async revive(): Promise<void> {
    await inTurns(frameworksOf(spec), ([id]) => core.reviveOffers(id, []));
    await slices();
  },
  /** What agents and frameworks take, in bytes each, when everything is given away. */
  memory(filled: ClusterSpec): { readonly agent: number; readonly idleAgent: number; readonly framework: number } {
    spec = filled;
    held = [];
    core = freshCore();
    const empty = heapBytes();
    addAgents(core, spec);
    const withAgents = heapBytes();
    addFrameworks(core, spec);
    const withAll = heapBytes();
    core.allocate(now);
    const given = heapBytes() - withAll;
    const idleAgent = (withAgents - empty) / spec.agents;
    return { agent: idleAgent + given / spec.agents, idleAgent, framework: (withAll - withAgents) / spec.frameworks };
  },
  fillOriginal(filled: ClusterSpec): void {
    original = new Original(filled, new Random('bench'));
    heldByOriginal = [];
  },
  /** As {@link again}, in the way of the original. */
  original(): number {
    original.giveBack(heldByOriginal);
    const startedAt = performance.now();
    heldByOriginal = original.allocate();
    return performance.now() - startedAt;
  },
};
export type AllocatorOperations = typeof operations;
serve(operations);

function freshCore(): AllocatorCore {
  return new AllocatorCore({ random: new Random('bench') });
}

function giveBack({ frameworkId, slaveId, role, resources }: Allocation): void {
  core.recoverResources(frameworkId, slaveId, role, resources, now);
}

async function slices(): Promise<void> {
  held = [];
  do {
    const endsAt = performance.now() + sliceMs;
    for (const allocation of core.allocate(now, () => performance.now() >= endsAt)) held.push(allocation);
    await nextTurn();
  } while (core.pending);
}

/** A core that gives nothing away would be the fastest. */
function requireAllGiven(): void {
  const { quota, agents } = spec;
  if (core.pending) throw new Error('something is pending after all was allocated');
  if (quota === undefined) {
    const given = new Set(held.map(({ slaveId }) => slaveId)).size;
    if (given !== agents) throw new Error(`something of ${given} agents was given away, not of ${agents}`);
    return;
  }
  for (const [, { roles }] of frameworksOf(spec))
    for (const [name, limit] of Object.entries(quota.limits)) {
      const given = core.allocatedTo(roles[0] as string)[name] ?? 0;
      if (given !== limit) throw new Error(`${roles[0]} has ${given} thousandths of ${name}, not ${limit}`);
    }
}
