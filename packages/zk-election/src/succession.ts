import { type Leader, sameLeader } from './election.js';

/** Who led last, as a detector saw it, so that of the next one it can say whom it follows. Pure: told the time, in ms. */
export class Succession {
  #last: { readonly leader: Leader; seenAt: number } | undefined;

  /** A leader was seen: with whom it follows; of one that is back, or was known already, nothing is said. */
  follow(leader: Leader, now: number): Leader {
    const last = this.#last;
    this.#last = { leader, seenAt: now };
    if (last === undefined || sameLeader(last.leader, leader)) return leader;
    const { pid, epoch } = last.leader;
    return { ...leader, after: { pid, epoch, silentMs: now - last.seenAt } };
  }

  /** There was a sign of who led last. */
  saw(now: number): void {
    if (this.#last !== undefined) this.#last.seenAt = now;
  }
}
