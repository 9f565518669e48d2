import type { Clock, Random } from '@mesos-ts/process';
import type { ConnectionOptions } from 'nats';
import type { Logger } from 'pino';
import { match } from 'ts-pattern';
import { type ElectionAddress, parseElectionAddress } from './address.js';
import type { Contender, Detector } from './election.js';
import { ElectionAddressInvalid } from './errors.js';
import { HttpDetector } from './http-detector.js';
import { LeaseContender } from './lease-contender.js';
import { LeaseDetector } from './lease-detector.js';
import { type LeaseOptions, leaseTiming } from './lease-timing.js';
import { natsRegister } from './nats-register.js';
import { StandaloneContender, StandaloneDetector } from './standalone.js';
import { ZookeeperContender } from './zookeeper-contender.js';
import { ZookeeperDetector } from './zookeeper-detector.js';
import type { OverZookeeperOptions } from './zookeeper-sessions.js';

/** What contenders and detectors of all kinds are made with. */
export interface ElectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Default: silent. */
  readonly log?: Logger;
  /** For elections over NATS: user, password, token, TLS and whatever else the connection needs. */
  readonly nats?: ConnectionOptions;
  /**
   * For detectors that may not read the stream, in a cluster where the server's permissions prove who speaks: the subject
   * on which the leader's renewals are heard. They are believed as they come, so the leader is known after one renewal.
   */
  readonly leaderSubject?: string;
  /** For contenders over NATS: how many servers keep the record of who leads, where it is made; default 1. */
  readonly replicas?: number;
  /** The times of the lease; all candidates of a cluster should have the same. */
  readonly lease?: LeaseOptions;
  /** For elections over ZooKeeper: how long a session lasts that it does not hear of, in ms, as asked for. Default 10 s. */
  readonly sessionTimeoutMs?: number;
  /**
   * For detectors over ZooKeeper: whether to read each sign of life of the leader, so that a change of hands tells how long
   * ago the last one was. Not for many. Default false.
   */
  readonly closely?: boolean;
}

/**
 * A contender of the election at `address`. Connects when it first contends, not before.
 *
 * @throws {ElectionAddressInvalid} also for the address of a master, which only a detector can use.
 * @throws {RangeError} for a lease that cannot be.
 */
export function createContender(address: string, options: ElectionOptions): Contender {
  return match(parseElectionAddress(address))
    .with({ type: 'standalone' }, () => new StandaloneContender(options.clock))
    .with({ type: 'nats' }, (at) => new LeaseContender({ ...options, open: openNats(at, options, true) }))
    .with({ type: 'zookeeper' }, (at) => new ZookeeperContender(overZookeeper(at, options)))
    .with({ type: 'master' }, { type: 'http' }, () => {
      throw new ElectionAddressInvalid(address, 'a master cannot contend at the address of a master');
    })
    .exhaustive();
}

/**
 * A detector of the leader at `address`. Connects when it is first asked, not before.
 *
 * @throws {ElectionAddressInvalid} also for `standalone`, which does not say where the master is.
 * @throws {RangeError} for a lease that cannot be.
 */
export function createDetector(address: string, options: ElectionOptions): Detector {
  return match(parseElectionAddress(address))
    .with({ type: 'master' }, ({ pid }) => new StandaloneDetector({ pid }))
    .with({ type: 'http' }, (at) => new HttpDetector({ ...options, ...at }))
    .with({ type: 'nats' }, (at) => natsDetector(at, options))
    .with({ type: 'zookeeper' }, (at) => new ZookeeperDetector(overZookeeper(at, options), options.closely))
    .with({ type: 'standalone' }, () => {
      throw new ElectionAddressInvalid(address, '`standalone` does not say where the master is');
    })
    .exhaustive();
}

function overZookeeper(
  address: ElectionAddress & { type: 'zookeeper' },
  { clock, random, log, sessionTimeoutMs }: ElectionOptions,
): OverZookeeperOptions {
  return {
    clock,
    random,
    address,
    ...(log === undefined ? {} : { log }),
    ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
  };
}

function natsDetector(at: ElectionAddress & { type: 'nats' }, options: ElectionOptions): Detector {
  const { leaderSubject } = options;
  const mayRead = leaderSubject === undefined;
  return new LeaseDetector({ ...options, mayRead, open: openNats(at, options, false, leaderSubject) });
}

function openNats(
  at: ElectionAddress & { type: 'nats' },
  { nats, log, lease, replicas, clock, random }: ElectionOptions,
  create: boolean,
  watchOnly?: string,
) {
  return natsRegister({
    servers: at.servers,
    cluster: at.cluster,
    create,
    clock,
    random,
    ...(replicas === undefined ? {} : { replicas }),
    requestTimeoutMs: leaseTiming(lease).readTimeoutMs,
    ...(watchOnly === undefined ? {} : { watchOnly }),
    ...(nats === undefined ? {} : { nats }),
    ...(log === undefined ? {} : { log }),
  });
}
