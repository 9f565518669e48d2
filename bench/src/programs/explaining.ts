import { type Allocation, AllocatorProcess, ExplainedAgents } from '@mesos-ts/master';
import { Node, Process } from '@mesos-ts/process';
import type { Offer, SlaveId } from '@mesos-ts/protocol';
import { Packr } from 'msgpackr';
import { agentsOf, type ClusterSpec, frameworkId, frameworksOf } from '../allocator/cluster.js';
import { heapBytes } from '../allocator/heap.js';
import { inTurns } from '../load.js';
import { serve } from '../operations.js';

/*
 * The allocator as a process, and what the leader does with an explanation of it: agents of which offers are out are told
 * together. Runs with --expose-gc.
 */

class Leader extends Process {
  readonly allocator = new AllocatorProcess('allocator', (allocations) => this.#offer(allocations));
  readonly #offers = new Map<SlaveId, Offer[]>();
  #minted = 0;
  #awaited = 0;
  #allOffered: () => void = () => undefined;

  /** Until something of so many agents is offered. */
  offered(agents: number): Promise<void> {
    this.#awaited = agents;
    return new Promise((resolve) => {
      this.#allOffered = resolve;
    });
  }

  /** Of one framework, which is offered nothing more of any agent. */
  async explain(): Promise<{ readonly bytes: number; readonly agents: number }> {
    const { roles, next } = await this.allocator.explain({ frameworkId: frameworkId(7) });
    const told = new ExplainedAgents(10);
    for (let slice = await next(); slice !== undefined; slice = await next()) {
      const { agents } = slice;
      await this.dispatch(() => {
        for (const agent of agents) told.add(agent, this.#offers.get(agent.slaveId) ?? []);
      });
    }
    const answer = { roles, wants: [told.told(10, false)] };
    return { bytes: new Packr({ useRecords: false }).pack(answer).length, agents: answer.wants[0]?.agents ?? 0 };
  }

  #offer(allocations: readonly Allocation[]): void {
    this.enqueue(() => {
      for (const allocation of allocations) {
        const offer = { ...allocation, id: `5f1d1c1e-7c34-4cd2-a5ae-5a8b0b6f4f5a-O${this.#minted++}` };
        this.#offers.set(allocation.slaveId, [offer as unknown as Offer]);
      }
      if (this.#offers.size === this.#awaited) this.#allOffered();
    });
  }
}

const node = await Node.start({ name: 'bench' });
const leader = new Leader('leader');
node.spawn(leader);
node.spawn(leader.allocator);

const operations = {
  /** All that the agents have is offered. */
  async fill(spec: ClusterSpec): Promise<void> {
    const offered = leader.offered(spec.agents);
    await inTurns(frameworksOf(spec), ([id, framework]) => {
      leader.allocator.addFramework(id, framework);
      leader.allocator.activateFramework(id);
    });
    await inTurns(agentsOf(spec), ([id, slave, used]) => leader.allocator.addSlave(id, slave, used));
    await offered;
    heapBytes(); // what filling left behind is none of an explanation's turns
  },
  /** How long it takes, in ms, and how large the answer is. */
  async explain(): Promise<{ readonly ms: number; readonly bytes: number; readonly agents: number }> {
    const startedAt = performance.now();
    const explained = await leader.explain();
    return { ms: performance.now() - startedAt, ...explained };
  },
};
export type ExplainingOperations = typeof operations;
serve(operations);
