/*
 * What the program of an executor needs, without what schedulers need to find a leader: it starts in two thirds of the time.
 */
export { ComputingExecutor } from './computing-executor.js';
export { CallbackError, DriverEndedError, ExecutorEnvironmentError } from './errors.js';
export type { Executor } from './executor.js';
export { ExecutorDriver, type ExecutorDriverOptions, runExecutor } from './executor-driver.js';
export { type ExecutorEnvironment, readExecutorEnvironment } from './executor-environment.js';
export type { TaskUpdate } from './executor-process.js';
export { type Computation, Slicer } from './slice.js';
