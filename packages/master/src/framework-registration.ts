import type { Upid } from '@mesos-ts/process';
import {
  FrameworkError,
  type FrameworkId,
  type FrameworkInfo,
  FrameworkRegistered,
  FrameworkReregistered,
  ShutdownFramework,
} from '@mesos-ts/protocol';
import type { Books } from './books.js';
import type { Framework } from './frameworks.js';
import type { MasterActs } from './master-acts.js';

/** A framework of which a new leader only heard from agents gets at least this long to come back, in ms. */
const recoveredFrameworkMsMin = 10_000;

/** The coming and going of frameworks: registration, failover to another scheduler, removal (Mesos facts 3.5). */
export class FrameworkRegistration {
  readonly #acts: MasterActs;
  readonly #books: Books;

  constructor(acts: MasterActs, books: Books) {
    this.#acts = acts;
    this.#books = books;
  }

  /** A framework that has no id yet. */
  register(from: Upid, info: FrameworkInfo): void {
    if (info.id !== undefined) {
      this.#acts.send(from, FrameworkError, {
        message: 'RegisterFramework carries no framework id: use ReregisterFramework',
      });
      return;
    }
    const known = this.#books.frameworks.byPid(from);
    const framework = known ?? this.#books.addFramework(this.#books.frameworks.mintId(), info);
    // A connected one only did not wait for our answer: what it is offered stays so.
    if (!framework.connected) this.#connect(framework, from);
    this.#acts.log.info(
      { framework: framework.id, name: info.name, from },
      known ? 'framework registered again' : 'framework registered',
    );
    this.#acts.send(from, FrameworkRegistered, { frameworkId: framework.id, master: this.#acts.info });
  }

  /** A framework that has an id, of this master or an earlier one. With `failover`, its scheduler takes another's place. */
  reregister(from: Upid, info: FrameworkInfo, failover: boolean): void {
    const { id } = info;
    const refusal =
      id === undefined ? 'ReregisterFramework needs a framework id' : this.#whyNotReregister(from, id, failover);
    if (id === undefined || refusal !== undefined) {
      this.#acts.log.warn({ framework: id, from, why: refusal }, 'framework refused');
      this.#acts.send(from, FrameworkError, { message: refusal ?? '' });
      return;
    }
    const former = this.#books.frameworks.byPid(from);
    if (former?.connected && former.id !== id) this.disconnected(former, 'its scheduler speaks for another');
    const framework = this.#books.frameworks.get(id) ?? this.#books.addFramework(id, info);
    if (framework.pid !== undefined && framework.pid !== from)
      this.#acts.send(framework.pid, FrameworkError, {
        message: 'Framework failed over: another scheduler took its place',
      });
    this.#books.updateFramework(framework, info);
    this.#connect(framework, from);
    this.#acts.log.info({ framework: id, name: info.name, from }, 'framework registered again');
    this.#acts.send(from, FrameworkReregistered, { frameworkId: id, master: this.#acts.info });
  }

  /** Its scheduler is gone: it has its failover timeout to come back. */
  disconnected(framework: Framework, reason: string): void {
    this.#acts.log.info(
      { framework: framework.id, reason, failoverTimeoutMs: framework.info.failoverTimeoutMs },
      'framework disconnected',
    );
    this.#books.disconnectFramework(framework);
    this.#awaitReturn(framework, framework.info.failoverTimeoutMs);
  }

  /** An agent has told of it. While nobody else has, as after a failover of the master, it is given time to come. */
  reported(framework: Framework): void {
    if (framework.pid === undefined && framework.failoverTimer === undefined)
      this.#awaitReturn(framework, Math.max(framework.info.failoverTimeoutMs, recoveredFrameworkMsMin));
  }

  /** Forgets it and has all that it runs shut down. */
  remove(framework: Framework, why: string): void {
    this.#acts.log.info({ framework: framework.id, why }, 'framework removed');
    this.#books.removeFramework(framework);
    for (const agent of this.#books.agents)
      if (agent.connected) this.#acts.send(agent.pid, ShutdownFramework, { frameworkId: framework.id });
  }

  #whyNotReregister(from: Upid, id: FrameworkId, failover: boolean): string | undefined {
    if (this.#books.frameworks.isCompleted(id)) return `Framework ${id} has been removed: register as a new one`;
    const known = this.#books.frameworks.get(id);
    if (known?.pid !== undefined && known.pid !== from && !failover)
      return `Framework failed over: another scheduler is registered as ${id}`;
    return undefined;
  }

  #connect(framework: Framework, pid: Upid): void {
    this.#books.connectFramework(framework, pid);
    this.#acts.link(pid);
  }

  #awaitReturn(framework: Framework, timeoutMs: number): void {
    framework.failoverTimer?.cancel();
    framework.failoverTimer = this.#acts.delay(timeoutMs, () =>
      this.remove(framework, `it did not come back within ${timeoutMs} ms`),
    );
  }
}
