import { fenceKey, type StoredRecord, windowMax } from '@mesos-ts/master';

/** What the registry took: nothing of an older epoch once the fence of a later one stands. */
export class FenceLedger {
  /** Of the latest fence that stands. */
  #fenced = 0;
  /** The fence that is being built: its epoch, and how many of its writes came without anything in between. */
  #building = 0;
  #built = 0;
  /** How many writes were taken that are of no fence. */
  count = 0;

  taken({ key, value }: StoredRecord): void {
    const { epoch } = JSON.parse(value) as { readonly epoch: number };
    if (epoch < this.#fenced)
      throw new Error(`registry: ${key} of epoch ${epoch} was taken after the fence of epoch ${this.#fenced}`);
    if (key !== fenceKey) this.count++;
    const goesOn = key === fenceKey && epoch === this.#building;
    this.#building = key === fenceKey ? epoch : 0;
    this.#built = goesOn ? this.#built + 1 : 1;
    if (key === fenceKey && this.#built > windowMax) this.#fenced = Math.max(this.#fenced, epoch);
  }
}
