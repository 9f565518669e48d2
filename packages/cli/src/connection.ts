import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { JetStreamStorage } from '@mesos-ts/master';
import { NatsTransport, Node, type NodeOptions, Random, SystemClock } from '@mesos-ts/process';
import {
  type Contender,
  createContender,
  createDetector,
  type Detector,
  type ElectionOptions,
} from '@mesos-ts/zk-election';
import type { ConnectionOptions, TlsOptions } from 'nats';
import type { Logger } from 'pino';
import { type Credentials, readCredentials } from './credentials.js';
import { type ClusterFlags, UsageError } from './flags.js';

/** How to reach NATS: addresses without secrets, which may be shown, and the secrets apart from them. */
interface NatsAccess {
  readonly servers: readonly string[];
  readonly credentials: Credentials;
}

/**
 * Of `nats://user:password@host:port`, or several separated by commas, with what the other flags say. `tls://` and every
 * flag of TLS demand TLS, with which a client of NATS refuses a server that has none.
 *
 * @throws {UsageError} for what is no URL, for files that cannot be read, and for credentials of another cluster.
 */
function natsAccess(flags: ClusterFlags): NatsAccess {
  const urls = flags.nats.split(',').map((text) => parseUrl(text.trim()));
  const servers = urls.map((url) => `nats://${url.host}${url.port === '' ? ':4222' : ''}`);
  const credentials = credentialsOf(flags, urls);
  const tls = tlsOf(flags, urls);
  const withTls = (connection: ConnectionOptions): ConnectionOptions =>
    tls === undefined ? connection : { ...connection, tls };
  return {
    servers,
    credentials: {
      ...credentials,
      connection: withTls(credentials.connection),
      election: withTls(credentials.election),
    },
  };
}

function parseUrl(text: string): URL {
  try {
    const url = new URL(text.includes('://') ? text : `nats://${text}`);
    if ((url.protocol === 'nats:' || url.protocol === 'tls:') && url.hostname !== '') return url;
  } catch {
    // Said below, without the text: it may hold a password.
  }
  throw new UsageError('--nats (or NATS_URL) is not an address such as nats://127.0.0.1:4222 or tls://host:4222');
}

function credentialsOf(flags: ClusterFlags, urls: readonly URL[]): Credentials {
  const inUrls = urls.find(({ username }) => username !== '');
  if (given(flags.credentials) === undefined) {
    const connection = inUrls === undefined ? {} : userOf(inUrls);
    return { connection, election: connection };
  }
  if (inUrls !== undefined)
    throw new UsageError('--credentials, and a user or token in --nats (or NATS_URL): leave one of them out');
  const credentials = readCredentials(flags.credentials ?? '');
  if (credentials.cluster !== undefined && credentials.cluster !== flags.cluster)
    throw new UsageError(
      `--credentials: ${flags.credentials} is for the cluster ${credentials.cluster}: add --cluster ${credentials.cluster}`,
    );
  return credentials;
}

function userOf({ username, password }: URL): ConnectionOptions {
  const user = decodeURIComponent(username);
  return password === '' ? { token: user } : { user, pass: decodeURIComponent(password) };
}

function tlsOf(flags: ClusterFlags, urls: readonly URL[]): TlsOptions | undefined {
  const caFile = readable('--tls-ca', flags.tlsCa);
  const certFile = readable('--tls-cert', flags.tlsCert);
  const keyFile = readable('--tls-key', flags.tlsKey);
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new UsageError('--tls-cert and --tls-key: give both or neither');
  const files = [caFile, certFile].filter((file) => file !== undefined);
  if (files.length === 0 && !urls.some(({ protocol }) => protocol === 'tls:')) return undefined;
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined || keyFile === undefined ? {} : { certFile, keyFile }),
  };
}

/** Tells of a file that is not there before anything is started. */
export function readable(flag: string, file: string | undefined): string | undefined {
  const path = given(file);
  if (path === undefined) return undefined;
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (error) {
    throw new UsageError(`${flag}: cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
  }
}

/** An empty variable of the environment says nothing. */
function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
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
  const { servers, credentials } = natsAccess(flags);
  const { connection } = credentials;
  const transport = new NatsTransport({ servers, connection, cluster: flags.cluster, log, connectionEvents });
  return { ...(name === undefined ? {} : { name }), transports: [transport], log };
}

/**
 * The name of a Node: as the flag says, else the credentials, else the fallback.
 *
 * @throws {UsageError} where flag and credentials differ, as the server would let it say nothing under that name.
 */
export function nodeName(flags: ClusterFlags & { readonly name?: string }, fallback: string): string {
  const { node } = natsAccess(flags).credentials;
  if (node !== undefined && flags.name !== undefined && flags.name !== node)
    throw new UsageError(`--credentials: ${flags.credentials} is for ${node}, and cannot be used by ${flags.name}`);
  return flags.name ?? node ?? fallback;
}

/** Whether its credentials say which Node it is, so that the server proves the names of all. */
export function isNamed(flags: ClusterFlags): boolean {
  return natsAccess(flags).credentials.node !== undefined;
}

/** Contends for leadership at `address`, where `nats` stands for the cluster's own NATS. */
export function contenderAt(flags: ClusterFlags, address: string, log: Logger): Contender {
  const access = natsAccess(flags);
  return createContender(
    electionAddress(flags, access, address),
    electionOptions(flags, access.credentials.election, log),
  );
}

/**
 * The registry of the cluster, on its own NATS. Connects at once; the caller closes it.
 *
 * @param options `create`: whether to make the stream where it is missing.
 * @throws {RegistryUnreadable} saying what to do.
 */
export function registryStorageOf(
  flags: ClusterFlags,
  log: Logger,
  options: { readonly replicas?: number; readonly create?: boolean } = {},
): Promise<JetStreamStorage> {
  const { servers, credentials } = natsAccess(flags);
  const { cluster } = flags;
  return JetStreamStorage.open({
    clock: new SystemClock(),
    random: Random.system(),
    servers,
    cluster,
    nats: credentials.election,
    log,
    ...options,
  });
}

/**
 * Finds the leading master: `nats` asks the election on the cluster's own NATS, a UPID such as `master@m1` names one.
 * @param closely see {@link ElectionOptions}.
 */
export function detectorOf(flags: ClusterFlags, master: string, log: Logger, closely = false): Detector {
  const access = natsAccess(flags);
  const { connection, leaderSubject } = access.credentials;
  return createDetector(electionAddress(flags, access, master), {
    ...electionOptions(flags, connection, log),
    closely,
    ...(leaderSubject === undefined ? {} : { leaderSubject }),
  });
}

function electionAddress(flags: ClusterFlags, { servers }: NatsAccess, address: string): string {
  return address === 'nats' ? `${servers.join(',')}/${flags.cluster}` : address;
}

function electionOptions(flags: ClusterFlags, nats: ConnectionOptions, log: Logger): ElectionOptions {
  const { zkSessionTimeout, electionLease: leaseMs, electionGrace: graceMs, electionReplicas: replicas } = flags;
  return {
    clock: new SystemClock(),
    random: Random.system(),
    log,
    nats,
    lease: { ...(leaseMs === undefined ? {} : { leaseMs }), ...(graceMs === undefined ? {} : { graceMs }) },
    ...(replicas === undefined ? {} : { replicas }),
    ...(zkSessionTimeout === undefined ? {} : { sessionTimeoutMs: zkSessionTimeout }),
  };
}

/** A Node that uses the cluster without serving it: a framework, or a look at it. Its name is random, unless credentials say. */
export function startClientNode(flags: ClusterFlags, log: Logger): Promise<Node> {
  return Node.start(nodeOptions(flags, natsAccess(flags).credentials.node, log));
}

/** The name of this machine, as it is told to others. */
export function thisHost(): string {
  return hostname() || 'localhost';
}
