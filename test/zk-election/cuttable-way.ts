import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server over TCP that a test can cut: connections are closed at both ends, and new ones refused. */
export class CuttableWay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #open = true;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<CuttableWay> {
    const server = createServer();
    const way = new CuttableWay(server);
    server.on('connection', (near) => {
      if (!way.#open) return void near.destroy();
      const far = connect(port, '127.0.0.1');
      near.pipe(far).pipe(near);
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

  mend(): void {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
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
