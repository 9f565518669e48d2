import { Node, Process, type Upid } from '@mesos-ts/process';
import { dispatch, spawn, start } from 'nact';
import { Arrivals } from '../arrivals.js';
import { inBursts, inFlight, rate, sharedNowMs } from '../load.js';
import { Ask, Done, readOf, Sample, type Update, updateAt } from '../messages.js';
import { serve } from '../operations.js';

/*
 * Messages within one OS process: one process of ours to another, a bare mailbox, and nact.
 */
const asksInFlight = 250;
const arrivals = new Arrivals();

class Counter extends Process {
  protected override initialize(): void {
    this.install(Sample, (_from, body) => arrivals.update(body));
    this.install(Ask, (_from, body) => this.reply(Done, { count: readOf(body) }));
  }
}

class Sender extends Process {
  async burst(to: Upid, count: number): Promise<void> {
    await inBursts(count, (i) => this.send(to, Sample, updateAt(i)));
  }
}

const node = await Node.start({ name: 'bench' });
const counter = node.spawn(new Counter('counter'));
const sender = new Sender('sender');
node.spawn(sender);

/** What a mailbox costs without any feature: an array, drained from one microtask. */
class BareMailbox {
  #queue: { readonly handle: (body: Update) => void; readonly body: Update }[] = [];

  send(handle: (body: Update) => void, body: Update): void {
    if (this.#queue.length === 0) queueMicrotask(() => this.#drain());
    this.#queue.push({ handle, body });
  }

  #drain(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { handle, body } of queue) handle(body);
  }
}

const nactActor = spawn(start(), (state: undefined, body: Update) => {
  arrivals.update(body);
  return state;
});

async function rateOf(count: number, send: () => Promise<void>): Promise<number> {
  arrivals.expect(count);
  const startedAt = sharedNowMs();
  await send();
  return rate(count, (await arrivals.complete([count])) - startedAt);
}

const operations = {
  send: (count: number) => rateOf(count, () => sender.burst(counter, count)),
  ask: (count: number) =>
    inFlight(count, asksInFlight, (i) => node.ask(counter, Ask, updateAt(i), { deadlineMs: 60_000 })),
  bare: (count: number) => {
    const mailbox = new BareMailbox();
    return rateOf(count, () => inBursts(count, (i) => mailbox.send(arrivals.update, updateAt(i))));
  },
  nact: (count: number) => rateOf(count, () => inBursts(count, (i) => dispatch(nactActor, updateAt(i)))),
};
export type LocalOperations = typeof operations;
serve(operations);
