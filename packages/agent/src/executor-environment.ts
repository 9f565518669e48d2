import type { Upid } from '@mesos-ts/process';
import type { Executor } from './executor.js';

/** What every executor of one agent is told. */
export interface AgentIdentity {
  readonly pid: Upid;
  /** Where executors connect to. */
  readonly socketPath: string;
  /** The agent's own environment. */
  readonly environment: Environment;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Of the agent's own environment, executors get these and every `LC_*`: anything else may be a secret. */
const passedOn: ReadonlySet<string> = new Set([
  'HOME',
  'LANG',
  'LANGUAGE',
  'LOGNAME',
  'PATH',
  'SHELL',
  'TMPDIR',
  'TZ',
  'USER',
]);
const pathDefault = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The whole environment of an executor (Mesos facts 5.4): what of the agent's own is harmless, then what its command
 * wants, then what the agent says, which nobody overrides. `MESOS_EXECUTOR_NODE` is the name that its Node must take;
 * as nobody can guess it, it also proves who it is.
 */
export function executorEnvironment(
  executor: Executor,
  agent: AgentIdentity,
  gracePeriodMs: number,
): Readonly<Record<string, string>> {
  return {
    PATH: pathDefault,
    ...harmless(agent.environment),
    ...executor.info.command.environment,
    MESOS_FRAMEWORK_ID: executor.frameworkId,
    MESOS_EXECUTOR_ID: executor.id,
    MESOS_SLAVE_ID: executor.owner.slaveId,
    MESOS_SLAVE_PID: agent.pid,
    MESOS_DIRECTORY: executor.sandboxPath,
    MESOS_SANDBOX: executor.sandboxPath,
    MESOS_CHECKPOINT: '0',
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: `${gracePeriodMs}ms`,
    MESOS_AGENT_SOCKET: agent.socketPath,
    MESOS_EXECUTOR_NODE: executor.nodeName,
  };
}

function harmless(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && (passedOn.has(name) || name.startsWith('LC_'))) kept[name] = value;
  return kept;
}
