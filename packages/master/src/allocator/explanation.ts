import type { AgentExplanation, Hindrance, Precedence, RoleExplanation } from './allocator.js';
import { type Client, fits, usableBy } from './clients.js';
import type { GiftRules } from './gift.js';
import { lacking, type ScalarNames } from './scalar-names.js';
import { inOrder, type ShareNode } from './share-node.js';
import type { SlaveBooks } from './slave-books.js';

/** What an explanation looks at. */
export interface ExplanationOptions {
  readonly rules: GiftRules;
  readonly names: ScalarNames;
  readonly slaves: Iterable<SlaveBooks>;
  /** By the monotonic clock, in ms. */
  readonly now: number;
}

/** Why a framework is not offered more in one of its roles: what stands in the way on each agent, and who goes before it. */
export function explain(client: Client, options: ExplanationOptions): RoleExplanation {
  return {
    role: client.role.path,
    demands: client.wishes?.map(({ demand, count }) => ({ ...demand, count })),
    precedence: precedence(client.node),
    agents: [...options.slaves].map((slave) => explainAgent(client, slave, options)),
  };
}

function explainAgent(client: Client, slave: SlaveBooks, options: ExplanationOptions): AgentExplanation {
  const held = [...slave.holdings].map(({ frameworkId, role, resources }) => ({ frameworkId, role, resources }));
  return {
    slaveId: slave.id,
    hostname: slave.description.hostname,
    hindrance: hindrance(client, slave, options),
    held,
  };
}

function hindrance(client: Client, slave: SlaveBooks, { rules, names, now }: ExplanationOptions): Hindrance {
  if (!client.framework.active) return { why: 'framework-inactive' };
  if (client.suppressed) return { why: 'suppressed' };
  if (!slave.active) return { why: 'agent-inactive' };
  if (!slave.listed) return { why: 'not-whitelisted' };
  const gift = rules.gift(slave, client);
  if (gift !== undefined) {
    const until = slave.refusals?.refusedUntil(0, client.number, gift, client.refusalsSince, now) ?? 0;
    return until > now ? { why: 'filtered', forMs: until - now } : { why: 'next' };
  }
  const found = rules.hindrance;
  if (found.why === 'region') return { ...found, region: slave.description.domain?.region ?? '' };
  return found.why === 'short' ? (tooSmall(client, slave, names) ?? found) : found;
}

/** Where even all that the agent has would not do. */
function tooSmall(client: Client, slave: SlaveBooks, names: ScalarNames): Hindrance | undefined {
  const whole = names.scalars(usableBy(client, slave.whole));
  const wanted = client.wishes?.map(({ shape }) => shape) ?? client.minima;
  const least = wanted[0];
  if (least === undefined || wanted.some((one) => fits(whole, one) > 0)) return undefined;
  return { why: 'too-small', by: names.quantities(lacking(whole, least)) };
}

/** From the top: each role, and then the framework, with the first of its siblings where that goes before it. */
function precedence(leaf: ShareNode): Precedence[] {
  const path: Precedence[] = [];
  for (let node: ShareNode = leaf; node.parent !== undefined; node = node.parent) {
    const { first } = node.parent;
    const ahead = first !== undefined && first !== node && inOrder(first, node) ? described(first) : undefined;
    path.unshift({ ...described(node), ahead });
  }
  return path;
}

function described(node: ShareNode): { readonly node: string; readonly share: string } {
  return { node: nameOf(node), share: shareOf(node) };
}

/** The path of a role, `/.` for the frameworks of a role that has roles below it, or the id of a framework. */
function nameOf(node: ShareNode): string {
  if (node.client >= 0) return node.name;
  const names: string[] = [];
  for (let at: ShareNode = node; at.parent !== undefined; at = at.parent) names.unshift(at.name);
  return names.join('/');
}

/** With four decimals, for people. */
function shareOf({ part, whole, weight }: ShareNode): string {
  const tenThousandths = (BigInt(part) * 10_000n * 1_000n) / (BigInt(whole) * BigInt(weight));
  return `${tenThousandths / 10_000n}.${String(tenThousandths % 10_000n).padStart(4, '0')}`;
}
