import type { FrameworkId } from '@mesos-ts/protocol';
import type { Pending } from './allocation-round.js';
import type { Demand, FrameworkDescription } from './allocator.js';
import { type Applicant, type Client, takesLoans, type Wish } from './clients.js';
import type { Role, Roles } from './roles.js';
import { type Amounts, addAll, isNone, type ScalarNames } from './scalar-names.js';
import { ShareNode, type Sharing } from './share-node.js';

export interface ApplicantsOptions {
  readonly names: ScalarNames;
  readonly roles: Roles;
  readonly sharing: Sharing;
  /** Told of clients that are to be looked at. */
  readonly pending: Pending;
  /** Of these alternatives an offer holds one at least, where a framework does not say otherwise. */
  readonly leastOffer: readonly Amounts[];
}

/** What somebody holds who is not known. */
interface Unknown {
  readonly allocated: Amounts;
  readonly offered: Amounts;
}

/** All frameworks and their roles, what they want, and what they hold in offers. */
export class Applicants {
  readonly #names: ScalarNames;
  readonly #roles: Roles;
  readonly #sharing: Sharing;
  readonly #pending: Pending;
  readonly #leastOffer: readonly Amounts[];
  readonly #byId = new Map<FrameworkId, Applicant>();
  /** By number. */
  readonly #clients: (Client | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  /** What frameworks hold that are not known, or not in that role, by both. */
  readonly #unknown = new Map<string, Unknown>();
  /** Those who were given no more because they hold so much in offers. */
  readonly #capped = new Set<Applicant>();
  /** Those who {@link takesLoans}. */
  readonly #borrowers = new Set<Client>();
  #refusalSerial = 0;
  #activeClients = 0;

  constructor({ names, roles, sharing, pending, leastOffer }: ApplicantsOptions) {
    this.#names = names;
    this.#roles = roles;
    this.#sharing = sharing;
    this.#pending = pending;
    this.#leastOffer = leastOffer;
  }

  get(frameworkId: FrameworkId): Applicant | undefined {
    return this.#byId.get(frameworkId);
  }

  client(frameworkId: FrameworkId, role: string): Client | undefined {
    return this.#byId.get(frameworkId)?.clients.get(role);
  }

  byNumber(number: number): Client | undefined {
    return this.#clients[number];
  }

  /** How many clients are walked to, as far as their roles are. */
  get activeClients(): number {
    return this.#activeClients;
  }

  /** Whether there is anybody for what is only lent. */
  get hasBorrowers(): boolean {
    return this.#borrowers.size > 0;
  }

  /** From which refusal on those of a client count; none of one that has left. */
  readonly refusalsSince = (client: number): number => this.#clients[client]?.refusalsSince ?? Number.POSITIVE_INFINITY;

  nextRefusalSerial(): number {
    return ++this.#refusalSerial;
  }

  // What they want

  add(frameworkId: FrameworkId, description: FrameworkDescription): void {
    const applicant = this.#byId.get(frameworkId) ?? newApplicant(frameworkId, description);
    this.#byId.set(frameworkId, applicant);
    applicant.description = description;
    for (const [role, client] of applicant.clients) if (!description.roles.includes(role)) this.#removeClient(client);
    for (const role of description.roles) {
      const client = applicant.clients.get(role) ?? this.#addClient(applicant, role);
      client.suppressed = description.suppressedRoles?.includes(role) ?? false;
      client.constraints = description.constraints?.[role];
      const least = description.minAllocatable?.[role];
      client.minima = least?.map((quantities) => this.#names.amounts(quantities)) ?? this.#leastOffer;
      this.#described(client);
    }
  }

  remove(frameworkId: FrameworkId): void {
    const applicant = this.#byId.get(frameworkId);
    if (applicant === undefined) return;
    for (const client of applicant.clients.values()) this.#removeClient(client);
    this.#capped.delete(applicant);
    this.#byId.delete(frameworkId);
  }

  /** Either way, what it refused is forgotten. */
  setActive(frameworkId: FrameworkId, active: boolean): void {
    const applicant = this.#byId.get(frameworkId);
    if (applicant === undefined) return;
    applicant.active = active;
    for (const client of applicant.clients.values()) {
      client.refusalsSince = this.nextRefusalSerial();
      this.#settle(client);
    }
  }

  suppress(frameworkId: FrameworkId, roles: readonly string[]): void {
    for (const client of this.#clientsOf(frameworkId, roles)) {
      client.suppressed = true;
      this.#settle(client);
    }
  }

  revive(frameworkId: FrameworkId, roles: readonly string[], keepFilters: boolean): void {
    for (const client of this.#clientsOf(frameworkId, roles)) {
      client.suppressed = false;
      if (!keepFilters) client.refusalsSince = this.nextRefusalSerial();
      this.#settle(client);
    }
  }

  request(frameworkId: FrameworkId, demands: readonly Demand[] | undefined): void {
    const applicant = this.#byId.get(frameworkId);
    if (applicant === undefined) return;
    applicant.demanding = demands !== undefined;
    const byRole = new Map<string, Wish[]>([...applicant.clients.keys()].map((role) => [role, []]));
    for (const demand of demands ?? []) byRole.get(demand.role)?.push(this.#wish(demand));
    for (const [role, client] of applicant.clients) {
      client.wishes = demands === undefined ? undefined : byRole.get(role);
      this.#described(client);
    }
  }

  // What they hold

  /** Counts what somebody holds who may not be known, or not in that role; those who are, count in their place in the tree. */
  charge(frameworkId: FrameworkId, rolePath: string, scalars: Amounts, sign: 1 | -1): void {
    if (this.client(frameworkId, rolePath) !== undefined) return;
    const key = keyOf(frameworkId, rolePath);
    const unknown = this.#unknown.get(key) ?? { allocated: [], offered: [] };
    addAll(unknown.allocated, scalars, sign);
    if (isNone(unknown.allocated)) this.#unknown.delete(key);
    else this.#unknown.set(key, unknown);
  }

  /** What was in offers is so no more: it may be offered other things. */
  countOff(frameworkId: FrameworkId, role: string, amounts: Amounts): void {
    if (isNone(amounts)) return;
    const client = this.client(frameworkId, role);
    if (client === undefined) {
      addAll(this.#unknown.get(keyOf(frameworkId, role))?.offered ?? [], amounts, -1);
      return;
    }
    addAll(client.offered, amounts, -1);
    addAll(client.framework.offered, amounts, -1);
    if (client.wishes !== undefined) this.#pending.clients.add(client);
    if (this.#capped.has(client.framework)) this.#lookAgainFor(client.framework);
  }

  // Who is to be looked at again

  /** It is given no more because it holds so much in offers. */
  cap(applicant: Applicant): void {
    this.#capped.add(applicant);
  }

  lookAgainForCapped(): void {
    for (const applicant of this.#capped) this.#lookAgainFor(applicant);
  }

  lookAgainBelow(role: Role): void {
    for (const client of role.clients)
      if (client.framework.active && !client.suppressed) this.#pending.clients.add(client);
    for (const child of role.children) this.lookAgainBelow(child);
  }

  #lookAgainFor(applicant: Applicant): void {
    this.#capped.delete(applicant);
    for (const client of applicant.clients.values()) if (client.node.isActive) this.#pending.clients.add(client);
  }

  #addClient(framework: Applicant, path: string): Client {
    const role = this.#roles.at(path);
    const number = this.#freeNumbers.pop() ?? this.#clients.length;
    const node = new ShareNode(framework.id, role.frameworks, this.#sharing, number);
    const client: Client = {
      ...{ number, framework, role, node, suppressed: false, particular: false, constraints: undefined, offered: [] },
      minima: this.#leastOffer,
      wishes: framework.demanding ? [] : undefined,
      refusalsSince: this.nextRefusalSerial(),
    };
    this.#clients[number] = client;
    framework.clients.set(path, client);
    role.clients.add(client);
    // After a failover of the master, agents may have told of its tasks before it came back itself.
    const key = keyOf(framework.id, path);
    const { allocated = [], offered = [] } = this.#unknown.get(key) ?? {};
    this.#unknown.delete(key);
    addAll(node.allocated, allocated, 1);
    addAll(client.offered, offered, 1);
    addAll(framework.offered, offered, 1);
    return client;
  }

  /** What it holds stays counted to the role. */
  #removeClient(client: Client): void {
    const { number, framework, role, node, offered } = client;
    this.#activate(client, false);
    this.#borrowers.delete(client);
    if (client.particular) this.#roles.countParticular(role, -1);
    addAll(framework.offered, offered, -1);
    const { allocated } = node;
    if (!isNone(allocated)) this.#unknown.set(keyOf(framework.id, role.path), { allocated, offered });
    this.#clients[number] = undefined;
    this.#freeNumbers.push(number);
    this.#pending.clients.delete(client);
    framework.clients.delete(role.path);
    role.clients.delete(client);
    this.#roles.tidy(role);
  }

  #described(client: Client): void {
    const mayLose = client.framework.description.revocableResources === true;
    const particular = client.minima !== this.#leastOffer || client.wishes !== undefined || mayLose;
    if (particular !== client.particular) this.#roles.countParticular(client.role, particular ? 1 : -1);
    client.particular = particular;
    if (takesLoans(client)) this.#borrowers.add(client);
    else this.#borrowers.delete(client);
    this.#settle(client);
  }

  #settle(client: Client): void {
    const active = client.framework.active && !client.suppressed;
    this.#activate(client, active);
    if (active) this.#pending.clients.add(client);
    else this.#pending.clients.delete(client);
  }

  #activate(client: Client, active: boolean): void {
    const { node } = client;
    this.#activeClients += Number(active) - Number(node.isActive);
    if (active && !node.isActive) this.#roles.comeLate(client);
    node.active = active;
  }

  #clientsOf(frameworkId: FrameworkId, roles: readonly string[]): Client[] {
    const clients = [...(this.#byId.get(frameworkId)?.clients.values() ?? [])];
    return roles.length === 0 ? clients : clients.filter(({ role }) => roles.includes(role.path));
  }

  #wish(demand: Demand): Wish {
    return { demand, shape: this.#names.amounts(demand.shape), count: demand.count };
  }
}

function newApplicant(id: FrameworkId, description: FrameworkDescription): Applicant {
  return { id, description, active: false, clients: new Map(), offered: [], demanding: false };
}

function keyOf(frameworkId: FrameworkId, role: string): string {
  return `${role} ${frameworkId}`;
}
