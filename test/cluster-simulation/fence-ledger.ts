import { fenceKey, type StoredRecord } from '@mesos-ts/master';

/** What the registry took: nothing of an older epoch once a later leader has read it. */
export class FenceLedger {
  /** Of the latest leader that has read the registry, and so relies on what it read. */
  #recovered = 0;
  /** How many writes were taken, apart from those of fences. */
  count = 0;

  recovered(epoch: number): void {
    if (epoch < this.#recovered)
      throw new Error(`registry: the leader of epoch ${epoch} was let in after that of epoch ${this.#recovered}`);
    this.#recovered = epoch;
  }

  taken({ key, value }: StoredRecord): void {
    const { epoch } = JSON.parse(value) as { readonly epoch: number };
    if (epoch < this.#recovered)
      throw new Error(
        `registry: ${key} of epoch ${epoch} was taken after the leader of epoch ${this.#recovered} read it`,
      );
    if (key !== fenceKey) this.count++;
  }
}
