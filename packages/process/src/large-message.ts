import { type Chunk, type Envelope, Kind } from './frame.js';

/** How much of a large message may be on its way, unacknowledged, in bytes: bounds what a small one waits behind. */
const windowBytes = 4 * 1024 * 1024;
/** The size of a chunk, in bytes, where the transport takes as much. */
const chunkBytes = 256 * 1024;
/** What a chunk's frame says besides its bytes is less than this. */
const chunkHeadBytes = 256;
/** How many messages may wait behind a large one to the same Node. */
const heldMax = 100_000;

/**
 * The large messages on their way to one Node: one at a time is cut in chunks, and what is to stay behind it waits, while
 * the messages of other pairs of processes pass.
 */
export class LargeMessages {
  #current: { readonly envelope: Envelope; readonly id: number; readonly bytesTotal: number } | undefined;
  /** What is still to leave, in order. */
  #parts: Uint8Array[] = [];
  #offset = 0;
  #lastId = 0;
  #idle: (() => void) | undefined;
  #held: Envelope[] = [];
  readonly #waiting = new Pairs();
  /** Bytes of chunks sent, and acknowledged, in this session. */
  #sent = 0;
  #received = 0;

  /** Whether one is on its way. */
  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Whether any chunk was sent in this session, which both sides count. */
  get counting(): boolean {
    return this.#sent > 0;
  }

  /** Calls `idle` once none is on its way any more. */
  onIdle(idle: () => void): void {
    this.#idle = idle;
    this.settle();
  }

  /** To be called when one is over and the next may have begun. */
  settle(): void {
    if (!this.busy) this.#idle?.();
  }

  /** Whether an envelope must wait, so that it does not overtake one that was sent before it. */
  precede(envelope: Envelope): boolean {
    return this.#current !== undefined && this.#waiting.has(envelope);
  }

  /** Lets an envelope wait. False where too many do. */
  hold(envelope: Envelope): boolean {
    if (this.#held.length >= heldMax) return false;
    this.#held.push(envelope);
    this.#waiting.add(envelope);
    return true;
  }

  /** @param parts the large frame of `envelope`. */
  begin(envelope: Envelope, parts: readonly Uint8Array[]): void {
    this.#current = { envelope, id: ++this.#lastId, bytesTotal: byteLengthOf(parts) };
    this.#parts = [...parts];
    this.#offset = 0;
    this.#waiting.add(envelope);
  }

  /** The next chunk, if one may leave now. */
  next(frameBytesMax: number): Chunk | undefined {
    const current = this.#current;
    if (current === undefined || this.#sent - this.#received >= windowBytes) return undefined;
    const [part] = this.#parts;
    if (part === undefined) return undefined;
    const bytes = part.subarray(0, Math.min(chunkBytes, frameBytesMax - chunkHeadBytes));
    if (bytes.byteLength === part.byteLength) this.#parts.shift();
    else this.#parts[0] = part.subarray(bytes.byteLength);
    const { id, bytesTotal } = current;
    const offset = this.#offset;
    this.#offset += bytes.byteLength;
    this.#sent += bytes.byteLength;
    return { id, bytesTotal, offset, bytes };
  }

  /** @param bytes of all chunks in this session that have arrived. */
  acknowledged(bytes: number): void {
    if (bytes <= this.#sent) this.#received = Math.max(this.#received, bytes);
  }

  /** Whether the last chunk has left: what waited may follow, and is taken out in its order. */
  finished(): Envelope[] | undefined {
    if (this.#current === undefined || this.#parts.length > 0) return undefined;
    this.#current = undefined;
    return this.#takeHeld();
  }

  /** Begins a new session, or gives up. @returns what will not leave: the message on its way and what waits. */
  abort(): Envelope[] {
    const dropped = this.#current === undefined ? [] : [this.#current.envelope];
    this.#current = undefined;
    this.#parts = [];
    this.#sent = 0;
    this.#received = 0;
    return [...dropped, ...this.#takeHeld()];
  }

  #takeHeld(): Envelope[] {
    const held = this.#held;
    this.#held = [];
    this.#waiting.clear();
    return held;
  }
}

export function byteLengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Which envelopes have an order: from one process to one process, and the end of a process after all that it said. */
class Pairs {
  readonly #pairs = new Set<string>();
  readonly #senders = new Set<string>();
  readonly #ended = new Set<string>();

  add([kind, toId, , fromId]: Envelope): void {
    if (fromId === '') return;
    this.#senders.add(fromId);
    if (kind === Kind.exited) this.#ended.add(fromId);
    else this.#pairs.add(`${fromId} ${toId}`);
  }

  /** Whether one that was added comes before this. */
  has([kind, toId, , fromId]: Envelope): boolean {
    if (!this.#senders.has(fromId)) return false;
    return kind === Kind.exited || this.#ended.has(fromId) || this.#pairs.has(`${fromId} ${toId}`);
  }

  clear(): void {
    this.#pairs.clear();
    this.#senders.clear();
    this.#ended.clear();
  }
}
