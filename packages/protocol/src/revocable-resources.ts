import { isRevocable, normalize, type Resources, resourceLabel } from './resources.js';
import { ResourcesError } from './resources-error.js';

/** What of it is not only lent; the very same list where that is all. */
export function regularResources(resources: Resources): Resources {
  return resources.some(isRevocable) ? resources.filter((resource) => !isRevocable(resource)) : resources;
}

/** What of it is only lent. */
export function revocableResources(resources: Resources): Resources {
  return resources.filter(isRevocable);
}

/**
 * All of it as lent, in canonical form.
 * @throws {ResourcesError} INVALID for ranges, sets, and what is reserved.
 */
export function lent(resources: Resources): Resources {
  return normalize(
    resources.map((resource) => {
      if ('scalar' in resource) return { ...resource, revocable: true };
      throw new ResourcesError('RESOURCES_INVALID', `${resourceLabel(resource)} cannot be revocable: only amounts can`);
    }),
  );
}

/** The same list, as what a machine has of its own. @throws {ResourcesError} INVALID where any of it is revocable. */
export function owned(resources: Resources): Resources {
  const loan = resources.find(isRevocable);
  if (loan === undefined) return resources;
  throw new ResourcesError(
    'RESOURCES_INVALID',
    `${resourceLabel(loan)}: what an agent has of its own is not revocable`,
  );
}
