import type { Timer } from '@mesos-ts/process';
import type { AllocatorProcess } from './allocator/allocator-process.js';
import type { Books } from './books.js';
import type { MasterActs } from './master-acts.js';

/** Of the agents that the registry knows: so many are waited for, in percent (Mesos facts 4.4). */
const awaitedPercent = 80;
/** And not for longer than that, in ms. */
const holdMs = 600_000;

/**
 * After a change of leaders nothing is offered while roles have guarantees and most agents are not back: what the first ones
 * have would go to whoever comes, and nothing of it be left for those to whom it is promised.
 */
export class AllocationHold {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #allocator: Pick<AllocatorProcess, 'pause' | 'resume'>;
  /** How many agents may still be missing when it ends; undefined while nothing is held. */
  #missingMax: number | undefined;
  #timer: Timer | undefined;

  constructor(acts: MasterActs, books: Books, allocator: Pick<AllocatorProcess, 'pause' | 'resume'>) {
    this.#acts = acts;
    this.#books = books;
    this.#allocator = allocator;
  }

  /** From the election on, where there are guarantees; those that are awaited are in the books. */
  begin(): void {
    const { agents } = this.#books;
    const awaited = agents.awaitedCount;
    if (awaited === 0) return;
    this.#missingMax = Math.floor((awaited * (100 - awaitedPercent)) / 100);
    this.#allocator.pause();
    this.#acts.log.info({ awaited }, 'roles have guarantees: nothing is offered before most agents are back');
    this.#timer = this.#acts.delay(holdMs, () => this.end('it has taken too long'));
    agents.whenFewerAreAwaited(() => {
      if (this.#missingMax !== undefined && agents.awaitedCount <= this.#missingMax) this.end('most agents are back');
    });
  }

  /** Why nothing is offered, for people; undefined while it is. */
  get reason(): string | undefined {
    if (this.#missingMax === undefined) return undefined;
    const more = this.#books.agents.awaitedCount - this.#missingMax;
    return `nothing is offered yet: roles have guarantees, and after a change of leaders ${more} more agents are waited for`;
  }

  /** Does nothing where nothing is held. */
  end(why: string): void {
    if (this.#missingMax === undefined) return;
    this.#missingMax = undefined;
    this.#timer?.cancel();
    this.#acts.log.info({ why, missing: this.#books.agents.awaitedCount }, 'from now on is offered again');
    this.#allocator.resume();
  }
}
