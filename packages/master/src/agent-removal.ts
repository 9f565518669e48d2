import { isTerminal, LostSlave, type SlaveId } from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';
import type { RegistryOperation } from './registry/registry.js';
import type { RegistryWrites } from './registry-writes.js';
import type { TaskLifecycle } from './task-lifecycle.js';

export interface AgentRemovalOptions {
  readonly writes: RegistryWrites;
  readonly offers: OfferLifecycle;
  readonly tasks: TaskLifecycle;
}

/**
 * The going of agents (Mesos facts 3.4). That one is unreachable, from which it may come back, or removed is in the
 * registry before anybody is told; meanwhile nothing of it is offered, and if it registers again that is ignored.
 */
export class AgentRemoval {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: AgentRemovalOptions;

  constructor(acts: MasterActs, books: Books, options: AgentRemovalOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** It does not answer, or stays away. Does nothing for one that is registering again at this moment. */
  unreachable(agent: Agent, why: string): void {
    const operation = { type: 'mark-unreachable', id: agent.id, at: this.#acts.clock.wallTime() } as const;
    this.#begin(agent, operation, 'TASK_UNREACHABLE', `the agent is unreachable: ${why}`);
  }

  /** It has ended: what ran there is lost. */
  ended(agent: Agent, why: string): void {
    this.#options.writes.whenFree(agent.id, () => {
      if (this.#books.agents.get(agent.id) === agent)
        this.#begin(agent, { type: 'remove-agent', id: agent.id }, 'TASK_LOST', why);
    });
  }

  /**
   * One that the registry knows did not come to this leader.
   * @param done called when it is marked unreachable, or need not be since it is coming.
   */
  missing(id: SlaveId, done: () => void): void {
    const stillMissing = this.#books.agents.recovered(id) !== undefined;
    const operation = { type: 'mark-unreachable', id, at: this.#acts.clock.wallTime() } as const;
    const marked = (): void => {
      this.#books.agents.markUnreachable(id);
      this.#tellLost(id);
      done();
    };
    if (!stillMissing || !this.#options.writes.begin([id], [operation], marked)) done();
  }

  #begin(agent: Agent, operation: RegistryOperation, state: 'TASK_UNREACHABLE' | 'TASK_LOST', why: string): void {
    const { writes, offers } = this.#options;
    if (writes.begin([agent.id], [operation], () => this.#forget(agent, state, why)))
      offers.rescind(this.#books.deactivateAgent(agent));
  }

  /** With all that runs on it. Its frameworks are told that each of their tasks there is now in `state`. */
  #forget(agent: Agent, state: 'TASK_UNREACHABLE' | 'TASK_LOST', why: string): void {
    this.#acts.log.warn({ agent: agent.id, why }, 'agent removed');
    const { tasks, offers } = this.#books.removeAgent(agent, state === 'TASK_UNREACHABLE');
    this.#options.offers.voidAllocationsOf(agent.id);
    this.#options.offers.rescind(offers);
    for (const { task } of tasks) {
      const framework = this.#books.frameworks.get(task.frameworkId);
      if (framework !== undefined && !isTerminal(task.state))
        this.#options.tasks.tellOwn(framework, task, state, 'REASON_SLAVE_REMOVED', why);
    }
    this.#tellLost(agent.id);
  }

  #tellLost(slaveId: SlaveId): void {
    for (const framework of this.#books.frameworks) this.#acts.tell(framework, LostSlave, { slaveId });
  }
}
