import { type MemoryNetwork, type Transport, VirtualClock } from '@mesos-ts/process';
import { Packr, Unpackr } from 'msgpackr';
import { rowEnvelopes } from './hand-made-rows.js';

/** Written out here, not imported: a change of the wire format must fail a test. */
export const kinds = {
  send: 0,
  ask: 1,
  reply: 2,
  noProcess: 3,
  link: 4,
  exited: 5,
  ping: 6,
  pong: 7,
  lost: 8,
  refused: 9,
  hello: 10,
  received: 11,
} as const;

export type RawEnvelope = readonly unknown[];

const packr = new Packr({ useRecords: false });
const recordPackr = new Packr();
const unpackr = new Unpackr({ mapsAsObjects: true });

/** A frame as the wire has it; anything may be left malformed. */
export function frameBytes(
  envelopes: unknown,
  { version = 1, incarnation = 'raw1', session = 0, sequence = 0 }: FrameParts = {},
): Uint8Array {
  return packr.pack([version, incarnation, session, sequence, envelopes]);
}

/** The same in the layout of newer builds: heads of five parts each, then for each envelope its head, body and ask. */
export function compactFrameBytes(
  heads: unknown,
  rest: unknown,
  { version = 2, incarnation = 'raw1', session = 0, sequence = 0 }: FrameParts = {},
): Uint8Array {
  return recordPackr.pack([version, incarnation, session, sequence, heads, rest]);
}

/** A part of a frame that is too large. */
export function chunkFrameBytes(
  id: unknown,
  bytesTotal: unknown,
  offset: unknown,
  bytes: unknown,
  { version = 3, incarnation = 'raw1', session = 0, sequence = 0 }: FrameParts = {},
): Uint8Array {
  return packr.pack([version, incarnation, session, sequence, id, bytesTotal, offset, bytes]);
}

/** What chunks are parts of: a frame and, behind it, the long binary fields of the body of its envelope. */
export function largeFrameBytes(
  frame: Uint8Array,
  index: unknown = [],
  fields: Uint8Array = new Uint8Array(),
  lengths: readonly number[] = [frame.byteLength, packr.pack(index).byteLength],
): Uint8Array {
  const head = Buffer.alloc(8);
  for (const [i, length] of lengths.entries()) head.writeUInt32LE(length, 4 * i);
  return Buffer.concat([head, frame, packr.pack(index), fields]);
}

export interface FrameParts {
  readonly version?: unknown;
  readonly incarnation?: unknown;
  readonly session?: unknown;
  readonly sequence?: unknown;
}

/** Where a frame says which session of its sender it belongs to. */
export function frameSession(bytes: Uint8Array): number {
  return (unpackr.unpack(bytes as Buffer) as number[])[2] ?? Number.NaN;
}

/** An envelope with its kind and what matters of the rest. */
export function envelope(
  kind: number,
  parts: {
    readonly to?: unknown;
    readonly incarnation?: unknown;
    readonly from?: unknown;
    readonly name?: unknown;
    readonly body?: unknown;
    readonly ask?: unknown;
  } = {},
): RawEnvelope {
  const { to = '', incarnation = '', from = '', name = '', body, ask = 0 } = parts;
  return [kind, to, incarnation, from, name, body, ask];
}

/** A Node that speaks the wire format by hand: says what a real one never would, and holds its tongue when told to. */
export class HandMadeNode {
  /** What came, envelope by envelope, hellos apart. */
  readonly heard: RawEnvelope[] = [];
  /** The bodies of the hellos that came. This Node says none by itself, as the oldest build. */
  readonly hellos: unknown[] = [];
  /** Where each frame stood: `session/sequence`. */
  readonly positions: string[] = [];
  /** How each frame was laid out. */
  readonly layouts: number[] = [];
  /** How many bytes of chunks came. */
  chunkBytes = 0;
  answersPings = false;
  session = 0;
  sequence = 0;

  private constructor(
    readonly name: string,
    private readonly transport: Transport,
    public incarnation: string,
  ) {}

  static async join(network: MemoryNetwork, name: string, incarnation = 'raw1'): Promise<HandMadeNode> {
    const transport = network.transport();
    const node = new HandMadeNode(name, transport, incarnation);
    await transport.start(
      name,
      {
        frame: (from, bytes) => node.#take(from, bytes),
        absent: () => undefined,
        connectionLost: () => undefined,
        disconnected: () => undefined,
        dropped: () => undefined,
        slowConsumer: () => undefined,
        stuck: () => undefined,
      },
      new VirtualClock(),
    );
    return node;
  }

  /** Sends a well-formed frame, the next in order. */
  say(to: string, ...envelopes: RawEnvelope[]): void {
    const { incarnation, session } = this;
    this.throw(to, frameBytes(envelopes, { incarnation, session, sequence: this.sequence++ }));
  }

  /** Sends bytes. */
  throw(to: string, bytes: Uint8Array): void {
    this.transport.send(to, bytes, false);
  }

  heardKinds(): unknown[] {
    return this.heard.map(([kind]) => kind);
  }

  leave(): Promise<void> {
    return this.transport.close();
  }

  #take(from: string, bytes: Uint8Array): void {
    const [layout, , session, sequence, ...parts] = unpackr.unpack(bytes as Buffer) as [
      number,
      string,
      number,
      number,
      ...unknown[],
    ];
    this.layouts.push(layout);
    this.positions.push(`${session}/${sequence}`);
    if (layout === 3) {
      this.chunkBytes += (parts[3] as Uint8Array).byteLength;
      return;
    }
    const envelopes = envelopesOf(layout, parts);
    for (const envelope of envelopes)
      if (envelope[0] === kinds.hello) this.hellos.push(envelope[5]);
      else this.heard.push(envelope);
    if (this.answersPings && envelopes.some(([kind]) => kind === kinds.ping)) this.say(from, envelope(kinds.pong));
  }
}

function envelopesOf(layout: number, parts: readonly unknown[]): readonly RawEnvelope[] {
  if (layout === 4) return rowEnvelopes(parts);
  const [first, rest] = parts as [unknown[], unknown[]];
  return layout === 2 ? expanded(first, rest) : (first as RawEnvelope[]);
}

/** The envelopes of a compact frame. */
function expanded(heads: readonly unknown[], rest: readonly unknown[]): RawEnvelope[] {
  return Array.from({ length: rest.length / 3 }, (_, i) => {
    const head = 5 * (rest[3 * i] as number);
    return [...heads.slice(head, head + 5), rest[3 * i + 1], rest[3 * i + 2]];
  });
}
