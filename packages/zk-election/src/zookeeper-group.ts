import { type Member, sequenceOf } from './zookeeper-member.js';

/** Where the walk through the members has come to, from the lowest number upwards. */
export type GroupPosition =
  /** There is nobody. */
  | { readonly type: 'empty' }
  /** What is in this node has to be seen first. */
  | { readonly type: 'look'; readonly name: string }
  /** This is the first that is a member; `self` for the node that was named as one's own. */
  | { readonly type: 'first'; readonly name: string; readonly member: Member | 'self' };

/**
 * The members of a group, in the order in which they came. The first leads (Mesos facts 6.2), where nodes of other kinds
 * and those that hold nothing that a client of Mesos would take for a master do not count: they must not stand in the
 * way for ever. Each such node is told of once. Pure.
 */
export class ZookeeperGroup {
  readonly #self: string | undefined;
  readonly #warn: (text: string) => void;
  #names: readonly string[] = [];
  /** What was seen of those that are there. */
  #seen = new Map<string, Member>();
  #foreign = new Set<string>();

  /** @param self the name of one's own node, which need not be looked at. */
  constructor(warn: (text: string) => void, self?: string) {
    this.#warn = warn;
    this.#self = self;
  }

  /** Takes the names of all nodes that are there now. */
  list(names: readonly string[]): void {
    const foreign = names.filter((name) => sequenceOf(name) === undefined);
    for (const name of foreign)
      if (!this.#foreign.has(name)) this.#warn(`the node ${quoted(name)} is passed over: no master is called so`);
    this.#foreign = new Set(foreign);
    this.#names = names
      .filter((name) => !this.#foreign.has(name))
      .sort((one, other) => (sequenceOf(one)?.sequence ?? 0) - (sequenceOf(other)?.sequence ?? 0));
    const there = new Set(names);
    this.#seen = new Map([...this.#seen].filter(([name]) => there.has(name)));
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  /** Takes what a node holds, or that it is gone. */
  saw(name: string, member: Member | 'gone'): void {
    if (member === 'gone') {
      this.#names = this.#names.filter((other) => other !== name);
      return;
    }
    const before = this.#seen.get(name);
    this.#seen.set(name, member);
    if (member.type === 'garbage' && before?.type !== 'garbage')
      this.#warn(`the node ${quoted(name)} is passed over: it holds ${member.why}`);
  }

  get position(): GroupPosition {
    for (const name of this.#names) {
      if (name === this.#self) return { type: 'first', name, member: 'self' };
      const member = this.#seen.get(name);
      if (member === undefined) return { type: 'look', name };
      if (member.type !== 'garbage') return { type: 'first', name, member };
    }
    return { type: 'empty' };
  }
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}
