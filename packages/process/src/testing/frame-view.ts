import { decodeFrame, type Envelope, encodeFrame, type Frame, Kind, Layout } from '../frame.js';
import { type Upid, upid } from '../upid.js';

/** One message on its way from one Node to another, as a test sees it. */
export interface MessageOnWire {
  /** The sending process; a bare `@node` for what Nodes say to each other. */
  readonly from: Upid;
  readonly to: Upid;
  /** What it is for: only `send`, `ask` and `reply` have a message type and a body. */
  readonly kind: keyof typeof Kind | 'unknown';
  /** The name of the message type; of an `exited` its reason. */
  readonly name: string;
  readonly body: unknown;
}

const kindNames = new Map(Object.entries(Kind).map(([name, kind]) => [kind, name as keyof typeof Kind]));
/** How much of a body a line shows. */
const bodyCharactersMax = 160;

/** All that the simulator and the filters know of the wire format is in this file. Undefined: it does not decode. */
export function messagesOf(bytes: Uint8Array, from: string, to: string): MessageOnWire[] | undefined {
  const frame = decode(bytes);
  return frame?.envelopes.map((envelope) => view(frame, envelope, from, to));
}

/** The same frame without the messages at some places. It keeps its number: nobody sees a gap. */
export function withoutMessages(bytes: Uint8Array, places: ReadonlySet<number>): Uint8Array {
  const frame = decodeFrame(bytes);
  return encodeFrame({ ...frame, envelopes: frame.envelopes.filter((_, place) => !places.has(place)) }, Layout.plain);
}

/** One line for a person. */
export function describe({ kind, name, from, to, body }: MessageOnWire): string {
  switch (kind) {
    case 'send':
      return `${name} ${from} -> ${to} ${shown(body)}`;
    case 'ask':
    case 'reply':
      return `${kind} ${name} ${from} -> ${to} ${shown(body)}`;
    case 'exited':
      return `exited ${from} ${name}`;
    case 'link':
      return `link ${to}`;
    default:
      return kind;
  }
}

function decode(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes);
  } catch {
    return undefined;
  }
}

function view(frame: Frame, envelope: Envelope, from: string, to: string): MessageOnWire {
  const [kind, toId, toIncarnation, fromId, name, body] = envelope;
  return {
    from: upid(fromId, from, frame.incarnation),
    to: upid(toId, to, toIncarnation),
    kind: kindNames.get(kind) ?? 'unknown',
    name,
    body,
  };
}

function shown(body: unknown): string {
  const text = JSON.stringify(body, plain);
  if (text === undefined) return '';
  return text.length <= bodyCharactersMax ? text : `${text.slice(0, bodyCharactersMax)}...`;
}

/** `this` has the value as it was before a Buffer's own `toJSON` made a list of numbers of it. */
function plain(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  if (original instanceof Uint8Array) return `<${original.byteLength} bytes>`;
  return typeof value === 'bigint' ? `${value}n` : value;
}
