import {
  type AgentExplained,
  AllocationExplained,
  type AttributeConstraint,
  ExplainAllocation,
  type ExplainedHindrance,
  type FrameworkId,
  type RoleExplained,
} from '@mesos-ts/protocol';
import type { AllocationHold } from './allocation-hold.js';
import type { AgentExplanation, Hindrance, RoleExplanation } from './allocator/allocator.js';
import type { AllocatorProcess } from './allocator/allocator-process.js';
import type { Books } from './books.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';

/** How many frameworks are named to who asked for one that is not there. */
const namedMax = 20;

/** Answers why a framework is not offered more: the allocator knows, and the master knows which offers are out. */
export class AllocationExplainer {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #allocator: Pick<AllocatorProcess, 'explain'>;
  readonly #hold: AllocationHold;

  constructor(acts: MasterActs, books: Books, allocator: Pick<AllocatorProcess, 'explain'>, hold: AllocationHold) {
    this.#acts = acts;
    this.#books = books;
    this.#allocator = allocator;
    this.#hold = hold;
  }

  install(): void {
    this.#acts.install(ExplainAllocation, (_from, { framework: named, role }) => {
      const answer = this.#acts.answer(AllocationExplained);
      const found = this.#found(named);
      const refusal = typeof found === 'string' ? found : whyNotIn(found, role);
      if (typeof found === 'string' || refusal !== undefined) {
        answer({ refusal: refusal ?? '', roles: [] });
        return;
      }
      const { id, info } = found;
      this.#allocator.explain(id).then(
        (roles = []) =>
          this.#acts.later(() => {
            const { reason: hold } = this.#hold;
            answer({
              framework: { id, name: info.name },
              ...(hold === undefined ? {} : { hold }),
              roles: this.#described(roles, role),
            });
          }),
        () => undefined, // this master's term is over
      );
    });
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

  #described(roles: readonly RoleExplanation[], only: string | undefined): RoleExplained[] {
    return roles
      .filter(({ role }) => only === undefined || role === only)
      .map(({ role, demands, precedence, agents }) => ({
        role,
        ...(demands === undefined ? {} : { demands }),
        precedence: precedence.map(({ node, share, ahead }) => ({
          ...{ node, share },
          ...(ahead === undefined ? {} : { ahead }),
        })),
        agents: agents.map((agent) => this.#agent(agent)),
      }));
  }

  #agent({ slaveId, hostname, hindrance, held }: AgentExplanation): AgentExplained {
    const offers = this.#books.offers.all(this.#books.agents.get(slaveId)?.offers ?? []);
    return {
      ...{ slaveId, hostname, held },
      hindrance: inWords(hindrance),
      offers: offers.map(({ id, frameworkId }) => ({ id, frameworkId })),
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

function inWords(hindrance: Hindrance): ExplainedHindrance {
  if (hindrance.why !== 'constraint') return hindrance;
  return { why: 'constraint', constraint: constraintText(hindrance.constraint) };
}

/** For people: `rack=a`, `not rack=a`, `hostname like web-*`, `ssd exists`. */
function constraintText({ selector, predicate }: AttributeConstraint): string {
  const subject = typeof selector === 'string' ? selector : selector.attribute;
  if (predicate === 'exists') return `${subject} exists`;
  if (predicate === 'notExists') return `not ${subject} exists`;
  if ('textEquals' in predicate) return `${subject}=${predicate.textEquals}`;
  if ('textNotEquals' in predicate) return `not ${subject}=${predicate.textNotEquals}`;
  if ('textMatches' in predicate) return `${subject} like ${predicate.textMatches}`;
  return `not ${subject} like ${predicate.textNotMatches}`;
}
