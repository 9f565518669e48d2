import type { AgentExplanation, AllocationQuestion, AllocatorCore, RoleExplanation } from '@mesos-ts/master';

/** A whole explanation, agents and all. */
export interface Explained extends RoleExplanation {
  /** By want. */
  readonly agents: readonly (readonly AgentExplanation[])[];
}

/** @param between called between one agent and the next. */
export function explained(
  core: AllocatorCore,
  question: AllocationQuestion,
  now: number,
  between: () => void = () => undefined,
): Explained[] {
  const explanation = core.explain(question);
  const agents = explanation.roles.map((role) => role.wants.map((): AgentExplanation[] => []));
  for (;;) {
    const slice = explanation.next(now, () => true);
    if (slice === undefined) break;
    agents[slice.role]?.[slice.want]?.push(...slice.agents);
    between();
  }
  return explanation.roles.map((role, index) => ({ ...role, agents: agents[index] ?? [] }));
}
