import type { Cell } from './cell.js';

/** How many cells a shard holds on average, at most. */
const shardCells = 8_192;

/**
 * The cells of a Node by id. One map of a million would copy itself in a single turn of the event loop when it grows, for
 * longer than a turn may take. So there are many small ones, and whenever they are full on average, one of them is split:
 * linear hashing.
 */
export class CellRegistry {
  readonly #shards: Map<string, Cell>[] = [new Map()];
  /** The largest power of two that is not more than the number of shards. */
  #level = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): Cell | undefined {
    return this.#shard(id).get(id);
  }

  /** There must be none of its id. */
  add(cell: Cell): void {
    this.#shard(cell.id).set(cell.id, cell);
    if (++this.#size > this.#shards.length * shardCells) this.#split();
  }

  delete(id: string): void {
    if (this.#shard(id).delete(id)) this.#size--;
  }

  /** In no particular order. */
  *values(): Generator<Cell> {
    for (const shard of this.#shards) yield* shard.values();
  }

  /** In the order in which they were spawned. */
  inOrder(): Cell[] {
    return [...this.values()].sort((a, b) => a.order - b.order);
  }

  #shard(id: string): Map<string, Cell> {
    return this.#shards[this.#shards.length === 1 ? 0 : this.#index(id)] as Map<string, Cell>;
  }

  #index(id: string): number {
    const hash = hashOf(id);
    const index = hash & (2 * this.#level - 1);
    return index < this.#shards.length ? index : hash & (this.#level - 1);
  }

  #split(): void {
    const from = this.#shards.length - this.#level;
    const source = this.#shards[from] as Map<string, Cell>;
    const target = new Map<string, Cell>();
    this.#shards.push(target);
    for (const [id, cell] of source) {
      if (this.#index(id) === from) continue;
      target.set(id, cell);
      source.delete(id);
    }
    if (this.#shards.length === 2 * this.#level) this.#level *= 2;
  }
}

/** FNV-1a, and a mix of its bits, of which the lowest decide. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
