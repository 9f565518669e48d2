import { parseUpid, type Upid } from '@mesos-ts/process';
import {
  GetQuota,
  GetWeights,
  isRoleWithin,
  type Offer,
  type Quota,
  QuotaStatus,
  QuotaUpdated,
  UpdateQuota,
  UpdateWeights,
  type Weight,
  WeightsStatus,
  WeightsUpdated,
} from '@mesos-ts/protocol';
import type { AgentRecovery } from './agent-recovery.js';
import type { AllocationHold } from './allocation-hold.js';
import type { Allocator } from './allocator/allocator.js';
import type { Books } from './books.js';
import { capacityOf, consumptionOf } from './consumption.js';
import type { MasterActs } from './master-acts.js';
import type { OfferLifecycle } from './offer-lifecycle.js';
import { updatedQuotas, wrongWithQuotas } from './quota-check.js';
import { type Registry, weightsOf } from './registry/registry.js';
import type { RegistryWrites } from './registry-writes.js';

export interface OperatorDeskOptions {
  readonly allocator: Pick<Allocator, 'updateQuota' | 'updateWeights'>;
  readonly hold: AllocationHold;
  readonly agentRecovery: AgentRecovery;
  readonly offers: OfferLifecycle;
  readonly writes: RegistryWrites;
  /** The Nodes that may change something; undefined: all. */
  readonly operators: readonly string[] | undefined;
}

/** As much as one record of the registry may hold, in characters of JSON: NATS carries 1 MiB by default. */
const recordMax = 512 * 1024;
/** The weight of a role of which nothing was said. */
const usualWeight = 1_000;

/**
 * Quotas and weights, as operators ask for them and set them (Mesos facts 4.4, 4.5). What is set is in the registry before
 * it is in force, so that a new leader knows of it before it allocates; one change follows the other.
 */
export class OperatorDesk {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #options: OperatorDeskOptions;
  #quotas: ReadonlyMap<string, Quota> = new Map();
  #weights: ReadonlyMap<string, number> = new Map();

  constructor(acts: MasterActs, books: Books, options: OperatorDeskOptions) {
    this.#acts = acts;
    this.#books = books;
    this.#options = options;
  }

  /** What earlier leaders have written is in force from the start. The agents that are awaited are in the books. */
  recover({ quotas, weights }: Registry): void {
    this.#quotas = quotas;
    this.#weights = weights;
    if (quotas.size > 0) this.#options.allocator.updateQuota([...quotas.values()]);
    if (weights.size > 0) this.#options.allocator.updateWeights(Object.fromEntries(weights));
    if (promisesAnything(quotas)) this.#options.hold.begin();
  }

  install(): void {
    this.#acts.install(GetQuota, () => this.#acts.answer(QuotaStatus)({ quotas: this.#status() }));
    this.#acts.install(GetWeights, () => this.#acts.answer(WeightsStatus)({ weights: weightsOf(this.#weights) }));
    this.#acts.install(UpdateQuota, (from, { quotas, force }) => {
      const answer = this.#acts.answer(QuotaUpdated);
      const done = (refusal?: string): void => answer(refusal === undefined ? {} : { refusal });
      if (this.#mayChange(from, done))
        this.#options.writes.whenFree('quotas', () => this.#updateQuotas(from, quotas, force, done));
    });
    this.#acts.install(UpdateWeights, (from, { weights }) => {
      const answer = this.#acts.answer(WeightsUpdated);
      const done = (refusal?: string): void => answer(refusal === undefined ? {} : { refusal });
      if (this.#mayChange(from, done))
        this.#options.writes.whenFree('weights', () => this.#updateWeights(from, weights, done));
    });
  }

  #status(): (Quota & { readonly consumed: Readonly<Record<string, number>> })[] {
    if (this.#quotas.size === 0) return [];
    const consumption = consumptionOf(this.#books.agents);
    return [...this.#quotas.values()].map((quota) => ({
      ...quota,
      consumed: Object.fromEntries(consumption.get(quota.role) ?? []),
    }));
  }

  #mayChange(from: Upid, done: (refusal: string) => void): boolean {
    const { node } = parseUpid(from);
    if (this.#options.operators?.includes(node) ?? true) return true;
    this.#acts.counters.increment('operators_refused');
    this.#acts.log.warn({ from }, 'change refused: its sender is no operator');
    done(`the Node ${node} is no operator: the masters are told by --operators who may change something`);
    return false;
  }

  #updateQuotas(from: Upid, updates: readonly Quota[], force: boolean, done: (refusal?: string) => void): void {
    const consumption = consumptionOf(this.#books.agents);
    const surroundings = {
      quotas: this.#quotas,
      capacity: capacityOf(this.#books.agents),
      returning: this.#options.agentRecovery.returning,
      consumed: (role: string) => consumption.get(role) ?? new Map(),
    };
    const after = updatedQuotas(this.#quotas, updates);
    const quotas = [...after.values()];
    const wrong = wrongWithQuotas(updates, surroundings, { force });
    const refusal = wrong.length > 0 ? wordsOf(wrong) : whyTooLarge(quotas);
    if (refusal !== undefined) {
      done(refusal);
      return;
    }
    const raised = updates.some((quota) => raisesGuarantee(this.#quotas.get(quota.role), quota));
    const concerned = ({ role }: Offer): boolean => raised || updates.some((quota) => isRoleWithin(role, quota.role));
    this.#options.writes.begin(['quotas'], [{ type: 'set-quotas', id: 'quotas', quotas }], () => {
      this.#quotas = after;
      this.#acts.log.info({ from, force, quotas: updates }, 'quotas set');
      this.#options.allocator.updateQuota(quotas);
      if (!promisesAnything(after)) this.#options.hold.end('no role has a guarantee any more');
      this.#options.offers.rescindEarlier(concerned);
      done();
    });
  }

  #updateWeights(from: Upid, updates: readonly Weight[], done: (refusal?: string) => void): void {
    const after = new Map(this.#weights);
    for (const { role, weight } of updates)
      if (weight === usualWeight) after.delete(role);
      else after.set(role, weight);
    const weights = weightsOf(after);
    const twice = updates.length > new Set(updates.map(({ role }) => role)).size;
    const refusal = twice ? 'a role is named twice' : whyTooLarge(weights);
    if (refusal !== undefined) {
      done(refusal);
      return;
    }
    this.#options.writes.begin(['weights'], [{ type: 'set-weights', id: 'weights', weights }], () => {
      this.#weights = after;
      this.#acts.log.info({ from, weights: updates }, 'weights set');
      this.#options.allocator.updateWeights(Object.fromEntries(after));
      this.#options.offers.rescindEarlier(() => true);
      done();
    });
  }
}

function promisesAnything(quotas: ReadonlyMap<string, Quota>): boolean {
  return [...quotas.values()].some(({ guarantees }) => Object.values(guarantees).some((amount) => amount > 0));
}

function raisesGuarantee(before: Quota | undefined, after: Quota): boolean {
  const earlier = new Map(Object.entries(before?.guarantees ?? {}));
  return Object.entries(after.guarantees).some(([name, amount]) => amount > (earlier.get(name) ?? 0));
}

function whyTooLarge(settings: readonly (Quota | Weight)[]): string | undefined {
  const size = JSON.stringify(settings).length;
  if (size <= recordMax) return undefined;
  return `${settings.length} roles are too many: together they take ${size} characters, and ${recordMax} can be kept`;
}

/** As much of it as an answer can hold. */
function wordsOf(wrong: readonly string[]): string {
  const shown = wrong.slice(0, 20).join('; ');
  return wrong.length > 20 ? `${shown}; and ${wrong.length - 20} things more` : shown;
}
