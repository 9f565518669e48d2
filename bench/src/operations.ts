import { Profile, type SelfTime } from './profile.js';
import { TurnWatch } from './turn-watch.js';

/** What a program can be asked to do by the OS process that started it. */
// biome-ignore lint/suspicious/noExplicitAny: each operation has arguments of its own; OtherProcess gives them back
export type Operations = Readonly<Record<string, (...args: any[]) => unknown>>;

/** What every program offers besides its own operations. */
export interface Watching {
  watch(profiling: boolean): Promise<void>;
  /** The longest turn since `watch`, in ms; writes a profile to `profileFile`, null where it was not profiling. */
  unwatch(profileFile: string | null): Promise<Watched>;
}

export interface Watched {
  readonly turnMs: number;
  readonly top: readonly SelfTime[];
}

export interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export type Response =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** Carries out what the parent asks for, until the parent lets go of this process. */
export function serve(operations: Operations): void {
  const all: Operations = { ...operations, ...watching() };
  process.on('message', (request: Request) => void answer(all, request));
  process.on('disconnect', () => process.exit(0));
}

async function answer(operations: Operations, { id, name, args }: Request): Promise<void> {
  let response: Response;
  try {
    response = { id, result: await operations[name]?.(...args) };
  } catch (error) {
    response = { id, error: (error as Error).stack ?? String(error) };
  }
  process.send?.(response);
}

function watching(): Watching & Operations {
  const turns = new TurnWatch();
  const profile = new Profile();
  return {
    async watch(profiling: boolean): Promise<void> {
      if (profiling) await profile.begin();
      turns.begin();
    },
    async unwatch(profileFile: string | null): Promise<Watched> {
      const turnMs = turns.end();
      return { turnMs, top: profileFile === null ? [] : await profile.end(profileFile) };
    },
  };
}
