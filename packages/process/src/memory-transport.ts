import { NameError } from './errors.js';
import type { Transport, TransportSink } from './transport.js';

/** Sees every frame right before it is received; `MessageFilters` of `@mesos-ts/process/testing` is one. */
export interface FrameFilter {
  /** What goes on now; undefined holds the frame back, to be handed to `deliver` later or never. */
  pass(from: string, to: string, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): Uint8Array | undefined;
}

/** Joins Nodes of one OS process without a server: for tests, and for a cluster in one program. */
export class MemoryNetwork {
  readonly #sinks = new Map<string, TransportSink>();
  readonly #filter: FrameFilter | undefined;

  /** @param options `filter`: to await, hold and lose messages in tests. Default: everything passes. */
  constructor(options: { readonly filter?: FrameFilter } = {}) {
    this.#filter = options.filter;
  }

  /** A transport for one Node. */
  transport(): Transport {
    let own: string | undefined;
    let ownSink: TransportSink | undefined;
    return {
      frameBytesMax: 1024 * 1024,
      start: async (node, sink) => {
        if (this.#sinks.has(node)) throw new NameError(`the name ${node} is taken in this memory network`);
        own = node;
        ownSink = sink;
        this.#sinks.set(node, sink);
      },
      reaches: () => true,
      send: (node, frame, expectReceiver) => {
        if (own === undefined) return false;
        const from = own;
        // Crashed: what it still says goes nowhere.
        if (this.#sinks.get(from) !== ownSink) return true;
        // A later microtask, as the bytes of a socket would come: nobody is called in the middle of a turn.
        queueMicrotask(() => {
          const receiver = this.#sinks.get(node);
          if (receiver !== undefined) this.#deliver(from, node, receiver, frame);
          else if (expectReceiver) this.#sinks.get(from)?.absent(node, false);
        });
        return true;
      },
      look: (node) => {
        queueMicrotask(() => {
          if (own !== undefined && !this.#sinks.has(node)) this.#sinks.get(own)?.absent(node, false);
        });
      },
      close: async () => {
        await Promise.resolve();
        if (own !== undefined && this.#sinks.get(own) === ownSink) this.#sinks.delete(own);
        own = undefined;
      },
    };
  }

  #deliver(from: string, to: string, receiver: TransportSink, bytes: Uint8Array): void {
    const later = (held: Uint8Array): void => {
      if (this.#sinks.get(to) === receiver) receiver.frame(from, held);
    };
    const passed = this.#filter === undefined ? bytes : this.#filter.pass(from, to, bytes, later);
    if (passed !== undefined) receiver.frame(from, passed);
  }

  /** Takes a Node out without a word, as kill -9 would. */
  crash(node: string): void {
    this.#sinks.delete(node);
  }

  /** Breaks every connection for a moment: all Nodes are told that messages may have been lost. */
  interrupt(): void {
    for (const sink of this.#sinks.values()) sink.connectionLost();
  }
}
