import { Packr, Unpackr } from 'msgpackr';
import { RowReader } from './row-reader.js';
import { RowWriter } from './row-writer.js';
import { incarnationPattern, processIdPattern } from './upid.js';

/**
 * How a frame is laid out; the first thing in it. Every build reads `plain`, so that any two can greet each other; the
 * others go to Nodes whose hello says that they read them. Never reuse a number.
 */
export const Layout = {
  /** `[1, incarnation, session, sequence, envelopes]` */
  plain: 1,
  /** `[2, incarnation, session, sequence, heads, rest]`: what envelopes of one frame have in common is said once. */
  compact: 2,
  /** `[3, incarnation, session, sequence, id, bytesTotal, offset, bytes]`: a part of a frame that is too large. */
  chunk: 3,
  /** `[4, incarnation, session, sequence, heads, shapes, others, texts, rows]`: many at once, see row.ts. */
  rows: 4,
} as const;
export type Layout = (typeof Layout)[keyof typeof Layout];

/** The layouts that this build reads: from the first to the last. */
export const layoutRange: readonly [first: number, last: number] = [Layout.plain, Layout.rows];

/** What an envelope is for. The numbers are the wire format: never reuse one. */
export const Kind = {
  send: 0,
  ask: 1,
  reply: 2,
  /** Answers an ask: there is no such process. */
  noProcess: 3,
  /** The sender wants one `exited` for the receiver. */
  link: 4,
  /** The process `from` ended: for all who linked to it. `name` is the reason. */
  exited: 5,
  ping: 6,
  pong: 7,
  /** The sender of this missed frames from us: what it was to watch for us is no longer sure. */
  lost: 8,
  /** Answers an ask: the process did not handle it. `name` is the reason, the body says why in words. */
  refused: 9,
  /** What the sender's build can do; first in every session. `body` is a {@link Hello}. */
  hello: 10,
  /** How much of our large messages has arrived. `body` is `[session, bytes of chunks in it so far]`. */
  received: 11,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What an envelope most often has in common with others. */
export type Head = readonly [
  kind: Kind,
  toId: string,
  /** Empty: whatever incarnation of the Node lives. */
  toIncarnation: string,
  fromId: string,
  /** The name of the message type. */
  name: string,
];

/** One message within a frame; 0 where nothing is asked. */
export type Envelope = readonly [...head: Head, body: unknown, askId: number];

/** A part of the bytes of a whole frame, in order. */
export interface Chunk {
  /** Which large frame of the session it belongs to. */
  readonly id: number;
  /** Of the whole. */
  readonly bytesTotal: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Everything that one Node says to another in one turn of its event loop. */
export interface Frame {
  /** The sender's incarnation. */
  readonly incarnation: string;
  /** One more at every new connection of the sender. */
  readonly session: number;
  /** Counts the frames from this sender to this receiver in this session, from 0: a gap is a loss. */
  readonly sequence: number;
  readonly envelopes: readonly Envelope[];
  /** Instead of envelopes. */
  readonly chunk?: Chunk;
}

/** Below this, defining records inside a frame costs more than they save. */
const recordsFrom = 8;
/** And from here on, shapes and texts save more than they cost. */
const rowsFrom = 8;
/** How far back an envelope looks for one with the same head. */
const headsSearched = 4;
/** The parts of an envelope that are its head, and those that are not. */
const headLength = 5;
const restLength = 3;

const nothing = new Uint8Array();
/** MessagePack: an empty binary, and the head of one whose length has 32 bits. */
const emptyBinaryBytes = 2;
const binary32 = 0xc6;
const binaryHeadBytes = 5;

const mapPackr = new Packr({ useRecords: false });
// Records are defined inside each frame: nothing is remembered between two.
const recordPackr = new Packr();
// Views on the receive buffer would pin it for as long as anyone keeps a small field of a message.
const unpackr = new Unpackr({ mapsAsObjects: true, copyBuffers: true });
const viewUnpackr = new Unpackr({ mapsAsObjects: true, copyBuffers: false });
/** Whoever writes takes it away meanwhile: a getter in a body may send, too. */
let idleWriter: RowWriter | undefined;

/** @param best of the layouts of envelopes that the receiver reads. */
export function encodeFrame(frame: Omit<Frame, 'chunk'>, best: Layout): Uint8Array {
  const { incarnation, session, sequence, envelopes } = frame;
  if (best === Layout.plain) return mapPackr.pack([Layout.plain, incarnation, session, sequence, envelopes]);
  if (best === Layout.rows && envelopes.length >= rowsFrom) return encodeRows(frame);
  const { heads, rest } = compacted(envelopes);
  const packr = envelopes.length < recordsFrom ? mapPackr : recordPackr;
  return packr.pack([Layout.compact, incarnation, session, sequence, heads, rest]);
}

/** @param room where the frame, of so many bytes, is to be written. */
export function encodeChunk(
  { incarnation, session, sequence }: Omit<Frame, 'envelopes' | 'chunk'>,
  { id, bytesTotal, offset, bytes }: Chunk,
  room: (bytes: number) => Buffer,
): Buffer {
  const head = mapPackr.pack([Layout.chunk, incarnation, session, sequence, id, bytesTotal, offset, nothing]);
  return withBytes(head, [bytes], room);
}

/**
 * @param views let binary fields be views on `bytes`, which the caller gives away.
 * @throws {TypeError | Error} saying what is wrong with the bytes.
 */
export function decodeFrame(bytes: Uint8Array, views = false): Frame {
  // The bytes of a chunk are copied to their place as soon as they are decoded, and rows are read: once is enough.
  const decoder = views || bytes[1] === Layout.chunk || bytes[1] === Layout.rows ? viewUnpackr : unpackr;
  const value: unknown = decoder.unpack(bytes as Buffer);
  if (!Array.isArray(value)) throw new TypeError('a frame is an array');
  const [layout, incarnation, session, sequence] = value as unknown[];
  if (typeof incarnation !== 'string' || !incarnationPattern.test(incarnation)) throw new TypeError('no incarnation');
  if (!isCount(session) || !isCount(sequence)) throw new TypeError('no session or sequence number');
  switch (layout) {
    case Layout.plain:
      return { incarnation, session, sequence, envelopes: plainEnvelopes(value[4]) };
    case Layout.compact:
      return { incarnation, session, sequence, envelopes: compactEnvelopes(value[4], value[5]) };
    case Layout.chunk:
      return { incarnation, session, sequence, envelopes: [], chunk: checkedChunk(value.slice(4)) };
    case Layout.rows:
      return { incarnation, session, sequence, envelopes: rowEnvelopes(value.slice(4)) };
    default:
      throw new TypeError(`layout ${String(layout)} where ${layoutRange.join(' to ')} was expected`);
  }
}

function encodeRows({ incarnation, session, sequence, envelopes }: Omit<Frame, 'chunk'>): Uint8Array {
  const writer = idleWriter ?? new RowWriter();
  idleWriter = undefined;
  try {
    const { heads, shapes, others, texts, bytes } = writer.write(envelopes);
    const packed = others.length === 0 ? nothing : recordPackr.pack(others);
    const head = [Layout.rows, incarnation, session, sequence, heads, shapes, packed, texts, nothing];
    return withBytes(mapPackr.pack(head), bytes);
  } finally {
    idleWriter = writer;
  }
}

/** Puts bytes where a packed value ends in none: msgpackr itself would make room for four times as much. */
function withBytes(
  packed: Uint8Array,
  parts: readonly Uint8Array[],
  room: (bytes: number) => Buffer = Buffer.allocUnsafe,
): Buffer {
  const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const end = packed.byteLength - emptyBinaryBytes;
  const whole = room(end + binaryHeadBytes + length);
  whole.set(packed);
  whole[end] = binary32;
  whole.writeUInt32BE(length, end + 1);
  let at = end + binaryHeadBytes;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

/** Heads one after the other, and for each envelope the number of its head, its body and its ask. */
function compacted(envelopes: readonly Envelope[]): { readonly heads: unknown[]; readonly rest: unknown[] } {
  const heads: unknown[] = [];
  const rest: unknown[] = new Array(envelopes.length * restLength);
  let at = 0;
  for (const envelope of envelopes) {
    rest[at++] = headOf(envelope, heads);
    rest[at++] = envelope[5];
    rest[at++] = envelope[6];
  }
  return { heads, rest };
}

/** The number of an envelope's head; adds it unless one of the last few is the same. */
function headOf(envelope: Envelope, heads: unknown[]): number {
  const lowest = Math.max(0, heads.length - headsSearched * headLength);
  for (let at = heads.length - headLength; at >= lowest; at -= headLength)
    if (
      heads[at] === envelope[0] &&
      heads[at + 3] === envelope[3] &&
      heads[at + 4] === envelope[4] &&
      heads[at + 1] === envelope[1] &&
      heads[at + 2] === envelope[2]
    )
      return at / headLength;
  heads.push(envelope[0], envelope[1], envelope[2], envelope[3], envelope[4]);
  return heads.length / headLength - 1;
}

function plainEnvelopes(value: unknown): readonly Envelope[] {
  if (!Array.isArray(value) || !value.every(isEnvelope)) throw new TypeError('a malformed envelope');
  return value;
}

function isEnvelope(value: unknown): value is Envelope {
  // Newer builds may add to the end of it.
  return Array.isArray(value) && value.length >= 7 && isHead(value, 0) && isCount(value[6]);
}

function rowEnvelopes([heads, shapes, others, texts, bytes]: readonly unknown[]): readonly Envelope[] {
  if (!(others instanceof Uint8Array)) throw new TypeError('malformed others');
  const values: unknown = others.byteLength === 0 ? [] : unpackr.unpack(others as Buffer);
  return new RowReader(checkedHeads(heads), { shapes, others: values, texts, bytes }).read();
}

function compactEnvelopes(flatHeads: unknown, rest: unknown): readonly Envelope[] {
  const heads = checkedHeads(flatHeads);
  if (!Array.isArray(rest) || rest.length % restLength !== 0) throw new TypeError('malformed envelopes');
  const envelopes: Envelope[] = new Array(rest.length / restLength);
  for (let i = 0, at = 0; at < rest.length; at += restLength) {
    const [number, askId] = [rest[at], rest[at + 2]] as [unknown, unknown];
    const head = isCount(number) ? heads[number] : undefined;
    if (head === undefined || !isCount(askId)) throw new TypeError('a malformed envelope');
    envelopes[i++] = [head[0], head[1], head[2], head[3], head[4], rest[at + 1], askId];
  }
  return envelopes;
}

function checkedHeads(flat: unknown): Head[] {
  if (!Array.isArray(flat) || flat.length % headLength !== 0) throw new TypeError('malformed heads');
  const heads: Head[] = [];
  for (let at = 0; at < flat.length; at += headLength) {
    if (!isHead(flat, at)) throw new TypeError('a malformed head');
    heads.push([flat[at], flat[at + 1], flat[at + 2], flat[at + 3], flat[at + 4]]);
  }
  return heads;
}

function isHead(parts: readonly unknown[], at: number): boolean {
  const kind = parts[at];
  const fromId = parts[at + 3];
  return (
    isCount(kind) &&
    typeof parts[at + 1] === 'string' &&
    typeof parts[at + 2] === 'string' &&
    typeof fromId === 'string' &&
    (fromId === '' ? !hasSender(kind) : processIdPattern.test(fromId)) &&
    typeof parts[at + 4] === 'string'
  );
}

/** These are delivered with the sender's UPID, which must be one: whoever answers it relies on that. */
function hasSender(kind: number): boolean {
  return kind === Kind.send || kind === Kind.ask;
}

function checkedChunk([id, bytesTotal, offset, bytes]: readonly unknown[]): Chunk {
  if (!isCount(id) || !isCount(bytesTotal) || !isCount(offset) || !(bytes instanceof Uint8Array))
    throw new TypeError('a malformed chunk');
  if (bytes.byteLength === 0 || offset + bytes.byteLength > bytesTotal) throw new TypeError('a chunk beyond its whole');
  return { id, bytesTotal, offset, bytes };
}

/** Whether a value is a whole number from 0 to 2^53 - 1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
