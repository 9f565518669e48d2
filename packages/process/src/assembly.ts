import type { Clock, Timer } from './clock.js';
import type { Chunk } from './frame.js';

/** For how long a large message may stand still before it is given up, in ms. */
const stillMs = 10_000;
/** After how many bytes of chunks the sender is told that they have arrived. */
const acknowledgeBytes = 512 * 1024;

/** Puts the chunks from one Node together again: one large message at a time, within bounds of bytes and time. */
export class Assembly {
  #id = 0;
  #whole: Uint8Array | undefined;
  #filled = 0;
  #timer: Timer | undefined;
  #received = 0;
  #acknowledged = 0;
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #gaveUp: (bytes: number, bytesTotal: number) => void;

  /** @param gaveUp hears of a message of which no more came. */
  constructor(clock: Clock, bytesMax: number, gaveUp: (bytes: number, bytesTotal: number) => void) {
    this.#clock = clock;
    this.#bytesMax = bytesMax;
    this.#gaveUp = gaveUp;
  }

  /**
   * Takes the next chunk.
   * @returns the bytes of the whole with the last one; 'refused' where the whole is larger than is allowed, or than there
   * is memory for.
   */
  take({ id, bytesTotal, offset, bytes }: Chunk): Uint8Array | 'refused' | undefined {
    this.#received += bytes.byteLength;
    if (offset === 0) {
      this.drop();
      if (bytesTotal > this.#bytesMax) return 'refused';
      this.#id = id;
      this.#whole = room(bytesTotal);
      if (this.#whole === undefined) return 'refused';
    }
    const whole = this.#whole;
    // The rest of one that was given up.
    if (whole === undefined || id !== this.#id || offset !== this.#filled || bytesTotal !== whole.byteLength)
      return undefined;
    whole.set(bytes, offset);
    this.#filled += bytes.byteLength;
    this.#timer?.cancel();
    if (this.#filled < bytesTotal) {
      this.#timer = this.#clock.timer(stillMs, () => this.#giveUp());
      return undefined;
    }
    this.drop();
    return whole;
  }

  /** How many bytes of chunks have arrived, if it is time to tell the sender. */
  acknowledge(): number | undefined {
    if (this.#received - this.#acknowledged < acknowledgeBytes && this.#whole !== undefined) return undefined;
    if (this.#received === this.#acknowledged) return undefined;
    this.#acknowledged = this.#received;
    return this.#received;
  }

  /** Forgets what is not whole. @returns whether there was anything. */
  drop(): boolean {
    const any = this.#whole !== undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#whole = undefined;
    this.#filled = 0;
    return any;
  }

  /** The sender begins a new session: it counts from 0 again. */
  reset(): void {
    this.drop();
    this.#received = 0;
    this.#acknowledged = 0;
  }

  #giveUp(): void {
    const [filled, bytesTotal] = [this.#filled, this.#whole?.byteLength ?? 0];
    this.drop();
    this.#gaveUp(filled, bytesTotal);
  }
}

/** Undefined where there is none: who sends says how much is wanted, and must not end this Node by that. */
function room(bytes: number): Uint8Array | undefined {
  try {
    return Buffer.allocUnsafeSlow(bytes);
  } catch {
    return undefined;
  }
}
