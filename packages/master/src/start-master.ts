import { Node, type NodeOptions, type Upid } from '@mesos-ts/process';
import { type MasterId, version } from '@mesos-ts/protocol';
import type { Contender, Leadership } from '@mesos-ts/zk-election';
import { Master } from './master.js';
import type { MasterOptions } from './master-options.js';

export interface RunMasterOptions extends MasterOptions {
  /** Makes the master one candidate of the election. Closed when the master stops. */
  readonly contender: Contender;
  readonly hostname: string;
  /** Told of every election won, and of every leadership lost with the reason. */
  readonly onLeading?: (leadership: Leadership) => void;
  readonly onLost?: (why: string) => void;
}

export interface StartMasterOptions extends RunMasterOptions {
  /** The Node of the master: its name, transports, clock and the like. */
  readonly node: NodeOptions;
}

/** A master that stands by or leads, until it is stopped. */
export interface RunningMaster {
  readonly node: Node;
  /** Where the master answers, whoever leads. */
  readonly pid: Upid;
  /** Resolves when it has stopped; rejects when it can no longer be a candidate. */
  readonly ended: Promise<void>;
  /** Resigns, if it leads, and ends. */
  stop(): Promise<void>;
}

/** How long to wait before contending again after the election failed, in ms. */
const contendAgainMs = 1_000;

/**
 * Starts a master. It stands by until it is elected; when it loses leadership, a master with empty books stands by in its
 * place, under the same PID. Those who were linked to the old one are told that it ended.
 */
export async function startMaster(options: StartMasterOptions): Promise<RunningMaster> {
  return runMaster(await Node.start(options.node), options);
}

/** As {@link startMaster}, on a Node that is there already; its end stops that Node. */
export function runMaster(node: Node, options: RunMasterOptions): RunningMaster {
  const candidate = new Candidate(node, options);
  const ended = candidate.run();
  ended.catch(() => undefined); // whoever waits for it is told; nobody has to
  return { node, pid: candidate.pid, ended, stop: () => candidate.stop() };
}

class Candidate {
  readonly #node: Node;
  readonly #options: RunMasterOptions;
  #master: Master;
  #stopping = false;

  constructor(node: Node, options: RunMasterOptions) {
    this.#node = node;
    this.#options = options;
    this.#master = this.#newMaster();
  }

  get pid(): Upid {
    return this.#master.pid;
  }

  async run(): Promise<void> {
    let contended = false;
    while (!this.#stopping) {
      let leadership: Leadership;
      try {
        leadership = await this.#options.contender.contend(this.#master.info);
        contended = true;
      } catch (error) {
        if (this.#stopping) return;
        // At the start a person waits for the reason; later, the NATS server may only be away for a while.
        if (!contended) throw await this.#failed(error);
        this.#node.log.error({ err: error }, 'cannot contend for leadership; trying again');
        await this.#pause(contendAgainMs);
        continue;
      }
      await this.#lead(leadership);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#node.stop();
    await this.#options.contender.close();
  }

  /** A master that fails while leadership lasts is followed by a new one, which leads in its place. */
  async #lead(leadership: Leadership): Promise<void> {
    let lost = false;
    void leadership.lost.then(() => {
      lost = true;
    });
    while (!lost && !this.#stopping) await this.#leadOnce(leadership);
  }

  async #leadOnce(leadership: Leadership): Promise<void> {
    await this.#master.elected(leadership).catch(() => undefined);
    this.#options.onLeading?.(leadership);
    const why = await Promise.race([
      leadership.lost,
      this.#node.wait(this.#master.pid).then(() => 'the master process ended'),
    ]);
    if (this.#stopping) return;
    this.#node.log.warn({ epoch: leadership.epoch, why }, 'this master leads no more: a new one takes its place');
    this.#options.onLost?.(why);
    const { pid } = this.#master;
    this.#node.terminate(pid);
    await this.#node.wait(pid);
    if (!this.#stopping) this.#master = this.#newMaster();
  }

  /** Whatever this candidate acquires from now on is higher. */
  #stale(epoch: number): void {
    this.#options.contender.heard(epoch);
  }

  #newMaster(): Master {
    const { hostname } = this.#options;
    const id = this.#node.random.uuid() as MasterId;
    const master = new Master({ id, hostname, version }, this.#options, (epoch) => this.#stale(epoch));
    this.#node.spawn(master);
    return master;
  }

  async #failed(error: unknown): Promise<unknown> {
    await this.stop();
    return error;
  }

  /** Ends early when the Node is stopped, and the master that stands by with it. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#node.clock.timer(ms, resolve);
      void this.#node.wait(this.#master.pid).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
