import type { Asks } from './asks.js';
import type { Cell } from './cell.js';
import type { Clock, Timer } from './clock.js';
import type { Counters } from './counters.js';
import { type ExitReason, isExitReason } from './event.js';
import { decodeFrame, type Envelope, encodeFrame, type Frame, Kind } from './frame.js';
import type { RuntimeEvents } from './runtime-event.js';
import type { Transport, TransportSink } from './transport.js';
import { type Upid, type UpidParts, upid } from './upid.js';

/** What one Node knows and awaits of another. */
interface Peer {
  readonly name: string;
  transport: Transport;
  /** Of the incarnation that we last heard from; empty before. */
  incarnation: string;
  /** The session and the next sequence number of the frames from there. */
  session: number;
  nextIn: number;
  /** The same of the frames to there. */
  sessionOut: number;
  nextOut: number;
  outbox: Envelope[];
  /** Which of our processes are to be told of the end of which process there. */
  readonly links: Map<Upid, Set<Cell>>;
  probe: Timer | undefined;
  heardSinceProbe: boolean;
  /** Probes in a row that nothing answered. */
  unanswered: number;
  /** Since when nobody is there to take what we send. */
  absentSince: number | undefined;
  /** Given up, and not heard from since. */
  gone: boolean;
  /** Of those links, the ones that may not be known there, or that missed a message, since it could not leave. */
  readonly doubtful: Set<Upid>;
  /** We forgot links of its processes to ours, and it does not know yet. */
  owesLost: boolean;
}

/** How this Node watches others; see {@link NodeOptions}. */
export interface Liveness {
  readonly probeMs: number;
  readonly silentMs: number;
}

/** What {@link Peers} needs of its Node. */
export interface PeersHost {
  readonly name: string;
  readonly incarnation: string;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly events: RuntimeEvents;
  readonly asks: Asks;
  /** A message or an ask from elsewhere. `answer` is 0 for a message. */
  deliver(from: Upid, peer: string, envelope: Envelope): void;
  /** A process elsewhere links to one of ours. */
  linked(toId: string, toIncarnation: string, peer: string): void;
  /** Nobody on that Node is linked to ours any more. True if anybody was. */
  unlinked(peer: string): boolean;
}

/** A 503 may only mean that the other side is not subscribed yet: look again after this. */
const confirmAbsenceMs = 100;
/** Envelopes per frame: bounds the size of a frame, and with it the length of a turn at the receiver. */
const envelopesPerFrame = 512;
/** How many other Nodes are remembered, beyond those that are watched. */
const peersMax = 10_000;
/** How many ended incarnations are remembered, so that what is late from them is refused. */
const endedIncarnationsMax = 1_000;

/** The other Nodes, seen from this one: what leaves for them, what comes from them, and whether they are there. */
export class Peers {
  readonly #host: PeersHost;
  readonly #liveness: Liveness;
  readonly #transports: readonly Transport[];
  readonly #peers = new Map<string, Peer>();
  readonly #endedIncarnations = new Set<string>();
  #dirty: Peer[] = [];
  #lastSession = 0;

  constructor(host: PeersHost, liveness: Liveness, transports: readonly Transport[]) {
    this.#host = host;
    this.#liveness = liveness;
    this.#transports = transports;
  }

  async start(): Promise<void> {
    for (const transport of this.#transports) await transport.start(this.#host.name, this.#sink(transport));
  }

  async close(): Promise<void> {
    for (const peer of this.#peers.values()) peer.probe?.cancel();
    this.#flush();
    for (const transport of this.#transports) await transport.close();
    this.#peers.clear();
  }

  /** Puts an envelope on its way. All that leaves for one Node in one turn of the event loop goes in one frame. */
  send(node: string, envelope: Envelope): void {
    const peer = this.#peer(node);
    if (peer === undefined) {
      this.#host.events.emit('MESSAGE_UNROUTABLE', { to: node, message: envelope[4] });
      if (envelope[0] === Kind.ask) this.#host.asks.unsent(envelope[6], 'disconnected');
      return;
    }
    if (envelope[0] === Kind.ask) this.#watch(peer);
    this.#put(peer, envelope);
  }

  link(cell: Cell, pid: Upid, to: UpidParts): void {
    const peer = this.#peer(to.node);
    if (peer === undefined) {
      cell.push({ kind: 'exited', pid, reason: 'absent' });
      return;
    }
    const linkers = peer.links.get(pid) ?? new Set();
    const known = linkers.size > 0;
    peer.links.set(pid, linkers.add(cell));
    this.#watch(peer);
    if (!known) this.#put(peer, [Kind.link, to.id, to.incarnation, '', '', undefined, 0]);
  }

  /** A process of ours ended: it need not be told of anything any more. */
  forget(cell: Cell): void {
    for (const peer of this.#peers.values())
      for (const [pid, linkers] of peer.links) {
        if (!linkers.delete(cell) || linkers.size > 0) continue;
        peer.links.delete(pid);
        peer.doubtful.delete(pid);
      }
  }

  #peer(node: string): Peer | undefined {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const transport = this.#transports.find((candidate) => candidate.reaches(node));
    return transport === undefined ? undefined : this.#add(node, transport);
  }

  #add(name: string, transport: Transport): Peer {
    if (this.#peers.size >= peersMax) this.#evict();
    const peer: Peer = {
      name,
      transport,
      incarnation: '',
      session: -1,
      nextIn: 0,
      sessionOut: this.#lastSession++,
      nextOut: 0,
      outbox: [],
      links: new Map(),
      probe: undefined,
      heardSinceProbe: false,
      unanswered: 0,
      absentSince: undefined,
      gone: false,
      doubtful: new Set(),
      owesLost: false,
    };
    this.#peers.set(name, peer);
    return peer;
  }

  /** Forgets those that nobody waits for, the oldest first; should one still be there, our next frame's session tells it. */
  #evict(): void {
    for (const peer of this.#peers.values()) {
      if (this.#peers.size < peersMax) return;
      if (peer.probe !== undefined || peer.links.size > 0 || peer.outbox.length > 0) continue;
      this.#host.unlinked(peer.name);
      this.#peers.delete(peer.name);
    }
  }

  /** What is sent from here on does not follow on what was sent before. */
  #beginSession(peer: Peer): void {
    peer.sessionOut = this.#lastSession++;
    peer.nextOut = 0;
  }

  // What leaves

  #put(peer: Peer, envelope: Envelope): void {
    if (peer.outbox.length === 0) {
      if (this.#dirty.length === 0) queueMicrotask(() => this.#flush());
      this.#dirty.push(peer);
    }
    peer.outbox.push(envelope);
    if (peer.outbox.length >= envelopesPerFrame) this.#flushPeer(peer);
  }

  #flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) this.#flushPeer(peer);
  }

  #flushPeer(peer: Peer): void {
    const envelopes = peer.outbox;
    if (envelopes.length === 0) return;
    peer.outbox = [];
    if (peer.owesLost) envelopes.unshift([Kind.lost, '', peer.incarnation, '', '', undefined, 0]);
    this.#transmit(peer, envelopes);
  }

  #transmit(peer: Peer, envelopes: Envelope[]): void {
    const { transport } = peer;
    const bytes = this.#encode(peer, envelopes);
    if (bytes === undefined) return;
    if (bytes.byteLength > transport.frameBytesMax) {
      this.#split(peer, envelopes, bytes.byteLength);
      return;
    }
    if (transport.send(peer.name, bytes, envelopes.some(wantsReceiver))) {
      peer.nextOut++;
      if (envelopes[0]?.[0] === Kind.lost) peer.owesLost = false;
      this.#host.counters.increment('frames_sent');
    } else {
      this.#host.events.emit('MESSAGE_UNSENT', { to: peer.name }, envelopes.length);
      if (envelopes.some(breaksLinks)) for (const pid of peer.links.keys()) peer.doubtful.add(pid);
      for (const envelope of envelopes)
        if (envelope[0] === Kind.ask) this.#host.asks.unsent(envelope[6], 'disconnected');
    }
  }

  #encode(peer: Peer, envelopes: Envelope[]): Uint8Array | undefined {
    const { incarnation } = this.#host;
    try {
      return encodeFrame({ incarnation, session: peer.sessionOut, sequence: peer.nextOut, envelopes });
    } catch (error) {
      // One body that cannot be encoded must not take the rest of the frame with it.
      if (envelopes.length > 1) for (const envelope of envelopes) this.#transmit(peer, [envelope]);
      else {
        const message = envelopes[0]?.[4] ?? '';
        this.#host.events.emit('MESSAGE_UNENCODABLE', { to: peer.name, message, why: (error as Error).message });
        if (envelopes[0]?.[0] === Kind.ask) this.#host.asks.unsent(envelopes[0][6], 'unencodable');
      }
      return undefined;
    }
  }

  #split(peer: Peer, envelopes: Envelope[], bytes: number): void {
    if (envelopes.length > 1) {
      const middle = envelopes.length >>> 1;
      this.#transmit(peer, envelopes.slice(0, middle));
      this.#transmit(peer, envelopes.slice(middle));
      return;
    }
    const [envelope] = envelopes;
    this.#host.events.emit('MESSAGE_TOO_LARGE', {
      to: peer.name,
      message: envelope?.[4] ?? '',
      bytes,
      bytesMax: peer.transport.frameBytesMax,
    });
    if (envelope?.[0] === Kind.ask) this.#host.asks.unsent(envelope[6], 'too-large');
  }

  // What comes

  #sink(transport: Transport): TransportSink {
    return {
      frame: (from, bytes) => this.#receive(transport, from, bytes),
      absent: (node, certain) => this.#absent(transport, node, certain),
      connectionLost: () => this.#connectionLost(transport),
    };
  }

  #receive(transport: Transport, from: string, bytes: Uint8Array): void {
    let frame: Frame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      const why = (error as Error).message;
      this.#host.events.emit('FRAME_MALFORMED', { from, bytes: bytes.byteLength, why });
      return;
    }
    const peer = this.#peers.get(from) ?? this.#add(from, transport);
    if (!this.#cameBy(peer, transport) || !this.#inOrder(peer, frame)) return;
    this.#host.counters.increment('frames_received');
    peer.heardSinceProbe = true;
    for (const envelope of frame.envelopes) this.#take(peer, frame.incarnation, envelope);
  }

  /** A Node is heard only on the transport where it was heard first: nobody takes its name on another. */
  #cameBy(peer: Peer, transport: Transport): boolean {
    if (peer.transport === transport) return true;
    if (peer.incarnation !== '') {
      this.#host.events.emit('FRAME_MISROUTED', { from: peer.name });
      return false;
    }
    // We looked for it elsewhere before it came.
    this.#lose(peer);
    peer.transport = transport;
    this.#beginSession(peer);
    return true;
  }

  /** Whether to take a frame, by its incarnation, session and number; tells of what is missing before it. */
  #inOrder(peer: Peer, frame: Frame): boolean {
    if (this.#endedIncarnations.has(`${peer.name}#${frame.incarnation}`)) {
      this.#host.events.emit('FRAME_DEAD_INCARNATION', { from: peer.name });
      return false;
    }
    const first = peer.incarnation !== frame.incarnation;
    if (first) {
      this.#succeeded(peer, frame.incarnation);
      peer.incarnation = frame.incarnation;
      peer.session = frame.session;
      peer.nextIn = 0;
    }
    if (frame.session < peer.session || (frame.session === peer.session && frame.sequence < peer.nextIn)) {
      this.#host.events.emit('FRAME_STALE', { from: peer.name });
      return false;
    }
    if (frame.session > peer.session) {
      // Its connection was made anew, or it gave us up: what was under way in either direction may be gone, and it broke
      // its links to us. Those that it makes in this session are to hold.
      this.#break(peer, 'connection-lost');
      this.#host.unlinked(peer.name);
      peer.owesLost = false;
    } else if (frame.sequence > peer.nextIn) {
      // What came before the first that we hear may have been for our predecessor, or for us.
      if (!first) this.#host.events.emit('FRAMES_LOST', { from: peer.name }, frame.sequence - peer.nextIn);
      this.#break(peer, 'connection-lost');
      this.#put(peer, [Kind.lost, '', frame.incarnation, '', '', undefined, 0]);
    }
    // Nobody took what we sent a moment ago, yet now it is there: it missed that.
    if (peer.absentSince !== undefined) this.#lose(peer);
    peer.gone = false;
    peer.session = frame.session;
    peer.nextIn = frame.sequence + 1;
    return true;
  }

  #take(peer: Peer, incarnation: string, envelope: Envelope): void {
    const [kind, toId, toIncarnation, fromId, name, body, askId] = envelope;
    // An `exited` and an answer are about a request of ours, so they fit this incarnation or nothing waits for them.
    if (toIncarnation !== '' && toIncarnation !== this.#host.incarnation && kind !== Kind.link && kind !== Kind.ask) {
      this.#host.events.emit('DEAD_INCARNATION', { from: peer.name, to: toId, message: name });
      return;
    }
    switch (kind) {
      case Kind.send:
      case Kind.ask:
        this.#host.deliver(upid(fromId, peer.name, incarnation), peer.name, envelope);
        break;
      case Kind.reply:
        this.#host.asks.answered(askId, peer.name, name, body);
        break;
      case Kind.noProcess:
        this.#host.asks.noProcess(askId, peer.name);
        break;
      case Kind.refused:
        this.#host.asks.refused(askId, peer.name, name, body);
        break;
      case Kind.link:
        this.#host.linked(toId, toIncarnation, peer.name);
        break;
      case Kind.exited:
        if (isExitReason(name)) this.#exit(peer, upid(fromId, peer.name, typeof body === 'string' ? body : ''), name);
        break;
      case Kind.ping:
        this.#put(peer, [Kind.pong, '', peer.incarnation, '', '', undefined, 0]);
        break;
      case Kind.pong:
        break;
      case Kind.lost:
        this.#break(peer, 'connection-lost');
        break;
      default:
        this.#host.events.emit('ENVELOPE_UNKNOWN', { from: peer.name, kind });
    }
  }

  // Whether they are there

  /** Probes the Node for as long as anyone waits for news of it. */
  #watch(peer: Peer): void {
    if (peer.probe !== undefined) return;
    peer.unanswered = 0;
    peer.heardSinceProbe = true;
    peer.absentSince = undefined;
    this.#scheduleProbe(peer, this.#liveness.probeMs);
  }

  #scheduleProbe(peer: Peer, delayMs: number): void {
    peer.probe?.cancel();
    peer.probe = this.#host.clock.timer(delayMs, () => this.#probe(peer));
  }

  /**
   * Counts probes rather than time: a stall of our own event loop delays probes, but makes nobody look silent.
   */
  #probe(peer: Peer): void {
    peer.probe = undefined;
    // Not at once: whoever links again at once would do so in circles for as long as the connection is down.
    for (const pid of [...peer.doubtful]) this.#exit(peer, pid, 'connection-lost');
    if (peer.links.size === 0 && !this.#host.asks.waitsFor(peer.name)) return;
    peer.unanswered = peer.heardSinceProbe ? 0 : peer.unanswered + 1;
    if (peer.unanswered * this.#liveness.probeMs > this.#liveness.silentMs) {
      this.#gone(peer, 'node-silent');
      return;
    }
    if (!peer.heardSinceProbe || peer.absentSince !== undefined) this.#ping(peer);
    peer.heardSinceProbe = false;
    this.#scheduleProbe(peer, this.#liveness.probeMs);
  }

  #ping(peer: Peer): void {
    this.#put(peer, [Kind.ping, '', '', '', '', undefined, 0]);
  }

  #absent(transport: Transport, node: string, certain: boolean): void {
    const peer = this.#peers.get(node);
    if (peer === undefined || peer.transport !== transport) return;
    const now = this.#host.clock.now();
    if (certain) {
      this.#gone(peer, 'node-down');
      // A socket's Node never comes back under that name, so nothing needs to be remembered of it.
      this.#peers.delete(node);
    } else if (peer.absentSince === undefined) {
      peer.absentSince = now;
      if (peer.probe !== undefined) this.#scheduleProbe(peer, confirmAbsenceMs);
    } else if (now - peer.absentSince >= confirmAbsenceMs / 2) this.#gone(peer, 'node-down');
  }

  #gone(peer: Peer, reason: 'node-down' | 'node-silent'): void {
    peer.probe?.cancel();
    peer.probe = undefined;
    this.#host.asks.giveUp(peer.name, 'no-node');
    this.#break(peer, reason === 'node-down' && peer.incarnation === '' ? 'absent' : reason);
    this.#forgetLinks(peer);
    this.#beginSession(peer);
    peer.absentSince = undefined;
    peer.gone = true;
  }

  /** A new incarnation speaks under the name: the one that we knew, or that a link names, is dead. */
  #succeeded(peer: Peer, successor: string): void {
    if (peer.incarnation !== '') {
      this.#remember(`${peer.name}#${peer.incarnation}`);
      this.#host.asks.giveUp(peer.name, 'no-node', peer.incarnation);
    }
    // Links made since the old one was given up are with the new one, unless they name another.
    const unnoticed = peer.incarnation !== '' && !peer.gone;
    for (const pid of [...peer.links.keys()]) {
      const pinned = pid.includes('#');
      if (pinned && pid.endsWith(`#${successor}`)) {
        if (unnoticed) this.#exit(peer, pid, 'connection-lost');
      } else if (pinned || unnoticed) this.#exit(peer, pid, 'node-down');
    }
    // What comes next is the first that the new one hears of us, or it missed nothing.
    if (unnoticed) this.#beginSession(peer);
    this.#host.unlinked(peer.name);
    peer.owesLost = false;
  }

  #remember(ended: string): void {
    if (this.#endedIncarnations.size >= endedIncarnationsMax)
      for (const oldest of this.#endedIncarnations) {
        this.#endedIncarnations.delete(oldest);
        break;
      }
    this.#endedIncarnations.add(ended);
  }

  #connectionLost(transport: Transport): void {
    for (const peer of this.#peers.values()) {
      if (peer.transport !== transport) continue;
      this.#beginSession(peer);
      this.#lose(peer);
      this.#forgetLinks(peer);
    }
  }

  /** Its processes are told of nothing by us any more, and have to know. */
  #forgetLinks(peer: Peer): void {
    if (this.#host.unlinked(peer.name)) peer.owesLost = true;
  }

  /** What we sent there may not have arrived. */
  #lose(peer: Peer): void {
    peer.absentSince = undefined;
    this.#host.asks.giveUp(peer.name, 'connection-lost');
    this.#break(peer, 'connection-lost');
  }

  /** Every link to that Node ends, each with its `exited`. */
  #break(peer: Peer, reason: ExitReason): void {
    for (const pid of [...peer.links.keys()]) this.#exit(peer, pid, reason);
  }

  #exit(peer: Peer, pid: Upid, reason: ExitReason): void {
    const linkers = peer.links.get(pid);
    peer.links.delete(pid);
    peer.doubtful.delete(pid);
    if (linkers === undefined) return;
    if (reason !== 'ended' && reason !== 'failed') this.#host.events.emit('LINK_BROKEN', { pid, reason });
    for (const cell of linkers) cell.push({ kind: 'exited', pid, reason });
  }
}

/** These need an answer from a living Node, so it matters when there is none. */
function wantsReceiver(envelope: Envelope): boolean {
  const kind = envelope[0];
  return kind === Kind.ask || kind === Kind.link || kind === Kind.ping;
}

/** Without these a link is not what it promises: the link itself, and what was said since. */
function breaksLinks(envelope: Envelope): boolean {
  return envelope[0] === Kind.send || envelope[0] === Kind.link;
}
