import type { Clock } from './clock.js';

/** What can be told to stop reading for a while, as a socket can. */
export interface Readable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * How many bytes of frames are taken in one turn of the event loop. Node.js reads a socket 32 times before anything else
 * gets its turn, which is 2 MiB: more than 20,000 small messages, which take a while to handle, and fill the mailboxes
 * before they are. What is not read waits with the server, which then knows that we are slow.
 */
const turnBytesDefault = 64 * 1024;
/** Below this it does not matter in how many turns it came: to ask when a turn ends is not free. */
const turnBytesMin = 32 * 1024;

/** Reads no more from a connection in one turn of the event loop than its processes can handle in a short one. */
export class Inflow {
  readonly #clock: Clock;
  readonly #source: () => Readable | undefined;
  readonly #turnBytesMax: number;
  #bytes = 0;
  #paused: Readable | undefined;
  #awaitsTurn = false;

  /**
   * @param source what is read from now; undefined where it cannot be told to stop.
   * @param turnBytesMax how many bytes are taken in one turn of the event loop; 32 KiB at least.
   */
  constructor(clock: Clock, source: () => Readable | undefined, turnBytesMax = turnBytesDefault) {
    this.#turnBytesMax = turnBytesMax;
    this.#clock = clock;
    this.#source = source;
  }

  /** A frame has come. */
  took(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < turnBytesMin) return;
    if (!this.#awaitsTurn) {
      this.#awaitsTurn = true;
      this.#clock.nextTurn(this.#nextTurn);
    }
    if (this.#bytes < this.#turnBytesMax || this.#paused !== undefined) return;
    this.#paused = this.#source();
    this.#paused?.pause();
  }

  readonly #nextTurn = (): void => {
    this.#awaitsTurn = false;
    this.#bytes = 0;
    this.#paused?.resume();
    this.#paused = undefined;
  };
}
