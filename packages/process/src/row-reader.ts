import { isAscii, isUtf8 } from 'node:buffer';
import type { Envelope, Head } from './frame.js';
import { depthMax, shapesMax, shortStringMax, Tag, textMax } from './row.js';
import { type Shape, shapeNamed } from './shape.js';

/** As they came: nothing of it is checked. */
export interface ReceivedRows {
  readonly shapes: unknown;
  readonly others: unknown;
  readonly texts: unknown;
  /** The rows, and the texts behind them. */
  readonly bytes: unknown;
}

/** A place where values stand, see row.ts. */
class ReadPlace {
  last: string | undefined;
  #items: ReadPlace | undefined;

  get items(): ReadPlace {
    this.#items ??= new ReadPlace();
    return this.#items;
  }
}

interface ReadShape {
  readonly shape: Shape;
  readonly places: readonly ReadPlace[];
}

/** Reads one frame in rows, see row.ts. Throws a {@link TypeError} where the bytes are not what they should be. */
export class RowReader {
  readonly #heads: readonly Head[];
  readonly #bodies: readonly ReadPlace[];
  readonly #shapes: readonly ReadShape[];
  readonly #others: readonly unknown[];
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #end: number;
  readonly #textLengths: readonly number[];
  readonly #ascii: boolean;
  #at = 0;
  #otherAt = 0;
  #textNumber = 0;
  #textsAt: number;
  #text = '';
  #textAt = 0;
  #depth = 0;

  constructor(heads: readonly Head[], { shapes, others, texts, bytes }: ReceivedRows) {
    if (!Array.isArray(shapes) || shapes.length > shapesMax) throw new TypeError('malformed shapes');
    if (!Array.isArray(others)) throw new TypeError('malformed others');
    if (!(bytes instanceof Uint8Array)) throw new TypeError('no rows');
    this.#heads = heads;
    this.#bodies = heads.map(() => new ReadPlace());
    this.#shapes = shapes.map((name) => {
      const shape = shapeNamed(name);
      return { shape, places: shape.keys.map(() => new ReadPlace()) };
    });
    this.#others = others;
    this.#textLengths = checkedLengths(texts);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength - this.#textLengths.reduce((sum, length) => sum + length, 0);
    this.#textsAt = this.#end;
    this.#ascii = isAscii(this.#bytes.subarray(this.#end));
  }

  read(): Envelope[] {
    const envelopes: Envelope[] = [];
    while (this.#at < this.#end) {
      const number = this.#count();
      const head = this.#heads[number];
      if (head === undefined) throw new TypeError('a row without a head');
      const askId = this.#count();
      const body = this.value(this.#bodies[number] as ReadPlace);
      envelopes.push([head[0], head[1], head[2], head[3], head[4], body, askId]);
    }
    // Also where more was read than there is.
    if (this.#otherAt !== this.#others.length) throw new TypeError('others that do not fit the rows');
    if (this.#textNumber !== this.#textLengths.length || this.#textAt !== this.#text.length)
      throw new TypeError('texts that do not fit the rows');
    return envelopes;
  }

  /** For {@link Shape}: the next value, at its place. */
  value(place: ReadPlace): unknown {
    const tag = this.#byte();
    if (tag < Tag.smallInteger) {
      const text = this.#string(tag);
      place.last = text;
      return text;
    }
    if (tag < Tag.same) return tag - Tag.smallInteger;
    if (tag >= Tag.object) return this.#object(tag - Tag.object);
    switch (tag) {
      case Tag.same:
        return sameAs(place);
      case Tag.null:
        return null;
      case Tag.undefined:
        return undefined;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.integer:
        return this.#int32();
      case Tag.float:
        return this.#float64();
      case Tag.string:
        return this.#longString(place);
      case Tag.array:
        return this.#array(place);
      case Tag.other:
        return this.#others[this.#otherAt++];
      default:
        throw new TypeError(`an unknown tag ${tag}`);
    }
  }

  #object(number: number): unknown {
    const read = this.#shapes[number];
    if (read === undefined) throw new TypeError('an object of no shape');
    this.#deeper();
    const object = read.shape.read(this, read.places);
    this.#depth--;
    return object;
  }

  #array(place: ReadPlace): unknown[] {
    const length = this.#int32();
    // Each takes a byte at least: nobody makes us keep room for what does not come.
    if (length < 0 || length > this.#end - this.#at) throw new TypeError('an array longer than its rows');
    this.#deeper();
    const { items } = place;
    const values: unknown[] = new Array(length);
    for (let i = 0; i < length; i++) values[i] = this.value(items);
    this.#depth--;
    return values;
  }

  #deeper(): void {
    if (++this.#depth > depthMax) throw new TypeError('too deep');
  }

  #longString(place: ReadPlace): string {
    const length = this.#int32();
    if (length <= shortStringMax) throw new TypeError('a string of no length');
    const text = this.#string(length);
    place.last = text;
    return text;
  }

  #string(length: number): string {
    if (length === 0) return '';
    if (this.#textAt === this.#text.length) this.#nextText(length);
    const start = this.#textAt;
    const end = start + length;
    this.#textAt = end;
    return this.#text.slice(start, end);
  }

  /** @param length of the first string in it. */
  #nextText(length: number): void {
    const bytes = this.#textLengths[this.#textNumber++];
    if (bytes === undefined) throw new TypeError('there is no text');
    const end = this.#textsAt + bytes;
    if (!this.#ascii && !isUtf8(this.#bytes.subarray(this.#textsAt, end))) throw new TypeError('a text of no UTF-8');
    const text = this.#bytes.toString(this.#ascii ? 'latin1' : 'utf8', this.#textsAt, end);
    // Whoever keeps a part of it would keep too much.
    if (text.length > textMax && text.length !== length) throw new TypeError('a text of too many strings');
    this.#textsAt = end;
    this.#text = text;
    this.#textAt = 0;
  }

  /** A number of 0 or more where an envelope says one. */
  #count(): number {
    const tag = this.#byte();
    return tag >= Tag.smallInteger && tag < Tag.same ? tag - Tag.smallInteger : this.#longCount(tag);
  }

  #longCount(tag: number): number {
    const count = tag === Tag.integer ? this.#int32() : tag === Tag.float ? this.#float64() : -1;
    if (count < 0 || !Number.isSafeInteger(count)) throw new TypeError('a malformed envelope');
    return count;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new TypeError('rows shorter than they are');
    return this.#bytes[this.#at++] as number;
  }

  #int32(): number {
    const at = this.#at;
    this.#advance(4);
    return this.#view.getInt32(at, true);
  }

  #float64(): number {
    const at = this.#at;
    this.#advance(8);
    return this.#view.getFloat64(at, true);
  }

  #advance(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#end) throw new TypeError('rows shorter than they are');
  }
}

function checkedLengths(texts: unknown): readonly number[] {
  if (!Array.isArray(texts) || !texts.every((length) => Number.isSafeInteger(length) && length > 0))
    throw new TypeError('malformed texts');
  return texts;
}

function sameAs({ last }: ReadPlace): string {
  if (last === undefined) throw new TypeError('the same as nothing');
  return last;
}
