import type { ExplainedHindrance, HolderExplained } from '@mesos-ts/protocol';
import { formatScalar } from '@mesos-ts/protocol';

/** Agents that have one reason: where amounts or times differ, the smallest of each and the largest. */
export interface ReasonSpan {
  readonly least: ExplainedHindrance;
  readonly most: ExplainedHindrance;
}

type Why = ExplainedHindrance['why'];
type Texts = {
  readonly [W in Why]: (hindrance: Extract<ExplainedHindrance, { readonly why: W }>, said: Said) => string;
};

/** What there is to say of a span. */
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
  short: (_least, { shortage }) => `short by ${shortage}`,
  'too-small': (_least, { shortage }) => `too small even if idle: short by ${shortage}`,
  limit: ({ role }, { shortage }) => `quota limit of role ${role}: short by ${shortage}`,
  guarantees: (_least, { shortage }) => `kept for the guarantees of others: short by ${shortage}`,
  cap: () => 'the framework holds as much in offers as it may',
  'no-demand': () => 'the framework waits for nothing more',
  'earlier-demand': () => 'goes to what the framework waits for before that',
  filtered: (_least, { until }) => `filtered until ${until}`,
  next: () => 'nothing hinders it: offered in its turn',
} satisfies Texts;

/** @param now wall time, in ms since 1970. */
export function reasonText({ least, most }: ReasonSpan, now: number): string {
  const text = texts[least.why] as (least: ExplainedHindrance, said: Said) => string;
  return text(least, { shortage: shortage(least, most), until: until(least, most, now) });
}

/** A line for each framework that holds what is lacking. @param agents of how many. */
export function holderTexts(holders: readonly HolderExplained[], frameworkId: string, agents: number): string[] {
  return holders.map(({ frameworkId: holder, offers, some, using }) => {
    const who = holder === frameworkId ? 'itself' : `framework ${holder}`;
    const offered = offers === 0 ? [] : [`held in offer${offers === 1 ? '' : 's'} ${fewOf(some, offers)} by ${who}`];
    const used = using === 0 ? [] : [`used by ${who}${agents === 1 ? '' : ` on ${using} of them`}`];
    return [...offered, ...used].join(', ');
  });
}

/** `a1, a2, a3, ...` @param of how many there are. */
export function fewOf(names: readonly string[], of: number): string {
  return [...names, ...(of > names.length ? ['...'] : [])].join(', ');
}

/** `1.5 cpus`, or of several agents `0.5 to 1.5 cpus`. */
function shortage(least: ExplainedHindrance, most: ExplainedHindrance): string {
  if (!('by' in least && 'by' in most)) return '';
  const names = Object.keys(most.by);
  if (names.length === 0) return 'everything';
  return names
    .map((name) => spanText(formatScalar(least.by[name] ?? 0), formatScalar(most.by[name] ?? 0), name))
    .join(' and ');
}

function spanText(least: string, most: string, name: string): string {
  return least === most ? `${most} ${name}` : `${least} to ${most} ${name}`;
}

function until(least: ExplainedHindrance, most: ExplainedHindrance, now: number): string {
  if (!('forMs' in least && 'forMs' in most)) return '';
  const [first, last] = [clockTime(now + least.forMs, now), clockTime(now + most.forMs, now)];
  return first === last ? first : `${first} to ${last}`;
}

/** With the date where it is not within a day. */
function clockTime(ms: number, now: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  const [day = '', time = ''] = new Date(ms - offsetMs).toISOString().slice(0, 19).split('T');
  return ms - now < 24 * 3_600_000 ? time : `${day} ${time}`;
}
