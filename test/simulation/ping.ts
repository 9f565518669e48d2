import { message, Process, type Upid, upid } from '@mesos-ts/process';
import type { Machine, Simulation } from '@mesos-ts/process/testing';
import { Type } from '@sinclair/typebox';

export const Ping = message('Ping', { n: Type.Integer() });
export const Pong = message('Pong', { n: Type.Integer() });

/** Answers everyone. */
export class Ponger extends Process {
  protected override initialize(): void {
    this.install(Ping, (_from, { n }) => this.reply(Pong, { n }));
  }
}

/** Sends a Ping a second from a random moment on, and links to whom it pings for as long as it lives. */
export class Pinger extends Process {
  readonly pongs: number[] = [];
  readonly exits: string[] = [];
  #n = 0;

  constructor(
    private readonly to: Upid,
    private readonly linked = true,
  ) {
    super('pinger');
  }

  protected override initialize(): void {
    this.install(Pong, (_from, { n }) => {
      this.pongs.push(n);
    });
    if (this.linked) this.link(this.to);
    this.delay(this.random.integer(1_000), () => this.#tick());
  }

  protected override exited(pid: Upid, reason: string): void {
    this.exits.push(reason);
    this.delay(100, () => this.link(pid));
  }

  #tick(): void {
    this.send(this.to, Ping, { n: this.#n++ });
    this.delay(1_000, () => this.#tick());
  }
}

/** A leader and those that ping it, each on a machine of its own. */
export class PingWorld {
  readonly leader: Machine;
  readonly machines: readonly Machine[];
  /** Of the lives so far, by machine; a restart begins a new one. */
  readonly pingers: Pinger[] = [];

  constructor(simulation: Simulation, count: number, linked = true) {
    this.leader = simulation.machine('leader', ({ node }) => {
      node.spawn(new Ponger('ponger'));
    });
    this.machines = Array.from({ length: count }, (_, i) =>
      simulation.machine(`m${i}`, ({ node }) => {
        this.pingers[i] = new Pinger(upid('ponger', 'leader'), linked);
        node.spawn(this.pingers[i] as Pinger);
      }),
    );
  }
}
