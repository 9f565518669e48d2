import type { Demand, FrameworkInfo, Quantities } from '@mesos-ts/protocol';
import type { FrameworkDescription, OfferConstraints } from './allocator/allocator.js';

/** As much as a registry can be asked to keep of one framework, in characters of JSON. */
const infoMax = 256 * 1024;

/** Why a framework cannot be let in with this description, and waits for that; undefined when it can (Mesos facts 3.7). */
export function whyInfoInvalid(info: FrameworkInfo, demands: readonly Demand[] = []): string | undefined {
  const roles = new Set(info.roles);
  for (const [field, named] of [
    ['suppressedRoles', info.suppressedRoles ?? []],
    ['offerFilters', Object.keys(info.offerFilters ?? {})],
    ['offerConstraints', Object.keys(info.offerConstraints ?? {})],
    ['demands', demands.map(({ role }) => role)],
  ] as const) {
    const foreign = named.find((role) => !roles.has(role));
    if (foreign !== undefined) return `${field} names the role ${foreign}, which is not among the framework's roles`;
  }
  const size = JSON.stringify(info).length;
  return size > infoMax ? `its description is ${size} characters long; at most ${infoMax} are allowed` : undefined;
}

/** What is to be kept for a later leader: which roles it suppresses is told anew with every registration. */
export function lastingInfo(info: FrameworkInfo): FrameworkInfo {
  const { suppressedRoles: _passing, ...lasting } = info;
  return lasting;
}

/** What the allocator is to know of a framework. What is said of roles that it is not in counts for nothing. */
export function frameworkDescription(info: FrameworkInfo): FrameworkDescription {
  const { roles, suppressedRoles = [], capabilities = [] } = info;
  return {
    roles,
    suppressedRoles: suppressedRoles.filter((role) => roles.includes(role)),
    minAllocatable: byRole<readonly Quantities[]>(roles, (role) => own(info.offerFilters, role)?.minAllocatable),
    constraints: byRole<OfferConstraints>(roles, (role) => own(info.offerConstraints, role)),
    gpuResources: capabilities.includes('GPU_RESOURCES'),
    regionAware: capabilities.includes('REGION_AWARE'),
    revocableResources: capabilities.includes('REVOCABLE_RESOURCES'),
  };
}

/** A role may be named as something that every object has, such as `constructor`. */
function own<T>(record: Readonly<Record<string, T>> | undefined, role: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, role) ? record[role] : undefined;
}

/** Without a prototype, so that it has those roles and nothing else. */
function byRole<T>(roles: readonly string[], of: (role: string) => T | undefined): Readonly<Record<string, T>> {
  const record: Record<string, T> = Object.create(null);
  for (const role of roles) {
    const value = of(role);
    if (value !== undefined) record[role] = value;
  }
  return record;
}
