import type { FrameworkId, SlaveId } from '@mesos-ts/protocol';
import type { Hindrance, Quantities, Usage } from './allocator.js';

/** What is to be explained. */
export interface AllocationQuestion {
  /** Undefined: a framework that is in `role`, takes anything, also gpus and agents of other regions, and is not there yet. */
  readonly frameworkId?: FrameworkId | undefined;
  /** Needed where no framework is named; else it is explained in that role alone. */
  readonly role?: string | undefined;
  /** As if it waited for that once, and for nothing else. Undefined: what it does wait for. */
  readonly shape?: Quantities | undefined;
}

/** A role or framework on the way to the one asked about, and the first of its siblings, if that goes before it. */
export interface Precedence {
  /** The path of a role, or a framework's id. */
  readonly node: string;
  /** The weighted dominant share, as a decimal fraction for people: `0.41`. */
  readonly share: string;
  readonly ahead: { readonly node: string; readonly share: string } | undefined;
}

/** What a role and those below it are promised, may have at most, and have of that. */
export interface QuotaState {
  readonly role: string;
  readonly guarantees: Quantities;
  readonly limits: Quantities;
  /** Of the names that either of them has. Offered counts, too. */
  readonly consumed: Quantities;
}

/** `satisfied`: it has said what it waits for, and that is nothing more. */
export type MemberState = 'active' | 'suppressed' | 'inactive' | 'satisfied';

/** What there is to say of a role that no framework was named for. */
export interface RoleMembers {
  /** The frameworks in the role itself. */
  readonly frameworks: readonly { readonly frameworkId: FrameworkId; readonly state: MemberState }[];
  /** The roles next below it. */
  readonly below: readonly string[];
}

/** What is waited for: so many times a shape, or whatever there is. */
export interface Want {
  readonly shape?: Quantities;
  readonly count?: number;
}

/** How a framework in a role stands in its turn, and what it is looked at for. */
export interface RoleExplanation {
  readonly role: string;
  /** From the top; empty where chance decides who is next. */
  readonly precedence: readonly Precedence[];
  /** Of the roles, from the top, that have a quota. */
  readonly quotas: readonly QuotaState[];
  readonly members: RoleMembers | undefined;
  /** Each is looked at by itself. At least one. */
  readonly wants: readonly Want[];
  /** How many more there are than are explained at once. */
  readonly wantsLeftOut: number;
}

/** How one agent stands to it. */
export interface AgentExplanation {
  readonly slaveId: SlaveId;
  readonly hostname: string;
  readonly hindrance: Hindrance;
  /** Who holds what is not free there. */
  readonly held: readonly Usage[];
}

/** How some agents stand to one of the wants of one of the roles, both by their places in the explanation. */
export interface ExplanationSlice {
  readonly role: number;
  readonly want: number;
  readonly agents: readonly AgentExplanation[];
}
