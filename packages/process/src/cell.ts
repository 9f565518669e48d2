import type { Logger } from 'pino';
import type { ExitReason, ProcessEvent } from './event.js';
import { Mailbox } from './mailbox.js';
import type { Node } from './node.js';
import { attach, detach, type Process, serve } from './process.js';
import { type Upid, upid } from './upid.js';

/** How many events one process handles before another gets its turn. */
const eventsPerTurn = 128;

/** What a Node keeps of one living process: its mailbox, and where it stands. */
export class Cell {
  readonly pid: Upid;
  readonly log: Logger;
  /** Processes of this Node that linked to this one, and by which UPIDs: with or without the incarnation. */
  readonly linkers = new Map<Cell, Set<Upid>>();
  /** Processes of this Node that this one linked to. */
  readonly linked = new Set<Cell>();
  /** Other Nodes with a process that linked to this one, and under which incarnations they named it. */
  readonly remoteLinkers = new Map<string, Set<string>>();
  readonly waiters: (() => void)[] = [];
  readonly #mailbox = new Mailbox();
  /** `busy`: an event's promise is pending. */
  #state: 'idle' | 'queued' | 'busy' | 'ending' = 'idle';

  constructor(
    readonly node: Node,
    readonly process: Process,
  ) {
    this.pid = upid(process.id, node.name, node.incarnation);
    this.log = node.log.child({ process: process.id });
    process[attach](this);
  }

  /** How many events wait. */
  get mailboxDepth(): number {
    return this.#mailbox.length;
  }

  /** Whether it takes no event any more. */
  get ending(): boolean {
    return this.#state === 'ending';
  }

  push(event: ProcessEvent): void {
    if (this.#state === 'ending') {
      this.#abandon(event);
      return;
    }
    this.#mailbox.push(event);
    if (this.#state === 'idle') this.#enqueue();
  }

  /** Ends the process: now, dropping what waits in its mailbox, or (`inject` false) after it. */
  terminate(inject: boolean): void {
    if (inject) for (const event of this.#mailbox.drain()) this.#abandon(event);
    this.push({ kind: 'terminate' });
  }

  /** Handles some events. Called by the Node's run queue. */
  run(): void {
    for (let handled = 0; handled < eventsPerTurn; handled++) {
      const event = this.#mailbox.shift();
      if (event === undefined) {
        this.#state = 'idle';
        return;
      }
      if (event.kind === 'terminate') {
        this.#end('ended');
        return;
      }
      let result: unknown;
      try {
        result = this.process[serve](event);
      } catch (error) {
        this.#fail(error);
        return;
      }
      if (result instanceof Promise) {
        this.#state = 'busy';
        result.then(
          () => this.#enqueue(),
          (error: unknown) => this.#fail(error),
        );
        return;
      }
    }
    this.#enqueue();
  }

  #enqueue(): void {
    this.#state = 'queued';
    this.node.ready(this);
  }

  #fail(error: unknown): void {
    this.node.events.emit('PROCESS_FAILED', { process: this.process.id, error });
    this.#end('failed');
  }

  #end(reason: ExitReason): void {
    this.#state = 'ending';
    for (const event of this.#mailbox.drain()) this.#abandon(event);
    let finalized: unknown;
    try {
      finalized = this.process[detach]();
    } catch (error) {
      this.#finalizeFailed(error);
    }
    if (finalized instanceof Promise)
      finalized.catch((error: unknown) => this.#finalizeFailed(error)).finally(() => this.node.ended(this, reason));
    else this.node.ended(this, reason);
  }

  #finalizeFailed(error: unknown): void {
    this.node.events.emit('FINALIZE_FAILED', { process: this.process.id, error });
  }

  #abandon(event: ProcessEvent): void {
    if (event.kind === 'message') {
      this.node.events.emit('DEAD_LETTER', { from: event.from, to: this.process.id, message: event.name });
      event.answer?.noProcess();
    } else if (event.kind === 'dispatch') event.abandon?.();
  }
}
