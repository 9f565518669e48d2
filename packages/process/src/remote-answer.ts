import type { Answer, RefusalReason } from './event.js';
import { type Envelope, Kind } from './frame.js';
import type { Peers } from './peers.js';

/** The way back to a process elsewhere that asked. */
export class RemoteAnswer implements Answer {
  readonly #peers: Peers;
  readonly #peer: string;
  readonly #incarnation: string;
  readonly #asker: string;
  readonly #asked: string;
  readonly #askId: number;

  /** @param ask what came from that incarnation of `peer`. */
  constructor(peers: Peers, peer: string, incarnation: string, ask: Envelope) {
    this.#peers = peers;
    this.#peer = peer;
    this.#incarnation = incarnation;
    this.#asked = ask[1];
    this.#asker = ask[3];
    this.#askId = ask[6];
  }

  reply(name: string, body: unknown): void {
    this.#send(Kind.reply, name, body);
  }

  noProcess(): void {
    this.#send(Kind.noProcess, '', undefined);
  }

  refused(reason: RefusalReason, why: string): void {
    this.#send(Kind.refused, reason, why);
  }

  /** Both processes are named, so that the answer stays behind what was said before it. */
  #send(kind: Kind, name: string, body: unknown): void {
    this.#peers.send(this.#peer, [kind, this.#asker, this.#incarnation, this.#asked, name, body, this.#askId]);
  }
}
