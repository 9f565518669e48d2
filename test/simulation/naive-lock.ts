import { Process, upid } from '@mesos-ts/process';
import { Acquire, type LockDesign, type LockUser, leaseMs, Write } from './lock-world.js';

/** Grants one lease at a time, and forgets it when it crashes. */
class LockServer extends Process {
  #freeAt = Number.NEGATIVE_INFINITY;
  /** Wall time, so that it grows over a restart, too. */
  #epoch = 0;

  protected override initialize(): void {
    this.install(Acquire, () => {
      if (this.clock.now() < this.#freeAt) return this.reply(Acquire.replyType, { epoch: 0 });
      this.#freeAt = this.clock.now() + leaseMs;
      this.#epoch = Math.max(this.#epoch + 1, this.clock.wallTime());
      this.reply(Acquire.replyType, { epoch: this.#epoch });
    });
  }
}

/** Believes that its lease begins when it hears of it. */
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
    const asked = this.ask(upid('lock', 'lock'), Acquire, {}, { deadlineMs: leaseMs });
    const granted = ({ epoch }: { readonly epoch: number }): void => {
      if (epoch === 0) return;
      this.#epoch = epoch;
      this.#validUntil = this.clock.now() + leaseMs;
    };
    this.defer(asked, granted, () => undefined);
  }
}

/** Takes every write: whoever has the lock is the only one who writes, is it not? */
class Store extends Process {
  constructor(private readonly wrote: (epoch: number) => void) {
    super('store');
  }

  protected override initialize(): void {
    this.install(Write, (_from, { epoch }) => this.wrote(epoch));
  }
}

/** A lock as many have built it. Works in every demonstration. */
export const naiveLock: LockDesign = {
  server: () => new LockServer('lock'),
  user: () => new User('user'),
  store: (wrote) => new Store(wrote),
};
