import { type Executor, ExecutorDriver } from '@mesos-ts/frameworks/executor';

/*
 * An executor whose task runs until it is killed, and which ends with it.
 */
const executor: Executor = {
  launchTask: (driver, { taskId }) => {
    driver.sendStatusUpdate({ taskId, state: 'TASK_RUNNING' });
  },
  killTask: (driver, taskId) => {
    driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
    driver.stop();
  },
  shutdown: () => undefined,
};

await new ExecutorDriver(executor).run();
