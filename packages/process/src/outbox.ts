import { type Chunk, type Envelope, encodeChunk, encodeFrame, type Frame, Kind } from './frame.js';
import { ownHello } from './hello.js';
import { encodeLargeFrame, isLongBinary } from './large-frame.js';
import { byteLengthOf, heldBytesMax } from './large-message.js';
import { type Peer, type PeersContext, toNode } from './peer.js';

/** Envelopes per frame: bounds the size of a frame, and with it the length of a turn at the receiver. */
const envelopesPerFrame = 512;
/** How long a Node that stops waits for its large messages to leave, in ms. */
const drainMs = 5_000;
/** What a frame of one envelope says besides it is less than this, in bytes, the hello included. */
const frameHeadBytes = 512;

/** Its callbacks are microtasks, without the async resource that `queueMicrotask` makes of each. */
const soon = Promise.resolve();

/** What leaves for other Nodes: gathered over a turn of the event loop, packed into frames, numbered, handed over. */
export class Outbox {
  readonly #context: PeersContext;
  /** The largest message, in bytes. */
  readonly #messageBytesMax: number;
  /** Called when a large message waits for word from its Node. */
  readonly #watch: (peer: Peer) => void;
  readonly #flushNow = (): void => this.flush();
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
    peer.large.settle();
  }

  /** Puts an envelope on its way. All that leaves for one Node in one turn of the event loop goes in one frame. */
  put(peer: Peer, envelope: Envelope): void {
    const bulky = isBulky(envelope[5], peer.transport.frameBytesMax);
    if (peer.large.busy && this.#waits(peer, envelope, bulky)) return;
    if (peer.outbox.length === 0) {
      if (this.#dirty.length === 0) void soon.then(this.#flushNow);
      this.#dirty.push(peer);
    }
    if (bulky) {
      // After what was said before it, and alone.
      this.#flushPeer(peer);
      this.#sendLarge(peer, envelope);
      return;
    }
    peer.outbox.push(envelope);
    if (peer.outbox.length >= envelopesPerFrame) this.#flushPeer(peer);
  }

  /** Gives up all that has not left for a Node: it could not be read there. */
  abandon(peer: Peer): void {
    const waiting = [...peer.outbox, ...peer.large.abort()];
    peer.outbox = [];
    peer.large.settle();
    for (const [kind, , , , message] of waiting)
      if (kind === Kind.send || kind === Kind.ask)
        this.#context.events.emit('MESSAGE_UNROUTABLE', { to: peer.name, message });
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
        large.settle();
        return;
      }
      for (const envelope of large.finished() ?? []) this.put(peer, envelope);
      large.settle();
    }
  }

  /** Resolves once no large message is on its way there any more, at the latest after {@link drainMs}. */
  drained(peer: Peer): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.clock.timer(drainMs, resolve);
      peer.large.onIdle(() => {
        timer.cancel();
        resolve();
      });
    });
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
    if (peer.large.hold(envelope)) return;
    const { heldBytes: bytes } = peer.large;
    this.#context.events.emit('OUTBOX_OVERFLOW', {
      to: peer.name,
      message: envelope[4],
      bytes,
      bytesMax: heldBytesMax,
    });
    this.#unsent(peer, [envelope]);
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
      this.#split(peer, envelopes);
      return;
    }
    if (transport.send(peer.name, bytes, envelopes.some(wantsReceiver))) {
      peer.nextOut++;
      if (envelopes[0]?.[0] === Kind.lost) peer.owesLost = false;
      this.#context.counters.increment('frames_sent');
    } else this.#unsent(peer, envelopes);
  }

  #sendChunk(peer: Peer, chunk: Chunk): boolean {
    // The hello goes first in every session.
    if (peer.nextOut === 0) {
      this.put(peer, toNode(Kind.pong, peer));
      this.#flushPeer(peer);
    }
    const { large } = peer;
    const bytes = encodeChunk(this.#nextFrame(peer, []), chunk, (length) => large.takeRoom(length));
    if (!peer.transport.send(peer.name, bytes, false, () => large.giveRoomBack(bytes))) return false;
    peer.nextOut++;
    this.#context.counters.increment('frames_sent');
    return true;
  }

  #nextFrame(peer: Peer, envelopes: readonly Envelope[]): Frame {
    return { incarnation: this.#context.incarnation, session: peer.sessionOut, sequence: peer.nextOut, envelopes };
  }

  #encode(peer: Peer, envelopes: Envelope[]): Uint8Array | undefined {
    try {
      return encodeFrame(this.#nextFrame(peer, envelopes), peer.abilities.layout);
    } catch (error) {
      // One body that cannot be encoded must not take the rest of the frame with it.
      const [envelope] = envelopes;
      if (envelopes.length > 1) for (const one of envelopes) this.#transmit(peer, [one]);
      else if (envelope !== undefined) this.#unencodable(peer, envelope, error as Error);
      return undefined;
    }
  }

  #unencodable(peer: Peer, [kind, , , , message, , askId]: Envelope, { message: why }: Error): void {
    this.#context.events.emit('MESSAGE_UNENCODABLE', { to: peer.name, message, why });
    if (kind === Kind.ask) this.#context.asks.unsent(askId, peer.name, 'unencodable');
  }

  /** For what is larger than a frame: halves it, down to the one message that has to be cut in chunks. */
  #split(peer: Peer, envelopes: Envelope[]): void {
    const [envelope] = envelopes;
    if (envelopes.length > 1) {
      const middle = envelopes.length >>> 1;
      this.#transmit(peer, envelopes.slice(0, middle));
      this.#transmit(peer, envelopes.slice(middle));
    } else if (envelope !== undefined) this.#sendLarge(peer, envelope, true);
  }

  /** For an envelope that may be larger than a frame. @param certain it is, as was seen when it was encoded for one. */
  #sendLarge(peer: Peer, envelope: Envelope, certain = false): void {
    const { frameBytesMax } = peer.transport;
    let parts: Uint8Array[];
    try {
      parts = encodeLargeFrame(this.#nextFrame(peer, []), envelope, frameBytesMax / 2);
    } catch (error) {
      this.#unencodable(peer, envelope, error as Error);
      return;
    }
    const [bytes, bytesMax] = [byteLengthOf(parts), this.#largestFor(peer)];
    if (!certain && bytes <= frameBytesMax - frameHeadBytes) {
      peer.outbox.push(envelope);
      this.#flushPeer(peer);
    } else if (bytes > bytesMax) this.#tooLarge(peer, envelope, bytesMax, bytes);
    else if (peer.large.busy) this.#hold(peer, envelope);
    else {
      peer.large.begin(envelope, parts);
      this.#watch(peer);
      if (peer.greeted === undefined) this.#bidHello(peer);
      this.pump(peer);
    }
  }

  /** A large message waits until its Node has said what it can do, which it says in answer to this. */
  #bidHello(peer: Peer): void {
    const { nextOut } = peer;
    this.put(peer, [Kind.ping, '', '', '', '', undefined, 0]);
    this.#flushPeer(peer);
    if (peer.nextOut > nextOut) return;
    // Disconnected: that answer may never come.
    this.#unsent(peer, peer.large.abort());
    peer.large.settle();
  }

  /** The largest message that a Node takes, in bytes; of one that has not said we hope for the best. */
  #largestFor({ greeted, abilities, transport }: Peer): number {
    if (greeted === undefined) return this.#messageBytesMax;
    return abilities.chunks
      ? Math.min(this.#messageBytesMax, abilities.messageBytesMax)
      : transport.frameBytesMax - frameHeadBytes;
  }

  #tooLarge(peer: Peer, envelope: Envelope, bytesMax: number, bytes = bytesMax): void {
    const [kind, , , , message, , askId] = envelope;
    this.#context.events.emit('MESSAGE_TOO_LARGE', { to: peer.name, message, bytes, bytesMax });
    if (kind === Kind.ask) this.#context.asks.unsent(askId, peer.name, 'too-large');
  }

  /** What cannot leave is counted, breaks the links that relied on it, and ends the asks. */
  #unsent(peer: Peer, envelopes: readonly Envelope[]): void {
    const messages = envelopes.filter(([kind]) => kind !== Kind.hello && kind !== Kind.lost).length;
    if (messages > 0) this.#context.events.emit('MESSAGE_UNSENT', { to: peer.name }, messages);
    if (envelopes.some(breaksLinks)) for (const pid of peer.links.keys()) peer.doubtful.add(pid);
    if (envelopes.some(([kind]) => kind === Kind.exited)) peer.owesLost = true;
    for (const envelope of envelopes)
      if (envelope[0] === Kind.ask) this.#context.asks.unsent(envelope[6], peer.name, 'disconnected');
  }
}

/** Whether a field alone is so large that the message may not fit into a frame. */
function isBulky(body: unknown, frameBytesMax: number): boolean {
  if (typeof body !== 'object' || body === null) return false;
  const longFrom = frameBytesMax / 2;
  const fields = body as Readonly<Record<string, unknown>>;
  for (const name in fields) {
    const field = fields[name];
    if (typeof field === 'string') {
      if (field.length >= longFrom) return true;
    } else if (typeof field === 'object' && isLongBinary(field, longFrom)) return true;
  }
  return false;
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
