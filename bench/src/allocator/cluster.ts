import type { AllocatorCore, FrameworkDescription, Quantities, SlaveDescription, Usage } from '@mesos-ts/master';
import { type FrameworkId, parseResources, type Resources, type SlaveId } from '@mesos-ts/protocol';
import { roleTree } from './role-tree.js';

/** What a core is filled with: plain data, since another OS process does it. */
export interface ClusterSpec {
  readonly agents: number;
  readonly frameworks: number;
  /** All frameworks in one role, the default; one a role, side by side; or one a role of a tree (Mesos facts 9.2). */
  readonly roles?: 'one' | 'own' | 'tree';
  /** How many of the frameworks are suppressed. Default 0. */
  readonly suppressed?: number;
  /** What every role is promised, and may have at most. Default: nothing, anything. */
  readonly quota?: { readonly guarantees: Quantities; readonly limits: Quantities };
  /** Whether the agents are of five kinds, by turns. Default: all are alike. */
  readonly mixed?: boolean;
  /** Whether a small task runs on every agent from the beginning. Default false. */
  readonly tasks?: boolean;
}

/** How deep the tree of roles is, and how many roles each one has below it. */
const tree = { height: 7, branching: 3 };
/** As in the benchmarks of Mesos (Mesos facts 4.9). */
const agentText = 'cpus:24;mem:4096;disk:4096;ports:[31000-32000]';
const mixedTexts = [
  agentText,
  'cpus:8;mem:32768;disk:102400;ports:[31000-32000]',
  'cpus:64;mem:262144;disk:1048576;ports:[31000-32000]',
  'cpus:15.5;mem:60000;disk:500000;ports:[20000-21000,31000-32000]',
  'cpus:96;mem:196608;ports:[31000-31999]',
];
const taskText = 'cpus:1;mem:128';

export function agentId(i: number): SlaveId {
  return `5f1d1c1e-7c34-4cd2-a5ae-5a8b0b6f4f5a-S${i}` as SlaveId;
}

export function frameworkId(i: number): FrameworkId {
  return `5f1d1c1e-7c34-4cd2-a5ae-5a8b0b6f4f5a-${String(i).padStart(4, '0')}` as FrameworkId;
}

/** What the task of {@link ClusterSpec.tasks} uses. */
export function taskResources(): Resources {
  return parseResources(taskText);
}

/** The agents in order, each description an object of its own, as those that come in messages are. */
export function* agentsOf(spec: ClusterSpec): Generator<[SlaveId, SlaveDescription, Usage[]]> {
  const roles = rolesOf(spec);
  const texts = spec.mixed === true ? mixedTexts : [agentText];
  for (let i = 0; i < spec.agents; i++) {
    const holder = i % spec.frameworks;
    const used =
      spec.tasks === true
        ? [{ frameworkId: frameworkId(holder), role: roles[holder] as string, resources: taskResources() }]
        : [];
    yield [
      agentId(i),
      { total: parseResources(texts[i % texts.length] as string), hostname: `worker-${i}.example` },
      used,
    ];
  }
}

/** The frameworks in order, each in one role. */
export function* frameworksOf(spec: ClusterSpec): Generator<[FrameworkId, FrameworkDescription]> {
  const roles = rolesOf(spec);
  for (let i = 0; i < spec.frameworks; i++) {
    const own = [roles[i] as string];
    const suppressedRoles = i < (spec.suppressed ?? 0) ? own : [];
    yield [frameworkId(i), { roles: own, suppressedRoles }];
  }
}

/** The role of each framework. */
export function rolesOf({ roles = 'one', frameworks }: ClusterSpec): readonly string[] {
  if (roles === 'tree') return roleTree(frameworks, tree.branching, tree.height);
  return Array.from({ length: frameworks }, (_, i) => (roles === 'own' ? `role-${i}` : '*'));
}

/** Sets the quota of every role. */
export function promise(core: AllocatorCore, spec: ClusterSpec): void {
  const { quota } = spec;
  if (quota !== undefined) core.updateQuota([...new Set(rolesOf(spec))].map((role) => ({ role, ...quota })));
}

/** Adds the agents, and what is promised of them. */
export function addAgents(core: AllocatorCore, spec: ClusterSpec): void {
  promise(core, spec);
  for (const [id, slave, used] of agentsOf(spec)) core.addSlave(id, slave, used);
}

/** Adds the frameworks and makes them active. */
export function addFrameworks(core: AllocatorCore, spec: ClusterSpec): void {
  for (const [id, framework] of frameworksOf(spec)) {
    core.addFramework(id, framework);
    core.activateFramework(id);
  }
}
