import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  NatsTransport,
  type NatsTransportOptions,
  Node,
  type NodeOptions,
  SocketServerTransport,
  type Upid,
} from '@mesos-ts/process';
import type { Attribute, FaultDomain, Resources } from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import { Agent, type AgentEnd } from './agent.js';
import type { AgentTimings } from './agent-options.js';
import { type AgentSocket, placeSocket } from './agent-socket.js';
import type { Environment } from './executor-environment.js';
import type { ExecutorLauncher } from './executor-launcher.js';
import { PosixLauncher } from './posix-launcher.js';
import { detectResources } from './resource-detection.js';
import type { ResourceEstimator } from './resource-estimator.js';
import { FolderSandboxes, type Sandboxes } from './sandbox.js';

export interface StartAgentOptions extends AgentTimings {
  /** Where sandboxes and, if it can be entered by nobody else, the socket are. Made with mode 0700 where it is missing. */
  readonly workDir: string;
  /** Says who leads. Whoever made it closes it, after the agent has stopped. */
  readonly detector: Detector;
  /**
   * The Node of the agent. Its `transports` come after the socket; default: one to {@link nats}. `silentMs` is for ever
   * by default: an executor may compute for long without a pause, and a master is known by its pings.
   */
  readonly node?: NodeOptions;
  readonly nats?: NatsTransportOptions;
  /** What the operator says of the resources; see {@link detectResources}. Default: all is detected. */
  readonly resources?: string;
  /** What it lends on top of that. Default: nothing, ever. */
  readonly estimator?: ResourceEstimator;
  /** What frameworks are told of it. Default none. */
  readonly attributes?: readonly Attribute[];
  /** Where it stands. Default: where the master does. */
  readonly domain?: FaultDomain;
  /** Default: the machine's name. */
  readonly hostname?: string;
  /** The agent's own environment, of which executors get what is harmless. Default: that of this OS process. */
  readonly environment?: Environment;
  /** Default: {@link PosixLauncher}. */
  readonly launcher?: ExecutorLauncher;
  /** Default: {@link FolderSandboxes} in the work folder. */
  readonly sandboxes?: Sandboxes;
  readonly executorToken?: () => string;
}

/** An agent with its Node, until it ends. */
export interface RunningAgent {
  readonly node: Node;
  readonly agent: Agent;
  readonly pid: Upid;
  /** All that it has to offer. */
  readonly resources: Resources;
  /** Where executors connect to. */
  readonly socketPath: string;
  /** Resolves with the reason when the agent has ended, its Node has stopped, and its socket is gone. */
  readonly ended: Promise<AgentEnd>;
  /**
   * Shuts the executors down, kills those that do not end within their grace period, passes on their last updates,
   * unregisters, and ends. Resolves when nothing is left running.
   */
  stop(): Promise<void>;
}

/**
 * Starts an agent: its work folder, its Node, its process.
 * @throws {ResourcesError} for a bad text, {WorkDirInUseError}, {TransportError} or {NameError} when it cannot start; nothing
 * is left running then.
 */
export async function startAgent(options: StartAgentOptions): Promise<RunningAgent> {
  const workDir = resolve(options.workDir);
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const resources = await detectResources({ text: options.resources ?? '', workDir });
  const socket = await placeSocket(workDir);
  const node = await startNode(options, socket);
  const agent = new Agent({
    ...options,
    hostname: options.hostname ?? hostname(),
    resources,
    launcher: options.launcher ?? new PosixLauncher(),
    sandboxes: options.sandboxes ?? new FolderSandboxes(workDir),
    socketPath: socket.path,
    environment: options.environment ?? process.env,
  });
  const pid = node.spawn(agent);
  const ended = follow(node, agent, socket);
  return {
    node,
    agent,
    pid,
    resources,
    socketPath: socket.path,
    ended,
    stop: async () => {
      // Rejects where it has ended already.
      await agent.stop().catch(() => undefined);
      await ended;
    },
  };
}

async function startNode(options: StartAgentOptions, socket: AgentSocket): Promise<Node> {
  const others = options.node?.transports ?? [new NatsTransport(options.nats)];
  try {
    return await Node.start({
      silentMs: Number.POSITIVE_INFINITY,
      ...options.node,
      transports: [new SocketServerTransport(socket.path), ...others],
    });
  } catch (error) {
    await socket.remove();
    throw error;
  }
}

/** However the agent ends, what was made for it goes with it. */
async function follow(node: Node, agent: Agent, socket: AgentSocket): Promise<AgentEnd> {
  await node.wait(agent.pid);
  await node.stop();
  await socket.remove();
  return agent.end ?? { kind: 'failed', why: 'it ended without a reason' };
}
