import type { Clock, Timer } from '@mesos-ts/process';
import { MasterInfoSchema } from '@mesos-ts/protocol';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { type Logger, pino } from 'pino';
import type { Detector, Leader } from './election.js';
import { LeaderBoard } from './leader-board.js';

/** What an {@link HttpDetector} is made of. */
export interface HttpDetectorOptions {
  readonly clock: Clock;
  /** Default: silent. */
  readonly log?: Logger;
  /** Where one master answers HTTP. */
  readonly host: string;
  readonly port: number;
  /** How often it is asked, in ms. Default 1 s. */
  readonly pollMs?: number;
}

const pollMsDefault = 1_000;
/** How long an answer may take. */
const answerMsMax = 5_000;
const answerBytesMax = 64 * 1024;

/** As far as it matters here; a master that does not lead says so in `state`, and has no epoch. */
const HealthSchema = Type.Object({
  state: Type.String(),
  epoch: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - 1 })),
  master: MasterInfoSchema,
});

/**
 * Tells whether the one master at a host and port leads, by asking its `/health` again and again: the wire is NATS, and
 * this is how one gets from the address that Mesos' users know to the master's name there (Mesos facts 6.1, standalone).
 * Follows no election: where another leads, nobody does as far as this address is concerned. A master that cannot be
 * reached is waited for.
 */
export class HttpDetector implements Detector {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #url: string;
  readonly #pollMs: number;
  readonly #board = new LeaderBoard();
  #state: 'idle' | 'asking' | 'closed' = 'idle';
  #question: AbortController | undefined;
  #timer: Timer | undefined;
  #trouble: string | undefined;

  constructor({ clock, log = pino({ level: 'silent' }), host, port, pollMs = pollMsDefault }: HttpDetectorOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#url = `http://${host.includes(':') ? `[${host}]` : host}:${port}/health`;
    this.#pollMs = pollMs;
  }

  detect(previous?: Leader): Promise<Leader | undefined> {
    const answer = this.#board.detect(previous);
    if (this.#state === 'idle') {
      this.#state = 'asking';
      void this.#ask();
    }
    return answer;
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#question?.abort();
    this.#timer?.cancel();
    this.#board.end();
  }

  async #ask(): Promise<void> {
    const leader = await this.#look();
    if (this.#state === 'closed') return;
    this.#board.post(leader);
    this.#timer = this.#clock.timer(this.#pollMs, () => void this.#ask());
  }

  /** The master, if it leads; told once why nothing can be told of it. */
  async #look(): Promise<Leader | undefined> {
    const question = new AbortController();
    this.#question = question;
    const limit = this.#clock.timer(answerMsMax, () => question.abort(new Error(`no answer within ${answerMsMax} ms`)));
    try {
      const health = await readHealth(this.#url, question.signal);
      this.#trouble = undefined;
      const { state, epoch, master } = health;
      return state === 'leading' && epoch !== undefined ? { pid: master.pid, epoch, info: master } : undefined;
    } catch (error) {
      this.#complain(error instanceof Error ? String(error.cause ?? error.message) : String(error));
      return undefined;
    } finally {
      limit.cancel();
    }
  }

  #complain(why: string): void {
    if (this.#state === 'closed' || this.#trouble === why) return;
    this.#trouble = why;
    this.#log.warn({ url: this.#url, why }, 'the master cannot be asked whether it leads; trying again');
  }
}

async function readHealth(url: string, signal: AbortSignal): Promise<Static<typeof HealthSchema>> {
  const response = await fetch(url, { signal, redirect: 'error' });
  const health: unknown = JSON.parse(await readText(response));
  if (!Value.Check(HealthSchema, health)) throw new Error('what answers there is no master of this kind');
  return health;
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > answerBytesMax) throw new Error('what answers there says too much for a master');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
