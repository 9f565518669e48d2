import type { FaultDomain } from '@mesos-ts/protocol';
import type { WhitelistFile } from './whitelist-file.js';

/** How patient a master is, and where it stands; durations in ms. The defaults are Mesos' own (facts 3.14, 12.2). */
export interface MasterOptions {
  /** How often each agent is pinged. Default 15,000. */
  readonly agentPingTimeoutMs?: number;
  /** How many pings in a row an agent may miss before it is unreachable. Default 5. */
  readonly maxAgentPingTimeouts?: number;
  /** How long a disconnected agent, or one that a new leader waits for, may take to register again. Default 600,000. */
  readonly agentReregisterTimeoutMs?: number;
  /**
   * How many of the agents that the registry knows may be marked unreachable because they did not come to a new leader in
   * time, in percent. Where more are missing, rather the leader is wrong: it steps down. Default 100: any number.
   */
  readonly recoveryAgentRemovalLimitPercent?: number;
  /** How long an offer may be neither used nor declined before it is rescinded. Default 30,000; 0: for ever, as in the original. */
  readonly offerTimeoutMs?: number;
  /**
   * How much of the cluster one framework may hold in offers, in thousandths of its dominant share, from 1. Default 1,000: all.
   */
  readonly offerCap?: number;
  /** Whose turn it is: the lowest weighted dominant share, or by chance in proportion to the weights. Default drf. */
  readonly sorter?: 'drf' | 'random';
  /** Scalars that do not count to shares, because they are scarce. Default none. */
  readonly fairSharingExcludedResourceNames?: readonly string[];
  /** The hosts of which agents are offered. Default: all. */
  readonly whitelist?: WhitelistFile | undefined;
  /** The Nodes that may change quotas and weights. Default: all. */
  readonly operators?: readonly string[] | undefined;
  /** Where it stands: agents of other regions are offered to region-aware frameworks only. Default: nowhere; all agents are near. */
  readonly domain?: FaultDomain;
}

export const masterDefaults: Required<Omit<MasterOptions, 'domain' | 'operators' | 'whitelist'>> = {
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
  recoveryAgentRemovalLimitPercent: 100,
  offerTimeoutMs: 30_000,
  offerCap: 1_000,
  sorter: 'drf',
  fairSharingExcludedResourceNames: [],
};
