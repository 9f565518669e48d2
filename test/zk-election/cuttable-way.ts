import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server over TCP that a test can cut: connections are closed at both ends, and new ones refused. */
export class CuttableWay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #open = true;
  #breaksAt: string | undefined;
  #broken = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<CuttableWay> {
    const server = createServer();
    const way = new CuttableWay(server);
    server.on('connection', (near) => {
      if (!way.#open) return void near.destroy();
      const far = connect(port, '127.0.0.1');
      near.on('data', (chunk) => (way.#isToBreak(chunk) ? near.destroy() : far.write(chunk)));
      far.pipe(near);
      for (const socket of [near, far]) way.#hold(socket, socket === near ? far : near);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return way;
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Breaks the next connection on which a client sends this, once; that and what follows does not arrive. */
  breakAt(text: string): void {
    this.#breaksAt = text;
  }

  /** How many connections {@link breakAt} broke. */
  get broken(): number {
    return this.#broken;
  }

  mend(): void {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #isToBreak(chunk: Buffer): boolean {
    if (this.#breaksAt === undefined || !chunk.includes(this.#breaksAt)) return false;
    this.#breaksAt = undefined;
    this.#broken++;
    return true;
  }

  #hold(socket: Socket, other: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}); // its close follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}
