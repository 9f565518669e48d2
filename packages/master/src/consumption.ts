import { isRevocable, type Resources, scalarTotals, unreservedRole } from '@mesos-ts/protocol';
import type { Agent } from './agents.js';
import { usagesOf } from './books.js';
import { ancestorsOf } from './quota-check.js';

/** Thousandths by the name of a scalar resource. */
type Amounts = Map<string, number>;

/** What all agents have together, reserved or not. */
export function capacityOf(agents: Iterable<Agent>): Amounts {
  const capacity: Amounts = new Map();
  for (const { info } of agents) add(capacity, info.resources);
  return capacity;
}

/**
 * What counts to the quota of each role (Mesos facts 4.4): what is reserved for it and those below it, used or not, and what
 * of the rest their tasks and executors use. Not what they were only offered, nor what is revocable.
 */
export function consumptionOf(agents: Iterable<Agent>): ReadonlyMap<string, Amounts> {
  const byRole = new Map<string, Amounts>();
  const charge = (role: string, resources: Resources): void => {
    if (resources.length === 0) return;
    for (const one of [role, ...ancestorsOf(role)]) {
      const amounts = byRole.get(one) ?? new Map<string, number>();
      byRole.set(one, amounts);
      add(amounts, resources);
    }
  };
  for (const agent of agents) {
    for (const resource of agent.info.resources)
      if (resource.role !== unreservedRole) charge(resource.role, [resource]);
    for (const { role, resources } of usagesOf(agent))
      charge(
        role,
        resources.filter((one) => one.role === unreservedRole && !isRevocable(one)),
      );
  }
  return byRole;
}

/** Saturates where a sum could not be exact any more. */
function add(amounts: Amounts, resources: Resources): void {
  for (const [name, amount] of scalarTotals(resources))
    amounts.set(name, Math.min((amounts.get(name) ?? 0) + amount, Number.MAX_SAFE_INTEGER));
}
