import type { MasterInfo } from '@mesos-ts/protocol';
import type { Contender, Leadership } from '@mesos-ts/zk-election';
import { ScriptedLeadership } from './rig.js';

/** A candidate whose election a test decides. */
export class ScriptedContender implements Contender {
  /** Who contended, from the first time to the last. */
  readonly infos: MasterInfo[] = [];
  readonly epochsHeard: number[] = [];
  closed = 0;
  resigned = 0;
  #leadership: ScriptedLeadership | undefined;
  #pending: { elect(leadership: Leadership): void; refuse(error: Error): void } | undefined;

  /** Enters nothing as long as it is set. */
  unreachable = false;

  contend(info: MasterInfo, onEntered?: () => void): Promise<Leadership> {
    if (this.#pending !== undefined) throw new Error('contended while contending');
    this.infos.push(info);
    if (!this.unreachable) onEntered?.();
    return new Promise((resolve, reject) => {
      this.#pending = { elect: resolve, refuse: reject };
    });
  }

  heard(epoch: number): void {
    this.epochsHeard.push(epoch);
  }

  async resign(): Promise<void> {
    this.resigned++;
    this.#leadership?.lose('resigned');
  }

  async close(): Promise<void> {
    this.closed++;
    this.#leadership?.lose('resigned');
    this.refuse(new Error('the contender was closed'));
  }

  /** Lets the candidate lead. */
  elect(): ScriptedLeadership {
    const leadership = new ScriptedLeadership(this.infos.length);
    this.#leadership = leadership;
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.elect(leadership);
    return leadership;
  }

  refuse(error: Error): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.refuse(error);
  }
}
