import {
  type Allocation,
  AllocatorCore,
  type AllocatorCoreOptions,
  type FrameworkDescription,
  type Hindrance,
  type SlaveDescription,
} from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import { type FrameworkId, formatResources, lent, parseResources, type SlaveId } from '@mesos-ts/protocol';
import { explained } from './explained.js';

/** A core that is told of things in few words. */
export class Scene {
  readonly core: AllocatorCore;
  now = 0;

  constructor(options: Partial<AllocatorCoreOptions> = {}) {
    this.core = new AllocatorCore({ random: new Random(1), ...options });
  }

  slave(id: string, total: string, description: Partial<SlaveDescription> = {}): this {
    this.core.addSlave(slave(id), { total: parseResources(total), hostname: id, ...description }, []);
    return this;
  }

  /** From now on the agent lends that. */
  lend(id: string, amounts: string): this {
    this.core.updateOversubscribed(slave(id), lent(parseResources(amounts)));
    return this;
  }

  /** What is free of an agent, as text. */
  free(id: string): string {
    return formatResources(this.core.free(slave(id)) ?? []);
  }

  /** An agent all of which is in use. */
  full(id: string, total: string, frameworkId: string, role = '*'): this {
    const resources = parseResources(total);
    const used = [{ frameworkId: framework(frameworkId), role, resources }];
    this.core.addSlave(slave(id), { total: resources, hostname: id }, used);
    return this;
  }

  /** An active framework in these roles. */
  framework(id: string, roles = '*', description: Partial<FrameworkDescription> = {}): this {
    this.core.addFramework(framework(id), { roles: roles.split(' '), ...description });
    this.core.activateFramework(framework(id));
    return this;
  }

  /** What is given, as `a/web s1 cpus:4`; a role is only named where it is not `*`. */
  given(): string[] {
    return this.core.allocate(this.now).map(textOf);
  }

  /** The same, of which the order does not matter. */
  givenToAll(): string[] {
    return this.given().sort();
  }

  decline(id: string, slaveId: string, resources: string, refuseSeconds = 0, role = '*'): this {
    const filters = { refuseSeconds };
    this.core.recoverResources(framework(id), slave(slaveId), role, parseResources(resources), this.now, filters);
    return this;
  }

  release(id: string, slaveId: string, resources: string, role = '*'): this {
    this.core.releaseResources(framework(id), slave(slaveId), role, parseResources(resources));
    return this;
  }

  use(id: string, slaveId: string, resources: string, role = '*'): this {
    this.core.used(framework(id), slave(slaveId), role, parseResources(resources));
    return this;
  }

  /** What stands in the way of a framework in a role on an agent. */
  hindrance(id: string, slaveId: string, role = '*'): Hindrance | undefined {
    const [explanation] = explained(this.core, { frameworkId: framework(id), role }, this.now);
    return explanation?.agents[0]?.find((one) => one.slaveId === slaveId)?.hindrance;
  }
}

export function slave(id: string): SlaveId {
  return id as SlaveId;
}

export function framework(id: string): FrameworkId {
  return id as FrameworkId;
}

export function textOf({ frameworkId, slaveId, role, resources }: Allocation): string {
  return `${frameworkId}${role === '*' ? '' : `/${role}`} ${slaveId} ${formatResources(resources)}`;
}
