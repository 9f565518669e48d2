import type { SlaveId } from '@mesos-ts/protocol';
import type { Quantities } from './allocator.js';
import type { Applicants } from './applicants.js';
import type { Client, Wish } from './clients.js';
import type {
  AgentExplanation,
  AllocationQuestion,
  ExplanationSlice,
  MemberState,
  QuotaState,
  RoleExplanation,
  RoleMembers,
  Want,
} from './explained.js';
import type { GiftRules } from './gift.js';
import { Hindrances, type Wanted } from './hindrances.js';
import { precedence } from './precedence.js';
import type { Role, Roles } from './roles.js';
import type { Amounts, ScalarNames } from './scalar-names.js';
import type { SlaveBooks } from './slave-books.js';

/** What an explanation looks at, and changes nothing of. */
export interface ExplanationOptions {
  readonly rules: GiftRules;
  readonly names: ScalarNames;
  readonly roles: Roles;
  readonly applicants: Applicants;
  readonly slaves: ReadonlyMap<SlaveId, SlaveBooks>;
  /** What a framework takes at least that says nothing about it. */
  readonly leastOffer: readonly Amounts[];
  /** Whether shares decide who is next, and not chance. */
  readonly isByShare: boolean;
}

/** So many wants are looked at, over all roles: each takes a look at every agent. */
const wantsMax = 20;

/** So many agents are told at once: whoever is told has work with them, too. */
const sliceMax = 200;

/** One look at every agent. */
interface Case {
  readonly role: number;
  readonly path: string;
  readonly want: number;
  readonly wanted: Wanted | undefined;
}

/**
 * Why somebody is not offered more: at once what there is to say of its roles, and then agent by agent, as slowly as one
 * likes, what stands in the way there at that moment. Whoever leaves meanwhile is left out.
 */
export class Explanation {
  /** Those that a want is looked at in: what is said of each takes time. */
  readonly roles: readonly RoleExplanation[];
  /** How many more there are. */
  readonly rolesLeftOut: number;
  readonly #question: AllocationQuestion;
  readonly #options: ExplanationOptions;
  readonly #slaves: readonly SlaveId[];
  readonly #cases: Case[] = [];
  #case = 0;
  #slave = 0;

  constructor(question: AllocationQuestion, options: ExplanationOptions) {
    this.#question = question;
    this.#options = options;
    // An agent that registers anew while it is explained is one agent still.
    this.#slaves = [...options.slaves.keys()];
    const clients = this.#clients();
    const roles: RoleExplanation[] = [];
    for (const client of clients) {
      if (this.#cases.length === wantsMax) break;
      roles.push(this.#role(client, roles.length));
    }
    this.roles = roles;
    this.rolesLeftOut = clients.length - roles.length;
  }

  /**
   * The next agents, or none for now; undefined when those were all.
   * @param now by the monotonic clock, in ms.
   * @param enough asked after each agent whether to go on another time.
   */
  next(now: number, enough: () => boolean): ExplanationSlice | undefined {
    const one = this.#cases[this.#case];
    if (one === undefined) return undefined;
    const { role, path, want, wanted } = one;
    const client = this.#client(path);
    const agents = client === undefined ? [] : this.#agents(client, wanted, now, enough);
    if (client === undefined || this.#slave === this.#slaves.length) {
      this.#case++;
      this.#slave = 0;
    }
    return { role, want, agents };
  }

  #agents(client: Client, wanted: Wanted | undefined, now: number, enough: () => boolean): AgentExplanation[] {
    const hindrances = new Hindrances(client, wanted, { ...this.#options, now });
    const agents: AgentExplanation[] = [];
    while (this.#slave < this.#slaves.length && agents.length < sliceMax) {
      const slave = this.#options.slaves.get(this.#slaves[this.#slave++] as SlaveId);
      if (slave !== undefined) agents.push(agentExplained(slave, hindrances));
      if (enough()) break;
    }
    return agents;
  }

  // Whom it is about

  #clients(): Client[] {
    const { frameworkId, role } = this.#question;
    const paths =
      frameworkId === undefined ? [] : [...(this.#options.applicants.get(frameworkId)?.clients.keys() ?? [])];
    return (role === undefined ? paths : [role])
      .map((path) => this.#client(path))
      .filter((client) => client !== undefined);
  }

  /** As it is at this moment. */
  #client(path: string): Client | undefined {
    const { frameworkId } = this.#question;
    const { applicants, roles } = this.#options;
    return frameworkId === undefined ? this.#newcomer(roles.asIf(path)) : applicants.client(frameworkId, path);
  }

  /** Nobody refers to it. */
  #newcomer(role: Role): Client {
    const description = { roles: [role.path], gpuResources: true, regionAware: true };
    const framework = { id: '' as never, description, active: true, clients: new Map(), offered: [], demanding: false };
    return {
      ...{ number: -1, framework, role, node: role.frameworks, suppressed: false, particular: false, offered: [] },
      ...{ minima: this.#options.leastOffer, constraints: undefined, wishes: undefined, refusalsSince: 0 },
    };
  }

  // What it is about

  #role(client: Client, role: number): RoleExplanation {
    const { frameworkId } = this.#question;
    const wanted = this.#wanted(client);
    const kept = wanted.slice(0, wantsMax - this.#cases.length);
    for (const [want, one] of kept.entries())
      this.#cases.push({ role, want, path: client.role.path, wanted: one.wanted });
    const leaf = frameworkId === undefined ? client.role.node : client.node;
    return {
      role: client.role.path,
      precedence: this.#options.isByShare ? precedence(leaf) : [],
      quotas: quotasOf(client.role, this.#options.names),
      members: frameworkId === undefined ? membersOf(client.role) : undefined,
      wants: kept.map(({ want }) => want),
      wantsLeftOut: wanted.length - kept.length,
    };
  }

  #wanted(client: Client): { readonly want: Want; readonly wanted: Wanted | undefined }[] {
    const { shape } = this.#question;
    if (shape !== undefined) return [{ want: { shape }, wanted: this.#supposed(client.role.path, shape) }];
    const { wishes = [] } = client;
    if (wishes.length === 0) return [{ want: {}, wanted: undefined }];
    return wishes.map(({ demand, count }, at) => ({
      want: { shape: demand.shape, count },
      wanted: { wishes, at, isSupposed: false },
    }));
  }

  /** A name that nobody has used yet is not given a place for good. */
  #supposed(role: string, shape: Quantities): Wanted {
    const { names } = this.#options;
    const entries = Object.entries(shape).filter(([, amount]) => amount > 0);
    const known = Object.fromEntries(entries.filter(([name]) => names.has(name)));
    const unknown = Object.fromEntries(entries.filter(([name]) => !names.has(name)));
    const wish: Wish = { demand: { role, shape, count: 1 }, shape: names.amounts(known), count: 1 };
    return { wishes: [wish], at: 0, isSupposed: true, ...(Object.keys(unknown).length === 0 ? {} : { unknown }) };
  }
}

function agentExplained(slave: SlaveBooks, hindrances: Hindrances): AgentExplanation {
  const held = [...slave.holdings].map(({ frameworkId, role, resources }) => ({ frameworkId, role, resources }));
  return { slaveId: slave.id, hostname: slave.description.hostname, hindrance: hindrances.of(slave), held };
}

function quotasOf(leaf: Role, names: ScalarNames): QuotaState[] {
  const states: QuotaState[] = [];
  for (let role: Role | undefined = leaf; role !== undefined; role = role.parent) {
    const { path, guarantees = [], limits = [], consumed } = role;
    const limited = Object.fromEntries(
      limits.flatMap((limit, place) => (limit === undefined ? [] : [[names.name(place), limit]])),
    );
    const guaranteed = names.quantities(guarantees);
    const has = Object.keys({ ...guaranteed, ...limited }).map((name) => [name, consumed[names.place(name)] ?? 0]);
    if (role.guarantees !== undefined || role.limits !== undefined)
      states.unshift({ role: path, guarantees: guaranteed, limits: limited, consumed: Object.fromEntries(has) });
  }
  return states;
}

function membersOf(role: Role): RoleMembers {
  return {
    frameworks: [...role.clients].map((client) => ({ frameworkId: client.framework.id, state: stateOf(client) })),
    below: [...role.children].map(({ path }) => path),
  };
}

function stateOf({ framework, suppressed, wishes }: Client): MemberState {
  if (!framework.active) return 'inactive';
  if (suppressed) return 'suppressed';
  return wishes?.length === 0 ? 'satisfied' : 'active';
}
