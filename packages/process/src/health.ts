/** How a process is doing, as plain data. */
export interface ProcessHealth {
  readonly id: string;
  /**
   * - `idle`: nothing waits; `queued`: its turn will come; `busy`: a handler's promise is pending;
   * - `restarting`: it failed and will begin anew; `ending`: it takes nothing any more.
   */
  readonly state: 'idle' | 'queued' | 'busy' | 'restarting' | 'ending';
  /** How many events wait. */
  readonly mailboxDepth: number;
  /** How many events it has handled, before its restarts, too. */
  readonly handled: number;
  readonly restarts: number;
  /**
   * The longest that its events held the event loop without another process' between them, in ms; what a handler does
   * after its first `await` is not in it.
   */
  readonly longestTurnMs: number;
  /** How many processes it spawned that live. */
  readonly children: number;
}

/** How a Node is doing, as plain data. */
export interface NodeHealth {
  readonly name: string;
  readonly incarnation: string;
  readonly processes: number;
  /** The events that wait, of all its processes. */
  readonly mailboxDepth: number;
  /** Asks that wait for their answer. */
  readonly asksPending: number;
  /** What was counted so far, by name. */
  readonly counters: Readonly<Record<string, number>>;
}
