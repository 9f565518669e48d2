import { Packr, Unpackr } from 'msgpackr';
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
} as const;

/** The layouts that this build reads: from the first to the last. */
export const layoutRange: readonly [first: number, last: number] = [Layout.plain, Layout.chunk];

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

/** One message within a frame. */
export type Envelope = readonly [
  kind: Kind,
  toId: string,
  /** Empty: whatever incarnation of the Node lives. */
  toIncarnation: string,
  fromId: string,
  /** The name of the message type. */
  name: string,
  body: unknown,
  /** 0 where nothing is asked. */
  askId: number,
];

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

/** @param compact the receiver reads {@link Layout.compact}. */
export function encodeFrame(frame: Omit<Frame, 'chunk'>, compact: boolean): Uint8Array {
  const { incarnation, session, sequence, envelopes } = frame;
  if (!compact) return mapPackr.pack([Layout.plain, incarnation, session, sequence, envelopes]);
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
  return withBytes(head, bytes, room);
}

/**
 * @param views let binary fields be views on `bytes`, which the caller gives away.
 * @throws {TypeError | Error} saying what is wrong with the bytes.
 */
export function decodeFrame(bytes: Uint8Array, views = false): Frame {
  // The bytes of a chunk are copied to their place as soon as they are decoded: once is enough.
  const decoder = views || bytes[1] === Layout.chunk ? viewUnpackr : unpackr;
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
    default:
      throw new TypeError(`layout ${String(layout)} where ${layoutRange.join(' to ')} was expected`);
  }
}

/** Puts bytes where a packed value ends in none: msgpackr itself would make room for four times as much. */
function withBytes(packed: Uint8Array, bytes: Uint8Array, room: (bytes: number) => Buffer): Buffer {
  const at = packed.byteLength - emptyBinaryBytes;
  const whole = room(at + binaryHeadBytes + bytes.byteLength);
  whole.set(packed);
  whole[at] = binary32;
  whole.writeUInt32BE(bytes.byteLength, at + 1);
  whole.set(bytes, at + binaryHeadBytes);
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

function compactEnvelopes(heads: unknown, rest: unknown): readonly Envelope[] {
  if (!Array.isArray(heads) || heads.length % headLength !== 0) throw new TypeError('malformed heads');
  for (let at = 0; at < heads.length; at += headLength) if (!isHead(heads, at)) throw new TypeError('a malformed head');
  if (!Array.isArray(rest) || rest.length % restLength !== 0) throw new TypeError('malformed envelopes');
  const envelopes: Envelope[] = new Array(rest.length / restLength);
  const headCount = heads.length / headLength;
  for (let i = 0, at = 0; at < rest.length; at += restLength) {
    const [head, askId] = [rest[at], rest[at + 2]] as [unknown, unknown];
    if (!isCount(head) || head >= headCount || !isCount(askId)) throw new TypeError('a malformed envelope');
    const first = head * headLength;
    envelopes[i++] = [
      heads[first],
      heads[first + 1],
      heads[first + 2],
      heads[first + 3],
      heads[first + 4],
      rest[at + 1],
      askId,
    ];
  }
  return envelopes;
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
