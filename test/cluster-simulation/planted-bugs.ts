import type { Books } from '@mesos-ts/master';
import type { Clock } from '@mesos-ts/process';

/** What of a cluster is replaced by a double that has a bug; nothing, where it is left out. */
export interface TestDoubles {
  /** The clock by which candidates count their leases. */
  readonly electionClock?: (clock: Clock) => Clock;
  /** False: the storage of the registry takes every write. Default true. */
  readonly registryFences?: boolean;
  /** Changes the books of every master. */
  readonly books?: (books: Books) => void;
  /** How long offers last, in ms; 0: for ever. Default: as a master's do. */
  readonly offerTimeoutMs?: number;
  /** Frameworks acknowledge updates that are not stored yet. */
  readonly acknowledgesFirst?: boolean;
}

export const noDoubles: TestDoubles = {};

/** The time that an operator may step: leases must never be counted by it. */
function wallClock(clock: Clock): Clock {
  return {
    now: () => clock.wallTime(),
    wallTime: () => clock.wallTime(),
    timer: (delayMs, callback) => clock.timer(delayMs, callback),
    nextTurn: (callback) => clock.nextTurn(callback),
  };
}

/** Whoever loses an agent leaves its offers out: they can still be used, of an agent that has been counted anew. */
function keepOffersOfLostAgents(books: Books): void {
  const deactivate = books.deactivateAgent.bind(books);
  books.deactivateAgent = (agent) => {
    agent.offers.clear();
    return deactivate(agent);
  };
  const remove = books.removeAgent.bind(books);
  books.removeAgent = (agent, unreachable) => {
    agent.offers.clear();
    return remove(agent, unreachable);
  };
}

/** Bugs that people have built into systems like this one: each must be found. */
export const plantedBugs: Readonly<Record<string, TestDoubles>> = {
  'no-fencing': { registryFences: false },
  'wall-clock': { electionClock: wallClock },
  'acknowledged-before-stored': { acknowledgesFirst: true },
  // The end of an offer would take it back before its agent is missed.
  'offers-not-rescinded': { books: keepOffersOfLostAgents, offerTimeoutMs: 0 },
};
