import type { Node, Upid } from '@mesos-ts/process';
import { type MasterId, version } from '@mesos-ts/protocol';
import type { Leadership } from '@mesos-ts/zk-election';
import { LeaderSight } from './leader-sight.js';
import { Master } from './master.js';
import type { MasterHealth, MasterHttp } from './master-http.js';
import { memoryRegistrar } from './registry/memory-registrar.js';
import type { Registrar } from './registry/registrar.js';
import { RegistryLost } from './registry/registry-errors.js';
import type { RunMasterOptions } from './start-master.js';

/** How long to wait before contending again after the election failed, or leadership was given up, in ms. */
const contendAgainMs = 1_000;

/** It lost or gave up leadership, and is to end then. `code` never changes; the message is for people and may. */
export class SteppedDown extends Error {
  override readonly name = 'SteppedDown';
  readonly code = 'MASTER_STEPPED_DOWN';

  constructor(why: string) {
    super(`this master leads no more (${why}), and --exit-on-step-down has it end`);
  }
}

/** One master through all its candidacies: stands by, recovers, leads, and stands by again with empty books. */
export class Candidate {
  readonly #node: Node;
  readonly #options: RunMasterOptions;
  readonly #http: MasterHttp | undefined;
  readonly #sight: LeaderSight | undefined;
  #master: Master;
  /** Whether the contest was entered at least once. */
  #entered = false;
  #state: MasterHealth['state'] = 'standby';
  #epoch: number | undefined;
  /** Ends the term that lasts. */
  #giveUp: (why: string) => void = () => undefined;
  #stopping = false;

  constructor(node: Node, options: RunMasterOptions, http: MasterHttp | undefined) {
    this.#node = node;
    this.#options = options;
    this.#http = http;
    const { detector } = options;
    this.#sight = detector === undefined ? undefined : new LeaderSight(detector, node.clock, node.log);
    this.#master = this.#newMaster();
  }

  get pid(): Upid {
    return this.#master.pid;
  }

  get health(): MasterHealth {
    const master = this.#master.info;
    const leader = this.#state === 'leading' ? master : this.#sight?.leader?.info;
    return {
      state: this.#state,
      ...(this.#epoch === undefined ? {} : { epoch: this.#epoch }),
      master,
      ...(leader === undefined ? {} : { leader }),
    };
  }

  async run(): Promise<void> {
    while (!this.#stopping) {
      let leadership: Leadership;
      try {
        leadership = await this.#options.contender.contend(this.#master.info, () => this.#onEntered());
      } catch (error) {
        if (this.#stopping) return;
        // At the start a person waits for the reason; later, the NATS server may only be away for a while.
        if (!this.#entered) throw await this.#failed(error);
        this.#node.log.error({ err: error }, 'cannot contend for leadership; trying again');
        await this.#pause(contendAgainMs);
        continue;
      }
      await this.#lead(leadership);
    }
  }

  #onEntered(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#options.onStandby?.(this.#master.info);
  }

  /** The master acts no more when it resigns, and it has resigned as soon as possible: another may lead at once. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#endMaster();
    const others = [this.#sight?.close(), this.#http?.close()];
    await Promise.all([this.#options.contender.close(), this.#node.stop(), ...others]);
  }

  /** A master that fails while leadership lasts is followed by a new one, which leads in its place. */
  async #lead(leadership: Leadership): Promise<void> {
    let over: string | undefined;
    void leadership.lost.then((why) => {
      over ??= why;
    });
    let gaveUp = false;
    while (over === undefined && !this.#stopping) {
      const givenUp = await this.#leadOnce(leadership);
      if (givenUp === undefined) continue;
      over ??= givenUp;
      gaveUp = true;
      await this.#options.contender.resign();
    }
    if (this.#stopping || over === undefined) return;
    if (this.#options.exitOnStepDown === true) throw await this.#failed(new SteppedDown(over));
    if (gaveUp) await this.#pause(contendAgainMs);
  }

  /** @returns why this leadership is to be given up, if it is. */
  async #leadOnce(leadership: Leadership): Promise<string | undefined> {
    const givenUp = new Promise<string>((resolve) => {
      this.#giveUp = resolve;
    });
    const registrar = this.#options.registrar?.() ?? memoryRegistrar(this.#node);
    this.#epoch = leadership.epoch;
    this.#state = 'recovering';
    void this.#recover(leadership, registrar);
    const { why, resign } = await Promise.race([
      givenUp.then((why) => ({ why, resign: true })),
      leadership.lost.then((why) => ({ why, resign: false })),
      this.#node.wait(this.#master.pid).then(() => ({ why: 'the master process ended', resign: false })),
    ]);
    this.#state = 'standby';
    this.#epoch = undefined;
    if (!this.#stopping) {
      this.#node.log.warn({ epoch: leadership.epoch, why }, 'this master leads no more: a new one takes its place');
      this.#options.onLost?.(why);
      await this.#endMaster();
      if (!this.#stopping) this.#master = this.#newMaster();
    }
    await registrar.close();
    return resign ? why : undefined;
  }

  /** Reads what earlier leaders have written, which ends what they could still write, and then leads. */
  async #recover(leadership: Leadership, registrar: Registrar): Promise<void> {
    const master = this.#master;
    try {
      const registry = await registrar.recover({ epoch: leadership.epoch, info: master.info });
      if (master !== this.#master || this.#stopping) return;
      await master.elected(leadership, { registrar, registry });
    } catch (error) {
      if (master !== this.#master || this.#stopping) return;
      // An election that was begun anew may lag behind.
      if (error instanceof RegistryLost && error.laterEpoch !== undefined)
        this.#options.contender.heard(error.laterEpoch);
      this.#node.log.error({ err: error }, 'the registry could not be read: stepping down');
      this.#giveUp(`the registry could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (master !== this.#master) return;
    this.#state = 'leading';
    this.#options.onLeading?.(leadership);
  }

  async #endMaster(): Promise<void> {
    const { pid } = this.#master;
    this.#node.terminate(pid);
    await this.#node.wait(pid);
  }

  #newMaster(): Master {
    const { hostname, contender } = this.#options;
    const id = this.#node.random.uuid() as MasterId;
    const address = this.#http === undefined ? {} : { address: this.#http.address };
    const master = new Master({ id, hostname, version, ...address }, this.#options, {
      // Whatever this candidate acquires from now on is higher.
      stale: (epoch) => contender.heard(epoch),
      steppedDown: (why) => (master === this.#master ? this.#giveUp(why) : undefined),
    });
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
