import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ExitReason, message, NatsTransport, Node, Process, type Upid, upid } from '@mesos-ts/process';
import { Type } from '@sinclair/typebox';

/*
 * Two OS processes on one NATS server: the first starts the second, they exchange a thousand pings and pongs, the second
 * is killed with -9, and the first is told.
 */
const Ping = message('Ping', { round: Type.Integer() });
const Pong = message('Pong', { round: Type.Integer() });
const rounds = 1_000;

class Ponger extends Process {
  protected override initialize(): void {
    this.install(Ping, (from, { round }) => this.send(from, Pong, { round }));
  }
}

class Pinger extends Process {
  readonly #other: Upid;
  readonly #kill: () => void;

  constructor(other: Upid, kill: () => void) {
    super('pinger');
    this.#other = other;
    this.#kill = kill;
  }

  protected override initialize(): void {
    this.link(this.#other);
    this.install(Pong, (from, { round }) => {
      if (round < rounds) this.send(from, Ping, { round: round + 1 });
      else {
        console.log(`${rounds} rounds with ${this.#other}`);
        this.#kill();
      }
    });
    this.send(this.#other, Ping, { round: 1 });
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    console.log(`${pid} is gone: ${reason}`);
    this.terminate();
  }
}

const servers = process.env.NATS_URL ?? 'nats://127.0.0.1:4222';
if (process.argv[2] === 'ponger') {
  const node = await Node.start({ name: 'ponger', transports: [new NatsTransport({ servers })] });
  node.spawn(new Ponger('ponger'));
  process.send?.('ready');
} else {
  const child = fork(fileURLToPath(import.meta.url), ['ponger']);
  await new Promise((resolve) => child.once('message', resolve));
  const node = await Node.start({ name: 'pinger', transports: [new NatsTransport({ servers })] });
  const pinger = node.spawn(new Pinger(upid('ponger', 'ponger'), () => child.kill('SIGKILL')));
  await node.wait(pinger);
  await node.stop();
}
