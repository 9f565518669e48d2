import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a client and a server: its connections can be cut, refused, or stand still. */
export class FlakyConnection {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  #refuses = false;
  port = 0;

  private constructor(target: number) {
    this.#server = createServer((client) => {
      if (this.#refuses) {
        client.destroy();
        return;
      }
      const server = connect(target, '127.0.0.1');
      const pair = [client, server] as const;
      this.#pairs.add(pair);
      for (const [one, other] of [pair, [server, client] as const]) {
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#pairs.delete(pair);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async to(test: { teardown(end: () => void): void }, target: number): Promise<FlakyConnection> {
    const flaky = new FlakyConnection(target);
    flaky.#server.listen(0, '127.0.0.1');
    await once(flaky.#server, 'listening');
    flaky.port = (flaky.#server.address() as AddressInfo).port;
    test.teardown(() => {
      flaky.cut();
      flaky.#server.close();
    });
    return flaky;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Breaks all connections, and lets no new one in until {@link restore}. */
  cut(): void {
    this.#refuses = true;
    for (const [client, server] of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  restore(): void {
    this.#refuses = false;
  }

  /** Nothing more comes from the server on the connections that there are. */
  mute(): void {
    for (const [client, server] of this.#pairs) {
      server.unpipe(client);
      server.resume();
    }
  }

  /** The server takes nothing more on the connections that there are, until {@link flow}. */
  dam(): void {
    for (const [client, server] of this.#pairs) client.unpipe(server).pause();
  }

  flow(): void {
    for (const [client, server] of this.#pairs) client.pipe(server);
  }
}
