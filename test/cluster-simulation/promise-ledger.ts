import type { Books } from '@mesos-ts/master';
import {
  addResources,
  containsResources,
  formatResources,
  type OfferId,
  type Resources,
  regularResources,
  type SlaveId,
  type TaskId,
} from '@mesos-ts/protocol';

/** What runs on one life of an agent. */
interface Load {
  readonly capacity: Resources;
  readonly running: Map<TaskId, Resources>;
}

/**
 * No resource of an agent is promised twice by a leader's books, and what runs on an agent never exceeds it; in a calm, in
 * which somebody takes whatever is offered, none is forgotten.
 */
export class PromiseLedger {
  /** Offers that were made and may still be out, by the books that they are of and their agent. */
  readonly #offers = new WeakMap<Books, Map<SlaveId, Set<OfferId>>>();
  readonly #loads = new Map<string, Load>();
  /** Agents of which all was in use or on offer at one moment, since this was last emptied. */
  readonly #full = new Set<SlaveId>();

  offered(books: Books, offers: readonly { readonly id: OfferId; readonly slaveId: SlaveId }[]): void {
    const made = this.#offers.get(books) ?? new Map<SlaveId, Set<OfferId>>();
    this.#offers.set(books, made);
    for (const { id, slaveId } of offers) made.set(slaveId, (made.get(slaveId) ?? new Set()).add(id));
    for (const { slaveId } of offers) this.check(books, slaveId);
  }

  /** All that is offered of one agent, and all that is launched there, must fit into it. */
  check(books: Books, slaveId: SlaveId): void {
    const agent = books.agents.get(slaveId);
    if (agent === undefined) return;
    const promised: Resources[] = [];
    const made = this.#offers.get(books)?.get(slaveId) ?? new Set();
    for (const id of made) {
      const offer = books.offers.get(id);
      if (offer === undefined) made.delete(id);
      else promised.push(offer.resources);
    }
    for (const { task, holdsResources } of agent.tasks) if (holdsResources) promised.push(task.resources);
    for (const { holds } of agent.executors.values()) promised.push(...holds.map(({ resources }) => resources));
    const all = sum(promised);
    if (containsResources(all, addResources(agent.info.resources, agent.oversubscribed))) this.#full.add(slaveId);
    // What is lent may become less than is in use.
    if (!containsResources(agent.info.resources, regularResources(all)))
      throw new Error(
        `promises: of ${slaveId}'s ${formatResources(agent.info.resources)}, ${formatResources(all)} is promised`,
      );
  }

  /** From now on it is looked for agents of which all is in use or on offer. */
  lookForIdle(): void {
    this.#full.clear();
  }

  /** What nobody uses and nobody was offered since: a part of it at least is lost to the books. */
  isIdle(slaveId: SlaveId): boolean {
    return !this.#full.has(slaveId);
  }

  agentBegan(life: string, capacity: Resources): void {
    this.#loads.set(life, { capacity, running: new Map() });
  }

  agentEnded(life: string): void {
    this.#loads.delete(life);
  }

  /** An executor begins a task. */
  started(life: string, taskId: TaskId, resources: Resources): void {
    const load = this.#loads.get(life);
    if (load === undefined) return;
    load.running.set(taskId, resources);
    const all = sum(load.running.values());
    if (!containsResources(load.capacity, regularResources(all)))
      throw new Error(`promises: ${formatResources(all)} runs on ${life}, which has ${formatResources(load.capacity)}`);
  }

  ended(life: string, taskId: TaskId): void {
    this.#loads.get(life)?.running.delete(taskId);
  }
}

function sum(parts: Iterable<Resources>): Resources {
  let total: Resources = [];
  for (const part of parts) total = addResources(total, part);
  return total;
}
