import type { Cell } from './cell.js';
import type { Upid } from './upid.js';

/** Who of this Node and of others linked to a process, and to whom of this Node it linked. Most have none of these. */
export class Links {
  /** Processes of this Node that linked to it, and by which UPIDs: with or without the incarnation. */
  readonly linkers = new Map<Cell, Set<Upid>>();
  /** Processes of this Node that it linked to. */
  readonly linked = new Set<Cell>();
  /** Other Nodes with a process that linked to it, and under which incarnations they named it. */
  readonly remoteLinkers = new Map<string, Set<string>>();
  /** Whether it ever linked to a process of another Node. */
  linkedAfar = false;
  /** The UPIDs whose `exited` waits in its mailbox: as long as it does, linking again adds nothing. */
  readonly exitsWaiting = new Set<Upid>();
}
