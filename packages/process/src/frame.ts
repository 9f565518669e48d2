import { Packr, Unpackr } from 'msgpackr';
import { incarnationPattern, processIdPattern } from './upid.js';

/** The first thing in every frame. A Node drops frames of another wire version, and counts them. */
export const wireVersion = 1;

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
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** One message within a frame, positional to save bytes. */
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

/** Everything that one Node says to another in one turn of its event loop. */
export interface Frame {
  /** The sender's incarnation. */
  readonly incarnation: string;
  /** One more at every new connection of the sender. */
  readonly session: number;
  /** Counts the frames from this sender to this receiver in this session, from 0: a gap is a loss. */
  readonly sequence: number;
  readonly envelopes: readonly Envelope[];
}

const packr = new Packr({ useRecords: false });
// Views on the receive buffer would pin it for as long as anyone keeps a small field of a message.
const unpackr = new Unpackr({ useRecords: false, copyBuffers: true });

export function encodeFrame(frame: Frame): Uint8Array {
  return packr.pack([wireVersion, frame.incarnation, frame.session, frame.sequence, frame.envelopes]);
}

/** @throws {TypeError | Error} saying what is wrong with the bytes. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const value: unknown = unpackr.unpack(bytes as Buffer);
  if (!Array.isArray(value)) throw new TypeError('a frame is an array');
  const [version, incarnation, session, sequence, envelopes] = value as unknown[];
  if (version !== wireVersion) throw new TypeError(`wire version ${String(version)} where ${wireVersion} was expected`);
  if (typeof incarnation !== 'string' || !incarnationPattern.test(incarnation)) throw new TypeError('no incarnation');
  if (!isCount(session) || !isCount(sequence)) throw new TypeError('no session or sequence number');
  if (!Array.isArray(envelopes) || !envelopes.every(isEnvelope)) throw new TypeError('a malformed envelope');
  return { incarnation, session, sequence, envelopes };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEnvelope(value: unknown): value is Envelope {
  if (!Array.isArray(value) || value.length !== 7) return false;
  const [kind, toId, toIncarnation, fromId, name, , askId] = value as unknown[];
  return (
    isCount(kind) &&
    typeof toId === 'string' &&
    typeof toIncarnation === 'string' &&
    typeof fromId === 'string' &&
    (fromId === '' ? !hasSender(kind) : processIdPattern.test(fromId)) &&
    typeof name === 'string' &&
    isCount(askId)
  );
}

/** These are delivered with the sender's UPID, which must be one: whoever answers it relies on that. */
function hasSender(kind: number): boolean {
  return kind === Kind.send || kind === Kind.ask;
}
