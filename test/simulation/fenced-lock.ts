import { Process, upid } from '@mesos-ts/process';
import type { Storage } from '@mesos-ts/process/testing';
import { Acquire, type LockDesign, type LockUser, leaseMs, Write } from './lock-world.js';

/** What clocks may differ by is less than this part of the lease; the holder gives up that much early. */
const margin = 0.05;

/** Grants one lease at a time. Its epochs survive it; the end of a lease does not, so it begins by waiting one out. */
class LockServer extends Process {
  #freeAt = 0;

  constructor(private readonly storage: Storage) {
    super('lock');
  }

  protected override initialize(): void {
    this.#freeAt = this.clock.now() + leaseMs;
    this.install(Acquire, () => {
      if (this.clock.now() < this.#freeAt) return this.reply(Acquire.replyType, { epoch: 0 });
      const epoch = Number(this.storage.get('epoch') ?? 0) + 1;
      // Written before anyone hears of it: no two holders share an epoch.
      this.storage.put('epoch', epoch);
      this.#freeAt = this.clock.now() + leaseMs;
      this.reply(Acquire.replyType, { epoch });
    });
  }
}

/** Counts its lease from when it asked, not from when it heard: no clock but its own is needed. */
class User extends Process implements LockUser {
  #epoch = 0;
  #validUntil = Number.NEGATIVE_INFINITY;

  get holds(): boolean {
    return this.clock.now() < this.#validUntil;
  }

  protected override initialize(): void {
    this.#turn();
  }

  #turn(): void {
    if (this.holds) this.send(upid('store', 'store'), Write, { epoch: this.#epoch });
    else this.#acquire();
    this.delay(50 + this.random.integer(150), () => this.#turn());
  }

  #acquire(): void {
    const askedAt = this.clock.now();
    const asked = this.ask(upid('lock', 'lock'), Acquire, {}, { deadlineMs: leaseMs });
    const granted = ({ epoch }: { readonly epoch: number }): void => {
      if (epoch <= this.#epoch) return;
      this.#epoch = epoch;
      this.#validUntil = askedAt + leaseMs * (1 - margin);
    };
    this.defer(asked, granted, () => undefined);
  }
}

/** The last defence: a write that was under way for longer than its lease is refused by its epoch. */
class Store extends Process {
  #latest = 0;

  constructor(private readonly wrote: (epoch: number) => void) {
    super('store');
  }

  protected override initialize(): void {
    this.install(Write, (_from, { epoch }) => {
      if (epoch < this.#latest) return;
      this.#latest = epoch;
      this.wrote(epoch);
    });
  }
}

/** A lock that is right: leases by time bounds, writes fenced by epochs. */
export const fencedLock: LockDesign = {
  server: (storage) => new LockServer(storage),
  user: () => new User('user'),
  store: (wrote) => new Store(wrote),
};
