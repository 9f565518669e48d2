import {
  ExpressionError,
  formatResult,
  type JobStalled,
  parseExpression,
  runIntegrate,
  runSum,
} from '@mesos-ts/frameworks';
import type { Node } from '@mesos-ts/process';
import { isRole } from '@mesos-ts/protocol';
import type { Detector } from '@mesos-ts/zk-election';
import type { Command } from 'commander';
import { detectorOf, startClientNode } from '../connection.js';
import { type ClusterFlags, clusterFlags, durationFlag, flag, masterFlag, UsageError, wholeNumber } from '../flags.js';
import { askedToEnd } from '../lifetime.js';
import { createLogger } from '../logger.js';
import { ProgressBar } from '../progress-bar.js';

interface FrameworkFlags extends ClusterFlags {
  readonly master: string;
  readonly failoverTimeout: number;
  readonly role: string;
}

interface SumFlags extends FrameworkFlags {
  readonly count: number;
  readonly tasks: number;
}

interface IntegrateFlags extends FrameworkFlags {
  readonly rule: 'midpoint' | 'left';
}

/** What a job needs of its surroundings. */
interface Surroundings {
  readonly failoverTimeoutMs: number;
  readonly role: string;
  readonly node: Node;
  readonly detector: Detector;
  readonly signal: AbortSignal;
  readonly onStalled: (stalled: JobStalled) => void;
}

/** `mesos framework sum|integrate`: jobs to run on a cluster. */
export function addFrameworkCommand(program: Command): void {
  const framework = program.command('framework').description('run a job on the cluster: sum or integrate');
  framework.addHelpText(
    'after',
    `
Examples:
  mesos framework sum
  mesos framework integrate '4*sqrt(1-x^2)' 0 1 1000000
  mesos framework sum --credentials f1.creds.json  in a secure cluster: see \`mesos nats --help\``,
  );
  addSum(framework);
  addIntegrate(framework);
}

function addSum(framework: Command): void {
  const command = framework
    .command('sum')
    .description('add the whole numbers 0 ... count-1, one by one, and print the exact sum');
  addJobFlags(command);
  flag(command, '--count <number>', 'how many numbers', {
    parse: wholeNumber(1, Number.MAX_SAFE_INTEGER),
    fallback: 2_000_000_000,
  });
  flag(command, '--tasks <number>', 'in how many tasks', { parse: wholeNumber(1, 10_000), fallback: 10 });
  command.addHelpText(
    'after',
    `
Examples:
  mesos framework sum                              prints 1999999999000000000
  mesos framework sum --count 1_000_000 --tasks 4
  mesos framework sum --role eng/prod              also what agents reserve for eng/prod or eng`,
  );
  command.action((flags: SumFlags) =>
    run('sum', flags, async (surroundings, onProgress) =>
      String(await runSum({ ...surroundings, count: flags.count, tasks: flags.tasks, onProgress })),
    ),
  );
}

function addIntegrate(framework: Command): void {
  const command = framework
    .command('integrate')
    .description('compute the definite integral of an expression in x')
    .argument('<expression>', "such as '4*sqrt(1-x^2)', or several statements: 'y = x*x; res = 4*sqrt(1-y)'")
    .argument('<from>', 'the lower limit', finiteNumber)
    .argument('<to>', 'the upper limit', finiteNumber)
    .argument('<steps>', 'how many steps; a task does up to 500000', wholeSteps);
  addJobFlags(command);
  flag(command, '--rule <rule>', 'where in a step the expression is evaluated: midpoint or left', {
    parse: parseRule,
    fallback: 'midpoint' as const,
  });
  command.addHelpText(
    'after',
    `
Examples:
  mesos framework integrate '4*sqrt(1-x^2)' 0 1 1000000          prints pi
  mesos framework integrate '1/x' 1 2 1000000                    prints ln 2
  mesos framework integrate --rule left 'sin(x)' 0 3.14 2000000
  mesos framework integrate -- 'exp(x)' -1 1 1000000             after --, a number may begin with -`,
  );
  command.action((expression: string, from: number, to: number, steps: number, flags: IntegrateFlags) => {
    checkExpression(expression);
    return run('integrate', flags, async (surroundings, onProgress) =>
      formatResult(await runIntegrate({ ...surroundings, expression, from, to, steps, rule: flags.rule, onProgress })),
    );
  });
}

function addJobFlags(command: Command): void {
  clusterFlags(command, 'warn');
  masterFlag(command);
  flag(command, '--role <role>', 'in which role it uses resources, such as eng/prod', {
    parse: checkedRole,
    fallback: '*',
  });
  durationFlag(
    command,
    '--failover-timeout <duration>',
    'how long its tasks go on when this process is gone or cut off',
    '60secs',
  );
}

/** Runs one job on the cluster and prints its result. Ctrl-C ends its tasks, too. */
async function run(
  label: string,
  flags: FrameworkFlags,
  job: (surroundings: Surroundings, onProgress: ProgressBar['update']) => Promise<string>,
): Promise<void> {
  const log = createLogger(flags.logLevel);
  const cancel = new AbortController();
  void askedToEnd().then((why) => cancel.abort(new Error(`cancelled: ${why}`)));
  const node = await startClientNode(flags, log);
  const detector = detectorOf(flags, flags.master, log);
  const bar = new ProgressBar(label);
  try {
    const surroundings = {
      node,
      detector,
      signal: cancel.signal,
      failoverTimeoutMs: flags.failoverTimeout,
      role: flags.role,
      onStalled: (stalled: JobStalled) => bar.say(`${label}: ${stalledText(stalled)}`),
    };
    const result = await job(surroundings, (progress) => bar.update(progress));
    bar.end();
    process.stdout.write(`${result}\n`);
  } catch (error) {
    bar.end();
    throw error;
  } finally {
    await detector.close();
    await node.stop();
  }
}

/** What a job waits for, whose tasks are all alike. */
function stalledText({ frameworkId, tasks, forMs }: JobStalled): string {
  const waiting = `${tasks} ${tasks === 1 ? 'task waits' : 'tasks wait'}`;
  return `${waiting}, and nothing was offered for ${forMs / 1_000} s; why: mesos explain ${frameworkId}`;
}

/** A mistake in the expression is the user's, and is told before anything is started. */
function checkExpression(expression: string): void {
  try {
    parseExpression(expression);
  } catch (error) {
    if (error instanceof ExpressionError) throw new UsageError(error.message);
    throw error;
  }
}

function checkedRole(text: string): string {
  if (isRole(text)) return text;
  throw new TypeError(`${JSON.stringify(text.slice(0, 300))} is no role: expected a path such as eng/prod, or *`);
}

function parseRule(text: string): 'midpoint' | 'left' {
  if (text === 'midpoint' || text === 'left') return text;
  throw new TypeError(`${JSON.stringify(text)} is neither midpoint nor left`);
}

function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`${JSON.stringify(text)} is not a number`);
  return value;
}

function wholeSteps(text: string): number {
  try {
    return wholeNumber(1, 1e12)(text);
  } catch (error) {
    throw new UsageError(`steps: ${(error as Error).message}`);
  }
}
