import type {
  AgentExplained,
  AgentGroupExplained,
  ExplainedHindrance,
  Offer,
  SlaveId,
  WantExplained,
} from '@mesos-ts/protocol';
import type { Hindrance } from './allocator/allocator.js';
import type { AgentExplanation } from './allocator/explained.js';
import { inWords, merged, reasonKey } from './hindrance-words.js';
import { Holders } from './holders.js';

/** So many reasons are told, and so many agents named with each. */
const groupsMax = 50;
const namedMax = 3;

/** An agent, before it is known whether it is alone on its host. */
interface Place {
  readonly hostname: string;
  readonly slaveId: SlaveId;
}

interface Group {
  agents: number;
  /** The first in order. */
  readonly some: Place[];
  least: ExplainedHindrance;
  most: ExplainedHindrance;
  readonly holders: Holders;
}

interface Each extends Place {
  readonly hindrance: ExplainedHindrance;
  readonly holders: Holders;
}

/** Where there is room for what is wanted. What is not named is out of the question, whatever there is. */
const roomOf: Partial<Record<Hindrance['why'], 'now' | 'ifIdle' | 'never'>> = {
  next: 'now',
  limit: 'now',
  guarantees: 'now',
  cap: 'now',
  filtered: 'now',
  'earlier-demand': 'now',
  short: 'ifIdle',
  'too-small': 'never',
};

const noHoldings: AgentExplanation['held'] = [];

/** How agents stand to one want, as they come: those with one reason together, and the first ones by themselves. */
export class ExplainedAgents {
  readonly #eachMax: number;
  /** By their reasons. */
  readonly #groups = new Map<string, Group>();
  readonly #each: Each[] = [];
  readonly #onHost = new Map<string, number>();
  readonly #room = { now: 0, ifIdle: 0, never: 0 };
  #agents = 0;

  /** @param eachMax so many are kept by themselves. */
  constructor(eachMax: number) {
    this.#eachMax = eachMax;
  }

  /** @param offers those that are out of the agent. */
  add({ slaveId, hostname, hindrance, held }: AgentExplanation, offers: readonly Offer[]): void {
    this.#agents++;
    this.#onHost.set(hostname, (this.#onHost.get(hostname) ?? 0) + 1);
    const room = roomOf[hindrance.why];
    if (room !== undefined) this.#room[room]++;
    const told = inWords(hindrance);
    const group = this.#groupOf(told);
    group.agents++;
    group.least = merged(group.least, told, Math.min);
    group.most = merged(group.most, told, Math.max);
    insert(group.some, { hostname, slaveId }, namedMax);
    // Who holds the rest matters where that is what is lacking.
    const lacking = told.why === 'short' ? held : noHoldings;
    group.holders.add(lacking, offers);
    if (!isAmong(this.#each, { hostname, slaveId }, this.#eachMax)) return;
    const holders = new Holders();
    holders.add(lacking, offers);
    insert(this.#each, { hostname, slaveId, hindrance: told, holders }, this.#eachMax);
  }

  /** @param few each is told where there are no more than that. @param all each that is kept is told, in any case. */
  told(few: number, all: boolean): Omit<WantExplained, 'shape' | 'count'> {
    const sorted = [...this.#groups.values()].sort((one, other) => other.agents - one.agents);
    const groups = sorted.slice(0, groupsMax).map((group) => this.#groupTold(group));
    const agentsLeftOut = sorted.slice(groupsMax).reduce((sum, { agents }) => sum + agents, 0);
    const each = all || this.#agents <= few ? this.#each.map((one) => this.#eachTold(one)) : [];
    return { room: { ...this.#room }, agents: this.#agents, groups, agentsLeftOut, each };
  }

  #groupOf(told: ExplainedHindrance): Group {
    const key = reasonKey(told);
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = { agents: 0, some: [], least: told, most: told, holders: new Holders() };
    this.#groups.set(key, group);
    return group;
  }

  #groupTold({ agents, some, least, most, holders }: Group): AgentGroupExplained {
    return { agents, some: some.map((place) => this.#nameOf(place)), least, most, ...holders.told() };
  }

  #eachTold({ hostname, slaveId, hindrance, holders }: Each): AgentExplained {
    return { name: this.#nameOf({ hostname, slaveId }), slaveId, hostname, hindrance, ...holders.told() };
  }

  #nameOf({ hostname, slaveId }: Place): string {
    return this.#onHost.get(hostname) === 1 ? hostname : slaveId;
  }
}

/** `a2` before `a10`. */
const collator = new Intl.Collator('en', { numeric: true });

function isBefore(one: Place, other: Place): boolean {
  const order = collator.compare(one.hostname, other.hostname);
  return order === 0 ? collator.compare(one.slaveId, other.slaveId) < 0 : order < 0;
}

/** Whether it is one of the first so many. */
function isAmong(places: readonly Place[], place: Place, max: number): boolean {
  const last = places.at(-1);
  return places.length < max || (last !== undefined && isBefore(place, last));
}

/** Into its place in the order; the last leave where there are too many. */
function insert<T extends Place>(places: T[], place: T, max: number): void {
  if (!isAmong(places, place, max)) return;
  let [from, to] = [0, places.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isBefore(place, places[middle] as Place)) to = middle;
    else from = middle + 1;
  }
  places.splice(from, 0, place);
  if (places.length > max) places.pop();
}
