import { parseUpid, type Upid } from '@mesos-ts/process';
import { ElectionAddressInvalid } from './errors.js';

/** Where an election is held, or who won it. */
export type ElectionAddress =
  /** No election: one master, which leads. For contenders. */
  | { readonly type: 'standalone' }
  /** No election: the master at this UPID leads. For detectors. */
  | { readonly type: 'master'; readonly pid: Upid }
  /** An election over NATS. */
  | { readonly type: 'nats'; readonly servers: readonly string[]; readonly cluster: string };

/** A cluster's name is a token of NATS subjects and part of a stream's name. */
const clusterExpression = /^[A-Za-z0-9_-]{1,64}$/;
const scheme = 'nats://';
const serverExpression = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/;

/**
 * Reads `nats://host:port[,host:port...]/cluster` (each server may repeat the scheme; the port is 4222 unless given),
 * `standalone`, or a UPID such as `master@m1`.
 *
 * @throws {ElectionAddressInvalid} saying what is wrong with it.
 */
export function parseElectionAddress(text: string): ElectionAddress {
  if (text === 'standalone') return { type: 'standalone' };
  if (text.startsWith(scheme)) return parseNats(text);
  if (text.includes('://')) throw new ElectionAddressInvalid(text, 'only nats:// is known');
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

function parseMaster(text: string): Upid {
  try {
    parseUpid(text);
    return text as Upid;
  } catch {
    throw new ElectionAddressInvalid(text, 'neither a URL nor a UPID');
  }
}
