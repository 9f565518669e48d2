import { Assembly } from './assembly.js';
import type { Cell } from './cell.js';
import { type ExitReason, isExitReason } from './event.js';
import { type Chunk, decodeFrame, type Envelope, type Frame, isCount, Kind } from './frame.js';
import { abilitiesOf, type Hello, isCompatible, noAbilities, readHello } from './hello.js';
import { decodeLargeFrame } from './large-frame.js';
import { Liveness, type LivenessOptions } from './liveness.js';
import { Outbox } from './outbox.js';
import { newPeer, type Peer, type PeersContext, toNode } from './peer.js';
import type { Transport, TransportSink } from './transport.js';
import { type Upid, type UpidParts, upid } from './upid.js';

/** How a Node deals with others; see {@link NodeOptions}. */
export interface PeersOptions extends LivenessOptions {
  readonly messageBytesMax: number;
}

/** What {@link Peers} needs of its Node. */
export interface PeersHost extends PeersContext {
  /** A message or an ask from that Node. */
  deliver(from: Upid, peer: string, incarnation: string, envelope: Envelope): void;
  /** A process elsewhere links to one of ours. */
  linked(toId: string, toIncarnation: string, peer: string): void;
  /** Nobody on that Node is linked to ours any more. True if anybody was. */
  unlinked(peer: string): boolean;
}

/** How many other Nodes are remembered, beyond those that are watched. */
const peersMax = 10_000;
/** How often at most a Node that cannot read us is looked for, in ms. */
const knockMs = 1_000;
/** How many ended incarnations are remembered, so that what is late from them is refused. */
const endedIncarnationsMax = 1_000;

/** The other Nodes, seen from this one: what comes from them, what is awaited of them, and who is linked to whom. */
export class Peers {
  readonly #host: PeersHost;
  readonly #messageBytesMax: number;
  readonly #transports: readonly Transport[];
  readonly #outbox: Outbox;
  readonly #liveness: Liveness;
  readonly #peers = new Map<string, Peer>();
  readonly #endedIncarnations = new Set<string>();

  constructor(host: PeersHost, options: PeersOptions, transports: readonly Transport[]) {
    this.#host = host;
    this.#messageBytesMax = options.messageBytesMax;
    this.#transports = transports;
    this.#outbox = new Outbox(host, options.messageBytesMax, (peer) => this.#liveness.watch(peer));
    this.#liveness = new Liveness(host, options, {
      put: (peer, envelope) => this.#outbox.put(peer, envelope),
      // Not at once: whoever links again at once would do so in circles for as long as the connection is down.
      settleDoubts: (peer) => {
        for (const pid of [...peer.doubtful]) this.#exit(peer, pid, 'connection-lost');
      },
      gone: (peer, reason) => this.#gone(peer, reason),
    });
  }

  async start(): Promise<void> {
    for (const transport of this.#transports)
      await transport.start(this.#host.name, this.#sink(transport), this.#host.clock);
  }

  /** Lets what was sent leave, for as long as it gets on, and disconnects. */
  async close(): Promise<void> {
    this.#outbox.flush();
    const busy = [...this.#peers.values()].filter((peer) => peer.large.busy && peer.greeted === true);
    await Promise.all(busy.map((peer) => this.#outbox.drained(peer)));
    this.#outbox.flush();
    for (const transport of this.#transports) await transport.close();
    for (const peer of this.#peers.values()) {
      this.#liveness.unwatch(peer);
      peer.assembly.drop();
    }
    this.#liveness.close();
    this.#peers.clear();
  }

  /** Puts an envelope on its way. All that leaves for one Node in one turn of the event loop goes in one frame. */
  send(node: string, envelope: Envelope): void {
    const peer = this.#peer(node);
    if (peer === undefined || peer.incompatible) {
      this.#host.events.emit('MESSAGE_UNROUTABLE', { to: node, message: envelope[4] });
      const why = peer === undefined ? 'disconnected' : 'incompatible';
      if (envelope[0] === Kind.ask) this.#host.asks.unsent(envelope[6], node, why);
      if (peer !== undefined) this.#knock(peer);
      return;
    }
    if (envelope[0] === Kind.ask) this.#liveness.watch(peer);
    this.#outbox.put(peer, envelope);
  }

  link(cell: Cell, pid: Upid, to: UpidParts): void {
    const peer = this.#peer(to.node);
    if (peer === undefined || peer.incompatible) {
      cell.exited(pid, 'absent');
      if (peer !== undefined) this.#knock(peer);
      return;
    }
    const linkers = peer.links.get(pid) ?? new Set();
    const known = linkers.size > 0;
    peer.links.set(pid, linkers.add(cell));
    this.#liveness.watch(peer);
    if (!known) this.#outbox.put(peer, [Kind.link, to.id, to.incarnation, '', '', undefined, 0]);
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
    const assembly = new Assembly(this.#host.clock, this.#messageBytesMax, (bytes, bytesTotal) => {
      this.#host.events.emit('MESSAGE_INCOMPLETE', { from: name, bytes, bytesTotal });
      this.#missed(peer);
    });
    const peer = newPeer(name, transport, this.#outbox.nextSession(), assembly, this.#host.clock);
    this.#peers.set(name, peer);
    return peer;
  }

  /** Forgets those that nobody waits for, the oldest first; should one still be there, our next frame's session tells it. */
  #evict(): void {
    for (const peer of this.#peers.values()) {
      if (this.#peers.size < peersMax) return;
      if (peer.probe !== undefined || peer.links.size > 0 || peer.outbox.length > 0) continue;
      this.#host.unlinked(peer.name);
      peer.assembly.drop();
      this.#peers.delete(peer.name);
    }
  }

  // What comes

  #sink(transport: Transport): TransportSink {
    return {
      frame: (from, bytes) => this.#receive(transport, from, bytes),
      absent: (node, certain) => this.#absent(transport, node, certain),
      connectionLost: () => this.#connectionLost(transport),
      dropped: (node, frames) => this.#dropped(node, frames),
      slowConsumer: (connectionId) => this.#slowConsumer(transport, connectionId),
      stuck: () => this.#host.events.emit('CONNECTION_STUCK', {}),
      disconnected: (connectionId) => this.#disconnected(transport, connectionId),
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
    this.#liveness.heard(peer);
    if (frame.chunk === undefined) this.#takeAll(peer, frame);
    else this.#takeChunk(peer, frame, frame.chunk);
  }

  #takeAll(peer: Peer, { sequence, envelopes }: Frame): void {
    for (const envelope of envelopes) this.#take(peer, envelope);
    if (sequence === 0) this.#mute(peer);
  }

  /** It spoke where its hello was due: a build that has none, or it would have come by now. */
  #mute(peer: Peer): void {
    if (peer.greeted !== undefined) return;
    peer.greeted = false;
    this.#outbox.greeted(peer);
  }

  #takeChunk(peer: Peer, { sequence }: Frame, chunk: Chunk): void {
    const whole = peer.assembly.take(chunk);
    const received = peer.assembly.acknowledge();
    if (received !== undefined) this.#outbox.put(peer, toNode(Kind.received, peer, [peer.session, received]));
    if (whole === undefined) return;
    try {
      if (whole === 'refused') throw new TypeError(`${chunk.bytesTotal} bytes are more than a message may have`);
      this.#takeAll(peer, { ...decodeLargeFrame(whole), sequence });
    } catch (error) {
      const why = (error as Error).message;
      this.#host.events.emit('FRAME_MALFORMED', { from: peer.name, bytes: chunk.bytesTotal, why });
      this.#missed(peer);
    }
  }

  /** A message from there is lost, though no frame is: that breaks the links between us as any loss does. */
  #missed(peer: Peer): void {
    this.#break(peer, 'connection-lost');
    this.#countAnew(peer);
    this.#outbox.put(peer, toNode(Kind.lost, peer));
  }

  /**
   * Something was lost in either direction: a part of a large message of ours, or word that it arrived. Both sides count
   * the bytes anew, or it would wait for that word forever, and all that is to follow it.
   */
  #countAnew(peer: Peer): void {
    if (peer.large.counting) this.#outbox.beginSession(peer);
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
    this.#outbox.beginSession(peer);
    return true;
  }

  /** Whether to take a frame, by its incarnation, session and number; tells of what is missing before it. */
  #inOrder(peer: Peer, frame: Frame): boolean {
    const first = peer.incarnation !== frame.incarnation;
    if (first) {
      if (this.#endedIncarnations.has(`${peer.name}#${frame.incarnation}`)) {
        this.#host.events.emit('FRAME_DEAD_INCARNATION', { from: peer.name });
        return false;
      }
      this.#succeeded(peer, frame.incarnation);
      peer.incarnation = frame.incarnation;
      peer.speaker = undefined;
      peer.abilities = noAbilities;
      peer.greeted = undefined;
      peer.incompatible = false;
      peer.session = frame.session;
      peer.nextIn = 0;
      peer.assembly.reset();
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
      peer.assembly.reset();
      this.#countAnew(peer);
      peer.nextIn = 0;
    }
    if (frame.sequence > peer.nextIn) {
      // What came before the first that we hear may have been for our predecessor, or for us.
      if (!first) this.#host.events.emit('FRAMES_LOST', { from: peer.name }, frame.sequence - peer.nextIn);
      peer.assembly.drop();
      this.#missed(peer);
    }
    // Nobody took what we sent a moment ago, yet now it is there: it missed that.
    if (peer.absentSince !== undefined) this.#lose(peer);
    peer.gone = false;
    peer.session = frame.session;
    peer.nextIn = frame.sequence + 1;
    return true;
  }

  #take(peer: Peer, envelope: Envelope): void {
    // Part by part: to take all apart as a list takes longer, and most are messages.
    const kind = envelope[0];
    const toId = envelope[1];
    const toIncarnation = envelope[2];
    const name = envelope[4];
    // An `exited` and an answer are about a request of ours, so they fit this incarnation or nothing waits for them.
    if (toIncarnation !== '' && toIncarnation !== this.#host.incarnation && kind !== Kind.link && kind !== Kind.ask) {
      this.#host.events.emit('DEAD_INCARNATION', { from: peer.name, to: toId, message: name });
      return;
    }
    switch (kind) {
      case Kind.send:
      case Kind.ask:
        this.#host.deliver(speaker(peer, envelope[3]), peer.name, peer.incarnation, envelope);
        break;
      case Kind.reply:
        this.#host.asks.answered(envelope[6], peer.name, name, envelope[5]);
        break;
      case Kind.noProcess:
        this.#host.asks.noProcess(envelope[6], peer.name);
        break;
      case Kind.refused:
        this.#host.asks.refused(envelope[6], peer.name, name, envelope[5]);
        break;
      case Kind.link:
        this.#host.linked(toId, toIncarnation, peer.name);
        break;
      case Kind.exited:
        if (isExitReason(name)) this.#exit(peer, ended(peer, envelope), name);
        break;
      case Kind.ping:
        this.#outbox.put(peer, toNode(Kind.pong, peer));
        break;
      case Kind.pong:
        this.#mute(peer);
        break;
      case Kind.lost:
        this.#break(peer, 'connection-lost');
        this.#countAnew(peer);
        // What it missed may have been our hello.
        this.#outbox.greet(peer);
        break;
      case Kind.hello:
        this.#greeted(peer, envelope[5]);
        break;
      case Kind.received:
        this.#received(peer, envelope[5]);
        break;
      default:
        this.#host.events.emit('ENVELOPE_UNKNOWN', { from: peer.name, kind });
    }
  }

  #received(peer: Peer, body: unknown): void {
    if (!Array.isArray(body) || body[0] !== peer.sessionOut || !isCount(body[1])) return;
    peer.large.acknowledged(body[1]);
    this.#outbox.pump(peer);
  }

  #greeted(peer: Peer, body: unknown): void {
    const hello = readHello(body);
    if (hello === undefined) return;
    peer.greeted = true;
    if (isCompatible(hello)) {
      peer.incompatible = false;
      peer.abilities = abilitiesOf(hello);
    } else this.#cannotRead(peer, hello);
    if (!hello.heard) this.#outbox.greet(peer);
    this.#outbox.greeted(peer);
  }

  #cannotRead(peer: Peer, { layouts }: Hello): void {
    peer.abilities = noAbilities;
    if (peer.incompatible) return;
    peer.incompatible = true;
    this.#host.events.emit('NODE_INCOMPATIBLE', { node: peer.name, layouts: layouts.join(' to ') });
    this.#outbox.abandon(peer);
    this.#host.asks.giveUp(peer.name, 'incompatible');
    this.#break(peer, 'absent');
  }

  /** Something for a Node that cannot read us was refused. Another build may be there by now, which would answer this. */
  #knock(peer: Peer): void {
    const now = this.#host.clock.now();
    if (now - peer.knockedAt < knockMs) return;
    peer.knockedAt = now;
    this.#outbox.put(peer, [Kind.ping, '', '', '', '', undefined, 0]);
  }

  // Whether they are there

  #absent(transport: Transport, node: string, certain: boolean): void {
    const peer = this.#peers.get(node);
    if (peer === undefined || peer.transport !== transport) return;
    this.#liveness.absent(peer, certain);
    // A socket's Node never comes back under that name, so nothing needs to be remembered of it.
    if (certain) this.#peers.delete(node);
  }

  /** The server says that a connection has ended: the Node behind it, if we know it, may be gone. */
  #disconnected(transport: Transport, connectionId: string): void {
    for (const peer of this.#peers.values())
      if (peer.transport === transport && peer.abilities.connection === connectionId) this.#liveness.suspect(peer);
  }

  #gone(peer: Peer, reason: 'node-down' | 'node-silent'): void {
    this.#liveness.unwatch(peer);
    peer.suspected = false;
    peer.assembly.reset();
    this.#host.asks.giveUp(peer.name, 'no-node');
    this.#break(peer, reason === 'node-down' && peer.incarnation === '' ? 'absent' : reason);
    this.#forgetLinks(peer);
    this.#outbox.beginSession(peer);
    peer.absentSince = undefined;
    peer.incompatible = false;
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
    if (unnoticed) this.#outbox.beginSession(peer);
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
    for (const peer of this.#peers.values()) if (peer.transport === transport) this.#beginAnew(peer);
  }

  /** What was sent there is lost in part, and we know it. */
  #beginAnew(peer: Peer): void {
    this.#outbox.beginSession(peer);
    this.#lose(peer);
    this.#forgetLinks(peer);
  }

  #dropped(node: string, frames: number): void {
    this.#host.events.emit('FRAMES_UNSENT', { to: node }, frames);
    const peer = this.#peers.get(node);
    if (peer !== undefined) this.#beginAnew(peer);
  }

  #slowConsumer(transport: Transport, connectionId: string): void {
    if (connectionId === '') this.#host.events.emit('SLOW_CONSUMER', { node: this.#host.name });
    for (const peer of this.#peers.values())
      if (connectionId !== '' && peer.transport === transport && peer.abilities.connection === connectionId)
        this.#host.events.emit('SLOW_CONSUMER', { node: peer.name });
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
    for (const cell of linkers) cell.exited(pid, reason);
  }
}

/** The whole UPID of a process there; most who speak say more than one thing, so that of the last is kept. */
function speaker(peer: Peer, id: string): Upid {
  if (peer.speaker?.id !== id) peer.speaker = { id, pid: upid(id, peer.name, peer.incarnation) };
  return peer.speaker.pid;
}

/** The process there whose end an `exited` tells, as it is known here. */
function ended(peer: Peer, [, , , id, , incarnation]: Envelope): Upid {
  return upid(id, peer.name, typeof incarnation === 'string' ? incarnation : '');
}
