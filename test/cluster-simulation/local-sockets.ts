import type { Transport, TransportSink } from '@mesos-ts/process';

const frameBytesMax = 1024 * 1024;

interface Line {
  readonly node: string;
  readonly sink: TransportSink;
}

/**
 * The local socket of one agent in memory, for one life of its machine: frames arrive in a later microtask and in order,
 * and the end of either side is told to the other at once and as certain.
 */
export class LocalSockets {
  #server: Line | undefined;
  readonly #clients = new Map<string, Line>();

  /** The agent's end. */
  server(): Transport {
    return {
      frameBytesMax,
      start: async (node, sink) => {
        this.#server = { node, sink };
      },
      reaches: (node) => this.#clients.has(node),
      send: (node, frame) => this.#carry(this.#server, this.#clients.get(node), frame),
      close: async () => {
        for (const node of [...this.#clients.keys()]) this.cut(node);
      },
    };
  }

  /** An executor's end. */
  client(): Transport {
    let own: Line | undefined;
    return {
      frameBytesMax,
      start: async (node, sink) => {
        own = { node, sink };
        this.#clients.set(node, own);
      },
      reaches: (node) => this.#isOpen(own) && node === this.#server?.node,
      send: (_node, frame) => this.#carry(own, this.#server, frame),
      close: async () => {
        // What was sent before has left by then.
        await Promise.resolve();
        if (this.#isOpen(own)) this.cut(own?.node ?? '');
      },
    };
  }

  /** Ends an executor's connection, as the end of its OS process does. */
  cut(node: string): void {
    const client = this.#clients.get(node);
    if (client === undefined) return;
    this.#clients.delete(node);
    queueMicrotask(() => {
      this.#server?.sink.absent(node, true);
      client.sink.absent(this.#server?.node ?? '', true);
    });
  }

  #carry(from: Line | undefined, to: Line | undefined, frame: Uint8Array): boolean {
    if (from === undefined || to === undefined || !this.#isOpen(from)) return false;
    queueMicrotask(() => to.sink.frame(from.node, frame));
    return true;
  }

  #isOpen(line: Line | undefined): boolean {
    return line !== undefined && (line === this.#server || this.#clients.get(line.node) === line);
  }
}
