import type { Clock, Timer } from './clock.js';

/** What becomes of what is sent while the connection is down; see {@link NatsTransportOptions.whileDisconnected}. */
export type WhileDisconnected = 'refuse' | { readonly hold: { readonly bytes: number; readonly ms: number } };

/** One frame on its way to a Node. */
export interface Outgoing {
  readonly node: string;
  readonly frame: Uint8Array;
  readonly expectReceiver: boolean;
  /** To be called when the server has taken the frame. */
  readonly left?: (() => void) | undefined;
}

/** What an {@link Outflow} does to its connection. */
export interface OutflowHost {
  write(outgoing: Outgoing): void;
  /** Resolves when the server has taken all that was written before. */
  flush(): Promise<void>;
  /** So many frames to that Node waited and will not leave. */
  dropped(node: string, frames: number): void;
}

/** How many bytes may be written without the server having said that it took them. */
const unflushedBytesMax = 4 * 1024 * 1024;
/** After how many bytes the server is asked whether it took them. */
const flushEveryBytes = 512 * 1024;
/** How many bytes may wait here because the server does not take more. */
const waitingBytesMax = 64 * 1024 * 1024;

/**
 * Bounds what is written to a connection whose client takes everything and heeds no back-pressure: frames wait here, in
 * order, while the server is behind or, if asked for, while the connection is down.
 */
export class Outflow {
  readonly #host: OutflowHost;
  readonly #clock: Clock;
  readonly #whileDisconnected: WhileDisconnected;
  #connected = false;
  /** Whether the time for which frames are held has passed. */
  #expired = false;
  #holdTimer: Timer | undefined;
  #waiting: Outgoing[] = [];
  #waitingBytes = 0;
  #written = 0;
  #taken = 0;
  /** Whom to tell when the server has taken so many bytes, in order. */
  #leaving: { readonly bytes: number; readonly left: () => void }[] = [];
  #flushing = false;
  /** Grows with every connection: an answer about an earlier one says nothing. */
  #connection = 0;
  #emptied: (() => void)[] = [];

  constructor(host: OutflowHost, clock: Clock, whileDisconnected: WhileDisconnected) {
    this.#host = host;
    this.#clock = clock;
    this.#whileDisconnected = whileDisconnected;
  }

  /** Takes a frame to write it now or later. False where it would have to wait longer, or behind more, than is set. */
  send(outgoing: Outgoing): boolean {
    if (this.#connected && this.#waiting.length === 0 && this.#written - this.#taken < unflushedBytesMax) {
      this.#write(outgoing);
      return true;
    }
    const bytes = this.#waitingBytes + outgoing.frame.byteLength;
    if (bytes > this.#mayWait()) return false;
    this.#waiting.push(outgoing);
    this.#waitingBytes = bytes;
    return true;
  }

  connected(): void {
    this.#connected = true;
    this.#expired = false;
    this.#holdTimer?.cancel();
    this.#resume();
  }

  /** What waits is of a session that is over: it is dropped. */
  disconnected(): void {
    this.#connected = false;
    this.#connection++;
    this.#flushing = false;
    this.#written = 0;
    this.#taken = 0;
    // The client may still hold their bytes.
    this.#leaving = [];
    this.#drop();
    if (this.#whileDisconnected === 'refuse') return;
    this.#holdTimer?.cancel();
    this.#holdTimer = this.#clock.timer(this.#whileDisconnected.hold.ms, () => {
      this.#expired = true;
      this.#drop();
    });
  }

  /** Resolves when nothing waits. */
  async emptied(): Promise<void> {
    if (this.#waiting.length > 0 && this.#connected) await new Promise<void>((resolve) => this.#emptied.push(resolve));
  }

  close(): void {
    this.#holdTimer?.cancel();
    this.#connected = false;
    this.#drop();
  }

  #mayWait(): number {
    if (this.#connected) return waitingBytesMax;
    if (this.#whileDisconnected === 'refuse' || this.#expired) return 0;
    return this.#whileDisconnected.hold.bytes;
  }

  #write(outgoing: Outgoing): void {
    const { frame, left } = outgoing;
    this.#written += frame.byteLength;
    if (left !== undefined) this.#leaving.push({ bytes: this.#written, left });
    this.#host.write(outgoing);
    if (!this.#flushing && this.#written - this.#taken >= flushEveryBytes) this.#flush();
  }

  #flush(): void {
    const [connection, written] = [this.#connection, this.#written];
    this.#flushing = true;
    this.#host.flush().then(
      () => {
        if (connection !== this.#connection) return;
        this.#flushing = false;
        this.#taken = written;
        this.#tellLeft();
        this.#resume();
        if (this.#written - this.#taken >= flushEveryBytes && !this.#flushing) this.#flush();
      },
      // The connection broke: that is told elsewhere.
      () => undefined,
    );
  }

  #tellLeft(): void {
    const later = this.#leaving.findIndex(({ bytes }) => bytes > this.#taken);
    for (const { left } of this.#leaving.splice(0, later < 0 ? this.#leaving.length : later)) left();
  }

  #resume(): void {
    const waiting = this.#waiting;
    let left = 0;
    for (const outgoing of waiting) {
      if (this.#written - this.#taken >= unflushedBytesMax) break;
      this.#waitingBytes -= outgoing.frame.byteLength;
      left++;
      this.#write(outgoing);
    }
    waiting.splice(0, left);
    if (waiting.length === 0) this.#tellEmptied();
  }

  #drop(): void {
    const dropped = new Map<string, number>();
    for (const { node } of this.#waiting) dropped.set(node, (dropped.get(node) ?? 0) + 1);
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [node, frames] of dropped) this.#host.dropped(node, frames);
    this.#tellEmptied();
  }

  #tellEmptied(): void {
    for (const resolve of this.#emptied.splice(0)) resolve();
  }
}
