import type { Allocation } from '@mesos-ts/master';
import type { Random } from '@mesos-ts/process';
import {
  addResources,
  type FrameworkId,
  isEmpty,
  type Resources,
  resourcesForRole,
  type SlaveId,
  scalarOf,
  scalarTotals,
  subtractResources,
} from '@mesos-ts/protocol';
import { agentsOf, type ClusterSpec, frameworksOf } from './cluster.js';

interface Client {
  readonly id: FrameworkId;
  readonly role: string;
  allocated: Resources;
  allocations: number;
  share: number;
}

interface Agent {
  readonly id: SlaveId;
  free: Resources;
}

/**
 * The way of the original, plainly (Mesos facts 4.2, 4.3): in each of two stages, for each agent in random order, the
 * frameworks are sorted by share, since the last gift may have changed it, and asked one after the other whether what
 * is left there is for them. For clusters without quota, filters and reservations.
 */
export class Original {
  readonly #agents: Agent[] = [];
  readonly #clients: Client[] = [];
  readonly #totals = new Map<string, number>();

  constructor(
    spec: ClusterSpec,
    private readonly random: Random,
  ) {
    for (const [id, { total }] of agentsOf(spec)) {
      this.#agents.push({ id, free: total });
      for (const [name, amount] of scalarTotals(total)) this.#totals.set(name, (this.#totals.get(name) ?? 0) + amount);
    }
    for (const [id, { roles }] of frameworksOf(spec))
      this.#clients.push({ id, role: roles[0] as string, allocated: [], allocations: 0, share: 0 });
  }

  /** Gives everything away. */
  allocate(): Allocation[] {
    const allocations: Allocation[] = [];
    for (const agent of this.#shuffled()) {
      this.#sort();
      for (const client of this.#clients) {
        if (isEmpty(agent.free)) break;
        const resources = resourcesForRole(agent.free, client.role);
        if (scalarOf(resources, 'cpus') < 10 && scalarOf(resources, 'mem') < 32_000) continue;
        agent.free = subtractResources(agent.free, resources);
        client.allocated = addResources(client.allocated, scalars(resources));
        client.allocations++;
        allocations.push({ frameworkId: client.id, slaveId: agent.id, role: client.role, resources });
      }
    }
    return allocations;
  }

  giveBack(allocations: readonly Allocation[]): void {
    const agents = new Map(this.#agents.map((agent) => [agent.id, agent]));
    const clients = new Map(this.#clients.map((client) => [client.id, client]));
    for (const { frameworkId, slaveId, resources } of allocations) {
      const [agent, client] = [agents.get(slaveId), clients.get(frameworkId)];
      if (agent === undefined || client === undefined) throw new Error(`${frameworkId} has nothing of ${slaveId}`);
      agent.free = addResources(agent.free, resources);
      client.allocated = subtractResources(client.allocated, scalars(resources));
    }
  }

  #sort(): void {
    for (const client of this.#clients) client.share = this.#shareOf(client);
    this.#clients.sort((a, b) => a.share - b.share || a.allocations - b.allocations || (a.id < b.id ? -1 : 1));
  }

  #shareOf({ allocated }: Client): number {
    let share = 0;
    for (const [name, amount] of scalarTotals(allocated))
      share = Math.max(share, amount / (this.#totals.get(name) ?? amount));
    return share;
  }

  #shuffled(): Agent[] {
    const agents = [...this.#agents];
    for (let i = agents.length - 1; i > 0; i--) {
      const j = this.random.integer(i + 1);
      [agents[i], agents[j]] = [agents[j] as Agent, agents[i] as Agent];
    }
    return agents;
  }
}

function scalars(resources: Resources): Resources {
  return resources.filter((resource) => 'scalar' in resource);
}
