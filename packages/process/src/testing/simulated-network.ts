import { NameError } from '../errors.js';
import type { Random } from '../random.js';
import type { Transport, TransportSink } from '../transport.js';
import { describe, messagesOf } from './frame-view.js';
import type { Latency } from './latency.js';
import type { MessageFilters } from './message-filters.js';
import type { Owner, Timeline } from './timeline.js';
import type { Trace } from './trace.js';

/** One connection to the server, from its making to its end. */
interface Line {
  /** World time after which nothing that was still under way from here arrives: the line broke. */
  lostAfter: number;
}

/** The end of a connection. */
interface Loss {
  /** Whether its Node knows: until then, what it sends is lost and not refused. */
  told: boolean;
}

/** One Node's place in the network. */
interface Station {
  readonly name: string;
  /** The life of the machine that speaks here. */
  readonly owner: Owner;
  readonly sink: TransportSink;
  /** Undefined while it is disconnected. */
  line: Line | undefined;
  /** The end of its last connection. */
  loss: Loss;
  /** When the last frame to each Node arrives: none overtakes it. */
  readonly lastArrival: Map<string, number>;
}

/** Frames from the one group do not reach the other. */
interface Cut {
  readonly from: ReadonlySet<string>;
  readonly to: ReadonlySet<string>;
}

/** Frames from the one group to the other are under way for so much longer. */
interface Slowness extends Cut {
  readonly byMs: number;
}

export interface NetworkParts {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly latency: Latency;
  readonly filters: MessageFilters;
  readonly trace: Trace | undefined;
  /** Who takes what arrives at a machine; undefined where there is no such machine. */
  door(name: string): Owner | undefined;
}

const frameBytesMax = 1024 * 1024;

/**
 * A network like one NATS server's: every Node has one connection to it, frames of a pair keep their order, nothing is
 * repeated, and who sends to nobody is told. Takes time, loses what was under way on a broken connection, and has
 * partitions, through which nothing comes and of which nobody is told.
 */
export class SimulatedNetwork {
  readonly #parts: NetworkParts;
  readonly #stations = new Map<string, Station>();
  readonly #cuts = new Set<Cut>();
  readonly #slow = new Set<Slowness>();

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** A transport for one life of a machine. */
  transport(owner: Owner): Transport {
    let station: Station | undefined;
    return {
      frameBytesMax,
      start: async (name, sink) => {
        if (!owner.alive) return;
        if (this.#stations.has(name)) throw new NameError(`the name ${name} is taken in this simulated network`);
        station = { name, owner, sink, line: newLine(), loss: { told: false }, lastArrival: new Map() };
        this.#stations.set(name, station);
      },
      reaches: () => true,
      send: (to, bytes, expectReceiver) => station !== undefined && this.#send(station, to, bytes, expectReceiver),
      close: async () => {
        if (station !== undefined && this.#stations.get(station.name) === station) this.#stations.delete(station.name);
      },
    };
  }

  /** Takes a Node out without a word: what it handed over just now may or may not have left. */
  crash(name: string): void {
    const station = this.#stations.get(name);
    if (station !== undefined) this.#breakLine(station);
    this.#stations.delete(name);
  }

  /** @param unnoticedMs for how long the Node goes on believing that it is connected. */
  disconnect(name: string, unnoticedMs: number): void {
    const station = this.#stations.get(name);
    if (station?.line === undefined) return;
    const loss = this.#breakLine(station);
    if (unnoticedMs === 0) this.#tellLost(station, loss);
    else this.#after(unnoticedMs, station.owner, () => this.#tellLost(station, loss));
  }

  reconnect(name: string): void {
    const station = this.#stations.get(name);
    if (station === undefined || station.line !== undefined) return;
    this.#tellLost(station, station.loss);
    station.line = newLine();
    this.#parts.trace?.add(name, 'reconnected');
  }

  /** Loses every frame from the one group to the other until the returned function is called. */
  cut(from: Iterable<string>, to: Iterable<string>): () => void {
    const cut: Cut = { from: new Set(from), to: new Set(to) };
    this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }

  /** Holds up every frame that is sent from the one group to the other until the returned function is called. */
  slow(from: Iterable<string>, to: Iterable<string>, byMs: number): () => void {
    const slowness: Slowness = { from: new Set(from), to: new Set(to), byMs };
    this.#slow.add(slowness);
    return () => this.#slow.delete(slowness);
  }

  #breakLine(station: Station): Loss {
    station.loss = { told: false };
    // What it sent before this moment in the pipe got through, the rest did not: a prefix of each pair's frames.
    if (station.line !== undefined) station.line.lostAfter = this.#parts.timeline.now + this.#latency();
    station.line = undefined;
    return station.loss;
  }

  #tellLost(station: Station, loss: Loss): void {
    if (loss.told) return;
    if (station.owner.stalled) {
      // None of its code runs now; what it is told meanwhile, it hears first when it goes on.
      this.#after(0, station.owner, () => this.#tellLost(station, loss));
      return;
    }
    loss.told = true;
    this.#parts.trace?.add(station.name, 'notices that its connection is lost');
    station.sink.connectionLost();
  }

  #after(ms: number, owner: Owner, work: () => void): void {
    this.#parts.timeline.plan(this.#parts.timeline.now + ms, owner, work);
  }

  #send(station: Station, to: string, bytes: Uint8Array, expectReceiver: boolean): boolean {
    if (!station.owner.alive) return true;
    const { line } = station;
    if (line === undefined) {
      this.#record(station.name, to, bytes, station.loss.told ? 'refused' : 'lost');
      return !station.loss.told;
    }
    const { timeline } = this.#parts;
    const underWayMs = this.#latency() + this.#slownessMs(station.name, to);
    const arrival = Math.max(timeline.now + underWayMs, station.lastArrival.get(to) ?? 0);
    station.lastArrival.set(to, arrival);
    timeline.plan(arrival, this.#parts.door(to), () => {
      if (arrival > line.lostAfter) this.#record(station.name, to, bytes, 'lost with the connection');
      else this.#arrive(station, to, bytes, expectReceiver);
    });
    return true;
  }

  #arrive(sender: Station, to: string, bytes: Uint8Array, expectReceiver: boolean): void {
    const from = sender.name;
    if (this.#isCut(from, to)) {
      this.#record(from, to, bytes, 'lost in the partition');
      return;
    }
    const receiver = this.#stations.get(to);
    if (receiver?.line === undefined) {
      this.#record(from, to, bytes, 'nobody is there');
      if (expectReceiver) this.#tellAbsent(sender, to);
      return;
    }
    const passed = this.#parts.filters.pass(from, to, bytes, (held) => this.#letGo(receiver, from, held));
    if (passed !== undefined) this.#hand(receiver, from, passed);
    else this.#record(from, to, bytes, 'held by a filter');
  }

  /** A filter let go of a frame, perhaps long after: it arrives now. */
  #letGo(receiver: Station, from: string, bytes: Uint8Array): void {
    this.#after(0, receiver.owner, () => this.#hand(receiver, from, bytes));
  }

  #hand(receiver: Station, from: string, bytes: Uint8Array): void {
    this.#record(from, receiver.name, bytes, undefined);
    receiver.sink.frame(from, bytes);
  }

  #tellAbsent(sender: Station, node: string): void {
    const { line } = sender;
    this.#after(this.#latency(), sender.owner, () => {
      if (line === undefined || sender.line !== line) return;
      this.#parts.trace?.add(sender.name, `is told that nobody takes frames for ${node}`);
      sender.sink.absent(node, false);
    });
  }

  #isCut(from: string, to: string): boolean {
    if (this.#cuts.size === 0) return false;
    for (const cut of this.#cuts) if (cut.from.has(from) && cut.to.has(to)) return true;
    return false;
  }

  #slownessMs(from: string, to: string): number {
    let ms = 0;
    for (const slowness of this.#slow) if (slowness.from.has(from) && slowness.to.has(to)) ms += slowness.byMs;
    return ms;
  }

  /** In whole microseconds: so that a line of a trace says the time exactly. */
  #latency(): number {
    return Math.round(this.#parts.latency(this.#parts.random) * 1_000) / 1_000;
  }

  #record(from: string, to: string, bytes: Uint8Array, fate: string | undefined): void {
    const { trace } = this.#parts;
    if (trace === undefined) return;
    const where = `${from} -> ${to}`;
    const suffix = fate === undefined ? '' : `: ${fate}`;
    const messages = messagesOf(bytes, from, to);
    if (messages === undefined || messages.length === 0) trace.add(where, `${bytes.byteLength} bytes${suffix}`);
    else for (const message of messages) trace.add(where, `${describe(message)}${suffix}`);
  }
}

function newLine(): Line {
  return { lostAfter: Number.POSITIVE_INFINITY };
}
