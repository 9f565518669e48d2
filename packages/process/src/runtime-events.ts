import type { Logger } from 'pino';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import {
  type RuntimeEvent,
  type RuntimeEventCode,
  type RuntimeEventFields,
  type RuntimeEventKind,
  runtimeEventKinds,
} from './runtime-event.js';

/** How many lines of one kind are logged in a second: a flood of junk is counted, but must not become a flood of logs. */
const linesPerSecond = 20;

/** Where the events of one Node come together: they are counted, logged, and told to whoever subscribed. */
export class RuntimeEvents {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #log: Logger;
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  readonly #logged = new Map<RuntimeEventCode, { since: number; lines: number; suppressed: number }>();

  constructor(clock: Clock, counters: Counters, log: Logger) {
    this.#clock = clock;
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * Calls `listener` with every event from now on, in the midst of what caused it: it should only take note. What it
   * throws is logged.
   * @returns ends the subscription.
   */
  subscribe(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For the runtime alone. */
  emit<C extends RuntimeEventCode>(code: C, fields: RuntimeEventFields[C], count = 1): void {
    const { counter, level, text } = runtimeEventKinds[code];
    this.#counters.increment(counter, count);
    if (this.#log.isLevelEnabled(level)) this.#write(code, level, text, fields);
    if (this.#listeners.size === 0) return;
    const event = { code, count, ...fields } as unknown as RuntimeEvent;
    for (const listener of this.#listeners) this.#tell(listener, event);
  }

  #tell(listener: (event: RuntimeEvent) => void, event: RuntimeEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#line('error', event.code, { err: error }, 'a listener to runtime events threw');
    }
  }

  #write(code: RuntimeEventCode, level: RuntimeEventKind['level'], text: string, fields: object): void {
    const now = this.#clock.now();
    const logged = this.#logged.get(code) ?? { since: now, lines: 0, suppressed: 0 };
    this.#logged.set(code, logged);
    if (now - logged.since >= 1_000) {
      if (logged.suppressed > 0)
        this.#line(level, code, { suppressed: logged.suppressed }, `${text} (and more, unlogged)`);
      Object.assign(logged, { since: now, lines: 0, suppressed: 0 });
    }
    if (++logged.lines > linesPerSecond) logged.suppressed++;
    else this.#line(level, code, errorAsErr(fields), text);
  }

  /** What is thrown may be something that no logger can write: it is frozen, or its properties throw. */
  #line(level: RuntimeEventKind['level'], code: RuntimeEventCode, fields: object, text: string): void {
    try {
      this.#log[level]({ code, ...fields }, text);
    } catch {
      this.#log[level]({ code }, `${text}; more about it cannot be written`);
    }
  }
}

/** The logger prints an error with its stack under this name. */
function errorAsErr(fields: object): object {
  if (!('error' in fields)) return fields;
  const { error, ...rest } = fields;
  return { ...rest, err: error };
}
