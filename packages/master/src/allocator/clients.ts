import { type FrameworkId, type Resources, regularResources, resourcesForRole } from '@mesos-ts/protocol';
import type { Demand, FrameworkDescription, OfferConstraints } from './allocator.js';
import type { Role } from './roles.js';
import type { Amounts } from './scalar-names.js';
import type { ShareNode } from './share-node.js';

/** A framework, as the allocator knows it. */
export interface Applicant {
  readonly id: FrameworkId;
  description: FrameworkDescription;
  active: boolean;
  readonly clients: Map<string, Client>;
  /** What it holds in offers, in all its roles. */
  readonly offered: Amounts;
  /** It has said what it waits for, so that it waits for nothing in roles that it did not name. */
  demanding: boolean;
}

/** So many times a shape that a framework waits for. */
export interface Wish {
  readonly demand: Demand;
  readonly shape: Amounts;
  readonly count: number;
}

/** A framework in one of its roles: what resources are given to. */
export interface Client {
  /** Small, and used again when it has left. */
  readonly number: number;
  readonly framework: Applicant;
  readonly role: Role;
  readonly node: ShareNode;
  suppressed: boolean;
  /** Of these an offer holds one at least; none: anything. */
  minima: readonly Amounts[];
  constraints: OfferConstraints | undefined;
  /** What it waits for; undefined: whatever there is. */
  wishes: readonly Wish[] | undefined;
  /** What it holds in offers. */
  readonly offered: Amounts;
  /** Refusals with a lower serial are forgotten. */
  refusalsSince: number;
  /** Whether limits must not pass over its role as a whole: it may want something that others would not. */
  particular: boolean;
}

/** Whether it can do with losing what it uses; a shape that somebody waits for is of what it may keep. */
export function takesLoans({ framework, wishes }: Client): boolean {
  return framework.description.revocableResources === true && wishes === undefined;
}

/** What of it the client may have at all, whatever quota says. */
export function usableBy(client: Client, resources: Resources): Resources {
  const ofRole = resourcesForRole(resources, client.role.path);
  return takesLoans(client) ? ofRole : regularResources(ofRole);
}

/** How often a shape fits into amounts. */
export function fits(amounts: Amounts, shape: Amounts): number {
  let times = Number.POSITIVE_INFINITY;
  for (let place = 0; place < shape.length; place++) {
    const part = shape[place] as number;
    if (part > 0) times = Math.min(times, Math.floor((amounts[place] ?? 0) / part));
  }
  return Math.max(0, times);
}
