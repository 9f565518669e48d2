import {
  AllocationExplained,
  ExplainAllocation,
  type FrameworkId,
  type RoleExplained,
  type WithoutEpoch,
} from '@mesos-ts/protocol';
import type { AllocationHold } from './allocation-hold.js';
import type { AllocatorProcess, SlicedExplanation } from './allocator/allocator-process.js';
import type { AllocationQuestion, ExplanationSlice, RoleExplanation, RoleMembers } from './allocator/explained.js';
import type { Books } from './books.js';
import { ExplainedAgents } from './explained-agents.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';

type Explained = WithoutEpoch<typeof AllocationExplained>;

/** How many frameworks are named to who asked for one that is not there. */
const namedMax = 20;
/** How many frameworks of a role, and roles below it, are told. */
const membersMax = 10;
/** Each agent is told by itself where there are no more than so many. */
const few = 10;
/** On request so many are told by themselves, over all wants. */
const eachMax = 1_000;
/** So many questions may wait while another one is answered. */
const waitingMax = 20;

/** A question that can be answered. */
interface Asked {
  readonly question: AllocationQuestion;
  readonly framework: Framework | undefined;
  readonly each: boolean;
}

/**
 * Answers why a framework is not offered more: the allocator knows, and the master knows which offers are out. Agents are told
 * in groups, so that an answer is small, and taken in slices, so that no turn is long; one question after the other.
 */
export class AllocationExplainer {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #allocator: Pick<AllocatorProcess, 'explain'>;
  readonly #hold: AllocationHold;
  readonly #waiting: (() => Promise<void>)[] = [];
  #isBusy = false;

  constructor(acts: MasterActs, books: Books, allocator: Pick<AllocatorProcess, 'explain'>, hold: AllocationHold) {
    this.#acts = acts;
    this.#books = books;
    this.#allocator = allocator;
    this.#hold = hold;
  }

  install(): void {
    this.#acts.install(ExplainAllocation, (_from, question) => {
      const answer = this.#acts.answer(AllocationExplained);
      const refuse = (refusal: string): void => answer({ refusal, roles: [], rolesLeftOut: 0 });
      const asked = this.#asked(question);
      if (typeof asked === 'string') return refuse(asked);
      if (this.#waiting.length >= waitingMax) return refuse('too many ask at once: ask again in a moment');
      this.#waiting.push(async () => answer(await this.#explained(asked)));
      if (!this.#isBusy) void this.#answerAll();
      return undefined;
    });
  }

  async #answerAll(): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      await next().catch((error: unknown) => this.#acts.log.warn({ err: error }, 'not explained'));
    this.#isBusy = false;
  }

  async #explained({ question, framework, each }: Asked): Promise<Explained> {
    const explanation = await this.#allocator.explain(question);
    const wants = explanation.roles.reduce((sum, role) => sum + role.wants.length, 0);
    const limit = each ? Math.floor(eachMax / Math.max(1, wants)) : few;
    const agents = explanation.roles.map((role) => role.wants.map(() => new ExplainedAgents(limit)));
    await this.#inSlices(explanation, (slice) => this.#add(agents, slice));
    return this.#turn(() => {
      const { reason: hold } = this.#hold;
      return {
        ...(framework === undefined ? {} : { framework: { id: framework.id, name: framework.info.name } }),
        ...(hold === undefined ? {} : { hold }),
        roles: explanation.roles.map((role, index) => this.#role(role, agents[index] ?? [], each)),
        rolesLeftOut: explanation.rolesLeftOut,
      };
    });
  }

  async #inSlices({ next }: SlicedExplanation, take: (slice: ExplanationSlice) => void): Promise<void> {
    for (let slice = await next(); slice !== undefined; slice = await next()) {
      const taken = slice;
      await this.#turn(() => take(taken));
    }
  }

  #add(explained: readonly (readonly ExplainedAgents[])[], { role, want, agents }: ExplanationSlice): void {
    for (const agent of agents) {
      const offers = this.#books.offers.all(this.#books.agents.get(agent.slaveId)?.offers ?? []);
      explained[role]?.[want]?.add(agent, offers);
    }
  }

  /** As an event of the master: the books are its own. Never, when its term is over. */
  #turn<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) =>
      this.#acts.later(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }),
    );
  }

  // Who is meant

  /** Else, why it cannot be answered. */
  #asked({ framework: named, role, demand, each }: ExplainAllocation): Asked | string {
    const nothing = demand !== undefined && Object.values(demand).every((amount) => amount === 0);
    if (nothing) return 'the demand is for nothing';
    const shape = demand === undefined ? {} : { shape: demand };
    if (named === undefined) {
      if (role === undefined) return 'name a framework, or a role';
      return { question: { role, ...shape }, framework: undefined, each };
    }
    const framework = this.#found(named);
    if (typeof framework === 'string') return framework;
    const foreign = whyNotIn(framework, role);
    if (foreign !== undefined) return foreign;
    return { question: { frameworkId: framework.id, role, ...shape }, framework, each };
  }

  /** The framework of that id or, if there is one alone, of that name; else why it is not known which one is meant. */
  #found(named: string): Framework | string {
    const byId = this.#books.frameworks.get(named as FrameworkId);
    if (byId !== undefined) return byId;
    const all = [...this.#books.frameworks];
    const ofName = all.filter(({ info }) => info.name === named);
    const [first] = ofName;
    if (first !== undefined && ofName.length === 1) return first;
    if (first !== undefined) return `several frameworks are called ${named}: name one by its id: ${listed(ofName)}`;
    if (all.length === 0) return `no framework is called ${named}: there are none`;
    return `no framework has the id or the name ${named}; there are ${listed(all)}`;
  }

  // What is told

  #role(explanation: RoleExplanation, agents: readonly ExplainedAgents[], each: boolean): RoleExplained {
    const { role, precedence, quotas, members, wants, wantsLeftOut } = explanation;
    return {
      role,
      ...(members === undefined ? {} : { members: this.#members(members) }),
      precedence: precedence.map(({ node, share, ahead }) => ({
        ...{ node, share },
        ...(ahead === undefined ? {} : { ahead }),
      })),
      quotas: [...quotas],
      wants: wants.map((want, index) => ({ ...want, ...(agents[index] as ExplainedAgents).told(few, each) })),
      wantsLeftOut,
    };
  }

  #members({ frameworks, below }: RoleMembers): NonNullable<RoleExplained['members']> {
    const count = (state: string): number => frameworks.filter((one) => one.state === state).length;
    const some = frameworks.slice(0, membersMax).map(({ frameworkId }) => {
      return { frameworkId, name: this.#books.frameworks.get(frameworkId)?.info.name ?? '' };
    });
    return {
      ...{ active: count('active'), suppressed: count('suppressed'), inactive: count('inactive') },
      ...{ satisfied: count('satisfied'), some },
      ...{ rolesBelow: below.length, someBelow: below.slice(0, membersMax) },
    };
  }
}

function whyNotIn({ id, info }: Framework, role: string | undefined): string | undefined {
  if (role === undefined || info.roles.includes(role)) return undefined;
  return `the framework ${id} is not in the role ${role}, but in ${info.roles.slice(0, namedMax).join(', ')}`;
}

function listed(frameworks: readonly Framework[]): string {
  const named = frameworks.slice(0, namedMax).map(({ id, info }) => `${id} (${info.name})`);
  const more = frameworks.length - named.length;
  return `${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}
