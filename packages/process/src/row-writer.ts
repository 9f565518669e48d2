import type { Envelope } from './frame.js';
import {
  depthMax,
  keyEnd,
  keysMax,
  shapeNameMax,
  shapesMax,
  shortStringMax,
  smallIntegerMax,
  Tag,
  textMax,
} from './row.js';

/** What a frame in rows holds. */
export interface WrittenRows {
  /** Five parts each. */
  readonly heads: unknown[];
  readonly shapes: string[];
  readonly others: unknown[];
  readonly texts: number[];
  /** The rows, and the texts behind them, until the next frame is written. */
  readonly bytes: readonly [rows: Uint8Array, texts: Uint8Array];
}

/** The keys that mean something else to objects, or to MessagePack: what has one of them is no record. */
const reservedKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'hasOwnProperty']);
/** How far back an envelope looks for one with the same head. */
const headsSearched = 4;
/** Of the memory for rows, and of that for texts. */
const initialBytes = 64 * 1024;
/** More is not kept for the next frame. */
const keptBytesMax = 4 * 1024 * 1024;
/** The most that a value takes without what belongs to it. */
const valueBytesMax = 9;
/** UTF-8 takes this much for a unit of UTF-16. */
const bytesPerUnitMax = 3;

interface WrittenShape {
  readonly number: number;
  readonly keys: readonly string[];
  readonly places: readonly WrittenPlace[];
}

/** A place where values stand: a field of a shape, the body of a head, or the items of all arrays in such a place. */
class WrittenPlace {
  last: string | undefined;
  /** Of the last object here: the next one most often has the same. */
  shape: WrittenShape | undefined;
  #items: WrittenPlace | undefined;

  get items(): WrittenPlace {
    this.#items ??= new WrittenPlace();
    return this.#items;
  }
}

interface WrittenHead {
  readonly envelope: Envelope;
  readonly body: WrittenPlace;
}

/** Writes envelopes in rows, see row.ts. Keeps its memory from frame to frame. */
export class RowWriter {
  #rows: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  #view = viewOf(this.#rows);
  #at = 0;
  /** Up to here there is room for a value. */
  #lastAt = initialBytes - valueBytesMax;
  #text = '';
  #texts: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  #textsAt = 0;
  #textLengths: number[] = [];
  #heads: WrittenHead[] = [];
  #shapes = new Map<string, WrittenShape>();
  #others: unknown[] = [];

  /** @throws what a getter throws. */
  write(envelopes: readonly Envelope[]): WrittenRows {
    this.#begin();
    for (const envelope of envelopes) {
      const head = this.#headOf(envelope);
      this.#number(head);
      this.#number(envelope[6]);
      this.#value((this.#heads[head] as WrittenHead).body, envelope[5], 0);
    }
    this.#endText();
    const written: WrittenRows = {
      heads: this.#heads.flatMap(({ envelope: [kind, toId, toIncarnation, fromId, name] }) => [
        kind,
        toId,
        toIncarnation,
        fromId,
        name,
      ]),
      shapes: [...this.#shapes.keys()],
      others: this.#others,
      texts: this.#textLengths,
      bytes: [this.#rows.subarray(0, this.#at), this.#texts.subarray(0, this.#textsAt)],
    };
    this.#begin();
    this.#shrink();
    return written;
  }

  #begin(): void {
    this.#at = 0;
    this.#text = '';
    this.#textsAt = 0;
    this.#textLengths = [];
    this.#heads = [];
    this.#shapes = new Map();
    this.#others = [];
  }

  #shrink(): void {
    if (this.#rows.byteLength > keptBytesMax) this.#setRows(Buffer.allocUnsafeSlow(initialBytes));
    if (this.#texts.byteLength > keptBytesMax) this.#texts = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** The number of an envelope's head; adds it unless one of the last few is the same. */
  #headOf(envelope: Envelope): number {
    const heads = this.#heads;
    const lowest = Math.max(0, heads.length - headsSearched);
    for (let number = heads.length - 1; number >= lowest; number--)
      if (isSameHead(envelope, (heads[number] as WrittenHead).envelope)) return number;
    heads.push({ envelope, body: new WrittenPlace() });
    return heads.length - 1;
  }

  #value(place: WrittenPlace, value: unknown, depth: number): void {
    if (typeof value === 'string') this.#string(place, value);
    else if (typeof value === 'number') this.#number(value);
    else if (value === null) this.#tag(Tag.null);
    else if (typeof value === 'object') this.#object(place, value, depth);
    else if (value === undefined) this.#tag(Tag.undefined);
    else if (typeof value === 'boolean') this.#tag(value ? Tag.true : Tag.false);
    else this.#other(value);
  }

  #string(place: WrittenPlace, value: string): void {
    const { length } = value;
    if (value === place.last) this.#tag(Tag.same);
    // Half of a pair must not find its other half in the next string.
    else if (length > 0 && (value.charCodeAt(length - 1) & 0xfc00) === 0xd800) this.#other(value);
    else {
      place.last = value;
      if (length <= shortStringMax) this.#tag(length);
      else this.#tagged(Tag.string, length);
      if (this.#text.length + length > textMax) this.#endText();
      this.#text += value;
    }
  }

  #endText(): void {
    const text = this.#text;
    if (text === '') return;
    const bytesMax = this.#textsAt + bytesPerUnitMax * text.length;
    if (bytesMax > this.#texts.byteLength) this.#texts = grown(this.#texts, this.#textsAt, bytesMax);
    const bytes = this.#texts.write(text, this.#textsAt, 'utf8');
    this.#textsAt += bytes;
    this.#textLengths.push(bytes);
    this.#text = '';
  }

  #number(value: number): void {
    if ((value | 0) === value) {
      if (value >= 0 && value <= smallIntegerMax) this.#tag(Tag.smallInteger + value);
      else this.#tagged(Tag.integer, value);
      return;
    }
    if (this.#at > this.#lastAt) this.#grow();
    this.#rows[this.#at] = Tag.float;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += 9;
  }

  #object(place: WrittenPlace, value: object, depth: number): void {
    if (depth >= depthMax) this.#other(value);
    else if (value.constructor === Object) this.#record(place, value as Readonly<Record<string, unknown>>, depth);
    else if (value.constructor === Array) this.#array(place.items, value as readonly unknown[], depth);
    else this.#other(value);
  }

  #array(items: WrittenPlace, values: readonly unknown[], depth: number): void {
    this.#tagged(Tag.array, values.length);
    for (let i = 0; i < values.length; i++) this.#value(items, values[i], depth + 1);
  }

  #record(place: WrittenPlace, object: Readonly<Record<string, unknown>>, depth: number): void {
    let { shape } = place;
    if (shape === undefined || !hasKeys(object, shape.keys)) {
      shape = this.#shapeOf(object);
      if (shape === undefined) {
        this.#other(object);
        return;
      }
      place.shape = shape;
    }
    this.#tag(Tag.object + shape.number);
    const { places } = shape;
    let i = 0;
    for (const key in object) {
      const value = object[key];
      const field = places[i++] as WrittenPlace;
      if (typeof value === 'string') this.#string(field, value);
      else this.#value(field, value, depth + 1);
    }
    if (i !== places.length) throw new TypeError('an object changed while it was written');
  }

  /** None where there are too many already, or the object is no record. */
  #shapeOf(object: Readonly<Record<string, unknown>>): WrittenShape | undefined {
    const keys = Object.keys(object);
    if (keys.length > keysMax) return undefined;
    const name = keys.map((key) => key + keyEnd).join('');
    const known = this.#shapes.get(name);
    if (known !== undefined) return hasKeys(object, known.keys) ? known : undefined;
    if (this.#shapes.size >= shapesMax || name.length > shapeNameMax || !isRecord(object, keys)) return undefined;
    const shape = { number: this.#shapes.size, keys, places: keys.map(() => new WrittenPlace()) };
    this.#shapes.set(name, shape);
    return shape;
  }

  #other(value: unknown): void {
    this.#tag(Tag.other);
    this.#others.push(value);
  }

  #tag(tag: number): void {
    if (this.#at > this.#lastAt) this.#grow();
    this.#rows[this.#at++] = tag;
  }

  #tagged(tag: number, integer: number): void {
    if (this.#at > this.#lastAt) this.#grow();
    this.#rows[this.#at] = tag;
    this.#view.setInt32(this.#at + 1, integer, true);
    this.#at += 5;
  }

  #grow(): void {
    this.#setRows(grown(this.#rows, this.#at, this.#at + valueBytesMax));
  }

  #setRows(rows: Buffer): void {
    this.#rows = rows;
    this.#view = viewOf(rows);
    this.#lastAt = rows.byteLength - valueBytesMax;
  }
}

function isSameHead(a: Envelope, b: Envelope): boolean {
  return a[0] === b[0] && a[3] === b[3] && a[4] === b[4] && a[1] === b[1] && a[2] === b[2];
}

/** Whether these are its keys, in this order, and all that `for in` goes through. */
function hasKeys(object: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  let i = 0;
  for (const key in object) if (keys[i++] !== key) return false;
  return i === keys.length;
}

function isRecord(object: Readonly<Record<string, unknown>>, keys: readonly string[]): boolean {
  return hasKeys(object, keys) && !keys.some((key) => reservedKeys.has(key) || key.includes(keyEnd));
}

function grown(buffer: Buffer, used: number, bytesMin: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.byteLength, bytesMin));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
