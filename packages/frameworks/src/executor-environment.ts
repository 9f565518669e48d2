import { nodeNamePattern, parseUpid, type Upid } from '@mesos-ts/process';
import { type ExecutorId, type FrameworkId, isId, type SlaveId } from '@mesos-ts/protocol';
import { ExecutorEnvironmentError } from './errors.js';

/** What an agent tells an executor at its start, in environment variables (Mesos facts 5.4). */
export interface ExecutorEnvironment {
  readonly frameworkId: FrameworkId;
  readonly executorId: ExecutorId;
  readonly slaveId: SlaveId;
  /** The agent's process. */
  readonly agent: Upid;
  /** The path of the local socket that leads to the agent. */
  readonly socket: string;
  /** The name that the executor's Node must take. */
  readonly node: string;
  /** How long the executor may take to end when it is told to, in ms. */
  readonly gracePeriodMs: number;
}

const names = [
  'MESOS_FRAMEWORK_ID',
  'MESOS_EXECUTOR_ID',
  'MESOS_SLAVE_ID',
  'MESOS_SLAVE_PID',
  'MESOS_AGENT_SOCKET',
  'MESOS_EXECUTOR_NODE',
] as const;
type Name = (typeof names)[number] | 'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD';

const gracePeriodMsDefault = 5_000;
const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['secs', 1_000],
  ['mins', 60_000],
]);

/**
 * Reads what an agent set.
 *
 * @param environment such as `process.env`. Without MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD (`5000ms`, `5secs`, `1mins`)
 * the grace period is 5,000 ms.
 * @throws {ExecutorEnvironmentError} naming what is missing or malformed.
 */
export function readExecutorEnvironment(environment: NodeJS.ProcessEnv): ExecutorEnvironment {
  const missing = names.filter((name) => !environment[name]);
  if (missing.length > 0)
    throw new ExecutorEnvironmentError(
      `this program is an executor and must be started by an agent, for a task: ${missing.join(', ')} not set`,
    );
  return {
    frameworkId: read(environment, 'MESOS_FRAMEWORK_ID', isId, 'an id') as FrameworkId,
    executorId: read(environment, 'MESOS_EXECUTOR_ID', isId, 'an id') as ExecutorId,
    slaveId: read(environment, 'MESOS_SLAVE_ID', isId, 'an id') as SlaveId,
    agent: read(environment, 'MESOS_SLAVE_PID', isUpid, 'a UPID such as slave(1)@agent-1') as Upid,
    socket: environment.MESOS_AGENT_SOCKET ?? '',
    node: read(environment, 'MESOS_EXECUTOR_NODE', (text) => nodeNamePattern.test(text), "a Node's name"),
    gracePeriodMs: readGracePeriod(environment),
  };
}

function read(environment: NodeJS.ProcessEnv, name: Name, isGood: (text: string) => boolean, what: string): string {
  const text = environment[name] ?? '';
  if (!isGood(text)) throw new ExecutorEnvironmentError(`${name} is ${JSON.stringify(text)}, which is not ${what}`);
  return text;
}

function readGracePeriod(environment: NodeJS.ProcessEnv): number {
  const name = 'MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD';
  if (!environment[name]) return gracePeriodMsDefault;
  const [, amount, unit] = /^(\d{1,11}(?:\.\d{1,9})?)(ms|secs|mins)$/.exec(environment[name]) ?? [];
  if (amount === undefined || unit === undefined)
    throw new ExecutorEnvironmentError(
      `${name} is ${JSON.stringify(environment[name])}, which is not a duration such as 5000ms or 5secs`,
    );
  return Number(amount) * (unitsMs.get(unit) ?? 1);
}

function isUpid(text: string): boolean {
  try {
    parseUpid(text);
    return true;
  } catch {
    return false;
  }
}
