import type { ConnectionOptions, NatsConnection } from 'nats';
import type { Clock } from './clock.js';
import type { Random } from './random.js';
import { reconnectPace } from './reconnect-pace.js';

export interface LastingConnectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Such as `nats://127.0.0.1:4222`; any one of them will do. */
  readonly servers: readonly string[];
  /** Over our own settings, but for the servers and for how long it is tried: credentials, TLS, name and the like. */
  readonly connection?: ConnectionOptions;
}

/** How long the first connection may take, in ms. */
const connectTimeoutMs = 5_000;
/** Between two attempts to reach a server, and by chance up to so much more, in ms. */
const reconnectWaitMs = 100;
const reconnectJitterMs = 100;

/**
 * A connection to NATS that is made anew for ever once it was made, whatever the wall clock says; that it is broken is
 * noticed within seconds. Only where our credentials are refused twice in a row it ends, unless `ignoreAuthErrorAbort` is
 * set. Rejects where no server lets us in.
 */
export async function lastingConnection({
  clock,
  random,
  servers,
  connection = {},
}: LastingConnectionOptions): Promise<NatsConnection> {
  // Only here, because executors never connect to NATS and start faster without it.
  const { connect } = await import('nats');
  return connect({
    timeout: connectTimeoutMs,
    reconnectDelayHandler: reconnectPace(clock, random, reconnectWaitMs, reconnectJitterMs),
    pingInterval: 2_000,
    maxPingOut: 2,
    ...connection,
    servers: [...servers],
    maxReconnectAttempts: -1,
    waitOnFirstConnect: false,
  });
}
