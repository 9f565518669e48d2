import type { AllocationExplained, RoleExplained, WantExplained } from '@mesos-ts/protocol';
import { printable } from './printable.js';
import { formatQuantities, sayQuantities } from './quantities.js';
import { fewOf, holderTexts, reasonText } from './reason-text.js';

type Members = NonNullable<RoleExplained['members']>;

/**
 * The leader's explanation for people: of each role what goes before it, and why agents are not offered, most frequent first.
 * @param now wall time, in ms since 1970: what is filtered is told by when.
 */
export function allocationLines(explained: AllocationExplained, now: number): string[] {
  const { framework, hold, roles, rolesLeftOut } = explained;
  const lines = [
    ...(framework === undefined ? [] : [`framework ${framework.id} (${framework.name})`]),
    ...(hold === undefined ? [] : [hold]),
    ...(framework !== undefined && roles.length === 0 ? ['it has left meanwhile, or that role'] : []),
    ...roles.flatMap((role) => ['', ...roleLines(role, framework?.id ?? '', now)]),
    ...(rolesLeftOut === 0 ? [] : ['', `left out are ${rolesLeftOut} more of its roles: name one by --role`]),
  ];
  return (lines[0] === '' ? lines.slice(1) : lines).map(printable);
}

function roleLines(explained: RoleExplained, frameworkId: string, now: number): string[] {
  const { role, members, wants, wantsLeftOut } = explained;
  return [
    `role ${role}`,
    ...(members === undefined ? [] : memberLines(members)),
    ...quotaLines(explained),
    ...turnLines(explained, frameworkId),
    ...wants.flatMap((want) => wantLines(want, frameworkId, now)),
    ...(wantsLeftOut === 0 ? [] : [`  left out are ${wantsLeftOut} more demands: ask for one by --demand`]),
  ];
}

function memberLines({ active, suppressed, inactive, satisfied, some, rolesBelow, someBelow }: Members): string[] {
  const total = active + suppressed + inactive + satisfied;
  const kinds = [
    ...(active === 0 ? [] : [`${active} active`]),
    ...(satisfied === 0 ? [] : [`${satisfied} waiting for nothing more`]),
    ...(suppressed === 0 ? [] : [`${suppressed} suppressed`]),
    ...(inactive === 0 ? [] : [`${inactive} not connected`]),
  ];
  const names = some.map(({ frameworkId, name }) => `${frameworkId} (${name})`);
  const below = rolesBelow === 0 ? [] : [`  below it: ${fewOf(someBelow, rolesBelow)}`];
  if (total === 0) return ['  no framework is in it', ...below];
  return [`  in it ${total === 1 ? 'is' : 'are'} ${kinds.join(', ')}: ${fewOf(names, total)}`, ...below];
}

function quotaLines({ role, quotas }: RoleExplained): string[] {
  return quotas.map(({ role: of, guarantees, limits, consumed }) => {
    const guaranteed = Object.keys(guarantees).length === 0 ? [] : [`guaranteed ${formatQuantities(guarantees)}`];
    const limited = Object.keys(limits).length === 0 ? [] : [`limit ${formatQuantities(limits)}`];
    const name = of === role ? 'quota' : `quota of role ${of}`;
    return `  ${name}: ${[...guaranteed, ...limited].join(', ')}; has ${formatQuantities(consumed)}`;
  });
}

function turnLines({ precedence }: RoleExplained, frameworkId: string): string[] {
  if (precedence.length === 0) return ['  in turn by chance'];
  const behind = precedence.flatMap(({ node, share, ahead }) => {
    if (ahead === undefined) return [];
    const own = node === frameworkId ? '' : `, ${isOfItself(node) ? `${itself(node)} are` : `${node} is`}`;
    const kind = node === frameworkId ? 'framework' : 'role';
    const other = isOfItself(ahead.node) ? itself(ahead.node) : `${kind} ${ahead.node}`;
    const shares = share === ahead.share ? `both of share ${share}` : `share ${share} against ${ahead.share}`;
    return [`  in turn${own} behind ${other}, ${shares}`];
  });
  return behind.length === 0 ? ['  in turn next'] : behind;
}

/** The frameworks of a role that has others below it are one among these. */
function isOfItself(node: string): boolean {
  return node.endsWith('/.');
}

function itself(node: string): string {
  return `the frameworks in ${node.slice(0, -2)} itself`;
}

function wantLines(want: WantExplained, frameworkId: string, now: number): string[] {
  if (want.agents === 0) return [...headLines(want), '  there are no agents'];
  const indent = want.shape === undefined ? '  ' : '    ';
  return [...headLines(want), ...agentLines(want, frameworkId, now).map((line) => `${indent}${line}`)];
}

function headLines({ shape, count, room }: WantExplained): string[] {
  if (shape === undefined) return [];
  const what = count === undefined ? 'to have' : `waits for ${count} times`;
  const where = `room on ${agentsText(room.now)} now, on ${room.ifIdle} more if idle, never on ${room.never}`;
  return [`  ${what} ${sayQuantities(shape)}: ${where}`];
}

function agentLines(
  { agents, each, groups, agentsLeftOut }: WantExplained,
  frameworkId: string,
  now: number,
): string[] {
  const singly = each.map(({ name, hindrance, holders, holdersLeftOut }) => {
    const why = [
      reasonText({ least: hindrance, most: hindrance }, now),
      ...holderTexts(holders, frameworkId, 1),
      ...moreHolders(holdersLeftOut),
    ];
    return `${name}: ${why.join('; ')}`;
  });
  if (each.length === agents) return singly;
  const together = groups.flatMap((group) => [
    `${agentsText(group.agents)}: ${reasonText(group, now)} (${fewOf(group.some, group.agents)})`,
    ...[...holderTexts(group.holders, frameworkId, group.agents), ...moreHolders(group.holdersLeftOut)].map(
      (holder) => `  ${holder}`,
    ),
  ]);
  const rest = agentsLeftOut === 0 ? [] : [`${agentsText(agentsLeftOut)}: for other reasons, which are left out`];
  const cut = each.length === 0 ? [] : [`the first ${each.length} of ${agents} agents, the others are left out:`];
  return [...together, ...rest, ...cut, ...singly];
}

function moreHolders(count: number): string[] {
  return count === 0 ? [] : [`and held or used by ${count} more`];
}

function agentsText(count: number): string {
  return `${count} ${count === 1 ? 'agent' : 'agents'}`;
}
