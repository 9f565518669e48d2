export { ComputingExecutor } from './computing-executor.js';
export type { DriverStatus } from './driver-state.js';
export {
  CallbackError,
  DriverEndedError,
  ExecutorEnvironmentError,
  FrameworkRefusedError,
  FrameworkSideError,
  JobFailedError,
  TaskDataError,
} from './errors.js';
export type { Executor } from './executor.js';
export { ExecutorDriver, type ExecutorDriverOptions, runExecutor } from './executor-driver.js';
export { type ExecutorEnvironment, readExecutorEnvironment } from './executor-environment.js';
export type { TaskUpdate } from './executor-process.js';
export { type FrameworkChoices, frameworkInfo } from './framework-info.js';
export { type Expression, parseExpression } from './integrate/expression.js';
export { ExpressionError, type ExpressionErrorCode } from './integrate/expression-error.js';
export {
  checkTree,
  compileTree,
  type ExpressionNode,
  type ExpressionTree,
  ExpressionTreeError,
} from './integrate/expression-tree.js';
export {
  formatResult,
  Integral,
  type IntegralPart,
  type IntegralRule,
  IntegrandError,
  type StepRange,
  splitSteps,
} from './integrate/integral.js';
export { beginIntegrateTask, encodeIntegrateTask, type IntegrateTask } from './integrate/integrate-task.js';
export { type IntegrateOptions, runIntegrate } from './integrate/run-integrate.js';
export { Job, type JobPlan, type JobProgress, type Piece, relaunchesMax } from './job.js';
export type { JobEffect } from './job-effect.js';
export type { JobStalled } from './job-patience.js';
export { type JobOptions, type JobRunOptions, runJob } from './job-scheduler.js';
export { type RegistrationBackoff, registrationPauseMsMax } from './registration-backoff.js';
export type { Scheduler } from './scheduler.js';
export { type ReviveOptions, SchedulerDriver, type SchedulerDriverOptions } from './scheduler-driver.js';
export { type Computation, Slicer } from './slice.js';
export { RangeSum, splitRange, type WholeRange } from './sum/range-sum.js';
export { runSum, type SumOptions } from './sum/run-sum.js';
export { beginSumTask, decodeSumResult, encodeSumTask } from './sum/sum-task.js';
