import { type Leader, sameLeader } from './election.js';
import { ElectionClosed, type ElectionError } from './errors.js';

interface Waiter {
  readonly previous: Leader | undefined;
  resolve(leader: Leader | undefined): void;
  reject(error: ElectionError): void;
}

/** The long poll of a detector: who leads, and who waits for that to differ from what they know. */
export class LeaderBoard {
  #leader: Leader | undefined;
  /** False until the first word of who leads; until then nobody is told that nobody does. */
  #known = false;
  #ended: ElectionError | undefined;
  #waiters: Waiter[] = [];

  /** Posts who leads now. */
  post(leader: Leader | undefined): void {
    this.#leader = leader;
    this.#known = true;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => sameLeader(waiter.previous, leader));
    for (const waiter of waiters) if (!sameLeader(waiter.previous, leader)) waiter.resolve(leader);
  }

  /** As `Detector.detect`. */
  detect(previous: Leader | undefined): Promise<Leader | undefined> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#known && !sameLeader(previous, this.#leader)) return Promise.resolve(this.#leader);
    return new Promise((resolve, reject) => this.#waiters.push({ previous, resolve, reject }));
  }

  /** Those who wait get `error`; those who come later wait anew. */
  refuse(error: ElectionError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  /** Nothing more will be posted: those who wait, and all who come later, get `error`. Does nothing a second time. */
  end(error: ElectionError = new ElectionClosed('detector')): void {
    this.#ended ??= error;
    this.refuse(this.#ended);
  }
}
