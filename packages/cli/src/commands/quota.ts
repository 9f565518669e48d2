import { GetQuota, isRole, type Quota, UpdateQuota } from '@mesos-ts/protocol';
import type { Command } from 'commander';
import { UsageError } from '../flags.js';
import { askLeader, type LeaderFlags, leaderFlags } from '../leader-ask.js';
import { formatQuantities, parseQuantities } from '../quantities.js';
import { tableLines } from '../table.js';

interface SetFlags extends LeaderFlags {
  readonly guarantee?: string;
  readonly limit?: string;
  readonly force?: boolean;
}

/** Who may change what, for `--help`. */
export const operatorsHelp = `
In a secure cluster: --credentials of any Node of it for show; to change something, those of a Node that the masters are
told of by --operators.`;

/** `mesos quota show|set|remove`: what roles are promised, and may have at most. */
export function addQuotaCommand(program: Command): void {
  const quota = program
    .command('quota')
    .description('show, set or remove what roles are guaranteed, and may have at most');
  quota.addHelpText(
    'after',
    `${operatorsHelp}

Examples:
  mesos quota
  mesos quota set eng --guarantee 'cpus:4;mem:1024' --limit 'cpus:8'
  mesos quota remove eng`,
  );
  addShow(quota);
  addSet(quota);
  addRemove(quota);
}

function addShow(quota: Command): void {
  const command = quota
    .command('show', { isDefault: true })
    .description('print the quotas, and what each role has of it');
  leaderFlags(command);
  command.addHelpText('after', '\nExamples:\n  mesos quota show');
  command.action(async (flags: LeaderFlags) => {
    const { quotas } = await askLeader(flags, GetQuota, {});
    const rows = quotas.map(({ role, guarantees, limits, consumed }) => [
      role,
      formatQuantities(guarantees),
      formatQuantities(limits),
      formatQuantities(consumed),
    ]);
    const lines =
      quotas.length === 0 ? ['no role has a quota'] : tableLines([['ROLE', 'GUARANTEED', 'LIMIT', 'HAS'], ...rows]);
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}

function addSet(quota: Command): void {
  const command = quota
    .command('set <role>')
    .description('replace the quota of a role, which holds for the roles below it, too');
  leaderFlags(command);
  command.option('--guarantee <resources>', "what is kept for it, such as 'cpus:4;mem:1024' (default: nothing)");
  command.option(
    '--limit <resources>',
    'what it may have at most; what is not named is unlimited (default: nothing is)',
  );
  command.option(
    '--force',
    'even where the cluster has less than is guaranteed, those below the role are guaranteed more, or it has more than the limit',
  );
  command.addHelpText(
    'after',
    `
Nothing that runs is ended: a limit holds for what is offered. Outstanding offers of the role are rescinded; where more is
guaranteed than before, those of all roles are.

Examples:
  mesos quota set eng --guarantee 'cpus:4;mem:1024' --limit 'cpus:8;mem:4096'
  mesos quota set eng/dev --limit gpus:0 --force`,
  );
  command.action(async (role: string, flags: SetFlags) => {
    const guarantees = parseQuantities('--guarantee', flags.guarantee ?? '');
    const limits = parseQuantities('--limit', flags.limit ?? '');
    if (Object.keys(guarantees).length + Object.keys(limits).length === 0)
      throw new UsageError('give --guarantee or --limit; to have no quota: `mesos quota remove`');
    await update(flags, { role, guarantees, limits }, flags.force === true);
    process.stdout.write(
      `role ${role}: guaranteed ${formatQuantities(guarantees)}, limit ${formatQuantities(limits)}\n`,
    );
  });
}

function addRemove(quota: Command): void {
  const command = quota.command('remove <role>').description('promise a role nothing, and limit it in nothing');
  leaderFlags(command);
  command.addHelpText('after', '\nExamples:\n  mesos quota remove eng');
  command.action(async (role: string, flags: LeaderFlags) => {
    await update(flags, { role, guarantees: {}, limits: {} }, false);
    process.stdout.write(`role ${role}: no quota\n`);
  });
}

async function update(flags: LeaderFlags, quota: Quota, force: boolean): Promise<void> {
  checkRole(quota.role);
  const { refusal } = await askLeader(flags, UpdateQuota, { quotas: [quota], force });
  if (refusal !== undefined) throw new Error(`nothing was changed: ${refusal}`);
}

/** @throws {UsageError} */
export function checkRole(role: string): void {
  if (!isRole(role)) throw new UsageError(`${JSON.stringify(role)} is no role`);
}
