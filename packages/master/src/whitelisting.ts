import type { Allocator } from './allocator/allocator.js';
import type { MasterActs } from './master-acts.js';
import { type WhitelistFile, WhitelistUnusable } from './whitelist-file.js';

/** How often the file is looked at, in ms, as in the original. */
const lookMs = 5_000;

/** Keeps the allocator told of the hosts in a file, from the election on. While it cannot be read, those of before hold. */
export class Whitelisting {
  readonly #acts: MasterActs;
  readonly #allocator: Pick<Allocator, 'updateWhitelist'>;
  readonly #file: WhitelistFile;
  #complaint: string | undefined;

  constructor(acts: MasterActs, allocator: Pick<Allocator, 'updateWhitelist'>, file: WhitelistFile) {
    this.#acts = acts;
    this.#allocator = allocator;
    this.#file = file;
  }

  start(): void {
    this.#refresh();
    this.#allocator.updateWhitelist(this.#file.hosts);
    this.#lookLater();
  }

  #lookLater(): void {
    this.#acts.delay(lookMs, () => {
      if (this.#refresh()) this.#allocator.updateWhitelist(this.#file.hosts);
      this.#lookLater();
    });
  }

  /** Whether it says something else now. */
  #refresh(): boolean {
    try {
      const changed = this.#file.refresh();
      if (changed) this.#acts.log.info({ file: this.#file.path, hosts: this.#file.hosts.length }, 'whitelist read');
      this.#complaint = undefined;
      return changed;
    } catch (error) {
      if (!(error instanceof WhitelistUnusable)) throw error;
      if (error.message !== this.#complaint) {
        this.#acts.counters.increment('whitelist_unusable');
        this.#acts.log.warn({ why: error.message }, 'the whitelist cannot be used: that of before holds');
      }
      this.#complaint = error.message;
      return false;
    }
  }
}
