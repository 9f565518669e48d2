import { join } from 'node:path';
import type { Operations, Watched } from '../operations.js';
import type { OtherProcess } from '../other-process.js';
import type { SelfTime } from '../profile.js';

// biome-ignore lint/suspicious/noExplicitAny: any program can be watched, whatever its operations
type AnyProcess = OtherProcess<any & Operations>;
/** The OS processes of a measurement by what they do in it, such as sender and receiver. */
export type Roles = Readonly<Record<string, AnyProcess>>;

/** The longest turn of the event loop that was seen, and where. */
export interface LongestTurn {
  readonly ms: number;
  readonly id: string;
  readonly role: string;
}

/** Watches OS processes while they are measured: their turns, and with a folder where their time goes. */
export class Watches {
  readonly #profileFolder: string | undefined;
  readonly #turns = new Map<string, LongestTurn>();
  readonly #profiles = new Map<string, readonly SelfTime[]>();

  constructor(profileFolder: string | undefined) {
    this.#profileFolder = profileFolder;
  }

  /** Does the work of the figure `id`, watching those who take part. */
  async during<T>(id: string, roles: Roles, work: () => Promise<T>): Promise<T> {
    const watched = Object.entries(roles);
    await Promise.all(watched.map(([, process]) => process.call('watch', this.#profileFolder !== undefined)));
    try {
      return await work();
    } finally {
      for (const [role, process] of watched) await this.#unwatch(id, role, process);
    }
  }

  /** The longest of each figure and role that was watched. */
  turns(): LongestTurn[] {
    return [...this.#turns.values()].sort((a, b) => b.ms - a.ms);
  }

  /** The top ten of each profile, as text. */
  *profiles(): Generator<string> {
    for (const [file, top] of this.#profiles) {
      const lines = top.map(
        ({ function: name, where, share }) => `    ${(share * 100).toFixed(1).padStart(5)} %  ${name}  ${where}`,
      );
      yield [`${file}:`, ...lines].join('\n');
    }
  }

  async #unwatch(id: string, role: string, process: AnyProcess): Promise<void> {
    const folder = this.#profileFolder;
    const file = folder === undefined ? null : join(folder, `${id}.${role}.cpuprofile`);
    const { turnMs, top }: Watched = await process.call('unwatch', file);
    if (file !== null) this.#profiles.set(file, top);
    const key = `${id} ${role}`;
    if (turnMs >= (this.#turns.get(key)?.ms ?? 0)) this.#turns.set(key, { ms: turnMs, id, role });
  }
}
