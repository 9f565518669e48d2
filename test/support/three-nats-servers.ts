import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, startNatsServer } from '@mesos-ts/cli';
import { freePort } from '@mesos-ts/cli/testing';

interface Tap {
  teardown(end: () => unknown): void;
}

/** A cluster of three on this machine, of which each is started when a test wants it; all end with the test. */
export class ThreeNatsServers {
  readonly #routes: readonly number[];

  private constructor(
    readonly t: Tap,
    routes: readonly number[],
  ) {
    this.#routes = routes;
  }

  static async prepare(t: Tap): Promise<ThreeNatsServers> {
    return new ThreeNatsServers(t, await Promise.all([1, 2, 3].map(() => freePort())));
  }

  /** All of them at once; resolves when each takes clients, which is long before they have found each other. */
  static async start(t: Tap): Promise<NatsServer[]> {
    const cluster = await ThreeNatsServers.prepare(t);
    return Promise.all([0, 1, 2].map((index) => cluster.startOne(index)));
  }

  /** @param index 0 to 2. */
  async startOne(index: number): Promise<NatsServer> {
    const storeDir = mkdtempSync(join(tmpdir(), 'three-nats-'));
    const routes = this.#routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
    const config = `cluster { name: three, listen: "127.0.0.1:${this.#routes[index]}", routes: [${routes}] }`;
    const server = await startNatsServer({ storeDir, config });
    this.t.teardown(async () => {
      // One that is frozen could not end in peace.
      server.kill('SIGCONT');
      await server.stop();
      rmSync(storeDir, { recursive: true, force: true });
    });
    return server;
  }
}
