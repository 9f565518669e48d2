import { type Deadlined, DeadlineQueue } from './deadline-queue.js';
import { type Envelope, Kind } from './frame.js';
import type { Peer, PeersContext } from './peer.js';

/** How this Node watches others; see {@link NodeOptions}. */
export interface LivenessOptions {
  readonly probeMs: number;
  readonly silentMs: number;
}

/** What becomes of what {@link Liveness} sees. */
export interface LivenessHost {
  put(peer: Peer, envelope: Envelope): void;
  /** Tells of the links that may not be known there. */
  settleDoubts(peer: Peer): void;
  /** Nobody is there under that name. */
  gone(peer: Peer, reason: 'node-down' | 'node-silent'): void;
}

/** A 503 may only mean that the other side is not subscribed yet: look again after this. */
const confirmAbsenceMs = 100;
/** How often a Node that is there but says nothing is asked for an answer, in ms, unless it is to count as silent sooner. */
const pingMs = 500;
/** How many pings at least a Node leaves unanswered before it counts as silent. */
const pingsToSilence = 4;

/** The next look at one Node. */
class Probe implements Deadlined {
  settled = false;

  constructor(
    readonly deadline: number,
    readonly order: number,
    private readonly probes: DeadlineQueue,
    private readonly work: () => void,
  ) {}

  /** Counts as waiting until the next one of its Node does: the queue would be cleared away between the two. */
  expire(): void {
    this.settled = true;
    this.work();
    this.probes.settled();
  }

  cancel(): void {
    if (this.settled) return;
    this.settled = true;
    this.probes.settled();
  }
}

/**
 * Whether other Nodes are there. One that somebody waits for and that has said nothing since the last probe is looked for,
 * which costs it no answer; from time to time it is asked for one, since one that is frozen can still be seen.
 *
 * All Nodes share one timer of the clock: after each timer the platform lets go out what was written, so a thousand of them
 * that are due after a stall would be a thousand writes to the socket in one turn.
 */
export class Liveness {
  readonly #context: PeersContext;
  readonly #options: LivenessOptions;
  readonly #host: LivenessHost;
  /** A ping takes the place of every so many looks. */
  readonly #looksPerPing: number;
  readonly #probes: DeadlineQueue;
  #scheduled = 0;

  constructor(context: PeersContext, options: LivenessOptions, host: LivenessHost) {
    this.#context = context;
    this.#options = options;
    this.#host = host;
    this.#probes = new DeadlineQueue(context.clock);
    const askMs = Math.min(pingMs, options.silentMs / pingsToSilence);
    this.#looksPerPing = Math.max(1, Math.floor(askMs / options.probeMs));
  }

  /** Probes the Node for as long as anyone waits for news of it. */
  watch(peer: Peer): void {
    if (peer.probe !== undefined) return;
    peer.unanswered = 0;
    peer.heardSinceProbe = true;
    peer.absentSince = undefined;
    peer.suspected = false;
    this.#schedule(peer, this.#options.probeMs);
  }

  unwatch(peer: Peer): void {
    peer.probe?.cancel();
    peer.probe = undefined;
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#probes.close();
  }

  /** It says something, so it is there: whoever said that it has gone was wrong, or meant an earlier connection. */
  heard(peer: Peer): void {
    peer.heardSinceProbe = true;
    peer.suspected = false;
  }

  /** Nobody takes what is sent there. `certain`: its end was seen. */
  absent(peer: Peer, certain: boolean): void {
    const now = this.#context.clock.now();
    if (certain || peer.suspected) this.#host.gone(peer, 'node-down');
    else if (peer.absentSince === undefined) {
      peer.absentSince = now;
      if (peer.probe !== undefined) this.#schedule(peer, confirmAbsenceMs);
    } else if (now - peer.absentSince >= confirmAbsenceMs / 2) this.#host.gone(peer, 'node-down');
  }

  /** The server says that the Node's connection has ended. That is a hint: nobody there at the next look makes it sure. */
  suspect(peer: Peer): void {
    if (peer.probe === undefined) return;
    peer.suspected = true;
    this.#look(peer);
  }

  /** Counts probes rather than time: a stall of our own event loop delays probes, but makes nobody look silent. */
  #probe(peer: Peer): void {
    peer.probe = undefined;
    this.#host.settleDoubts(peer);
    if (peer.links.size === 0 && !peer.large.busy && !this.#context.asks.waitsFor(peer.name)) return;
    if (peer.transport.connected === false) peer.heardSinceProbe = true;
    peer.unanswered = peer.heardSinceProbe ? 0 : peer.unanswered + 1;
    if (peer.unanswered * this.#options.probeMs > this.#options.silentMs) {
      this.#host.gone(peer, 'node-silent');
      return;
    }
    // Whoever was absent and is there now has to say so.
    if (peer.absentSince !== undefined) this.#ping(peer);
    else if (!peer.heardSinceProbe) {
      if (peer.unanswered % this.#looksPerPing === 0) this.#ping(peer);
      else this.#look(peer);
    }
    peer.heardSinceProbe = false;
    this.#schedule(peer, this.#options.probeMs);
  }

  #look(peer: Peer): void {
    const { transport, abilities } = peer;
    if (transport.look !== undefined && abilities.look) transport.look(peer.name);
    else this.#ping(peer);
  }

  #ping(peer: Peer): void {
    this.#host.put(peer, [Kind.ping, '', '', '', '', undefined, 0]);
  }

  #schedule(peer: Peer, delayMs: number): void {
    const deadline = this.#context.clock.now() + delayMs;
    const probe = new Probe(deadline, this.#scheduled++, this.#probes, () => this.#probe(peer));
    this.#probes.add(probe);
    peer.probe?.cancel();
    peer.probe = probe;
  }
}
