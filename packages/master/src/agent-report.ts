import { isDeepStrictEqual } from 'node:util';
import { normalize, owned, type ReregisterSlave, type SlaveInfo } from '@mesos-ts/protocol';

/**
 * What an agent says of itself, with its resources in their canonical form.
 * @throws {ResourcesError} where one name is used for two kinds, it has something revocable of its own, and the like.
 */
export function canonicalInfo(slave: SlaveInfo): SlaveInfo {
  return { ...slave, resources: owned(normalize(slave.resources)) };
}

/** As {@link canonicalInfo}, of all that it has and runs. */
export function canonicalReport(report: ReregisterSlave): ReregisterSlave {
  return {
    ...report,
    slave: canonicalInfo(report.slave),
    tasks: report.tasks.map((task) => ({ ...task, resources: normalize(task.resources) })),
    executors: report.executors.map(({ frameworkId, executor, role }) => ({
      frameworkId,
      role,
      executor: { ...executor, resources: normalize(executor.resources) },
    })),
  };
}

/** Whether two descriptions of the same agent or framework say the same. */
export function sameInfo(one: object, other: object): boolean {
  return isDeepStrictEqual(one, other);
}
