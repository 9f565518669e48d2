import type { Clock } from './clock.js';

/** Room for a Node of an earlier build, which acknowledges every 512 KiB, and for a short way. */
const windowBytesMin = 1024 * 1024;
/** Bounds the memory that a message takes on its way, a long way included. */
const windowBytesMax = 4 * 1024 * 1024;
/** How much longer than on an empty way chunks may take, in ms: what a small message of others waits. */
const queueMsTarget = 3;

/**
 * How much of the large messages to one Node may be on its way, unacknowledged. What is more than the way holds only
 * stands in queues, where small messages stand behind it: so this grows while acknowledgements come as fast as they ever
 * did, and shrinks when they take longer, as LEDBAT does (RFC 6817).
 */
export class ChunkWindow {
  readonly #clock: Clock;
  #bytes = windowBytesMin;
  /** Bytes of chunks sent, and acknowledged, in this session. */
  #sent = 0;
  #received = 0;
  /** For each chunk on its way how many bytes were sent with it, and when. */
  #departures: { readonly bytes: number; readonly atMs: number }[] = [];
  /** How long the quickest of this session took to be acknowledged. */
  #wayMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a chunk may leave now. */
  get open(): boolean {
    return this.#sent - this.#received < this.#bytes;
  }

  /** Whether any chunk was sent in this session. */
  get used(): boolean {
    return this.#sent > 0;
  }

  /** @param bytes of a chunk that leaves now. */
  sent(bytes: number): void {
    this.#sent += bytes;
    this.#departures.push({ bytes: this.#sent, atMs: this.#clock.now() });
  }

  /** @param bytes of all chunks in this session that have arrived. */
  acknowledged(bytes: number): void {
    if (bytes <= this.#received || bytes > this.#sent) return;
    const later = this.#departures.findIndex((departure) => departure.bytes > bytes);
    const arrived = this.#departures.splice(0, later < 0 ? this.#departures.length : later);
    const last = arrived.at(-1);
    if (last !== undefined) this.#adapt(bytes - this.#received, this.#clock.now() - last.atMs);
    this.#received = bytes;
  }

  /** A new session counts from 0, and may go another way. */
  reset(): void {
    this.#bytes = windowBytesMin;
    this.#sent = 0;
    this.#received = 0;
    this.#departures = [];
    this.#wayMs = Number.POSITIVE_INFINITY;
  }

  #adapt(bytes: number, tookMs: number): void {
    this.#wayMs = Math.min(this.#wayMs, tookMs);
    const early = (queueMsTarget - (tookMs - this.#wayMs)) / queueMsTarget;
    const wanted = this.#bytes + (bytes * Math.max(-1, early)) / 2;
    this.#bytes = Math.min(windowBytesMax, Math.max(windowBytesMin, wanted));
  }
}
