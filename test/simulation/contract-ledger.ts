import { type ExitReason, parseUpid, type Upid } from '@mesos-ts/process';
import type { Member } from './contract-world.js';

/** One call of `link` that has not brought its `exited` yet. */
interface OpenLink {
  readonly to: Upid;
  /** The number of the last message to the linked process before it. */
  readonly saidBefore: number;
  /** The number of the last message from there that came since. */
  lastHeard: number | undefined;
}

/** What every process did and saw, and what docs/delivery-and-ordering.md says of that. Each method throws where it lies. */
export class ContractLedger {
  readonly #open = new Map<Member, Map<Upid, OpenLink>>();
  /** The processes that each was told of that they ended. */
  readonly #over = new Map<Member, Set<string>>();
  readonly #said = new Map<string, number>();
  readonly #heard = new Map<string, Set<number>>();
  readonly #lastHeard = new Map<string, number>();
  readonly #asks = new Set<{ readonly by: Member; readonly to: Upid }>();
  /** The objects that live in the processes, by id: an id is used once in the whole history. */
  readonly #living = new Map<string, Member>();
  /** How often what happened: a history in which nothing does proves nothing. */
  readonly tally = new Map<string, number>();

  /** A process begins, or begins anew: then its links are those of an object that is gone. */
  began(member: Member): void {
    this.#living.set(member.id, member);
  }

  finalized(member: Member): void {
    this.#living.delete(member.id);
    this.#open.delete(member);
  }

  /** All that lived there is gone without a word. */
  crashed(node: string): void {
    for (const member of [...this.#living.values()]) if (parseUpid(member.pid).node === node) this.finalized(member);
  }

  lives(id: string): boolean {
    return this.#living.has(id);
  }

  linked(by: Member, to: Upid): void {
    const open = this.#open.get(by) ?? new Map<Upid, OpenLink>();
    this.#open.set(by, open);
    const { id } = parseUpid(to);
    if (!open.has(to)) open.set(to, { to, saidBefore: this.#said.get(`${by.id} ${id}`) ?? 0, lastHeard: undefined });
  }

  exited(by: Member, pid: Upid, reason: ExitReason): void {
    this.#count(reason);
    if (this.#open.get(by)?.delete(pid) !== true) throw new Error(`${by.id} was told twice of ${pid}: ${reason}`);
    if (reason !== 'ended' && reason !== 'failed') return;
    const { id } = parseUpid(pid);
    if (this.lives(id)) throw new Error(`${by.id} was told that ${id} ${reason}, which lives`);
    this.#over.set(by, (this.#over.get(by) ?? new Set()).add(id));
  }

  /** @returns the number of the message. */
  saying(by: Member, to: Upid): number {
    const pair = `${by.id} ${parseUpid(to).id}`;
    const n = (this.#said.get(pair) ?? 0) + 1;
    this.#said.set(pair, n);
    return n;
  }

  heard(by: Member, from: Upid, n: number): void {
    this.#count('heard');
    const { id } = parseUpid(from);
    const pair = `${id} ${by.id}`;
    const last = this.#lastHeard.get(pair) ?? 0;
    if (n <= last) throw new Error(`${by.id} heard ${n} from ${id} after ${last}`);
    if (this.#over.get(by)?.has(id) === true) throw new Error(`${by.id} heard ${id} after it was told of its end`);
    this.#lastHeard.set(pair, n);
    const all = this.#heard.get(pair) ?? new Set();
    this.#heard.set(pair, all.add(n));
    for (const link of this.#open.get(by)?.values() ?? []) {
      if (parseUpid(link.to).id !== id) continue;
      if (link.lastHeard !== undefined && n !== link.lastHeard + 1)
        throw new Error(`${by.id} heard ${n} from ${id} after ${link.lastHeard}, and its link did not break`);
      link.lastHeard = n;
    }
  }

  /** @returns to be called when it settles. */
  asked(by: Member, to: Upid): (outcome: string) => void {
    const ask = { by, to };
    this.#asks.add(ask);
    return (outcome) => {
      this.#count(outcome);
      if (!this.#asks.delete(ask)) throw new Error(`an ask of ${to} settled twice`);
    };
  }

  /** What must hold when nothing happened for long, and nothing is out of order any more. */
  atRest(): void {
    for (const { by, to } of this.#asks)
      if (this.#living.get(by.id) === by) throw new Error(`${by.id} waits for an answer of ${to} for ever`);
    for (const [by, links] of this.#open) for (const link of links.values()) this.#holds(by, link);
  }

  #holds(by: Member, { to, saidBefore }: OpenLink): void {
    const { id } = parseUpid(to);
    if (!this.lives(id)) throw new Error(`${by.id} was never told of the end of ${to}`);
    const pair = `${by.id} ${id}`;
    for (let n = saidBefore + 1; n <= (this.#said.get(pair) ?? 0); n++)
      if (this.#heard.get(pair)?.has(n) !== true)
        throw new Error(`${by.id} was never told that ${id} did not hear its message ${n}`);
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}
