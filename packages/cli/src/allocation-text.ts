import type { AgentExplained, AllocationExplained, ExplainedHindrance, RoleExplained } from '@mesos-ts/protocol';
import { formatScalar } from '@mesos-ts/protocol';
import { printable } from './printable.js';
import { type Quantities, sayQuantities } from './quantities.js';

/** So many agents have a line each; of more, those with one reason share one. */
const singlyMax = 10;
/** `a2` before `a10`. */
const inOrder = new Intl.Collator('en', { numeric: true });
/** How many names stand in one line. */
const namedMax = 3;

/**
 * The leader's explanation for people: of each role what goes before it, and why agents are not offered, most frequent first.
 * @param now wall time, in ms since 1970: what is filtered is told by when.
 */
export function allocationLines({ framework, hold, roles }: AllocationExplained, now: number): string[] {
  const title = framework === undefined ? 'no framework' : `framework ${framework.id} (${framework.name})`;
  const lines = [
    title,
    ...(hold === undefined ? [] : [hold]),
    ...roles.flatMap((role) => ['', ...roleLines(role, framework?.id ?? '', now)]),
  ];
  return lines.map(printable);
}

function roleLines(explained: RoleExplained, frameworkId: string, now: number): string[] {
  const { role, demands, precedence, agents } = explained;
  const waits = demands?.map(({ shape, count }) => `  waits for ${count} times ${sayQuantities(shape)}`) ?? [];
  const behind = precedence.flatMap(({ node, share, ahead }) => {
    if (ahead === undefined) return [];
    const kind = node === frameworkId ? 'framework' : 'role';
    const own = node === frameworkId ? '' : `, ${node} is`;
    const shares = share === ahead.share ? `both of share ${share}` : `share ${share} against ${ahead.share}`;
    return [`  in turn${own} behind ${kind} ${ahead.node}, ${shares}`];
  });
  const first = behind.length === 0 && precedence.length > 0 ? ['  in turn next'] : behind;
  const none = agents.length === 0 ? ['  there are no agents'] : [];
  return [`role ${role}`, ...waits, ...first, ...none, ...agentLines(agents, frameworkId, now)];
}

function agentLines(agents: readonly AgentExplained[], frameworkId: string, now: number): string[] {
  const names = namesOf(agents);
  const nameOf = (agent: AgentExplained): string => names.get(agent) ?? '';
  const sorted = [...agents].sort((one, other) => inOrder.compare(nameOf(one), nameOf(other)));
  if (agents.length <= singlyMax)
    return sorted.map((agent) => {
      const why = [reasonText([agent.hindrance], now), ...holdersOf([agent], frameworkId)];
      return `  ${nameOf(agent)}: ${why.join('; ')}`;
    });
  const groups = groupBy(sorted, ({ hindrance }) => reasonKey(hindrance));
  return [...groups.values()]
    .sort((one, other) => other.length - one.length)
    .flatMap((group) => {
      const reason = reasonText(
        group.map(({ hindrance }) => hindrance),
        now,
      );
      const some = group.map(nameOf);
      const holders = holdersOf(group, frameworkId).map((holder) => `    ${holder}`);
      const count = `${group.length} ${group.length === 1 ? 'agent' : 'agents'}`;
      return [`  ${count}: ${reason} (${fewOf(some)})`, ...holders];
    });
}

/** The host, where no other agent is on it. */
function namesOf(agents: readonly AgentExplained[]): Map<AgentExplained, string> {
  const onHost = groupBy(agents, ({ hostname }) => hostname);
  return new Map(
    agents.map((agent) => [agent, onHost.get(agent.hostname)?.length === 1 ? agent.hostname : agent.slaveId]),
  );
}

/** Reasons with one key are told together. */
function reasonKey(hindrance: ExplainedHindrance): string {
  const { why } = hindrance;
  if ('constraint' in hindrance) return `${why} ${hindrance.constraint}`;
  if ('region' in hindrance) return `${why} ${hindrance.region}`;
  if (!('by' in hindrance)) return why;
  return `${why} ${'role' in hindrance ? hindrance.role : ''} ${Object.keys(hindrance.by)}`;
}

type Why = ExplainedHindrance['why'];
type Texts = { readonly [W in Why]: (first: Extract<ExplainedHindrance, { readonly why: W }>, said: Said) => string };

/** What there is to say of several hindrances of one key. */
interface Said {
  readonly shortage: string;
  readonly until: string;
}

const texts = {
  'agent-inactive': () => 'the agent is disconnected',
  'not-whitelisted': () => 'not whitelisted',
  'framework-inactive': () => 'the framework is not connected',
  suppressed: () => 'suppressed by the framework',
  constraint: ({ constraint }) => `constraint ${constraint} failed`,
  gpus: () => 'has gpus, which the framework does not ask for',
  region: ({ region }) => `in the region ${region}, and the framework does not say that it may be`,
  short: (_first, { shortage }) => `short by ${shortage}`,
  'too-small': (_first, { shortage }) => `too small even if idle: short by ${shortage}`,
  limit: ({ role }, { shortage }) => `quota limit of role ${role}: short by ${shortage}`,
  guarantees: (_first, { shortage }) => `kept for the guarantees of others: short by ${shortage}`,
  cap: () => 'the framework holds as much in offers as it may',
  'no-demand': () => 'the framework waits for nothing more',
  filtered: (_first, { until }) => `filtered until ${until}`,
  next: () => 'nothing hinders it: offered in its turn',
} satisfies Texts;

/** @param hindrances of one key, at least one. */
function reasonText(hindrances: readonly ExplainedHindrance[], now: number): string {
  const [first] = hindrances as readonly [ExplainedHindrance, ...ExplainedHindrance[]];
  const text = texts[first.why] as (first: ExplainedHindrance, said: Said) => string;
  return text(first, { shortage: shortage(hindrances), until: until(hindrances, now) });
}

/** `1.5 cpus`, or of several agents `0.5 to 1.5 cpus`. */
function shortage(hindrances: readonly ExplainedHindrance[]): string {
  const all = hindrances.flatMap((hindrance) => ('by' in hindrance ? [hindrance.by] : []));
  const names = [...new Set(all.flatMap((by) => Object.keys(by)))];
  if (names.length === 0) return 'everything';
  return names.map((name) => spanOf(name, all)).join(' and ');
}

function spanOf(name: string, all: readonly Quantities[]): string {
  const amounts = all.map((by) => by[name] ?? 0);
  const [least, most] = span(amounts);
  return least === most ? `${formatScalar(least)} ${name}` : `${formatScalar(least)} to ${formatScalar(most)} ${name}`;
}

function until(hindrances: readonly ExplainedHindrance[], now: number): string {
  const times = hindrances.flatMap((hindrance) => ('forMs' in hindrance ? [hindrance.forMs] : []));
  if (times.length === 0) return '';
  const [first, last] = span(times).map((forMs) => clockTime(now + forMs, now));
  return first === last ? `${first}` : `${first} to ${last}`;
}

function span(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Number.POSITIVE_INFINITY, 0],
  );
}

/** With the date where it is not within a day. */
function clockTime(ms: number, now: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  const [day = '', time = ''] = new Date(ms - offsetMs).toISOString().slice(0, 19).split('T');
  return ms - now < 24 * 3_600_000 ? time : `${day} ${time}`;
}

/** Who holds what is not free on agents that have too little: a line for each framework. */
function holdersOf(agents: readonly AgentExplained[], frameworkId: string): string[] {
  const short = agents.filter(({ hindrance }) => hindrance.why === 'short');
  const holders = new Map<string, { readonly offers: string[]; readonly using: Set<AgentExplained> }>();
  for (const agent of short)
    for (const { frameworkId: holder } of agent.held) {
      const entry = holders.get(holder) ?? { offers: [], using: new Set() };
      holders.set(holder, entry);
      const offers = agent.offers.filter((offer) => offer.frameworkId === holder).map(({ id }) => id);
      if (offers.length === 0) entry.using.add(agent);
      for (const id of offers) if (!entry.offers.includes(id)) entry.offers.push(id);
    }
  return [...holders].map(([holder, { offers, using }]) => {
    const who = holder === frameworkId ? 'itself' : `framework ${holder}`;
    const offered =
      offers.length === 0 ? [] : [`held in offer${offers.length === 1 ? '' : 's'} ${fewOf(offers)} by ${who}`];
    const used = using.size === 0 ? [] : [`used by ${who}${agents.length === 1 ? '' : ` on ${using.size} of them`}`];
    return [...offered, ...used].join(', ');
  });
}

function fewOf(names: readonly string[]): string {
  return [...names.slice(0, namedMax), ...(names.length > namedMax ? ['...'] : [])].join(', ');
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}
