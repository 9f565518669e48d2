import { MemoryNetwork, Node, type NodeOptions, Random, type Transport, VirtualClock } from '@mesos-ts/process';
import type { Test } from 'tap';
import { HandMadeNode } from './hand-made-node.js';

export const probeMs = 250;
export const silentMs = 5_000;

/** Nodes joined in memory, under one virtual clock; the test's end stops them and finds no timer left. */
export class World {
  readonly clock = new VirtualClock();
  readonly network = new MemoryNetwork();
  readonly #nodes: Node[] = [];

  constructor(test: Test) {
    test.teardown(async () => {
      for (const node of this.#nodes) await node.stop();
      if (this.clock.timersPending > 0) throw new Error(`${this.clock.timersPending} timers are left behind`);
    });
  }

  async node(
    name: string,
    transports: readonly Transport[] = [this.network.transport()],
    options: NodeOptions = {},
  ): Promise<Node> {
    const random = new Random(`${name} ${this.#nodes.length}`);
    const node = await Node.start({ name, transports, clock: this.clock, random, probeMs, silentMs, ...options });
    this.#nodes.push(node);
    return node;
  }

  handMade(name: string, incarnation?: string): Promise<HandMadeNode> {
    return HandMadeNode.join(this.network, name, incarnation);
  }

  settle(): Promise<void> {
    return this.clock.settle();
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }
}

/** A promise, and what settles it. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
