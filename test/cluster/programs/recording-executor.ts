import { appendFileSync } from 'node:fs';
import { type Executor, ExecutorDriver } from '@mesos-ts/frameworks';

/*
 * An executor that writes each start of a task as a line into the file of its first argument, so that whoever counts the
 * lines knows what really ran, whatever anybody was told. The data of a task say for how many ms it is to run.
 */
const startsFile = process.argv[2] ?? '';
const executor: Executor = {
  launchTask: (driver, { taskId, data }) => {
    appendFileSync(startsFile, `${taskId}\n`);
    driver.sendStatusUpdate({ taskId, state: 'TASK_RUNNING' });
    const forMs = Number(Buffer.from(data ?? []).toString());
    setTimeout(() => driver.sendStatusUpdate({ taskId, state: 'TASK_FINISHED' }), forMs);
  },
  killTask: (driver, taskId) => {
    driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
  },
  shutdown: () => undefined,
};

await new ExecutorDriver(executor).run();
