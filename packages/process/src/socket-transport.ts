import { connect, createServer, type Server, type Socket } from 'node:net';
import { TransportError } from './errors.js';
import type { Transport, TransportSink } from './transport.js';
import { nodeNamePattern } from './upid.js';

/** Each frame goes behind its length in 4 bytes, little endian. The first frame of either side is its Node's name. */
const lengthBytes = 4;
const frameBytesMax = 1024 * 1024;
/** What is read from someone who did not say a name yet. */
const nameBytesMax = 64;
/** Longer paths are cut off without a word by the platform: 104 bytes with the closing 0 on macOS, 108 on Linux. */
const pathBytesMax = 103;
/** What may wait for a peer that does not read, before it is cut off. */
const pendingBytesMax = 128 * 1024 * 1024;

/** One end of a local connection, after the other end has said its name. */
class Line {
  peer = '';
  #received: Buffer[] = [];
  #receivedBytes = 0;

  constructor(
    readonly socket: Socket,
    private readonly on: {
      named(line: Line): void;
      frame(line: Line, bytes: Uint8Array): void;
      closed(line: Line): void;
    },
  ) {
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => undefined); // 'close' follows, and is where it is handled
    socket.on('close', () => on.closed(this));
  }

  /** Says our name. */
  greet(own: string): void {
    this.write(Buffer.from(own));
  }

  write(frame: Uint8Array): void {
    const head = Buffer.allocUnsafe(lengthBytes);
    head.writeUInt32LE(frame.byteLength);
    this.socket.cork();
    this.socket.write(head);
    this.socket.write(frame);
    this.socket.uncork();
    if (this.socket.writableLength > pendingBytesMax) this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedBytes += chunk.length;
    while (this.#receivedBytes >= lengthBytes && !this.socket.destroyed) {
      const length = this.#peek();
      if (length > (this.peer === '' ? nameBytesMax : frameBytesMax)) {
        this.socket.destroy();
        return;
      }
      if (this.#receivedBytes < lengthBytes + length) return;
      const whole = this.#take(lengthBytes + length);
      this.#frame(whole.subarray(lengthBytes));
    }
  }

  #frame(bytes: Buffer): void {
    if (this.peer !== '') {
      this.on.frame(this, bytes);
      return;
    }
    const name = bytes.toString();
    if (!nodeNamePattern.test(name)) {
      this.socket.destroy();
      return;
    }
    this.peer = name;
    this.on.named(this);
  }

  #peek(): number {
    const first = this.#received[0];
    if (first !== undefined && first.length >= lengthBytes) return first.readUInt32LE(0);
    this.#received = [Buffer.concat(this.#received)];
    return (this.#received[0] as Buffer).readUInt32LE(0);
  }

  #take(bytes: number): Buffer {
    const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
    const rest = all.subarray(bytes);
    this.#received = rest.length > 0 ? [rest] : [];
    this.#receivedBytes = rest.length;
    return all.subarray(0, bytes);
  }
}

/**
 * The agent's end of the local sockets to its executors. Whoever may open the socket's file may connect, so it belongs in
 * a folder that only its user can enter. The end of a connection is the end of its Node: it is told as certain.
 */
export class SocketServerTransport implements Transport {
  readonly frameBytesMax = frameBytesMax;
  readonly #path: string;
  readonly #lines = new Map<string, Line>();
  /** Also those that did not say a name yet. */
  readonly #open = new Set<Line>();
  #server: Server | undefined;

  /** @param path of the socket's file; at most 103 bytes, a limit of the operating system. */
  constructor(path: string) {
    this.#path = path;
  }

  async start(node: string, sink: TransportSink): Promise<void> {
    checkPath(this.#path, 'listen on');
    const server = createServer((socket) => {
      const line = new Line(socket, {
        named: () => this.#named(line, node),
        frame: (from, bytes) => sink.frame(from.peer, bytes),
        closed: () => {
          this.#open.delete(line);
          if (this.#lines.get(line.peer) !== line) return;
          this.#lines.delete(line.peer);
          sink.absent(line.peer, true);
        },
      });
      this.#open.add(line);
    });
    await new Promise<void>((resolve, reject) => {
      server.on('error', (cause) =>
        reject(new TransportError(`cannot listen on the socket ${this.#path}: ${cause.message}`, { cause })),
      );
      server.listen(this.#path, resolve);
    });
    this.#server = server;
  }

  reaches(node: string): boolean {
    return this.#lines.has(node);
  }

  send(node: string, frame: Uint8Array): boolean {
    const line = this.#lines.get(node);
    line?.write(frame);
    return line !== undefined;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const line of this.#open) line.socket.destroySoon();
    await closed;
  }

  /** The first to come under a name keeps it. Only then is it told ours, so that it knows that it was let in. */
  #named(line: Line, own: string): void {
    if (line.peer === own || this.#lines.has(line.peer)) line.socket.destroy();
    else {
      this.#lines.set(line.peer, line);
      line.greet(own);
    }
  }
}

/** An executor's end of the local socket: it reaches its agent and nobody else. */
export class SocketClientTransport implements Transport {
  readonly frameBytesMax = frameBytesMax;
  readonly #path: string;
  #line: Line | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async start(node: string, sink: TransportSink): Promise<void> {
    checkPath(this.#path, 'connect to the agent at');
    await new Promise<void>((resolve, reject) => {
      const socket = connect(this.#path);
      const failed = (cause?: Error): void => {
        const why = cause?.message ?? `it closed the connection, as it does when the name ${node} is taken`;
        reject(new TransportError(`cannot connect to the agent at the socket ${this.#path}: ${why}`, { cause }));
      };
      socket.once('error', failed);
      const line = new Line(socket, {
        named: () => {
          this.#line = line;
          resolve();
        },
        frame: (from, bytes) => sink.frame(from.peer, bytes),
        closed: () => {
          failed();
          if (this.#line === line) sink.absent(line.peer, true);
          this.#line = undefined;
        },
      });
      line.greet(node);
    });
  }

  reaches(node: string): boolean {
    return this.#line?.peer === node;
  }

  send(_node: string, frame: Uint8Array): boolean {
    this.#line?.write(frame);
    return this.#line !== undefined;
  }

  async close(): Promise<void> {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    await new Promise<void>((resolve) => {
      line.socket.once('close', () => resolve());
      line.socket.destroySoon();
    });
  }
}

function checkPath(path: string, what: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > pathBytesMax)
    throw new TransportError(
      `cannot ${what} the socket ${path}: ${bytes} bytes are too long for a path, use at most ${pathBytesMax}`,
    );
}
