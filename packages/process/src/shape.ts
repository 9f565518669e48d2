import { keyEnd, keysMax, shapeNameMax } from './row.js';

/** Reads the values of one object after the other, each for the place of the next key. */
export interface ValueReader<P> {
  value(place: P): unknown;
}

/** How to make an object from what a reader reads. */
export type Maker = <P>(reader: ValueReader<P>, places: readonly P[]) => Record<string, unknown>;

/** How many objects of a shape are made the slow way before one goes to the trouble of a function for it. */
const compiledFrom = 64;
const rememberedMax = 1_000;

/** Plain objects with the same keys in the same order. */
export class Shape {
  #made = 0;
  #make: Maker | undefined;

  constructor(readonly keys: readonly string[]) {}

  /** Reads a value for each key, and makes an object of them. */
  read<P>(reader: ValueReader<P>, places: readonly P[]): Record<string, unknown> {
    if (this.#make !== undefined) return this.#make(reader, places);
    if (++this.#made >= compiledFrom) this.#make = compiled(this.keys);
    const object: Record<string, unknown> = {};
    for (const [i, key] of this.keys.entries()) object[key] = reader.value(places[i] as P);
    return object;
  }
}

const remembered = new Map<string, Shape>();

/**
 * The shape with these keys, each followed by {@link keyEnd}; shapes last from frame to frame.
 * @throws {TypeError} where they are none.
 */
export function shapeNamed(name: unknown): Shape {
  if (typeof name !== 'string' || name.length > shapeNameMax) throw new TypeError('a shape that is no list of keys');
  const known = remembered.get(name);
  if (known !== undefined) return known;
  const keys = name.split(keyEnd);
  if (keys.pop() !== '' || keys.length > keysMax || keys.includes('__proto__'))
    throw new TypeError('a malformed shape');
  const shape = new Shape(keys);
  if (remembered.size >= rememberedMax) remembered.clear();
  remembered.set(name, shape);
  return shape;
}

/** An object literal is made several times faster than an object that gets its keys one by one. */
function compiled(keys: readonly string[]): Maker {
  const fields = keys.map((key, i) => `${JSON.stringify(key)}: reader.value(places[${i}])`);
  return new Function('reader', 'places', `return { ${fields.join(', ')} };`) as Maker;
}
