import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startNatsServer } from '@mesos-ts/cli';
import { NatsTransport, Node, Process, upid } from '@mesos-ts/process';
import { connect, type NatsConnection } from 'nats';
import { Ask, Done, Sample, sample } from '../messages.js';
import { quantile, type Repeated, repeat } from '../repeated.js';
import type { Report, Scenario } from '../scenario.js';

const localMessages = 1_000_000;
const remoteMessages = 200_000;
/** What is sent before the event loop gets its turn: bounds memory, and is how real senders behave. */
const burst = 1_000;
const asksInFlight = 250;
const program = fileURLToPath(new URL('../programs/receiver.js', import.meta.url));

export const scenario: Scenario = {
  name: 'process',
  description: 'messages and asks on one Node and between two OS processes, beside a bare mailbox and raw NATS',
  async run(report: Report): Promise<void> {
    await local(report);
    await remote(report);
  },
};

/** Counts what it is sent, and says when the awaited number is reached. */
class Counter extends Process {
  #left = 0;
  #reached: () => void = () => undefined;

  await(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => {
      this.#reached = resolve;
    });
  }

  protected override initialize(): void {
    this.install(Sample, () => {
      if (--this.#left === 0) this.#reached();
    });
    this.install(Ask, () => this.reply(Done, { count: 1 }));
  }
}

async function local(report: Report): Promise<void> {
  const node = await Node.start({ name: 'bench' });
  const counter = new Counter('counter');
  const pid = node.spawn(counter);
  report.progress('local.send');
  const bare = await repeat(() => rate(localMessages, bareMailbox));
  const send = await repeat(() =>
    rate(localMessages, async () => {
      const done = counter.await(localMessages);
      await inBursts(localMessages, () => node.send(pid, Sample, sample));
      await done;
    }),
  );
  add(report, 'local.send', send, { name: 'bare array mailbox drained from one microtask', value: bare.median });
  report.progress('local.ask');
  const ask = await repeat(() =>
    rate(localMessages / 10, () => asks(localMessages / 10, () => node.ask(pid, Ask, sample, { deadlineMs: 60_000 }))),
  );
  add(report, 'local.ask', ask, undefined);
  await node.stop();
}

async function remote(report: Report): Promise<void> {
  const nats = await startNatsServer({ jetstream: false });
  const receiver = fork(program, [nats.url], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const node = await Node.start({ name: 'sender', transports: [new NatsTransport({ servers: nats.url })] });
  const raw = await connect({ servers: nats.url, noAsyncTraces: true });
  try {
    await told(receiver, 'ready');
    report.progress('remote.send');
    const baseline = await repeat(() => remoteRate(receiver, () => rawPublishes(raw)));
    const to = upid('counter', 'receiver');
    const send = await repeat(() =>
      remoteRate(receiver, () => inBursts(remoteMessages, () => node.send(to, Sample, sample))),
    );
    add(report, 'remote.send', send, { name: 'raw nats publish of 128 bytes', value: baseline.median });
    report.progress('remote.ask.p50');
    const rawTrips = await trips(() => raw.request('bench.ask', new Uint8Array(128)));
    const asked = await trips(() => node.ask(to, Ask, sample, { deadlineMs: 10_000 }));
    report.add({
      id: 'remote.ask.p50',
      value: quantile(asked, 0.5),
      unit: 'ms',
      baseline: { name: 'raw nats request/reply', value: quantile(rawTrips, 0.5) },
    });
  } finally {
    await raw.close();
    await node.stop();
    receiver.disconnect();
    await nats.stop();
  }
}

function add(
  report: Report,
  id: string,
  { median, spread }: Repeated,
  baseline: { name: string; value: number } | undefined,
): void {
  report.add({ id, value: median, spread, unit: '1/s', ...(baseline === undefined ? {} : { baseline }) });
}

/** What a mailbox costs without any feature: an array, drained from one microtask. */
async function bareMailbox(): Promise<void> {
  let queue: { readonly handle: (body: unknown) => void; readonly body: unknown }[] = [];
  let handled = 0;
  const handle = (): void => {
    handled++;
  };
  await inBursts(localMessages, () => {
    if (queue.length === 0)
      queueMicrotask(() => {
        const events = queue;
        queue = [];
        for (const event of events) event.handle(event.body);
      });
    queue.push({ handle, body: sample });
  });
  if (handled !== localMessages) throw new Error(`handled ${handled} of ${localMessages}`);
}

function rawPublishes(connection: NatsConnection): Promise<void> {
  const payload = new Uint8Array(128);
  return inBursts(remoteMessages, () => connection.publish('bench.raw', payload));
}

async function inBursts(count: number, work: () => void): Promise<void> {
  for (let sent = 0; sent < count; sent += burst) {
    for (let i = 0; i < burst; i++) work();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function asks(count: number, ask: () => Promise<unknown>): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: asksInFlight }, one));
}

async function rate(count: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (count / (performance.now() - startedAt)) * 1_000;
}

/** From the first message sent until the other process says that it has handled the last. */
async function remoteRate(receiver: ChildProcess, send: () => Promise<void>): Promise<number> {
  receiver.send({ await: remoteMessages });
  await told(receiver, 'waiting');
  const done = told(receiver, 'done');
  return rate(remoteMessages, async () => {
    await send();
    await done;
  });
}

/** Sorted round trips, one at a time, in ms. */
async function trips(once: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < 3_000; i++) {
    const startedAt = performance.now();
    await once();
    if (i >= 1_000) times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b);
}

function told(receiver: ChildProcess, what: string): Promise<void> {
  return new Promise((resolve) => {
    const listen = (message: unknown): void => {
      if (message !== what) return;
      receiver.off('message', listen);
      resolve();
    };
    receiver.on('message', listen);
  });
}
