import type { NatsConnection } from 'nats';
import type { Readable } from './inflow.js';

/** What the client reads from; it does not say, and where another version has it elsewhere, its reading is not paced. */
export function natsSocket(connection: NatsConnection): Readable | undefined {
  const { protocol } = connection as {
    readonly protocol?: { readonly transport?: { readonly socket?: Partial<Readable> } };
  };
  const socket = protocol?.transport?.socket;
  return typeof socket?.pause === 'function' && typeof socket.resume === 'function' ? (socket as Readable) : undefined;
}
