import { type AnyMessageType, type BodyOf, type ExitReason, Process, type Upid } from '@mesos-ts/process';
import type { WithoutEpoch } from '@mesos-ts/protocol';

/** A message as it arrived. */
export interface Arrival {
  readonly name: string;
  readonly from: Upid;
  readonly body: unknown;
  /** By the clock of its Node, in ms. */
  readonly atMs: number;
}

interface Waiter {
  readonly name: string;
  readonly resolve: (arrival: Arrival) => void;
}

const patienceMs = 20_000;

/** A master or an agent that does only what a test says, and keeps all that it is told. */
export class ScriptedProcess extends Process {
  readonly arrivals: Arrival[] = [];
  readonly exits: string[] = [];
  /** Said with every message, as a leader does. */
  epoch = 1;
  #taken = 0;
  #waiter: Waiter | undefined;

  /** @param types what it takes. @param react runs on each arrival. */
  constructor(
    id: string,
    private readonly types: readonly AnyMessageType[],
    private readonly react: (arrival: Arrival, self: ScriptedProcess) => void = () => undefined,
  ) {
    super(id);
  }

  say<M extends AnyMessageType>(to: Upid, type: M, body: WithoutEpoch<M>): void {
    this.send(to, type, { epoch: this.epoch, ...body } as unknown as BodyOf<M>);
  }

  watch(pid: Upid): void {
    this.link(pid);
  }

  /** The bodies of one type so far. */
  bodies<M extends AnyMessageType>(type: M): BodyOf<M>[] {
    return this.arrivals.filter(({ name }) => name === type.name).map(({ body }) => body as BodyOf<M>);
  }

  /** The next message of the type that no earlier call took; others before it are passed over. One call at a time. */
  async next<M extends AnyMessageType>(type: M): Promise<{ readonly from: Upid; readonly body: BodyOf<M> }> {
    const arrival = await this.#next(type.name);
    return { from: arrival.from, body: arrival.body as BodyOf<M> };
  }

  protected override initialize(): void {
    for (const type of this.types)
      this.install(type, (from, body) => {
        const arrival: Arrival = { name: type.name, from, body, atMs: this.clock.now() };
        this.arrivals.push(arrival);
        this.react(arrival, this);
        if (this.#waiter?.name === type.name) this.#waiter.resolve(arrival);
      });
  }

  protected override exited(pid: Upid, reason: ExitReason): void {
    this.exits.push(`${pid} ${reason}`);
  }

  #next(name: string): Promise<Arrival> {
    for (; this.#taken < this.arrivals.length; this.#taken++) {
      const arrival = this.arrivals[this.#taken];
      if (arrival?.name !== name) continue;
      this.#taken++;
      return Promise.resolve(arrival);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const seen = this.arrivals.map((arrival) => arrival.name).join(', ');
        reject(new Error(`${this.id}: no ${name} within ${patienceMs} ms; arrived: ${seen}`));
      }, patienceMs);
      this.#waiter = {
        name,
        resolve: (arrival) => {
          clearTimeout(timer);
          this.#waiter = undefined;
          this.#taken = this.arrivals.length;
          resolve(arrival);
        },
      };
    });
  }
}
