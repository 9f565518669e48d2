import type { Registry, RegistryOperation, Since } from './registry.js';

export interface RegistryGarbageOptions {
  /** How long is remembered who is unreachable, gone or done, in ms. Default 1,209,600,000: 2 weeks. */
  readonly registryMaxAgentAgeMs?: number;
  /** How many of each are remembered: the newest. Default 102,400. */
  readonly registryMaxAgentCount?: number;
}

export const registryGarbageDefaults: Required<RegistryGarbageOptions> = {
  registryMaxAgentAgeMs: 14 * 24 * 3_600_000,
  registryMaxAgentCount: 102_400,
};

/**
 * What is remembered of the past and need not be any longer (Mesos facts 3.2): agents that are unreachable or gone and, as
 * their number has no other bound, frameworks that are done.
 * @param now wall time, in ms since 1970.
 */
export function garbage(
  { unreachable, gone, removedFrameworks }: Registry,
  now: number,
  options: Required<RegistryGarbageOptions>,
): RegistryOperation[] {
  return [
    ...[unreachable, gone].flatMap((agents) =>
      tooOld(agents, now, options).map((id) => ({ type: 'remove-agent', id }) as const),
    ),
    ...tooOld(removedFrameworks, now, options).map((id) => ({ type: 'forget-framework', id }) as const),
  ];
}

function tooOld<Id>(
  entries: ReadonlyMap<Id, Since<Id>>,
  now: number,
  { registryMaxAgentAgeMs, registryMaxAgentCount }: Required<RegistryGarbageOptions>,
): Id[] {
  const newestFirst = [...entries.values()].sort((one, other) => other.since - one.since);
  return newestFirst
    .filter(({ since }, index) => index >= registryMaxAgentCount || now - since > registryMaxAgentAgeMs)
    .map(({ id }) => id);
}
