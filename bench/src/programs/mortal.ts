import { readCredentials } from '@mesos-ts/cli';
import { type ExitReason, message, NatsTransport, Node, Process, type Upid } from '@mesos-ts/process';
import { sharedNowMs } from '../load.js';
import { serve } from '../operations.js';

/*
 * A Node that is to be killed, or one that links to such and notes when it is told of their end.
 */
const Alive = message('Alive', {});
const Greet = message('Greet', {}, { reply: Alive });
const askOptions = { deadlineMs: 30_000 };

class Mortal extends Process {
  readonly #exits = new Map<Upid, (exit: Exit) => void>();

  protected override initialize(): void {
    this.install(Greet, () => this.reply(Alive, {}));
  }

  /** Links, and resolves when the other side knows; `exit` resolves when the link breaks. */
  async watch(pid: Upid): Promise<{ readonly exit: Promise<Exit> }> {
    const exit = new Promise<Exit>((resolve) => this.#exits.set(pid, resolve));
    await this.dispatch(() => {
      this.link(pid);
      return this.ask(pid, Greet, {}, askOptions).then(() => undefined);
    });
    return { exit };
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    this.#exits.get(pid)?.({ reason, atMs: sharedNowMs() });
  }
}

interface Exit {
  readonly reason: ExitReason;
  /** On the clock that all OS processes of a machine share. */
  readonly atMs: number;
}

const mortal = new Mortal('mortal');
const exits = new Map<Upid, Promise<Exit>>();

const operations = {
  /** @param credentialsFile empty where the server lets everybody in. */
  async start(servers: string, name: string, credentialsFile: string, connectionEvents: boolean): Promise<Upid> {
    const connection = credentialsFile === '' ? {} : readCredentials(credentialsFile).connection;
    const node = await Node.start({ name, transports: [new NatsTransport({ servers, connection, connectionEvents })] });
    return node.spawn(mortal);
  },
  async link(pid: Upid): Promise<void> {
    exits.set(pid, (await mortal.watch(pid)).exit);
  },
  /** When and why the link to it broke; waits for that. */
  exit: (pid: Upid): Promise<Exit | undefined> => Promise.resolve(exits.get(pid)),
};
export type MortalOperations = typeof operations;
serve(operations);
