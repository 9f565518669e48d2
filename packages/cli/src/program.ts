import { version } from '@mesos-ts/protocol';
import { Command, CommanderError } from 'commander';
import { addAgentCommand } from './commands/agent.js';
import { addExplainCommand } from './commands/explain.js';
import { addFrameworkCommand } from './commands/framework.js';
import { addMasterCommand } from './commands/master.js';
import { addNatsCommand } from './commands/nats.js';
import { addQuotaCommand } from './commands/quota.js';
import { addRegistryCommand } from './commands/registry.js';
import { addResolveCommand } from './commands/resolve.js';
import { addStartCommand } from './commands/start.js';
import { addWeightsCommand } from './commands/weights.js';
import { UsageError } from './flags.js';

/** The `mesos` command with all that it can do. */
function createProgram(): Command {
  const program = new Command('mesos')
    .description('Apache Mesos on actors and NATS: start masters, agents and frameworks')
    .version(version)
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  mesos nats &                                     a NATS server
  mesos master &                                   a master
  mesos agent &                                    an agent with what this machine has
  mesos framework sum                              a job
  mesos start                                      all of it at once

Exit codes: 0 done, 1 failed, 2 wrong usage.`,
    );
  addStartCommand(program);
  addNatsCommand(program);
  addMasterCommand(program);
  addAgentCommand(program);
  addFrameworkCommand(program);
  addResolveCommand(program);
  addExplainCommand(program);
  addQuotaCommand(program);
  addWeightsCommand(program);
  addRegistryCommand(program);
  return program;
}

/** Runs one command line and returns the exit code: 0, 1 (failed) or 2 (wrong usage). */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its own words already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`mesos: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}
