import { parseUpid, type Upid } from '@mesos-ts/process';
import { ElectionAddressInvalid } from './errors.js';
import type { ZookeeperServerAddress, ZookeeperUser } from './zookeeper-connection.js';

/** Where an election is held, or who won it. */
export type ElectionAddress =
  /** No election: one master, which leads. For contenders. */
  | { readonly type: 'standalone' }
  /** No election: the master at this UPID leads. For detectors. */
  | { readonly type: 'master'; readonly pid: Upid }
  /** No election: the master that answers HTTP there leads, when it says so. For detectors. */
  | { readonly type: 'http'; readonly host: string; readonly port: number }
  /** An election over NATS. */
  | { readonly type: 'nats'; readonly servers: readonly string[]; readonly cluster: string }
  /** An election over ZooKeeper, among the children of the node at `path`. */
  | ZookeeperAddress;

/** `user` is a secret: not for logs. */
export interface ZookeeperAddress {
  readonly type: 'zookeeper';
  readonly servers: readonly ZookeeperServerAddress[];
  readonly user?: ZookeeperUser;
  readonly path: string;
}

/** A cluster's name is a token of NATS subjects and part of a stream's name. */
const clusterExpression = /^[A-Za-z0-9_-]{1,64}$/;
const scheme = 'nats://';
const zookeeperScheme = 'zk://';
const zookeeperPort = 2181;
const hostExpression = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
/** Nodes as ZooKeeper takes them, but for characters that nobody types. */
const pathExpression = /^(\/(?!\.{1,2}(\/|$))[\x21-\x2e\x30-\x7e]+)+$/;
const serverExpression = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

/**
 * Reads `nats://host:port[,host:port...]/cluster` (each server may repeat the scheme; the port is 4222 unless given),
 * `zk://[user:password@]host:port[,host:port...]/path` as Mesos has it (the port is 2181 unless given; user and password
 * may be percent-encoded), `standalone`, a UPID such as `master@m1`, or `host:port` where one master answers HTTP.
 *
 * @throws {ElectionAddressInvalid} saying what is wrong with it.
 */
export function parseElectionAddress(text: string): ElectionAddress {
  if (text === 'standalone') return { type: 'standalone' };
  if (text.startsWith(scheme)) return parseNats(text);
  if (text.startsWith(zookeeperScheme)) return parseZookeeper(text);
  if (text.includes('://')) throw new ElectionAddressInvalid(text, 'only nats:// and zk:// are known');
  const [, host, port] = hostExpression.exec(text) ?? [];
  if (host !== undefined && port !== undefined && isPort(Number(port)))
    return { type: 'http', host: bare(host), port: Number(port) };
  return { type: 'master', pid: parseMaster(text) };
}

function parseNats(text: string): ElectionAddress {
  const rest = text.slice(text.lastIndexOf(scheme) + scheme.length);
  const slash = rest.indexOf('/');
  if (slash < 0) throw new ElectionAddressInvalid(text, 'the name of the cluster is missing after the servers');
  const cluster = rest.slice(slash + 1);
  if (!clusterExpression.test(cluster))
    throw new ElectionAddressInvalid(text, 'a cluster is 1 to 64 letters, digits, `-` or `_`');
  const servers = text.slice(0, text.length - cluster.length - 1).split(',');
  return { type: 'nats', servers: servers.map((server) => checkServer(text, server)), cluster };
}

function checkServer(text: string, server: string): string {
  const host = server.startsWith(scheme) ? server.slice(scheme.length) : server;
  if (host.includes('@'))
    throw new ElectionAddressInvalid(text, 'it shows a password to everybody; hand in user and password as options');
  if (!serverExpression.test(host))
    throw new ElectionAddressInvalid(text, `${JSON.stringify(host)} is not a host and port`);
  return `${scheme}${host}`;
}

function parseZookeeper(text: string): ZookeeperAddress {
  const invalid = (why: string) => new ElectionAddressInvalid(text, why);
  const [, credentials, hosts = '', path = ''] = /^zk:\/\/(?:([^/]*)@)?([^/]*)(\/.*)?$/s.exec(text) ?? [];
  const normal = path.replace(/\/+$/, '');
  if (normal === '') throw invalid('a path after the servers is missing, such as /mesos; `/` alone will not do');
  if (normal.includes('@')) throw invalid('a `/` in user or password has to be written as %2F');
  if (!pathExpression.test(normal)) throw invalid('that path cannot be a node of ZooKeeper');
  const servers = hosts.split(',').map((host) => {
    const [, name, port] = hostExpression.exec(host) ?? [];
    const number = port === undefined ? zookeeperPort : Number(port);
    if (name === undefined || number < 1 || number > 65_535)
      throw invalid('there is something that is not a host and port');
    return { host: name.replace(/^\[|\]$/g, ''), port: number };
  });
  return {
    type: 'zookeeper',
    servers,
    path: normal,
    ...(credentials === undefined ? {} : { user: userOf(credentials) }),
  };

  function userOf(both: string): ZookeeperUser {
    const colon = both.indexOf(':');
    if (colon < 1) throw invalid('before the @ there has to be user:password');
    try {
      return {
        user: decodeURIComponent(both.slice(0, colon)),
        password: decodeURIComponent(both.slice(colon + 1)),
      };
    } catch {
      throw invalid('user or password is not percent-encoded as it should be: write % as %25');
    }
  }
}

function isPort(number: number): boolean {
  return number >= 1 && number <= 65_535;
}

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function parseMaster(text: string): Upid {
  try {
    parseUpid(text);
    return text as Upid;
  } catch {
    throw new ElectionAddressInvalid(text, 'neither a URL nor a UPID');
  }
}
