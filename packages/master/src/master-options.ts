/** How patient a master is; durations in ms. The defaults are Mesos' own (facts 3.14, 12.2). */
export interface MasterOptions {
  /** How often each agent is pinged. Default 15,000. */
  readonly agentPingTimeoutMs?: number;
  /** How many pings in a row an agent may miss before it is unreachable. Default 5. */
  readonly maxAgentPingTimeouts?: number;
  /** How long a disconnected agent, or one that a new leader waits for, may take to register again. Default 600,000. */
  readonly agentReregisterTimeoutMs?: number;
}

export const masterDefaults: Required<MasterOptions> = {
  agentPingTimeoutMs: 15_000,
  maxAgentPingTimeouts: 5,
  agentReregisterTimeoutMs: 600_000,
};
