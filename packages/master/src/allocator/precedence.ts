import type { Precedence } from './explained.js';
import { inOrder, type ShareNode } from './share-node.js';

/**
 * From the top: each role, and then the framework, with the first of its siblings where that goes before it. Those that are
 * active are in order.
 */
export function precedence(leaf: ShareNode): Precedence[] {
  const path: Precedence[] = [];
  for (let node: ShareNode = leaf; node.parent !== undefined; node = node.parent) {
    node.reckon(); // whoever is not active may not have been looked at since agents came or went
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
