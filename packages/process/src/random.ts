import { randomBytes } from 'node:crypto';

/**
 * Where chance comes from: one seed, one sequence. Handed in like the Clock, so that a seed replays a run.
 * The generator is sfc32, which is fast and of good quality; it is not for secrets.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any text or number; the same seed gives the same sequence on every machine. */
  constructor(seed: string | number) {
    const next = mixer(String(seed));
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A generator whose seed nobody can guess: ids made from it do not collide between machines or restarts. */
  static system(): Random {
    return new Random(randomBytes(16).toString('hex'));
  }

  /** A whole number, uniform over [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number, uniform over [0, 1), with 32 bits of chance. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number, uniform over [0, bound); `bound` from 1 to 2^32. */
  integer(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }

  /** `length` characters of a-z and 0-9: 5.17 bits of chance each. */
  token(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += this.integer(36).toString(36);
    return text;
  }

  /** A UUID, version 4 (RFC 9562). */
  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.uint32().toString(16).padStart(8, '0')).join('');
    const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

/** Spreads a text over as many 32-bit words as are asked for (xmur3). */
function mixer(text: string): () => number {
  let h = 1779033703 ^ text.length;
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 3432918353);
    h = (h << 13) | (h >>> 19);
  }
  return () => {
    h = Math.imul(h ^ (h >>> 16), 2246822507);
    h = Math.imul(h ^ (h >>> 13), 3266489909);
    h ^= h >>> 16;
    return h >>> 0;
  };
}
