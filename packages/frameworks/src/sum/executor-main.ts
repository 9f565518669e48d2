import { ComputingExecutor } from '../computing-executor.js';
import { runExecutor } from '../executor-driver.js';
import { beginSumTask } from './sum-task.js';

// The program that agents start for tasks of the framework `sum`.
await runExecutor(new ComputingExecutor(beginSumTask));
