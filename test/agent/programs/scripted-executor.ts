import { spawn } from 'node:child_process';
import { Node, Process, SocketClientTransport, type Upid } from '@mesos-ts/process';
import {
  type ExecutorId,
  ExecutorRegistered,
  ExecutorToFramework,
  type FrameworkId,
  FrameworkToExecutor,
  KillTask,
  RegisterExecutor,
  RunTask,
  ShutdownExecutor,
  type SlaveId,
  StatusUpdate,
  StatusUpdateAcknowledgement,
  type TaskId,
  type TaskState,
} from '@mesos-ts/protocol';

/**
 * An executor that does what a test tells it by framework messages, and tells by framework messages what it sees. Both
 * are JSON. Says TASK_RUNNING of every task by itself.
 *
 * Arguments: `mute` never connects; `stubborn` does not end when it is shut down; `crash` writes to stderr and exits with 3.
 */
export type Command =
  | { do: 'update'; taskId: string; state: TaskState; uuid?: string }
  | { do: 'exit'; code: number }
  | { do: 'leave' }
  | { do: 'spawn' }
  | { do: 'pretend'; executorId: string };

export type Report =
  | { saw: 'registered'; environment: Record<string, string>; cwd: string; osPid: number }
  | { saw: 'run'; taskId: string }
  | { saw: 'kill'; taskId: string }
  | { saw: 'acknowledged'; taskId: string; uuid: string }
  | { saw: 'shutdown' }
  | { saw: 'spawned'; osPid: number };

const mode = process.argv[2];
const { env } = process;
const frameworkId = env.MESOS_FRAMEWORK_ID as FrameworkId;
const executorId = env.MESOS_EXECUTOR_ID as ExecutorId;
const slaveId = env.MESOS_SLAVE_ID as SlaveId;
const agent = env.MESOS_SLAVE_PID as Upid;

class ScriptedExecutor extends Process {
  protected override initialize(): void {
    this.link(agent);
    this.install(ExecutorRegistered, () =>
      this.#report({
        saw: 'registered',
        environment: env as Record<string, string>,
        cwd: process.cwd(),
        osPid: process.pid,
      }),
    );
    this.install(RunTask, (_from, { task }) => {
      this.#report({ saw: 'run', taskId: task.taskId });
      this.#update(task.taskId, 'TASK_RUNNING');
    });
    this.install(KillTask, (_from, { taskId }) => {
      this.#report({ saw: 'kill', taskId });
      this.#update(taskId, 'TASK_KILLED');
    });
    this.install(StatusUpdateAcknowledgement, (_from, { taskId, uuid }) =>
      this.#report({ saw: 'acknowledged', taskId, uuid }),
    );
    this.install(ShutdownExecutor, () => {
      this.#report({ saw: 'shutdown' });
      if (mode !== 'stubborn') void this.node.stop().then(() => process.exit(0));
    });
    this.install(FrameworkToExecutor, (_from, { data }) =>
      this.#obey(JSON.parse(Buffer.from(data).toString()) as Command),
    );
    this.send(agent, RegisterExecutor, { frameworkId, executorId });
  }

  protected override exited(_pid: Upid, reason: string): void {
    process.stderr.write(`the agent is gone: ${reason}\n`);
    process.exit(1);
  }

  #obey(command: Command): void {
    switch (command.do) {
      case 'update':
        this.#update(command.taskId as TaskId, command.state, command.uuid);
        break;
      case 'exit':
        void this.node.stop().then(() => process.exit(command.code));
        break;
      case 'leave':
        setInterval(() => undefined, 1_000);
        void this.node.stop();
        break;
      case 'spawn':
        this.#report({ saw: 'spawned', osPid: spawn('sleep', ['600'], { stdio: 'ignore' }).pid ?? 0 });
        break;
      case 'pretend':
        this.send(agent, RegisterExecutor, { frameworkId, executorId: command.executorId as ExecutorId });
        break;
    }
  }

  #update(taskId: TaskId, state: TaskState, uuid = this.random.uuid()): void {
    const status = { taskId, state, source: 'SOURCE_EXECUTOR' as const, timestamp: this.clock.wallTime(), uuid };
    this.send(agent, StatusUpdate, { frameworkId, status });
  }

  #report(report: Report): void {
    this.send(agent, ExecutorToFramework, {
      slaveId,
      frameworkId,
      executorId,
      data: Buffer.from(JSON.stringify(report)),
    });
  }
}

if (mode === 'crash') {
  process.stderr.write('first line\nthe flux capacitor\nis missing\n');
  process.exit(3);
}
if (mode === 'mute') setInterval(() => undefined, 1_000);
else {
  const node = await Node.start({
    name: env.MESOS_EXECUTOR_NODE as string,
    transports: [new SocketClientTransport(env.MESOS_AGENT_SOCKET as string)],
  });
  node.spawn(new ScriptedExecutor('executor'));
}
