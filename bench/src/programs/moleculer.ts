import { type Context, ServiceBroker } from 'moleculer';
import { Arrivals } from '../arrivals.js';
import { inBursts, sharedNowMs } from '../load.js';
import { type Update, updateAt } from '../messages.js';
import { serve } from '../operations.js';

/*
 * Events of moleculer over NATS, either end, as it comes.
 */
const arrivals = new Arrivals();
let broker: ServiceBroker;

const operations = {
  async start(servers: string, nodeID: string, receives: boolean): Promise<void> {
    broker = new ServiceBroker({ nodeID, transporter: servers, logger: false });
    if (receives)
      broker.createService({
        name: 'counter',
        events: { update: (context: Context<Update>) => arrivals.update(context.params) },
      });
    await broker.start();
    if (!receives) await broker.waitForServices('counter');
  },
  expect: (count: number) => arrivals.expect(count),
  complete: (each: readonly number[]) => arrivals.complete(each),
  /** Resolves with when the first left. */
  async emit(count: number): Promise<number> {
    const startedAt = sharedNowMs();
    await inBursts(count, (i) => void broker.emit('update', updateAt(i)));
    return startedAt;
  },
};
export type MoleculerOperations = typeof operations;
serve(operations);
