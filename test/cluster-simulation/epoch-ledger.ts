import { epochOf } from '@mesos-ts/protocol';

/** Which epoch each receiver last took a leader's message of: none is ever older than one before. */
export class EpochLedger {
  readonly #latest = new WeakMap<object, number>();

  /** @param receiver one life of a process. */
  accepted(receiver: object, who: string, message: string, body: unknown): void {
    const epoch = epochOf(body);
    if (epoch === undefined) return;
    const latest = this.#latest.get(receiver) ?? 0;
    if (epoch < latest)
      throw new Error(`epochs: ${who} took ${message} of epoch ${epoch} after one of epoch ${latest}`);
    this.#latest.set(receiver, epoch);
  }
}
