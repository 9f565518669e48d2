import type { Cell } from './cell.js';

const slotsMin = 8;

/**
 * Some cells by id: a hash table with open addressing. The hashes lie side by side, so to learn that an id is free, which
 * every spawn does, takes one look into memory; a `Map` follows a chain through entries and strings all over the heap.
 */
export class CellTable {
  /** Of the cell in the same slot; 0 where there is none. */
  #hashes = new Int32Array(slotsMin);
  #cells: (Cell | undefined)[] = slots(slotsMin);
  #size = 0;
  /** It grows when more than this share of its slots is taken. */
  readonly #fillMax: number;

  constructor(fillMax: number) {
    this.#fillMax = fillMax;
  }

  /** @param hash that of the id, as {@link hashOf} gives it. */
  get(id: string, hash: number): Cell | undefined {
    return this.#cells[this.#find(id, hash)];
  }

  /** There must be none of its id. */
  add(cell: Cell, hash: number): void {
    if (++this.#size > this.#hashes.length * this.#fillMax) this.#resize(this.#hashes.length * 2);
    this.#put(cell, hash);
  }

  /** @returns whether it was there. */
  delete(id: string, hash: number): boolean {
    const slot = this.#find(id, hash);
    if (this.#cells[slot] === undefined) return false;
    this.#vacate(slot);
    if (--this.#size * 8 < this.#hashes.length && this.#hashes.length > slotsMin) this.#resize(this.#hashes.length / 2);
    return true;
  }

  *values(): Generator<Cell> {
    for (const cell of this.#cells) if (cell !== undefined) yield cell;
  }

  /** The slot of the cell with that id; an empty one where there is none. */
  #find(id: string, hash: number): number {
    const last = this.#hashes.length - 1;
    let slot = hash & last;
    for (let found = this.#hashes[slot]; found !== 0; found = this.#hashes[slot]) {
      if (found === hash && this.#cells[slot]?.id === id) return slot;
      slot = (slot + 1) & last;
    }
    return slot;
  }

  #put(cell: Cell, hash: number): void {
    const last = this.#hashes.length - 1;
    let slot = hash & last;
    while (this.#hashes[slot] !== 0) slot = (slot + 1) & last;
    this.#hashes[slot] = hash;
    this.#cells[slot] = cell;
  }

  /** Those behind it, up to the next empty slot, move up where that brings them closer to their own. */
  #vacate(vacant: number): void {
    const last = this.#hashes.length - 1;
    let hole = vacant;
    let slot = vacant;
    for (;;) {
      slot = (slot + 1) & last;
      const hash = this.#hashes[slot] as number;
      if (hash === 0) break;
      if (((slot - hash) & last) < ((slot - hole) & last)) continue;
      this.#hashes[hole] = hash;
      this.#cells[hole] = this.#cells[slot];
      hole = slot;
    }
    this.#hashes[hole] = 0;
    this.#cells[hole] = undefined;
  }

  #resize(length: number): void {
    const [hashes, cells] = [this.#hashes, this.#cells];
    this.#hashes = new Int32Array(length);
    this.#cells = slots(length);
    for (let slot = 0; slot < cells.length; slot++) {
      const cell = cells[slot];
      if (cell !== undefined) this.#put(cell, hashes[slot] as number);
    }
  }
}

/** FNV-1a, and a mix of its bits, since slots are found by the lowest and tables by the highest; never 0. */
export function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) | 0 || 1;
}

function slots(length: number): (Cell | undefined)[] {
  return new Array<Cell | undefined>(length).fill(undefined);
}
