import type { Attribute, FaultDomain, Resources } from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import type { Environment } from './executor-environment.js';
import type { ExecutorLauncher } from './executor-launcher.js';
import type { ResourceEstimator } from './resource-estimator.js';
import type { Sandboxes } from './sandbox.js';

/** How patient an agent is; all in ms. */
export interface AgentTimings {
  /**
   * The first three retries of a registration come within this, but not within half of it; each later one within double, up
   * to a minute. Longer where there are so many agents that they need more time. Default 100.
   */
  readonly registrationBackoffMs?: number;
  /** How long an executor may take from the decision to launch it until it registers. Default 60,000. */
  readonly executorRegistrationTimeoutMs?: number;
  /** How long an executor may take to end when it is shut down, unless it says so itself. Default 5,000. */
  readonly shutdownGracePeriodMs?: number;
  /** How long an executor's OS process may outlive its connection before it is killed. Default 5,000. */
  readonly disconnectGraceMs?: number;
  /** After how long an update is first sent again; see `StatusUpdateManagerOptions`. Default 10,000. */
  readonly statusUpdateRetryMs?: number;
  /** The longest wait until an update is sent again. Default 600,000. */
  readonly statusUpdateRetryMsMax?: number;
  /** How often it is asked what may be lent. Default 15,000. */
  readonly oversubscribedIntervalMs?: number;
}

/** What an {@link Agent} is made of. */
export interface AgentOptions extends AgentTimings {
  readonly hostname: string;
  /** All that it has to offer, in canonical form. */
  readonly resources: Resources;
  /** What it lends on top of that. Default: nothing, ever. */
  readonly estimator?: ResourceEstimator;
  /** What frameworks are told of it. Default none. */
  readonly attributes?: readonly Attribute[];
  /** Where it stands. Default: where the master does. */
  readonly domain?: FaultDomain;
  /** Says who leads. The agent does not close it. */
  readonly detector: Detector;
  readonly launcher: ExecutorLauncher;
  readonly sandboxes: Sandboxes;
  /** Where executors reach the agent's Node. */
  readonly socketPath: string;
  /** The agent's own environment, of which executors get what is harmless. */
  readonly environment: Environment;
  /**
   * Makes a text of 1 to 50 letters and digits that nobody can guess: with it an executor proves who it is. Default: one
   * of 25 from a generator of its own, so that nothing else that the agent tells gives it away.
   */
  readonly executorToken?: () => string;
}

export const agentTimingDefaults: Required<AgentTimings> = {
  registrationBackoffMs: 100,
  executorRegistrationTimeoutMs: 60_000,
  shutdownGracePeriodMs: 5_000,
  disconnectGraceMs: 5_000,
  statusUpdateRetryMs: 10_000,
  statusUpdateRetryMsMax: 600_000,
  oversubscribedIntervalMs: 15_000,
};
