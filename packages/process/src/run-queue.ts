import type { Cell } from './cell.js';
import type { Clock } from './clock.js';
import type { ProcessEvent } from './event.js';
import type { RuntimeEvents } from './runtime-events.js';

/** How many events a process that is known to be quick handles before another gets its turn. */
const strideMax = 128;
/** A process that handled this many times n events quickly may handle n of them between two looks at the clock. */
const quickPerStride = 32;
/** What is handled between two looks should not take longer than this, in ms. */
const sliceMs = 1;
/** How long processes may go on before input and output get their share, in ms, from when the first became ready. */
const drainMs = 4;
/** The same in events: for a clock that stands still, and for what is too quick to be measured. */
const drainEvents = 16_384;
/** How many suspects the report of a slow turn names. */
const suspectsMax = 5;
/** Its callbacks are microtasks, without the async resource that `queueMicrotask` makes of each. */
const soon = Promise.resolve();

/**
 * The processes of a Node with something to do, in the order of their turns; and how long these turns take.
 *
 * To look at the clock costs as much as a message, so processes earn trust. The events of a new one are measured one by
 * one; the more of them were quick, the more it may handle between two looks, up to {@link strideMax}, and those of several
 * trusted processes share a look. When what lay between two looks took long, all in it lose their trust: the first time,
 * the report names the suspects; when it comes again, it is measured alone, and the report names the message.
 */
export class RunQueue {
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #slowTurnMs: number;
  #ready: Cell[] = [];
  /** Those whose turn it is, from {@link #next} on. */
  #batch: Cell[] = [];
  #next = 0;
  #draining = false;
  /** When the first was added that made it drain. */
  #addedAt = 0;
  /** How long, and how many events, since input and output had their share; over several drains: async handlers begin one each. */
  #busyMs = 0;
  #handledInDrain = 0;
  // Since the last look at the clock:
  #lookedAt = 0;
  /** Those that had their turn, and how many; not cut to length 0, which would cost a new array each time. */
  readonly #slice: (Cell | undefined)[] = [];
  #sliceLength = 0;
  #handledInSlice = 0;
  /** Shares of what may be handled between two looks; 1 is all. */
  #weight = 0;
  readonly #trace: { last: ProcessEvent | undefined } = { last: undefined };

  constructor(clock: Clock, events: RuntimeEvents, slowTurnMs: number) {
    this.#clock = clock;
    this.#events = events;
    this.#slowTurnMs = slowTurnMs;
  }

  add(cell: Cell): void {
    this.#ready.push(cell);
    if (this.#draining) return;
    this.#draining = true;
    this.#addedAt = this.#clock.now();
    void soon.then(this.#begin);
  }

  /**
   * What held the event loop since the first became ready, such as code that spawns a thousand and the collection of its
   * garbage, is part of the same turn: the less is left of it for them.
   */
  readonly #begin = (): void => {
    this.#lookedAt = this.#clock.now();
    this.#busyMs += this.#lookedAt - this.#addedAt;
    this.#drain();
  };

  /**
   * Where nothing is left, input and output have their share next. If that did not count, less and less would be handled of
   * what each turn of the event loop reads, which is up to 2 MiB from a socket: mailboxes would grow for as long as a sender
   * is quick, and the collector would move what waits there.
   */
  readonly #goOn = (): void => {
    this.#lookedAt = this.#clock.now();
    this.#drain();
    if (!this.#draining) this.#beginTurn();
  };

  #drain(): void {
    for (let cell = this.#take(); cell !== undefined; cell = this.#take()) {
      this.#run(cell);
      if (this.#busyMs < drainMs && this.#handledInDrain < drainEvents) continue;
      this.#look();
      this.#beginTurn();
      this.#clock.nextTurn(this.#goOn);
      return;
    }
    this.#look();
    this.#draining = false;
  }

  #beginTurn(): void {
    this.#busyMs = 0;
    this.#handledInDrain = 0;
  }

  #take(): Cell | undefined {
    if (this.#next >= this.#batch.length) {
      this.#batch = this.#ready;
      this.#ready = [];
      this.#next = 0;
    }
    return this.#batch[this.#next++];
  }

  #run(cell: Cell): void {
    const stride = Math.max(1, Math.min(strideMax, Math.floor(cell.trust / quickPerStride)));
    if (stride === 1) this.#look();
    const handled = cell.run(stride, this.#trace);
    cell.trust = Math.min(cell.trust + handled, strideMax * quickPerStride);
    this.#slice[this.#sliceLength++] = cell;
    this.#handledInSlice += handled;
    this.#weight += handled / stride;
    if (this.#weight >= 1) this.#look();
  }

  /** Ends a slice: how long did it take? */
  #look(): void {
    if (this.#sliceLength === 0) return;
    const now = this.#clock.now();
    const ms = now - this.#lookedAt;
    this.#lookedAt = now;
    this.#busyMs += ms;
    this.#handledInDrain += this.#handledInSlice;
    const [first] = this.#slice;
    if (first !== undefined && this.#sliceLength === 1)
      first.longestTurnUs = Math.max(first.longestTurnUs, Math.round(ms * 1_000));
    if (ms >= sliceMs) this.#distrust(ms);
    while (this.#sliceLength > 0) this.#slice[--this.#sliceLength] = undefined;
    this.#handledInSlice = 0;
    this.#weight = 0;
    this.#trace.last = undefined;
  }

  #distrust(ms: number): void {
    const slow = ms >= this.#slowTurnMs;
    const cells = this.#slice.slice(0, this.#sliceLength) as Cell[];
    for (const cell of cells) cell.trust = slow ? 0 : cell.trust >>> 1;
    if (!slow) return;
    this.#events.emit('SLOW_TURN', {
      process: named([...new Set(cells.map(({ id }) => id))]),
      message: this.#handledInSlice === 1 ? describe(this.#trace.last) : '',
      durationMs: Math.round(ms * 10) / 10,
      events: this.#handledInSlice,
    });
  }
}

function describe(event: ProcessEvent | undefined): string {
  return event?.kind === 'message' ? event.name : (event?.kind ?? '');
}

function named(ids: readonly string[]): string {
  const rest = ids.length - suspectsMax;
  return `${ids.slice(0, suspectsMax).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
