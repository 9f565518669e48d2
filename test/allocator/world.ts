import assert from 'node:assert/strict';
import {
  type AgentExplanation,
  type Allocation,
  type AllocationQuestion,
  AllocatorCore,
  type AllocatorCoreOptions,
  type Demand,
  type FrameworkDescription,
  type Hindrance,
  type Quantities,
  type Quota,
  type SlaveDescription,
  type Usage,
} from '@mesos-ts/master';
import { Random } from '@mesos-ts/process';
import type { FrameworkId, Resources, SlaveId } from '@mesos-ts/protocol';
import { explained } from './explained.js';
import {
  isRevocable,
  isScalar,
  isUnreserved,
  minus,
  type Part,
  type Pile,
  partsOf,
  pile,
  pileOf,
  plus,
  resourcesOf,
  same,
} from './pile.js';
import { type Holding, type Look, Reference, type ReferenceOptions, textOf } from './reference.js';
import { looksOf } from './reference-explanation.js';
import { pathsTo } from './reference-shares.js';

/** Something that happens to an allocator. Agents and frameworks are named by their numbers, holdings by any. */
export type Step = SlaveStep | FrameworkStep | HoldingStep | ConfigurationStep | OtherStep;

type SlaveStep =
  | {
      readonly do: 'addSlave';
      readonly slave: number;
      readonly description: SlaveDescription;
      readonly used: readonly Used[];
    }
  | { readonly do: 'updateOversubscribed'; readonly slave: number; readonly oversubscribed: Resources }
  | { readonly do: 'removeSlave' | 'activateSlave' | 'deactivateSlave'; readonly slave: number };

type FrameworkStep = { readonly framework: number } & (
  | { readonly do: 'addFramework'; readonly description: FrameworkDescription }
  | { readonly do: 'removeFramework' | 'activateFramework' | 'deactivateFramework' }
  | { readonly do: 'suppressOffers'; readonly roles: readonly string[] }
  | { readonly do: 'reviveOffers'; readonly roles: readonly string[]; readonly keepFilters: boolean }
  | { readonly do: 'requestResources'; readonly demands: readonly Demand[] | undefined }
);

/** Parts are in thousandths. */
type HoldingStep = { readonly holding: number; readonly part: number } & (
  | { readonly do: 'recover' | 'launch'; readonly refuseSeconds: number }
  | { readonly do: 'release' }
);

type ConfigurationStep =
  | { readonly do: 'updateWeights'; readonly weights: Quantities }
  | { readonly do: 'updateQuota'; readonly quotas: readonly Quota[] }
  | { readonly do: 'updateWhitelist'; readonly hosts: readonly string[] | undefined };

type OtherStep =
  | { readonly do: 'answerAll'; readonly part: number; readonly refuseSeconds: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'allocate' };

/** What is in use on an agent that comes: so many thousandths of the parts of it. */
export interface Used {
  readonly framework: number;
  readonly role: string;
  readonly part: number;
}

/** How the gifts of a core are compared: as whole runs, or one by one while other things happen between slices. */
export type Mode = 'runs' | 'slices';

/** Does everything to the core and to the reference, and compares all that can be seen of both. */
export class World {
  readonly core: AllocatorCore;
  readonly reference: Reference;
  /** All that was given, in order. */
  readonly given: string[] = [];
  /** How many of the gifts held something revocable, with something regular or without. */
  loans = 0;
  now = 0;

  constructor(
    seed: number,
    options: ReferenceOptions & Pick<AllocatorCoreOptions, 'sorter'>,
    readonly mode: Mode = 'runs',
  ) {
    this.core = new AllocatorCore({ ...options, random: new Random(seed) });
    this.reference = new Reference(options);
  }

  step(step: Step): void {
    this.#do(step);
    this.requireSameBooks();
  }

  /** Runs to the end what there is to give, and has the reference agree. */
  finish(): void {
    this.#noticesWork();
    this.requireSameExplanations();
    const next = this.#saidNext();
    if (this.mode === 'slices') this.giveAll();
    const run = this.core.allocate(this.now);
    if (this.mode === 'slices') assert.deepEqual(run.map(textOf), []);
    else this.#requireFirstOf(next, run);
    this.#count(run);
    this.reference.replay(run, this.now);
    assert.equal(this.core.pending, false, 'nothing is pending after a run');
    assert.deepEqual(this.core.allocate(this.now).map(textOf), [], 'nothing more is given while nothing changes');
    this.requireSameBooks();
    assert.deepEqual([...this.#saidNext()], [], 'nobody is said to be next when nothing is given');
  }

  /** All that there is to give, slice by slice. */
  giveAll(): void {
    do this.#slice();
    while (this.core.pending);
  }

  /** Free and allocated are the total of every agent, and both say the same of them. */
  requireSameBooks(): void {
    for (const slaveId of this.reference.slaves.keys()) {
      const free = pileOf(this.core.free(slaveId as SlaveId) ?? []);
      const held = this.reference.holdings.filter((one) => one.slaveId === slaveId);
      // plus and its assertion: a port that is there twice is found here.
      const all = held.reduce((sum, { offered, used }) => plus(plus(sum, offered), used), free);
      if (!same(all, this.reference.all(slaveId)))
        assert.fail(`${slaveId}: what is free and allocated is not what it has: ${shown(all)}`);
    }
    for (const role of new Set(this.reference.holdings.flatMap((one) => pathsTo(one.role)))) {
      const allocated = this.core.allocatedTo(role);
      for (const name of ['cpus', 'mem', 'disk', 'gpus'])
        assert.equal(allocated[name] ?? 0, this.reference.allocatedTo(role, name), `${name} allocated to ${role}`);
    }
  }

  /** What is said to stand in everybody's way is what does. */
  requireSameExplanations(): void {
    for (const [frameworkId, { demands }] of this.reference.frameworks)
      for (const { role, wants, agents } of explained(
        this.core,
        { frameworkId: frameworkId as FrameworkId },
        this.now,
      )) {
        const wishes = demands?.filter((wish) => wish.role === role) ?? [];
        const expected = wishes.length === 0 ? [{}] : wishes.map(({ shape, count }) => ({ shape, count }));
        assert.deepEqual(wants, expected, `what ${frameworkId} waits for as ${role}`);
        for (const [want, those] of agents.entries())
          for (const agent of those) {
            this.requireSame({ frameworkId: frameworkId as FrameworkId, role }, want, agent);
          }
      }
  }

  /** Who is said to be next, and of which agents. */
  #saidNext(): ReadonlySet<string> {
    const next = new Set<string>();
    for (const frameworkId of this.reference.frameworks.keys())
      for (const { role, agents } of explained(this.core, { frameworkId: frameworkId as FrameworkId }, this.now))
        for (const { slaveId, hindrance } of agents.flat())
          if (hindrance.why === 'next') next.add(`${frameworkId} as ${role} of ${slaveId}`);
    return next;
  }

  /** What is said of one agent is what is so. */
  requireSame(question: AllocationQuestion, want: number, { slaveId, hindrance, held }: AgentExplanation): void {
    const look = looksOf(this.reference, question, slaveId, this.now)[want];
    assert.ok(look !== undefined);
    assert.deepEqual(...comparable(hindrance, look), `${JSON.stringify(question)} of ${slaveId}`);
    assert.deepEqual(held.map(textOfUsage).sort(), this.#heldOf(slaveId), `held of ${slaveId}`);
  }

  /** Who was said to be next is: somebody of them is given the first gift, and nobody else is. */
  #requireFirstOf(next: ReadonlySet<string>, [first]: readonly Allocation[]): void {
    if (first === undefined) assert.deepEqual([...next], [], 'said to be next, and not given anything');
    else
      assert.ok(
        next.has(`${first.frameworkId} as ${first.role} of ${first.slaveId}`),
        'given, and not said to be next',
      );
  }

  #heldOf(slaveId: string): string[] {
    return this.reference.holdings
      .filter((one) => one.slaveId === slaveId)
      .map(({ frameworkId, role, offered, used }) => {
        return textOfUsage({
          frameworkId: frameworkId as FrameworkId,
          role,
          resources: resourcesOf(plus(offered, used)),
        });
      })
      .sort();
  }

  #do(step: Step): void {
    if ('slave' in step) this.#doToSlave(step);
    else if ('framework' in step) this.#doToFramework(step);
    else if ('holding' in step) this.#doToHolding(step);
    else this.#doToAll(step);
  }

  #doToSlave(step: SlaveStep): void {
    const slaveId = slaveOf(step.slave);
    if (step.do === 'addSlave') this.#addSlave(slaveId, step.description, step.used);
    else if (step.do === 'updateOversubscribed') {
      this.core.updateOversubscribed(slaveId, step.oversubscribed);
      this.reference.updateOversubscribed(slaveId, step.oversubscribed);
    } else {
      this.core[step.do](slaveId);
      if (step.do === 'removeSlave') this.reference.removeSlave(slaveId);
      else this.reference.setSlaveActive(slaveId, step.do === 'activateSlave');
    }
  }

  #doToFramework(step: FrameworkStep): void {
    const frameworkId = frameworkOf(step.framework);
    for (const one of [this.core, this.reference])
      switch (step.do) {
        case 'addFramework':
          one.addFramework(frameworkId, step.description);
          break;
        case 'suppressOffers':
          one.suppressOffers(frameworkId, step.roles);
          break;
        case 'reviveOffers':
          one.reviveOffers(frameworkId, step.roles, step.keepFilters);
          break;
        case 'requestResources':
          one.requestResources(frameworkId, step.demands);
          break;
        default:
          one[step.do](frameworkId);
      }
  }

  #doToHolding({ holding, part, ...step }: HoldingStep): void {
    const of = step.do === 'release' ? 'used' : 'offered';
    const holdings = this.reference.holdings.filter((one) => one[of].size > 0);
    const one = holdings[holding % Math.max(1, holdings.length)];
    if (one === undefined) return;
    if (step.do === 'launch') this.#answer(one, part, step.refuseSeconds);
    else if (step.do === 'recover') this.#recover(one, resourcesOf(partOf(one.offered, part)), step.refuseSeconds);
    else this.#release(one, resourcesOf(partOf(one.used, part)));
  }

  #doToAll(step: ConfigurationStep | OtherStep): void {
    if (step.do === 'wait') this.now += step.ms;
    else if (step.do === 'allocate') this.#allocate();
    else if (step.do === 'answerAll')
      for (const offer of this.reference.holdings.filter(({ offered }) => offered.size > 0))
        this.#answer(offer, step.part, step.refuseSeconds);
    else for (const one of [this.core, this.reference]) tell(one, step);
  }

  #allocate(): void {
    if (this.mode === 'runs') this.finish();
    else this.#slice();
  }

  /** What is in use of what it lends is twice what it may: more was lent before. */
  #addSlave(slaveId: SlaveId, description: SlaveDescription, used: readonly Used[]): void {
    const lent = pile([...pileOf(description.oversubscribed ?? []).values()].map(twice));
    let left = plus(pileOf(description.total), lent);
    const usages: Usage[] = [];
    for (const { framework, role, part } of used) {
      const resources = resourcesOf(partOf(left, part));
      left = minus(left, pileOf(resources));
      if (resources.length > 0) usages.push({ frameworkId: frameworkOf(framework), role, resources });
    }
    this.core.addSlave(slaveId, description, usages);
    this.reference.addSlave(slaveId, description, usages);
  }

  /** Uses a part of an offer and gives back the rest. */
  #answer({ frameworkId, role, slaveId, offered }: Holding, part: number, refuseSeconds: number): void {
    const using = partOf(offered, part);
    const resources = resourcesOf(using);
    if (resources.length > 0) {
      this.core.used(frameworkId as FrameworkId, slaveId as SlaveId, role, resources);
      this.reference.used(frameworkId, slaveId, role, resources);
    }
    const rest = resourcesOf(minus(offered, using));
    if (rest.length > 0) this.#recover({ frameworkId, role, slaveId }, rest, refuseSeconds);
  }

  #recover(
    { frameworkId, slaveId, role }: Pick<Holding, 'frameworkId' | 'slaveId' | 'role'>,
    resources: Resources,
    refuseSeconds: number,
  ): void {
    if (resources.length === 0) return;
    const filters = { refuseSeconds };
    this.core.recoverResources(frameworkId as FrameworkId, slaveId as SlaveId, role, resources, this.now, filters);
    this.reference.recoverResources(frameworkId, slaveId, role, resources, this.now, filters);
  }

  #release({ frameworkId, slaveId, role }: Holding, resources: Resources): void {
    if (resources.length === 0) return;
    this.core.releaseResources(frameworkId as FrameworkId, slaveId as SlaveId, role, resources);
    this.reference.releaseResources(frameworkId, slaveId, role, resources);
  }

  /** One agent's worth of a run. What else happens may happen before the rest of it. */
  #slice(): void {
    const gifts = this.core.allocate(this.now, () => true);
    for (const gift of gifts) this.#requireRight(gift);
    this.#count(gifts);
  }

  #count(gifts: readonly Allocation[]): void {
    for (const gift of gifts) this.given.push(textOf(gift));
    this.loans += gifts.filter(({ resources }) => [...pileOf(resources).values()].some(isRevocable)).length;
  }

  /** A gift is as large as it may be, and breaks neither a limit nor a promise. */
  #requireRight(gift: Allocation): void {
    const look = this.reference.lookFor(gift, this.now);
    if (!('gift' in look)) assert.fail(`${textOf(gift)}: ${JSON.stringify(look)}`);
    if (!same(look.gift, pileOf(gift.resources))) assert.fail(`${textOf(gift)}, and not ${shown(look.gift)}`);
    const before = this.#promises();
    this.reference.take(gift);
    this.#requireWithinLimits(gift);
    for (const [name, missing] of this.#promises())
      assert.ok(missing <= (before.get(name) ?? 0), `${textOf(gift)}: ${missing} of ${name} is missing for guarantees`);
  }

  #requireWithinLimits(gift: Allocation): void {
    for (const { role, limits } of this.reference.quotas.filter((quota) => pathsTo(gift.role).includes(quota.role)))
      for (const part of pileOf(gift.resources).values()) {
        const limit = limits[part.name];
        if (limit === undefined || !isUnreserved(part)) continue;
        assert.ok(this.reference.consumed(role, part.name) <= limit, `${textOf(gift)} is beyond the limit of ${role}`);
      }
  }

  /** How much is missing of what must be free for guarantees, by name. */
  #promises(): ReadonlyMap<string, number> {
    const names = this.reference.quotas.flatMap(({ guarantees }) => Object.keys(guarantees));
    return new Map(
      names.map((name) => [name, Math.max(0, this.reference.required(name) - this.reference.available(name))]),
    );
  }

  /** Where there is something to give, the core knows that it has to look, now or by the clock. */
  #noticesWork(): void {
    if (this.core.pending || (this.core.nextExpiry() ?? Number.POSITIVE_INFINITY) <= this.now) return;
    for (const client of this.reference.clients())
      for (const slaveId of this.reference.slaves.keys())
        assert.ok(!('gift' in this.reference.look(client, slaveId, this.now)), 'there is something to give, unnoticed');
  }
}

function tell(one: AllocatorCore | Reference, step: ConfigurationStep): void {
  if (step.do === 'updateWeights') one.updateWeights(step.weights);
  else if (step.do === 'updateQuota') one.updateQuota(step.quotas);
  else one.updateWhitelist(step.hosts);
}

/** By how much something is short is for sentences of their own. */
function comparable(theirs: Hindrance, look: Look): [object, object] {
  const ours: Hindrance = 'gift' in look ? { why: 'next' } : look;
  return [withoutAmounts(theirs), withoutAmounts(ours)];
}

function withoutAmounts(hindrance: Hindrance): object {
  const { why } = hindrance;
  return 'by' in hindrance ? { why } : hindrance;
}

function textOfUsage({ frameworkId, role, resources }: Usage): string {
  return `${frameworkId} as ${role}: ${JSON.stringify(resources)}`;
}

export function slaveOf(number: number): SlaveId {
  return `s${number}` as SlaveId;
}

export function hostOf(number: number): string {
  return `host-${number}`;
}

export function frameworkOf(number: number): FrameworkId {
  return `f${number}` as FrameworkId;
}

/** So many thousandths of each scalar, and of ports and items so many, from the end. */
function partOf(of: Pile, thousandths: number): Pile {
  const scalars = partsOf(of, isScalar).map((one) => ({
    ...one,
    amount: Math.floor((one.amount * thousandths) / 1_000),
  }));
  const items = partsOf(of, (one) => !isScalar(one));
  return pile([...scalars, ...items.slice(items.length - Math.floor((items.length * thousandths) / 1_000))]);
}

function twice(part: Part): Part {
  return { ...part, amount: 2 * part.amount };
}

function shown(of: Pile): string {
  return JSON.stringify(resourcesOf(of));
}
