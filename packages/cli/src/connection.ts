import { hostname } from 'node:os';
import { NatsTransport, Node, type NodeOptions, Random, SystemClock } from '@mesos-ts/process';
import { createDetector, type Detector, type ElectionOptions } from '@mesos-ts/zk-election';
import type { ConnectionOptions } from 'nats';
import type { Logger } from 'pino';
import { type ClusterFlags, UsageError } from './flags.js';

/** How to reach NATS: addresses without secrets, which may be shown, and the secrets apart from them. */
export interface NatsAccess {
  readonly servers: readonly string[];
  readonly connection: ConnectionOptions;
}

/** Takes `nats://user:password@host:port`, or several separated by commas, apart. @throws {UsageError} if it is no URL. */
export function natsAccess(urls: string): NatsAccess {
  const servers: string[] = [];
  let connection: ConnectionOptions = {};
  for (const text of urls.split(',')) {
    const url = parseUrl(text.trim());
    servers.push(`nats://${url.host}${url.port === '' ? ':4222' : ''}`);
    const user = decodeURIComponent(url.username);
    const pass = decodeURIComponent(url.password);
    if (user !== '') connection = pass === '' ? { token: user } : { user, pass };
  }
  return { servers, connection };
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text.includes('://') ? text : `nats://${text}`);
    if (url.protocol === 'nats:' && url.hostname !== '') return url;
  } catch {
    // Said below, without the text: it may hold a password.
  }
  throw new UsageError('--nats (or NATS_URL) is not an address such as nats://127.0.0.1:4222');
}

/**
 * What a Node of the cluster is started with.
 * @param connectionEvents it watches many, so it listens to what the server says of connections that end.
 */
export function nodeOptions(
  flags: ClusterFlags,
  name: string | undefined,
  log: Logger,
  connectionEvents = false,
): NodeOptions {
  const access = natsAccess(flags.nats);
  const transport = new NatsTransport({
    servers: access.servers,
    connection: access.connection,
    cluster: flags.cluster,
    log,
    connectionEvents,
  });
  return { ...(name === undefined ? {} : { name }), transports: [transport], log };
}

/** What an election is made with, and where it is held: `nats` stands for the cluster's own NATS. */
export function electionAt(
  flags: ClusterFlags,
  address: string,
  log: Logger,
): { address: string; options: ElectionOptions } {
  const access = natsAccess(flags.nats);
  return {
    address: address === 'nats' ? `${access.servers.join(',')}/${flags.cluster}` : address,
    options: { clock: new SystemClock(), random: Random.system(), log, nats: access.connection },
  };
}

/** Finds the leading master: `nats` asks the election on the cluster's own NATS, a UPID such as `master@m1` names one. */
export function detectorOf(flags: ClusterFlags, master: string, log: Logger): Detector {
  const { address, options } = electionAt(flags, master, log);
  return createDetector(address, options);
}

/** A Node that uses the cluster without serving it: a framework, or a look at it. Its name is random. */
export function startClientNode(flags: ClusterFlags, log: Logger): Promise<Node> {
  return Node.start(nodeOptions(flags, undefined, log));
}

/** The name of this machine, as it is told to others. */
export function thisHost(): string {
  return hostname() || 'localhost';
}
