import { Heap, type Random } from '@mesos-ts/process';
import { type Amounts, addAll } from './scalar-names.js';
import { compareProducts, compareShares, type Share } from './share.js';

/** What shares are parts of, and how siblings are ordered. */
export interface Sharing {
  /** Of all agents. */
  readonly totals: Amounts;
  /** Whether the name at a place does not count to shares. */
  readonly excluded: readonly boolean[];
  /** Undefined: the lowest share first. */
  readonly random: Random | undefined;
}

/**
 * A role or a framework in a role, with what it and those below it have been allocated. Of its children, those below which
 * somebody may be offered something are in a heap by their share, and can be walked through in order without taking it
 * apart (Mesos facts 4.3).
 */
export class ShareNode implements Share {
  /** Tells siblings apart. */
  readonly name: string;
  /** The number of the framework in a role that it is; -1: it is a role. */
  readonly client: number;
  /** The last walk that has been through with it. */
  seenIn = 0;
  readonly parent: ShareNode | undefined;
  readonly allocated: Amounts = [];
  /** How often something was given to it, counted as in {@link comeLate}: breaks ties of the share. */
  gifts = 0;
  /** How many leaves there are, of it and below it, that may be offered something. */
  live = 0;
  part = 0;
  whole = 1;
  weight = 1_000;
  estimate = 0;
  readonly #sharing: Sharing;
  readonly #heap: ShareNode[] = [];
  /** Those whose turn may be next in the walk. */
  readonly #frontier = new Heap<ShareNode>(inOrder);
  /** Where the walk is: those below it in the heap join the frontier when it goes on. */
  #at: ShareNode | undefined;
  /** Whom chance has not drawn yet. */
  #undrawn: ShareNode[] = [];
  /** In the heap of the parent; -1: not in it. */
  #place = -1;
  /** Whether it is to be passed over, though there may be active nodes below it. */
  #parked = false;
  #active = false;

  constructor(name: string, parent: ShareNode | undefined, sharing: Sharing, client = -1) {
    this.name = name;
    this.client = client;
    this.parent = parent;
    this.#sharing = sharing;
  }

  /** Whether it is walked through. */
  get isActive(): boolean {
    return this.#place >= 0;
  }

  /** Of a leaf: whether it may be offered something. Of others that follows from their children. */
  set active(active: boolean) {
    if (active !== this.#active)
      for (let node: ShareNode | undefined = this; node !== undefined; node = node.parent) node.live += active ? 1 : -1;
    this.#active = active;
    this.#settle();
  }

  set parked(parked: boolean) {
    if (this.#parked === parked) return;
    this.#parked = parked;
    this.#settle();
  }

  get parked(): boolean {
    return this.#parked;
  }

  setWeight(weight: number): void {
    this.weight = weight;
    this.reckon();
    this.reposition();
  }

  /**
   * It takes part from now on: as if it had been given something as often as the least of those siblings that did until now,
   * lest it has all turns before it has caught up. To be called before it is active.
   */
  comeLate(siblings: Iterable<ShareNode>): void {
    let least = Number.POSITIVE_INFINITY;
    for (const { live, gifts } of siblings) {
      if (live === 0 || gifts >= least) continue;
      if (gifts <= this.gifts) return;
      least = gifts;
    }
    if (least < Number.POSITIVE_INFINITY) this.gifts = least;
  }

  /** Counts what it was given, or gave back, and all above it too. */
  charge(amounts: Amounts, sign: 1 | -1, gifts: number): void {
    for (let node: ShareNode | undefined = this; node !== undefined; node = node.parent) {
      addAll(node.allocated, amounts, sign);
      node.gifts += gifts;
      node.reckon();
      node.reposition();
    }
  }

  /** Finds its share anew; it is where it was in the order until {@link reposition}. */
  reckon(): void {
    if (this.parent === undefined) return; // nobody asks for the share of all
    const { allocated } = this;
    const { totals, excluded } = this.#sharing;
    let part = 0;
    let whole = 1;
    for (let place = 0; place < allocated.length; place++) {
      const amount = allocated[place] as number;
      const total = totals[place] ?? 0;
      if (amount === 0 || total <= 0 || excluded[place] === true) continue;
      if (compareProducts(amount, whole, part, total) <= 0) continue;
      part = amount;
      whole = total;
    }
    this.part = part;
    this.whole = whole;
    this.estimate = part / whole / this.weight;
  }

  reposition(): void {
    if (this.#place >= 0) (this.parent as ShareNode).#sift(this.#place);
  }

  /** All shares below may have changed. */
  reorder(): void {
    for (const child of this.#heap) {
      child.reckon();
      child.reorder();
    }
    for (let place = (this.#heap.length >> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** The first in order among its active children. */
  get first(): ShareNode | undefined {
    return this.#heap[0];
  }

  /** Begins to walk through the active children in order; nothing may change until the walk is over, or begun again. */
  walk(): void {
    const { first } = this;
    this.#at = undefined;
    this.#frontier.clear();
    if (this.#sharing.random !== undefined) this.#undrawn = [...this.#heap];
    else if (first !== undefined) this.#frontier.add(first);
  }

  /** The next one; undefined when that were all. */
  next(): ShareNode | undefined {
    const { random } = this.#sharing;
    if (random !== undefined) return this.#drawn(random);
    const [heap, frontier] = [this.#heap, this.#frontier];
    if (this.#at !== undefined) {
      const below = 2 * this.#at.#place + 1;
      if (below < heap.length) frontier.add(heap[below] as ShareNode);
      if (below + 1 < heap.length) frontier.add(heap[below + 1] as ShareNode);
    }
    this.#at = frontier.first;
    frontier.removeFirst();
    return this.#at;
  }

  /** By chance, in proportion to the weights of those that are left. */
  #drawn(random: Random): ShareNode | undefined {
    const left = this.#undrawn;
    if (left.length === 0) return undefined;
    let ticket = random.integer(left.reduce((sum, { weight }) => sum + weight, 0));
    const at = left.findIndex(({ weight }) => {
      ticket -= weight;
      return ticket < 0;
    });
    const drawn = left[at] as ShareNode;
    left[at] = left.at(-1) as ShareNode;
    left.pop();
    return drawn;
  }

  #settle(): void {
    const { parent } = this;
    if (parent === undefined) return;
    const active = (this.#active || this.#heap.length > 0) && !this.#parked;
    if (active === this.#place >= 0) return;
    if (active) parent.#insert(this);
    else parent.#remove(this);
    parent.#settle();
  }

  // The heap of children

  #insert(child: ShareNode): void {
    child.reckon();
    child.#place = this.#heap.push(child) - 1;
    this.#rise(child.#place);
  }

  #remove(child: ShareNode): void {
    const last = this.#heap.pop() as ShareNode;
    if (last !== child) {
      this.#heap[child.#place] = last;
      last.#place = child.#place;
      this.#sift(last.#place);
    }
    child.#place = -1;
  }

  #sift(place: number): void {
    if (!this.#rise(place)) this.#sink(place);
  }

  #rise(from: number): boolean {
    const child = this.#heap[from] as ShareNode;
    let place = from;
    while (place > 0) {
      const above = this.#heap[(place - 1) >> 1] as ShareNode;
      if (inOrder(above, child)) break;
      this.#put(above, place);
      place = (place - 1) >> 1;
    }
    this.#put(child, place);
    return place !== from;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const child = heap[from] as ShareNode;
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && inOrder(heap[below + 1] as ShareNode, heap[below] as ShareNode)) below++;
      if (inOrder(child, heap[below] as ShareNode)) break;
      this.#put(heap[below] as ShareNode, place);
      place = below;
    }
    this.#put(child, place);
  }

  #put(child: ShareNode, place: number): void {
    this.#heap[place] = child;
    child.#place = place;
  }
}

/** Whether the first of two siblings goes before the other: the lower share, then fewer gifts, then the name. */
export function inOrder(a: ShareNode, b: ShareNode): boolean {
  const order = compareShares(a, b);
  if (order !== 0) return order < 0;
  return a.gifts === b.gifts ? a.name < b.name : a.gifts < b.gifts;
}

/** Whether it is walked through: neither it nor a role above it is passed over. */
export function isBelowActive(node: ShareNode): boolean {
  for (let at: ShareNode = node; at.parent !== undefined; at = at.parent) if (!at.isActive) return false;
  return true;
}

/** Whether the first goes before the second in the whole tree. */
export function precedes(a: ShareNode, b: ShareNode): boolean {
  const [above, other] = [ancestry(a), ancestry(b)];
  const at = above.findIndex((node, depth) => node !== other[depth]);
  const [mine, theirs] = [above[at], other[at]];
  return mine !== undefined && theirs !== undefined && inOrder(mine, theirs);
}

function ancestry(node: ShareNode): ShareNode[] {
  const nodes: ShareNode[] = [];
  for (let at: ShareNode | undefined = node; at !== undefined; at = at.parent) nodes.unshift(at);
  return nodes;
}
