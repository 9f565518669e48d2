import { mkdirSync, writeFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { basename, dirname } from 'node:path';

const sampleEveryUs = 200;
const listed = 10;

/** A function and how much of the samples were in it itself, not in what it called. */
export interface SelfTime {
  readonly function: string;
  readonly where: string;
  readonly share: number;
}

/** Records where this process spends its time. */
export class Profile {
  readonly #session = new Session();

  async begin(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.setSamplingInterval', { interval: sampleEveryUs });
    await this.#session.post('Profiler.start');
  }

  /** Writes a .cpuprofile, which Chrome and VS Code open, and returns the top ten functions by self time. */
  async end(file: string): Promise<SelfTime[]> {
    const { profile } = await this.#session.post('Profiler.stop');
    this.#session.disconnect();
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(profile));
    return topTen(profile);
  }
}

/** Shares of the time that was spent working: without `(idle)`. */
function topTen({ nodes, samples = [] }: Profiler.Profile): SelfTime[] {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const counts = new Map<string, { readonly function: string; readonly where: string; count: number }>();
  let working = 0;
  for (const id of samples) {
    const frame = byId.get(id);
    if (frame === undefined || frame.functionName === '(idle)') continue;
    working++;
    const where = frame.url === '' ? '' : `${basename(frame.url)}:${frame.lineNumber + 1}`;
    const name = frame.functionName === '' ? '(anonymous)' : frame.functionName;
    const known = counts.get(`${name} ${where}`) ?? { function: name, where, count: 0 };
    known.count++;
    counts.set(`${name} ${where}`, known);
  }
  const top = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, listed);
  return top.map(({ function: name, where, count }) => ({ function: name, where, share: count / working }));
}
