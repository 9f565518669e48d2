import { formatScalar, GetWeights, UpdateWeights, type Weight } from '@mesos-ts/protocol';
import type { Command } from 'commander';
import { UsageError } from '../flags.js';
import { askLeader, type LeaderFlags, leaderFlags } from '../leader-ask.js';
import { tableLines } from '../table.js';
import { checkRole, operatorsHelp } from './quota.js';

/** `mesos weights show|set`: how much of the cluster roles get beside their siblings. */
export function addWeightsCommand(program: Command): void {
  const weights = program
    .command('weights')
    .description('show or set the weights of roles: one of weight 2 gets twice the share of one of weight 1');
  weights.addHelpText('after', `${operatorsHelp}\n\nExamples:\n  mesos weights\n  mesos weights set ads=2.5 eng=1`);
  addShow(weights);
  addSet(weights);
}

function addShow(weights: Command): void {
  const command = weights.command('show', { isDefault: true }).description('print the weights other than 1');
  leaderFlags(command);
  command.addHelpText('after', '\nExamples:\n  mesos weights show');
  command.action(async (flags: LeaderFlags) => {
    const answer = await askLeader(flags, GetWeights, {});
    const rows = answer.weights.map(({ role, weight }) => [role, formatScalar(weight)]);
    const lines = rows.length === 0 ? ['every role has the weight 1'] : tableLines([['ROLE', 'WEIGHT'], ...rows]);
    process.stdout.write(`${lines.join('\n')}\n`);
  });
}

function addSet(weights: Command): void {
  const command = weights
    .command('set <role=weight...>')
    .description('set the weights of these roles, all of them or none; 1 is what a role has of which nothing was said');
  leaderFlags(command);
  command.addHelpText(
    'after',
    `
A weight is above 0, with at most three decimals. All outstanding offers are rescinded.

Examples:
  mesos weights set ads=2.5
  mesos weights set ads=2 eng/dev=0.5`,
  );
  command.action(async (settings: readonly string[], flags: LeaderFlags) => {
    const parsed = settings.map(parseSetting);
    const { refusal } = await askLeader(flags, UpdateWeights, { weights: parsed });
    if (refusal !== undefined) throw new Error(`nothing was changed: ${refusal}`);
    for (const { role, weight } of parsed) process.stdout.write(`role ${role}: weight ${formatScalar(weight)}\n`);
  });
}

/** @throws {UsageError} for what is not as `ads=2.5`. */
function parseSetting(text: string): Weight {
  const equals = text.lastIndexOf('=');
  const role = text.slice(0, Math.max(equals, 0));
  const match = /^(\d{1,12})(?:\.(\d{1,3}))?$/.exec(text.slice(equals + 1));
  const weight = Number(match?.[1]) * 1_000 + Number((match?.[2] ?? '').padEnd(3, '0'));
  if (equals < 1 || match === null || weight === 0)
    throw new UsageError(`${JSON.stringify(text)} is not ROLE=WEIGHT, with a weight above 0 of at most three decimals`);
  checkRole(role);
  return { role, weight };
}
