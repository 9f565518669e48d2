import { ComputingExecutor } from '../computing-executor.js';
import { runExecutor } from '../executor-driver.js';
import { beginIntegrateTask } from './integrate-task.js';

// The program that agents start for tasks of the framework `integrate`.
await runExecutor(new ComputingExecutor(beginIntegrateTask));
