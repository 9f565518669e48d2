import { NatsTransport, Node, Process } from '@mesos-ts/process';
import { connect } from 'nats';
import { Ask, Done, Sample } from '../messages.js';

/*
 * The other OS process of the remote measurements: counts messages and raw publishes, answers asks and raw requests, and
 * tells its parent when the number that it was given has come. Ends when its parent lets go of it.
 */
let left = 0;
const counted = (): void => {
  if (--left === 0) process.send?.('done');
};

class Counter extends Process {
  protected override initialize(): void {
    this.install(Sample, counted);
    this.install(Ask, () => this.reply(Done, { count: 1 }));
  }
}

const servers = process.argv[2] ?? '';
const node = await Node.start({ name: 'receiver', transports: [new NatsTransport({ servers })] });
node.spawn(new Counter('counter'));
const raw = await connect({ servers });
raw.subscribe('bench.raw', { callback: counted });
raw.subscribe('bench.ask', { callback: (_error, message) => message.respond(message.data) });
await raw.flush();

process.on('message', (message: { readonly await: number }) => {
  left = message.await;
  process.send?.('waiting');
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
