import type { Upid } from '@mesos-ts/process';
import {
  type Demand,
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  type Offer,
  RescindResourceOffer,
  ShutdownFramework,
  UpdateFramework,
} from '@mesos-ts/protocol';
import { sameInfo } from './agent-report.js';
import type { Books } from './books.js';
import { lastingInfo, whyInfoInvalid } from './framework-description.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';
import type { RegistryOperation } from './registry/registry.js';
import type { RegistryWrites } from './registry-writes.js';

/** A framework that a new leader waits for gets at least this long to come back, in ms. */
const recoveredFrameworkMsMin = 10_000;

type KnownInfo = FrameworkInfo & { readonly id: FrameworkId };
type Answer = typeof FrameworkRegistered | typeof FrameworkReregistered;
/** What it waits for; undefined: whatever there is. */
type Demands = readonly Demand[] | undefined;

/** A scheduler that comes for a framework that has an id. */
interface Arrival {
  readonly from: Upid;
  readonly info: KnownInfo;
  readonly demands: Demands;
  readonly answer: Answer;
}

/** A framework as the registry knows it. */
export interface KnownFramework {
  readonly id: FrameworkId;
  readonly info: FrameworkInfo;
  /** By the wall clock of the master that saw its scheduler go, in ms; undefined if it was connected when last heard of. */
  readonly disconnectedSince?: number | undefined;
}

/**
 * The coming and going of frameworks: registration, failover to another scheduler, removal (Mesos facts 3.5). Who is let in,
 * described anew, back or removed is in the registry before it is in the books, so that whoever leads next refuses ids that
 * were invented, and removes on time who never returns.
 *
 * While a registration is being stored, further ones of the same framework or scheduler are ignored: it is answered when
 * that is done.
 */
export class FrameworkRegistration {
  readonly #acts: MasterActs;
  readonly #books: Books;
  readonly #writes: RegistryWrites;

  constructor(acts: MasterActs, books: Books, writes: RegistryWrites) {
    this.#acts = acts;
    this.#books = books;
    this.#writes = writes;
  }

  /**
   * Waits for a framework that the registry knows: for what is left of its failover timeout, or all of it where it was
   * connected. Clocks of masters may differ, so never for longer than that, and always for {@link recoveredFrameworkMsMin}.
   */
  recover({ id, info, disconnectedSince }: KnownFramework): void {
    const framework = this.#books.addFramework(id, info);
    framework.storedAsAway = disconnectedSince !== undefined;
    const awayMs = Math.max(0, this.#acts.clock.wallTime() - (disconnectedSince ?? Number.POSITIVE_INFINITY));
    this.#awaitReturn(framework, Math.max(info.failoverTimeoutMs - awayMs, recoveredFrameworkMsMin));
  }

  /** A framework that has no id yet. */
  register(from: Upid, info: FrameworkInfo, demands?: Demands): void {
    if (info.id !== undefined) {
      this.#refuse(from, undefined, 'RegisterFramework carries no framework id: use ReregisterFramework');
      return;
    }
    const invalid = whyInfoInvalid(info, demands);
    if (invalid !== undefined) {
      this.#refuse(from, undefined, invalid);
      return;
    }
    const known = this.#books.frameworks.byPid(from);
    if (known !== undefined) {
      // It did not get our answer. What a connected one is offered stays so.
      if (known.connected) this.#answer(from, known.id, FrameworkRegistered);
      else this.#comeBack({ from, info: { ...info, id: known.id }, demands, answer: FrameworkRegistered });
      return;
    }
    if (this.#writes.isBusy(from)) return;
    const id = this.#books.frameworks.mintId();
    this.#writes.begin([from, id], [this.#admission(id, info)], () => {
      const framework = this.#books.addFramework(id, info);
      this.#connect(framework, from, demands);
      this.#acts.log.info({ framework: id, name: info.name, from }, 'framework registered');
      this.#answer(from, id, FrameworkRegistered);
    });
  }

  /** A framework that has an id, of this master or an earlier one. With `failover`, its scheduler takes another's place. */
  reregister(from: Upid, info: FrameworkInfo, failover: boolean, demands?: Demands): void {
    const { id } = info;
    const refusal =
      id === undefined
        ? 'ReregisterFramework needs a framework id'
        : (this.#whyNotReregister(from, id, failover) ?? whyInfoInvalid(info, demands));
    if (id === undefined || refusal !== undefined) {
      this.#refuse(from, id, refusal ?? '');
      return;
    }
    this.#comeBack({ from, info: { ...info, id }, demands, answer: FrameworkReregistered });
  }

  /** Its scheduler is gone: it has its failover timeout to come back. */
  disconnected(framework: Framework, reason: string): void {
    this.#acts.log.info(
      { framework: framework.id, reason, failoverTimeoutMs: framework.info.failoverTimeoutMs },
      'framework disconnected',
    );
    this.#books.disconnectFramework(framework);
    framework.storedAsAway = true;
    this.#writes.note({ type: 'framework-disconnected', id: framework.id, at: this.#acts.clock.wallTime() });
    this.#awaitReturn(framework, framework.info.failoverTimeoutMs);
  }

  /** An agent has told of it. While nobody else has, as after a failover of the master, it is given time to come. */
  reported(framework: Framework): void {
    if (framework.pid === undefined && framework.failoverTimer === undefined)
      this.#awaitReturn(framework, Math.max(framework.info.failoverTimeoutMs, recoveredFrameworkMsMin));
  }

  /** What has to be stored before the frameworks that an agent has told of may be in the books. */
  toAdmit(infos: readonly FrameworkInfo[]): RegistryOperation[] {
    const operations: RegistryOperation[] = [];
    for (const info of infos) {
      const { id } = info;
      // One that is being written already will be in the books, or gone from them, before this agent is.
      if (id === undefined || this.#books.frameworks.isKnown(id) || this.#writes.isBusy(id)) continue;
      operations.push(this.#admission(id, info));
    }
    return operations;
  }

  /** It is done: forgets it and has all that it runs shut down. */
  unregistered(framework: Framework): void {
    this.#writes.whenFree(framework.id, () => this.#remove(framework, 'it unregistered'));
  }

  #remove(framework: Framework, why: string): void {
    if (this.#books.frameworks.get(framework.id) !== framework) return;
    const operation = { type: 'remove-framework', id: framework.id, at: this.#acts.clock.wallTime() } as const;
    this.#writes.begin([framework.id], [operation], () => {
      this.#acts.log.info({ framework: framework.id, why }, 'framework removed');
      this.#books.removeFramework(framework);
      for (const agent of this.#books.agents)
        if (agent.connected) this.#acts.send(agent.pid, ShutdownFramework, { frameworkId: framework.id });
    });
  }

  #whyNotReregister(from: Upid, id: FrameworkId, failover: boolean): string | undefined {
    if (this.#books.frameworks.isCompleted(id)) return `Framework ${id} has been removed: register as a new one`;
    const known = this.#books.frameworks.get(id);
    if (known === undefined && !this.#writes.isBusy(id) && this.#acts.remembers)
      return `Framework ${id} is not known: register as a new one`;
    if (known?.pid !== undefined && known.pid !== from && !failover)
      return `Framework failed over: another scheduler is registered as ${id}`;
    return undefined;
  }

  #comeBack(arrival: Arrival): void {
    const { from, info } = arrival;
    const { id } = info;
    const stored = this.#writes.begin([id, from], this.#toComeBack(info), () => {
      // Its former scheduler may have gone while this was stored, and that was stored later.
      if (this.#books.frameworks.get(id)?.storedAsAway) this.#comeBack(arrival);
      else this.#isBack(arrival);
    });
    const framework = this.#books.frameworks.get(id);
    if (stored && framework !== undefined) framework.storedAsAway = false;
  }

  #toComeBack(info: KnownInfo): RegistryOperation[] {
    const { id } = info;
    const known = this.#books.frameworks.get(id);
    if (known === undefined) return [this.#admission(id, info)];
    const operations: RegistryOperation[] = [];
    if (!sameInfo(lastingInfo(known.info), lastingInfo(info)))
      operations.push({ type: 'update-framework', id, info: lastingInfo(info) });
    if (known.storedAsAway) operations.push({ type: 'framework-connected', id });
    return operations;
  }

  #isBack({ from, info, demands, answer }: Arrival): void {
    const former = this.#books.frameworks.byPid(from);
    if (former?.connected && former.id !== info.id) this.disconnected(former, 'its scheduler speaks for another');
    const framework = this.#books.frameworks.get(info.id) ?? this.#books.addFramework(info.id, info);
    if (framework.pid !== undefined && framework.pid !== from)
      this.#acts.send(framework.pid, FrameworkError, {
        message: 'Framework failed over: another scheduler took its place',
      });
    // To its scheduler it was connected all the time: it was told of these offers, and would keep them.
    const holds = framework.connected && framework.pid === from;
    this.#books.updateFramework(framework, info);
    const voided = this.#connect(framework, from, demands);
    if (holds) for (const { id } of voided) this.#acts.send(from, RescindResourceOffer, { offerId: id });
    this.#acts.log.info({ framework: info.id, name: info.name, from }, 'framework registered again');
    this.#answer(from, info.id, answer);
    // Where it has had our answer long since, this one tells it that what it was offered is void.
    if (answer === FrameworkRegistered) this.#answer(from, info.id, FrameworkReregistered);
    this.#tellAgents(framework);
  }

  /** What came while nobody was there to take it, the agents would else send again only when they lose patience. */
  #tellAgents(framework: Framework): void {
    const slaveIds = new Set([...framework.tasks.values()].map(({ task }) => task.slaveId));
    for (const slaveId of slaveIds) {
      const agent = this.#books.agents.get(slaveId);
      if (agent?.connected) this.#acts.send(agent.pid, UpdateFramework, { frameworkId: framework.id });
    }
  }

  #answer(from: Upid, frameworkId: FrameworkId, answer: Answer): void {
    this.#acts.send(from, answer, { frameworkId, master: this.#acts.info });
  }

  #refuse(from: Upid, framework: FrameworkId | undefined, message: string): void {
    this.#acts.log.warn({ framework, from, why: message }, 'framework refused');
    this.#acts.send(from, FrameworkError, { message });
  }

  #admission(id: FrameworkId, info: FrameworkInfo): RegistryOperation {
    return { type: 'admit-framework', id, info: { ...lastingInfo(info), id } };
  }

  /** @returns the offers that are void by that. */
  #connect(framework: Framework, pid: Upid, demands: Demands): Offer[] {
    const voided = this.#books.connectFramework(framework, pid, demands);
    this.#acts.link(pid);
    return voided;
  }

  #awaitReturn(framework: Framework, timeoutMs: number): void {
    framework.failoverTimer?.cancel();
    framework.failoverTimer = this.#acts.delay(timeoutMs, () => {
      // While something about it is being written, it is coming back, and that goes on.
      this.#remove(framework, `it did not come back within ${timeoutMs} ms`);
    });
  }
}
