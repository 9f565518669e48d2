import { ExplainAllocation } from '@mesos-ts/protocol';
import type { Command } from 'commander';
import { allocationLines } from '../allocation-text.js';
import { askLeader, type LeaderFlags, leaderFlags } from '../leader-ask.js';
import { checkRole } from './quota.js';

interface ExplainFlags extends LeaderFlags {
  readonly role?: string;
  readonly json?: boolean;
}

/** `mesos explain FRAMEWORK`: why it is not offered more. */
export function addExplainCommand(program: Command): void {
  const command = program
    .command('explain <framework>')
    .description('say why a framework, named by its id or its name, is not offered more: role by role, agent by agent');
  leaderFlags(command);
  command.option('--role <role>', 'only in that role of it');
  command.option('--json', 'as JSON, every agent by itself');
  command.addHelpText(
    'after',
    `
For each role: what is ahead of it in turn, and why agents are not offered. More than 10 agents are told together where
the reason is the same:
  412 agents: short by 1.5 cpus (a1, a2, a3, ...)
    held in offer O17 by framework F2

In a secure cluster: --credentials of any Node of it.

Examples:
  mesos explain sum
  mesos explain 5d3c6d2c-0001 --role eng/dev
  mesos explain sum --json`,
  );
  command.action(async (framework: string, flags: ExplainFlags) => {
    if (flags.role !== undefined) checkRole(flags.role);
    const { refusal, ...explained } = await askLeader(flags, ExplainAllocation, {
      framework,
      ...(flags.role === undefined ? {} : { role: flags.role }),
    });
    if (refusal !== undefined) throw new Error(refusal);
    const text =
      flags.json === true ? JSON.stringify(explained, undefined, 2) : allocationLines(explained, Date.now()).join('\n');
    process.stdout.write(`${text}\n`);
  });
}
