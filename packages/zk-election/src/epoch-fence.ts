/**
 * What is to become of a message that only a leader may send. `stale`: somebody has led after its sender, who is to be
 * told of {@link EpochFence.highest}. `refuse`: whoever sent it has no say.
 */
export type FenceVerdict = 'take' | 'stale' | 'refuse';

/**
 * Sees to it that its owner never takes the word of a leader after that of a later one: remembers the highest epoch that a
 * detector or a leader has told it, for as long as it lives.
 */
export class EpochFence {
  #highest = 0;

  /** 0 before the first. */
  get highest(): number {
    return this.#highest;
  }

  /** Somebody leads with this epoch, as a detector says. */
  raise(epoch: number): void {
    this.#highest = Math.max(this.#highest, epoch);
  }

  /**
   * Judges a message by its epoch, and raises the fence to it where it is taken. An equal one is taken: it is the same
   * leadership, and always 1 in a standalone cluster, also after a restart of its master.
   * @param epoch undefined where the message has none, as no leader would send it.
   * @param isLeaders whether its sender is the leader that the owner follows.
   */
  judge(epoch: number | undefined, isLeaders: boolean): FenceVerdict {
    if (epoch === undefined) return 'refuse';
    if (epoch < this.#highest) return 'stale';
    if (!isLeaders) return 'refuse';
    this.#highest = epoch;
    return 'take';
  }
}
