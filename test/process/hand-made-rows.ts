import { Packr, Unpackr } from 'msgpackr';
import type { FrameParts, RawEnvelope } from './hand-made-node.js';

/*
 * Frames in rows by hand. Written out here, not imported: a change of the wire format must fail a test.
 */
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ mapsAsObjects: true });

/** What stands in a frame in rows; anything may be left malformed. */
export interface RowsParts extends FrameParts {
  readonly heads?: unknown;
  readonly shapes?: unknown;
  /** A list of them, or something else in its place. */
  readonly others?: unknown;
  readonly texts?: unknown;
  readonly rows?: readonly number[];
  /** The bytes of the texts. */
  readonly text?: string | Uint8Array;
}

export function rowsFrameBytes(parts: RowsParts): Uint8Array {
  const { version = 4, incarnation = 'raw1', session = 0, sequence = 0, heads, shapes = [], others = [] } = parts;
  const { texts = [], rows = [], text = '' } = parts;
  const bytes = Buffer.concat([Buffer.from(rows), Buffer.from(text as string)]);
  const packed = Array.isArray(others) ? packr.pack(others) : others;
  return packr.pack([version, incarnation, session, sequence, heads, shapes, packed, texts, bytes]);
}

/** All strings of a frame in rows, text by text. */
export function textsOf(frame: Uint8Array): string[] {
  const parts = unpackr.unpack(frame as Buffer) as unknown[];
  return split(parts.slice(4)).texts;
}

/** The envelopes of a frame in rows. */
export function rowEnvelopes(parts: readonly unknown[]): RawEnvelope[] {
  const [heads, shapes, packed] = parts as [unknown[], string[], Buffer];
  const { rows, texts } = split(parts);
  const others = packed.length === 0 ? [] : (unpackr.unpack(packed) as unknown[]);
  const keys = shapes.map((names) => names.split('\0').slice(0, -1));
  const values = new Values(rows, texts.join(''), keys, others);
  const envelopes: RawEnvelope[] = [];
  while (values.any) {
    const head = values.next('') as number;
    const ask = values.next('');
    envelopes.push([...heads.slice(5 * head, 5 * head + 5), values.next(`head ${head}`), ask]);
  }
  return envelopes;
}

class Values {
  #at = 0;
  #textAt = 0;
  readonly #said = new Map<string, string>();

  constructor(
    private readonly rows: Buffer,
    private readonly text: string,
    private readonly keys: readonly (readonly string[])[],
    private readonly others: unknown[],
  ) {}

  get any(): boolean {
    return this.#at < this.rows.length;
  }

  next(place: string): unknown {
    const tag = this.rows.readUInt8(this.#skip(1));
    if (tag < 0x80) return this.#string(place, tag);
    if (tag < 0xc0) return tag - 0x80;
    if (tag >= 0xe0) return this.#object(tag - 0xe0);
    const meanings = [
      () => this.#said.get(place),
      () => null,
      () => undefined,
      () => false,
      () => true,
      () => this.#int32(),
      () => this.rows.readDoubleLE(this.#skip(8)),
      () => this.#string(place, this.#int32()),
      () => Array.from({ length: this.#int32() }, () => this.next(`${place} items`)),
      () => this.others.shift(),
    ];
    return meanings[tag - 0xc0]?.();
  }

  #object(shape: number): unknown {
    return Object.fromEntries(this.keys[shape]?.map((key) => [key, this.next(`shape ${shape} ${key}`)]) ?? []);
  }

  #string(place: string, length: number): string {
    const value = this.text.slice(this.#textAt, this.#textAt + length);
    this.#textAt += length;
    this.#said.set(place, value);
    return value;
  }

  #int32(): number {
    return this.rows.readInt32LE(this.#skip(4));
  }

  /** @returns where it was. */
  #skip(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}

function split(parts: readonly unknown[]): { readonly rows: Buffer; readonly texts: string[] } {
  const [, , , lengths, bytes] = parts as [unknown, unknown, unknown, number[], Buffer];
  const end = bytes.length - lengths.reduce((sum, length) => sum + length, 0);
  const texts: string[] = [];
  for (let at = end, i = 0; i < lengths.length; i++) {
    const next = at + (lengths[i] ?? 0);
    texts.push(bytes.toString('utf8', at, next));
    at = next;
  }
  return { rows: bytes.subarray(0, end), texts };
}
