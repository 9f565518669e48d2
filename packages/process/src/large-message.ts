import { roughBytesOf } from './body-bytes.js';
import { ChunkWindow } from './chunk-window.js';
import type { Clock } from './clock.js';
import { type Chunk, type Envelope, Kind } from './frame.js';
import { FrameRoom } from './frame-room.js';

/**
 * The size of a chunk, in bytes, where the transport takes as much. Node.js reads 64 KiB at a time, and a frame that lies
 * across two of them the NATS client puts together in new memory: the shorter the frames, the fewer do. Still shorter
 * ones cost more by their number.
 */
const chunkBytes = 31 * 1024;
/** What a chunk's frame says besides its bytes is less than this. */
const chunkHeadBytes = 256;
/** How many messages may wait behind a large one to the same Node, */
const heldMax = 100_000;
/** and how many bytes they may hold, by estimate: four of the largest by default. */
export const heldBytesMax = 256 * 1024 * 1024;

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
  #heldBytes = 0;
  readonly #waiting = new Pairs();
  readonly #window: ChunkWindow;
  readonly #room = new FrameRoom();

  constructor(clock: Clock) {
    this.#window = new ChunkWindow(clock);
  }

  /** Whether one is on its way. */
  get busy(): boolean {
    return this.#current !== undefined;
  }

  /** Whether any chunk was sent in this session, which both sides count. */
  get counting(): boolean {
    return this.#window.used;
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

  /** About how many bytes wait. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Lets an envelope wait. False where too many do, or too much. */
  hold(envelope: Envelope): boolean {
    const heldBytes = this.#heldBytes + roughBytesOf(envelope[5]);
    if (this.#held.length >= heldMax || heldBytes > heldBytesMax) return false;
    this.#heldBytes = heldBytes;
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
    if (current === undefined || !this.#window.open) return undefined;
    const [part] = this.#parts;
    if (part === undefined) return undefined;
    const bytes = part.subarray(0, Math.min(chunkBytes, frameBytesMax - chunkHeadBytes));
    if (bytes.byteLength === part.byteLength) this.#parts.shift();
    else this.#parts[0] = part.subarray(bytes.byteLength);
    const { id, bytesTotal } = current;
    const offset = this.#offset;
    this.#offset += bytes.byteLength;
    this.#window.sent(bytes.byteLength);
    return { id, bytesTotal, offset, bytes };
  }

  /** Room for the frame of a chunk. */
  takeRoom(bytes: number): Buffer {
    return this.#room.take(bytes);
  }

  /** The frame of a chunk has left: there is room for another, if there is one. */
  giveRoomBack(frame: Buffer): void {
    if (this.busy) this.#room.giveBack(frame);
  }

  /** @param bytes of all chunks in this session that have arrived. */
  acknowledged(bytes: number): void {
    this.#window.acknowledged(bytes);
  }

  /** Whether the last chunk has left: what waited may follow, and is taken out in its order. */
  finished(): Envelope[] | undefined {
    if (this.#current === undefined || this.#parts.length > 0) return undefined;
    this.#current = undefined;
    this.#room.clear();
    return this.#takeHeld();
  }

  /** Begins a new session, or gives up. @returns what will not leave: the message on its way and what waits. */
  abort(): Envelope[] {
    const dropped = this.#current === undefined ? [] : [this.#current.envelope];
    this.#current = undefined;
    this.#parts = [];
    this.#window.reset();
    this.#room.clear();
    return [...dropped, ...this.#takeHeld()];
  }

  #takeHeld(): Envelope[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
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
