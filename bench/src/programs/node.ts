import { NatsTransport, Node, Process, type Upid, upid } from '@mesos-ts/process';
import { Arrivals } from '../arrivals.js';
import { burst, inFlight, nextTurn, sharedNowMs, tripTimes } from '../load.js';
import { Ask, Done, Large, readOf, Sample, Stamped, updateAt } from '../messages.js';
import { serve } from '../operations.js';

/*
 * Nodes of ours in an OS process of their own, either end of the remote measurements.
 */
const arrivals = new Arrivals();
const askOptions = { deadlineMs: 30_000 };
/** Large messages on their way at a time. */
const largeInFlight = 2;
/** How often the bystander is to send, in ms. */
const stampEveryMs = 2;

class Counter extends Process {
  protected override initialize(): void {
    this.install(Sample, (_from, body) => arrivals.update(body));
    this.install(Ask, (_from, body) => this.reply(Done, { count: readOf(body) }));
    this.install(Large, (_from, { bytes }) => this.reply(Done, { count: bytes.byteLength }));
  }
}

/** Small messages beside the large ones, from and to a process of its own. */
class Bystander extends Process {
  readonly latenciesMs: number[] = [];

  /** Those that were due while this process was busy are sent late, and count from when they were due. */
  async stampUntil(to: Upid, isOver: () => boolean): Promise<void> {
    let dueMs = sharedNowMs();
    while (!isOver()) {
      for (; dueMs <= sharedNowMs(); dueMs += stampEveryMs) this.send(to, Stamped, { dueMs });
      await new Promise((resolve) => setTimeout(resolve, stampEveryMs));
    }
  }

  protected override initialize(): void {
    this.install(Stamped, (_from, { dueMs }) => {
      this.latenciesMs.push(sharedNowMs() - dueMs);
    });
  }
}

class Sender extends Process {
  burst(to: Upid, from: number, end: number): void {
    for (let i = from; i < end; i++) this.send(to, Sample, updateAt(i));
  }
}

const nodes: Node[] = [];
const senders: Sender[] = [];
const bystander = new Bystander('bystander');

function first(): Node {
  const [node] = nodes;
  if (node === undefined) throw new Error('no Node was started');
  return node;
}

const operations = {
  async start(servers: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const node = await Node.start({ name, transports: [new NatsTransport({ servers })] });
      const sender = new Sender('sender');
      node.spawn(sender);
      nodes.push(node);
      senders.push(sender);
    }
    first().spawn(new Counter('counter'));
    first().spawn(bystander);
  },
  expect: (count: number) => arrivals.expect(count),
  complete: (each: readonly number[]) => arrivals.complete(each),
  /** Every Node sends `count` messages; resolves with when the first left. In a turn of the event loop one Node sends. */
  async send(to: string, count: number): Promise<number> {
    const startedAt = sharedNowMs();
    for (let sent = 0; sent < count; sent += burst)
      for (const sender of senders) {
        sender.burst(upid('counter', to), sent, Math.min(count, sent + burst));
        await nextTurn();
      }
    return startedAt;
  },
  trips(to: string, count: number): Promise<number[]> {
    const counter = upid('counter', to);
    return tripTimes(count, (i) => first().ask(counter, Ask, updateAt(i), askOptions));
  },
  asks(to: string, count: number, width: number): Promise<number> {
    const counter = upid('counter', to);
    return inFlight(count, width, (i) => first().ask(counter, Ask, updateAt(i), askOptions));
  },
  /** Messages per second; the bystander sends meanwhile. */
  async large(to: string, count: number, bytes: number): Promise<number> {
    const body = { bytes: new Uint8Array(bytes).fill(7) };
    let over = false;
    const stamped = bystander.stampUntil(upid('bystander', to), () => over);
    try {
      return await inFlight(count, largeInFlight, async () => {
        const { count: came } = await first().ask(upid('counter', to), Large, body, askOptions);
        if (came !== bytes) throw new Error(`${came} of ${bytes} bytes came`);
      });
    } finally {
      over = true;
      await stamped;
    }
  },
  /** What the bystander's messages took since the last call, in ms. */
  latencies: () => bystander.latenciesMs.splice(0),
};
export type NodeOperations = typeof operations;
serve(operations);
