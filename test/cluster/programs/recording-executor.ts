import { appendFileSync, existsSync } from 'node:fs';
import { type Executor, ExecutorDriver } from '@mesos-ts/frameworks';
import { releaseFile } from '../../support/steady-framework.js';

/*
 * An executor that writes each start of a task as a line into the file of its first argument, so that whoever counts the
 * lines knows what really ran, whatever anybody was told. The data of a task say for how many ms it is to run, or
 * that it is held.
 */
const startsFile = process.argv[2] ?? '';
const held: (() => unknown)[] = [];
const executor: Executor = {
  launchTask: (driver, { taskId, data }) => {
    appendFileSync(startsFile, `${taskId}\n`);
    driver.sendStatusUpdate({ taskId, state: 'TASK_RUNNING' });
    const forMs = Buffer.from(data ?? []).toString();
    const finish = () => driver.sendStatusUpdate({ taskId, state: 'TASK_FINISHED' });
    if (forMs === 'held') held.push(finish);
    else setTimeout(finish, Number(forMs));
  },
  killTask: (driver, taskId) => {
    driver.sendStatusUpdate({ taskId, state: 'TASK_KILLED' });
  },
  shutdown: () => undefined,
};

const looking = setInterval(() => {
  if (held.length > 0 && existsSync(releaseFile(startsFile))) for (const finish of held.splice(0)) finish();
}, 50);
await new ExecutorDriver(executor).run();
clearInterval(looking);
