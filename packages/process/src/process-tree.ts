import type { Cell } from './cell.js';
import type { ProcessHealth } from './health.js';

/** The processes of a Node as a tree for people: each below the one that spawned it, in the order of spawning. */
export function processTree(title: string, roots: Iterable<Cell>): string {
  return [title, ...branches([...roots], '')].join('\n');
}

function branches(cells: readonly Cell[], indent: string): string[] {
  return cells.flatMap((cell, index) => {
    const last = index === cells.length - 1;
    const line = `${indent}${last ? '└─' : '├─'} ${described(cell.health())}`;
    return [line, ...branches([...(cell.children ?? [])], `${indent}${last ? '   ' : '│  '}`)];
  });
}

function described({ id, state, mailboxDepth, restarts }: ProcessHealth): string {
  const restarted = restarts === 0 ? '' : `, ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`;
  return `${id}: ${state}, ${mailboxDepth} waiting${restarted}`;
}
