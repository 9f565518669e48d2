export { Agent, type AgentEnd } from './agent.js';
export { type AgentOptions, type AgentTimings, agentTimingDefaults } from './agent-options.js';
export { WorkDirInUseError } from './agent-socket.js';
export type { Environment } from './executor-environment.js';
export type { ExecutorExit } from './executor-exit.js';
export { type ExecutorLauncher, type ExecutorProcess, LaunchError, type LaunchRequest } from './executor-launcher.js';
export { PosixLauncher } from './posix-launcher.js';
export { Registration, type RegistrationEffect, type RegistrationOptions } from './registration.js';
export { type DetectResourcesOptions, detectResources, type Machine } from './resource-detection.js';
export { EstimateFile, EstimateUnusable, FixedEstimator, type ResourceEstimator } from './resource-estimator.js';
export { FolderSandboxes, type Sandboxes, type SandboxOwner } from './sandbox.js';
export { type RunningAgent, type StartAgentOptions, startAgent } from './start-agent.js';
export {
  type AcknowledgementVerdict,
  type Forward,
  type IdentifiedStatus,
  StatusUpdateManager,
  type StatusUpdateManagerOptions,
  type UpdateVerdict,
} from './status-update-manager.js';
