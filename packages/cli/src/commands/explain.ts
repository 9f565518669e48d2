import { ExplainAllocation, type Quantities } from '@mesos-ts/protocol';
import type { Command } from 'commander';
import { allocationLines } from '../allocation-text.js';
import { UsageError } from '../flags.js';
import { askLeader, type LeaderFlags, leaderFlags } from '../leader-ask.js';
import { parseQuantities } from '../quantities.js';
import { checkRole } from './quota.js';

interface ExplainFlags extends LeaderFlags {
  readonly role?: string;
  readonly demand?: string;
  readonly agents?: boolean;
  readonly json?: boolean;
}

/** `mesos explain [FRAMEWORK]`: why it is not offered more, or why one in a role would not be. */
export function addExplainCommand(program: Command): void {
  const command = program
    .command('explain [framework]')
    .description(
      'say why a framework, named by its id or its name, is not offered more, or one in a role, or one that waits for something: agent by agent',
    );
  leaderFlags(command);
  command.option('--role <role>', 'only in that role of it; without a framework: as if another one came to that role');
  command.option('--demand <resources>', "as if it waited for that alone, such as 'cpus:4;mem:1024'");
  command.option('--agents', 'tell each agent by itself, the first 1,000 by name');
  command.option('--json', 'as JSON');
  command.addHelpText(
    'after',
    `
For each role: who is in it, its quota, what is ahead of it in turn, and why agents are not offered; for each demand where
there is room for it: now, if the agent were idle, or never. More than 10 agents are told together where the reason is the
same:
  412 agents: short by 1.5 cpus (a1, a2, a3, ...)
    held in offer O17 by framework F2

Without a framework, it is one that has nothing yet, takes anything, also gpus and agents of other regions.

In a secure cluster: --credentials of any Node of it.

Examples:
  mesos explain sum
  mesos explain 5d3c6d2c-0001 --role eng/dev
  mesos explain sum --demand 'cpus:4;mem:1024'
  mesos explain --role eng/dev --demand gpus:1
  mesos explain sum --agents --json`,
  );
  command.action(async (framework: string | undefined, flags: ExplainFlags) => {
    const { refusal, ...explained } = await askLeader(flags, ExplainAllocation, questionOf(framework, flags));
    if (refusal !== undefined) throw new Error(refusal);
    const text =
      flags.json === true ? JSON.stringify(explained, undefined, 2) : allocationLines(explained, Date.now()).join('\n');
    process.stdout.write(`${text}\n`);
  });
}

function questionOf(framework: string | undefined, { role, demand, agents = false }: ExplainFlags): ExplainAllocation {
  if (framework === undefined && role === undefined) throw new UsageError('name a framework, or a role by --role');
  if (role !== undefined) checkRole(role);
  return {
    ...(framework === undefined ? {} : { framework }),
    ...(role === undefined ? {} : { role }),
    ...(demand === undefined ? {} : { demand: demandOf(demand) }),
    each: agents,
  };
}

/** @throws {UsageError} */
function demandOf(text: string): Quantities {
  const demand = parseQuantities('--demand', text);
  const none = Object.entries(demand).find(([, amount]) => amount === 0);
  if (none !== undefined) throw new UsageError(`--demand: 0 ${none[0]} is nothing to wait for: leave it out`);
  if (Object.keys(demand).length === 0) throw new UsageError("--demand: give an amount such as 'cpus:4'");
  return demand;
}
