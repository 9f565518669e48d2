import type { LeaseRecord } from './lease-record.js';
import type { Reading } from './lease-register.js';

/** A write whose fate is not known. */
export interface SentWrite {
  readonly record: LeaseRecord;
  readonly expectedSeq: number;
  readonly sentAt: number;
}

/** Older writes of unknown fate are forgotten; should one be taken after all, it counts as ours but confers nothing. */
const unansweredMax = 16;

/**
 * The writes of one candidate: the one that is waited for, and all that may still be taken. Each is known by its nonce,
 * wherever it turns up. Pure.
 */
export class SentWrites {
  /** Starts the nonces of all our writes. */
  readonly #token: string;
  #sent = 0;
  /** In the order of sending. */
  #unanswered: SentWrite[] = [];
  #inFlight: SentWrite | undefined;

  constructor(token: string) {
    this.#token = token;
  }

  /** The one whose answer is waited for: no other is to be sent meanwhile. */
  get inFlight(): SentWrite | undefined {
    return this.#inFlight;
  }

  /** Whether any may still be taken. */
  get anyUnanswered(): boolean {
    return this.#unanswered.length > 0;
  }

  /** Whether we wrote this record, now or long ago. */
  isOurs(record: LeaseRecord): boolean {
    return record.nonce.startsWith(`${this.#token}.`);
  }

  /** Takes note of a write that is being sent, and gives it its nonce. */
  send(content: Omit<LeaseRecord, 'nonce'>, expectedSeq: number, sentAt: number): SentWrite {
    this.#sent += 1;
    const write = { record: { ...content, nonce: `${this.#token}.${this.#sent}` }, expectedSeq, sentAt };
    this.#inFlight = write;
    this.#unanswered = [...this.#unanswered, write].slice(-unansweredMax);
    return write;
  }

  /** The write of this nonce, as long as it may still be taken. */
  find(nonce: string | undefined): SentWrite | undefined {
    return this.#unanswered.find(({ record }) => record.nonce === nonce);
  }

  /** The next one may be sent, though this one may be taken later. */
  stopWaiting(): void {
    this.#inFlight = undefined;
  }

  /** It failed, which says nothing of its fate. @returns false where it was settled already. */
  failed(nonce: string): boolean {
    const write = this.find(nonce);
    if (write !== undefined && write === this.#inFlight) this.#inFlight = undefined;
    return write !== undefined;
  }

  /** It was not taken, and never will be. @returns false where it was settled already. */
  refused(nonce: string): boolean {
    if (!this.failed(nonce)) return false;
    this.#unanswered = this.#unanswered.filter(({ record }) => record.nonce !== nonce);
    return true;
  }

  /** Forgets those that can no longer be taken, as the register shows; returns the one that was. */
  settle(reading: Reading, before: Reading | undefined): SentWrite | undefined {
    const landed = reading.value.type === 'record' ? this.find(reading.value.record.nonce) : undefined;
    const replaced = before !== undefined && before.stream !== reading.stream;
    this.#unanswered = this.#unanswered.filter(({ expectedSeq }) => !replaced && expectedSeq >= reading.seq);
    if (this.#inFlight !== undefined && !this.#unanswered.includes(this.#inFlight)) this.#inFlight = undefined;
    return landed;
  }

  /** Should one of them still be taken, it is ours, and confers nothing. */
  forget(): void {
    this.#unanswered = [];
    this.#inFlight = undefined;
  }
}
