import type { Cell } from './cell.js';
import { CellTable, hashOf } from './cell-table.js';

/** One for each value of the highest 8 bits of a hash. */
const tables = 256;
/** How full a table is when it grows: the first at the lower share, the last at the upper. */
const fillMax = [3 / 8, 3 / 4] as const;

/**
 * The cells of a Node by id. One table of a million would be copied in a single turn of the event loop when it grows, for
 * longer than a turn may take. So there are many; and since they fill evenly, each grows at a fill of its own, or all of
 * them would grow in one turn.
 */
export class CellRegistry {
  /** By the highest bits of the hash; those that were never needed are not there. */
  readonly #tables: (CellTable | undefined)[] = new Array<CellTable | undefined>(tables).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string, hash = hashOf(id)): Cell | undefined {
    return this.#tables[tableOf(hash)]?.get(id, hash);
  }

  /**
   * There must be none of its id.
   * @param hash that of its id.
   */
  add(cell: Cell, hash: number): void {
    const index = tableOf(hash);
    const table = this.#tables[index] ?? new CellTable(fillMax[0] + (fillMax[1] - fillMax[0]) * (index / tables));
    this.#tables[index] = table;
    table.add(cell, hash);
    this.#size++;
  }

  delete(id: string): void {
    const hash = hashOf(id);
    if (this.#tables[tableOf(hash)]?.delete(id, hash)) this.#size--;
  }

  /** In no particular order. */
  *values(): Generator<Cell> {
    for (const table of this.#tables) if (table !== undefined) yield* table.values();
  }

  /** In the order in which they were spawned. */
  inOrder(): Cell[] {
    return [...this.values()].sort((a, b) => a.order - b.order);
  }
}

function tableOf(hash: number): number {
  return hash >>> 24;
}
