import { type Executor, ExecutorDriver } from '@mesos-ts/frameworks';
import type { TaskId } from '@mesos-ts/protocol';

/*
 * An executor that does what its framework says: a task runs until the framework sends its id, and then it is finished;
 * a message that begins with `echo ` is sent back. TASK_RUNNING carries its process id.
 */
const executor: Executor = {
  launchTask: (driver, task) => {
    driver.sendStatusUpdate({ taskId: task.taskId, state: 'TASK_RUNNING', data: Buffer.from(String(process.pid)) });
  },
  killTask: (driver, taskId) => {
    driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
  },
  frameworkMessage: (driver, data) => {
    const text = Buffer.from(data).toString();
    if (text.startsWith('echo ')) driver.sendFrameworkMessage(Buffer.from(text.slice(5)));
    else driver.sendStatusUpdate({ taskId: text as TaskId, state: 'TASK_FINISHED', data: Buffer.from(`did ${text}`) });
  },
  shutdown: () => undefined,
};

await new ExecutorDriver(executor).run();
