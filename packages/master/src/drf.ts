import type { Random } from '@mesos-ts/process';
import {
  addResources,
  containsResources,
  type Filters,
  type FrameworkId,
  isEmpty,
  type Resources,
  resourcesForRole,
  type SlaveId,
  scalarOf,
  scalarTotals,
  subtractResources,
} from '@mesos-ts/protocol';
import type { Allocation, Usage } from './allocator.js';

interface Slave {
  readonly id: SlaveId;
  readonly total: Resources;
  free: Resources;
  /** Whether what is free is worth an offer: settled when that changes, since each allocation asks it of all agents. */
  offerable: boolean;
  active: boolean;
  /** By framework: also of frameworks that were removed and still hold something here. */
  readonly allocated: Map<FrameworkId, Resources>;
}

/** Do not offer `resources` of that agent, or less, before `until` (on the monotonic clock, in ms). */
interface Refusal {
  readonly resources: Resources;
  readonly until: number;
}

interface Framework {
  readonly id: FrameworkId;
  role: string;
  active: boolean;
  suppressed: boolean;
  readonly refusals: Map<SlaveId, Refusal[]>;
  /** Thousandths by resource name, over all agents. */
  readonly allocated: Map<string, number>;
  /** How often something was allocated to it: breaks ties of the share. */
  allocations: number;
}

/** A dominant share, kept as a fraction so that equal shares compare as equal. */
interface Share {
  readonly part: number;
  readonly whole: number;
}

/** Less than this is worth no offer, in thousandths (Mesos' MIN_CPUS 0.01 and MIN_MEM 32 MB). */
const cpusMin = 10;
const memMin = 32_000;

/**
 * Plain dominant resource fairness over frameworks, as a pure core: books, and who is next. Each agent's free resources
 * go whole to the active framework with the lowest dominant share that does not refuse them (Mesos facts 4.2, 4.3).
 * A framework is offered what is unreserved and what is reserved for its role.
 *
 * @throws {ResourcesError} from any method that is told of something that the books contradict.
 */
export class Drf {
  readonly #slaves = new Map<SlaveId, Slave>();
  readonly #frameworks = new Map<FrameworkId, Framework>();
  /** Thousandths by resource name, of all agents. */
  readonly #totals = new Map<string, number>();

  addSlave(slaveId: SlaveId, total: Resources, used: readonly Omit<Usage, 'role'>[]): void {
    this.removeSlave(slaveId);
    const slave: Slave = { id: slaveId, total, free: total, offerable: false, active: true, allocated: new Map() };
    for (const { frameworkId, resources } of used)
      slave.allocated.set(frameworkId, addResources(slave.allocated.get(frameworkId) ?? [], resources));
    // What contradicts itself throws here, before it counts anywhere.
    let free = total;
    for (const resources of slave.allocated.values()) free = subtractResources(free, resources);
    setFree(slave, free);
    count(this.#totals, total, 1);
    this.#slaves.set(slaveId, slave);
    for (const [frameworkId, resources] of slave.allocated) this.#countAllocated(frameworkId, resources, 1);
  }

  removeSlave(slaveId: SlaveId): void {
    const slave = this.#slaves.get(slaveId);
    if (slave === undefined) return;
    this.#slaves.delete(slaveId);
    count(this.#totals, slave.total, -1);
    for (const [frameworkId, resources] of slave.allocated) this.#countAllocated(frameworkId, resources, -1);
    for (const framework of this.#frameworks.values()) framework.refusals.delete(slaveId);
  }

  setSlaveActive(slaveId: SlaveId, active: boolean): void {
    const slave = this.#slaves.get(slaveId);
    if (slave !== undefined) slave.active = active;
  }

  addFramework(frameworkId: FrameworkId, role: string): void {
    const known = this.#frameworks.get(frameworkId);
    if (known !== undefined) {
      if (known.role !== role) known.refusals.clear();
      known.role = role;
      return;
    }
    const framework: Framework = {
      id: frameworkId,
      role,
      active: false,
      suppressed: false,
      refusals: new Map(),
      allocated: new Map(),
      allocations: 0,
    };
    // After a failover of the master, agents may have told of its tasks before it came back itself.
    for (const slave of this.#slaves.values()) count(framework.allocated, slave.allocated.get(frameworkId) ?? [], 1);
    this.#frameworks.set(frameworkId, framework);
  }

  removeFramework(frameworkId: FrameworkId): void {
    this.#frameworks.delete(frameworkId);
  }

  setFrameworkActive(frameworkId: FrameworkId, active: boolean): void {
    const framework = this.#frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.active = active;
    if (active) this.revive(frameworkId);
  }

  recover(frameworkId: FrameworkId, slaveId: SlaveId, resources: Resources, now: number, filters?: Filters): void {
    const slave = this.#slaves.get(slaveId);
    if (slave === undefined || isEmpty(resources)) return;
    const framework = this.#frameworks.get(frameworkId);
    const left = subtractResources(slave.allocated.get(frameworkId) ?? [], resources);
    setFree(slave, addResources(slave.free, resources));
    if (isEmpty(left)) slave.allocated.delete(frameworkId);
    else slave.allocated.set(frameworkId, left);
    if (framework === undefined) return;
    count(framework.allocated, resources, -1);
    const refuseMs = (filters?.refuseSeconds ?? 0) * 1_000;
    if (refuseMs > 0) this.#refuse(framework, slaveId, { resources, until: now + refuseMs });
  }

  suppress(frameworkId: FrameworkId): void {
    const framework = this.#frameworks.get(frameworkId);
    if (framework !== undefined) framework.suppressed = true;
  }

  revive(frameworkId: FrameworkId): void {
    const framework = this.#frameworks.get(frameworkId);
    if (framework === undefined) return;
    framework.suppressed = false;
    framework.refusals.clear();
  }

  /** Gives away all that anyone will have. Agents are dealt out one by one, in random order. */
  allocate(now: number, random: Random): Allocation[] {
    const allocations: Allocation[] = [];
    const hungry = [...this.#frameworks.values()].filter((framework) => framework.active && !framework.suppressed);
    if (hungry.length === 0) return allocations;
    const slaves = [...this.#slaves.values()].filter((slave) => slave.active && slave.offerable);
    // Several frameworks may get something of one agent where parts of it are reserved for their roles.
    for (const slave of shuffled(slaves, random))
      for (const framework of this.#byShare(hungry)) {
        const resources = resourcesForRole(slave.free, framework.role);
        if (!isWorthAnOffer(resources) || this.#isRefused(framework, slave.id, resources, now)) continue;
        take(slave, framework.id, resources);
        this.#countAllocated(framework.id, resources, 1);
        framework.allocations++;
        allocations.push({ frameworkId: framework.id, slaveId: slave.id, role: framework.role, resources });
      }
    return allocations;
  }

  /** When the next refusal runs out, on the monotonic clock in ms: allocating before is in vain. */
  nextExpiry(now: number): number | undefined {
    let next: number | undefined;
    for (const framework of this.#frameworks.values())
      for (const refusals of framework.refusals.values())
        for (const { until } of refusals) if (until > now && (next === undefined || until < next)) next = until;
    return next;
  }

  #countAllocated(frameworkId: FrameworkId, resources: Resources, sign: 1 | -1): void {
    const framework = this.#frameworks.get(frameworkId);
    if (framework !== undefined) count(framework.allocated, resources, sign);
  }

  #byShare(frameworks: readonly Framework[]): readonly Framework[] {
    if (frameworks.length === 1) return frameworks;
    const shares = new Map(frameworks.map((framework) => [framework, this.#dominantShare(framework)]));
    return [...frameworks].sort(
      (a, b) =>
        compareShares(shares.get(a) as Share, shares.get(b) as Share) ||
        a.allocations - b.allocations ||
        (a.id < b.id ? -1 : 1),
    );
  }

  #dominantShare(framework: Framework): Share {
    let dominant: Share = { part: 0, whole: 1 };
    for (const [name, part] of framework.allocated) {
      const share = { part, whole: this.#totals.get(name) ?? 0 };
      if (share.whole > 0 && compareShares(share, dominant) > 0) dominant = share;
    }
    return dominant;
  }

  #refuse(framework: Framework, slaveId: SlaveId, refusal: Refusal): void {
    const refusals = framework.refusals.get(slaveId) ?? [];
    framework.refusals.set(slaveId, [...refusals, refusal]);
  }

  /** A refusal holds for what it names and for less, not for more (Mesos facts 4.6). */
  #isRefused(framework: Framework, slaveId: SlaveId, resources: Resources, now: number): boolean {
    const refusals = framework.refusals.get(slaveId)?.filter(({ until }) => until > now);
    if (refusals === undefined || refusals.length === 0) {
      framework.refusals.delete(slaveId);
      return false;
    }
    framework.refusals.set(slaveId, refusals);
    return refusals.some((refusal) => containsResources(refusal.resources, resources));
  }
}

function take(slave: Slave, frameworkId: FrameworkId, resources: Resources): void {
  setFree(slave, subtractResources(slave.free, resources));
  slave.allocated.set(frameworkId, addResources(slave.allocated.get(frameworkId) ?? [], resources));
}

function setFree(slave: Slave, free: Resources): void {
  slave.free = free;
  slave.offerable = isWorthAnOffer(free);
}

function isWorthAnOffer(resources: Resources): boolean {
  return scalarOf(resources, 'cpus') >= cpusMin || scalarOf(resources, 'mem') >= memMin;
}

/** In whole numbers: a share in floating point could make two equal ones differ. */
function compareShares(a: Share, b: Share): number {
  const [ours, theirs] = [a.part * b.whole, b.part * a.whole];
  if (Number.isSafeInteger(ours) && Number.isSafeInteger(theirs)) return ours - theirs;
  const left = BigInt(a.part) * BigInt(b.whole);
  const right = BigInt(b.part) * BigInt(a.whole);
  return left < right ? -1 : left > right ? 1 : 0;
}

function count(sums: Map<string, number>, resources: Resources, sign: 1 | -1): void {
  for (const [name, amount] of scalarTotals(resources)) {
    const sum = (sums.get(name) ?? 0) + sign * amount;
    if (sum === 0) sums.delete(name);
    else sums.set(name, sum);
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
