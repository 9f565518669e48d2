import { readdirSync, readFileSync } from 'node:fs';

/** The ids of this machine's processes whose environment or command line holds `text`. Ourselves apart. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => read(`/proc/${name}/environ`).includes(text) || read(`/proc/${name}/cmdline`).includes(text))
    .map(Number);
}

/** The environment of a process, as it was started with; empty once it has ended. */
export function environmentOf(pid: number): string {
  return read(`/proc/${pid}/environ`);
}

/** Empty for a process that has ended meanwhile, or is not ours to look at. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
