import { type Chunk, type Envelope, encodeFrame, Kind } from './frame.js';
import { ownHello } from './hello.js';
import { type Peer, type PeersContext, toNode } from './peer.js';

/** Envelopes per frame: bounds the size of a frame, and with it the length of a turn at the receiver. */
const envelopesPerFrame = 512;

/** What leaves for other Nodes: gathered over a turn of the event loop, packed into frames, numbered, handed over. */
export class Outbox {
  readonly #context: PeersContext;
  /** The largest message, in bytes. */
  readonly #messageBytesMax: number;
  /** Called when a large message waits for word from its Node. */
  readonly #watch: (peer: Peer) => void;
  #dirty: Peer[] = [];
  #lastSession = 0;

  constructor(context: PeersContext, messageBytesMax: number, watch: (peer: Peer) => void) {
    this.#context = context;
    this.#messageBytesMax = messageBytesMax;
    this.#watch = watch;
  }

  /** A number for a session to some Node, larger than all before. */
  nextSession(): number {
    return this.#lastSession++;
  }

  /** What is sent from here on does not follow on what was sent before. */
  beginSession(peer: Peer): void {
    peer.sessionOut = this.nextSession();
    peer.nextOut = 0;
    this.#unsent(peer, peer.large.abort());
  }

  /** Puts an envelope on its way. All that leaves for one Node in one turn of the event loop goes in one frame. */
  put(peer: Peer, envelope: Envelope): void {
    const bulky = isBulky(envelope[5], peer.transport.frameBytesMax);
    if (peer.large.busy && this.#waits(peer, envelope, bulky)) return;
    if (peer.outbox.length === 0) {
      if (this.#dirty.length === 0) queueMicrotask(() => this.flush());
      this.#dirty.push(peer);
    }
    // What is large is packed alone, and once.
    if (bulky) this.#flushPeer(peer);
    peer.outbox.push(envelope);
    if (bulky || peer.outbox.length >= envelopesPerFrame) this.#flushPeer(peer);
  }

  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) this.#flushPeer(peer);
  }

  /** Sends what may leave now of a large message, and after its end what waited behind it. */
  pump(peer: Peer): void {
    const { large, transport } = peer;
    while (large.busy && peer.abilities.chunks) {
      const chunk = large.next(transport.frameBytesMax);
      if (chunk === undefined) return;
      if (!this.#sendChunk(peer, chunk)) {
        this.#unsent(peer, large.abort());
        return;
      }
      for (const envelope of large.finished() ?? []) this.put(peer, envelope);
    }
  }

  /** Says what we can do to a Node that has not heard it. */
  greet(peer: Peer): void {
    // The first frame of a session says it by itself.
    if (peer.nextOut > 0) this.put(peer, this.#hello(peer));
    else if (peer.outbox.length === 0) this.put(peer, toNode(Kind.pong, peer));
  }

  /** The Node has said what it can do, or has not though it spoke. */
  greeted(peer: Peer): void {
    if (peer.abilities.chunks) this.pump(peer);
    else if (peer.large.busy) {
      const [envelope, ...held] = peer.large.abort();
      if (envelope !== undefined) this.#tooLarge(peer, envelope, peer.transport.frameBytesMax);
      for (const waiting of held) this.put(peer, waiting);
    }
  }

  /** Whether an envelope stays behind a large message, for now. */
  #waits(peer: Peer, envelope: Envelope, bulky = false): boolean {
    if (!bulky && !peer.large.precede(envelope)) return false;
    this.#hold(peer, envelope);
    return true;
  }

  #hold(peer: Peer, envelope: Envelope): void {
    if (!peer.large.hold(envelope)) this.#unsent(peer, [envelope]);
  }

  #flushPeer(peer: Peer): void {
    const envelopes = peer.outbox;
    if (envelopes.length === 0) return;
    peer.outbox = [];
    if (peer.nextOut === 0) envelopes.unshift(this.#hello(peer));
    if (peer.owesLost) envelopes.unshift(toNode(Kind.lost, peer));
    this.#transmit(peer, envelopes);
  }

  #hello(peer: Peer): Envelope {
    return toNode(
      Kind.hello,
      peer,
      ownHello(this.#messageBytesMax, peer.greeted === true, peer.transport.connectionId ?? ''),
    );
  }

  #transmit(peer: Peer, all: Envelope[]): void {
    const { transport, large } = peer;
    const envelopes = large.busy ? all.filter((envelope) => !this.#waits(peer, envelope)) : all;
    if (envelopes.length === 0) return;
    const bytes = this.#encode(peer, envelopes);
    if (bytes === undefined) return;
    if (bytes.byteLength > transport.frameBytesMax) {
      this.#split(peer, envelopes, bytes);
      return;
    }
    if (transport.send(peer.name, bytes, envelopes.some(wantsReceiver))) {
      peer.nextOut++;
      if (envelopes[0]?.[0] === Kind.lost) peer.owesLost = false;
      this.#context.counters.increment('frames_sent');
    } else this.#unsent(peer, envelopes);
  }

  #sendChunk(peer: Peer, chunk: Chunk): boolean {
    const { incarnation } = this.#context;
    const frame = { incarnation, session: peer.sessionOut, sequence: peer.nextOut, envelopes: [], chunk };
    if (!peer.transport.send(peer.name, encodeFrame(frame, true), false)) return false;
    peer.nextOut++;
    this.#context.counters.increment('frames_sent');
    return true;
  }

  #encode(peer: Peer, envelopes: Envelope[]): Uint8Array | undefined {
    const { incarnation } = this.#context;
    const frame = { incarnation, session: peer.sessionOut, sequence: peer.nextOut, envelopes };
    try {
      return encodeFrame(frame, peer.abilities.compact);
    } catch (error) {
      // One body that cannot be encoded must not take the rest of the frame with it.
      if (envelopes.length > 1) for (const envelope of envelopes) this.#transmit(peer, [envelope]);
      else {
        const message = envelopes[0]?.[4] ?? '';
        const why = (error as Error).message;
        this.#context.events.emit('MESSAGE_UNENCODABLE', { to: peer.name, message, why });
        if (envelopes[0]?.[0] === Kind.ask) this.#context.asks.unsent(envelopes[0][6], 'unencodable');
      }
      return undefined;
    }
  }

  /** For what is larger than a frame: halves it, down to the one message that has to be cut in chunks. */
  #split(peer: Peer, envelopes: Envelope[], bytes: Uint8Array): void {
    const [envelope] = envelopes;
    if (envelopes.length > 1) {
      const middle = envelopes.length >>> 1;
      this.#transmit(peer, envelopes.slice(0, middle));
      this.#transmit(peer, envelopes.slice(middle));
    } else if (envelope !== undefined) this.#cut(peer, envelope, bytes);
  }

  #cut(peer: Peer, envelope: Envelope, bytes: Uint8Array): void {
    const bytesMax = this.#largestFor(peer);
    if (bytes.byteLength > bytesMax) this.#tooLarge(peer, envelope, bytesMax, bytes.byteLength);
    else if (peer.large.busy) this.#hold(peer, envelope);
    else {
      peer.large.begin(envelope, bytes);
      this.#watch(peer);
      // Until it has said what it can do; it answers this with that.
      if (peer.greeted === undefined) this.put(peer, [Kind.ping, '', '', '', '', undefined, 0]);
      this.pump(peer);
    }
  }

  /** The largest message that a Node takes, in bytes; of one that has not said we hope for the best. */
  #largestFor({ greeted, abilities, transport }: Peer): number {
    if (greeted === undefined) return this.#messageBytesMax;
    return abilities.chunks ? Math.min(this.#messageBytesMax, abilities.messageBytesMax) : transport.frameBytesMax;
  }

  #tooLarge(peer: Peer, envelope: Envelope, bytesMax: number, bytes = bytesMax): void {
    const [kind, , , , message, , askId] = envelope;
    this.#context.events.emit('MESSAGE_TOO_LARGE', { to: peer.name, message, bytes, bytesMax });
    if (kind === Kind.ask) this.#context.asks.unsent(askId, 'too-large');
  }

  /** What cannot leave is counted, breaks the links that relied on it, and ends the asks. */
  #unsent(peer: Peer, envelopes: readonly Envelope[]): void {
    if (envelopes.length === 0) return;
    this.#context.events.emit('MESSAGE_UNSENT', { to: peer.name }, envelopes.length);
    if (envelopes.some(breaksLinks)) for (const pid of peer.links.keys()) peer.doubtful.add(pid);
    if (envelopes.some(([kind]) => kind === Kind.exited)) peer.owesLost = true;
    for (const envelope of envelopes)
      if (envelope[0] === Kind.ask) this.#context.asks.unsent(envelope[6], 'disconnected');
  }
}

/** Whether a field alone is so large that the message may not fit into a frame. */
function isBulky(body: unknown, frameBytesMax: number): boolean {
  if (typeof body !== 'object' || body === null) return false;
  const fields = body as Readonly<Record<string, unknown>>;
  for (const name in fields) {
    const field = fields[name];
    if (typeof field === 'string' ? field.length * 2 > frameBytesMax : isLongArray(field, frameBytesMax)) return true;
  }
  return false;
}

function isLongArray(field: unknown, frameBytesMax: number): boolean {
  return field instanceof Uint8Array && field.byteLength * 2 > frameBytesMax;
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
