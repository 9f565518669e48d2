import { readFileSync, statSync } from 'node:fs';

/** A list of hosts that cannot be used: the message says which file, and what is wrong in it. */
export class WhitelistUnusable extends Error {
  override readonly name = 'WhitelistUnusable';
  readonly code = 'WHITELIST_UNUSABLE';
}

/** Of a file, in bytes: far more hosts than a cluster has. */
const bytesMax = 16 * 1024 * 1024;
const hostPattern = /^[\w.:-]{1,255}$/;

/**
 * A file of the hosts of which agents are offered, one a line (Mesos facts 4.6, `--whitelist`). Empty lines are passed over,
 * and a file without any host names none. One that could not be read goes on meaning what it last said.
 */
export class WhitelistFile {
  readonly path: string;
  #state = '';
  #hosts: readonly string[] = [];

  /** @throws {WhitelistUnusable} */
  constructor(path: string) {
    this.path = path;
    this.refresh();
  }

  /** As last read. */
  get hosts(): readonly string[] {
    return this.#hosts;
  }

  /** Reads it, if it was written or replaced since. @returns whether it was. @throws {WhitelistUnusable} once for each state. */
  refresh(): boolean {
    const state = this.#attempt(() => this.#stateNow());
    if (state === this.#state) return false;
    this.#state = state;
    this.#hosts = this.#parse(this.#attempt(() => readFileSync(this.path, 'utf8')));
    return true;
  }

  #stateNow(): string {
    const { mtimeMs, size, ino } = statSync(this.path);
    if (size > bytesMax)
      throw new WhitelistUnusable(`${this.path} has ${size} bytes, and a list of hosts has ${bytesMax} at most`);
    return `${mtimeMs} ${size} ${ino}`;
  }

  #parse(text: string): string[] {
    return text.split('\n').flatMap((line, index) => {
      const host = line.trim();
      if (host === '') return [];
      if (hostPattern.test(host)) return [host];
      const shown = JSON.stringify(host.slice(0, 100));
      throw new WhitelistUnusable(`${this.path}, line ${index + 1}: ${shown} is no host; write one a line`);
    });
  }

  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof WhitelistUnusable) throw error;
      throw new WhitelistUnusable(`cannot read ${this.path}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
    }
  }
}
