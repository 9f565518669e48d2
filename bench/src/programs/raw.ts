import { Packr } from 'msgpackr';
import { connect, type NatsConnection } from 'nats';
import { Arrivals } from '../arrivals.js';
import { inBursts, inFlight, sharedNowMs, tripTimes } from '../load.js';
import { type Update, updateAt } from '../messages.js';
import { serve } from '../operations.js';

/*
 * The client of NATS without us, either end: what the wire can do.
 */
const arrivals = new Arrivals();
const packr = new Packr({ useRecords: false });
const small = new Uint8Array(128).fill(7);
const requestOptions = { timeout: 30_000 };
const chunk = new Uint8Array(1024 * 1024).fill(7);
const largeInFlight = 2;
let connection: NatsConnection;
let bytes = 0;

const operations = {
  async start(servers: string): Promise<void> {
    connection = await connect({ servers, noAsyncTraces: true });
  },
  async receive(): Promise<void> {
    connection.subscribe('bench.raw', { callback: (_error, { data }) => data.length === 128 && arrivals.one() });
    connection.subscribe('bench.packed', {
      callback: (_error, { data }) => arrivals.update(packr.unpack(data as Buffer) as Update),
    });
    connection.subscribe('bench.ask', { callback: (_error, message) => message.respond(message.data) });
    connection.subscribe('bench.large', {
      callback: (_error, { data }) => {
        bytes += data.length;
      },
    });
    connection.subscribe('bench.large.end', {
      callback: (_error, message) => {
        message.respond(String(bytes));
        bytes = 0;
      },
    });
    await connection.flush();
  },
  expect: (count: number) => arrivals.expect(count),
  complete: (each: readonly number[]) => arrivals.complete(each),
  /** Resolves with when the first left. */
  async publish(count: number): Promise<number> {
    const startedAt = sharedNowMs();
    await inBursts(count, () => connection.publish('bench.raw', small));
    return startedAt;
  },
  /** The same messages as ours, one in a publish. */
  async publishPacked(count: number): Promise<number> {
    const startedAt = sharedNowMs();
    await inBursts(count, (i) => connection.publish('bench.packed', packr.pack(updateAt(i))));
    return startedAt;
  },
  trips: (count: number) => tripTimes(count, () => connection.request('bench.ask', small, requestOptions)),
  requests: (count: number, width: number) =>
    inFlight(count, width, () => connection.request('bench.ask', small, requestOptions)),
  /** Lots of `chunks` MiB per second, each acknowledged: as many on their way as of our large messages. */
  large: (lots: number, chunks: number) =>
    inFlight(lots, largeInFlight, async () => {
      for (let i = 0; i < chunks; i++) connection.publish('bench.large', chunk);
      await connection.request('bench.large.end', undefined, requestOptions);
    }),
};
export type RawOperations = typeof operations;
serve(operations);
